//! The picture that the README shows: two panels, readable on light and on dark pages.

use crate::contender::ENGINE;
use crate::report::time;
use crate::scenarios::bursts;
use crate::scenarios::crossing::Group;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
/// Where the names end and the axes begin.
const LEFT: f64 = 172.0;
/// Where the axes end; behind it stands a figure.
const RIGHT: f64 = 742.0;
const ROW: f64 = 23.0;

const STYLE: &str = "
  text { font: 13px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .small { font-size: 12px; fill: #57606a; }
  .ours { font-weight: 600; fill: #0a5fb4; }
  .page { fill: #ffffff; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .mark { stroke: #9a6700; stroke-width: 1.5; stroke-dasharray: 5 4; }
  .markname { font-size: 12px; fill: #9a6700; }
  .span { stroke: #8c959f; stroke-width: 4; stroke-linecap: round; }
  .dot { fill: #57606a; }
  .tick { stroke: #57606a; stroke-width: 2; }
  .bar { fill: #afb8c1; }
  .ours-span { stroke: #54a3f0; stroke-width: 4; stroke-linecap: round; }
  .ours-dot { fill: #0a5fb4; }
  .ours-tick { stroke: #0a5fb4; stroke-width: 2; }
  .ours-bar { fill: #1f7fe0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .small { fill: #9da7b3; }
    .ours { fill: #6cb6ff; }
    .page { fill: #0d1117; }
    .grid { stroke: #30363d; }
    .mark { stroke: #d29922; }
    .markname { fill: #d29922; }
    .span { stroke: #6e7681; }
    .dot { fill: #b1bac4; }
    .tick { stroke: #b1bac4; }
    .bar { fill: #484f58; }
    .ours-span { stroke: #2f6fb0; }
    .ours-dot { fill: #6cb6ff; }
    .ours-tick { stroke: #6cb6ff; }
    .ours-bar { fill: #388bfd; }
  }
";

/// A class of the style, in the colour of this engine or of the others.
fn class(name: &str, kind: &str) -> String {
    if name == ENGINE.name { format!("ours-{kind}") } else { kind.to_owned() }
}

struct Canvas {
    body: String,
    y: f64,
}

impl Canvas {
    fn text(&mut self, x: f64, class: &str, anchor: &str, text: &str) {
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let (y, body) = (self.y, &mut self.body);
        let _ = writeln!(
            body,
            r#"<text x="{x:.1}" y="{y:.1}" class="{class}" text-anchor="{anchor}">{text}</text>"#
        );
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            r#"<line class="{class}" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        );
    }

    fn title(&mut self, title: &str, explained: &str) {
        self.y += 30.0;
        self.text(20.0, "title", "start", title);
        self.y += 19.0;
        self.text(20.0, "small", "start", explained);
        self.y += 12.0;
    }

    fn name(&mut self, name: &str) {
        let class = if name == ENGINE.name { "ours" } else { "" };
        self.text(LEFT - 12.0, class, "end", name);
    }
}

/// The picture, or `None` without the rows that it needs.
pub fn svg(bursts: &[bursts::Row], crossing: Option<&Group>) -> Option<String> {
    let group = crossing?;
    if bursts.is_empty() {
        return None;
    }
    let mut canvas = Canvas { body: String::new(), y: 0.0 };
    contention(&mut canvas, bursts);
    canvas.y += 14.0;
    ratios(&mut canvas, group);
    let height = canvas.y + 24.0;
    let Canvas { body, .. } = canvas;
    Some(format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" role="img">
<title>What a callback costs, by design of the handoff</title>
<style>{STYLE}</style>
<rect class="page" width="{WIDTH}" height="{height:.0}" rx="8"/>
{body}</svg>
"#
    ))
}

/// Median to p99 to the longest call, on a logarithmic axis.
fn contention(canvas: &mut Canvas, rows: &[bursts::Row]) {
    const LOW: f64 = 100.0;
    const HIGH: f64 = 100e6;
    let x = |ns: f64| LEFT + (RIGHT - LEFT) * (ns.clamp(LOW, HIGH) / LOW).log10() / (HIGH / LOW).log10();
    canvas.title(
        "How long the audio callback takes while the consumer works in 5 ms bursts",
        "Dot: median. Line: to p99. Tick: the longest call. 48 kHz stereo f32, 480 frames; shorter is better.",
    );
    let (top, bottom) = (canvas.y + 4.0, canvas.y + 10.0 + ROW * rows.len() as f64);
    for power in 2..=8 {
        let at = x(10_f64.powi(power));
        canvas.line("grid", (at, top), (at, bottom));
    }
    // The device's own period: who takes longer loses audio.
    canvas.line("mark", (x(10e6), top), (x(10e6), bottom));
    for row in rows {
        canvas.y += ROW;
        canvas.name(row.name);
        let middle = canvas.y - 4.5;
        let [median, p99, max] = [0.5, 0.99, 1.0].map(|quantile| x(row.quantile(quantile)));
        canvas.line(&class(row.name, "span"), (median, middle), (p99, middle));
        canvas.line(&class(row.name, "tick"), (max, middle - 6.0), (max, middle + 6.0));
        let dot = class(row.name, "dot");
        let _ = writeln!(canvas.body, r#"<circle class="{dot}" cx="{median:.1}" cy="{middle:.1}" r="5"/>"#);
        let class = if row.name == ENGINE.name { "ours" } else { "small" };
        canvas.text(
            RIGHT + 10.0,
            class,
            "start",
            &format!("p99 {}", time(row.quantile(0.99)).replace("us", "\u{b5}s")),
        );
    }
    canvas.y = bottom + 16.0;
    for (power, label) in
        (2..=8).zip(["100 ns", "1 \u{b5}s", "10 \u{b5}s", "100 \u{b5}s", "1 ms", "", "100 ms"])
    {
        canvas.text(x(10_f64.powi(power)), "small", "middle", label);
    }
    canvas.text(x(10e6), "markname", "middle", "10 ms: the period");
}

/// Bars from 0, cut off where one design would flatten all others.
fn ratios(canvas: &mut Canvas, group: &Group) {
    const HIGH: f64 = 2.0;
    let x = |ratio: f64| LEFT + (RIGHT - LEFT) * ratio.min(HIGH) / HIGH;
    canvas.title(
        "The callback beside the bare copy, while another core reads along",
        "Time / time of a copy into lines that the other core has read, plus one store; medians of paired rounds; shorter is better.",
    );
    let bars: Vec<(&str, f64)> =
        group.rows.iter().skip(1).filter_map(|row| Some((row.name, row.all.median()?))).collect();
    let (top, bottom) = (canvas.y + 4.0, canvas.y + 10.0 + ROW * bars.len() as f64);
    for half in 0..=4 {
        let at = x(f64::from(half) / 2.0);
        canvas.line("grid", (at, top), (at, bottom));
    }
    for (name, ratio) in &bars {
        canvas.y += ROW;
        canvas.name(name);
        let (left, width) = (LEFT, x(*ratio) - LEFT);
        let (bar, y) = (class(name, "bar"), canvas.y - 12.0);
        let _ = writeln!(
            canvas.body,
            r#"<rect class="{bar}" x="{left:.1}" y="{y:.1}" width="{width:.1}" height="15" rx="2"/>"#
        );
        if *ratio > HIGH {
            // The bar is cut off: two strokes of the page's colour say so.
            let _ = writeln!(
                canvas.body,
                r#"<path class="page" d="M{0:.1} {y1:.1}l8 -21h6l-8 21z"/>"#,
                RIGHT - 34.0,
                y1 = y + 18.0
            );
        }
        let class = if *name == ENGINE.name { "ours" } else { "small" };
        let digits = if *ratio < 10.0 { 2 } else { 0 };
        canvas.text(RIGHT + 10.0, class, "start", &format!("\u{d7} {ratio:.digits$}"));
    }
    canvas.line("mark", (x(1.0), top), (x(1.0), bottom));
    canvas.y = bottom + 16.0;
    for (ratio, label) in [(0.0, "0"), (0.5, "\u{d7} 0.5"), (1.5, "\u{d7} 1.5"), (2.0, "\u{d7} 2")] {
        canvas.text(x(ratio), "small", "middle", label);
    }
    canvas.text(x(1.0), "markname", "middle", "the bare copy");
}

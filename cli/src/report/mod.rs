//! The one page that `record --report` and `doctor --report` write: HTML with pictures in SVG, no script, nothing that
//! is loaded from elsewhere.

mod checkup;
mod plot;
mod take;

pub use checkup::page as checkup;
pub use take::page as take;

use crate::trace::Tick;
use hearken::{Event, EventKind, StopReason};
use plot::{Axis, Plot};
use std::fmt::Write as _;

/// Rows of a table, at most; a take of hours may have thousands of gaps.
const MOST_ROWS: usize = 200;

/// The clock's picture reaches at least so far up and down, in milliseconds.
const LEAST_MS: f64 = 0.01;

const STYLE: &str = "\
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--dim:#606a76;--grid:#e4e8ec;--wave:#2563a8;--band:#2563a833;\
--hole:#c8361f;--good:#1a7f37;--bad:#c8361f}\
@media(prefers-color-scheme:dark){:root{--back:#14171b;--ink:#e6e9ed;--dim:#98a2ae;--grid:#2b3138;--wave:#6cb0f5;\
--band:#6cb0f540;--hole:#ff7a63;--good:#56d364;--bad:#ff7a63}}\
body{margin:2rem auto;max-width:64rem;padding:0 1rem;background:var(--back);color:var(--ink);\
font:15px/1.5 system-ui,sans-serif}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .4rem}p{margin:.3rem 0}\
.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}\
svg{display:block;width:100%;height:auto}svg text{fill:var(--dim);font:11px system-ui,sans-serif}\
.grid{stroke:var(--grid);fill:none}.frame{stroke:var(--dim);fill:none}\
.wave{stroke:var(--wave);fill:none}.line{stroke:var(--wave);fill:none;stroke-width:1.5}\
.thin{stroke:var(--wave);fill:none;opacity:.5}.band{fill:var(--band)}.bar{stroke:var(--wave);stroke-width:4;fill:none}\
.hole{fill:var(--hole);opacity:.25}svg .name{fill:var(--hole)}.mark{stroke:var(--dim);stroke-dasharray:3 3;fill:none}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
td,th{padding:.15rem 1.2rem .15rem 0;text-align:left;vertical-align:top}th{color:var(--dim);font-weight:400}\
td.figure{text-align:right}td:nth-child(-n+2){white-space:nowrap}";

/// A page in the making. What goes in as text comes out as text, whatever is in it.
#[derive(Debug)]
struct Page(String);

impl Page {
    fn new(title: &str, subtitle: &str) -> Self {
        let (title, subtitle) = (escape(title), escape(subtitle));
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p class=\"dim\">{subtitle}</p>\n"
        ))
    }

    fn heading(&mut self, text: &str) {
        self.add(format_args!("<h2>{}</h2>", escape(text)));
    }

    fn paragraph(&mut self, class: &str, text: &str) {
        self.add(format_args!("<p class=\"{class}\">{}</p>", escape(text)));
    }

    /// A figure stands at the right of its column.
    fn table<Row: AsRef<[String]>>(&mut self, head: &[&str], rows: &[Row]) {
        self.add(format_args!("<div class=\"scroll\"><table>"));
        if !head.is_empty() {
            let head: String = head.iter().map(|cell| format!("<th>{}</th>", escape(cell))).collect();
            self.add(format_args!("<tr>{head}</tr>"));
        }
        for row in rows.iter().take(MOST_ROWS) {
            let cell = |cell: &String| {
                let is_figure = cell.parse::<f64>().is_ok();
                let class = if is_figure { " class=\"figure\"" } else { "" };
                format!("<td{class}>{}</td>", escape(cell))
            };
            let row: String = row.as_ref().iter().map(cell).collect();
            self.add(format_args!("<tr>{row}</tr>"));
        }
        self.add(format_args!("</table></div>"));
        if rows.len() > MOST_ROWS {
            self.paragraph("dim", &format!("and {} more", rows.len() - MOST_ROWS));
        }
    }

    fn plot(&mut self, plot: Plot) {
        self.0 += &plot.finish();
    }

    fn finish(self) -> String {
        self.0 + "</body>\n</html>\n"
    }

    fn add(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{what}");
    }
}

/// Text for between tags and for within quotes. What no browser shows, a control character, becomes a mark.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            '\n' | '\t' => escaped.push(' '),
            control if control.is_control() => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The device's clock against the system's, with its bound; a hole is not a jump of it.
fn clock(ticks: &[Tick]) -> Plot {
    let ms = |seconds: f64| seconds * 1e3;
    let low = ticks.iter().map(|tick| ms(tick.residual - tick.bound)).fold(f64::INFINITY, f64::min);
    let high = ticks.iter().map(|tick| ms(tick.residual + tick.bound)).fold(f64::NEG_INFINITY, f64::max);
    let end = ticks.last().map_or(1.0, |tick| tick.at);
    // Less than this is nothing, and its figures would not fit beside the axis.
    let (low, high) = (low.min(-LEAST_MS), high.max(LEAST_MS));
    let room = (high - low) * 0.05;
    let y = Axis::new(low - room, high + room, "ms late against the nominal rate; the band is the bound");
    let mut plot = Plot::new("The clock's residual with its bound", Axis::new(0.0, end, "s"), y, 200.0);
    let band: Vec<_> = ticks
        .iter()
        .map(|tick| (tick.at, ms(tick.residual - tick.bound), ms(tick.residual + tick.bound)))
        .collect();
    plot.band("band", &band);
    plot.line("line", ticks.iter().map(|tick| (tick.at, ms(tick.residual))));
    plot
}

/// Time, kind and details of each event.
fn events(page: &mut Page, events: &[Event]) {
    // Attempts that fail alike, one after the other, are one row.
    let alike = |a: &Event, b: &Event| matches!(a.kind, EventKind::CannotOpen(_)) && a.kind == b.kind;
    let rows: Vec<_> = events
        .chunk_by(alike)
        .map(|run| {
            let (event, times) = (&run[0], run.len());
            let details = details(&event.kind);
            let details = if times > 1 { format!("{times} times: {details}") } else { details };
            [format!("{:.3}", event.at.as_secs_f64()), event.kind.name().to_owned(), details]
        })
        .collect();
    page.heading("Events");
    page.table(&["s", "what", ""], &rows);
}

fn details(kind: &EventKind) -> String {
    match kind {
        EventKind::Opened(input) | EventKind::Reopened(input) => format!("{} ({})", input.name, input.format),
        EventKind::Stalled(time) | EventKind::Slept(time) | EventKind::Overloaded(time) => {
            format!("{:.3} s", time.as_secs_f64())
        }
        EventKind::Gap(gap) => format!("{} frames, {}", gap.frames, crate::summary::cause(gap.cause)),
        EventKind::Lost(loss) => {
            format!("{} frames, give or take {}, {}", loss.frames, loss.error_frames, loss.state.name())
        }
        EventKind::Closed(why) => crate::summary::cause(hearken::Cause::Away(*why)),
        EventKind::CannotOpen(error) | EventKind::Stopped(StopReason::Failed(error)) => error.to_string(),
        EventKind::Stopped(StopReason::Requested) => "as asked".into(),
        EventKind::Stopped(StopReason::Finished) => "at its end".into(),
        EventKind::Stopped(StopReason::CallbackStuck) => "a callback hangs".into(),
        _ => String::new(),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The tags of a page are closed in their order, nothing is loaded, no script runs.
    pub fn assert_sound(page: &str) {
        assert!(page.starts_with("<!doctype html>"), "{page}");
        for word in ["<script", "javascript:", "http:", "https:", "<link", "<img", "@import", "url("] {
            assert!(!page.contains(word), "the page says {word}");
        }
        let (mut open, mut rest) = (Vec::new(), page);
        while let Some(at) = rest.find('<') {
            let end = at + rest[at..].find('>').expect("an open tag");
            let tag = &rest[at + 1..end];
            rest = &rest[end + 1..];
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            if let Some(closed) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "{tag}");
            } else if !tag.ends_with('/') && !["!doctype", "meta"].contains(&name) {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?} stay open");
        assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains("inf,"), "{page}");
    }

    #[test]
    fn text_stays_text_whatever_is_in_it() {
        let mut page = Page::new("<script>alert('a & b')</script>", "a \"b\"\u{7}");
        page.table(&["<b>"], &[["</table>".to_owned()]]);
        page.paragraph("dim", "<i>");
        let page = page.finish();
        assert!(page.contains("<h1>&lt;script&gt;alert(&#39;a &amp; b&#39;)&lt;/script&gt;</h1>"), "{page}");
        assert!(
            page.contains("<td>&lt;/table&gt;</td>") && page.contains("a &quot;b&quot;\u{fffd}"),
            "{page}"
        );
        assert_sound(&page);
    }

    #[test]
    #[should_panic(expected = "\"p\"")]
    fn a_page_that_is_not_sound_is_noticed() {
        assert_sound("<!doctype html><p><svg></p></svg>");
    }

    #[test]
    fn a_clock_without_a_tick_is_an_empty_picture() {
        let empty = clock(&[]).finish();
        assert!(!empty.contains("NaN") && !empty.contains("polyline"), "{empty}");
        let tick = |at: f64| Tick { at, residual: at * 1e-9, bound: 1e-9 };
        let text = clock(&[tick(0.0), tick(1.0), tick(2.0)]).finish();
        // Labels are short enough to be read: -0.010 and the like.
        let labels = text.split("text-anchor=\"end\">").skip(1).map(|rest| rest.find('<').unwrap_or(0));
        assert!(labels.max().is_some_and(|longest| longest <= 7), "{text}");
        assert!(text.contains("class=\"band\"") && text.contains("class=\"line\""), "{text}");
    }
}

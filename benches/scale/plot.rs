//! The figures as a plot.

use crate::bench::{COUNTS, Row};
use std::fs;

/// One curve: its name, its colour's class, and what it takes from a row.
type Curve = (&'static str, &'static str, fn(&Row) -> f64);

/// Writes the rows down as two diagrams side by side; both axes are logarithmic.
pub fn draw(rows: &[Row]) {
    let costs: &[Curve] = &[
        ("worker and callback", "a", Row::cost),
        ("worker", "b", |row| row.worker),
        ("callback", "c", |row| row.callback),
    ];
    let late: &[Curve] = &[
        ("p99.9", "c", |row| row.late_ms[2]),
        ("p99", "b", |row| row.late_ms[1]),
        ("p50", "a", |row| row.late_ms[0]),
    ];
    let mut svg = String::from(HEAD);
    panel(&mut svg, 0.0, "Cost of each capture, % of a core", rows, costs, &[0.005, 0.01, 0.02, 0.05, 0.1]);
    panel(&mut svg, 400.0, "Lateness of a chunk, ms", rows, late, &[0.05, 0.1, 0.3, 1.0, 3.0]);
    svg += "</svg>\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scale.svg");
    fs::write(path, svg).expect("the plot is writable");
}

/// Readable on white and on black paper.
const HEAD: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 300" font-family="sans-serif" font-size="12">
<style>
text { fill: #777 } .grid { stroke: #8884 } polyline { fill: none; stroke-width: 2 }
polyline.a { stroke: #0969da } polyline.b { stroke: #c2410c } polyline.c { stroke: #15803d }
circle.a, text.a { fill: #0969da } circle.b, text.b { fill: #c2410c } circle.c, text.c { fill: #15803d }
@media (prefers-color-scheme: dark) {
  text { fill: #aaa } polyline.a { stroke: #58a6ff } polyline.b { stroke: #fb923c } polyline.c { stroke: #4ade80 }
  circle.a, text.a { fill: #58a6ff } circle.b, text.b { fill: #fb923c } circle.c, text.c { fill: #4ade80 }
}
</style>
"#;

fn panel(svg: &mut String, left: f64, title: &str, rows: &[Row], curves: &[Curve], ticks: &[f64]) {
    let (low, high) = (ticks[0].ln(), ticks[ticks.len() - 1].ln());
    let x = |count: usize| left + 50.0 + 310.0 * (count as f64).ln() / (COUNTS[COUNTS.len() - 1] as f64).ln();
    let y = |value: f64| 250.0 - 200.0 * ((value.ln() - low) / (high - low)).clamp(0.0, 1.05);
    *svg += &format!("<text x=\"{}\" y=\"20\" font-size=\"14\">{title}</text>\n", left + 50.0);
    for tick in ticks {
        let at = y(*tick);
        *svg += &format!(
            "<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>\n",
            left + 50.0,
            left + 360.0,
            left + 44.0,
            at + 4.0
        );
    }
    for row in rows {
        *svg += &format!(
            "<text x=\"{:.1}\" y=\"268\" text-anchor=\"middle\">{}</text>\n",
            x(row.count),
            row.count
        );
    }
    *svg += &format!("<text x=\"{}\" y=\"288\" text-anchor=\"middle\">captures</text>\n", left + 205.0);
    let mut label = left + 50.0;
    for (name, class, figure) in curves {
        let points: Vec<_> = rows.iter().map(|row| (x(row.count), y(figure(row)))).collect();
        let line: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        *svg += &format!("<polyline class=\"{class}\" points=\"{}\"/>\n", line.trim_end());
        for (x, y) in points {
            *svg += &format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
        }
        *svg += &format!("\n<text class=\"{class}\" x=\"{label}\" y=\"40\">{name}</text>\n");
        label += 24.0 + 6.5 * name.len() as f64;
    }
}

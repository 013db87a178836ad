//! A picture: SVG written by hand, with axes and whatever is drawn between them.

use super::escape;
use std::fmt::Write as _;

/// The picture's size, and the room that its axes take.
const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 34.0;
/// Names of holes are at least so far apart, or they would lie on each other.
const NAME_ROOM: f64 = 110.0;

/// What an axis shows.
#[derive(Clone, Debug)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    pub label: &'static str,
}

impl Axis {
    /// At least a little long, so that one can divide by its length.
    pub fn new(from: f64, to: f64, label: &'static str) -> Self {
        let (from, to) = if from.is_finite() && to.is_finite() { (from, to) } else { (0.0, 1.0) };
        let least = (from.abs() * 1e-6).max(1e-9);
        Self { from, to: to.max(from + least), label }
    }

    fn share(&self, value: f64) -> f64 {
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// Round values, about so many.
    fn ticks(&self, about: f64) -> (Vec<f64>, usize) {
        let raw = (self.to - self.from) / about;
        let power = 10_f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|times| times * power).find(|step| *step >= raw);
        let step = step.unwrap_or(10.0 * power);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        ((first..=last).map(|tick| tick as f64 * step).collect(), decimals)
    }
}

/// A picture in the making.
#[derive(Debug)]
pub struct Plot {
    x: Axis,
    y: Axis,
    height: f64,
    title: String,
    body: String,
    /// Where the last name of a hole ends.
    named: f64,
}

impl Plot {
    /// `title` says what it shows, also to whoever cannot see it.
    pub fn new(title: &str, x: Axis, y: Axis, height: f64) -> Self {
        Self { x, y, height, title: title.to_owned(), body: String::new(), named: f64::NEG_INFINITY }
    }

    fn x(&self, value: f64) -> f64 {
        LEFT + self.x.share(value) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.share(value) * (self.height - TOP - BOTTOM)
    }

    /// A line through `points`.
    pub fn line(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        let path = self.path(points);
        if !path.is_empty() {
            self.draw(format_args!("<polyline class=\"{class}\" points=\"{path}\"/>"));
        }
    }

    /// The area between two lines over the same places: `(x, low, high)`.
    pub fn band(&mut self, class: &str, points: &[(f64, f64, f64)]) {
        let low = points.iter().map(|(x, low, _)| (*x, *low));
        let high = points.iter().rev().map(|(x, _, high)| (*x, *high));
        let path = self.path(low.chain(high));
        if !path.is_empty() {
            self.draw(format_args!("<polygon class=\"{class}\" points=\"{path}\"/>"));
        }
    }

    /// Upright strokes: `(x, low, high)`, each at least a hair long.
    pub fn strokes(&mut self, class: &str, strokes: impl IntoIterator<Item = (f64, f64, f64)>) {
        let mut path = String::new();
        for (x, low, high) in strokes {
            let (x, top, bottom) = (self.x(x), self.y(high), self.y(low));
            let bottom = bottom.max(top + 0.6);
            let _ = write!(path, "M{x:.1} {top:.1}V{bottom:.1}");
        }
        self.draw(format_args!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    /// Marks what is missing `from..to`, and names it where there is room.
    pub fn hole(&mut self, from: f64, to: f64, name: &str) {
        let (left, right) = (self.x(from), self.x(to));
        let (width, height) = ((right - left).max(1.5), self.height - TOP - BOTTOM);
        let name = escape(name);
        self.draw(format_args!(
            "<rect class=\"hole\" x=\"{left:.1}\" y=\"{TOP}\" width=\"{width:.1}\" height=\"{height}\"><title>{name}</title></rect>"
        ));
        if left >= self.named {
            // Near the right edge the name ends at the hole instead of beginning there.
            let (at, anchor) =
                if left > WIDTH - RIGHT - NAME_ROOM { (right, "end") } else { (left, "start") };
            let y = TOP - 6.0;
            self.draw(format_args!(
                "<text class=\"name\" x=\"{at:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{name}</text>"
            ));
            self.named = left + NAME_ROOM;
        }
    }

    /// An upright line with a name, at the bottom of the picture.
    pub fn mark(&mut self, at: f64, name: &str) {
        let (x, bottom, name) = (self.x(at), self.height - BOTTOM, escape(name));
        self.draw(format_args!(
            "<path class=\"mark\" d=\"M{x:.1} {TOP}V{bottom:.1}\"><title>{name}</title></path>"
        ));
    }

    pub fn finish(self) -> String {
        let Self { x, y, height, title, body, .. } = &self;
        let (right, bottom, title) = (WIDTH - RIGHT, height - BOTTOM, escape(title));
        let mut text = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n"
        );
        let (ticks, decimals) = x.ticks(8.0);
        for tick in ticks {
            let (at, below) = (self.x(tick), bottom + 14.0);
            let _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/>\
                 <text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{tick:.decimals$}</text>"
            );
        }
        let (ticks, decimals) = y.ticks(height / 30.0);
        for tick in ticks {
            let (at, beside) = (self.y(tick), LEFT - 6.0);
            // No minus in front of a zero.
            let tick = tick + 0.0;
            let _ = writeln!(
                text,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
                 <text x=\"{beside}\" y=\"{:.1}\" text-anchor=\"end\">{tick:.decimals$}</text>",
                at + 4.0
            );
        }
        text += body;
        let (middle, below) = (f64::midpoint(LEFT, right), height - 4.0);
        let _ = writeln!(
            text,
            "<path class=\"frame\" d=\"M{LEFT} {TOP}H{right}V{bottom}H{LEFT}Z\"/>\n\
             <text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>\n\
             <text x=\"4\" y=\"14\">{}</text>\n</svg>",
            escape(x.label),
            escape(y.label)
        );
        text
    }

    fn path(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        points.map(|(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y))).collect::<Vec<_>>().join(" ")
    }

    fn draw(&mut self, what: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.body, "{what}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let ticks = |from, to| Axis::new(from, to, "").ticks(8.0);
        assert_eq!(ticks(0.0, 5.0), ((0..=5).map(f64::from).collect(), 0));
        assert_eq!(ticks(0.0, 0.5).1, 1);
        let (values, _) = ticks(-60.0, 0.0);
        assert_eq!(values, [-60.0, -50.0, -40.0, -30.0, -20.0, -10.0, 0.0]);
        // Nothing to show is no reason to fail.
        assert!(ticks(3.0, 3.0).0.len() < 100 && ticks(f64::NAN, f64::INFINITY).0.len() < 100);
    }

    #[test]
    fn whatever_is_drawn_stays_inside_the_picture() {
        let mut plot = Plot::new("t", Axis::new(0.0, 1.0, "s"), Axis::new(0.0, 1.0, "v"), 200.0);
        plot.line("a", [(-5.0, -5.0), (9.0, 9.0), (f64::NAN, 0.0)]);
        plot.hole(0.99, 7.0, "<hole>");
        let text = plot.finish();
        assert!(text.contains("points=\"64.0,166.0 948.0,22.0\""), "{text}");
        assert!(text.contains("&lt;hole&gt;") && !text.contains("<hole>"), "{text}");
        assert!(text.contains("text-anchor=\"end\">&lt;hole"), "{text}");
    }
}

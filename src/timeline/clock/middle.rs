//! Stamps that stray together by milliseconds, as an audio server's do, have no edge: the truth is taken to lie in the
//! middle of them.

use super::hull::{Line, Point};
use std::collections::VecDeque;

/// Stamps that have strayed by less may stray by so much yet, in nanoseconds.
const STRAY_NS: f64 = 5e6;
/// So many times what they stray by, over the window, is no slope.
const LEVEL: f64 = 2.0;

/// The line through the middle of a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Middle {
    pub line: Line,
    /// How far the farthest stamps are from it, in nanoseconds.
    pub half: f64,
}

impl Middle {
    /// The slope is as little as the points allow for: over a few seconds, a drift of the server's looks like one.
    pub fn of(points: &VecDeque<Point>) -> Self {
        let count = points.len().max(1) as f64;
        let (x, d) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.x, sum.1 + point.d));
        let (x, d) = (x / count, d / count);
        let (over, under) = points.iter().fold((0.0, 1e-9), |sum, point| {
            (sum.0 + (point.x - x) * (point.d - d), sum.1 + (point.x - x).powi(2))
        });
        let reach = |slope: f64| {
            let late = points.iter().map(|point| point.d - d - slope * (point.x - x));
            late.fold((0.0, 0.0), |(least, most): (f64, f64), late| (least.min(late), most.max(late)))
        };
        let slope = over / under;
        let (least, most) = reach(slope);
        // Points are spread over the window evenly: its length is the square root of twelve times their variance.
        let span = (12.0 * under / count).sqrt();
        let unsure = LEVEL * (most - least).max(STRAY_NS) / span;
        let slope = slope.signum() * (slope.abs() - unsure).max(0.0);
        let (least, most) = reach(slope);
        Self { line: Line { x, d: d + 0.5 * (least + most), slope }, half: 0.5 * (most - least) }
    }

    /// How far the truth may be from the line.
    pub fn bound(&self) -> f64 {
        STRAY_NS + 1.25 * self.half
    }
}

//! Stamps that are only ever late: the truth lies on their lower edge.
//!
//! Of each short stretch only the earliest stamp is kept, so the window is exact and a fit costs a few dozen points.
//! The line is the edge of the lower convex hull below the middle of the window, which minimises the sum of the
//! latenesses (Moon, Skelly, Towsley: "Estimation and removal of clock skew from network delay measurements", 1999).

use super::middle::Middle;
use std::collections::VecDeque;

/// A line: `d` nanoseconds away from the nominal time at `x` seconds, `slope` nanoseconds per second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    pub x: f64,
    pub d: f64,
    pub slope: f64,
}

impl Line {
    pub fn at(&self, x: f64) -> f64 {
        self.d + self.slope * (x - self.x)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Point {
    pub x: f64,
    pub d: f64,
}

/// Stretches in the window.
const STRETCHES: usize = 64;
/// Their width in seconds, at first, and when the window is as long as it gets: 26 s, and 102 s for coarse stamps,
/// whose edge shows only where they step.
const FIRST_WIDTH: f64 = 0.025;
const LAST_WIDTH: f64 = 0.4;
const LAST_WIDTH_COARSE: f64 = 1.6;
/// The bound looks at so many of the earliest stamps: that the truth lies farther below the earliest than they
/// are spread is one chance in 2^15.
const RANK: usize = 16;
/// Shorter windows say nothing about the rate, in seconds; with a rate known from before a hole, longer ones.
const SHORT: f64 = 0.2;
const FEW: usize = 4;
const SHORT_AFTER: f64 = 10.0;
const SHORT_COARSE: f64 = 60.0;
/// By how much the bound is wider at first, and until the window is so many seconds long.
const YOUNG: f64 = 1.8;
const YOUNG_SECONDS: f64 = 24.0;
/// A false start: by how much all that follows is later, at least, in nanoseconds, and for how many seconds; and how long
/// one may be.
const START_NS: f64 = 5e6;
const START_SECONDS: f64 = 0.5;
const START_LONGEST: f64 = 2.0;
/// A crystal's rate changes by less than this, in (ns/s)/s.
pub const WANDER: f64 = 25.0;

/// The lower edge of the last 26 s (102 s).
#[derive(Debug)]
pub struct Hull {
    points: VecDeque<Point>,
    width: f64,
    /// Step of coarse stamps, or 0.
    grain: f64,
    /// Stamps stray together: the middle counts.
    is_smoothed: bool,
    /// Number of the newest stretch, at the present width.
    stretch: f64,
    pub line: Line,
    /// Known from before a hole.
    prior: Option<f64>,
    /// The hull's corners that the line runs through.
    contacts: (f64, f64),
    /// How much later the stamps of the given rank are than the line.
    rise: f64,
    pub middle: Middle,
    residuals: Vec<f64>,
    chain: Vec<Point>,
}

impl Hull {
    pub fn new() -> Self {
        Self {
            points: VecDeque::with_capacity(STRETCHES + 1),
            width: FIRST_WIDTH,
            grain: 0.0,
            is_smoothed: false,
            stretch: f64::NEG_INFINITY,
            line: Line::default(),
            prior: None,
            contacts: (0.0, 0.0),
            rise: f64::INFINITY,
            middle: Middle::default(),
            residuals: Vec::with_capacity(STRETCHES + 1),
            chain: Vec::with_capacity(STRETCHES + 1),
        }
    }

    /// Starts anew, with the rate that is known.
    pub fn clear(&mut self) {
        if self.is_steady() {
            self.prior = Some(self.line.slope);
        }
        self.points.clear();
        self.width = FIRST_WIDTH;
        self.stretch = f64::NEG_INFINITY;
        self.rise = f64::INFINITY;
    }

    /// The step of coarse stamps, in nanoseconds; 0 for fine ones.
    pub fn set_grain(&mut self, grain: f64) {
        self.grain = grain;
    }

    /// The first stamps were the wrong ones if all that follow are later by far and keep together: an audio server does
    /// not know its delay at first. They are left out then; which were kept, as seconds.
    pub fn cut_false_start(&mut self) -> Option<f64> {
        let count = self.points.len();
        // From behind: the least and the latest of those that follow.
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut cut = None;
        // Later than that it is a loss.
        let latest = self.points.front()?.x + START_LONGEST;
        for at in (1..count).rev() {
            least = least.min(self.points[at].d);
            most = most.max(self.points[at].d);
            let step = least - self.points[at - 1].d;
            let seconds = self.points[count - 1].x - self.points[at].x;
            if step > START_NS.max(2.0 * (most - least))
                && seconds >= START_SECONDS
                && self.points[at - 1].x < latest
            {
                cut = Some(at);
                break;
            }
        }
        let cut = cut?;
        self.points.drain(..cut);
        self.fit();
        Some(self.points[0].x)
    }

    pub fn set_smoothed(&mut self, is_smoothed: bool) {
        self.is_smoothed = is_smoothed;
        if is_smoothed && !self.points.is_empty() {
            self.middle = Middle::of(&self.points);
        }
    }

    /// Whether the rate is measured rather than assumed.
    pub fn is_steady(&self) -> bool {
        self.prior.is_some() || self.span() > SHORT_AFTER
    }

    /// The newest point, in seconds.
    pub fn end(&self) -> f64 {
        self.points.back().map_or(f64::NEG_INFINITY, |point| point.x)
    }

    /// Seconds that the window covers.
    pub fn span(&self) -> f64 {
        match (self.points.front(), self.points.back()) {
            (Some(first), Some(last)) => last.x - first.x,
            _ => 0.0,
        }
    }

    /// Seconds that they took by the stamps, or 0 for so few that one late stamp would decide.
    pub fn elapsed(&self) -> f64 {
        match (self.points.front(), self.points.back()) {
            (Some(first), Some(last)) if self.points.len() >= FEW => {
                last.x - first.x + (last.d - first.d) * 1e-9
            }
            _ => 0.0,
        }
    }

    #[inline]
    pub fn push(&mut self, x: f64, d: f64) {
        let late = d - self.line.at(x);
        let stretch = (x / self.width).floor();
        let point = Point { x, d };
        if stretch > self.stretch {
            if self.points.len() == STRETCHES {
                self.make_room();
            }
            self.stretch = (x / self.width).floor();
            self.points.push_back(point);
            self.fit();
        } else if let Some(last) = self.points.back_mut()
            && late < last.d - self.line.at(last.x)
        {
            *last = point;
            if late < 0.0 {
                self.fit();
            }
        }
    }

    /// Twice the width, or without the oldest stretch.
    fn make_room(&mut self) {
        if self.width >= if self.grain > 0.0 { LAST_WIDTH_COARSE } else { LAST_WIDTH } {
            self.points.pop_front();
            return;
        }
        let line = self.line;
        for pair in 0..STRETCHES / 2 {
            let (one, other) = (self.points[2 * pair], self.points[2 * pair + 1]);
            let is_first = one.d - line.at(one.x) <= other.d - line.at(other.x);
            self.points[pair] = if is_first { one } else { other };
        }
        self.points.truncate(STRETCHES / 2);
        self.width *= 2.0;
    }

    fn fit(&mut self) {
        let (Some(first), Some(last)) = (self.points.front(), self.points.back()) else { return };
        let span = last.x - first.x;
        let middle = 0.5 * (first.x + last.x);
        let is_short = if self.prior.is_some() { span < SHORT_AFTER } else { self.elapsed() < SHORT };
        if is_short {
            let slope = self.prior.unwrap_or(0.0);
            let height = |point: &&Point| point.d - slope * point.x;
            let lowest = self.points.iter().min_by(|a, b| height(a).total_cmp(&height(b)));
            if let Some(&Point { x, d }) = lowest {
                self.line = Line { x, d, slope };
                self.contacts = (x, x);
            }
        } else {
            self.chain.clear();
            for &point in &self.points {
                while let [.., a, b] = self.chain[..]
                    && (b.d - a.d) * (point.x - a.x) >= (point.d - a.d) * (b.x - a.x)
                {
                    self.chain.pop();
                }
                self.chain.push(point);
            }
            let right = self.chain.partition_point(|point| point.x < middle).clamp(1, self.chain.len() - 1);
            let (a, b) = (self.chain[right - 1], self.chain[right]);
            let slope = (b.d - a.d) / (b.x - a.x);
            self.line = Line { x: a.x, d: a.d, slope };
            self.contacts = (a.x, b.x);
            if self.grain > 0.0 && span < SHORT_COARSE {
                // As little of it as the steps allow for.
                let unsure = self.grain / span;
                let slope = slope.signum() * (slope.abs() - unsure).max(0.0);
                let x = if slope.abs() > 0.0 && slope < self.line.slope { b.x } else { a.x };
                self.line = Line { x, d: self.line.at(x), slope };
            }
        }
        self.residuals.clear();
        self.residuals.extend(self.points.iter().map(|point| point.d - self.line.at(point.x)));
        let rank = RANK.min(self.residuals.len() / 2).min(self.residuals.len() - 1);
        let (_, rise, _) = self.residuals.select_nth_unstable_by(rank, f64::total_cmp);
        self.rise = *rise;
        if self.is_smoothed {
            self.middle = Middle::of(&self.points);
        }
    }

    /// How far the truth may be from the line at `x`, either way.
    pub fn bound(&self, x: f64) -> f64 {
        let few = (RANK as f64 / self.points.len().max(1) as f64 - 0.5).max(0.0);
        let unsure = if self.span() < SHORT_COARSE { 1.1 } else { 0.05 };
        let edge = self.rise * (1.0 + few) + unsure * self.grain + 500.0;
        // A short window has few stamps in each stretch, and says little of the rate.
        let edge = edge * (1.0 + YOUNG * (1.0 - self.span() / YOUNG_SECONDS).max(0.0));
        let (left, right) = self.contacts;
        if right <= left {
            // The rate is assumed: a crystal's is within 500 ppm, one that was measured changes little.
            let unsure = if self.prior.is_some() { 3e3 } else { 500e3 };
            return edge + unsure * (x - left).abs();
        }
        let beyond = (x - right).max(left - x).max(0.0);
        let age = 0.5 * self.span();
        edge * (1.0 + 4.0 * beyond / self.span()) + 0.5 * WANDER * age * age
    }
}

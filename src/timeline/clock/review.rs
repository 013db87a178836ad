//! What the recent stamps look like as a whole, from which follows their class.

use super::{Clock, EXACT_NS, RECENT, Sample, StampClass, Unrest};

/// Blocks that decide about the class.
const LEARNING: u64 = 128;
/// How often they are looked at again, and how often in a row it must look otherwise.
const REVIEW: u64 = 64;
const AGREE: u32 = 4;
/// So many stamps show that stamps stray together: they are so many times as far from the line, in the middle, as
/// from one to the next, or the line is tilted more than any crystal's and less than a rate's that is another one,
/// in nanoseconds per second, for so many seconds.
const STRAY: usize = 32;
const STRAY_STEPS: f64 = 8.0;
const STRAY_NS: f64 = 0.4e6;
const STRAY_TILT: (f64, f64) = (700e3, 9e6);
const STRAY_SECONDS: f64 = 2.0;
/// Reviews in a row, without any of that, after which they do not.
const CALM: u32 = 24;
/// A share of stamps on time that noise on both sides does not have: it has hardly any so near to its edge. Fewer do where
/// the noise is lopsided: where it is exponential, the median is as far from the edge as 0.3 of what lies between the
/// earliest tenth and the latest, and as all of it where it goes both ways.
const EDGE_SHARE: (f64, f64) = (0.005, 0.12);
const LOPSIDED: f64 = 0.6;

impl Clock {
    pub(super) fn become_class(&mut self, class: StampClass) {
        (self.class, self.doubts) = (class, 0);
        self.hull.set_smoothed(class == StampClass::Smoothed);
        if class == StampClass::Smoothed {
            // It counts as what they stray by.
            self.unrest = Unrest::default();
        }
    }

    /// Keeps a stamp, and looks at all that are kept when it is time. Nothing is learned from those behind what may be a hole.
    pub(super) fn note(&mut self, sample: Sample, is_learned: bool) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(sample);
        let count = self.recent.len() as u64;
        let due = if self.class == StampClass::Learning {
            count.is_multiple_of(8)
        } else {
            self.blocks.is_multiple_of(REVIEW)
        };
        if due {
            self.review(is_learned);
        }
    }

    /// Whether the recent stamps stray together: each is near the one before, and all are far from the line.
    fn stray(&self) -> bool {
        if self.recent.len() < STRAY || self.grain.is_coarse(self.lateness) {
            return false;
        }
        let tilt = self.hull.line.slope.abs();
        if (STRAY_TILT.0..STRAY_TILT.1).contains(&tilt) && self.hull.elapsed() > STRAY_SECONDS {
            return true;
        }
        if self.lateness <= STRAY_NS {
            return false;
        }
        let mut steps = [0.0; RECENT];
        let pairs = self.recent.iter().zip(self.recent.iter().skip(1));
        let count = self.recent.len() - 1;
        steps[..count].iter_mut().zip(pairs).for_each(|(step, (a, b))| *step = (b.d - a.d).abs());
        let (_, step, _) = steps[..count].select_nth_unstable_by(count / 2, f64::total_cmp);
        self.lateness > STRAY_STEPS * *step
    }

    /// Looks at the recent stamps as a whole.
    pub(super) fn review(&mut self, is_learned: bool) {
        let line = self.hull.line;
        let mut late = [0.0; RECENT];
        let late = &mut late[..self.recent.len()];
        late.iter_mut().zip(&self.recent).for_each(|(late, sample)| *late = sample.d - line.at(sample.x));
        let median = *late.select_nth_unstable_by(late.len() / 2, f64::total_cmp).1;
        self.lateness = median.max(0.0);
        let is_coarse = self.grain.is_coarse(self.lateness);
        self.hull.set_grain(if is_coarse { self.grain.ns() } else { 0.0 });
        // Behind what may be a hole all are far from the line.
        if is_learned && self.class != StampClass::Observed && self.stray() {
            self.become_class(StampClass::Smoothed);
            return;
        }
        if (self.recent.len() as u64) < LEARNING || self.class == StampClass::Observed {
            return;
        }
        let edge = self.lateness / 8.0;
        let on_time = late.iter().filter(|late| **late <= edge).count() as f64;
        let many = |share: f64| on_time > 2.0 + share * late.len() as f64;
        let seen = if is_coarse {
            StampClass::Quantised
        } else if self.lateness < EXACT_NS {
            StampClass::Device
        } else if many(EDGE_SHARE.1) || (many(EDGE_SHARE.0) && is_lopsided(late, median)) {
            StampClass::LateOnly
        } else {
            StampClass::Device
        };
        self.doubts = if seen == self.class { 0 } else { self.doubts + 1 };
        let enough = match self.class {
            StampClass::Learning => 1,
            StampClass::Smoothed => CALM,
            _ => AGREE,
        };
        if self.doubts >= enough {
            self.become_class(seen);
        }
    }
}

/// Whether most of the noise is near its edge.
fn is_lopsided(late: &mut [f64], median: f64) -> bool {
    let mut quantile = |share: f64| {
        let at = (late.len() as f64 * share) as usize;
        *late.select_nth_unstable_by(at, f64::total_cmp).1
    };
    let (early, most) = (quantile(0.1), quantile(0.9));
    median < LOPSIDED * (most - early)
}

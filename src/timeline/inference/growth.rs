//! Lateness that grows without end: no loss, whose lateness stays, and no stall, whose goes, but another rate.

/// Seconds of a stretch, of which the least late block counts, blocks that it has at least, and how many decide.
const STRETCH: f64 = 0.25;
const BLOCKS: u32 = 4;
const STRETCHES: usize = 8;
/// How fast it must grow, as a part of the time: no crystal is so far off. And how far from the mean any stretch may be.
const FASTEST: f64 = 0.01;
const NEAR: f64 = 0.5;

/// Follows the blocks since the first that was late.
#[derive(Debug)]
pub struct Growth {
    /// The ends of the last stretches, in nominal seconds, and how late the least late block of each was.
    ends: [(f64, f64); STRETCHES],
    count: usize,
    /// Where the present one began, its least late block, and how many it has.
    start: f64,
    least: f64,
    blocks: u32,
}

impl Growth {
    pub fn new(seconds: f64) -> Self {
        Self { ends: [(0.0, 0.0); STRETCHES], count: 0, start: seconds, least: f64::INFINITY, blocks: 0 }
    }

    /// A block at `seconds` that is `late` nanoseconds late: whether the rate is seen to be another one.
    pub fn push(&mut self, seconds: f64, late: f64) -> bool {
        self.least = self.least.min(late);
        self.blocks += 1;
        if seconds - self.start < STRETCH || self.blocks < BLOCKS {
            return false;
        }
        self.ends.rotate_left(1);
        self.ends[STRETCHES - 1] = (seconds, self.least);
        self.count += 1;
        (self.start, self.least, self.blocks) = (seconds, f64::INFINITY, 0);
        self.count >= STRETCHES && self.is_steady()
    }

    /// Whether lateness stays where it is: the least late blocks of the stretches are within `tolerance` nanoseconds of each
    /// other. Not of the first one: it may hold a stall before a loss.
    pub fn is_flat(&self, tolerance: f64) -> bool {
        let known = &self.ends[STRETCHES - self.count.saturating_sub(1).min(STRETCHES)..];
        let (least, most) = known.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), end| {
            (least.min(end.1), most.max(end.1))
        });
        most - least <= tolerance
    }

    fn is_steady(&self) -> bool {
        let rate = |from: (f64, f64), to: (f64, f64)| (to.1 - from.1) * 1e-9 / (to.0 - from.0);
        let mean = rate(self.ends[0], self.ends[STRETCHES - 1]);
        let is_near = |pair: &[(f64, f64)]| (rate(pair[0], pair[1]) / mean - 1.0).abs() < NEAR;
        mean > FASTEST && self.ends.windows(2).all(is_near)
    }
}

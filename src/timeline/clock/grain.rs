//! How fine stamps are.

/// Steps of a coarse clock, in nanoseconds: from, and up to where blocks are seldom as long.
const COARSE_NS: u64 = 100_000;
const GRID_NS: u64 = 5_000_000;

/// The greatest common divisor of the steps from stamp to stamp.
#[derive(Debug, Default)]
pub struct Grain {
    ns: u64,
    last: u64,
}

impl Grain {
    /// A callback's own stamp.
    pub fn push(&mut self, stamp_ns: u64) {
        let step = stamp_ns.abs_diff(std::mem::replace(&mut self.last, stamp_ns));
        // How much finer than coarse makes no difference.
        if self.ns == 0 || self.ns >= COARSE_NS {
            let (mut a, mut b) = (self.ns, step);
            while b > 0 {
                (a, b) = (b, a % b);
            }
            self.ns = a;
        }
    }

    /// The step, in nanoseconds.
    pub fn ns(&self) -> f64 {
        self.ns as f64
    }

    /// Whether stamps are on a coarse grid, half of which are late by more than `lateness` nanoseconds. A grid of the
    /// length of a block is none unless they are seen to be off it.
    pub fn is_coarse(&self, lateness: f64) -> bool {
        self.ns >= COARSE_NS && (self.ns <= GRID_NS || lateness > 0.05 * self.ns())
    }
}

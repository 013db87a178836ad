//! Impossible stamps in a row: one is a bad stamp, many that agree are another clock.

/// Deviations as near to each other agree, in nanoseconds.
const NEAR_NS: f64 = 50e6;

#[derive(Debug, Default)]
pub struct Strikes {
    /// How many in a row agree.
    pub count: u32,
    /// The first one's deviation.
    first: f64,
    /// The least late of them, against the line.
    pub least: f64,
}

impl Strikes {
    /// One of deviation `d`, `late` against the line.
    pub fn push(&mut self, d: f64, late: f64) {
        if self.count == 0 || (d - self.first).abs() >= NEAR_NS {
            *self = Self { count: 0, first: d, least: f64::INFINITY };
        }
        self.count += 1;
        self.least = self.least.min(late);
    }
}

//! Impossible stamps in a row: one is a bad stamp, many that agree are another clock.

/// So many early clocks within so many seconds are not set anew, but faster.
const RUNS: u32 = 3;
const RUN_SECONDS: f64 = 5.0;
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
    /// Clocks that ran away in a row, and when the first did, in seconds.
    runs: u32,
    since: f64,
}

impl Strikes {
    /// One of deviation `d`, `late` against the line.
    pub fn push(&mut self, d: f64, late: f64) {
        if self.count == 0 || (d - self.first).abs() >= NEAR_NS {
            *self = Self { count: 0, first: d, least: f64::INFINITY, ..*self };
        }
        self.count += 1;
        self.least = self.least.min(late);
    }

    /// Another clock that is early, at `x` seconds: whether it is so again and again, as at a faster rate.
    pub fn runs_away(&mut self, x: f64) -> bool {
        if self.runs == 0 || x - self.since > RUN_SECONDS {
            (self.runs, self.since) = (0, x);
        }
        self.runs += 1;
        self.runs >= RUNS
    }
}

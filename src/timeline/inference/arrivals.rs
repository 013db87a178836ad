//! When blocks arrived: another witness of a loss. What follows one comes later for good, whatever the stamps say; what
//! an audio server thinks of its own delay changes nothing about it.

/// Seconds after which the earliest arrival is looked for anew; the one before counts as well.
const WINDOW: f64 = 2.0;

/// The earliest arrivals, each against the nominal rate, in nanoseconds.
#[derive(Debug)]
pub struct Arrivals {
    frame_ns: f64,
    /// Of this window and of the last, and where this one ends.
    before: [f64; 2],
    end_ns: f64,
    /// Since a loss is suspected.
    since: f64,
}

impl Arrivals {
    pub fn new(rate: f64) -> Self {
        Self {
            frame_ns: 1e9 / rate,
            before: [f64::INFINITY; 2],
            end_ns: f64::NEG_INFINITY,
            since: f64::INFINITY,
        }
    }

    /// What ends at `end` was seen at `seen_ns`, behind a loss perhaps.
    pub fn push(&mut self, end: f64, seen_ns: f64, is_in_doubt: bool) {
        let due = end * self.frame_ns;
        let late = seen_ns - due;
        if is_in_doubt {
            self.since = self.since.min(late);
            return;
        }
        self.since = f64::INFINITY;
        if due >= self.end_ns {
            (self.before, self.end_ns) = ([f64::INFINITY, self.before[0]], due + WINDOW * 1e9);
        }
        self.before[0] = self.before[0].min(late);
    }

    /// By how much later blocks arrive than before the loss that is suspected, in nanoseconds; `None` if that is not known.
    pub fn later_by(&self) -> Option<f64> {
        let later = self.since - self.before[0].min(self.before[1]);
        later.is_finite().then_some(later)
    }

    /// So much was lost.
    pub fn settle(&mut self, lost_ns: f64) {
        self.before.iter_mut().for_each(|before| *before += lost_ns);
    }
}

//! Notices that a device has gone quiet, or comes back, or complains too much. State and arithmetic; reads no clock.

use crate::event::EventKind;
use std::time::{Duration, Instant};

/// A device is stalled after this long, or after so many of its periods, whichever is longer.
const STALLED: Duration = Duration::from_millis(250);
const STALLED_PERIODS: u32 = 8;
/// So many errors in a second are a storm.
const STORM: u64 = 1000;
/// The system's time and ours drift apart by less; more is a sleep of the machine's.
const JUMP: Duration = Duration::from_secs(2);
/// So much audio waiting for the worker is an overload, which is over at a quarter of it.
const OVERLOAD: Duration = Duration::from_millis(500);

/// What the worker sees of the open device at one look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sight {
    pub now: Instant,
    /// Callbacks, and the frames they brought.
    pub callbacks: u64,
    pub captured: u64,
    /// The longest period so far.
    pub period: Duration,
    /// Calls of the error callback.
    pub errors: u64,
    /// How much audio waited for the worker.
    pub waiting: Duration,
    /// How far the system's time is ahead of ours, by whatever offset.
    pub ahead: Duration,
}

/// Watches one epoch.
#[derive(Debug)]
pub(crate) struct Watchdog {
    captured: u64,
    /// When frames came last; before the first, when the device was opened.
    fed: Instant,
    /// How long it may be quiet.
    patience: Duration,
    is_stalled: bool,
    called_back: bool,
    second: (Instant, u64),
    is_storm: bool,
    is_overloaded: bool,
    ahead: Option<Duration>,
}

impl Watchdog {
    pub fn new(opened: Instant) -> Self {
        Self {
            captured: 0,
            fed: opened,
            patience: STALLED,
            is_stalled: false,
            called_back: false,
            second: (opened, 0),
            is_storm: false,
            is_overloaded: false,
            ahead: None,
        }
    }

    /// A look; `tell` hears what is new.
    pub fn look(&mut self, sight: &Sight, mut tell: impl FnMut(EventKind)) {
        if sight.callbacks > 0 && !std::mem::replace(&mut self.called_back, true) {
            tell(EventKind::FirstCallback);
        }
        if sight.captured > self.captured {
            (self.captured, self.fed) = (sight.captured, sight.now);
            if std::mem::take(&mut self.is_stalled) {
                tell(EventKind::Resumed);
            }
        }
        self.patience = STALLED.max(sight.period.saturating_mul(STALLED_PERIODS));
        let quiet = self.quiet(sight.now);
        if quiet >= self.patience && !std::mem::replace(&mut self.is_stalled, true) {
            tell(EventKind::Stalled(quiet));
        }
        if sight.now.saturating_duration_since(self.second.0) >= Duration::from_secs(1) {
            let is_storm = sight.errors - self.second.1 >= STORM;
            if is_storm && !self.is_storm {
                tell(EventKind::ErrorStorm);
            }
            (self.is_storm, self.second) = (is_storm, (sight.now, sight.errors));
        }
        if sight.waiting >= OVERLOAD {
            if !std::mem::replace(&mut self.is_overloaded, true) {
                tell(EventKind::Overloaded(sight.waiting));
            }
        } else if sight.waiting < OVERLOAD / 4 {
            self.is_overloaded = false;
        }
        let jump = sight.ahead.abs_diff(self.ahead.replace(sight.ahead).unwrap_or(sight.ahead));
        if jump >= JUMP {
            tell(EventKind::Slept(jump));
        }
    }

    /// For how long no frame has come.
    pub fn quiet(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.fed)
    }

    /// Whether it is known to be stalled.
    pub fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// When to look again at the latest, if nothing comes.
    pub fn due(&self, now: Instant) -> Duration {
        if self.is_stalled { STALLED } else { self.patience.saturating_sub(self.quiet(now)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every 10 ms at a device of 10 ms periods that does what `captured(ms)` says. What was told, and when.
    fn watch(captured: impl Fn(u64) -> u64, errors: impl Fn(u64) -> u64) -> Vec<(u64, &'static str)> {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        let mut told = Vec::new();
        for ms in (10..5000).step_by(10) {
            let sight = Sight {
                now: start + Duration::from_millis(ms),
                callbacks: captured(ms) / 480,
                captured: captured(ms),
                period: Duration::from_millis(10),
                errors: errors(ms),
                waiting: Duration::ZERO,
                ahead: Duration::from_secs(7),
            };
            watchdog.look(&sight, |kind| told.push((ms, kind.name())));
        }
        told
    }

    #[test]
    fn a_stall_is_told_after_a_quarter_of_a_second_and_revoked_by_the_first_frame() {
        assert_eq!(watch(|ms| ms * 48, |_| 0), [(10, "first callback")]);
        let stands = |ms: u64| if ms < 1000 { ms * 48 } else { 48_000.max(ms.saturating_sub(400) * 48) };
        assert_eq!(watch(stands, |_| 0), [(10, "first callback"), (1250, "stalled"), (1410, "resumed")]);
        assert_eq!(watch(|_| 0, |_| 0), [(250, "stalled")]);
        // 200 ms are a hiccup.
        let hiccup = |ms: u64| if ms < 1000 { ms * 48 } else { 48_000.max(ms.saturating_sub(200) * 48) };
        assert_eq!(watch(hiccup, |_| 0), [(10, "first callback")]);
    }

    #[test]
    fn a_storm_of_errors_is_told_once() {
        let errors = |ms| if ms > 2000 { (ms - 2000) * 500 } else { 0 };
        assert_eq!(watch(|ms| ms * 48, errors), [(10, "first callback"), (3000, "error storm")]);
    }

    #[test]
    fn a_machine_that_slept_and_a_worker_that_is_late_are_told() {
        let start = Instant::now();
        let mut watchdog = Watchdog::new(start);
        let mut told = Vec::new();
        for (step, waiting, ahead) in
            [(1, 10, 0), (2, 600, 0), (3, 700, 0), (4, 0, 0), (5, 600, 0), (6, 0, 3600)]
        {
            let sight = Sight {
                now: start + Duration::from_millis(step * 10),
                callbacks: step,
                captured: step * 480,
                period: Duration::from_millis(10),
                errors: 0,
                waiting: Duration::from_millis(waiting),
                ahead: Duration::from_secs(ahead),
            };
            watchdog.look(&sight, |kind| told.push((step, kind.name())));
        }
        let expected = [(1, "first callback"), (2, "overloaded"), (5, "overloaded"), (6, "slept")];
        assert_eq!(told, expected);
    }
}

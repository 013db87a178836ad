//! How a capture is configured.

use crate::error::Error;
use crate::source::{FormatWish, Host, Input, Pace, Wish};
use crate::supervisor::Recovery;
use crate::time::{Clock, LONGEST, Waker};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What to capture, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The source.
    pub input: Input,
    /// The audio system.
    pub host: Host,
    /// The format to open the source in.
    pub format: FormatWish,
    /// How often a device is to wake us, 1 ms to 1 s; what it grants stands in
    /// [`InputInfo::period_frames`](crate::InputInfo::period_frames). Default: chosen for each audio system and its
    /// server. Nothing is lost by a long one, and audio comes later by as much.
    pub period: Option<Duration>,
    /// How a file or a synthetic microphone is played.
    pub pace: Pace,
    /// How long the worker may be away before audio is dropped, 20 ms to 60 s. Default 2 s.
    pub pool: Duration,
    /// When to end: for a device by the clock from the moment it plays, whatever it delivers; for a file or a
    /// synthetic microphone after exactly round(length * rate) frames. Default: never.
    pub length: Option<Duration>,
    /// How much of the past is kept, so that a take may begin before it was asked for: 0 to 30 s, at the device's rate
    /// and format in memory. Default: none.
    pub history: Duration,
    /// How long the device stays open after the last take of a capture that was not started: a microphone's light goes
    /// out when it is let go of. Default: not at all.
    pub idle: Duration,
    /// What happens when the device fails or falls silent.
    pub recovery: Recovery,
    /// Whether [`DevicesChanged`](crate::EventKind::DevicesChanged) is told, within 200 ms where the system tells
    /// (PulseAudio, ALSA); elsewhere a thread of its own asks the host for its list every 3 s while a capture from a
    /// device runs, but never JACK. It opens nothing. Default: no.
    pub watch_devices: bool,
    /// The time to live by. Default: the system's.
    pub clock: Clock,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            input: Input::default(),
            host: Host::default(),
            format: FormatWish::default(),
            period: None,
            pace: Pace::default(),
            pool: Duration::from_secs(2),
            length: None,
            history: Duration::ZERO,
            idle: Duration::ZERO,
            recovery: Recovery::default(),
            watch_devices: false,
            clock: Clock::default(),
        }
    }
}

impl Config {
    /// What its source is asked for.
    pub(crate) fn wish(self, muted: Arc<AtomicBool>, clock: Clock, worker: Waker) -> Wish {
        let Self { input, host, format, period, pace, pool, length, .. } = self;
        Wish {
            input,
            host,
            format,
            period,
            pace,
            pool,
            muted,
            length,
            clock,
            worker,
            corrected: None,
            attendance: Arc::default(),
            led_to: Arc::default(),
        }
    }

    /// Whether nothing is lost by waiting: for a source that waits as well, and where time does.
    pub(crate) fn waits(&self) -> bool {
        self.clock.is_virtual() || (self.pace == Pace::Fast && !self.input.is_device())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.format.check()?;
        if self.length.is_some_and(|length| length > LONGEST) {
            return Err(Error::bad_argument("a capture's length is at most 10^9 s; nothing was started"));
        }
        let periods = Duration::from_millis(1)..=Duration::from_secs(1);
        if self.period.is_some_and(|period| !periods.contains(&period)) {
            return Err(Error::bad_argument("a period is 1 ms to 1 s; nothing was started"));
        }
        if self.recovery.stall_patience.is_some_and(|patience| patience < Duration::from_millis(300)) {
            return Err(Error::bad_argument(
                "a stall is waited out for 300 ms at least; nothing was started",
            ));
        }
        if !(Duration::from_millis(20)..=Duration::from_secs(60)).contains(&self.pool) {
            return Err(Error::bad_argument("the pool holds 20 ms to 60 s; nothing was started"));
        }
        if self.history > Duration::from_secs(30) {
            return Err(Error::bad_argument("a history holds at most 30 s; nothing was started"));
        }
        Ok(())
    }
}

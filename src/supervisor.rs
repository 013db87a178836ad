//! Which device is open, and when another is opened: at the start, after a failure, at somebody's wish.
//!
//! Opening, closing and looking for devices happen on threads of their own; nothing here waits but a close, for a
//! fifth of a second. The preference of whoever configured the capture is kept whatever is open meanwhile.

use crate::error::{Error, ErrorKind};
use crate::faults::Fault;
use crate::source::{self, FormatWish, Input, Opening, Session, Wish};
use crate::time::Clock;
use crate::timeline::Away;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

/// What happens when a device fails, falls silent or goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Recovery {
    /// How long to try to open a device again before the capture ends. Zero: not at all, the capture ends with the
    /// device. Default 30 s.
    #[cfg_attr(feature = "serde", serde(rename = "give_up_ms", with = "crate::serial::ms"))]
    pub give_up: Duration,
    /// A device that delivers nothing for so long is opened anew, although it reports no error. At least 300 ms.
    /// Default 2 s, on hosts that are known to let a device die without a word (CoreAudio) 0.7 s. A server that merely
    /// stood still delivers late what it has, and needs no new stream.
    #[cfg_attr(feature = "serde", serde(rename = "stall_patience_ms", with = "crate::serial::maybe_ms"))]
    pub stall_patience: Option<Duration>,
    /// Whether the system's default device takes the place of one that is gone, until it is back. Default: yes.
    pub fall_back: bool,
    /// Whether a device whose stamps say that it runs at another standard rate than its label is opened again and taken at
    /// that rate. Otherwise it is only flagged ([`SoundVerdict::RateMismatch`](crate::SoundVerdict::RateMismatch)).
    /// Default: no.
    pub correct_rate: bool,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { give_up: Duration::from_secs(30), stall_patience: None, fall_back: true, correct_rate: false }
    }
}

impl Recovery {
    /// No recovery: the capture ends when its device does.
    pub const NONE: Self =
        Self { give_up: Duration::ZERO, stall_patience: None, fall_back: false, correct_rate: false };

    /// How long a device of `host` may stand still.
    fn patience(&self, host: &str) -> Duration {
        let own = if host == "coreaudio" { Duration::from_millis(700) } else { Duration::from_secs(2) };
        self.stall_patience.unwrap_or(own)
    }
}

/// Waits between attempts; the last is repeated.
const BACK_OFF_MS: [u64; 8] = [0, 50, 100, 200, 400, 500, 500, 1000];
/// How often a preferred device is looked for while another is open in its place.
const LOOK_BACK: Duration = Duration::from_secs(2);
/// How often a device that has gone quiet is looked for: each look is a thread, and at some hosts a connection.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Threads that may hang in a host's calls: with so many, nothing is opened until one comes back.
const MOST_THREADS: usize = 3;
/// A default that moved is no news where the host has just moved the stream itself.
const MOVED_BY_ITSELF: Duration = Duration::from_secs(3);
/// A device that has been open for so long, and delivers, is no longer on trial.
const STEADY: Duration = Duration::from_secs(1);
/// A device that was opened so often in a row without a frame is given up for another.
const FRUITLESS: u32 = 2;

/// The device of a capture.
#[derive(Debug)]
enum Device {
    /// None, at somebody's wish.
    Closed,
    Opening(Opening),
    Open(Box<Session>),
    /// None, until the next attempt.
    Waiting {
        until: Instant,
    },
}

/// What became of an attempt to open.
#[derive(Debug)]
pub(crate) enum News {
    Opened,
    /// It failed; another attempt follows.
    Failed(Error),
    /// It failed, and that was the last.
    GaveUp(Error),
}

/// Keeps a device open.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// How to open; its input is the preferred one.
    wish: Wish,
    recovery: Recovery,
    device: Device,
    /// Whether the open, or opening, device is there in place of the preferred one.
    in_place: bool,
    /// Since when none is open that works.
    lost_since: Option<Instant>,
    attempts: u32,
    /// No device speaks the format that was wished for, so another will do.
    any_format: bool,
    /// Opened in a row without a frame.
    fruitless: u32,
    /// Whether a device is there: the stalled one, or the preferred one while another is in its place.
    search: Option<Receiver<bool>>,
    searched: Option<Instant>,
    rerouted: Option<Instant>,
}

impl Supervisor {
    /// Begins to open the preferred input.
    ///
    /// # Errors
    /// `BadArgument` for a wish that nothing could meet; `Internal` without a thread.
    pub fn start(wish: Wish, recovery: Recovery) -> Result<Self, Error> {
        let device = Device::Opening(source::open(wish.clone())?);
        Ok(Self {
            wish,
            recovery,
            device,
            in_place: false,
            lost_since: None,
            attempts: 0,
            any_format: false,
            fruitless: 0,
            search: None,
            searched: None,
            rerouted: None,
        })
    }

    /// The time that all this lives by.
    pub fn clock(&self) -> &Clock {
        &self.wish.clock
    }

    /// The open device.
    pub fn session(&mut self) -> Option<&mut Session> {
        match &mut self.device {
            Device::Open(session) => Some(session),
            _ => None,
        }
    }

    /// Takes the open device away, to be closed; nothing is opened until [`reopen`](Self::reopen).
    pub fn take(&mut self) -> Option<Box<Session>> {
        match std::mem::replace(&mut self.device, Device::Closed) {
            Device::Open(session) => {
                (self.search, self.searched) = (None, None);
                Some(session)
            }
            other => {
                self.device = other;
                None
            }
        }
    }

    /// Gives up opening, if that is under way.
    pub fn rest(&mut self) {
        self.device = Device::Closed;
        (self.lost_since, self.attempts, self.fruitless) = (None, 0, 0);
    }

    /// Whether no device is open and none is to be.
    pub fn rests(&self) -> bool {
        matches!(self.device, Device::Closed)
    }

    /// Opens a device as soon as may be: at once, unless the last ones did not last.
    pub fn reopen(&mut self, now: Instant) {
        self.lost_since.get_or_insert(now);
        self.device = Device::Waiting { until: now + self.back_off() };
    }

    fn back_off(&self) -> Duration {
        // Where there is another to try, each has its turn before the wait gets longer.
        let step = if self.recovery.fall_back { self.attempts / 2 } else { self.attempts };
        Duration::from_millis(BACK_OFF_MS[(step as usize).min(BACK_OFF_MS.len() - 1)])
    }

    /// Devices have come or gone: whoever waits for one looks at once.
    pub fn devices_changed(&mut self, now: Instant) {
        if let Device::Waiting { until } = &mut self.device {
            *until = now;
        }
        // The preferred one may be back.
        self.searched = now.checked_sub(LOOK_BACK);
    }

    /// Another preference, from the next opening on.
    pub fn prefer(&mut self, input: Input) {
        self.wish.input = input;
        self.wish.led_to = Arc::default();
        (self.in_place, self.fruitless, self.attempts) = (false, 0, 0);
    }

    /// Frames come from the open device: it works.
    pub fn is_fed(&mut self, now: Instant) {
        (self.fruitless, self.lost_since) = (0, None);
        if let Device::Open(session) = &self.device
            && now >= session.started + STEADY
        {
            self.attempts = 0;
        }
    }

    /// Whether devices are opened again at all.
    pub fn recovers(&self) -> bool {
        !self.recovery.give_up.is_zero() && self.wish.input.is_device()
    }

    /// Goes on with what is under way. What became of an attempt.
    pub fn attend(&mut self, now: Instant) -> Option<News> {
        if let Device::Waiting { until } = self.device
            && now >= until
            && self.has_threads()
        {
            // The preferred one and the one in its place take turns.
            let other = self.recovery.fall_back && !matches!(self.wish.input, Input::Default);
            self.in_place = other && (self.attempts % 2 == 1 || self.fruitless >= FRUITLESS);
            self.attempts += 1;
            let input = if self.in_place { Input::Default } else { self.wish.input.clone() };
            let format = if self.any_format { FormatWish::default() } else { self.wish.format };
            match source::open(Wish { input, format, ..self.wish.clone() }) {
                Ok(opening) => self.device = Device::Opening(opening),
                Err(error) => return Some(self.failed(error, now)),
            }
        }
        let Device::Opening(opening) = &self.device else { return None };
        match opening.poll(now)? {
            Ok(session) => {
                self.device = Device::Open(Box::new(session));
                self.fruitless += 1;
                Some(News::Opened)
            }
            Err(error) => Some(self.failed(error, now)),
        }
    }

    fn failed(&mut self, error: Error, now: Instant) -> News {
        let since = *self.lost_since.get_or_insert(now);
        if !self.recovers() || now.saturating_duration_since(since) >= self.recovery.give_up {
            self.device = Device::Closed;
            return News::GaveUp(error);
        }
        self.any_format |= error.kind() == ErrorKind::UnsupportedFormat;
        // Where there is another to try, it is tried at once.
        let at_once = self.recovery.fall_back && !self.in_place && !matches!(self.wish.input, Input::Default);
        let wait = if at_once { Duration::ZERO } else { self.back_off() };
        self.device = Device::Waiting { until: now + wait };
        News::Failed(error)
    }

    /// Whether the open device, which has been quiet for so long and may be known to be stalled, must be opened anew;
    /// and whether another should be open. Asks the system where that has to be found out.
    pub fn judge(&mut self, now: Instant, quiet: Duration, is_stalled: bool) -> Option<Away> {
        let Device::Open(session) = &self.device else { return None };
        if !self.recovers() || !session.paced || session.ends_itself {
            return None;
        }
        let patience = self.recovery.patience(&session.info.host);
        // A new stream each time makes a device that never comes no better.
        if quiet >= patience.saturating_mul(1 << (self.fruitless.saturating_sub(FRUITLESS)).min(4)) {
            return Some(Away::Stalled);
        }
        match self.search.as_ref().map(Receiver::try_recv) {
            Some(Ok(true)) if self.in_place => return Some(Away::Switched),
            Some(Ok(false)) if !self.in_place && is_stalled => {
                return Some(Away::Failed(ErrorKind::DeviceLost));
            }
            Some(Ok(_) | Err(TryRecvError::Disconnected)) => self.search = None,
            Some(Err(TryRecvError::Empty)) => {}
            None => {
                let since = now - *self.searched.get_or_insert(now);
                if (is_stalled && !self.in_place && since >= LOOK_AGAIN)
                    || (self.in_place && since >= LOOK_BACK)
                {
                    (self.search, self.searched) = (Some(source::look_for(self.wish.clone())), Some(now));
                }
            }
        }
        None
    }

    /// The device's stamps say that it runs at `actual_hz`, whatever its label: whether it is to be opened anew, and taken
    /// at that rate.
    pub fn measure(&mut self, actual_hz: u32) -> Option<Away> {
        let Device::Open(session) = &self.device else { return None };
        if !self.recovery.correct_rate || !self.recovers() {
            return None;
        }
        self.wish.corrected = Some((session.info.id.clone(), actual_hz));
        Some(Away::RateCorrected)
    }

    /// What a report of the device's means: whether it must be opened anew.
    pub fn hear(&mut self, fault: Fault, now: Instant) -> Option<Away> {
        match fault {
            Fault::Rerouted => self.rerouted = Some(now),
            Fault::DefaultMoved => {
                let by_itself = self.rerouted.is_some_and(|at| now - at < MOVED_BY_ITSELF);
                return (!by_itself && self.recovers()).then_some(Away::Switched);
            }
            _ => {}
        }
        let kind = match fault {
            Fault::Denied => ErrorKind::PermissionDenied,
            Fault::Mismatch => ErrorKind::UnsupportedFormat,
            _ => ErrorKind::DeviceLost,
        };
        fault.is_fatal().then_some(Away::Failed(kind))
    }

    /// The error that a capture ends with which does not recover.
    pub fn lost(&mut self, kind: ErrorKind) -> Error {
        let what = match kind {
            ErrorKind::PermissionDenied => "access to the microphone was withdrawn",
            ErrorKind::UnsupportedFormat => "the device changed its sample format",
            _ => "the device is gone",
        };
        let name = self.session().map_or_else(String::new, |session| session.info.name.clone());
        Error::new(kind, format!("{what}: {name}; what came before is delivered"))
    }

    /// How long nothing is to be done here, unless somebody wakes the worker.
    pub fn patience(&self, now: Instant) -> Duration {
        match &self.device {
            Device::Closed => Duration::from_secs(3600),
            Device::Opening(opening) => opening.deadline.saturating_duration_since(now),
            Device::Open(_) if self.in_place => LOOK_BACK,
            Device::Open(_) => Duration::from_secs(3600),
            Device::Waiting { until } if self.has_threads() => until.saturating_duration_since(now),
            Device::Waiting { .. } => LOOK_BACK,
        }
    }

    /// Whether there are fewer than may hang; one share of the attendance is our own.
    fn has_threads(&self) -> bool {
        Arc::strong_count(&self.wish.attendance) - 1 < MOST_THREADS
    }
}

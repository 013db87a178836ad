//! What happens to a capture, told as it happens.

use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::signal::verdict::SoundVerdict;
use crate::source::InputInfo;
use crate::timeline::{Away, Gap, Verdict};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When the worker noticed, since the capture's [`first_open`](crate::Capture::first_open).
    pub at: Duration,
    /// What.
    pub kind: EventKind,
}

/// What can happen. The rare things: levels are in the [`Picture`](crate::Picture), counts in the
/// [`Stats`](crate::Stats).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The input was opened for the first time.
    Opened(InputInfo),
    /// An open device called back for the first time.
    FirstCallback,
    /// The first sample that is not exactly zero has come from an open device: speak now.
    FirstSignal,
    /// What a user should know of the sound has changed; [`SoundVerdict::Ok`] where all is well again.
    Verdict(SoundVerdict),
    /// The device has delivered nothing for so long.
    Stalled(Duration),
    /// It delivers again.
    Resumed,
    /// Audio was dropped or refused, or the capture was without its device; in device frames.
    Gap(Gap),
    /// News about frames that the device lost.
    Lost(Verdict),
    /// The device is not open any more, and why; the take goes on.
    Closed(Away),
    /// Opening it again has failed so far; the take goes on.
    CannotOpen(Error),
    /// It is open again, or another in its place; what was missed follows as a gap.
    Reopened(InputInfo),
    /// The system moved the stream to another device, which goes on.
    Rerouted,
    /// The system refused real-time priority to the callback's thread.
    RealtimeDenied,
    /// The device reports errors by the thousand.
    ErrorStorm,
    /// The system's time has jumped: the machine slept.
    Slept(Duration),
    /// The newest frame is so old when the worker gets it: the machine, or a closure on the worker, is too slow.
    Overloaded(Duration),
    /// The capture has ended. The last event.
    Stopped(StopReason),
}

impl EventKind {
    /// The name in lower case, as JSON spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opened(_) => "opened",
            Self::FirstCallback => "first callback",
            Self::FirstSignal => "first signal",
            Self::Verdict(_) => "verdict",
            Self::Stalled(_) => "stalled",
            Self::Resumed => "resumed",
            Self::Gap(_) => "gap",
            Self::Lost(_) => "lost",
            Self::Closed(_) => "closed",
            Self::CannotOpen(_) => "cannot open",
            Self::Reopened(_) => "reopened",
            Self::Rerouted => "rerouted",
            Self::RealtimeDenied => "realtime denied",
            Self::ErrorStorm => "error storm",
            Self::Slept(_) => "slept",
            Self::Overloaded(_) => "overloaded",
            Self::Stopped(_) => "stopped",
        }
    }
}

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody stopped it.
    Requested,
    /// The input came to its end, or the length asked for was reached.
    Finished,
    /// The device went away and none came back, or the file could not be read on; everything before
    /// that is delivered.
    Failed(Error),
    /// The last callback did not return within 250 ms; its frames stay pending for ever.
    CallbackStuck,
}

/// Events that may wait for one listener; of more, the oldest are lost.
const WAITING: usize = 256;
/// Events that are kept for the report.
const KEPT: usize = 1024;

/// The listening end. Dropping it ends it.
#[derive(Debug)]
pub struct Events(Arc<Mailbox<Event>>);

impl Events {
    /// The next event, if there is one. Never waits.
    pub fn try_recv(&mut self) -> Option<Event> {
        self.0.pop()
    }

    /// The next event; waits for it. `None` after the last one.
    pub fn recv(&mut self) -> Option<Event> {
        self.0.pop_until(None)
    }

    /// The next event, waited for no longer than `patience`.
    pub fn recv_timeout(&mut self, patience: Duration) -> Option<Event> {
        self.0.pop_until(Instant::now().checked_add(patience))
    }
}

impl Iterator for Events {
    type Item = Event;

    /// [`recv`](Events::recv).
    fn next(&mut self) -> Option<Event> {
        self.recv()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// The telling end of one listener's.
#[derive(Debug)]
pub(crate) struct Teller(Arc<Mailbox<Event>>);

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A listener's two ends.
pub(crate) fn events() -> (Teller, Events) {
    let mailbox = Arc::new(Mailbox::new(WAITING));
    (Teller(mailbox.clone()), Events(mailbox))
}

/// Tells everybody, and keeps what was told.
#[derive(Debug, Default)]
pub(crate) struct Bulletin {
    tellers: Vec<Teller>,
    told: Vec<Event>,
    /// What `Event::at` is at present.
    pub now: Duration,
}

impl Bulletin {
    /// Another listener, who hears what comes from now on.
    pub fn join(&mut self, teller: Teller) {
        self.tellers.retain(|teller| !teller.0.is_left());
        self.tellers.push(teller);
    }

    pub fn tell(&mut self, kind: EventKind) {
        let event = Event { at: self.now, kind };
        for teller in &self.tellers {
            teller.0.force_push(event.clone());
        }
        if self.told.len() < KEPT {
            self.told.push(event);
        }
    }

    /// What was told, the first 1,024.
    pub fn told(self) -> Vec<Event> {
        self.told
    }
}

//! What happens to a capture, told as it happens.

use crate::error::Error;
use crate::mailbox::Mailbox;
use crate::signal::verdict::SoundVerdict;
use crate::source::InputInfo;
use crate::timeline::{Away, Gap, Verdict};
use std::sync::Arc;
#[cfg(feature = "async")]
use std::task::{Context, Poll};
use std::time::Duration;

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Event {
    /// When the worker noticed, since the capture's [`first_open`](crate::Capture::first_open).
    #[cfg_attr(feature = "serde", serde(rename = "at_ms", with = "crate::serial::ms"))]
    pub at: Duration,
    /// What.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub kind: EventKind,
}

/// What can happen. The rare things: levels are in the [`Picture`](crate::Picture), counts in the
/// [`Stats`](crate::Stats).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", content = "data", rename_all = "snake_case")
)]
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
    /// Other channels of the open device than before carry nothing while others do: these, counted from 0, which
    /// [`Channels::Mono`](crate::Channels::Mono) leaves out. None: all are alive again.
    DeadChannels(Vec<u16>),
    /// The device has delivered nothing for so long.
    Stalled(#[cfg_attr(feature = "serde", serde(with = "crate::serial::ms"))] Duration),
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
    /// The system's list of devices, or its default input, is another one than before: [`devices`](crate::devices) has it.
    /// Where [`Config::watch_devices`](crate::Config::watch_devices) asks for it; several changes within seconds may be
    /// told as one, and those of outputs as well.
    DevicesChanged,
    /// The system moved the stream to another device, which goes on.
    Rerouted,
    /// The system refused real-time priority to the callback's thread.
    RealtimeDenied,
    /// The device reports errors by the thousand.
    ErrorStorm,
    /// The system's time has jumped: the machine slept.
    Slept(#[cfg_attr(feature = "serde", serde(with = "crate::serial::ms"))] Duration),
    /// The newest frame is so old when the worker gets it, or a closure on the worker has taken so long: the machine, or
    /// that closure, is too slow. Told once, until it has been better for a while.
    Overloaded(#[cfg_attr(feature = "serde", serde(with = "crate::serial::ms"))] Duration),
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
            Self::DeadChannels(_) => "dead channels",
            Self::Stalled(_) => "stalled",
            Self::Resumed => "resumed",
            Self::Gap(_) => "gap",
            Self::Lost(_) => "lost",
            Self::Closed(_) => "closed",
            Self::CannotOpen(_) => "cannot open",
            Self::Reopened(_) => "reopened",
            Self::DevicesChanged => "devices changed",
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
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
    /// Only in a [`Replay`](crate::Replay): the trace ends here, the capture did not.
    TraceEnded(Error),
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
        self.0.wait(None)
    }

    /// The next event, waited for no longer than `patience`.
    pub fn recv_timeout(&mut self, patience: Duration) -> Option<Event> {
        self.0.wait(Some(patience))
    }

    /// [`recv`](Self::recv) for a task, which is woken when there is news.
    #[cfg(feature = "async")]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_pop(context)
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
pub(crate) struct Teller {
    mailbox: Arc<Mailbox<Event>>,
    /// Is told of a first signal that came before it joined.
    #[cfg(feature = "async")]
    pub awaits_signal: bool,
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.mailbox.end();
    }
}

/// A listener's two ends.
pub(crate) fn events() -> (Teller, Events) {
    let mailbox = Arc::new(Mailbox::new(WAITING));
    let teller = Teller {
        mailbox: mailbox.clone(),
        #[cfg(feature = "async")]
        awaits_signal: false,
    };
    (teller, Events(mailbox))
}

/// For the application's log: what happens to the device, and what is wrong with it. Nothing that every hole or every
/// word would fill it with.
#[cfg(feature = "tracing")]
fn log(event: &Event) {
    let at_ms = event.at.as_millis() as u64;
    match &event.kind {
        EventKind::Opened(InputInfo { host, id, name, format, server, period_frames }) => {
            tracing::info!(at_ms, host, id, name, %format, server, period_frames, "opened");
        }
        EventKind::Reopened(InputInfo { host, id, name, format, server, period_frames }) => {
            tracing::info!(at_ms, host, id, name, %format, server, period_frames, "reopened");
        }
        EventKind::Closed(why) => tracing::info!(at_ms, ?why, "closed"),
        EventKind::CannotOpen(error) => tracing::warn!(at_ms, %error, "cannot open"),
        EventKind::DevicesChanged => tracing::info!(at_ms, "devices changed"),
        EventKind::Stalled(quiet) => tracing::warn!(at_ms, ?quiet, "stalled"),
        EventKind::Overloaded(length) => tracing::warn!(at_ms, ?length, "overloaded"),
        EventKind::DeadChannels(channels) => tracing::warn!(at_ms, ?channels, "dead channels"),
        EventKind::ErrorStorm | EventKind::RealtimeDenied => {
            tracing::warn!(at_ms, "{}", event.kind.name());
        }
        EventKind::Stopped(StopReason::Failed(error)) => tracing::error!(at_ms, %error, "stopped"),
        EventKind::Stopped(reason) => tracing::info!(at_ms, ?reason, "stopped"),
        _ => {}
    }
}

/// Tells everybody, and keeps what was told.
#[derive(Debug, Default)]
pub(crate) struct Bulletin {
    tellers: Vec<Teller>,
    told: Vec<Event>,
    /// When the open device brought its first signal, if it has.
    #[cfg(feature = "async")]
    signal: Option<Duration>,
    /// What `Event::at` is at present.
    pub now: Duration,
}

impl Bulletin {
    /// Another listener, who hears what comes from now on.
    pub fn join(&mut self, teller: Teller) {
        self.tellers.retain(|teller| !teller.mailbox.is_left());
        #[cfg(feature = "async")]
        if let Some(at) = self.signal.filter(|_| teller.awaits_signal) {
            teller.mailbox.force_push(Event { at, kind: EventKind::FirstSignal });
        }
        self.tellers.push(teller);
    }

    pub fn tell(&mut self, kind: EventKind) {
        let event = Event { at: self.now, kind };
        #[cfg(feature = "tracing")]
        log(&event);
        #[cfg(feature = "async")]
        match event.kind {
            EventKind::FirstSignal => self.signal = Some(self.now),
            EventKind::Closed(_) => self.signal = None,
            _ => {}
        }
        for teller in &self.tellers {
            teller.mailbox.force_push(event.clone());
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

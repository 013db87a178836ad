//! Pages that are told of what is rare.

use crate::error::{Error, ErrorKind, Result};
use crate::models::Notice;
use crate::studio::Studio;
use hearken::{EventKind, Events, StopReason};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};
use tauri::ipc::Channel;

/// Notices of one second that reach the pages: a device that dies by inches must not drown them.
const MOST: u32 = 20;

/// One channel for each web view.
#[derive(Default)]
pub(crate) struct Watchers(Mutex<HashMap<String, Channel<Notice>>>);

impl Watchers {
    /// A page that was loaded anew takes the place of the old one.
    pub fn join(&self, webview: String, channel: Channel<Notice>) {
        self.0.lock().insert(webview, channel);
    }

    pub fn tell(&self, notice: &Notice) {
        self.0.lock().retain(|_, channel| channel.send(notice.clone()).is_ok());
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.lock().keys()).finish()
    }
}

/// Passes on what happens to a capture, until its end.
pub(crate) fn follow(studio: &Arc<Studio>, events: Events) -> Result<()> {
    let studio = Arc::downgrade(studio);
    let thread = thread::Builder::new().name("hearken-notices".into());
    let started = thread.spawn(move || pass_on(&studio, events));
    started.map(drop).map_err(|error| {
        Error::new(ErrorKind::Internal, format!("no thread could be started: {error}; nothing is open"))
    })
}

fn pass_on(studio: &Weak<Studio>, events: Events) {
    let (mut since, mut told) = (Instant::now(), 0);
    for event in events {
        let Some(studio) = studio.upgrade() else { return };
        if let EventKind::Stopped(reason) = &event.kind {
            let message = match reason {
                StopReason::Failed(error) => error.to_string(),
                _ => "the capture has ended".to_owned(),
            };
            return studio.ended(message);
        }
        if since.elapsed() > Duration::from_secs(1) {
            (since, told) = (Instant::now(), 0);
        }
        if let EventKind::Opened(input) | EventKind::Reopened(input) = &event.kind {
            studio.opened(&input.name);
        }
        let Some(notice) = notice(&event.kind, &studio) else { continue };
        told += 1;
        if told <= MOST {
            studio.watchers.tell(&notice);
        }
    }
}

fn notice(kind: &EventKind, studio: &Studio) -> Option<Notice> {
    let ms = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let lost = |message: &dyn fmt::Display| Some(Notice::Lost { message: message.to_string() });
    let gap = |cause: &str, frames: u64| {
        let rate = studio.status().device.map_or(48_000, |device| device.rate_hz.max(1));
        Some(Notice::Gap { cause: cause.to_owned(), length_ms: frames * 1000 / u64::from(rate) })
    };
    match kind {
        EventKind::Opened(_) | EventKind::Resumed | EventKind::FirstCallback => {
            Some(Notice::State { status: Box::new(studio.status()) })
        }
        EventKind::Stalled(length) => Some(Notice::Silent { for_ms: ms(*length) }),
        EventKind::Gap(hole) => gap(hole.cause.name(), hole.frames),
        EventKind::Lost(loss) if loss.frames > 0 => gap("lost", loss.frames),
        EventKind::Closed(hearken::Away::Idle | hearken::Away::Switched) => {
            Some(Notice::State { status: Box::new(studio.status()) })
        }
        EventKind::Closed(why) => lost(&hearken::Cause::Away(*why)),
        EventKind::CannotOpen(error) => lost(error),
        EventKind::Reopened(input) => Some(Notice::Reopened { device: input.clone().into() }),
        _ => None,
    }
}

//! What the engine writes down of its input, if somebody wants a trace of it.

use super::Engine;
use crate::event::EventKind;
use crate::source::InputInfo;
use crate::stats::Stats;
use crate::timeline::Anchor;
use crate::trace::{Entry, Tick, TraceContent};
use std::time::{Duration, Instant};

impl Engine {
    /// Another turn of the worker, so long after the first open.
    pub fn tick(&mut self, now: Duration) {
        self.bulletin.now = now;
        let tick = self.figures();
        self.add(|| Entry::Tick(tick));
    }

    /// The worker has something to tell.
    pub fn tell(&mut self, kind: EventKind) {
        self.add(|| Entry::Told(kind.clone()));
        self.bulletin.tell(kind);
    }

    /// The capture has ended.
    pub fn end_trace(&mut self, late_callbacks: u64, released: bool) {
        let tick = self.figures();
        self.add(|| Entry::End { tick, late_callbacks, released });
        self.trace = None;
    }

    /// The sound has something to tell.
    pub(super) fn tell_of_sound(&mut self, kind: EventKind) {
        if self.is_deaf {
            return;
        }
        if self.trace.as_ref().is_some_and(|trace| trace.content == TraceContent::WithoutAudio) {
            self.add(|| Entry::Told(kind.clone()));
        }
        self.bulletin.tell(kind);
    }

    pub(super) fn trace_begin(&mut self, info: &InputInfo, anchor: &Anchor, first_open: Instant) {
        let &Anchor { at, stream_ns, error, is_own } = anchor;
        let at = at.saturating_duration_since(first_open);
        self.add(|| Entry::Begin { info: info.clone(), at, stream_ns, error, is_own });
    }

    pub(super) fn add<'a>(&mut self, entry: impl FnOnce() -> Entry<'a>) {
        if let Some(trace) = &mut self.trace {
            trace.add(&entry());
        }
    }

    fn figures(&self) -> Tick {
        let Stats { wakeups, slow_closures, repaired_samples, .. } = self.stats;
        Tick { now: self.bulletin.now, wakeups, slow_closures, repaired_samples }
    }
}

//! The other half: blocks in, taps out, when to sleep, and how to end.

mod session;

use crate::desk::{Desk, Times};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::event::{EventKind, StopReason};
use crate::faults::Fault;
use crate::record::{Live, Record};
use crate::report::Report;
use crate::rhythm::{Rhythm, Sight as Look};
use crate::source::InputInfo;
use crate::stats::StatsWriter;
use crate::supervisor::{News, Supervisor};
use crate::time::{Clock, Sleeper};
use crate::timeline::Away;
use crate::watchdog::{Sight, Watchdog};
use session::{drain, live};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A look at least so often, whatever is waited for.
const LOOK: Duration = Duration::from_secs(1);
/// How long an end waits for the source to let go of the device.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);

/// An open device at work.
#[derive(Debug)]
struct Watch {
    rhythm: Rhythm,
    watchdog: Watchdog,
    opened: Instant,
    /// What the callbacks said at the last look.
    record: Record,
    largest: u32,
    /// Frames that came too late, since then.
    late: u64,
    /// When the next look was to be. What waits longer than that waits for us, and not for the device.
    due: Instant,
}

impl Watch {
    fn new(rate_hz: u32, opened: Instant, due: Instant) -> Self {
        Self {
            rhythm: Rhythm::new(rate_hz),
            watchdog: Watchdog::new(opened),
            opened,
            record: Record::default(),
            largest: 0,
            late: 0,
            due,
        }
    }
}

/// The worker's state. One thread runs it from the first opening to the end. Boxed, or that thread's stack holds it twice.
#[derive(Debug)]
pub(crate) struct Worker {
    desk: Arc<Desk>,
    clock: Clock,
    sleeper: Sleeper,
    supervisor: Supervisor,
    engine: Engine,
    stats: StatsWriter,
    watch: Watch,
    times: Times,
    /// When the clock ends the capture.
    deadline: Option<Instant>,
    /// When the device is let go of, if no take needs it.
    idle_at: Option<Instant>,
    late_callbacks: u64,
    released: bool,
}

impl Worker {
    pub fn new(
        desk: Arc<Desk>,
        sleeper: Sleeper,
        supervisor: Supervisor,
        engine: Engine,
        stats: StatsWriter,
        times: Times,
    ) -> Box<Self> {
        let first_open = times.first_open;
        Box::new(Self {
            desk,
            clock: supervisor.clock().clone(),
            sleeper,
            supervisor,
            engine,
            stats,
            watch: Watch::new(1, first_open, first_open),
            times,
            deadline: None,
            idle_at: Some(times.first_open),
            late_callbacks: 0,
            released: true,
        })
    }

    /// Runs until the end, whichever comes first: the stop, the source's end, the loss of the device for good. `opened`
    /// hears of the first opening.
    ///
    /// # Errors
    /// What kept the first device from opening, at once: there is nothing to go on with.
    pub fn run(mut self: Box<Self>, mut opened: impl FnMut(&InputInfo)) -> Result<Report, Error> {
        loop {
            let requested = self.desk.stop.load(Ordering::Relaxed);
            let now = self.clock.now();
            self.engine.tick(now.saturating_duration_since(self.times.first_open));
            // Before anything is told.
            let tellers = std::mem::take(&mut *self.desk.tellers.lock());
            tellers.into_iter().for_each(|teller| self.engine.bulletin.join(teller));
            if requested && self.engine.input().is_none() {
                return Err(Error::new(ErrorKind::DeviceBusy, "stopped before the device was open"));
            }
            self.welcome();
            if !requested {
                self.obey(now);
                let held = self.desk.held.load(Ordering::Relaxed);
                match self.supervisor.attend(now) {
                    Some(News::Opened) => self.begin(&mut opened)?,
                    Some(News::Failed(error) | News::GaveUp(error))
                        if held && self.engine.input().is_none() =>
                    {
                        return Err(error);
                    }
                    Some(News::Failed(error) | News::GaveUp(error))
                        if !held && !self.engine.outlets.have_takes() =>
                    {
                        self.engine.outlets.reject_takes(&error);
                        self.supervisor.rest();
                    }
                    Some(News::Failed(error)) => self.engine.tell(EventKind::CannotOpen(error)),
                    Some(News::GaveUp(error)) => return Ok(self.finish(StopReason::Failed(error))),
                    None => {}
                }
            }
            let (more, end) = self.serve(now);
            if requested {
                return Ok(self.finish(StopReason::Requested));
            }
            if let Some(reason) = end {
                return Ok(self.finish(reason));
            }
            if !more {
                self.sleep();
                self.engine.stats.wakeups += 1;
            }
        }
    }

    fn welcome(&mut self) {
        for tap in std::mem::take(&mut *self.desk.taps.lock()) {
            self.engine.welcome(tap);
        }
        for take in std::mem::take(&mut *self.desk.takes.lock()) {
            self.engine.welcome_take(take);
        }
        self.engine.outlets.sweep();
    }

    /// What the application wishes about the device.
    fn obey(&mut self, now: Instant) {
        // Acquire: pairs with the watcher's store.
        if self.desk.devices_changed.swap(false, Ordering::Acquire) {
            self.engine.tell(EventKind::DevicesChanged);
            self.supervisor.devices_changed(now);
        }
        let suspended = self.desk.suspended.load(Ordering::Relaxed);
        let switch = self.desk.switch.lock().take();
        if let Some(input) = switch {
            self.supervisor.prefer(input);
            self.close(Away::Switched);
            self.supervisor.reopen(now);
        }
        let is_held = self.desk.held.load(Ordering::Relaxed) || self.engine.outlets.hold_device();
        if is_held {
            self.idle_at = now.checked_add(self.times.idle);
        }
        let is_needed = is_held || self.idle_at.is_none_or(|at| now < at);
        if suspended || !is_needed {
            self.close(if suspended { Away::Suspended } else { Away::Idle });
            self.supervisor.rest();
        } else if self.supervisor.rests() {
            self.supervisor.reopen(now);
        }
    }

    /// A device is open.
    fn begin(&mut self, opened: &mut impl FnMut(&InputInfo)) -> Result<(), Error> {
        let Some(session) = self.supervisor.session() else { return Ok(()) };
        let info = session.info.clone();
        let is_first = self.engine.input().is_none();
        if is_first {
            let length = self.times.length.filter(|_| !session.ends_itself);
            self.deadline = length.and_then(|length| session.started.checked_add(length));
        }
        self.watch = Watch::new(info.format.rate_hz, session.started, self.clock.now());
        self.engine.begin(info.clone(), &session.anchor, self.times.first_open)?;
        *self.desk.record.lock() = Some(session.epoch.record.clone());
        *self.desk.input.lock() = Some(info.clone());
        if is_first {
            opened(&info);
        }
        Ok(())
    }

    /// Serves the open device. Whether there may be more to serve at once, and the reason to end, if there is one.
    fn serve(&mut self, now: Instant) -> (bool, Option<StopReason>) {
        let seen = now.saturating_duration_since(self.times.first_open);
        let is_awaited = self.engine.outlets.due().is_some_and(|due| seen >= due);
        if is_awaited && self.watch.watchdog.is_stalled() && self.supervisor.recovers() {
            // What lies in a block that no callback will ever hand over comes with the end of the epoch.
            self.close(Away::Stalled);
            self.supervisor.reopen(now);
        }
        let Some(session) = self.supervisor.session() else {
            self.engine.heed(seen);
            self.stats.publish(self.engine.stats.to_words());
            return (false, self.is_over(now).then_some(StopReason::Finished));
        };
        // Before the drain: what was written before the end was announced is there to be popped.
        let ended = session.epoch.source_ended();
        // Before the drain as well: a callback that hands over between the two is then news at the next look, which
        // comes soon, and not taken for served while its block waits for the next period's.
        let record = session.epoch.record.read();
        // Behind it: what it tells was there by then, whatever held us up.
        let read = self.clock.now();
        let live = live(session, record, std::mem::take(&mut self.watch.late));
        self.watch(now, &live);
        self.engine.delivered(&record, seen);
        let Some(session) = self.supervisor.session() else { return (false, None) };
        self.engine.heed(seen);
        let Self { engine, clock, times, .. } = self;
        let more = drain(session, engine, || clock.now().saturating_duration_since(times.first_open));
        self.engine.heed(seen);
        self.engine.slow(self.desk.slow.take());
        self.engine.look(&live, read.saturating_duration_since(self.times.origin));
        self.stats.publish(self.engine.stats.to_words());
        if !session.paced {
            // A source that waits for room wakes us when there is none left, and we it when there is.
            session.running.nudge();
        }
        let away = self.judge(now, &record);
        match away {
            // Before the end: a source that fails also ends.
            Some(Away::Failed(kind)) if !self.supervisor.recovers() => {
                return (false, Some(StopReason::Failed(self.supervisor.lost(kind))));
            }
            Some(why) if !ended && !self.is_over(now) => {
                self.close(why);
                self.supervisor.reopen(now);
                return (true, None);
            }
            _ => {}
        }
        (more, (ended || self.is_over(now)).then_some(StopReason::Finished))
    }

    /// What the device's callbacks say of it, before what they brought is served.
    fn watch(&mut self, now: Instant, live: &Live) {
        let Some(session) = self.supervisor.session() else { return };
        let Live { record, largest, errors, .. } = *live;
        let rate = f64::from(session.info.format.rate_hz);
        let seconds = |frames: u64| Duration::from_secs_f64(frames as f64 / rate);
        let waiting = seconds(record.captured.saturating_sub(self.engine.position()));
        // What comes in a burst was not ours to wait for.
        let late = now.saturating_duration_since(self.watch.due);
        let sight = Sight {
            now,
            callbacks: record.callbacks,
            captured: record.captured,
            period: seconds(largest.into()),
            errors,
            waiting: if session.paced { waiting.min(late) } else { Duration::ZERO },
            ahead: self.clock.ahead(),
        };
        let Self { watch, engine, .. } = self;
        (watch.record, watch.largest) = (record, largest);
        watch.watchdog.look(&sight, |kind| engine.tell(kind));
    }

    /// Whether the device has to be opened anew.
    fn judge(&mut self, now: Instant, record: &Record) -> Option<Away> {
        let session = self.supervisor.session()?;
        let faults: Vec<Fault> = session.epoch.faults.take().collect();
        if record.captured > 0 {
            self.supervisor.is_fed(now);
        }
        let mut away = None;
        for fault in faults {
            away = away.or(self.supervisor.hear(fault, now));
            match fault {
                Fault::Rerouted => self.engine.tell(EventKind::Rerouted),
                Fault::RealtimeDenied => self.engine.tell(EventKind::RealtimeDenied),
                _ => {}
            }
        }
        let watchdog = &self.watch.watchdog;
        let actual = self.engine.stats.clock.actual_rate_hz;
        away.or(self.supervisor.judge(now, watchdog.quiet(now), watchdog.is_stalled()))
            .or_else(|| self.supervisor.measure(actual?))
    }

    fn is_over(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Sleeps until the callback that completes the next thing somebody waits for is due, or somebody asks.
    fn sleep(&mut self) {
        let now = self.clock.now();
        let elapsed = now.saturating_duration_since(self.times.origin);
        let (position, needs) = (self.engine.position(), self.engine.needs(elapsed));
        let mut patience = self.supervisor.patience(now);
        let Watch { rhythm, watchdog, opened, record, largest, late, due } = &mut self.watch;
        if let Some(session) = self.supervisor.session() {
            let rate = u64::from(session.info.format.rate_hz);
            let want = if rhythm.is_learning() {
                position + 1
            } else {
                let others = [position + rate * LOOK.as_secs(), position + session.epoch.pool_frames / 4];
                others.into_iter().fold(needs, u64::min).max(position + 1)
            };
            let look = if session.paced {
                let hoped_for = want.max(record.captured + 1);
                let look = Look {
                    now: now.saturating_duration_since(*opened),
                    called: Duration::from_nanos(record.called_ns),
                    position: record.captured,
                    largest: *largest,
                };
                let look = rhythm.look(&look, hoped_for);
                *late += rhythm.late_frames();
                // It may have been captured already, after the last hand-over: then the next callback hands it over, even
                // one that brings nothing.
                let [first, second] = rhythm.hand_over(hoped_for);
                session.epoch.controls.want_each([if want < hoped_for { want } else { first }, second]);
                look
            } else {
                session.epoch.controls.want(want);
                Duration::from_millis(5)
            };
            patience = patience.min(look).min(watchdog.due(now)).min(LOOK);
        }
        if let Some(due) = self.engine.outlets.due() {
            patience = patience.min((self.times.first_open + due).saturating_duration_since(now));
        }
        if let Some(at) = self.idle_at
            && !self.supervisor.rests()
            && at > now
        {
            patience = patience.min(at - now);
        }
        if let Some(deadline) = self.deadline {
            patience = patience.min(deadline.saturating_duration_since(now));
        }
        *due = now + patience;
        self.sleeper.park(patience);
    }

    /// Closes the epoch that is open, exactly: what was handed over, then the gate, then what the last callback left.
    /// Whether its last callback came back.
    fn close_with(&mut self, why: Option<Away>) -> bool {
        let Some(mut session) = self.supervisor.take() else { return true };
        let Self { engine, clock, times, .. } = self;
        let seen = || clock.now().saturating_duration_since(times.first_open);
        while drain(&mut session, engine, seen) {}
        let last = session.end();
        while drain(&mut session, engine, seen) {}
        // A stuck callback's frames stay pending: they were given to it and never came out.
        let record = session.epoch.record.read();
        self.engine.leave(last.as_ref(), &live(&session, record, 0), why);
        *self.desk.input.lock() = None;
        *self.desk.record.lock() = None;
        self.released = session.running.close(CLOSE_PATIENCE);
        self.late_callbacks += session.epoch.bounced();
        last.is_some()
    }

    fn close(&mut self, why: Away) {
        self.close_with(Some(why));
    }

    /// The exact end.
    fn finish(mut self: Box<Self>, reason: StopReason) -> Report {
        let reason = if self.close_with(None) { reason } else { StopReason::CallbackStuck };
        let (gaps, provisional, epochs) = self.engine.finish();
        self.engine.slow(self.desk.slow.take());
        self.stats.publish(self.engine.stats.to_words());
        self.engine.tell(EventKind::Stopped(reason.clone()));
        self.engine.end_trace(self.late_callbacks, self.released);
        let input = epochs.last().map(|epoch| epoch.input.clone()).or(self.engine.input());
        Report {
            reason,
            input: input.expect("a capture that ran had an input"),
            stats: self.engine.stats,
            gaps,
            provisional,
            epochs,
            events: self.engine.bulletin.told(),
            late_callbacks: self.late_callbacks,
            released: self.released,
        }
    }
}

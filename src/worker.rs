//! The other half: blocks in, taps out, and when to sleep.

use crate::error::{Error, ErrorKind};
use crate::faults::Fault;
use crate::handoff::newest;
use crate::record::Record;
use crate::report::{Report, StopReason};
use crate::rhythm::Rhythm;
use crate::signal::decode;
use crate::signal::painter::Painter;
use crate::signal::picture::Picture;
use crate::signal::verdict::SoundVerdict;
use crate::source::Session;
use crate::stats::{Stats, StatsWriter};
use crate::tap::{Audio, Pipe};
use crate::timeline::{Cause, Gap, LossState, Span, Timeline, Timing, Verdict};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A look at least so often, whatever is waited for: a device that died without a word is noticed.
const WATCHDOG: Duration = Duration::from_secs(1);
/// How long the end waits for a callback that is running.
const STUCK_AFTER: Duration = Duration::from_millis(250);
const STUCK_RETRY: Duration = Duration::from_micros(200);
/// How long the end waits for the source to let go of the device.
const CLOSE_PATIENCE: Duration = Duration::from_millis(200);
/// Gap records that are kept for the report; the ledger counts all of them.
const MOST_GAPS: usize = 4096;

/// What the control side asks of the worker.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    /// Taps that join.
    pub taps: Mutex<Vec<Box<dyn Pipe>>>,
    /// End it.
    pub stop: AtomicBool,
}

/// Where the worker publishes.
pub(crate) type Ends = (StatsWriter, newest::Writer<Picture>);

/// The worker's state. One thread runs it from the opening of the device to the end.
#[derive(Debug)]
pub(crate) struct Worker {
    requests: Arc<Requests>,
    session: Session,
    /// What all times are counted from.
    origin: Instant,
    /// When the clock ends the capture.
    deadline: Option<Instant>,
    timeline: Timeline,
    timing: Timing,
    /// When the source was opened, which capture times count from.
    opened: Instant,
    taps: Vec<Box<dyn Pipe>>,
    /// A block decoded.
    scratch: Vec<f32>,
    rhythm: Rhythm,
    stats: Stats,
    stats_writer: StatsWriter,
    picture: newest::Writer<Picture>,
    painter: Painter,
    gaps: Vec<Gap>,
}

impl Worker {
    /// A worker for an open source whose `taps` have begun.
    pub fn new(
        requests: Arc<Requests>,
        session: Session,
        taps: Vec<Box<dyn Pipe>>,
        origin: Instant,
        opened: Instant,
        length: Option<Duration>,
        (stats_writer, picture): Ends,
    ) -> Self {
        let format = session.info.format;
        let deadline =
            length.filter(|_| !session.ends_itself).and_then(|length| session.started.checked_add(length));
        Self {
            requests,
            deadline,
            timeline: Timeline::default(),
            timing: Timing::new(format.rate_hz, &session.anchor, opened),
            opened,
            taps,
            origin,
            scratch: vec![0.0; session.epoch.block_frames as usize * usize::from(format.channels)],
            rhythm: Rhythm::new(format.rate_hz),
            stats: Stats::default(),
            stats_writer,
            picture,
            painter: Painter::new(format.rate_hz, format.channels),
            gaps: Vec::new(),
            session,
        }
    }

    /// Runs until the end, whichever comes first: the stop, the source's end, the device's.
    pub fn run(mut self) -> Report {
        loop {
            let requested = self.requests.stop.load(Ordering::Relaxed);
            // Before the drain: what was written before the end was announced is there to be popped.
            let ended = self.session.epoch.source_ended();
            self.welcome_taps();
            // Before the drain as well: a callback that hands over between the two is then news at the next look, which
            // comes soon, and not taken for served while its block waits for the next period's.
            let record = self.session.epoch.record.read();
            let more = self.drain();
            let now = Instant::now();
            let elapsed = now - self.origin;
            self.publish(&record, elapsed);
            if requested {
                return self.finish(StopReason::Requested);
            }
            // Before the end: a source that fails also ends.
            if let Some(error) = self.fatal_fault() {
                return self.finish(StopReason::Failed(error));
            }
            if ended || self.deadline.is_some_and(|deadline| now >= deadline) {
                return self.finish(StopReason::Finished);
            }
            if !self.session.paced {
                // A source that waits for room wakes us when there is none left, and we it when there is.
                self.session.running.nudge();
            }
            if !more {
                self.sleep(now, elapsed);
                self.stats.wakeups += 1;
            }
        }
    }

    fn welcome_taps(&mut self) {
        let mut joining = std::mem::take(&mut *self.requests.taps.lock());
        let (format, position) = (self.session.info.format, self.axis());
        for mut tap in joining.drain(..) {
            match tap.begin(format, position) {
                Ok(()) => {
                    tap.announce();
                    self.taps.push(tap);
                }
                // It ends here, which its receiver sees.
                Err(error) => tap.reject(error),
            }
        }
        self.taps.retain(|tap| !tap.is_gone());
    }

    /// Serves the blocks that wait, at most a quarter of the pool so that nobody else waits long; whether there may
    /// be more.
    fn drain(&mut self) -> bool {
        let enough = self.timeline.position() + self.session.epoch.pool_frames / 4;
        let pictured = self.picture.wanted(self.origin.elapsed());
        let (seen, xruns) = (self.opened.elapsed(), self.session.epoch.faults.xruns());
        while let Some(block) = self.session.epoch.pop() {
            if let Some(verdict) = self.timing.block(block.header(), seen, xruns) {
                self.judge(verdict);
            }
            let Self { session, timeline, timing, taps, scratch, painter, stats, gaps, .. } = self;
            let epoch = &session.epoch;
            let header = block.header();
            timeline.block(header, |span| match span.missing {
                Some(cause) => {
                    if pictured {
                        painter.hole(span.start, span.end, cause == Cause::Muted);
                    }
                    hole(span, taps, gaps, timing);
                }
                None => {
                    let bytes = header.frames as usize * epoch.format.frame_bytes();
                    let native = &epoch.bytes(&block)[..bytes];
                    let mut decoded = &[][..];
                    if pictured || taps.iter().any(|tap| tap.decodes()) {
                        let whole = header.frames as usize * usize::from(epoch.format.channels);
                        let repaired;
                        (decoded, repaired) =
                            decode::samples(epoch.format.sample, native, &mut scratch[..whole]);
                        stats.repaired_samples += repaired as u64;
                    }
                    if pictured {
                        painter.add(decoded, span.start);
                    }
                    let audio = Audio { native, decoded };
                    taps.iter_mut().for_each(|tap| tap.audio(audio, timing));
                }
            });
            self.session.epoch.give_back(block);
            if self.timeline.position() >= enough {
                return true;
            }
        }
        false
    }

    /// News about frames that the device lost.
    fn judge(&mut self, verdict: Verdict) {
        let (axis, lost) = (self.axis(), self.timing.lost());
        let loss = Verdict { position: verdict.position + lost, ..verdict };
        self.taps.iter_mut().for_each(|tap| tap.loss(loss));
        if verdict.state == LossState::Settled {
            let Verdict { position, frames, error_frames, .. } = verdict;
            self.timing.settle(&verdict, axis);
            // What is on its way was delivered in time; from here on everything is later.
            let missing = Some(Cause::Lost);
            let span = Span { start: axis, end: axis + frames, missing, error_frames };
            self.taps.iter_mut().for_each(|tap| tap.hole(span, &self.timing));
            note(Gap { position, frames, error_frames, cause: Cause::Lost }, &mut self.gaps);
        }
    }

    /// Where the taps are: the frames so far, settled losses included.
    fn axis(&self) -> u64 {
        self.timeline.position() + self.timing.lost()
    }

    fn publish(&mut self, record: &Record, elapsed: Duration) {
        self.note(record);
        self.stats_writer.publish(self.stats.to_words());
        if !self.picture.wanted(elapsed) {
            self.painter.rest();
        } else if self.painter.due(&SoundVerdict::Ok) {
            let Self { picture, painter, stats, .. } = self;
            let (dropped, lost) = (stats.ledger.dropped, stats.ledger.lost);
            picture.publish(|picture| painter.paint(picture, SoundVerdict::default(), dropped, lost));
        }
    }

    fn note(&mut self, record: &Record) {
        self.timing.callback(record.stamp_ns, self.session.epoch.controls.largest());
        self.stats.ledger = self.timeline.ledger(record);
        self.stats.ledger.lost = self.timing.lost();
        self.stats.ledger.lost_provisional = self.timing.lost_provisional();
        self.stats.clock = self.timing.stats();
        self.stats.callbacks = record.callbacks;
        self.stats.max_callback_frames = self.session.epoch.controls.largest().into();
        self.stats.errors = self.session.epoch.faults.count();
        self.stats.xruns = self.session.epoch.faults.xruns();
    }

    fn fatal_fault(&self) -> Option<Error> {
        let fault = self.session.epoch.faults.take().find(|fault| fault.is_fatal())?;
        let (kind, what) = match fault {
            Fault::Denied => (ErrorKind::PermissionDenied, "access to the microphone was withdrawn"),
            Fault::Mismatch => (ErrorKind::UnsupportedFormat, "the device changed its sample format"),
            Fault::Backend => (ErrorKind::DeviceLost, "the audio service failed"),
            _ => (ErrorKind::DeviceLost, "the device is gone"),
        };
        let message = format!("{what}: {}; what came before is delivered", self.session.info.name);
        Some(Error::new(kind, message))
    }

    /// Sleeps until the callback that completes the next thing somebody waits for is due, or somebody asks.
    fn sleep(&mut self, now: Instant, elapsed: Duration) {
        let position = self.timeline.position();
        let captured = self.stats.ledger.captured;
        let rate = u64::from(self.session.info.format.rate_hz);
        let lost = self.timing.lost();
        let needs = self.taps.iter().map(|tap| tap.needs(position + lost).saturating_sub(lost));
        let wanted = self.picture.wanted(elapsed);
        let picture = if wanted { self.painter.next(position) } else { u64::MAX };
        let others =
            [picture, position + rate * WATCHDOG.as_secs(), position + self.session.epoch.pool_frames / 4];
        let want = if self.rhythm.is_learning() {
            position + 1
        } else {
            needs.chain(others).min().unwrap_or(u64::MAX).max(position + 1)
        };
        // It may have been captured already, after the last hand-over: then the next callback hands it over, even one
        // that brings nothing.
        self.session.epoch.controls.want(want);
        let mut patience = if self.session.paced {
            self.rhythm.look(elapsed, captured, want.max(captured + 1))
        } else {
            Duration::from_millis(5)
        };
        if let Some(deadline) = self.deadline {
            patience = patience.min(deadline.saturating_duration_since(now));
        }
        thread::park_timeout(patience.min(WATCHDOG));
    }

    /// The exact end: what was handed over, then the gate, then what the last callback left.
    fn finish(mut self, mut reason: StopReason) -> Report {
        while self.drain() {}
        let since = Instant::now();
        let last = loop {
            if let Some(last) = self.session.epoch.claim() {
                break Some(last);
            }
            if since.elapsed() > STUCK_AFTER {
                reason = StopReason::CallbackStuck;
                break None;
            }
            thread::sleep(STUCK_RETRY);
        };
        while self.drain() {}
        let Self { timeline, timing, taps, gaps, .. } = &mut self;
        if let Some(last) = &last {
            timeline.finish(last, |span| hole(span, taps, gaps, timing));
        }
        let position = timeline.position() + timing.lost();
        taps.iter_mut().for_each(|tap| tap.finish(position, timing));
        // Losses were found after what came behind them.
        gaps.sort_by_key(|gap| gap.position);
        // A stuck callback's frames stay pending: they were given to it and never came out.
        let record = self.session.epoch.record.read();
        self.note(&record);
        self.stats_writer.publish(self.stats.to_words());
        let released = self.session.running.close(CLOSE_PATIENCE);
        Report {
            reason,
            input: self.session.info.clone(),
            stats: self.stats,
            gaps: self.gaps,
            late_callbacks: self.session.epoch.bounced(),
            released,
        }
    }
}

/// A hole, for the taps and for the report.
fn hole(span: Span, taps: &mut [Box<dyn Pipe>], gaps: &mut Vec<Gap>, timing: &Timing) {
    let lost = timing.lost();
    let on_axis = Span { start: span.start + lost, end: span.end + lost, ..span };
    taps.iter_mut().for_each(|tap| tap.hole(on_axis, timing));
    let Some(cause) = span.missing else { return };
    note(Gap { position: span.start, frames: span.end - span.start, error_frames: 0, cause }, gaps);
}

/// A gap for the report, in device frames.
fn note(gap: Gap, gaps: &mut Vec<Gap>) {
    if let Some(last) = gaps.last_mut()
        && last.cause == gap.cause
        && last.cause != Cause::Lost
        && last.position + last.frames == gap.position
    {
        last.frames += gap.frames;
    } else if gaps.len() < MOST_GAPS {
        gaps.push(gap);
    }
}

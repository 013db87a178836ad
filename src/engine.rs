//! What the worker makes of what it gets: blocks in, taps out. A function of its input alone; it reads no clock and
//! never sleeps, so the same input always gives the same chunks and the same account.

mod line;

use crate::error::Error;
use crate::event::{Bulletin, EventKind};
use crate::handoff::newest;
use crate::intake::{Final, Header};
use crate::record::Record;
use crate::report::EpochReport;
use crate::signal::decode;
use crate::signal::level::Meter;
use crate::signal::picture::Picture;
use crate::source::InputInfo;
use crate::stats::Stats;
use crate::tap::{Audio, Pipe};
use crate::timeline::{
    Absence, Anchor, Away, Cadence, CapturedAt, Cause, Gap, Ledger, LossState, Span, Timeline, Timing,
    Verdict,
};
use line::Line;
use std::time::{Duration, Instant};

/// Pictures per second while somebody looks.
const PICTURES_HZ: u64 = 30;
/// Gap records that are kept for the report; the ledger counts all of them.
const MOST_GAPS: usize = 4096;
/// Epochs that are kept for the report; the statistics count all of them.
const MOST_EPOCHS: usize = 1024;

/// How the last epoch ended.
#[derive(Clone, Copy, Debug)]
struct Left {
    end: CapturedAt,
    why: Away,
}

/// Taps, timeline and account of a capture.
#[derive(Debug)]
pub(crate) struct Engine {
    taps: Vec<Box<dyn Pipe>>,
    /// Taps that joined while there was no epoch to begin in.
    waiting: Vec<Box<dyn Pipe>>,
    pub bulletin: Bulletin,
    pub stats: Stats,
    /// The epoch that blocks come from, or came from last.
    line: Option<Line>,
    /// How that one ended, if it has.
    left: Option<Left>,
    /// One that is open and has brought no block yet.
    next: Option<Line>,
    /// The rate of the first epoch, which the report's axis has.
    first_hz: u32,
    /// The figures of the epochs before the open one.
    past: Stats,
    epochs: Vec<EpochReport>,
    gaps: Vec<Gap>,
    /// A block decoded.
    scratch: Vec<f32>,
    picture: newest::Writer<Picture>,
    meter: Meter,
    /// Where the present picture started.
    pictured: u64,
    pictures: u64,
}

impl Engine {
    pub fn new(picture: newest::Writer<Picture>) -> Self {
        Self {
            taps: Vec::new(),
            waiting: Vec::new(),
            bulletin: Bulletin::default(),
            stats: Stats::default(),
            line: None,
            left: None,
            next: None,
            first_hz: 0,
            past: Stats::default(),
            epochs: Vec::new(),
            gaps: Vec::new(),
            scratch: Vec::new(),
            picture,
            meter: Meter::new(1),
            pictured: 0,
            pictures: 0,
        }
    }

    /// A device is open; capture times count from `first_open`.
    ///
    /// # Errors
    /// `BadArgument` when it is the first and a tap does not fit it.
    pub fn begin(&mut self, info: InputInfo, anchor: &Anchor, first_open: Instant) -> Result<(), Error> {
        let timing = Timing::new(info.format.rate_hz, anchor, first_open);
        let (timeline, started_at, offset) = (Timeline::default(), Duration::ZERO, 0);
        let cadence = Cadence::default();
        let line = Line { info: info.clone(), timeline, timing, cadence, started_at, offset };
        if self.line.is_some() {
            self.next = Some(line);
            self.bulletin.tell(EventKind::Reopened(info));
            return Ok(());
        }
        self.taps.append(&mut self.waiting);
        self.taps.iter_mut().try_for_each(|tap| tap.begin(info.format, 0))?;
        self.taps.iter().for_each(|tap| tap.announce());
        self.first_hz = info.format.rate_hz;
        self.meter = Meter::new(info.format.channels.into());
        self.line = Some(line);
        self.bulletin.tell(EventKind::Opened(info));
        Ok(())
    }

    /// A tap joins.
    pub fn welcome(&mut self, mut tap: Box<dyn Pipe>) {
        match &self.line {
            Some(line) if self.left.is_none() => match tap.begin(line.info.format, line.axis()) {
                Ok(()) => {
                    tap.announce();
                    self.taps.push(tap);
                }
                // It ends here, which its receiver sees.
                Err(error) => tap.reject(error),
            },
            _ => self.waiting.push(tap),
        }
    }

    /// Lets go of taps that nobody listens to.
    pub fn sweep(&mut self) {
        self.taps.retain(|tap| !tap.is_gone());
        self.waiting.retain(|tap| !tap.is_gone());
    }

    /// A block, first seen so long after the first open, when the device had reported so many xruns.
    pub fn block(&mut self, header: &Header, native: &[u8], seen: Duration, xruns: u64) {
        let Some(line) = self.next.as_mut().or(self.line.as_mut()) else { return };
        let verdict = line.timing.block(header, seen, xruns);
        if self.next.is_some() {
            self.resume();
        }
        if let Some(verdict) = verdict {
            self.judge(verdict);
        }
        let pictured = self.picture.wanted(seen);
        let first_hz = self.first_hz;
        let Self { line: Some(line), taps, scratch, meter, stats, gaps, bulletin, .. } = self else { return };
        // The timeline is taken out while its line is looked at.
        let mut timeline = std::mem::take(&mut line.timeline);
        timeline.block(header, |span| match span.missing {
            Some(_) => hole(span, line, first_hz, taps, gaps, bulletin),
            None => {
                let mut decoded = &[][..];
                if pictured || taps.iter().any(|tap| tap.decodes()) {
                    let whole = header.frames as usize * usize::from(line.info.format.channels);
                    if scratch.len() < whole {
                        scratch.resize(whole, 0.0);
                    }
                    let repaired;
                    (decoded, repaired) =
                        decode::samples(line.info.format.sample, native, &mut scratch[..whole]);
                    stats.repaired_samples += repaired as u64;
                }
                if pictured {
                    meter.add(decoded);
                }
                let audio = Audio { native, decoded };
                taps.iter_mut().for_each(|tap| tap.audio(audio, &line.timing));
            }
        });
        line.timeline = timeline;
    }

    /// The first block of another epoch is here, so it is known how long there was none.
    fn resume(&mut self) {
        let (Some(mut next), Some(left)) = (self.next.take(), self.left.take()) else { return };
        let start = next.timing.captured(0.0, 0.0);
        let absence = Absence {
            length: start.at.saturating_sub(left.end.at),
            error: start.bound.saturating_add(left.end.bound),
            cause: Cause::Away(left.why),
        };
        let first_hz = self.first_hz;
        let end = self.line.as_ref().map_or(0, |line| line.place(line.axis(), first_hz));
        let gap = absence.gap(end, first_hz);
        note(gap, &mut self.gaps, &mut self.bulletin);
        (next.started_at, next.offset) = (start.at, gap.position + gap.frames);
        let format = next.info.format;
        self.taps.iter_mut().for_each(|tap| tap.resume(format, &absence, &next.timing));
        self.meter = Meter::new(format.channels.into());
        self.pictured = 0;
        self.line = Some(next);
        for tap in std::mem::take(&mut self.waiting) {
            self.welcome(tap);
        }
    }

    /// News about frames that the device lost.
    fn judge(&mut self, verdict: Verdict) {
        let first_hz = self.first_hz;
        let Some(line) = &mut self.line else { return };
        let axis = line.axis();
        let loss = Verdict { position: verdict.position + line.timing.lost(), ..verdict };
        self.taps.iter_mut().for_each(|tap| tap.loss(loss));
        self.bulletin.tell(EventKind::Lost(verdict));
        if verdict.state == LossState::Settled {
            let Verdict { position, frames, error_frames, .. } = verdict;
            line.timing.settle(&verdict, axis);
            // What is on its way was delivered in time; from here on everything is later.
            let missing = Some(Cause::Lost);
            let span = Span { start: axis, end: axis + frames, missing, error_frames };
            self.taps.iter_mut().for_each(|tap| tap.hole(span, &line.timing));
            let (start, end) = (line.place(position, first_hz), line.place(position + frames, first_hz));
            let gap = Gap { position: start, frames: end - start, error_frames, cause: Cause::Lost };
            note(gap, &mut self.gaps, &mut self.bulletin);
        }
    }

    /// The epoch ends. `last`: what the callback left, unless it is stuck; `live`: its figures; `why`: none at the end of
    /// the capture.
    pub fn leave(&mut self, last: Option<&Final>, live: &Live<'_>, why: Option<Away>) {
        let first_hz = self.first_hz;
        let ledger = self.ledger(live.record);
        self.past = self.together(live);
        if let Some(next) = self.next.take() {
            // It brought nothing.
            self.keep(next.report(ledger, why));
        } else if let Some(line) = &mut self.line
            && self.left.is_none()
        {
            let Self { taps, gaps, bulletin, .. } = self;
            if let Some(last) = last {
                let mut timeline = std::mem::take(&mut line.timeline);
                timeline.finish(last, |span| hole(span, line, first_hz, taps, gaps, bulletin));
                line.timeline = timeline;
            }
            let axis = line.axis();
            taps.iter_mut().for_each(|tap| tap.leave(axis, &line.timing));
            let end = line.timing.captured(axis as f64, 0.0);
            self.left = Some(Left { end, why: why.unwrap_or(Away::Suspended) });
            let report = line.report(ledger, why);
            self.keep(report);
        }
        self.stats = self.together(live);
        if let Some(why) = why {
            self.bulletin.tell(EventKind::Closed(why));
        }
    }

    fn keep(&mut self, report: EpochReport) {
        if self.epochs.len() < MOST_EPOCHS {
            self.epochs.push(report);
        }
    }

    /// The end, after the last epoch's: what was noted.
    pub fn finish(&mut self) -> (Vec<Gap>, Vec<EpochReport>) {
        if let Some(line) = &self.line {
            let axis = line.axis();
            self.taps.iter_mut().for_each(|tap| tap.finish(axis, &line.timing));
        }
        self.waiting.clear();
        // Losses were found after what came behind them.
        self.gaps.sort_by_key(|gap| gap.position);
        (std::mem::take(&mut self.gaps), std::mem::take(&mut self.epochs))
    }

    /// What is open, or was open last; none before the first opening.
    pub fn input(&self) -> Option<InputInfo> {
        self.line.as_ref().map(|line| line.info.clone())
    }

    /// Frames of the epoch that were served.
    pub fn position(&self) -> u64 {
        self.open().map_or(0, |line| line.timeline.position())
    }

    /// The position up to which the taps and whoever looks at pictures need frames next.
    pub fn needs(&self, now: Duration) -> u64 {
        // Without a device nothing comes, whoever looks.
        let (Some(line), None, None) = (&self.line, &self.next, &self.left) else { return u64::MAX };
        let (position, lost) = (line.timeline.position(), line.timing.lost());
        let taps = self.taps.iter().map(|tap| tap.needs(position + lost).saturating_sub(lost));
        let picture = if self.picture.wanted(now) { self.pictured + self.picture_frames() } else { u64::MAX };
        taps.chain([picture]).min().unwrap_or(u64::MAX)
    }

    /// Brings the statistics up to date, and the picture.
    pub fn look(&mut self, live: &Live<'_>, now: Duration) {
        if let Some(line) = self.next.as_mut().or(self.line.as_mut()) {
            line.timing.callback(live.record.stamp_ns, live.largest);
            line.cadence.look(live.record);
        }
        self.stats = self.together(live);
        let position = self.position();
        let frames = position.saturating_sub(self.pictured);
        if !self.picture.wanted(now) {
            self.pictured = position;
        } else if frames >= self.picture_frames() {
            self.pictured = position;
            self.pictures += 1;
            let (sequence, levels) = (self.pictures, self.meter.take());
            let channels = self.open().map_or(0, |line| line.info.format.channels);
            self.picture.publish(|picture| {
                *picture = Picture { sequence, position, frames, channels, levels };
            });
        }
    }

    fn picture_frames(&self) -> u64 {
        self.open().map_or(u64::MAX, |line| u64::from(line.info.format.rate_hz) / PICTURES_HZ)
    }

    /// The epoch that is open.
    fn open(&self) -> Option<&Line> {
        self.next.as_ref().or(self.line.as_ref().filter(|_| self.left.is_none()))
    }

    fn ledger(&self, record: &Record) -> Ledger {
        self.open().map_or_else(Ledger::default, |line| Ledger {
            lost: line.timing.lost(),
            lost_provisional: line.timing.lost_provisional(),
            ..line.timeline.ledger(record)
        })
    }

    /// The figures of all epochs.
    fn together(&self, live: &Live<'_>) -> Stats {
        let (past, Some(line)) = (&self.past, self.open()) else {
            let Stats { repaired_samples, wakeups, .. } = self.stats;
            return Stats { repaired_samples, wakeups, ..self.past };
        };
        Stats {
            ledger: past.ledger + self.ledger(live.record),
            clock: line.timing.stats(),
            callbacks: past.callbacks + live.record.callbacks,
            max_callback_frames: past.max_callback_frames.max(live.largest.into()),
            errors: past.errors + live.errors,
            xruns: past.xruns + live.xruns,
            ..self.stats
        }
    }
}

/// The figures of the open epoch that its callbacks tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live<'a> {
    pub record: &'a Record,
    /// Frames of the largest callback.
    pub largest: u32,
    pub errors: u64,
    pub xruns: u64,
}

/// A hole, for the taps and for the report.
fn hole(
    span: Span,
    line: &Line,
    first_hz: u32,
    taps: &mut [Box<dyn Pipe>],
    gaps: &mut Vec<Gap>,
    bulletin: &mut Bulletin,
) {
    let lost = line.timing.lost();
    let on_axis = Span { start: span.start + lost, end: span.end + lost, ..span };
    taps.iter_mut().for_each(|tap| tap.hole(on_axis, &line.timing));
    let Some(cause) = span.missing else { return };
    let (position, end) = (line.place(span.start, first_hz), line.place(span.end, first_hz));
    note(Gap { position, frames: end - position, error_frames: 0, cause }, gaps, bulletin);
}

/// A gap for the report; neighbours of one cause are one.
fn note(gap: Gap, gaps: &mut Vec<Gap>, bulletin: &mut Bulletin) {
    if let Some(last) = gaps.last_mut()
        && last.cause == gap.cause
        && last.cause != Cause::Lost
        && last.position + last.frames == gap.position
    {
        last.frames += gap.frames;
        return;
    }
    bulletin.tell(EventKind::Gap(gap));
    if gaps.len() < MOST_GAPS {
        gaps.push(gap);
    }
}

//! What the worker makes of what it gets: blocks in, taps out. A function of its input alone; it reads no clock and
//! never sleeps, so the same input always gives the same chunks and the same account.

mod gaps;
mod line;
mod outlets;
mod recording;

use crate::error::Error;
use crate::event::{Bulletin, EventKind};
use crate::handoff::newest;
use crate::intake::{Final, Header};
use crate::record::{Live, Record};
use crate::report::EpochReport;
use crate::signal::liveness::Liveness;
use crate::signal::painter::Painter;
use crate::signal::picture::Picture;
use crate::signal::sound_check::SoundCheck;
use crate::signal::verdict::SoundVerdict;
use crate::source::InputInfo;
use crate::stats::Stats;
use crate::take::TakePipe;
use crate::tap::Pipe;
use crate::timeline::{
    Absence, Anchor, Away, Cadence, Cause, Gap, Ledger, LossState, RateWindow, Span, Timeline, Timing,
    Verdict,
};
use crate::trace::{self, Entry};
use gaps::{hole, note};
use line::{Left, Line};
use outlets::Outlets;
use std::time::{Duration, Instant};

/// Epochs that are kept for the report; the statistics count all of them.
const MOST_EPOCHS: usize = 1024;

/// Closures that have been quick for so long may be told to be slow anew.
const SLOW_AGAIN: Duration = Duration::from_secs(1);

/// Timeline, outlets and account of a capture.
#[derive(Debug)]
pub(crate) struct Engine {
    /// Who hears it.
    pub outlets: Outlets,
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
    /// What looked lost at the end of an epoch.
    provisional: Vec<Gap>,
    rates: RateWindow,
    picture: newest::Writer<Picture>,
    painter: Painter,
    sound: SoundCheck,
    /// What was last told of it.
    verdict: SoundVerdict,
    /// Which channels of the open device carry anything.
    liveness: Liveness,
    /// Something else than exact silence has come from the open device.
    has_signal: bool,
    /// Who writes down what comes in.
    pub trace: Option<trace::Writer>,
    /// In a replay without audio: what only the sound tells comes from the trace.
    pub is_deaf: bool,
    /// A slow closure is no news before that.
    slow_until: Duration,
}

impl Engine {
    pub fn new(picture: newest::Writer<Picture>, history: Duration) -> Self {
        Self {
            outlets: Outlets::new(history),
            bulletin: Bulletin::default(),
            stats: Stats::default(),
            line: None,
            left: None,
            next: None,
            first_hz: 0,
            past: Stats::default(),
            epochs: Vec::new(),
            gaps: Vec::new(),
            provisional: Vec::new(),
            rates: RateWindow::default(),
            picture,
            // Of no device yet.
            painter: Painter::new(1, 1),
            sound: SoundCheck::new(1, 1),
            verdict: SoundVerdict::Ok,
            liveness: Liveness::new(1, 1),
            has_signal: false,
            trace: None,
            is_deaf: false,
            slow_until: Duration::ZERO,
        }
    }

    /// A device is open; capture times count from `first_open`.
    ///
    /// # Errors
    /// `BadArgument` when it is the first and a tap does not fit it.
    pub fn begin(&mut self, info: InputInfo, anchor: &Anchor, first_open: Instant) -> Result<(), Error> {
        self.trace_begin(&info, anchor, first_open);
        let timing = Timing::new(info.format.rate_hz, anchor, first_open);
        let (timeline, started_at, offset) = (Timeline::default(), Duration::ZERO, 0);
        let cadence = Cadence::new();
        let line = Line { info: info.clone(), timeline, timing, cadence, started_at, offset };
        if self.line.is_some() {
            self.outlets.open(&line);
            self.next = Some(line);
            self.bulletin.tell(EventKind::Reopened(info));
            return Ok(());
        }
        self.outlets.begin(info.format)?;
        self.first_hz = info.format.rate_hz;
        self.painter.begin(info.format.rate_hz, info.format.channels);
        self.sound = SoundCheck::new(info.format.rate_hz, info.format.channels.into());
        self.liveness = Liveness::new(info.format.rate_hz, info.format.channels);
        self.line = Some(line);
        self.bulletin.tell(EventKind::Opened(info));
        Ok(())
    }

    /// A tap joins.
    pub fn welcome(&mut self, tap: Box<dyn Pipe>) {
        let line = self.line.as_ref().filter(|_| self.left.is_none());
        self.outlets.join(tap, line);
        self.open_next();
    }

    /// A take joins.
    pub fn welcome_take(&mut self, take: TakePipe) {
        let line = self.line.as_ref().filter(|_| self.left.is_none());
        self.outlets.join_take(take, line);
        self.open_next();
    }

    /// Who waits begins in the epoch that will bring something next.
    fn open_next(&mut self) {
        if let Some(next) = &self.next {
            self.outlets.open(next);
        }
    }

    /// The callbacks have brought so much by now.
    pub fn delivered(&mut self, record: &Record, now: Duration) {
        if let Some(line) = self.next.as_mut().or(self.line.as_mut()) {
            line.timing.delivered(record.captured, now);
        }
    }

    /// Before and after the blocks that wait: what was asked of takes meanwhile.
    pub fn heed(&mut self, now: Duration) {
        if let Some(line) = &self.line {
            self.outlets.look(now, line, self.next.as_ref());
        }
    }

    /// A block, first seen so long after the first open, when the device had reported so many xruns.
    pub fn block(&mut self, header: &Header, native: &[u8], seen: Duration, xruns: u64) {
        self.add(|| Entry::Block { header: *header, seen, xruns, native });
        let Some(line) = self.next.as_mut().or(self.line.as_mut()) else { return };
        let verdict = line.timing.block(header, seen, xruns);
        if self.next.is_some() {
            self.resume();
        }
        if let Some(verdict) = verdict {
            self.judge(verdict);
        }
        let pictured = self.picture.wanted(seen);
        let (first_hz, had_signal, was_alive) = (self.first_hz, self.has_signal, self.liveness.alive());
        let Self {
            line: Some(line),
            outlets,
            painter,
            sound,
            liveness,
            has_signal,
            stats,
            gaps,
            bulletin,
            ..
        } = self
        else {
            return;
        };
        // The timeline is taken out while its line is looked at.
        let mut timeline = std::mem::take(&mut line.timeline);
        timeline.block(header, |span| match span.missing {
            Some(cause) => {
                if pictured {
                    painter.hole(span.start, span.end, cause == Cause::Muted);
                }
                match cause {
                    Cause::Muted => sound.muted(span.end - span.start),
                    _ => sound.missing(span.end - span.start),
                }
                liveness.hole();
                hole(span, line, first_hz, outlets, gaps, bulletin);
            }
            None => {
                let (decoded, repaired) = outlets.audio(line.on_axis(span), native, line);
                stats.repaired_samples += repaired as u64;
                sound.audio(decoded);
                if line.info.format.channels > 1 {
                    liveness.add(decoded);
                }
                if !*has_signal && decoded.iter().any(|sample| *sample != 0.0) {
                    *has_signal = true;
                }
                if pictured {
                    painter.add(decoded, span.start);
                }
            }
        });
        line.timeline = timeline;
        if self.has_signal && !had_signal {
            self.tell_of_sound(EventKind::FirstSignal);
        }
        if self.liveness.alive() != was_alive {
            self.tell_of_sound(EventKind::DeadChannels(self.liveness.dead().collect()));
        }
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
        self.painter.begin(format.rate_hz, format.channels);
        self.sound.device_recovered(format.rate_hz, format.channels.into());
        let had_dead = self.liveness.dead().next().is_some();
        self.liveness = Liveness::new(format.rate_hz, format.channels);
        if had_dead {
            self.tell_of_sound(EventKind::DeadChannels(Vec::new()));
        }
        self.has_signal = false;
        self.outlets.resume(self.line.take(), &absence, &next);
        self.line = Some(next);
    }

    /// News about frames that the device lost.
    fn judge(&mut self, verdict: Verdict) {
        let first_hz = self.first_hz;
        let Some(line) = &mut self.line else { return };
        let axis = line.axis();
        let loss = Verdict { position: verdict.position + line.timing.lost(), ..verdict };
        self.outlets.loss(loss);
        self.bulletin.tell(EventKind::Lost(verdict));
        if verdict.state == LossState::Settled {
            let Verdict { frames, error_frames, .. } = verdict;
            line.timing.settle(&verdict, axis);
            // What is on its way was delivered in time; from here on everything is later, but for who holds back.
            let missing = Some(Cause::Lost);
            let late = axis.saturating_sub(loss.position);
            let span = Span { start: axis, end: axis + frames, missing, error_frames, late };
            self.outlets.hole(span, line);
            self.sound.missing(frames);
            note(line.gap(&verdict, first_hz), &mut self.gaps, &mut self.bulletin);
        }
    }

    /// The epoch ends. `last`: what the callback left, unless it is stuck; `live`: its figures; `why`: none at the end of
    /// the capture.
    pub fn leave(&mut self, last: Option<&Final>, live: &Live, why: Option<Away>) {
        self.add(|| Entry::Leave { last: last.copied(), live: *live, why });
        let first_hz = self.first_hz;
        // What comes between two epochs is a hole of its own.
        let until_now = why.is_none();
        let ledger = self.ledger(&live.record, until_now);
        self.past = self.together(live, until_now);
        if let Some(next) = self.next.take() {
            // It brought nothing.
            self.outlets.leave_empty(&next);
            self.keep(next.report(ledger, why));
        } else if let Some(line) = &mut self.line
            && self.left.is_none()
        {
            let Self { outlets, gaps, bulletin, .. } = self;
            if let Some(last) = last {
                let mut timeline = std::mem::take(&mut line.timeline);
                timeline.finish(last, |span| hole(span, line, first_hz, outlets, gaps, bulletin));
                line.timeline = timeline;
            }
            let axis = line.axis();
            outlets.leave(line);
            if let Some(verdict) = line.timing.provisional()
                && self.provisional.len() < MOST_EPOCHS
            {
                self.provisional.push(line.gap(&verdict, first_hz));
            }
            let end = line.timing.captured(axis as f64, 0.0);
            self.left = Some(Left { end, why: why.unwrap_or(Away::Suspended) });
            let report = line.report(ledger, why);
            self.keep(report);
        }
        self.stats = self.together(live, until_now);
        if matches!(why, Some(Away::Idle | Away::Suspended)) {
            self.outlets.history.clear();
        }
        if let Some(why) = why {
            if matches!(why, Away::Failed(_) | Away::Stalled) {
                self.sound.device_lost();
            }
            self.bulletin.tell(EventKind::Closed(why));
        }
    }

    fn keep(&mut self, report: EpochReport) {
        if self.epochs.len() < MOST_EPOCHS {
            self.epochs.push(report);
        }
    }

    /// The end, after the last epoch's: what was noted, that is holes, what looked like some, and epochs.
    pub fn finish(&mut self) -> (Vec<Gap>, Vec<Gap>, Vec<EpochReport>) {
        self.outlets.finish(self.line.as_ref());
        // Losses were found after what came behind them.
        self.gaps.sort_by_key(|gap| gap.position);
        let (gaps, provisional) = (std::mem::take(&mut self.gaps), std::mem::take(&mut self.provisional));
        (gaps, provisional, std::mem::take(&mut self.epochs))
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
        let picture = if self.picture.wanted(now) { self.painter.next(position) } else { u64::MAX };
        self.outlets.needs(position + lost).saturating_sub(lost).min(picture)
    }

    /// Brings the statistics up to date, and the picture.
    pub fn look(&mut self, live: &Live, now: Duration) {
        self.add(|| Entry::Look { live: *live, now });
        if let Some(line) = self.next.as_mut().or(self.line.as_mut()) {
            line.timing.look(live, now);
            line.cadence.look(&live.record);
        }
        self.stats = self.together(live, true);
        let Ledger { captured, dropped, lost, .. } = self.stats.ledger;
        self.rates.late(live.late);
        self.stats.rates = self.rates.look(now, captured, dropped, lost);
        if let Some(actual_hz) = self.stats.clock.actual_rate_hz {
            self.sound.measured(actual_hz.into());
        }
        let verdict = self.sound.live();
        if verdict.severity() != std::mem::replace(&mut self.verdict, verdict).severity() {
            self.tell_of_sound(EventKind::Verdict(verdict));
        }
        if !self.picture.wanted(now) {
            self.painter.rest();
        } else if self.painter.due(&verdict) {
            let Self { picture, painter, stats, .. } = self;
            let (dropped, lost) = (stats.ledger.dropped, stats.ledger.lost);
            picture.publish(|picture| painter.paint(picture, verdict, dropped, lost));
        }
    }

    /// So many closures held the worker up since the last look, for so long at most.
    pub fn slow(&mut self, (count, longest): (u64, Duration)) {
        if count > 0 {
            self.stats.slow_closures += count;
            if self.bulletin.now >= self.slow_until {
                self.tell(EventKind::Overloaded(longest));
            }
            self.slow_until = self.bulletin.now + SLOW_AGAIN;
        }
    }

    /// The epoch that is open.
    fn open(&self) -> Option<&Line> {
        self.next.as_ref().or(self.line.as_ref().filter(|_| self.left.is_none()))
    }

    fn ledger(&self, record: &Record, until_now: bool) -> Ledger {
        self.open().map_or_else(Ledger::default, |line| {
            let (unaccounted, unaccounted_error) = line.timing.unaccounted(until_now);
            Ledger {
                lost: line.timing.lost(),
                lost_provisional: line.timing.lost_provisional(),
                unaccounted,
                unaccounted_error,
                ..line.timeline.ledger(record)
            }
        })
    }

    /// The figures of all epochs.
    fn together(&self, live: &Live, until_now: bool) -> Stats {
        let (past, Some(line)) = (&self.past, self.open()) else {
            let Stats { repaired_samples, wakeups, slow_closures, rates, .. } = self.stats;
            return Stats { repaired_samples, wakeups, slow_closures, rates, ..self.past };
        };
        Stats {
            ledger: past.ledger + self.ledger(&live.record, until_now),
            clock: line.timing.stats(),
            callbacks: past.callbacks + live.record.callbacks,
            max_callback_frames: past.max_callback_frames.max(live.largest.into()),
            errors: past.errors + live.errors,
            xruns: past.xruns + live.xruns,
            ..self.stats
        }
    }
}

//! The worker's end of a take: one tap to the engine, which hands what lies in the take's interval to its own.

use super::report::{Latency, TakeEnd, TakeReport};
use super::{Stage, TakeDesk, TakePlan};
use crate::error::{Error, ErrorKind};
use crate::format::StreamFormat;
use crate::signal::level::{MAX_CHANNELS, Meter};
use crate::signal::resample::run_frames;
use crate::signal::sound_check::SoundCheck;
use crate::tap::{Audio, Pipe};
use crate::timeline::{Absence, Away, CapturedAt, Cause, Gap, LossState, Span, Timing, Verdict};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Gap records that are kept; all are counted.
const MOST_GAPS: usize = 4096;

#[derive(Debug)]
pub(crate) struct TakePipe {
    desk: Arc<TakeDesk>,
    taps: Vec<Box<dyn Pipe>>,
    /// What some of them fill, to be overwritten by a cancel.
    memories: Vec<Arc<Mutex<Vec<f32>>>>,
    /// When it was asked for, and how long before that it begins.
    pub asked_at: Duration,
    pub pre_roll: Duration,
    place: Option<Place>,
    /// Where it ends, and when to wait no longer.
    end: Option<(Moment, Duration)>,
    /// Where it is paused and goes on.
    pauses: VecDeque<(Moment, bool)>,
    is_paused: bool,
    is_over: bool,
    gaps: Vec<Gap>,
    /// What looks lost, on the epoch's axis, and what did so at the end of one.
    doubt: Option<Verdict>,
    provisional: Vec<Gap>,
    missing: u64,
    meter: Meter,
    sound: SoundCheck,
    has_signal: bool,
    started: Option<CapturedAt>,
    latency: Latency,
}

/// A time, and its place on the epoch's axis.
#[derive(Clone, Copy, Debug)]
struct Moment {
    at: Duration,
    position: u64,
}

impl Moment {
    fn new(at: Duration, timing: &Timing) -> Self {
        Self { at, position: timing.position_at(at) }
    }
}

/// Where a take is in the present epoch.
#[derive(Clone, Copy, Debug)]
struct Place {
    format: StreamFormat,
    /// Up to where it has heard the epoch, on its axis.
    position: u64,
    /// Where on that axis it begins, or goes on.
    from: u64,
    /// The take's frame there.
    offset: u64,
    rate_hz: u32,
}

impl Place {
    /// The take's frame at the epoch's `position`.
    fn frame(&self, position: u64) -> u64 {
        self.offset + run_frames(0, position.saturating_sub(self.from), self.format.rate_hz, self.rate_hz)
    }
}

impl TakePipe {
    pub fn new(desk: Arc<TakeDesk>, plan: TakePlan, asked_at: Duration) -> Self {
        Self {
            desk,
            taps: plan.taps,
            memories: plan.memories,
            asked_at,
            pre_roll: plan.pre_roll,
            place: None,
            end: None,
            pauses: VecDeque::new(),
            is_paused: false,
            is_over: false,
            gaps: Vec::new(),
            doubt: None,
            provisional: Vec::new(),
            missing: 0,
            meter: Meter::new(1),
            sound: SoundCheck::new(1, 1),
            has_signal: false,
            started: None,
            latency: Latency::default(),
        }
    }

    /// Begins at `from`; what comes first is at `position`, which may be before it.
    pub fn begin_at(&mut self, format: StreamFormat, position: u64, from: u64) -> Result<(), Error> {
        self.taps.iter_mut().try_for_each(|tap| tap.begin(format, from))?;
        self.place = Some(Place { format, position, from, offset: 0, rate_hz: format.rate_hz });
        self.meter = Meter::new(format.channels.into());
        self.sound = SoundCheck::new(format.rate_hz, format.channels.into());
        Ok(())
    }

    /// What was asked for meanwhile, as of `now`.
    fn obey(&mut self, timing: &Timing) {
        let desk = self.desk.clone();
        let mut orders = desk.orders.lock();
        for (at, is_paused) in orders.pauses.drain(..) {
            self.pauses.push_back((Moment::new(at, timing), is_paused));
        }
        if let Some((at, deadline)) = orders.end
            && self.end.is_none()
        {
            self.end = Some((Moment::new(at, timing), deadline));
        }
        if orders.cancelled {
            self.taps.iter_mut().for_each(|tap| tap.cancel());
            self.over(TakeEnd::Cancelled, timing);
            // Behind the last chunk.
            for memory in &self.memories {
                let mut memory = memory.lock();
                memory.fill(0.0);
                std::hint::black_box(&mut *memory).clear();
            }
        }
    }

    /// Goes through `[start, end)` of the epoch's axis in pieces that are outside, inside, or paused.
    fn walk(&mut self, end: u64, timing: &Timing, mut inside: impl FnMut(&mut Self, u64, u64)) {
        while !self.is_over
            && let Some(mut place) = self.place
            && place.position < end
        {
            let start = place.position;
            while let Some((at, is_paused)) = self.pauses.front().copied()
                && at.position <= start
            {
                self.is_paused = is_paused;
                self.pauses.pop_front();
            }
            if self.end.is_some_and(|(last, _)| last.position <= start) {
                return self.over(TakeEnd::Finished, timing);
            }
            let borders = [
                Some(place.from).filter(|from| *from > start),
                self.pauses.front().map(|(at, _)| at.position),
                self.end.map(|(last, _)| last.position),
            ];
            let stop = borders.into_iter().flatten().fold(end, u64::min);
            if start >= place.from {
                if self.started.is_none() {
                    self.started = Some(timing.captured(start as f64, 0.0));
                }
                if self.is_paused {
                    let missing = Some(Cause::Paused);
                    self.missing_from(Span { start, end: stop, missing, error_frames: 0, late: 0 }, timing);
                } else {
                    inside(self, start, stop);
                }
            }
            place.position = stop;
            self.place = Some(place);
        }
    }

    fn missing_from(&mut self, span: Span, timing: &Timing) {
        self.taps.iter_mut().for_each(|tap| tap.hole(span, timing));
        let (Some(place), Some(cause)) = (&self.place, span.missing) else { return };
        match cause {
            Cause::Muted => self.sound.muted(span.end - span.start),
            Cause::Paused => {}
            _ => self.sound.missing(span.end - span.start),
        }
        let position = place.frame(span.start);
        self.note(Gap {
            position,
            frames: place.frame(span.end) - position,
            error_frames: span.error_frames,
            cause,
        });
    }

    fn note(&mut self, gap: Gap) {
        self.missing += gap.frames;
        if let Some(last) = self.gaps.last_mut()
            && last.cause == gap.cause
            && last.position + last.frames == gap.position
        {
            last.frames += gap.frames;
        } else if self.gaps.len() < MOST_GAPS {
            self.gaps.push(gap);
        }
    }

    /// What looks lost will not be settled any more.
    fn leave_in_doubt(&mut self) {
        let (Some(Verdict { position, frames, error_frames, .. }), Some(place)) =
            (self.doubt.take(), self.place)
        else {
            return;
        };
        if self.provisional.len() < MOST_GAPS {
            let (start, end) = (place.frame(position), place.frame(position + frames));
            let (position, frames) = (start, end - start);
            self.provisional.push(Gap { position, frames, error_frames, cause: Cause::Lost });
        }
    }

    fn over(&mut self, end: TakeEnd, timing: &Timing) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let Some(place) = self.place else {
            let message = "the take ended before a device was open; there is nothing in it";
            let error = Error::new(ErrorKind::NoDevice, message);
            self.taps.iter().for_each(|tap| tap.reject(error.clone()));
            self.taps.clear();
            return self.desk.enter(Stage::Done(Box::new(Err(error))));
        };
        self.leave_in_doubt();
        let last = place.position.max(place.from);
        self.taps.iter_mut().for_each(|tap| tap.finish(last, timing));
        let channels = usize::from(place.format.channels).min(MAX_CHANNELS);
        let report = TakeReport {
            end,
            rate_hz: place.rate_hz,
            frames: place.frame(last),
            started: self.started.unwrap_or_default(),
            gaps: std::mem::take(&mut self.gaps),
            provisional: std::mem::take(&mut self.provisional),
            missing: self.missing,
            clock: timing.stats(),
            verdicts: self.sound.verdicts(),
            levels: self.meter.take()[..channels].to_vec(),
            latency: self.latency,
        };
        #[cfg(feature = "tracing")]
        tracing::info!(?end, frames = report.frames, missing = report.missing, "take ended");
        self.desk.enter(Stage::Done(Box::new(Ok(report))));
    }
}

impl Pipe for TakePipe {
    fn begin(&mut self, format: StreamFormat, position: u64) -> Result<(), Error> {
        self.begin_at(format, position, position)
    }

    fn announce(&self) {
        self.taps.iter().for_each(|tap| tap.announce());
        #[cfg(feature = "tracing")]
        tracing::info!(asked_at_ms = self.asked_at.as_millis() as u64, "take began");
        self.desk.enter(Stage::Running);
    }

    fn leave(&mut self, position: u64, timing: &Timing) {
        self.obey(timing);
        let Some(place) = &self.place else { return };
        let end = position.max(place.from);
        self.taps.iter_mut().for_each(|tap| tap.leave(end, timing));
        self.leave_in_doubt();
    }

    fn resume(&mut self, format: StreamFormat, absence: &Absence, timing: &Timing) {
        let Some(place) = self.place else { return };
        // A take that has heard nothing has missed nothing.
        let length = if self.started.is_some() { absence.length } else { Duration::ZERO };
        let absence = &Absence { length, ..*absence };
        self.taps.iter_mut().for_each(|tap| tap.resume(format, absence, timing));
        let gap = absence.gap(place.frame(place.position), place.rate_hz);
        let offset = gap.position + gap.frames;
        if self.started.is_some() {
            self.note(gap);
        }
        self.place = Some(Place { format, position: 0, from: 0, offset, rate_hz: place.rate_hz });
        if matches!(absence.cause, Cause::Away(Away::Failed(_) | Away::Stalled)) {
            self.sound.device_lost();
        }
        self.sound.device_recovered(format.rate_hz, format.channels.into());
        // Levels go on if they can.
        if format.channels != place.format.channels {
            self.meter = Meter::new(format.channels.into());
        }
        // What was asked for in the old epoch happens in the new one, if it has not: at its time, or at once.
        let moments = self.pauses.iter_mut().map(|(at, _)| at).chain(self.end.as_mut().map(|(end, _)| end));
        moments.for_each(|moment| *moment = Moment::new(moment.at, timing));
    }

    fn audio(&mut self, audio: Audio<'_>, timing: &Timing) {
        let Some(place) = self.place else { return };
        let (bytes, samples) = (place.format.frame_bytes(), usize::from(place.format.channels));
        let first = place.position;
        let end = first + (audio.native.len() / bytes) as u64;
        self.walk(end, timing, |take, start, stop| {
            let (from, to) = ((start - first) as usize, (stop - first) as usize);
            let native = &audio.native[from * bytes..to * bytes];
            let decoded = &audio.decoded[from * samples..to * samples];
            take.meter.add(decoded);
            take.sound.audio(decoded);
            take.has_signal = take.has_signal || decoded.iter().any(|sample| *sample != 0.0);
            take.taps.iter_mut().for_each(|tap| tap.audio(Audio { native, decoded }, timing));
        });
    }

    fn hole(&mut self, hole: Span, timing: &Timing) {
        self.walk(hole.end, timing, |take, start, end| {
            take.missing_from(Span { start, end, ..hole }, timing)
        });
    }

    fn loss(&mut self, loss: Verdict) {
        if self.started.is_some() {
            self.doubt = (loss.state == LossState::Provisional).then_some(loss);
            self.taps.iter_mut().for_each(|tap| tap.loss(loss));
        }
    }

    fn look(&mut self, now: Duration, timing: &Timing) {
        if self.is_over {
            return;
        }
        self.obey(timing);
        let Some(place) = self.place else { return };
        let since = now.saturating_sub(self.asked_at);
        self.latency.opened.get_or_insert(since);
        if self.started.is_some() {
            self.latency.first_frame.get_or_insert(since);
        }
        if self.has_signal {
            self.latency.first_signal.get_or_insert(since);
        }
        match self.end {
            Some((end, _)) if end.position <= place.position => self.over(TakeEnd::Finished, timing),
            Some((_, deadline)) if now >= deadline => self.over(TakeEnd::Waited, timing),
            _ => {}
        }
    }

    fn due(&self) -> Option<Duration> {
        self.end.map(|(_, deadline)| deadline)
    }

    fn finish(&mut self, _position: u64, timing: &Timing) {
        self.over(TakeEnd::CaptureEnded, timing);
    }

    fn needs(&self, position: u64) -> u64 {
        let Some(place) = &self.place else { return u64::MAX };
        if place.from > position {
            return place.from;
        }
        let taps = self.taps.iter().map(|tap| tap.needs(position)).min().unwrap_or(u64::MAX);
        self.end.map_or(taps, |(end, _)| taps.min(end.position.max(position + 1)))
    }

    fn cancel(&mut self) {
        self.desk.orders.lock().cancelled = true;
    }

    fn holds_device(&self) -> bool {
        !self.is_over
    }

    fn reject(&self, error: Error) {
        self.taps.iter().for_each(|tap| tap.reject(error.clone()));
        self.desk.enter(Stage::Done(Box::new(Err(error))));
    }

    fn is_gone(&self) -> bool {
        self.is_over
    }
}

/// A worker that is gone, for whatever reason, must not leave anybody waiting.
impl Drop for TakePipe {
    fn drop(&mut self) {
        let message = "the capture ended before the take had begun; there is nothing in it";
        let error = Error::new(ErrorKind::NoDevice, message);
        self.desk.enter(Stage::Done(Box::new(Err(error))));
    }
}

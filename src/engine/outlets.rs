//! Everybody who hears the timeline: taps, takes, and the history that takes begin in.

use super::line::Line;
use crate::error::Error;
use crate::format::{SampleFormat, StreamFormat};
use crate::history::History;
use crate::signal::decode;
use crate::take::TakePipe;
use crate::tap::{Audio, Pipe};
use crate::timeline::{Absence, Span, Verdict};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Outlets {
    taps: Vec<Box<dyn Pipe>>,
    /// Those that joined while there was no epoch to begin in.
    waiting: Vec<Box<dyn Pipe>>,
    /// Those that have begun in an epoch that has brought nothing yet.
    fresh: Vec<Box<dyn Pipe>>,
    pub history: History,
    /// A block decoded.
    scratch: Vec<f32>,
}

impl Outlets {
    pub(super) fn new(history: Duration) -> Self {
        let history = History::new(history);
        Self { taps: Vec::new(), waiting: Vec::new(), fresh: Vec::new(), history, scratch: Vec::new() }
    }

    /// The first epoch begins.
    pub(super) fn begin(&mut self, format: StreamFormat) -> Result<(), Error> {
        self.set_aside(format);
        self.taps.append(&mut self.waiting);
        self.taps.iter_mut().try_for_each(|tap| tap.begin(format, 0))?;
        self.taps.iter().for_each(|tap| tap.announce());
        Ok(())
    }

    /// Memory for the samples of a block; f32 is taken as it is.
    fn set_aside(&mut self, format: StreamFormat) {
        if format.sample != SampleFormat::F32 {
            self.scratch.reserve(format.block_frames() * usize::from(format.channels));
        }
    }

    /// A tap joins; `line` is the epoch that is open.
    pub(super) fn join(&mut self, tap: Box<dyn Pipe>, line: Option<&Line>) {
        match line {
            Some(line) => begin(tap, line, &mut self.taps),
            None => self.waiting.push(tap),
        }
    }

    /// Another epoch is open, and will bring something: who waits begins in it.
    pub(super) fn open(&mut self, next: &Line) {
        let Self { waiting, fresh, .. } = self;
        waiting.drain(..).for_each(|tap| begin(tap, next, fresh));
    }

    /// It ended without a frame.
    pub(super) fn leave_empty(&mut self, next: &Line) {
        self.fresh.iter_mut().for_each(|tap| tap.leave(0, &next.timing));
        self.taps.append(&mut self.fresh);
    }

    /// A take joins, perhaps in the past.
    pub(super) fn join_take(&mut self, mut take: TakePipe, line: Option<&Line>) {
        let Some(line) = line else { return self.waiting.push(Box::new(take)) };
        let (format, start) = (line.info.format, take.asked_at.saturating_sub(take.pre_roll));
        let mut begun = Ok(());
        let mut begin = |take: &mut TakePipe, format, first, from| {
            begun = take.begin_at(format, first, from);
            if begun.is_ok() {
                take.announce();
            }
        };
        let Self { history, scratch, .. } = self;
        let mut decode = |format: StreamFormat, native: &[u8], give: &mut dyn FnMut(&[f32])| {
            give(decode::samples(format.sample, native, scratch).0);
        };
        if !history.replay(start, (format, &line.timing), &mut decode, &mut begin, &mut take) {
            let from = line.timing.position_at(take.asked_at).max(line.axis());
            begin(&mut take, format, line.axis(), from);
        }
        match begun {
            Ok(()) => self.taps.push(Box::new(take)),
            Err(error) => take.reject(error),
        }
    }

    /// Whether the device is to be open for the sake of a take.
    pub fn hold_device(&self) -> bool {
        self.taps.iter().chain(&self.waiting).chain(&self.fresh).any(|tap| tap.holds_device())
    }

    /// Whether a take goes on that has begun.
    pub fn have_takes(&self) -> bool {
        self.taps.iter().chain(&self.fresh).any(|tap| tap.holds_device())
    }

    /// No device could be opened for the takes that wait for one.
    pub fn reject_takes(&mut self, error: &Error) {
        self.waiting.iter().filter(|tap| tap.holds_device()).for_each(|tap| tap.reject(error.clone()));
        self.waiting.retain(|tap| !tap.holds_device());
    }

    /// Lets go of those that nobody listens to.
    pub fn sweep(&mut self) {
        self.taps.retain(|tap| !tap.is_gone());
        self.waiting.retain(|tap| !tap.is_gone());
        self.fresh.retain(|tap| !tap.is_gone());
    }

    /// What was asked of takes meanwhile.
    pub(super) fn look(&mut self, now: Duration, line: &Line, next: Option<&Line>) {
        self.taps.iter_mut().for_each(|tap| tap.look(now, &line.timing));
        if let Some(next) = next {
            self.fresh.iter_mut().for_each(|tap| tap.look(now, &next.timing));
        }
    }

    /// When they must be looked at again, since the first open.
    pub fn due(&self) -> Option<Duration> {
        self.taps.iter().chain(&self.fresh).filter_map(|tap| tap.due()).min()
    }

    /// Where the next of them has what it needs, on the epoch's axis.
    pub(super) fn needs(&self, axis: u64) -> u64 {
        self.taps.iter().map(|tap| tap.needs(axis)).min().unwrap_or(u64::MAX)
    }

    /// A stretch of audio. Its samples, and how many of them were repaired.
    pub(super) fn audio<'a>(&'a mut self, span: Span, native: &'a [u8], line: &Line) -> (&'a [f32], usize) {
        let Self { taps, history, scratch, .. } = self;
        let audio = decode::samples(line.info.format.sample, native, scratch);
        taps.iter_mut().for_each(|tap| tap.audio(Audio { native, decoded: audio.0 }, &line.timing));
        history.push(span, native, line.info.format.rate_hz);
        audio
    }

    /// A hole.
    pub(super) fn hole(&mut self, span: Span, line: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.hole(span, &line.timing));
        self.history.push(span, &[], line.info.format.rate_hz);
    }

    /// News about a loss.
    pub(super) fn loss(&mut self, loss: Verdict) {
        self.taps.iter_mut().for_each(|tap| tap.loss(loss));
    }

    /// The epoch ends.
    pub(super) fn leave(&mut self, line: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.leave(line.axis(), &line.timing));
    }

    /// Another epoch begins, `absence` after `old`.
    pub(super) fn resume(&mut self, old: Option<Line>, absence: &Absence, next: &Line) {
        self.set_aside(next.info.format);
        self.taps.iter_mut().for_each(|tap| tap.resume(next.info.format, absence, &next.timing));
        if let Some(old) = old {
            let end = old.axis();
            self.history.next_epoch(old.info.format, old.timing, end, *absence);
        }
        self.taps.append(&mut self.fresh);
    }

    /// The capture ends.
    pub(super) fn finish(&mut self, line: Option<&Line>) {
        if let Some(line) = line {
            self.taps.iter_mut().for_each(|tap| tap.finish(line.axis(), &line.timing));
        }
        self.waiting.clear();
        self.fresh.clear();
    }
}

/// A tap begins where the epoch is now.
fn begin(mut tap: Box<dyn Pipe>, line: &Line, taps: &mut Vec<Box<dyn Pipe>>) {
    match tap.begin(line.info.format, line.axis()) {
        Ok(()) => {
            tap.announce();
            taps.push(tap);
        }
        // It ends here, which its receiver sees.
        Err(error) => tap.reject(error),
    }
}

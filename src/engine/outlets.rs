//! Everybody who hears the timeline: taps, takes, and the history that takes begin in.

use super::line::Line;
use crate::error::Error;
use crate::format::StreamFormat;
use crate::history::History;
use crate::signal::decode;
use crate::take::TakePipe;
use crate::tap::{Audio, Pipe};
use crate::timeline::{Absence, Span, Verdict};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Outlets {
    taps: Vec<Box<dyn Pipe>>,
    /// Those that joined while there was no epoch to begin in.
    waiting: Vec<Box<dyn Pipe>>,
    pub history: History,
    /// A block decoded.
    scratch: Vec<f32>,
}

impl Outlets {
    pub fn new(history: Duration) -> Self {
        let history = History::new(history);
        Self { taps: Vec::new(), waiting: Vec::new(), history, scratch: Vec::new() }
    }

    /// The first epoch begins.
    pub fn begin(&mut self, format: StreamFormat) -> Result<(), Error> {
        self.taps.append(&mut self.waiting);
        self.taps.iter_mut().try_for_each(|tap| tap.begin(format, 0))?;
        self.taps.iter().for_each(|tap| tap.announce());
        Ok(())
    }

    /// A tap joins; `line` is the epoch that is open.
    pub fn join(&mut self, mut tap: Box<dyn Pipe>, line: Option<&Line>) {
        let Some(line) = line else { return self.waiting.push(tap) };
        match tap.begin(line.info.format, line.axis()) {
            Ok(()) => {
                tap.announce();
                self.taps.push(tap);
            }
            // It ends here, which its receiver sees.
            Err(error) => tap.reject(error),
        }
    }

    /// A take joins, perhaps in the past.
    pub fn join_take(&mut self, mut take: TakePipe, line: Option<&Line>) {
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
            give(decoded(format, native, scratch).0);
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
        self.taps.iter().chain(&self.waiting).any(|tap| tap.holds_device())
    }

    /// Whether a take goes on that has begun.
    pub fn have_takes(&self) -> bool {
        self.taps.iter().any(|tap| tap.holds_device())
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
    }

    /// What was asked of takes meanwhile.
    pub fn look(&mut self, now: Duration, line: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.look(now, &line.timing));
    }

    /// When they must be looked at again, since the first open.
    pub fn due(&self) -> Option<Duration> {
        self.taps.iter().filter_map(|tap| tap.due()).min()
    }

    /// Where the next of them has what it needs, on the epoch's axis.
    pub fn needs(&self, axis: u64) -> u64 {
        self.taps.iter().map(|tap| tap.needs(axis)).min().unwrap_or(u64::MAX)
    }

    /// A stretch of audio. Its samples, and how many of them were repaired; none where nobody wants any and `decodes` is
    /// not set either.
    pub fn audio<'a>(
        &'a mut self,
        span: Span,
        native: &'a [u8],
        line: &Line,
        decodes: bool,
    ) -> (&'a [f32], usize) {
        let Self { taps, history, scratch, .. } = self;
        let mut audio = (&[][..], 0);
        if decodes || taps.iter().any(|tap| tap.decodes()) {
            audio = decoded(line.info.format, native, scratch);
        }
        taps.iter_mut().for_each(|tap| tap.audio(Audio { native, decoded: audio.0 }, &line.timing));
        history.push(span, native, line.info.format.rate_hz);
        audio
    }

    /// A hole.
    pub fn hole(&mut self, span: Span, line: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.hole(span, &line.timing));
        self.history.push(span, &[], line.info.format.rate_hz);
    }

    /// News about a loss.
    pub fn loss(&mut self, loss: Verdict) {
        self.taps.iter_mut().for_each(|tap| tap.loss(loss));
    }

    /// The epoch ends.
    pub fn leave(&mut self, line: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.leave(line.axis(), &line.timing));
    }

    /// Another epoch begins, `absence` after `old`.
    pub fn resume(&mut self, old: Option<Line>, absence: &Absence, next: &Line) {
        self.taps.iter_mut().for_each(|tap| tap.resume(next.info.format, absence, &next.timing));
        if let Some(old) = old {
            let end = old.axis();
            self.history.next_epoch(old.info.format, old.timing, end, *absence);
        }
        for tap in std::mem::take(&mut self.waiting) {
            self.join(tap, Some(next));
        }
    }

    /// The capture ends.
    pub fn finish(&mut self, line: Option<&Line>) {
        if let Some(line) = line {
            self.taps.iter_mut().for_each(|tap| tap.finish(line.axis(), &line.timing));
        }
        self.waiting.clear();
    }
}

fn decoded<'a>(format: StreamFormat, native: &'a [u8], scratch: &'a mut Vec<f32>) -> (&'a [f32], usize) {
    let samples = native.len() / format.sample.bytes();
    if scratch.len() < samples {
        scratch.resize(samples, 0.0);
    }
    decode::samples(format.sample, native, &mut scratch[..samples])
}

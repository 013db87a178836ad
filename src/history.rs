//! The last seconds, so that a take may begin before it was asked for.

use crate::format::StreamFormat;
use crate::tap::{Audio, Pipe};
use crate::timeline::{Absence, Span, Timing};
use std::collections::VecDeque;
use std::time::Duration;

/// Native bytes and holes of the last seconds, in order, across epochs.
#[derive(Debug)]
pub(crate) struct History {
    length: Duration,
    stretches: VecDeque<Stretch>,
    /// Epochs that have ended and that stretches are left of.
    ended: VecDeque<Ended>,
    /// Buffers that wait for their next stretch.
    spare: Vec<Vec<u8>>,
}

/// Audio or a hole.
#[derive(Debug)]
struct Stretch {
    /// On the epoch's axis.
    span: Span,
    /// Whole frames; none of a hole.
    bytes: Vec<u8>,
    length: Duration,
}

/// An epoch that has ended.
#[derive(Debug)]
struct Ended {
    /// How many stretches are left of it.
    stretches: usize,
    format: StreamFormat,
    timing: Timing,
    end: u64,
    /// What came between its end and the next epoch.
    absence: Absence,
}

impl History {
    /// A history of the last `length`, at least.
    pub fn new(length: Duration) -> Self {
        Self { length, stretches: VecDeque::new(), ended: VecDeque::new(), spare: Vec::new() }
    }

    /// Whether anything is kept at all.
    pub fn is_kept(&self) -> bool {
        !self.length.is_zero()
    }

    /// What comes next; `bytes` of a hole are none.
    pub fn push(&mut self, span: Span, bytes: &[u8], rate_hz: u32) {
        if !self.is_kept() {
            return;
        }
        let mut own = self.spare.pop().unwrap_or_default();
        own.extend_from_slice(bytes);
        let length = Duration::from_secs_f64((span.end - span.start) as f64 / f64::from(rate_hz));
        self.stretches.push_back(Stretch { span, bytes: own, length });
        let mut kept: Duration = self.stretches.iter().map(|stretch| stretch.length).sum();
        while let Some(first) = self.stretches.front()
            && kept - first.length >= self.length
        {
            kept -= first.length;
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some(mut first) = self.stretches.pop_front() {
            wipe(&mut first.bytes);
            self.spare.push(first.bytes);
        }
        if let Some(ended) = self.ended.front_mut() {
            ended.stretches -= 1;
            if ended.stretches == 0 {
                self.ended.pop_front();
            }
        }
    }

    /// The epoch ended at `end`, and another has begun after `absence`.
    pub fn next_epoch(&mut self, format: StreamFormat, timing: Timing, end: u64, absence: Absence) {
        let older: usize = self.ended.iter().map(|ended| ended.stretches).sum();
        let stretches = self.stretches.len() - older;
        if stretches > 0 {
            self.ended.push_back(Ended { stretches, format, timing, end, absence });
        }
    }

    /// Forgets everything, and overwrites it.
    pub fn clear(&mut self) {
        self.stretches.iter_mut().for_each(|stretch| wipe(&mut stretch.bytes));
        (self.stretches, self.ended, self.spare) = Default::default();
    }

    /// Begins `pipe` with the first frame that was captured at `start` or later, and brings it up to the present, which is
    /// an epoch of `format` and `timing`. `false` if that is not in the past.
    pub fn replay<P: Pipe>(
        &self,
        start: Duration,
        (format, timing): (StreamFormat, &Timing),
        decode: &mut impl FnMut(StreamFormat, &[u8], &mut dyn FnMut(&[f32])),
        begin: impl FnOnce(&mut P, StreamFormat, u64, u64),
        pipe: &mut P,
    ) -> bool {
        let mut epochs = self.ended.iter();
        let mut epoch = epochs.next();
        let mut left = epoch.map_or(usize::MAX, |ended| ended.stretches);
        let mut begin = Some(begin);
        for stretch in &self.stretches {
            if left == 0 {
                let ended = epoch.expect("only an ended epoch runs out of stretches");
                epoch = epochs.next();
                left = epoch.map_or(usize::MAX, |ended| ended.stretches);
                let (format, timing) = epoch.map_or((format, timing), |ended| (ended.format, &ended.timing));
                if begin.is_none() {
                    pipe.leave(ended.end, &ended.timing);
                    pipe.resume(format, &ended.absence, timing);
                }
            }
            left -= 1;
            let (format, timing) = epoch.map_or((format, timing), |ended| (ended.format, &ended.timing));
            let Span { start: first, end, .. } = stretch.span;
            let from = timing.position_at(start);
            if begin.is_some() && from < end {
                let from = from.max(first);
                if let Some(begin) = begin.take() {
                    begin(pipe, format, first, from);
                }
            }
            if begin.is_none() {
                if stretch.span.missing.is_some() {
                    pipe.hole(stretch.span, timing);
                } else {
                    let native = &stretch.bytes[..];
                    decode(format, native, &mut |decoded| pipe.audio(Audio { native, decoded }, timing));
                }
            }
        }
        begin.is_none()
    }
}

/// Nobody finds in memory what was forgotten.
fn wipe(bytes: &mut Vec<u8>) {
    bytes.fill(0);
    // The compiler must not know that nobody reads it again.
    std::hint::black_box(&mut *bytes);
    bytes.clear();
}

impl Drop for History {
    fn drop(&mut self) {
        self.clear();
    }
}

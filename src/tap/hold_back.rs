//! A tap that hears everything later, so that what is found out late about it comes in its place.

use super::Tap;
use super::pipe::{Audio, Pipe};
use crate::error::Error;
use crate::format::StreamFormat;
use crate::timeline::{Absence, Cause, Span, Timing, Verdict};
use std::collections::VecDeque;
use std::time::Duration;

/// What is held: decoded samples, or the device's own bytes.
pub(super) trait Held: Copy + Default + std::fmt::Debug + Send + 'static {
    /// How many make a frame.
    fn in_frame(format: StreamFormat) -> usize;
    fn of(audio: Audio<'_>) -> &[Self];
    fn audio(held: &[Self]) -> Audio<'_>;
}

impl Held for f32 {
    fn in_frame(format: StreamFormat) -> usize {
        format.channels.into()
    }

    fn of(audio: Audio<'_>) -> &[Self] {
        audio.decoded
    }

    fn audio(decoded: &[Self]) -> Audio<'_> {
        Audio { native: &[], decoded }
    }
}

impl Held for u8 {
    fn in_frame(format: StreamFormat) -> usize {
        format.frame_bytes()
    }

    fn of(audio: Audio<'_>) -> &[Self] {
        audio.native
    }

    fn audio(native: &[Self]) -> Audio<'_> {
        Audio { native, decoded: &[] }
    }
}

/// Audio or a hole.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    frames: u64,
    /// Of a hole: why, and how far off its length may be.
    missing: Option<(Cause, u64)>,
}

/// Hands everything on to `pipe` when it is old enough, and at an end at once.
#[derive(Debug)]
pub(super) struct HeldBack<T> {
    tap: Tap,
    pipe: Box<dyn Pipe>,
    tap_hz: u32,
    device_hz: u32,
    block_frames: usize,
    /// For so many device frames.
    hold: u64,
    /// Up to where `pipe` has heard the epoch, on the tap's axis: that has the frames of the epoch's, and late holes
    /// where they happened.
    position: u64,
    /// What lies behind that, and how many frames they are.
    stretches: VecDeque<Stretch>,
    held: u64,
    /// The samples of those that are audio.
    samples: VecDeque<T>,
    in_frame: usize,
}

impl<T: Held> HeldBack<T> {
    pub fn new(tap: Tap, pipe: Box<dyn Pipe>) -> Self {
        let (stretches, samples) = (VecDeque::new(), VecDeque::new());
        Self {
            tap,
            pipe,
            tap_hz: 1,
            device_hz: 1,
            block_frames: 0,
            hold: 0,
            position: 0,
            stretches,
            held: 0,
            samples,
            in_frame: 1,
        }
    }

    /// An epoch that is heard from `position` on.
    fn open(&mut self, format: StreamFormat, position: u64) {
        (self.device_hz, self.block_frames) = (format.rate_hz, format.block_frames());
        (self.position, self.in_frame) = (position, T::in_frame(format));
        // A ring of its own: where it wraps, a frame begins.
        self.samples = VecDeque::new();
        self.follow(Duration::ZERO);
    }

    /// Holds back for as long as it takes until a loss is known, where that is what the tap wants.
    fn follow(&mut self, settles: Duration) {
        self.hold = self.tap.hold_back_frames(settles, self.device_hz, self.tap_hz);
        let room = (self.hold as usize + self.block_frames) * self.in_frame;
        if self.samples.capacity() < room {
            let mut samples = VecDeque::with_capacity(room);
            samples.extend(&self.samples);
            self.wipe();
            self.samples = samples;
        }
    }

    /// Overwrites what was held.
    fn wipe(&mut self) {
        self.samples.clear();
        self.samples.resize(self.samples.capacity(), T::default());
        std::hint::black_box(&mut self.samples).clear();
    }

    /// The number of the stretch that begins at `place`, which is one of those held or their end.
    fn split(&mut self, place: u64) -> usize {
        let mut start = self.position;
        for index in 0..self.stretches.len() {
            if place <= start {
                return index;
            }
            let stretch = &mut self.stretches[index];
            let end = start + stretch.frames;
            if place < end {
                let behind = Stretch { frames: end - place, ..*stretch };
                stretch.frames = place - start;
                self.stretches.insert(index + 1, behind);
                return index + 1;
            }
            start = end;
        }
        self.stretches.len()
    }

    /// Hands on what lies before the newest `keep` frames; a hole as a whole when its start does.
    fn release(&mut self, keep: u64, timing: &Timing) {
        while self.held > keep
            && let Some(first) = self.stretches.front_mut()
        {
            let start = self.position;
            let frames =
                if first.missing.is_some() { first.frames } else { first.frames.min(self.held - keep) };
            let missing = first.missing;
            first.frames -= frames;
            if first.frames == 0 {
                self.stretches.pop_front();
            }
            (self.position, self.held) = (start + frames, self.held - frames);
            if let Some((cause, error_frames)) = missing {
                let (end, missing) = (self.position, Some(cause));
                self.pipe.hole(Span { start, end, missing, error_frames, late: 0 }, timing);
                continue;
            }
            let samples = frames as usize * self.in_frame;
            let (one, other) = self.samples.as_slices();
            let of_one = samples.min(one.len());
            for part in [&one[..of_one], &other[..samples - of_one]] {
                if !part.is_empty() {
                    self.pipe.audio(T::audio(part), timing);
                }
            }
            self.samples.drain(..samples);
        }
    }
}

impl<T: Held> Pipe for HeldBack<T> {
    fn begin(&mut self, format: StreamFormat, position: u64) -> Result<(), Error> {
        self.pipe.begin(format, position)?;
        self.tap_hz = self.tap.rate_hz.unwrap_or(format.rate_hz);
        self.open(format, position);
        Ok(())
    }

    fn leave(&mut self, position: u64, timing: &Timing) {
        self.release(0, timing);
        self.wipe();
        self.pipe.leave(position, timing);
    }

    fn resume(&mut self, format: StreamFormat, absence: &Absence, timing: &Timing) {
        self.pipe.resume(format, absence, timing);
        self.open(format, 0);
    }

    fn announce(&self) {
        self.pipe.announce();
    }

    fn audio(&mut self, audio: Audio<'_>, timing: &Timing) {
        let samples = T::of(audio);
        let frames = (samples.len() / self.in_frame) as u64;
        self.samples.extend(samples);
        self.held += frames;
        match self.stretches.back_mut() {
            Some(last) if last.missing.is_none() => last.frames += frames,
            _ => self.stretches.push_back(Stretch { frames, missing: None }),
        }
        if self.tap.follows {
            self.follow(timing.settles_within());
        }
        self.release(self.hold, timing);
    }

    fn hole(&mut self, hole: Span, timing: &Timing) {
        let Some(cause) = hole.missing else { return };
        debug_assert_eq!(hole.start, self.position + self.held, "a hole follows on what came before");
        let frames = hole.end - hole.start;
        let place = (hole.start - hole.late).max(self.position);
        let index = self.split(place);
        self.stretches.insert(index, Stretch { frames, missing: Some((cause, hole.error_frames)) });
        self.held += frames;
        if place < hole.start {
            self.pipe.moved(&hole, place);
        }
        self.release(self.hold, timing);
    }

    /// Not held: what is said of a loss is there before its place is.
    fn loss(&mut self, loss: Verdict) {
        self.pipe.loss(loss);
    }

    fn finish(&mut self, position: u64, timing: &Timing) {
        self.release(0, timing);
        self.wipe();
        // What a cancel has thrown away was never heard.
        self.pipe.finish(position - self.held, timing);
    }

    fn needs(&self, position: u64) -> u64 {
        self.pipe.needs(self.position).saturating_add(self.hold).max(position + 1)
    }

    fn reject(&self, error: Error) {
        self.pipe.reject(error);
    }

    fn cancel(&mut self) {
        self.wipe();
        self.stretches.clear();
        self.pipe.cancel();
    }

    fn is_gone(&self) -> bool {
        self.pipe.is_gone()
    }
}

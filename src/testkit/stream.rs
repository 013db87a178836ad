//! One open of a microphone: the closures that somebody gave to cpal, and when to call them next.

use super::signal::Source;
use super::stamps::{Moment, Random, Stamps};
use crate::format::{SampleFormat, StreamFormat};
use crate::source::to_cpal;
use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, StreamInstant};
use std::fmt;

pub(super) type OnData = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;
pub(super) type OnError = Box<dyn FnMut(cpal::Error) + Send>;

/// The streams' clocks are ahead of the stage's by some offset, as those of real devices are, in nanoseconds.
pub(super) const STREAM_ZERO: f64 = 1e15;

/// What is out of the ordinary with the next callback.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Twist {
    /// Nanoseconds.
    pub late: f64,
    pub twice: bool,
    pub size: Option<u32>,
    /// It comes in a format that was not announced, and is the last.
    pub farewell: Option<SampleFormat>,
}

/// The next callback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Nanoseconds since the stage began.
    pub at: f64,
    pub frames: u32,
}

pub(super) struct Stream {
    pub number: u64,
    data: OnData,
    error: OnError,
    format: StreamFormat,
    pub is_playing: bool,
    /// Of no more use, whether or not somebody still holds it.
    pub is_dead: bool,
    /// Nobody holds it any more.
    pub is_dropped: bool,
    /// The device's frame that the next callback begins with.
    pub next: u64,
    pub twist: Twist,
    pub plan: Option<Plan>,
    /// When the last callback came.
    pub last_at: f64,
    last_stamp: u64,
    /// When its first frame was captured, and how many it has brought.
    first: f64,
    brought: u64,
    /// The callback's place among those that come at once.
    pub piece: u32,
    callbacks: u64,
    bytes: Vec<u8>,
    /// Aligned for any sample.
    aligned: Vec<u64>,
}

impl Stream {
    pub fn new(number: u64, format: StreamFormat, data: OnData, error: OnError) -> Self {
        Self {
            number,
            data,
            error,
            format,
            is_playing: false,
            is_dead: false,
            is_dropped: false,
            next: 0,
            twist: Twist::default(),
            plan: None,
            last_at: 0.0,
            last_stamp: 0,
            first: f64::NAN,
            brought: 0,
            piece: 0,
            callbacks: 0,
            bytes: Vec::new(),
            aligned: Vec::new(),
        }
    }

    /// Whether callbacks are to come.
    pub fn lives(&self) -> bool {
        self.is_playing && !self.is_dead
    }

    pub fn fail(&mut self, kind: cpal::ErrorKind) {
        (self.error)(kind.into());
    }

    /// The planned callback. `captured` is when its first frame was, in nanoseconds since the stage began.
    pub fn play(
        &mut self,
        plan: Plan,
        captured: f64,
        source: &mut Source,
        stamps: Stamps,
        random: &mut Random,
    ) {
        let twist = std::mem::take(&mut self.twist);
        let duration = f64::from(plan.frames) / f64::from(self.format.rate_hz) * 1e9;
        if self.brought == 0 {
            self.first = captured;
        }
        let counted = self.first + self.brought as f64 / f64::from(self.format.rate_hz) * 1e9;
        let moment = Moment {
            captured: captured + STREAM_ZERO,
            reckoned: plan.at - duration + STREAM_ZERO,
            counted: counted + STREAM_ZERO,
            last: self.last_stamp,
            number: self.callbacks,
        };
        self.last_stamp = stamps.stamp(&moment, random);
        self.last_at = plan.at;
        let sample = twist.farewell.unwrap_or(self.format.sample);
        let format = StreamFormat { sample, ..self.format };
        source.fill(format, self.next, plan.frames as usize, &mut self.bytes);
        for _ in 0..1 + u32::from(twist.twice) {
            self.callbacks += 1;
            self.call(sample, plan.at);
        }
        self.next += u64::from(plan.frames);
        self.brought += u64::from(plan.frames);
        if twist.farewell.is_some() {
            self.is_dead = true;
            self.fail(cpal::ErrorKind::StreamInvalidated);
        }
    }

    #[allow(unsafe_code, reason = "cpal's own way to make what a callback gets")]
    fn call(&mut self, sample: SampleFormat, at: f64) {
        let samples = self.bytes.len() / sample.bytes();
        self.aligned.resize(self.bytes.len().div_ceil(8), 0);
        bytemuck::cast_slice_mut(&mut self.aligned)[..self.bytes.len()].copy_from_slice(&self.bytes);
        // SAFETY: the memory is aligned for any sample, and holds as many as are said; every bit pattern is a sample.
        let data = unsafe { Data::from_parts(self.aligned.as_mut_ptr().cast(), samples, to_cpal(sample)) };
        let callback = StreamInstant::from_nanos((at + STREAM_ZERO) as u64);
        let capture = StreamInstant::from_nanos(self.last_stamp);
        (self.data)(&data, &InputCallbackInfo::new(InputStreamTimestamp { callback, capture }));
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("number", &self.number)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

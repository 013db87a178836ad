//! The worker's end of a tap: device audio in, chunks out.

use super::assembler::Assembler;
use super::axis::Axis;
use super::chunk::{Chunk, Recycler};
use super::receiver::Queue;
use super::{Closure, QUEUE, Tap};
use crate::error::Error;
use crate::format::{SampleFormat, StreamFormat};
use crate::signal::channels::Mixer;
use crate::signal::gain::GainStage;
use crate::signal::highpass::HighPass;
use crate::signal::resample::{Resampler, run_frames};
use crate::timeline::{Absence, Gap, Span, Timing, Verdict};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// A stretch of audio as the worker hands it to every tap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Audio<'a> {
    /// The device's own bytes, whole frames.
    pub native: &'a [u8],
    /// The same decoded, interleaved.
    pub decoded: &'a [f32],
}

/// What the worker does with a tap.
pub(crate) trait Pipe: Send + fmt::Debug {
    /// The tap begins at `position` of an epoch.
    fn begin(&mut self, format: StreamFormat, position: u64) -> Result<(), Error>;
    /// The epoch ends at `position`.
    fn leave(&mut self, position: u64, timing: &Timing);
    /// Another one begins, so long after; the tap's own format stays what it was.
    fn resume(&mut self, format: StreamFormat, absence: &Absence, timing: &Timing);
    /// All taps have begun: tells the receiver what is to come.
    fn announce(&self);
    /// Audio that follows directly on what came before.
    fn audio(&mut self, audio: Audio<'_>, timing: &Timing);
    /// A hole that follows directly on what came before.
    fn hole(&mut self, hole: Span, timing: &Timing);
    /// The tap will hear a hole at `place` that is further behind on the epoch's axis.
    fn moved(&mut self, _hole: &Span, _place: u64) {}
    /// News about a loss, in the epoch's frames and on its axis.
    fn loss(&mut self, loss: Verdict);
    /// The end, at `position`: flushes, and tells the receiver.
    fn finish(&mut self, position: u64, timing: &Timing);
    /// The position up to which the tap needs frames for its next chunk.
    fn needs(&self, position: u64) -> u64;
    /// It could not begin: tells the receiver why.
    fn reject(&self, error: Error);
    /// What is not received yet is of no use any more; a file is to be removed.
    fn cancel(&mut self);
    /// Another look, before and after the blocks that wait are served, so long after the first open.
    fn look(&mut self, _now: Duration, _timing: &Timing) {}
    /// When it must be looked at again, since the first open.
    fn due(&self) -> Option<Duration> {
        None
    }
    /// Whether the device is to be open for its sake.
    fn holds_device(&self) -> bool {
        false
    }
    /// Whether nobody listens any more.
    fn is_gone(&self) -> bool;
}

/// Where chunks go.
pub(super) enum Sink<T: Copy> {
    Queue(Arc<Queue<T>>),
    /// Runs on the worker; `None` once it has panicked, which ends this tap only.
    Closure(Option<Closure<T>>),
}

impl<T: Copy> Sink<T> {
    pub fn deliver(&mut self, mut chunk: Chunk<T>, axis: &Axis, timing: &Timing) {
        chunk.captured = axis.captured(timing, chunk.position);
        match self {
            Self::Queue(queue) => queue.offer(chunk),
            Self::Closure(closure) => {
                if let Some(call) = closure
                    && catch_unwind(AssertUnwindSafe(|| call(chunk))).is_err()
                {
                    *closure = None;
                }
            }
        }
    }

    /// Buffers to set aside: a closure that keeps no chunk has given its one back before the assembler takes the next;
    /// with more there is more to allocate, once.
    pub fn buffers(&self, tap: &Tap) -> usize {
        match self {
            Self::Queue(_) => tap.queue.unwrap_or(QUEUE) + 4,
            Self::Closure(_) => 1,
        }
    }

    /// A hole is over for now.
    pub fn flush(&self) {
        if let Self::Queue(queue) = self {
            queue.flush();
        }
    }

    pub fn begin(&self, format: StreamFormat) {
        if let Self::Queue(queue) = self {
            queue.begin(format);
        }
    }

    pub fn reject(&self, error: Error) {
        if let Self::Queue(queue) = self {
            queue.reject(error);
        }
    }

    pub fn cancel(&self) {
        if let Self::Queue(queue) = self {
            queue.cancel();
        }
    }

    pub fn end(&self) {
        if let Self::Queue(queue) = self {
            queue.end();
        }
    }

    pub fn is_gone(&self) -> bool {
        match self {
            Self::Queue(queue) => queue.is_gone(),
            Self::Closure(closure) => closure.is_none(),
        }
    }
}

impl<T: Copy> fmt::Debug for Sink<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue(_) => "Queue",
            Self::Closure(_) => "Closure",
        })
    }
}

/// A worker that is gone, for whatever reason, must not leave a receiver waiting.
impl<T: Copy> Drop for Sink<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Channels, rate and chunks of a tap of f32.
#[derive(Debug)]
pub(super) struct AudioPipe {
    tap: Tap,
    sink: Sink<f32>,
    stages: Option<Stages>,
}

/// The stages, which fit one device format.
#[derive(Debug)]
struct Stages {
    mixer: Mixer,
    mixed: Vec<f32>,
    gain: GainStage,
    high_pass: Option<HighPass>,
    resampler: Resampler,
    assembler: Assembler<f32>,
    device_hz: u32,
    tap_hz: u32,
    axis: Axis,
}

impl AudioPipe {
    pub fn new(tap: Tap, sink: Sink<f32>) -> Self {
        Self { tap, sink, stages: None }
    }
}

impl Pipe for AudioPipe {
    fn begin(&mut self, device: StreamFormat, position: u64) -> Result<(), Error> {
        let mixer = Mixer::new(&self.tap.channels, device.channels, device.rate_hz)?;
        let channels = mixer.output_channels();
        let tap_hz = self.tap.rate_hz.unwrap_or(device.rate_hz);
        let resampler = Resampler::new(device.rate_hz, tap_hz, channels, self.tap.quality)?;
        let corner = self.tap.high_pass_hz;
        let high_pass = corner.map(|hz| HighPass::new(device.rate_hz, hz, channels)).transpose()?;
        let format = StreamFormat { rate_hz: tap_hz, channels: channels as u16, sample: SampleFormat::F32 };
        let grid = self.tap.grid(tap_hz)?;
        let home = Recycler::new(self.sink.buffers(&self.tap), grid.len as usize * channels);
        let assembler = Assembler::new(grid, format, vec![0.0; channels], home);
        let ratio = f64::from(device.rate_hz) / f64::from(tap_hz);
        let shift = resampler.shift_frames();
        self.stages = Some(Stages {
            mixer,
            mixed: Vec::with_capacity(device.block_frames() * channels),
            gain: GainStage::new(self.tap.gain.clone(), channels),
            high_pass,
            resampler,
            assembler,
            device_hz: device.rate_hz,
            tap_hz,
            axis: Axis::new(position, 0, ratio, shift),
        });
        Ok(())
    }

    fn leave(&mut self, position: u64, timing: &Timing) {
        let Some(stages) = &mut self.stages else { return };
        stages.end_run(position, &mut self.sink, timing);
        stages.axis.leave(timing, stages.assembler.position());
    }

    fn resume(&mut self, device: StreamFormat, absence: &Absence, timing: &Timing) {
        let (Some(stages), sink) = (&mut self.stages, &mut self.sink) else { return };
        let channels = stages.mixer.output_channels();
        let resampler = Resampler::new(device.rate_hz, stages.tap_hz, channels, self.tap.quality);
        // Rates and channels are in range, so that there is one.
        let Ok(resampler) = resampler else { return };
        stages.mixer = Mixer::in_place(&self.tap.channels, device.channels, device.rate_hz, channels);
        stages.device_hz = device.rate_hz;
        stages.mixed.reserve(device.block_frames() * channels);
        let Stages { assembler, axis, tap_hz, .. } = stages;
        let gap = absence.gap(assembler.position(), *tap_hz);
        let ratio = f64::from(device.rate_hz) / f64::from(*tap_hz);
        let before = axis.before;
        *axis = Axis::new(0, gap.position + gap.frames, ratio, resampler.shift_frames());
        axis.before = before;
        assembler.hole(gap, &mut |chunk| sink.deliver(chunk, axis, timing));
        sink.flush();
        stages.resampler = resampler;
    }

    fn announce(&self) {
        if let Some(stages) = &self.stages {
            self.sink.begin(stages.assembler.format());
        }
    }

    fn audio(&mut self, audio: Audio<'_>, timing: &Timing) {
        let (Some(stages), sink) = (&mut self.stages, &mut self.sink) else { return };
        stages.mixer.mix(audio.decoded, &mut stages.mixed);
        stages.gain.apply(&mut stages.mixed);
        if let Some(high_pass) = &mut stages.high_pass {
            high_pass.process(&mut stages.mixed);
        }
        let Stages { mixed, resampler, assembler, axis, .. } = stages;
        resampler.push(mixed, &mut |samples| {
            assembler.push(samples, &mut |chunk| sink.deliver(chunk, axis, timing));
        });
    }

    fn hole(&mut self, hole: Span, timing: &Timing) {
        let (Some(stages), sink) = (&mut self.stages, &mut self.sink) else { return };
        let Some(cause) = hole.missing else { return };
        stages.end_run(hole.start, sink, timing);
        let frames = stages.frames(hole.start, hole.end);
        let error_frames = stages.error_frames(hole.error_frames);
        let gap = Gap { position: stages.assembler.position(), frames, error_frames, cause };
        let Stages { assembler, axis, .. } = stages;
        assembler.hole(gap, &mut |chunk| sink.deliver(chunk, axis, timing));
        sink.flush();
        (axis.run, axis.run_position) = (hole.end, assembler.position());
    }

    fn moved(&mut self, hole: &Span, place: u64) {
        if let Some(stages) = &mut self.stages {
            stages.axis.move_hole(hole, place);
        }
    }

    fn loss(&mut self, loss: Verdict) {
        let Some(stages) = &mut self.stages else { return };
        let start = loss.position.max(stages.axis.origin);
        let position = stages.axis.origin_position + stages.frames(stages.axis.origin, start);
        let frames = stages.frames(start, start + loss.frames);
        let error_frames = stages.error_frames(loss.error_frames);
        stages.assembler.loss(Verdict { position, frames, error_frames, ..loss });
    }

    fn finish(&mut self, position: u64, timing: &Timing) {
        if let Some(stages) = &mut self.stages {
            stages.end_run(position, &mut self.sink, timing);
            let Stages { assembler, axis, .. } = stages;
            assembler.finish(&mut |chunk| self.sink.deliver(chunk, axis, timing));
        }
        self.sink.end();
    }

    fn needs(&self, position: u64) -> u64 {
        let Some(stages) = &self.stages else { return u64::MAX };
        let run_frames = stages.assembler.position() - stages.axis.run_position + stages.assembler.missing();
        (stages.axis.run + stages.resampler.input_needed(run_frames)).max(position + 1)
    }

    fn reject(&self, error: Error) {
        self.sink.reject(error);
    }

    fn cancel(&mut self) {
        self.sink.cancel();
    }

    fn is_gone(&self) -> bool {
        self.sink.is_gone()
    }
}

impl Stages {
    /// Tap frames that the stretch `[start, end)` of the epoch takes.
    fn frames(&self, start: u64, end: u64) -> u64 {
        run_frames(start - self.axis.origin, end - self.axis.origin, self.device_hz, self.tap_hz)
    }

    /// So many frames of uncertainty, in the tap's frames.
    fn error_frames(&self, frames: u64) -> u64 {
        (frames * u64::from(self.tap_hz)).div_ceil(self.device_hz.into())
    }

    /// Flushes the run of audio that ends at `end`, to the exact frame.
    fn end_run(&mut self, end: u64, sink: &mut Sink<f32>, timing: &Timing) {
        let total = self.frames(self.axis.run, end);
        let Self { mixer, resampler, assembler, axis, high_pass, .. } = self;
        mixer.hole();
        if let Some(high_pass) = high_pass {
            high_pass.reset();
        }
        resampler.finish(total, &mut |samples| {
            assembler.push(samples, &mut |chunk| sink.deliver(chunk, axis, timing));
        });
        (axis.run, axis.run_position) = (end, assembler.position());
    }
}

//! The worker's end of a tap of the device's own samples.

use super::Tap;
use super::assembler::Assembler;
use super::axis::Axis;
use super::chunk::Recycler;
use super::pipe::{Audio, Pipe, Sink};
use crate::error::Error;
use crate::format::{SampleFormat, StreamFormat};
use crate::signal::resample::run_frames;
use crate::timeline::{Absence, Cause, Gap, Span, Timing, Verdict};
use crate::wav::encode::native_encoding;

/// The device's own bytes, cut into chunks and otherwise untouched.
#[derive(Debug)]
pub(super) struct NativePipe {
    tap: Tap,
    sink: Sink<u8>,
    assembler: Option<Assembler<u8>>,
    axis: Axis,
    /// Another device is there in place of the one that the tap began with.
    unfit: Option<Unfit>,
}

/// A stretch in which there is no device whose samples fit.
#[derive(Debug)]
struct Unfit {
    /// Of the one that is there, if one is.
    device: Option<StreamFormat>,
    /// In the tap's frames, without what the present epoch has brought.
    frames: u64,
    error_frames: u64,
    cause: Cause,
}

impl Unfit {
    /// The hole at `position`, on an axis of `rate_hz`, when the present epoch has come to `end`.
    fn gap(&self, end: u64, position: u64, rate_hz: u32) -> Gap {
        let present = self.device.map_or(0, |device| run_frames(0, end, device.rate_hz, rate_hz));
        let frames = self.frames + present;
        Gap { position, frames, error_frames: self.error_frames, cause: self.cause }
    }
}

impl NativePipe {
    pub fn new(tap: Tap, sink: Sink<u8>) -> Self {
        Self { tap, sink, assembler: None, axis: Axis::new(0, 0, 1.0, 0.0), unfit: None }
    }
}

impl Pipe for NativePipe {
    fn begin(&mut self, device: StreamFormat, position: u64) -> Result<(), Error> {
        native_encoding(device.sample)?;
        let grid = self.tap.grid(device.rate_hz)?;
        let frame_bytes = device.frame_bytes();
        let home = Recycler::new(self.sink.buffers(&self.tap), grid.len as usize * frame_bytes);
        self.assembler = Some(Assembler::new(grid, device, silent_frame(device), home));
        self.axis = Axis::new(position, 0, 1.0, 0.0);
        Ok(())
    }

    fn leave(&mut self, position: u64, timing: &Timing) {
        let Some(assembler) = &self.assembler else { return };
        match &mut self.unfit {
            Some(unfit) => {
                unfit.frames = unfit.gap(position, 0, assembler.format().rate_hz).frames;
                unfit.device = None;
            }
            None => self.axis.leave(timing, assembler.position()),
        }
    }

    fn resume(&mut self, device: StreamFormat, absence: &Absence, timing: &Timing) {
        let Some(assembler) = &mut self.assembler else { return };
        let mut gap = absence.gap(assembler.position(), assembler.format().rate_hz);
        if let Some(unfit) = self.unfit.take() {
            gap.frames += unfit.frames;
            gap.error_frames += unfit.error_frames;
            gap.cause = unfit.cause;
        }
        if device != assembler.format() {
            // It may be the one that it was again, before the tap ends.
            let Gap { frames, error_frames, cause, .. } = gap;
            self.unfit = Some(Unfit { device: Some(device), frames, error_frames, cause });
            return;
        }
        let before = self.axis.before;
        self.axis = Axis::new(0, gap.position + gap.frames, 1.0, 0.0);
        self.axis.before = before;
        assembler.hole(gap, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        self.sink.flush();
    }

    fn announce(&self) {
        if let Some(assembler) = &self.assembler {
            self.sink.begin(assembler.format());
        }
    }

    fn audio(&mut self, audio: Audio<'_>, timing: &Timing) {
        if let (Some(assembler), None) = (&mut self.assembler, &self.unfit) {
            assembler.push(audio.native, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        }
    }

    fn hole(&mut self, hole: Span, timing: &Timing) {
        let (Some(assembler), Some(cause), None) = (&mut self.assembler, hole.missing, &self.unfit) else {
            return;
        };
        let (frames, error_frames) = (hole.end - hole.start, hole.error_frames);
        let gap = Gap { position: assembler.position(), frames, error_frames, cause };
        assembler.hole(gap, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        self.sink.flush();
    }

    fn moved(&mut self, hole: &Span, place: u64) {
        if self.unfit.is_none() {
            self.axis.move_hole(hole, place);
        }
    }

    fn loss(&mut self, loss: Verdict) {
        if let (Some(assembler), None) = (&mut self.assembler, &self.unfit) {
            let position = self.axis.origin_position + loss.position.saturating_sub(self.axis.origin);
            assembler.loss(Verdict { position, ..loss });
        }
    }

    fn finish(&mut self, position: u64, timing: &Timing) {
        if let Some(assembler) = &mut self.assembler {
            if let Some(unfit) = self.unfit.take() {
                let gap = unfit.gap(position, assembler.position(), assembler.format().rate_hz);
                assembler.hole(gap, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
            }
            assembler.finish(&mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        }
        self.sink.end();
    }

    fn needs(&self, position: u64) -> u64 {
        let assembler = self.assembler.as_ref().filter(|_| self.unfit.is_none());
        assembler.map_or(u64::MAX, |assembler| position + assembler.missing())
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

/// One frame of silence: zeros, or the middle of an unsigned format's range.
fn silent_frame(format: StreamFormat) -> Vec<u8> {
    let sample = match format.sample {
        SampleFormat::U8 => (1_u8 << 7).to_ne_bytes().to_vec(),
        SampleFormat::U16 => (1_u16 << 15).to_ne_bytes().to_vec(),
        SampleFormat::U24 => (1_u32 << 23).to_ne_bytes().to_vec(),
        SampleFormat::U32 => (1_u32 << 31).to_ne_bytes().to_vec(),
        SampleFormat::U64 => (1_u64 << 63).to_ne_bytes().to_vec(),
        signed_or_float => vec![0; signed_or_float.bytes()],
    };
    sample.repeat(format.channels.into())
}

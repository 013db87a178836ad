//! The worker's end of a tap of the device's own samples.

use super::Tap;
use super::assembler::Assembler;
use super::axis::Axis;
use super::chunk::Recycler;
use super::pipe::{Audio, Pipe, Sink};
use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::timeline::{Absence, Gap, Span, Timing, Verdict};
use crate::wav::encode::native_encoding;

/// The device's own bytes, cut into chunks and otherwise untouched.
#[derive(Debug)]
pub(super) struct NativePipe {
    tap: Tap,
    sink: Sink<u8>,
    assembler: Option<Assembler<u8>>,
    axis: Axis,
    /// The device's own samples are of another format now.
    is_over: bool,
}

impl NativePipe {
    pub fn new(tap: Tap, sink: Sink<u8>) -> Self {
        Self { tap, sink, assembler: None, axis: Axis::new(0, 0, 1.0, 0.0), is_over: false }
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

    fn leave(&mut self, _position: u64, timing: &Timing) {
        if let Some(assembler) = &self.assembler {
            self.axis.leave(timing, assembler.position());
        }
    }

    fn resume(&mut self, device: StreamFormat, absence: &Absence, timing: &Timing) {
        let Some(assembler) = &mut self.assembler else { return };
        if device == assembler.format() {
            let gap = absence.gap(assembler.position(), device.rate_hz);
            let before = self.axis.before;
            self.axis = Axis::new(0, gap.position + gap.frames, 1.0, 0.0);
            self.axis.before = before;
            assembler.hole(gap, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        } else {
            let was = assembler.format();
            let message = format!("the device's own samples are {device} now and were {was}; they end here");
            self.sink.reject(Error::new(ErrorKind::UnsupportedFormat, message));
            self.finish(0, timing);
            (self.assembler, self.is_over) = (None, true);
        }
    }

    fn announce(&self) {
        if let Some(assembler) = &self.assembler {
            self.sink.begin(assembler.format());
        }
    }

    fn audio(&mut self, audio: Audio<'_>, timing: &Timing) {
        if let Some(assembler) = &mut self.assembler {
            assembler.push(audio.native, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        }
    }

    fn hole(&mut self, hole: Span, timing: &Timing) {
        let (Some(assembler), Some(cause)) = (&mut self.assembler, hole.missing) else { return };
        let (frames, error_frames) = (hole.end - hole.start, hole.error_frames);
        let gap = Gap { position: assembler.position(), frames, error_frames, cause };
        assembler.hole(gap, &mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
    }

    fn moved(&mut self, hole: &Span, place: u64) {
        self.axis.move_hole(hole, place);
    }

    fn loss(&mut self, loss: Verdict) {
        if let Some(assembler) = &mut self.assembler {
            let position = self.axis.origin_position + loss.position.saturating_sub(self.axis.origin);
            assembler.loss(Verdict { position, ..loss });
        }
    }

    fn finish(&mut self, _position: u64, timing: &Timing) {
        if let Some(assembler) = &mut self.assembler {
            assembler.finish(&mut |chunk| self.sink.deliver(chunk, &self.axis, timing));
        }
        self.sink.end();
    }

    fn needs(&self, position: u64) -> u64 {
        self.assembler.as_ref().map_or(u64::MAX, |assembler| position + assembler.missing())
    }

    fn reject(&self, error: Error) {
        self.sink.reject(error);
    }

    fn cancel(&mut self) {
        self.sink.cancel();
    }

    fn is_gone(&self) -> bool {
        self.is_over || self.sink.is_gone()
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

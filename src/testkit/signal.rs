//! What a microphone hears.

use crate::format::{SampleFormat, StreamFormat};
use crate::source::synthetic::{Generator, Synthetic};

/// What a [`Mic`](super::Mic) hears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Samples that say which frame they are: see [`pattern`].
    #[default]
    Pattern,
    /// Exact zeros, as of a microphone whose lid is closed.
    Silence,
    /// A made-up microphone's.
    Synthetic(Synthetic),
    /// The same on one channel, counted from 0; the others are not connected, and exactly silent.
    Only(u16, Synthetic),
}

/// The device's frames `from..from + frames` of [`Signal::Pattern`], interleaved, in the machine's byte order: 16 bits
/// of the frame's number plus the channel's, as the topmost bits of a signed sample or as `-1.0..1.0`.
pub fn pattern(format: StreamFormat, from: u64, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    fill_pattern(format, from, frames, &mut bytes);
    bytes
}

fn fill_pattern(format: StreamFormat, from: u64, frames: usize, out: &mut Vec<u8>) {
    use SampleFormat as F;
    match format.sample {
        F::I8 => fill(format, from, frames, out, |x| ((x >> 8) as i8).to_ne_bytes()),
        F::I16 => fill(format, from, frames, out, i16::to_ne_bytes),
        F::I24 => fill(format, from, frames, out, |x| (i32::from(x) << 8).to_ne_bytes()),
        F::I32 => fill(format, from, frames, out, |x| (i32::from(x) << 16).to_ne_bytes()),
        F::I64 => fill(format, from, frames, out, |x| (i64::from(x) << 48).to_ne_bytes()),
        F::U8 => fill(format, from, frames, out, |x| [(x >> 8) as u8 ^ 0x80]),
        F::U16 => fill(format, from, frames, out, |x| (x as u16 ^ 0x8000).to_ne_bytes()),
        F::U24 => fill(format, from, frames, out, |x| (u32::from(x as u16 ^ 0x8000) << 8).to_ne_bytes()),
        F::U32 => fill(format, from, frames, out, |x| (u32::from(x as u16 ^ 0x8000) << 16).to_ne_bytes()),
        F::U64 => fill(format, from, frames, out, |x| (u64::from(x as u16 ^ 0x8000) << 48).to_ne_bytes()),
        F::F32 => fill(format, from, frames, out, |x| (f32::from(x) / 32768.0).to_ne_bytes()),
        F::F64 => fill(format, from, frames, out, |x| (f64::from(x) / 32768.0).to_ne_bytes()),
    }
}

fn fill<const N: usize>(
    format: StreamFormat,
    from: u64,
    frames: usize,
    out: &mut Vec<u8>,
    sample: impl Fn(i16) -> [u8; N],
) {
    let channels = usize::from(format.channels);
    out.resize(frames * channels * N, 0);
    let whole = out.as_chunks_mut::<N>().0;
    for (frame, samples) in (from..).zip(whole.chunks_exact_mut(channels)) {
        for (channel, bytes) in (0..).zip(samples) {
            *bytes = sample((frame as u16).wrapping_add(channel) as i16);
        }
    }
}

/// Makes a microphone's samples.
#[derive(Debug, Default)]
pub(super) struct Source {
    signal: Signal,
    /// For a signal that goes on from where it was, and the format that it was made for.
    generator: Option<(Generator, StreamFormat)>,
}

impl Source {
    pub fn hear(&mut self, signal: Signal) {
        (self.signal, self.generator) = (signal, None);
    }

    /// Replaces `out` by the device's frames `from..from + frames`.
    pub fn fill(&mut self, format: StreamFormat, from: u64, frames: usize, out: &mut Vec<u8>) {
        let kind = match self.signal {
            Signal::Pattern => return fill_pattern(format, from, frames, out),
            Signal::Silence => {
                // A signal of zeros in any format is its pattern's frame 0 again and again.
                fill_pattern(StreamFormat { channels: 1, ..format }, 0, 1, out);
                *out = out.repeat(frames * usize::from(format.channels));
                return;
            }
            Signal::Synthetic(kind) | Signal::Only(_, kind) => kind,
        };
        if self.generator.as_ref().is_none_or(|(_, made_for)| *made_for != format) {
            self.generator = Some((Generator::new(kind, format.rate_hz, format.channels), format));
        }
        if let Some((generator, _)) = &mut self.generator {
            generator.fill_native(format.sample, frames, out);
        }
        if let Signal::Only(only, _) = self.signal {
            let mut silence = Vec::new();
            fill_pattern(StreamFormat { channels: 1, ..format }, 0, 1, &mut silence);
            let samples = out.chunks_exact_mut(format.sample.bytes()).enumerate();
            let others = samples.filter(|(i, _)| i % usize::from(format.channels) != usize::from(only));
            others.for_each(|(_, sample)| sample.copy_from_slice(&silence));
        }
    }
}

//! WAV files: a writer that is cut safely at any moment, a reader, and the samples between them.
//!
//! - [`WavWriter`]: data first, then the header; the sizes in a file are right or too small.
//! - [`WavReader`]: a file's frames as a device would deliver them.
//! - [`recover`]: the true sizes for a recording that was cut, by any recorder.
//! - [`encode`]: samples to the bytes of a file.
//! - [`WavFormat`], [`Encoding`]: how a file lays its samples out.

pub mod encode;
mod header;
mod reader;
mod recover;
#[cfg(test)]
mod tests;
mod writer;

pub use reader::WavReader;
pub use recover::{Recovered, recover};
pub use writer::WavWriter;
pub(crate) use writer::open;

use std::fmt;

use crate::{Error, SampleFormat, StreamFormat};

/// How a file stores one sample, always little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum Encoding {
    /// Unsigned 8-bit, silence at 2^7.
    U8,
    /// Signed 16-bit.
    I16,
    /// Signed 24-bit, packed in 3 bytes.
    I24,
    /// Signed 32-bit.
    I32,
    /// 32-bit float, nominally `-1.0..=1.0`.
    F32,
    /// 64-bit float, nominally `-1.0..=1.0`.
    F64,
}

impl Encoding {
    /// Every encoding, in the order of the declaration.
    pub const ALL: [Self; 6] = [Self::U8, Self::I16, Self::I24, Self::I32, Self::F32, Self::F64];

    /// Bytes that one sample takes in the file.
    pub const fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Whether samples are floating-point.
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// The format of the same samples in memory: 24-bit ones take 4 bytes there.
    pub const fn native(self) -> SampleFormat {
        match self {
            Self::U8 => SampleFormat::U8,
            Self::I16 => SampleFormat::I16,
            Self::I24 => SampleFormat::I24,
            Self::I32 => SampleFormat::I32,
            Self::F32 => SampleFormat::F32,
            Self::F64 => SampleFormat::F64,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.native().fmt(f)
    }
}

/// How a file lays its samples out: interleaved, `channels` samples of `encoding` per frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WavFormat {
    /// Frames per second, `1..=768_000`.
    pub rate_hz: u32,
    /// Samples per frame, `1..=32`.
    pub channels: u16,
    /// How each sample is stored.
    #[cfg_attr(feature = "serde", serde(rename = "sample_format"))]
    pub encoding: Encoding,
}

impl WavFormat {
    /// Bytes that one frame takes in the file.
    pub const fn frame_bytes(self) -> usize {
        self.encoding.bytes() * self.channels as usize
    }

    /// The same frames in memory, as [`WavReader`] hands them out.
    pub const fn native(self) -> StreamFormat {
        StreamFormat { rate_hz: self.rate_hz, channels: self.channels, sample: self.encoding.native() }
    }

    fn check(self) -> Result<(), Error> {
        if !(1..=StreamFormat::MAX_CHANNELS).contains(&self.channels) {
            let most = StreamFormat::MAX_CHANNELS;
            return Err(Error::bad_argument(format!("{} channels; a file has 1 to {most}", self.channels)));
        }
        if !(1..=StreamFormat::MAX_RATE_HZ).contains(&self.rate_hz) {
            let most = StreamFormat::MAX_RATE_HZ;
            return Err(Error::bad_argument(format!(
                "a rate of {} Hz; a file has 1 to {most}",
                self.rate_hz
            )));
        }
        Ok(())
    }
}

impl fmt::Display for WavFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.native().fmt(f)
    }
}

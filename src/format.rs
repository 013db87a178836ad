//! What a device delivers: sample format, channels, rate.

use std::fmt;
use std::str::FromStr;

/// One sample as the device hands it over, in the machine's byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum SampleFormat {
    /// Signed 8-bit.
    I8,
    /// Signed 16-bit.
    I16,
    /// Signed 24-bit, sign-extended in 4 bytes.
    I24,
    /// Signed 32-bit.
    I32,
    /// Signed 64-bit.
    I64,
    /// Unsigned 8-bit, silence at 2^7.
    U8,
    /// Unsigned 16-bit, silence at 2^15.
    U16,
    /// Unsigned 24-bit in 4 bytes, silence at 2^23.
    U24,
    /// Unsigned 32-bit, silence at 2^31.
    U32,
    /// Unsigned 64-bit, silence at 2^63.
    U64,
    /// 32-bit float, nominally `-1.0..=1.0`.
    F32,
    /// 64-bit float, nominally `-1.0..=1.0`.
    F64,
}

impl SampleFormat {
    /// Every format, in the order of the declaration.
    pub const ALL: [Self; 12] = [
        Self::I8,
        Self::I16,
        Self::I24,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U24,
        Self::U32,
        Self::U64,
        Self::F32,
        Self::F64,
    ];

    /// Bytes that one sample takes in memory (not in a file: 24-bit samples take 4 here, 3 there).
    pub const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I24 | Self::I32 | Self::U24 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// The name in lower case, as options and JSON spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I24 => "i24",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U24 => "u24",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }
}

impl fmt::Display for SampleFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SampleFormat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("'{name}' is not a sample format; there are {known}")
        })
    }
}

/// How a stream lays its samples out: interleaved, `channels` samples of `sample` per frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StreamFormat {
    /// Frames per second, `1..=768_000`.
    pub rate_hz: u32,
    /// Samples per frame, `1..=32`.
    pub channels: u16,
    /// The type of each sample.
    #[cfg_attr(feature = "serde", serde(rename = "sample_format"))]
    pub sample: SampleFormat,
}

impl StreamFormat {
    /// Frames of a block: 20 ms. Long enough that most callbacks fit in one or two, short enough that a partial one wastes
    /// little, and two of the resampler's. Not a power of two: all blocks would begin in the same few sets of a cache
    /// (`cargo xtask rivals`: a tenth of the callback's time across cores).
    pub(crate) fn block_frames(self) -> usize {
        (self.rate_hz as usize / 50).max(16)
    }

    /// Most channels that the engine takes.
    pub const MAX_CHANNELS: u16 = 32;
    /// Highest rate that the engine takes.
    pub const MAX_RATE_HZ: u32 = 768_000;

    /// Bytes that one frame takes in memory.
    pub const fn frame_bytes(self) -> usize {
        self.sample.bytes() * self.channels as usize
    }
}

impl fmt::Display for StreamFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} Hz, {} ch, {}", self.rate_hz, self.channels, self.sample)
    }
}

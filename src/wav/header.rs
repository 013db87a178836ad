//! The header: `RIFF`, room for sizes past 4 GiB, `fmt `, `fact` for floats, `data`.

use super::{Encoding, WavFormat};

/// `WAVE_FORMAT_PCM`.
pub(super) const TAG_PCM: u16 = 1;
/// `WAVE_FORMAT_IEEE_FLOAT`.
pub(super) const TAG_FLOAT: u16 = 3;
/// `WAVE_FORMAT_EXTENSIBLE`: the real tag opens the sub-format.
pub(super) const TAG_EXTENSIBLE: u16 = 0xFFFE;
/// What follows the tag in a sub-format, `{xxxx0000-0000-0010-8000-00AA00389B71}`.
pub(super) const SUBFORMAT_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];
/// In a 32-bit size: look into `ds64` instead.
pub(super) const SIZE_IN_DS64: u32 = u32::MAX;
/// The largest `riff` size that a plain RIFF file can say.
pub(super) const RIFF_LIMIT: u64 = SIZE_IN_DS64 as u64 - 1;

/// The longest header: 12 (RIFF) + 36 (JUNK) + 48 (fmt) + 12 (fact) + 8 (data).
const MAX_BYTES: usize = 116;
/// The payload of `ds64` without a table: riff size, data size, frames, table length.
pub(super) const DS64_BYTES: u32 = 28;

/// A whole header, rebuilt for every update so that one write carries it.
pub(super) struct Header {
    bytes: [u8; MAX_BYTES],
    len: usize,
}

impl Header {
    /// Bytes of the header of any file in `format`; its data starts there.
    pub(super) fn bytes_for(format: WavFormat) -> u64 {
        Self::new(format, 0, false, RIFF_LIMIT).len as u64
    }

    /// The header that claims `data_bytes`, and a pad byte if `padded`. It is RF64 when the `riff` size is
    /// above `riff_limit`.
    pub(super) fn new(format: WavFormat, data_bytes: u64, padded: bool, riff_limit: u64) -> Self {
        let extensible = is_extensible(format);
        let with_fact = format.encoding.is_float();
        let fmt_bytes = if extensible { 40 } else { 16 };
        let len = 12 + 36 + 8 + fmt_bytes + if with_fact { 12 } else { 0 } + 8;
        let riff_bytes = len as u64 - 8 + data_bytes + u64::from(padded);
        let frames = data_bytes / format.frame_bytes() as u64;
        let large = riff_bytes > riff_limit;
        let size_32 = |size: u64| if large { SIZE_IN_DS64 } else { size as u32 };

        let mut header = Self { bytes: [0; MAX_BYTES], len: 0 };
        header.put(if large { b"RF64" } else { b"RIFF" });
        header.put(&size_32(riff_bytes).to_le_bytes());
        header.put(b"WAVE");
        header.put(if large { b"ds64" } else { b"JUNK" });
        header.put(&DS64_BYTES.to_le_bytes());
        for size in [riff_bytes, data_bytes, frames] {
            header.put(&if large { size } else { 0 }.to_le_bytes());
        }
        header.put(&0_u32.to_le_bytes());
        header.put_fmt(format, extensible);
        if with_fact {
            header.put(b"fact");
            header.put(&4_u32.to_le_bytes());
            header.put(&size_32(frames).to_le_bytes());
        }
        header.put(b"data");
        header.put(&size_32(data_bytes).to_le_bytes());
        debug_assert_eq!(header.len, len);
        header
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn put_fmt(&mut self, format: WavFormat, extensible: bool) {
        let bits = format.encoding.bytes() as u16 * 8;
        let frame_bytes = format.frame_bytes() as u16;
        let tag = if format.encoding.is_float() { TAG_FLOAT } else { TAG_PCM };
        self.put(b"fmt ");
        self.put(&if extensible { 40_u32 } else { 16 }.to_le_bytes());
        self.put(&if extensible { TAG_EXTENSIBLE } else { tag }.to_le_bytes());
        self.put(&format.channels.to_le_bytes());
        self.put(&format.rate_hz.to_le_bytes());
        self.put(&(format.rate_hz * u32::from(frame_bytes)).to_le_bytes());
        self.put(&frame_bytes.to_le_bytes());
        self.put(&bits.to_le_bytes());
        if extensible {
            // A device does not tell where its microphones stand: beyond stereo no position is claimed.
            let speakers: u32 = match format.channels {
                1 => 0x4,
                2 => 0x3,
                _ => 0,
            };
            self.put(&22_u16.to_le_bytes());
            self.put(&bits.to_le_bytes());
            self.put(&speakers.to_le_bytes());
            self.put(&tag.to_le_bytes());
            self.put(&SUBFORMAT_TAIL);
        }
    }
}

/// What a 16-byte `fmt ` may say is only 8- and 16-bit mono and stereo; the rest has the long form.
fn is_extensible(format: WavFormat) -> bool {
    !matches!(format.encoding, Encoding::U8 | Encoding::I16) || format.channels > 2
}

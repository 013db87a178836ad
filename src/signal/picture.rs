//! What a user interface shows of a capture: levels, the shape of the last seconds, a spectrum, and what to tell.

use super::level::{FLOOR_DBFS, Level, MAX_CHANNELS};
use super::spectrum::BANDS;
use super::verdict::SoundVerdict;
use super::waveform::{COLUMNS, Column};

/// What there is to see, as of the last full column of the waveform.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Picture {
    /// Grows by one with every picture; 0 is the empty one before the first.
    pub sequence: u64,
    /// One behind the last device frame in the picture.
    pub position: u64,
    /// Device frames since the last picture, holes included; about 1/30 s.
    pub frames: u64,
    /// The device's rate in Hz.
    pub rate_hz: u32,
    /// Channels that the device has; `levels`, `held` and `clips` hold the first 8 of them.
    pub channels: u16,
    /// Peak and RMS of each channel since the last picture.
    pub levels: [Level; MAX_CHANNELS],
    /// The peak that each channel holds, linear: for 1.5 s, then it falls by 20 dB in 1.7 s.
    pub held: [f32; MAX_CHANNELS],
    /// Clips of each channel since somebody looks; see [`Clips`](super::clip::Clips).
    pub clips: [u32; MAX_CHANNELS],
    /// The number of the newest column: it covers the device frames from `column * hop` on, and a hop is a thirtieth of
    /// the rate, rounded down. So an interface that scrolls appends only what is new to it, across pauses as well: nothing
    /// where the number is the last picture's. A device that is opened anew counts from 0 again: what is less than what
    /// was seen is all new.
    pub column: u64,
    /// The waveform, oldest first; the last one is number `column`.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::array"))]
    pub columns: [Column; COLUMNS],
    /// The level of each band in dBFS: 64 bands of equal ratio from 20 Hz to `spectrum_top_hz`. A full-scale sine reads 0.
    #[cfg_attr(feature = "serde", serde(with = "crate::serial::array"))]
    pub spectrum: [f32; BANDS],
    /// The upper edge of the highest band: 20 kHz, or half of the rate.
    pub spectrum_top_hz: f32,
    /// How likely it is that somebody speaks, `0.0..=1.0`; negative where nobody judges that.
    pub voice: f32,
    /// The worst finding of the moment.
    pub verdict: SoundVerdict,
    /// Device frames that were lost by us.
    pub dropped: u64,
    /// Frames that the device lost.
    pub lost: u64,
}

impl Default for Picture {
    fn default() -> Self {
        Self {
            sequence: 0,
            position: 0,
            frames: 0,
            rate_hz: 0,
            channels: 0,
            levels: [Level::default(); MAX_CHANNELS],
            held: [0.0; MAX_CHANNELS],
            clips: [0; MAX_CHANNELS],
            column: 0,
            columns: [Column::default(); COLUMNS],
            spectrum: [FLOOR_DBFS; BANDS],
            spectrum_top_hz: 0.0,
            voice: -1.0,
            verdict: SoundVerdict::Ok,
            dropped: 0,
            lost: 0,
        }
    }
}

impl Picture {
    /// The length of [`to_bytes`](Self::to_bytes).
    pub const BYTES: usize = 896;
    /// The first of these bytes.
    pub const BYTES_VERSION: u8 = 1;

    /// The levels of the channels that there are.
    pub fn levels(&self) -> &[Level] {
        &self.levels[..usize::from(self.channels).min(MAX_CHANNELS)]
    }

    /// The loudest channel's levels.
    pub fn loudest(&self) -> Level {
        self.levels().iter().copied().max_by(|a, b| a.peak.total_cmp(&b.peak)).unwrap_or_default()
    }

    /// The picture for a page or another process: little-endian, everything aligned to its own size.
    ///
    /// | offset | size | type | meaning |
    /// |---|---|---|---|
    /// | 0 | 1 | u8 | version of this table: 1 |
    /// | 1 | 1 | u8 | channels that are shown, at most 8 |
    /// | 2 | 1 | u8 | verdict: its [`severity`](SoundVerdict::severity) |
    /// | 3 | 1 | u8 | 0 |
    /// | 4 | 4 | u32 | rate in Hz |
    /// | 8 | 8 | u64 | sequence |
    /// | 16 | 8 | u64 | position, in device frames |
    /// | 24 | 8 | u64 | number of the newest column |
    /// | 32 | 8 | u64 | dropped frames |
    /// | 40 | 8 | u64 | lost frames |
    /// | 48 | 4 | f32 | voice, 0 to 1, or negative |
    /// | 52 | 4 | f32 | upper edge of the spectrum in Hz |
    /// | 56 | 4 | u32 | frames since the last picture |
    /// | 60 | 4 | u32 | 0 |
    /// | 64 | 8 * 16 | f32, f32, f32, u32 | for each channel: peak, RMS, held peak, clips |
    /// | 192 | 64 | u8 | spectrum: 0 is -127.5 dBFS or less, 255 is 0 dBFS or more, in steps of 0.5 dB |
    /// | 256 | 128 | u8 | flags of each column, oldest first |
    /// | 384 | 128 * 4 | i16, i16 | least and greatest sample of each column |
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut at = 0;
        let mut put = |field: &[u8]| {
            bytes[at..at + field.len()].copy_from_slice(field);
            at += field.len();
        };
        put(&[Self::BYTES_VERSION, self.levels().len() as u8, self.verdict.severity(), 0]);
        put(&self.rate_hz.to_le_bytes());
        for word in [self.sequence, self.position, self.column, self.dropped, self.lost] {
            put(&word.to_le_bytes());
        }
        put(&self.voice.to_le_bytes());
        put(&self.spectrum_top_hz.to_le_bytes());
        put(&u32::try_from(self.frames).unwrap_or(u32::MAX).to_le_bytes());
        put(&[0; 4]);
        for ((level, held), clips) in self.levels.iter().zip(self.held).zip(self.clips) {
            [level.peak, level.rms, held].iter().for_each(|value| put(&value.to_le_bytes()));
            put(&clips.to_le_bytes());
        }
        // The cast saturates.
        self.spectrum.iter().for_each(|dbfs| put(&[(255.0 + 2.0 * dbfs).round() as u8]));
        self.columns.iter().for_each(|column| put(&[column.flags]));
        for column in &self.columns {
            put(&column.min.to_le_bytes());
            put(&column.max.to_le_bytes());
        }
        debug_assert_eq!(at, Self::BYTES);
        bytes
    }
}

// One pull of a page, and one packet.
const _: () = assert!(Picture::BYTES < 1024);

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads by the offsets of the table, not by the order of the code.
    #[test]
    fn the_bytes_stand_where_the_table_says() {
        let picture = Picture {
            sequence: 0x0102_0304_0506_0708,
            position: 48_000,
            frames: 1_600,
            rate_hz: 44_100,
            channels: 12,
            levels: std::array::from_fn(|k| Level { peak: 0.5 + k as f32, rms: 0.25 + k as f32 }),
            held: std::array::from_fn(|k| 0.75 + k as f32),
            clips: std::array::from_fn(|k| 70_000 + k as u32),
            column: 29,
            columns: std::array::from_fn(|k| Column {
                min: -300 - k as i16,
                max: 300 + k as i16,
                flags: k as u8,
            }),
            spectrum: std::array::from_fn(|k| 10.0 - 3.0 * k as f32),
            spectrum_top_hz: 20_000.0,
            voice: 0.5,
            verdict: SoundVerdict::Clipped { channel: 0, events: 1, samples: 3 },
            dropped: 11,
            lost: 12,
        };
        let bytes = picture.to_bytes();
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let f32_at = |at: usize| f32::from_bits(u32_at(at));
        let i16_at = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
        assert_eq!(bytes[..8], [1, 8, 5, 0, 0x44, 0xac, 0, 0]);
        assert_eq!([8, 16, 24, 32, 40].map(u64_at), [0x0102_0304_0506_0708, 48_000, 29, 11, 12]);
        assert_eq!((f32_at(48), f32_at(52), u32_at(56), u32_at(60)), (0.5, 20_000.0, 1_600, 0));
        for k in 0..8 {
            let at = 64 + 16 * k;
            let levels = [f32_at(at), f32_at(at + 4), f32_at(at + 8)].map(|value| value - k as f32);
            assert_eq!((levels, u32_at(at + 12)), ([0.5, 0.25, 0.75], 70_000 + k as u32));
        }
        for k in 0..64 {
            let ought = (255.0 + 2.0 * (10.0 - 3.0 * k as f32)).clamp(0.0, 255.0);
            assert_eq!(f32::from(bytes[192 + k]), ought);
        }
        for k in 0..128 {
            assert_eq!(bytes[256 + k], k as u8);
            assert_eq!((i16_at(384 + 4 * k), i16_at(386 + 4 * k)), (-300 - k as i16, 300 + k as i16));
        }
        assert_eq!(bytes.len(), 384 + 128 * 4);
    }

    #[test]
    fn the_empty_picture_claims_nothing() {
        let bytes = Picture::default().to_bytes();
        assert_eq!(bytes[..4], [1, 0, 0, 0]);
        assert!(bytes[192..].iter().all(|byte| *byte == 0));
    }
}

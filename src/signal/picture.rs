//! What a user interface shows of a capture: the newest levels.

use super::level::{Level, MAX_CHANNELS};

/// The levels of the last stretch of audio.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// Grows by one with every picture; 0 is the empty one before the first.
    pub sequence: u64,
    /// One behind the last device frame in the picture.
    pub position: u64,
    /// Device frames in the picture, about 1/30 s.
    pub frames: u64,
    /// Channels that the device has; `levels` holds the first 8 of them.
    pub channels: u16,
    /// Peak and RMS of each channel.
    pub levels: [Level; MAX_CHANNELS],
}

impl Picture {
    /// The levels of the channels that there are.
    pub fn levels(&self) -> &[Level] {
        &self.levels[..usize::from(self.channels).min(MAX_CHANNELS)]
    }

    /// The loudest channel's levels.
    pub fn loudest(&self) -> Level {
        self.levels().iter().copied().max_by(|a, b| a.peak.total_cmp(&b.peak)).unwrap_or_default()
    }
}

//! A hole in the audio, as a record.

use std::fmt;

/// Why there is no audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The worker was away for longer than the pool is deep, so no block was free.
    Dropped,
    /// The capture was muted.
    Muted,
    /// The device delivered a format that it had not announced.
    Mismatched,
    /// The device lost it, as its stamps say; found after the audio behind it was delivered.
    Lost,
    /// A receiver did not keep up, and its queue was full.
    Behind,
}

impl Cause {
    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Muted => "muted",
            Self::Mismatched => "mismatched",
            Self::Lost => "lost",
            Self::Behind => "behind",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hole: where, how long, how sure, and why. In device frames in a report, in tap frames on a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// First missing frame.
    pub position: u64,
    /// Frames missing.
    pub frames: u64,
    /// How far off `frames` may be, either way; 0 for a hole of our own making.
    pub error_frames: u64,
    /// Why.
    pub cause: Cause,
}

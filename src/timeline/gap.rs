//! A hole in the audio, as a record.

use crate::error::ErrorKind;
use std::fmt;
use std::time::Duration;

/// Why there is no audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Cause {
    /// The worker was away for longer than the pool is deep, so no block was free.
    Dropped,
    /// The capture was muted.
    Muted,
    /// The take was paused.
    Paused,
    /// The device delivered a format that it had not announced.
    Mismatched,
    /// The device lost it, as its stamps say; found after the audio behind it was delivered, but for a tap that
    /// [holds back](crate::Tap::hold_back_ms).
    Lost,
    /// A receiver did not keep up, and its queue was full.
    Behind,
    /// No device was open, or it was of no use.
    Away(Away),
}

/// Why a capture was without its device for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Away {
    /// It failed, and was opened anew or replaced.
    Failed(ErrorKind),
    /// It delivered nothing for so long that it was opened anew.
    Stalled,
    /// Somebody chose another, or the system's default moved, or the preferred one came back.
    Switched,
    /// It ran at another rate than it said, and is taken at that one now.
    RateCorrected,
    /// The capture was suspended.
    Suspended,
    /// Nobody needed it.
    Idle,
}

impl Cause {
    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Muted => "muted",
            Self::Paused => "paused",
            Self::Mismatched => "mismatched",
            Self::Lost => "lost",
            Self::Behind => "behind",
            Self::Away(why) => why.name(),
        }
    }
}

impl Away {
    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Failed(_) => "device failed",
            Self::Stalled => "device stalled",
            Self::Switched => "device switched",
            Self::RateCorrected => "rate corrected",
            Self::Suspended => "suspended",
            Self::Idle => "idle",
        }
    }

    /// What failed, if it did.
    pub const fn error(self) -> Option<ErrorKind> {
        match self {
            Self::Failed(kind) => Some(kind),
            _ => None,
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

/// A stretch of time between two epochs.
#[derive(Clone, Copy, Debug)]
pub struct Absence {
    /// How long.
    pub length: Duration,
    /// How far off that may be, either way.
    pub error: Duration,
    /// Why.
    pub cause: Cause,
}

impl Absence {
    /// The hole that it is on an axis of `rate_hz`, at `position`.
    pub fn gap(&self, position: u64, rate_hz: u32) -> Gap {
        let frames = |length: Duration| length.as_secs_f64() * f64::from(rate_hz);
        let error_frames = frames(self.error).ceil() as u64;
        Gap { position, frames: frames(self.length).round() as u64, error_frames, cause: self.cause }
    }
}

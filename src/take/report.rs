//! What a take leaves behind.

use crate::signal::level::Level;
use crate::signal::verdict::SoundVerdict;
use crate::timeline::{CapturedAt, ClockStats, Gap};
use std::time::Duration;

/// How a take ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TakeEnd {
    /// As it was asked for, with every frame captured before.
    Finished,
    /// It was asked for, and what was captured before did not come: the device is gone or stands still.
    Waited,
    /// It was cancelled.
    Cancelled,
    /// The capture ended.
    CaptureEnded,
}

/// How long the start took: each since the take was asked for, `None` if it never came to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Latency {
    /// Until a device was open and the worker knew of the take.
    #[cfg_attr(feature = "serde", serde(rename = "opened_ms", default, with = "crate::serial::maybe_ms"))]
    pub opened: Option<Duration>,
    /// Until the worker had frames of the take.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "first_frame_ms", default, with = "crate::serial::maybe_ms")
    )]
    pub first_frame: Option<Duration>,
    /// Until one of them was not exact silence: speak now.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "first_signal_ms", default, with = "crate::serial::maybe_ms")
    )]
    pub first_signal: Option<Duration>,
}

/// The account of a take. Frames are those of the device's rate when the take began; the axis is the take's own.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TakeReport {
    /// How it ended.
    pub end: TakeEnd,
    /// The rate of the frames, in Hz.
    pub rate_hz: u32,
    /// Frames from start to end, holes included.
    pub frames: u64,
    /// When the first was captured.
    pub started: CapturedAt,
    /// The holes: the first 4,096. A loss stands where it was found, which is later than in a file or tap that
    /// [holds back](crate::Tap::hold_back_ms).
    pub gaps: Vec<Gap>,
    /// What looked lost at its end, or at the end of an epoch, and had done so for too short a while to be settled: not
    /// among the gaps, nor in `missing`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub provisional: Vec<Gap>,
    /// Frames that are missing for whatever reason, in all holes.
    pub missing: u64,
    /// The clock as of the end.
    pub clock: ClockStats,
    /// Peak and RMS of each of the first eight channels, over the whole take.
    pub levels: Vec<Level>,
    /// What a user should know of its sound, worst first; only [`SoundVerdict::Ok`] where all is well, and nothing where
    /// nothing was heard.
    pub verdicts: Vec<SoundVerdict>,
    /// How long the start took.
    pub latency: Latency,
}

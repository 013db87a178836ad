//! What a user should be told about the sound of a take.

use std::fmt;

/// A finding, with its evidence. Frames and positions are the device's; levels are linear, 1.0 being full scale, and
/// measured without a constant offset.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum SoundVerdict {
    /// Nothing to complain of.
    #[default]
    Ok,
    /// The capture was muted for so many frames.
    Muted {
        /// Muted frames.
        frames: u64,
    },
    /// Nothing but exact silence so far, though not for long enough to give up: a Bluetooth headset that wakes up.
    NoSignalYet {
        /// Silent frames since the start.
        frames: u64,
    },
    /// The loudest moment is far below speech.
    TooQuiet {
        /// Of the loudest moment.
        peak: f32,
    },
    /// Only one of several channels carries anything.
    OneChannelOnly {
        /// Which, counting from 0.
        channel: u16,
        /// Peak of the loudest other channel; 0 where they are exactly silent.
        others: f32,
    },
    /// The input was louder than the converter could say.
    Clipped {
        /// The worst channel, counting from 0.
        channel: u16,
        /// Runs of samples at full scale in it.
        events: u64,
        /// Samples in these runs.
        samples: u64,
    },
    /// Audio is missing.
    Lossy {
        /// Frames dropped by us or lost by the device.
        frames: u64,
        /// Their share of all frames but the muted ones, `0.0..=1.0`.
        share: f32,
    },
    /// The device delivers at another rate than it says: what is heard is too high or too low.
    RateMismatch {
        /// What was measured, in Hz.
        actual_hz: f64,
    },
    /// Audio flows, and there is nothing in it but the noise of a muted analogue input.
    BelowNoiseFloor {
        /// Of the loudest moment.
        peak: f32,
    },
    /// Exact silence after there was sound: taken by a call, a closed lid, a dead headset, or a noise gate.
    WentSilent {
        /// Where it began, in frames of the take.
        position: u64,
        /// Silent frames, all such stretches together.
        frames: u64,
        /// Whether sound came back.
        returned: bool,
    },
    /// The device went away.
    DeviceLost {
        /// How often.
        times: u32,
        /// Whether it, or another in its place, came back.
        recovered: bool,
    },
    /// Nothing but exact silence from the start on: no permission, a virtual device, a switch on the microphone.
    NeverHadSignal {
        /// Silent frames.
        frames: u64,
    },
}

impl SoundVerdict {
    /// How bad it is, from 0, which is [`SoundVerdict::Ok`], to 11, the order in which the variants stand; also its code
    /// in [`Picture::to_bytes`](super::picture::Picture::to_bytes).
    pub const fn severity(&self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Muted { .. } => 1,
            Self::NoSignalYet { .. } => 2,
            Self::TooQuiet { .. } => 3,
            Self::OneChannelOnly { .. } => 4,
            Self::Clipped { .. } => 5,
            Self::Lossy { .. } => 6,
            Self::RateMismatch { .. } => 7,
            Self::BelowNoiseFloor { .. } => 8,
            Self::WentSilent { .. } => 9,
            Self::DeviceLost { .. } => 10,
            Self::NeverHadSignal { .. } => 11,
        }
    }

    /// The name in lower case, as JSON spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Muted { .. } => "muted",
            Self::NoSignalYet { .. } => "no_signal_yet",
            Self::TooQuiet { .. } => "too_quiet",
            Self::OneChannelOnly { .. } => "one_channel_only",
            Self::Clipped { .. } => "clipped",
            Self::Lossy { .. } => "lossy",
            Self::RateMismatch { .. } => "rate_mismatch",
            Self::BelowNoiseFloor { .. } => "below_noise_floor",
            Self::WentSilent { .. } => "went_silent",
            Self::DeviceLost { .. } => "device_lost",
            Self::NeverHadSignal { .. } => "never_had_signal",
        }
    }
}

impl fmt::Display for SoundVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dbfs = |linear: f32| super::level::dbfs(linear);
        match *self {
            Self::Ok => write!(f, "ok"),
            Self::Muted { .. } => write!(f, "muted"),
            Self::NoSignalYet { .. } => write!(f, "no signal yet"),
            Self::TooQuiet { peak } => write!(f, "too quiet: never above {:.0} dBFS", dbfs(peak)),
            Self::OneChannelOnly { channel, .. } => write!(f, "only channel {channel} carries sound"),
            Self::Clipped { channel, events, .. } => write!(f, "channel {channel} clipped {events} times"),
            Self::Lossy { share, .. } => write!(f, "{:.2} % of the audio is missing", 100.0 * share),
            Self::RateMismatch { actual_hz } => write!(f, "the device really runs at {actual_hz:.0} Hz"),
            Self::BelowNoiseFloor { peak } => {
                write!(f, "nothing but noise, {:.0} dBFS at most: is the microphone muted?", dbfs(peak))
            }
            Self::WentSilent { returned: false, .. } => write!(f, "it went silent, exactly"),
            Self::WentSilent { returned: true, .. } => write!(f, "it was exactly silent for a while"),
            Self::DeviceLost { recovered: false, .. } => write!(f, "the device is gone"),
            Self::DeviceLost { times, recovered: true } => {
                write!(f, "the device was lost and recovered, {times} times")
            }
            Self::NeverHadSignal { .. } => {
                write!(f, "never had a signal: permission, a switch, or a virtual device?")
            }
        }
    }
}

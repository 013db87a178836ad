//! The account of a take that began and ended within a capture, and where somebody spoke in it.

use super::{Gap, ms};
use crate::record::Segment;
use hearken::{Level, SoundVerdict, TakeEnd, TakeReport};
use serde::Serialize;

/// In frames of `rate_hz`, counted from the take's first.
#[derive(Debug, Serialize)]
pub struct TakeAccount {
    end: &'static str,
    rate_hz: u32,
    frames: u64,
    missing: u64,
    /// Since the capture's first open.
    started_at_ms: f64,
    started_bound_us: f64,
    gaps: Vec<Gap>,
    verdicts: Vec<Verdict>,
    levels: Vec<Decibels>,
    latency: Latency,
}

#[derive(Debug, Serialize)]
struct Verdict {
    kind: &'static str,
    message: String,
}

#[derive(Debug, Serialize)]
struct Decibels {
    peak_dbfs: f32,
    rms_dbfs: f32,
}

/// Since the take was asked for; what never came is `null`.
#[derive(Debug, Serialize)]
struct Latency {
    opened_ms: Option<f64>,
    first_frame_ms: Option<f64>,
    first_signal_ms: Option<f64>,
}

/// A stretch of speech.
#[derive(Debug, Serialize)]
pub struct Spoken {
    start_s: f64,
    end_s: f64,
}

impl From<&TakeReport> for TakeAccount {
    fn from(take: &TakeReport) -> Self {
        let TakeReport { end, rate_hz, frames, started, missing, latency, .. } = *take;
        Self {
            end: match end {
                TakeEnd::Finished => "finished",
                TakeEnd::Waited => "waited",
                TakeEnd::Cancelled => "cancelled",
                TakeEnd::CaptureEnded => "capture ended",
                _ => "unknown",
            },
            rate_hz,
            frames,
            missing,
            started_at_ms: ms(started.at),
            started_bound_us: started.bound.as_nanos() as f64 / 1e3,
            gaps: take.gaps.iter().map(Gap::from).collect(),
            verdicts: take.verdicts.iter().map(Verdict::from).collect(),
            levels: take.levels.iter().map(Decibels::from).collect(),
            latency: Latency {
                opened_ms: latency.opened.map(ms),
                first_frame_ms: latency.first_frame.map(ms),
                first_signal_ms: latency.first_signal.map(ms),
            },
        }
    }
}

impl From<&SoundVerdict> for Verdict {
    fn from(verdict: &SoundVerdict) -> Self {
        Self { kind: verdict.name(), message: verdict.to_string() }
    }
}

impl From<&Level> for Decibels {
    fn from(level: &Level) -> Self {
        Self { peak_dbfs: level.peak_dbfs(), rms_dbfs: level.rms_dbfs() }
    }
}

impl Spoken {
    /// `segment` in frames of `rate_hz`.
    pub fn new(segment: Segment, rate_hz: u32) -> Self {
        let seconds = |frames: u64| frames as f64 / f64::from(rate_hz);
        Self { start_s: seconds(segment.start), end_s: seconds(segment.end) }
    }
}

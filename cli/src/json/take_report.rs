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
    /// What looked lost at an end and was not settled; not among `missing`.
    provisional: Vec<Gap>,
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
            provisional: take.provisional.iter().map(Gap::from).collect(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use hearken::{CapturedAt, ClockStats};
    use std::time::Duration;

    #[test]
    fn every_figure_of_a_take_has_its_place() {
        let take = TakeReport {
            end: TakeEnd::Waited,
            rate_hz: 48_000,
            frames: 96_000,
            started: CapturedAt { at: Duration::from_millis(1500), bound: Duration::from_nanos(2_500) },
            gaps: vec![hearken::Gap {
                position: 1,
                frames: 2,
                error_frames: 0,
                cause: hearken::Cause::Muted,
            }],
            provisional: vec![hearken::Gap {
                position: 5,
                frames: 3,
                error_frames: 1,
                cause: hearken::Cause::Lost,
            }],
            missing: 2,
            clock: ClockStats::default(),
            levels: vec![Level { peak: 1.0, rms: 0.1 }],
            verdicts: vec![SoundVerdict::Muted { frames: 2 }],
            latency: hearken::Latency {
                opened: Some(Duration::from_millis(1)),
                first_frame: Some(Duration::from_millis(11)),
                first_signal: None,
            },
        };
        let expected = concat!(
            r#"{"end":"waited","rate_hz":48000,"frames":96000,"missing":2,"started_at_ms":1500.0,"#,
            r#""started_bound_us":2.5,"#,
            r#""gaps":[{"position":1,"frames":2,"error_frames":0,"cause":"muted","error":null}],"#,
            r#""provisional":[{"position":5,"frames":3,"error_frames":1,"cause":"lost","error":null}],"#,
            r#""verdicts":[{"kind":"muted","message":"muted"}],"#,
            r#""levels":[{"peak_dbfs":0.0,"rms_dbfs":-20.0}],"#,
            r#""latency":{"opened_ms":1.0,"first_frame_ms":11.0,"first_signal_ms":null}}"#
        );
        assert_eq!(serde_json::to_string(&TakeAccount::from(&take)).expect("plain data"), expected);
        let spoken = Spoken::new(Segment { start: 8_000, end: 20_000 }, 16_000);
        assert_eq!(serde_json::to_string(&spoken).expect("plain data"), r#"{"start_s":0.5,"end_s":1.25}"#);
    }
}

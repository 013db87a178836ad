//! The account of a take for programs: the schema `hearken.take/1`.

mod history;
mod take_report;

use crate::failure::Failure;
use crate::record::Segment;
use hearken::wav::WavFormat;
use hearken::{Report, TakeReport};
use history::Epoch;
pub use history::Event;
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use take_report::{Spoken, TakeAccount};

#[derive(Debug, Serialize)]
pub struct Take {
    schema: &'static str,
    input: Input,
    /// `null` where no file was written.
    output: Option<Output>,
    ledger: Ledger,
    gaps: Vec<Gap>,
    /// What looked lost at an end and was not settled.
    provisional: Vec<Gap>,
    callback: Callback,
    clock: Clock,
    /// Those of the input that carry nothing while others do, counted from 0; `mono` leaves them out.
    dead_channels: Vec<u16>,
    epochs: Vec<Epoch>,
    events: Vec<Event>,
    #[serde(skip_serializing_if = "Option::is_none")]
    take: Option<TakeAccount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<Spoken>>,
}

#[derive(Debug, Serialize)]
pub struct Input {
    host: String,
    id: String,
    name: String,
    rate_hz: u32,
    channels: u16,
    sample_format: &'static str,
    /// `null` where there is none, or none is known.
    server: Option<String>,
    /// `null` where the host does not say.
    period_frames: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    rate_hz: u32,
    channels: u16,
    frames: u64,
}

/// In frames of the input; of all epochs, or of one.
#[derive(Debug, Serialize)]
pub struct Ledger {
    captured: u64,
    delivered: u64,
    dropped: u64,
    lost: u64,
    lost_provisional: u64,
    discarded: u64,
    balanced: bool,
    /// What is missing in no account, as our own clock says; no more than the error where that agrees.
    unaccounted: u64,
    unaccounted_error: u64,
    clock_agrees: bool,
}

/// In frames of the first input.
#[derive(Debug, Serialize)]
pub struct Gap {
    position: u64,
    frames: u64,
    error_frames: u64,
    cause: &'static str,
    /// What failed, if the device did.
    error: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Callback {
    count: u64,
    max_frames: u64,
}

#[derive(Debug, Serialize)]
pub struct Clock {
    class: &'static str,
    ppm: f64,
    /// `null` where nothing is known.
    bound_us: Option<f64>,
}

impl Take {
    /// The account of what `report` tells and `path` holds: `frames` of `format`.
    pub fn new(report: &Report, path: &Path, format: WavFormat, frames: u64) -> Self {
        let path = path.display().to_string();
        let output = Output { path, rate_hz: format.rate_hz, channels: format.channels, frames };
        Self { output: Some(output), ..Self::without_file(report) }
    }

    /// The account of what `report` tells.
    pub fn without_file(report: &Report) -> Self {
        Self {
            schema: "hearken.take/1",
            input: Input::from(&report.input),
            output: None,
            ledger: Ledger::from(report.stats.ledger),
            gaps: report.gaps.iter().map(Gap::from).collect(),
            provisional: report.provisional.iter().map(Gap::from).collect(),
            callback: Callback {
                count: report.stats.callbacks,
                max_frames: report.stats.max_callback_frames,
            },
            clock: Clock::from(report.stats.clock),
            dead_channels: report.dead_channels().to_vec(),
            epochs: report.epochs.iter().map(Epoch::from).collect(),
            events: report.events.iter().map(Event::from).collect(),
            take: None,
            segments: None,
        }
    }

    /// With the account of the take, where it was one within the capture.
    pub fn with_take(self, take: Option<&TakeReport>) -> Self {
        Self { take: take.map(TakeAccount::from), ..self }
    }

    /// With the stretches of speech that the file holds one behind the other, if it holds only those.
    pub fn with_segments(self, segments: Option<&[Segment]>) -> Self {
        let Some(rate_hz) = self.output.as_ref().map(|output| output.rate_hz) else { return self };
        let spoken =
            |segments: &[Segment]| segments.iter().map(|segment| Spoken::new(*segment, rate_hz)).collect();
        Self { segments: segments.map(spoken), ..self }
    }

    /// On one line.
    pub fn text(&self) -> Result<String, Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::run(error.to_string()))?;
        Ok(text + "\n")
    }
}

/// How far off the newest time of capture may be, if anything is known about it.
pub fn bound(clock: &hearken::ClockStats) -> Option<Duration> {
    // Without a frame it is as long as can be said.
    Some(clock.bound).filter(|bound| *bound < Duration::from_secs(1_000_000))
}

pub fn ms(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

impl From<&hearken::InputInfo> for Input {
    fn from(input: &hearken::InputInfo) -> Self {
        Self {
            host: input.host.clone(),
            id: input.id.clone(),
            name: input.name.clone(),
            rate_hz: input.format.rate_hz,
            channels: input.format.channels,
            sample_format: input.format.sample.name(),
            server: input.server.clone(),
            period_frames: input.period_frames,
        }
    }
}

impl From<hearken::Ledger> for Ledger {
    fn from(ledger: hearken::Ledger) -> Self {
        Self {
            captured: ledger.captured,
            delivered: ledger.delivered,
            dropped: ledger.dropped,
            lost: ledger.lost,
            lost_provisional: ledger.lost_provisional,
            discarded: ledger.discarded,
            balanced: ledger.balanced(),
            unaccounted: ledger.unaccounted,
            unaccounted_error: ledger.unaccounted_error,
            clock_agrees: ledger.clock_agrees(),
        }
    }
}

impl From<hearken::ClockStats> for Clock {
    fn from(clock: hearken::ClockStats) -> Self {
        let bound_us = bound(&clock).map(|bound| bound.as_nanos() as f64 / 1e3);
        Self { class: clock.class.name(), ppm: clock.ppm(), bound_us }
    }
}

impl From<&hearken::Gap> for Gap {
    fn from(gap: &hearken::Gap) -> Self {
        let &hearken::Gap { position, frames, error_frames, cause } = gap;
        let error = match cause {
            hearken::Cause::Away(why) => why.error().map(|kind| kind.name()),
            _ => None,
        };
        Self { position, frames, error_frames, cause: cause.name(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken::wav::Encoding;
    use hearken::{Cause, EventKind, InputInfo, SampleFormat, StampClass, Stats, StopReason, StreamFormat};

    #[test]
    fn every_figure_of_a_report_has_its_place() {
        let mut stats = Stats { callbacks: 7, max_callback_frames: 480, ..Stats::default() };
        stats.clock.class = StampClass::LateOnly;
        (stats.clock.ppb, stats.clock.bound) = (-12_500, Duration::from_nanos(8_250));
        let ledger = &mut stats.ledger;
        (ledger.captured, ledger.delivered, ledger.dropped) = (100, 60, 30);
        (ledger.discarded, ledger.lost, ledger.lost_provisional) = (10, 5, 3);
        (ledger.unaccounted, ledger.unaccounted_error) = (9, 8);
        let report = Report {
            epochs: Vec::new(),
            events: vec![hearken::Event { at: Duration::from_millis(40), kind: EventKind::Resumed }],
            reason: StopReason::Requested,
            input: InputInfo {
                host: "alsa".into(),
                id: "default".into(),
                name: "A \"mic\"".into(),
                format: StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::I24 },
                server: Some("pulse".into()),
                period_frames: Some(480),
            },
            stats,
            gaps: vec![hearken::Gap { position: 1, frames: 30, error_frames: 2, cause: Cause::Dropped }],
            provisional: vec![hearken::Gap { position: 40, frames: 3, error_frames: 1, cause: Cause::Lost }],
            late_callbacks: 0,
            released: true,
        };
        let format = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I16 };
        let take = Take::new(&report, Path::new("take.wav"), format, 33);
        let expected = concat!(
            r#"{"schema":"hearken.take/1","input":{"host":"alsa","id":"default","name":"A \"mic\"","#,
            r#""rate_hz":48000,"channels":2,"sample_format":"i24","server":"pulse","period_frames":480},"#,
            r#""output":{"path":"take.wav","rate_hz":16000,"channels":1,"frames":33},"#,
            r#""ledger":{"captured":100,"delivered":60,"dropped":30,"lost":5,"lost_provisional":3,"discarded":10,"#,
            r#""balanced":true,"unaccounted":9,"unaccounted_error":8,"clock_agrees":false},"#,
            r#""gaps":[{"position":1,"frames":30,"error_frames":2,"cause":"dropped","error":null}],"#,
            r#""provisional":[{"position":40,"frames":3,"error_frames":1,"cause":"lost","error":null}],"#,
            r#""callback":{"count":7,"max_frames":480},"#,
            r#""clock":{"class":"late-only","ppm":-12.5,"bound_us":8.25},"#,
            r#""dead_channels":[],"epochs":[],"events":[{"at_ms":40.0,"kind":"resumed"}]}"#
        );
        assert_eq!(serde_json::to_string(&take).expect("plain data"), expected);
    }
}

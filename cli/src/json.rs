//! The account of a take for programs: the schema `hearken.take/1`, and the file it goes to.

use crate::failure::{Failure, print};
use hearken::Report;
use hearken::wav::WavFormat;
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
pub struct Take {
    schema: &'static str,
    input: Input,
    /// `null` where no file was written.
    output: Option<Output>,
    ledger: Ledger,
    gaps: Vec<Gap>,
    callback: Callback,
    clock: Clock,
}

#[derive(Debug, Serialize)]
struct Input {
    host: String,
    id: String,
    name: String,
    rate_hz: u32,
    channels: u16,
    sample_format: &'static str,
}

#[derive(Debug, Serialize)]
struct Output {
    path: String,
    rate_hz: u32,
    channels: u16,
    frames: u64,
}

/// In frames of the input.
#[derive(Debug, Serialize)]
struct Ledger {
    captured: u64,
    delivered: u64,
    dropped: u64,
    lost: u64,
    discarded: u64,
    balanced: bool,
}

/// In frames of the input.
#[derive(Debug, Serialize)]
struct Gap {
    position: u64,
    frames: u64,
    error_frames: u64,
    cause: &'static str,
}

#[derive(Debug, Serialize)]
struct Callback {
    count: u64,
    max_frames: u64,
}

#[derive(Debug, Serialize)]
struct Clock {
    class: &'static str,
    ppm: f64,
    bound_us: f64,
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
        let (input, ledger, clock) = (&report.input, report.stats.ledger, report.stats.clock);
        Self {
            schema: "hearken.take/1",
            input: Input {
                host: input.host.clone(),
                id: input.id.clone(),
                name: input.name.clone(),
                rate_hz: input.format.rate_hz,
                channels: input.format.channels,
                sample_format: input.format.sample.name(),
            },
            output: None,
            ledger: Ledger {
                captured: ledger.captured,
                delivered: ledger.delivered,
                dropped: ledger.dropped,
                lost: ledger.lost,
                discarded: ledger.discarded,
                balanced: ledger.balanced(),
            },
            gaps: report.gaps.iter().map(Gap::from).collect(),
            callback: Callback {
                count: report.stats.callbacks,
                max_frames: report.stats.max_callback_frames,
            },
            clock: Clock {
                class: clock.class.name(),
                ppm: clock.ppm(),
                bound_us: clock.bound.as_nanos() as f64 / 1e3,
            },
        }
    }
}

impl From<&hearken::Gap> for Gap {
    fn from(gap: &hearken::Gap) -> Self {
        let &hearken::Gap { position, frames, error_frames, cause } = gap;
        Self { position, frames, error_frames, cause: cause.name() }
    }
}

/// Where the account goes. Opened before the take, so that a path that cannot be written is found before the
/// microphone is; an earlier account stays until there is a new one.
#[derive(Debug)]
pub enum Sink {
    Stdout,
    File(Target),
}

#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    file: File,
    /// The file is ours and empty: without a take it goes.
    unused: bool,
}

impl Sink {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let is_new = !path.exists();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| cannot_write(path, &error))?;
        Ok(Self::File(Target { path: path.into(), file, unused: is_new }))
    }

    pub fn write(self, take: &Take) -> Result<(), Failure> {
        let json = serde_json::to_string(take).map_err(|error| Failure::run(error.to_string()))? + "\n";
        let Self::File(mut target) = self else { return print(&json) };
        target.unused = false;
        let Target { path, file, .. } = &mut target;
        // What is no regular file, a terminal say, has no length to set.
        if file.metadata().is_ok_and(|there| there.is_file()) {
            file.set_len(0).map_err(|error| cannot_write(path, &error))?;
        }
        file.write_all(json.as_bytes()).map_err(|error| cannot_write(path, &error))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.unused {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::run(format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken::wav::Encoding;
    use hearken::{Cause, InputInfo, SampleFormat, StampClass, Stats, StopReason, StreamFormat};
    use std::time::Duration;

    #[test]
    fn every_figure_of_a_report_has_its_place() {
        let mut stats = Stats { callbacks: 7, max_callback_frames: 480, ..Stats::default() };
        stats.clock.class = StampClass::LateOnly;
        (stats.clock.ppb, stats.clock.bound) = (-12_500, Duration::from_nanos(8_250));
        let ledger = &mut stats.ledger;
        (ledger.captured, ledger.delivered, ledger.dropped) = (100, 60, 30);
        (ledger.discarded, ledger.lost) = (10, 5);
        let report = Report {
            epochs: Vec::new(),
            events: Vec::new(),
            reason: StopReason::Requested,
            input: InputInfo {
                host: "alsa".into(),
                id: "default".into(),
                name: "A \"mic\"".into(),
                format: StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::I24 },
            },
            stats,
            gaps: vec![hearken::Gap { position: 1, frames: 30, error_frames: 2, cause: Cause::Dropped }],
            late_callbacks: 0,
            released: true,
        };
        let format = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I16 };
        let take = Take::new(&report, Path::new("take.wav"), format, 33);
        let expected = concat!(
            r#"{"schema":"hearken.take/1","input":{"host":"alsa","id":"default","name":"A \"mic\"","#,
            r#""rate_hz":48000,"channels":2,"sample_format":"i24"},"#,
            r#""output":{"path":"take.wav","rate_hz":16000,"channels":1,"frames":33},"#,
            r#""ledger":{"captured":100,"delivered":60,"dropped":30,"lost":5,"discarded":10,"balanced":true},"#,
            r#""gaps":[{"position":1,"frames":30,"error_frames":2,"cause":"dropped"}],"#,
            r#""callback":{"count":7,"max_frames":480},"#,
            r#""clock":{"class":"late-only","ppm":-12.5,"bound_us":8.25}}"#
        );
        assert_eq!(serde_json::to_string(&take).expect("plain data"), expected);
    }
}

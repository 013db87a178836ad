//! `hearken doctor`: listens to a device for a few seconds and says how it does.

mod checkup;
mod health;
mod json;

pub use checkup::{Checkup, Loudness};
pub use health::{Finding, verdict};

use crate::args::DoctorArgs;
use crate::failure::{Failure, print};
use crate::record::{not_started, one_line, stop_on_signal};
use crate::report;
use crate::sink::Target;
use crate::summary::within;
use health::{Facts, findings};
use hearken::{Cadence, Capture, Channels, Config, Permission, Recovery, Tap, WhenFull};
use json::Diagnosis;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Arc;

/// Chunks this short are completed by each callback, so that the worker looks at each.
const CHUNK_MS: u32 = 1;
/// Chunks that may wait while this program is away: 4 s.
const QUEUE: usize = 4096;

pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let target = args.report.as_deref().map(Target::open).transpose()?;
    let capture = Arc::new(Capture::new(Config {
        input: args.input.clone(),
        host: args.host.as_deref().into(),
        period: args.period,
        length: Some(args.seconds),
        // One device is looked at; what fails is to be seen.
        recovery: Recovery::NONE,
        ..Config::default()
    })?);
    let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(CHUNK_MS);
    let chunks = capture.receiver(tap.queue(QUEUE, WhenFull::DropNew))?;
    let events = capture.events();
    stop_on_signal(&capture)?;
    let input = capture.start().map_err(|error| not_started(args.host.as_deref(), error))?;
    let seconds = args.seconds.as_secs_f64();
    let name = one_line(&input.name);
    let _ = writeln!(
        io::stderr(),
        "listening to {name} ({}, {}) for {seconds} s; say something",
        input.host,
        input.format
    );
    let checkup = checkup::observe(&capture, input.format.rate_hz, chunks, events)?;
    let findings = findings(&Facts::from(&checkup));
    let told =
        if args.json { Diagnosis::new(&checkup, &findings).text()? } else { summary(&checkup, &findings) };
    print(&told)?;
    if let Some(target) = target {
        target.write(&report::checkup(&checkup, &findings))?;
    }
    if findings.iter().any(|finding| finding.is_fault) {
        return Err(Failure::run(format!("{name} is not healthy: {}", verdict(&findings))));
    }
    Ok(())
}

impl Checkup {
    /// How regularly it called back; none if it never was open.
    pub fn cadence(&self) -> Option<&Cadence> {
        self.report.epochs.last().map(|epoch| &epoch.cadence)
    }

    /// What was measured, by name.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let stats = &self.report.stats;
        let ms = |seconds: Option<f64>| seconds.map_or("-".into(), |seconds| format!("{:.1}", seconds * 1e3));
        let size = |share| self.cadence().and_then(|cadence| cadence.size(share));
        let frames = |frames: Option<u64>| frames.map_or("-".into(), |frames| frames.to_string());
        let interval = |share| {
            ms(self.cadence().and_then(|cadence| cadence.interval(share)).map(|time| time.as_secs_f64()))
        };
        let InputFacts { device, format, period } = self.input();
        let clock = &stats.clock;
        let permission = self.permission.filter(|said| *said != Permission::Unknown);
        let permission = permission.map(|said| ("permission", said.to_string()));
        let mut rows = vec![
            ("device", device),
            ("format", format),
            ("period", period),
            ("first callback", format!("{} ms", ms(self.first_callback.map(|time| time.as_secs_f64())))),
            (
                "callbacks",
                format!(
                    "{}, of {} / {} / {} frames (least / median / most)",
                    stats.callbacks,
                    frames(size(0.0)),
                    frames(size(0.5)),
                    stats.max_callback_frames
                ),
            ),
            ("interval", format!("{} ms median, {} ms p99", interval(0.5), interval(0.99))),
            ("age of audio", format!("{} ms median, {} ms p99", ms(self.age(0.5)), ms(self.age(0.99)))),
            ("clock", format!("{} stamps, {:+.1} ppm, {}", clock.class.name(), clock.ppm(), within(clock))),
            ("longest pause", format!("{} ms between two callbacks", ms(Some(self.quiet)))),
            ("loudest", if self.peak > -200.0 { format!("{:.1} dBFS", self.peak) } else { "silence".into() }),
            (
                "frames",
                format!(
                    "{} captured, {} dropped, {} lost{}",
                    stats.ledger.captured,
                    stats.ledger.dropped,
                    stats.ledger.lost,
                    match stats.ledger.lost_provisional {
                        0 => String::new(),
                        frames => format!(", {frames} more may be"),
                    }
                ),
            ),
            ("errors", format!("{}, {} of them lost data", stats.errors, stats.xruns)),
        ];
        // Behind the device's own.
        rows.splice(2..2, permission);
        rows
    }

    fn input(&self) -> InputFacts {
        let input = &self.report.input;
        let device = format!("{} ({}:{})", one_line(&input.name), input.host, input.id);
        let rate = f64::from(input.format.rate_hz);
        let frames = |frames: u32| format!("{frames} frames, {:.1} ms", f64::from(frames) / rate * 1e3);
        let mut period = input.period_frames.map_or_else(|| "-".to_owned(), frames);
        if let Some(server) = &input.server {
            period += &format!(", of the server {server}");
        }
        InputFacts { device, format: input.format.to_string(), period }
    }
}

struct InputFacts {
    device: String,
    format: String,
    period: String,
}

fn summary(checkup: &Checkup, findings: &[Finding]) -> String {
    let mut text = String::new();
    for (name, value) in checkup.rows() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{name:16} {value}");
    }
    let _ = writeln!(text, "\n{}", verdict(findings));
    for Finding { what, detail, advice, is_fault } in findings {
        let mark = if *is_fault { '!' } else { '-' };
        let _ = writeln!(text, "{mark} {what}: {detail}; {advice}");
    }
    text
}

//! `hearken trace`.

use crate::args::{input, is_same_file, period, seconds};
use crate::failure::{Failure, print};
use crate::record::stop_on_signal;
use crate::summary::account;
use clap::Parser;
use hearken::{
    Capture, Config, FormatWish, Input, InputInfo, Pace, SampleFormat, StopReason, Tap, TraceContent,
};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Parser)]
pub struct TraceArgs {
    /// The trace to write, replaced if it is there; only its owner can read it
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Keep what is heard as well; without it there is no audio in the trace
    #[arg(long)]
    pub with_audio: bool,
    /// What to listen to: default, a device's ID (see `hearken devices`), file:PATH, or
    /// synthetic[:tone|noise|speech]
    #[arg(long, default_value = "default", value_parser = input)]
    pub input: Input,
    /// Audio system, e.g. alsa; default: the system's own
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// How long; default: until Ctrl-C, or the end of the input
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub seconds: Option<Duration>,
    /// Open the device at this rate instead of its default
    #[arg(long, value_name = "HZ")]
    pub device_rate: Option<u32>,
    /// Open the device with so many channels, 1 to 32
    #[arg(long, value_name = "N")]
    pub device_channels: Option<u16>,
    /// Open the device in this sample format, e.g. i16
    #[arg(long, value_name = "FMT")]
    pub device_format: Option<SampleFormat>,
    /// How often the device is to wake us, 1 to 1000 ms; default: chosen for the audio system
    #[arg(long, value_name = "MS", value_parser = period)]
    pub period: Option<Duration>,
    /// Run a file or synthetic input as fast as possible
    #[arg(long)]
    pub fast: bool,
}

impl TraceArgs {
    fn format(&self) -> FormatWish {
        FormatWish { rate_hz: self.device_rate, channels: self.device_channels, sample: self.device_format }
    }

    /// Refuses what does not go together.
    fn check(&self) -> Result<(), Failure> {
        let is_device = !matches!(self.input, Input::File(_) | Input::Synthetic(_));
        if self.fast && is_device {
            return Err(Failure::usage(
                "--fast is for file: and synthetic inputs; a device keeps its own time",
            ));
        }
        if self.host.is_some() && !is_device {
            return Err(Failure::usage("--host is for devices; this input has none"));
        }
        if self.period.is_some() && !is_device {
            return Err(Failure::usage("--period is for devices; this input has none"));
        }
        if let Input::File(input) = &self.input {
            if self.format() != FormatWish::default() {
                return Err(Failure::usage(
                    "--device-* is for devices and synthetic inputs; a file is what it is",
                ));
            }
            if is_same_file(input, &self.output) {
                let input = input.display();
                return Err(Failure::usage(format!("{input} is the input; name another --output")));
            }
        }
        Ok(())
    }
}

pub fn run(args: &TraceArgs) -> Result<(), Failure> {
    args.check()?;
    let content = if args.with_audio { TraceContent::WithAudio } else { TraceContent::WithoutAudio };
    let capture = Arc::new(Capture::new(Config {
        input: args.input.clone(),
        host: args.host.as_deref().into(),
        format: args.format(),
        period: args.period,
        pace: if args.fast { Pace::Fast } else { Pace::RealTime },
        length: args.seconds,
        ..Config::default()
    })?);
    let trace = capture.trace(&args.output, content)?;
    // So that the worker keeps the hours that it keeps for a recording.
    capture.each(Tap::new(), drop)?;
    stop_on_signal(&capture)?;
    let InputInfo { host, name, format, .. } = capture.start().inspect_err(|_| {
        if args.output.is_file() {
            let _ = std::fs::remove_file(&args.output);
        }
    })?;
    let (name, to) = (name.replace('\n', ", "), args.output.display());
    let what = if args.with_audio { "and its audio " } else { "" };
    // A trace does not fail because nobody listens to how it goes.
    let _ = writeln!(io::stderr(), "tracing {name} ({host}, {format}) {what}to {to}");
    let report = capture.wait();
    // The first cause is the one to tell; what there is of the trace is written in any case.
    let written = trace.finish();
    let report = report?;
    print(&format!("wrote {to}\n{}", account(&report)))?;
    written?;
    match report.reason {
        StopReason::Failed(error) => Err(Failure::run(format!("{error}; the trace until then is complete"))),
        StopReason::CallbackStuck => Err(Failure::run("the device's last callback hangs")),
        _ => Ok(()),
    }
}

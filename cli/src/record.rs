//! `hearken record`.

use crate::args::RecordArgs;
use crate::failure::{Failure, print};
use crate::json::{Sink, Take};
use crate::progress::Progress;
use crate::summary::summary;
use hearken::wav::{WavFormat, WavReader};
use hearken::{
    Capture, Config, Error, ErrorKind, FileTap, Gain, InputInfo, Report, StopReason, Tap, WavFile, WhenFull,
    Written,
};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Chunks of 160 ms that wait for the disk: 10 s.
const QUEUE: usize = 64;

pub fn run(args: &RecordArgs) -> Result<(), Failure> {
    args.check()?;
    // Everything that can be wrong without a microphone is found before there is one.
    let sink = args.json.as_deref().map(Sink::open).transpose()?;
    let capture = Arc::new(Capture::new(Config {
        input: args.input.clone(),
        host: args.host.as_deref().into(),
        format: args.device_format(),
        pace: args.pace(),
        length: args.seconds,
        ..Config::default()
    })?);
    let file = capture.file(file_tap(args))?;
    stop_on_signal(&capture)?;
    let input = match capture.start() {
        Ok(input) => input,
        Err(error) => {
            // Waits until the file that was created is gone again; the error to tell is the device's.
            let _ = file.finish();
            return Err(not_started(args, error));
        }
    };
    let progress = Progress::new(input.format, args.seconds);
    announce(args, &input, progress.is_shown());
    let ended = follow(&capture, &file, progress);
    let written = file.finish();
    conclude(args, sink, ended?, written)
}

fn file_tap(args: &RecordArgs) -> FileTap {
    // A file or a synthetic input that runs as fast as it can waits for the disk.
    let when_full = if args.fast { WhenFull::Wait } else { WhenFull::DropNew };
    let tap = Tap::new()
        .rate_hz(args.rate)
        .channels(args.channels.clone())
        .quality(args.quality)
        .gain(Gain::new(args.gain))
        .queue(QUEUE, when_full);
    let file = if args.native {
        FileTap::native(&args.out)
    } else {
        FileTap::new(&args.out, tap, args.format.into())
    };
    file.when_full(when_full).dither(args.dither).sidecar(args.sidecar).durable(args.durable)
}

/// Ctrl-C, a terminal that closes, and a polite kill are exact ends.
fn stop_on_signal(capture: &Arc<Capture>) -> Result<(), Failure> {
    let capture = capture.clone();
    ctrlc::set_handler(move || {
        // What is wrong with the end, whoever waits for it is told.
        let _ = capture.stop();
    })
    .map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}; nothing was opened")))
}

/// An unknown host is a word typed wrong; a device or a file that is not there is not.
fn not_started(args: &RecordArgs, error: Error) -> Failure {
    let is_known = |name: &String| hearken::hosts().iter().any(|known| known.eq_ignore_ascii_case(name));
    match (error.kind(), &args.host) {
        (ErrorKind::NotFound, Some(name)) if !is_known(name) => Failure::usage(error.to_string()),
        _ => error.into(),
    }
}

fn announce(args: &RecordArgs, input: &InputInfo, is_terminal: bool) {
    let InputInfo { host, name, format, .. } = input;
    let name = name.replace('\n', ", ");
    let hint = if is_terminal && args.seconds.is_none() { "; Ctrl-C ends it" } else { "" };
    // A take does not fail because nobody listens to how it goes.
    let _ =
        writeln!(io::stderr(), "recording from {name} ({host}, {format}) to {}{hint}", args.out.display());
}

/// Shows how it goes until it has ended.
fn follow(capture: &Capture, file: &WavFile, mut progress: Progress) -> Result<Report, Error> {
    let ended = loop {
        if let Some(ended) = capture.wait_timeout(progress.interval()) {
            break ended;
        }
        if file.is_finished() {
            // Without a file there is nothing to record for: the disk is full, say.
            break capture.stop();
        }
        if progress.is_shown() {
            progress.look(&capture.picture(), &capture.stats());
        }
    };
    progress.clear();
    ended
}

/// Tells what there is now, also when something went wrong on the way: whatever was recorded is in the file.
fn conclude(
    args: &RecordArgs,
    sink: Option<Sink>,
    report: Report,
    written: Result<Written, Error>,
) -> Result<(), Failure> {
    let (in_file, failure) = match written {
        Ok(written) => (Some(written), None),
        Err(error) => (look_into(&args.out), Some(Failure::from(error))),
    };
    let mut told = Ok(());
    if let Some(in_file) = in_file {
        let take = Take::new(&report, &args.out, in_file.format, in_file.frames);
        let to_stdout = matches!(sink, Some(Sink::Stdout));
        told = sink.map_or(Ok(()), |sink| sink.write(&take));
        if !to_stdout {
            told = told.and(print(&summary(&report, &args.out, &in_file)));
        }
    }
    // Of several failures the first cause is the one to tell.
    if let Some(failure) = failure {
        return Err(failure);
    }
    let recorded = in_file.map_or(0, |in_file| in_file.frames);
    let complete = format!("the {recorded} frames until then are complete in {}", args.out.display());
    match report.reason {
        StopReason::Failed(error) => Err(Failure::run(format!("{error}; {complete}"))),
        StopReason::CallbackStuck => {
            Err(Failure::run(format!("the device's last callback hangs; {complete}")))
        }
        _ => told,
    }
}

/// What a file that could not be written to its end holds.
fn look_into(path: &Path) -> Option<Written> {
    let reader = WavReader::open(path).ok()?;
    let format = reader.format();
    let format =
        WavFormat { rate_hz: format.rate_hz, channels: format.channels, encoding: reader.encoding() };
    Some(Written { format, frames: reader.frames(), behind: 0, cut: 0 })
}

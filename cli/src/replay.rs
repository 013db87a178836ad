//! `hearken replay`.

use crate::args::is_same_file;
use crate::failure::{Failure, print};
use crate::json::Take;
use crate::summary::{account, summary};
use clap::Parser;
use hearken::{FileFormat, FileTap, Replay, Report, StopReason, Tap, TraceContent, WhenFull, Written};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Parser)]
pub struct ReplayArgs {
    /// The trace, of `hearken trace`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Write a WAV file as `hearken record` would have: 16 kHz, mono, 16 bits
    #[arg(long, value_name = "FILE.wav")]
    pub output: Option<PathBuf>,
    /// Print the account as JSON
    #[arg(long)]
    pub json: bool,
}

pub fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let mut replay = Replay::open(&args.file)?;
    if let Some(output) = &args.output
        && is_same_file(&args.file, output)
    {
        return Err(Failure::usage(format!("{} is the trace; name another --output", output.display())));
    }
    if args.output.is_some() && replay.content() == TraceContent::WithoutAudio {
        let file = args.file.display();
        let _ = writeln!(io::stderr(), "there is no audio in {file}; silence stands for it");
    }
    let tap = |output: &PathBuf| {
        let file = FileTap::new(output, Tap::new(), FileFormat::I16);
        replay.file(file.when_full(WhenFull::Wait).sidecar(false))
    };
    let wav = args.output.as_ref().map(tap).transpose()?;
    let report = replay.run();
    let written = wav.map(hearken::WavFile::finish);
    let report = report?;
    let written = written.transpose()?;
    print(&tell(args, &report, args.output.as_deref().zip(written))?)?;
    match report.reason {
        // What ended the capture then is part of the account; that the trace is not whole is a failure now.
        StopReason::TraceEnded(error) => Err(error.into()),
        _ => Ok(()),
    }
}

fn tell(args: &ReplayArgs, report: &Report, wav: Option<(&Path, Written)>) -> Result<String, Failure> {
    if !args.json {
        return Ok(match wav {
            Some((path, written)) => summary(report, path, &written),
            None => account(report),
        });
    }
    let take = match wav {
        Some((path, Written { format, frames, .. })) => Take::new(report, path, format, frames),
        None => Take::without_file(report),
    };
    Ok(serde_json::to_string(&take).map_err(|error| Failure::run(error.to_string()))? + "\n")
}

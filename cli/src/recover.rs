//! `hearken recover`.

use crate::args::RecoverArgs;
use crate::failure::{Failure, print};
use hearken::wav::{Recovered, WavReader, recover};
use serde::Serialize;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// The schema `hearken.recover/1`.
#[derive(Debug, Serialize)]
struct Account {
    schema: &'static str,
    path: String,
    rate_hz: u32,
    channels: u16,
    sample_format: String,
    frames: u64,
    claimed_frames: u64,
    changed: bool,
    left_over_bytes: u64,
}

pub fn run(args: &RecoverArgs) -> Result<(), Failure> {
    let path = args.output.as_deref().unwrap_or(&args.file);
    let found = match &args.output {
        None => recover(path)?,
        Some(output) => recover_copy(&args.file, output)?,
    };
    let Recovered { format, frames, claimed_frames, changed, left_over_bytes } = found;
    if !args.json {
        return print(&tell(path, &found));
    }
    let account = Account {
        schema: "hearken.recover/1",
        path: path.display().to_string(),
        rate_hz: format.rate_hz,
        channels: format.channels,
        sample_format: format.encoding.to_string(),
        frames,
        claimed_frames,
        changed,
        left_over_bytes,
    };
    print(&(serde_json::to_string(&account).map_err(|error| Failure::run(error.to_string()))? + "\n"))
}

/// A copy is readable by its owner only, as a take is. If it cannot be repaired it goes again.
fn recover_copy(file: &Path, output: &Path) -> Result<Recovered, Failure> {
    // What cannot be read is found before there is a copy, and told by its own name.
    WavReader::open(file)?;
    let cannot = |doing: &str, path: &Path, error: &io::Error| {
        Failure::run(format!("cannot {doing} {}: {error}", path.display()))
    };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut from = File::open(file).map_err(|error| cannot("read", file, &error))?;
    let mut to = options.open(output).map_err(|error| cannot("create", output, &error))?;
    let copied = io::copy(&mut from, &mut to).map_err(|error| cannot("write", output, &error));
    drop(to);
    copied.and_then(|_| Ok(recover(output)?)).inspect_err(|_| {
        let _ = std::fs::remove_file(output);
    })
}

fn tell(path: &Path, found: &Recovered) -> String {
    let &Recovered { format, frames, claimed_frames, changed, left_over_bytes } = found;
    let seconds = |frames: u64| frames as f64 / f64::from(format.rate_hz);
    let path = path.display();
    let there = format!("{:.3} s, {frames} frames ({format})", seconds(frames));
    let mut text = match (changed, claimed_frames == frames) {
        (false, _) => format!("{path} is sound: {there}; nothing was changed\n"),
        (true, true) => format!("repaired {path}: {there}, as it said; its other sizes were wrong\n"),
        (true, false) => {
            let claimed = seconds(claimed_frames);
            format!("repaired {path}: {there}; it said {claimed:.3} s, {claimed_frames} frames\n")
        }
    };
    if left_over_bytes > 0 {
        let what = if left_over_bytes == 1 { "byte that is" } else { "bytes that are" };
        text += &format!("left at the end, unseen: {left_over_bytes} {what} no whole frame\n");
    }
    text
}

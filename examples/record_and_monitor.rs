//! A file and a level meter from one stream.
//!
//! `cargo run --example record_and_monitor`, with `-- --synthetic` where there is no microphone.

use hearken::{Capture, Config, Error, FileFormat, FileTap, Input, Synthetic, Tap};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// Records for `length` into `path`. Frames in the file, and the loudest level in dBFS.
pub fn record(input: Input, length: Duration, path: &Path) -> Result<(u64, f32), Error> {
    let capture = Capture::new(Config { input, length: Some(length), ..Config::default() })?;
    let file = capture.file(FileTap::new(path, Tap::new(), FileFormat::I16))?;
    capture.start()?;
    let (since, mut loudest) = (Instant::now(), f32::NEG_INFINITY);
    while since.elapsed() < length {
        // From any thread, and made only while somebody looks.
        let level = capture.picture().loudest();
        loudest = loudest.max(level.peak_dbfs());
        let bar = "#".repeat(((level.rms_dbfs() + 60.0).max(0.0) / 2.0) as usize);
        println!("{:6.1} dBFS {bar}", level.rms_dbfs());
        thread::sleep(Duration::from_millis(50));
    }
    capture.wait()?;
    let written = file.finish()?;
    println!("{} frames in {}", written.frames, path.display());
    Ok((written.frames, loudest))
}

/// Records for `length` into `monitored.wav`.
pub fn run(input: Input, length: Duration) -> Result<(u64, f32), Error> {
    record(input, length, Path::new("monitored.wav"))
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    run(input, Duration::from_secs(5)).map(drop)
}

//! Chunks of 160 ms to a recogniser, as they come.
//!
//! `cargo run --example streaming`, with `-- --synthetic` where there is no microphone.

use hearken::{Capture, Config, Error, Input, Synthetic, Tap};
use std::time::Duration;

/// Stands for a streaming recogniser: it takes 16 kHz mono in pieces of any length.
#[derive(Default)]
struct Recogniser {
    samples: usize,
}

impl Recogniser {
    fn accept(&mut self, samples: &[f32]) {
        self.samples += samples.len();
    }
}

/// Listens for `length`. Samples that the recogniser got.
pub fn run(input: Input, length: Duration) -> Result<usize, Error> {
    let capture = Capture::new(Config { input, length: Some(length), ..Config::default() })?;
    let chunks = capture.receiver(Tap::new())?; // 16 kHz, mono, 160 ms
    capture.start()?;
    let mut recogniser = Recogniser::default();
    for chunk in chunks {
        // What is missing is silence, so the recogniser's time stays the microphone's.
        for gap in chunk.gaps() {
            println!("{} frames are missing at {}: {}", gap.frames, gap.position, gap.cause);
        }
        recogniser.accept(chunk.samples());
    }
    println!("{:?}, {} samples", capture.wait()?.reason, recogniser.samples);
    Ok(recogniser.samples)
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    run(input, Duration::from_secs(5)).map(drop)
}

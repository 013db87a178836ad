//! Frames of exactly 512 samples, as voice detectors take them.
//!
//! `cargo run --example voice_frames`, with `-- --synthetic` where there is no microphone.

use hearken::{Capture, Config, Error, GapPolicy, Input, Synthetic, Tap};
use std::time::Duration;

/// Stands for a detector that takes nothing but whole frames: louder than -40 dBFS is voice.
fn is_voice(frame: &[f32; 512]) -> bool {
    frame.iter().map(|sample| sample * sample).sum::<f32>() / 512.0 > 1e-4
}

/// Listens for `length`. Frames in all, and those with voice.
pub fn run(input: Input, length: Duration) -> Result<(usize, usize), Error> {
    let capture = Capture::new(Config { input, length: Some(length), ..Config::default() })?;
    // Behind a hole the frames start anew, so that none mixes what was before it with what came after.
    let chunks = capture.receiver(Tap::new().chunk_frames(512).gaps(GapPolicy::Mark))?;
    capture.start()?;
    let (mut frames, mut voiced) = (0, 0);
    for chunk in chunks {
        let frame: &[f32; 512] = chunk.samples().try_into().expect("frames keep their length");
        frames += 1;
        voiced += usize::from(is_voice(frame));
    }
    println!("{voiced} of {frames} frames with voice");
    Ok((frames, voiced))
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    run(input, Duration::from_secs(5)).map(drop)
}

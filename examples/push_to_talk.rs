//! A key is held and let go: takes that begin a little before they are asked for.
//!
//! `cargo run --example push_to_talk`, with `-- --synthetic` where there is no microphone.

use hearken::{Capture, Config, Error, Input, Synthetic, TakePlan, TakeReport, Tap};
use std::thread;
use std::time::Duration;

const PRE_ROLL: Duration = Duration::from_millis(400);

/// Records while the key is down, which is `held` here.
fn talk(capture: &Capture, held: Duration) -> Result<(TakeReport, Vec<f32>), Error> {
    let mut plan = TakePlan::new(PRE_ROLL).post_roll(Duration::from_millis(50));
    let memory = plan.memory(Tap::new())?;
    let take = capture.take(plan)?; // the key goes down
    thread::sleep(held);
    let report = take.finish()?; // and up
    println!(
        "{} frames, {} missing, ready after {:?}",
        report.frames, report.missing, report.latency.first_frame
    );
    Ok((report, memory.into_samples()))
}

/// Talks twice: cold, when the device is opened for it, and warm, when it is still open. Samples of either.
pub fn run(input: Input, held: Duration) -> Result<(usize, usize), Error> {
    // The device stays open for two seconds after a take, and half a second of the past is kept meanwhile.
    let (history, idle) = (Duration::from_millis(500), Duration::from_secs(2));
    let capture = Capture::new(Config { input, history, idle, ..Config::default() })?;
    let (_, cold) = talk(&capture, held)?;
    thread::sleep(PRE_ROLL);
    let (_, warm) = talk(&capture, held)?; // with the 400 ms before the key went down
    println!("{} samples cold, {} warm", cold.len(), warm.len());
    Ok((cold.len(), warm.len()))
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    run(input, Duration::from_secs(5)).map(drop)
}

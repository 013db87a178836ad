//! How old a chunk is when an application gets it: this program once more, with the library in it.

use super::microphone::{RATE, now_ns};
use super::support::counted::{Code, Holds, Recorded};
use hearken::{Capture, Channels, Config, Input, Tap};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The first argument that makes this program a listener.
pub const FLAG: &str = "--listener";

/// The process: `HOST BEGUN_NS float|stereo16 SECONDS`. Prints the age of each chunk of 20 ms, in microseconds from the
/// moment that its last frame was said.
pub fn main(arguments: &[String]) -> ExitCode {
    let [host, begun, code, seconds] = arguments else { return ExitCode::from(2) };
    let (Ok(begun_ns), Ok(seconds)) = (begun.parse::<u64>(), seconds.parse::<f64>()) else {
        return ExitCode::from(2);
    };
    let code = if code == "float" { Code::Float } else { Code::Stereo16 };
    match listen(host, begun_ns, code, Duration::from_secs_f64(seconds)) {
        Ok(ages) => {
            ages.iter().for_each(|age| println!("{age}"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn listen(host: &str, begun_ns: u64, code: Code, length: Duration) -> Result<Vec<i64>, hearken::Error> {
    let config = Config { input: Input::Default, host: host.into(), ..Config::default() };
    let capture = Capture::new(config)?;
    let mut chunks = capture.receiver(Tap::new().device_rate().channels(Channels::All).chunk_ms(20))?;
    capture.start()?;
    let (end, mut ages) = (Instant::now() + length, Vec::new());
    while Instant::now() < end {
        let Some(chunk) = chunks.recv_timeout(Duration::from_millis(500)) else { continue };
        let heard = now_ns();
        if let Some(said) = last(chunk.samples(), chunk.format().channels, code) {
            ages.push(age_us(begun_ns, said, heard));
        }
    }
    capture.stop()?;
    Ok(ages)
}

/// The position of the last frame, if it is the microphone's.
pub fn last(samples: &[f32], channels: u16, code: Code) -> Option<u32> {
    let recorded = Recorded::decode(samples, channels, code);
    let run = recorded.runs.last()?;
    match run.holds {
        Holds::Source(first) => Some(first + run.frames as u32 - 1),
        _ => None,
    }
}

/// From the moment that `position` was said until `heard_ns`.
pub fn age_us(begun_ns: u64, position: u32, heard_ns: u64) -> i64 {
    let said_us = u64::from(position) * 1_000_000 / u64::from(RATE);
    (heard_ns.saturating_sub(begun_ns) / 1000) as i64 - said_us as i64
}

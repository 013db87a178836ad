//! How old a chunk is when an application gets it, and how long after the callback that brought its last frame: this
//! program once more, with the library in it.

use super::microphone::{RATE, now_ns};
use super::support::counted::{Code, Holds, Recorded};
use hearken::{Capture, Channels, Config, Input, Tap};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// The first argument that makes this program a listener.
pub const FLAG: &str = "--listener";

/// For learning the rhythm: what comes before is not told.
const LEARNING: Duration = Duration::from_secs(2);

/// How often somebody looks whether a callback has come. A lateness is too long by as much, and never too short.
const WATCH: Duration = Duration::from_micros(250);

/// Where a busy machine kept that somebody away for longer, nobody knows when the callback was.
const KNOWN: Duration = Duration::from_millis(1);

/// What a listener has found.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Milliseconds from the moment that a chunk's last frame was said until the application had it.
    pub ages: Vec<f64>,
    /// Milliseconds from the callback that brought a chunk's last frame until the application had it, and at most [`KNOWN`]
    /// more.
    pub lates: Vec<f64>,
    /// Chunks of which that is not known.
    pub unknown: usize,
    /// The worker's wake-ups a second.
    pub wakeups: Option<f64>,
    /// Of these, those that chunks need: one for each callback that ends some.
    pub needed: Option<f64>,
}

impl Heard {
    /// What a listener's process printed.
    pub fn read(printed: &str) -> Self {
        let mut heard = Self::default();
        for line in printed.lines() {
            let mut words = line.split(' ');
            let (name, value) = (words.next(), words.next().and_then(|word| word.parse::<f64>().ok()));
            match (name, value) {
                (Some("age"), Some(us)) => heard.ages.push(us / 1e3),
                (Some("late"), Some(us)) => heard.lates.push(us / 1e3),
                (Some("unknown"), _) => heard.unknown += 1,
                (Some("wakeups"), found) => heard.wakeups = found,
                (Some("needed"), found) => heard.needed = found,
                _ => {}
            }
        }
        heard
    }
}

/// The process: `HOST BEGUN_NS float|stereo16 SECONDS`. Prints what [`Heard::read`] reads, in microseconds.
pub fn main(arguments: &[String]) -> ExitCode {
    let [host, begun, code, seconds] = arguments else { return ExitCode::from(2) };
    let (Ok(begun_ns), Ok(seconds)) = (begun.parse::<u64>(), seconds.parse::<f64>()) else {
        return ExitCode::from(2);
    };
    let code = if code == "float" { Code::Float } else { Code::Stereo16 };
    match listen(host, begun_ns, code, Duration::from_secs_f64(seconds)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// A callback, or several that came within [`WATCH`].
#[derive(Clone, Copy, Debug)]
struct Call {
    /// Frames so far.
    captured: u64,
    /// Somebody looked then, and it had not come.
    after: Instant,
    /// And then it had.
    seen: Instant,
}

fn listen(host: &str, begun_ns: u64, code: Code, length: Duration) -> Result<(), hearken::Error> {
    let config = Config { input: Input::Default, host: host.into(), ..Config::default() };
    let capture = Capture::new(config)?;
    let mut chunks = capture.receiver(Tap::new().device_rate().channels(Channels::All).chunk_ms(20))?;
    capture.start()?;
    let end = Instant::now() + length;
    let over = AtomicBool::new(false);
    let (calls, got, woken) = scope(|scope| {
        let calls = scope.spawn(|| watch(&capture, &over));
        let (mut got, mut learned) = (Vec::new(), None);
        while Instant::now() < end {
            let Some(chunk) = chunks.recv_timeout(Duration::from_millis(500)) else { continue };
            let (now, heard) = (Instant::now(), now_ns());
            if end - now > length.saturating_sub(LEARNING) {
                continue;
            }
            learned.get_or_insert_with(|| (now, capture.stats().wakeups));
            let age = last(chunk.samples(), chunk.format().channels, code)
                .map(|said| age_us(begun_ns, said, heard));
            got.push((chunk.position() + u64::from(chunk.frames()), now, age));
        }
        let woken = learned.map(|(since, before)| {
            (since.elapsed().as_secs_f64(), capture.stats().wakeups.saturating_sub(before))
        });
        over.store(true, Relaxed);
        (calls.join().expect("no panic"), got, woken)
    });
    capture.stop()?;
    let mut needed = Vec::new();
    for (end, at, age) in got {
        let call = calls.partition_point(|call| call.captured < end);
        if let Some(Call { after, seen, .. }) = calls.get(call) {
            if *seen - *after <= KNOWN {
                println!("late {}", at.saturating_duration_since(*after).as_micros());
            } else {
                println!("unknown");
            }
            needed.push(call);
        }
        if let Some(age) = age {
            println!("age {age}");
        }
    }
    needed.dedup();
    if let Some((seconds, wakeups)) = woken {
        println!("wakeups {}\nneeded {}", wakeups as f64 / seconds, needed.len() as f64 / seconds);
    }
    Ok(())
}

/// Every callback, until it is `over`.
fn watch(capture: &Capture, over: &AtomicBool) -> Vec<Call> {
    let (mut calls, mut before, mut after) = (Vec::with_capacity(1 << 14), 0, Instant::now());
    while !over.load(Relaxed) {
        let looked = Instant::now();
        let captured = capture.newest_callback().map_or(0, |record| record.captured);
        if captured > before {
            // Read before the time: it was there by then.
            calls.push(Call { captured, after, seen: Instant::now() });
            before = captured;
        }
        after = looked;
        sleep(WATCH);
    }
    calls
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

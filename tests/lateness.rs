//! How long after the callback with its last frame a chunk is there, and how often the worker wakes up for it: behind
//! devices of every period, and behind sound servers that hand on bursts of callbacks. In virtual time.

use hearken::testkit::{Mic, Stage};
use hearken::{Capture, Channels, Config, SampleFormat, StreamFormat, Tap};
use std::sync::mpsc;
use std::time::Duration;

const RATE: u32 = 48_000;
/// For learning the rhythm.
const LEARNING: Duration = Duration::from_secs(6);
const LENGTH: Duration = Duration::from_secs(60);

/// What came of a capture.
struct Outcome {
    /// Milliseconds from the callback with a chunk's last frame to the chunk, sorted.
    lateness: Vec<f64>,
    /// Wake-ups per second, and those that the chunks need: one for each burst that ends some.
    wakeups: f64,
    needed: f64,
}

fn capture(chunk_ms: u32, mic: impl FnOnce(&Mic)) -> Outcome {
    let stage = Stage::new();
    let format = StreamFormat { rate_hz: RATE, channels: 1, sample: SampleFormat::F32 };
    let device = stage.mic("usb", format);
    mic(&device);
    let config = Config { host: stage.host(), clock: stage.clock(), ..Config::default() };
    let capture = Capture::new(config).expect("in range");
    let (told, chunks) = mpsc::channel();
    let clock = stage.clock();
    let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(chunk_ms);
    let tell = move |chunk: hearken::Chunk| {
        let _ = told.send((chunk.position() + u64::from(chunk.frames()), clock.now()));
    };
    capture.each(tap, tell).expect("in range");
    stage.start(&capture).expect("it opens");
    stage.run(LEARNING);
    let learned = (stage.clock().now(), capture.stats().wakeups);
    stage.run(LENGTH);
    let woken = capture.stats().wakeups - learned.1;
    let start = device.delivered()[0].start;
    capture.stop().expect("it ends");
    let (mut lateness, mut bursts) = (Vec::new(), Vec::new());
    for (end, at) in chunks {
        let came = device.called_at(start, start + end);
        if came > learned.0 && came < learned.0 + LENGTH {
            lateness.push(at.saturating_duration_since(came).as_secs_f64() * 1e3);
            bursts.push(came);
        }
    }
    bursts.dedup();
    lateness.sort_by(f64::total_cmp);
    let seconds = LENGTH.as_secs_f64();
    Outcome { lateness, wakeups: woken as f64 / seconds, needed: bursts.len() as f64 / seconds }
}

/// Checks the lateness at p95 and p99, and that wake-ups are at most so many times those that are needed, and two more
/// each second: for a look whether the device lives, and another whether it has changed its habits.
fn check(name: &str, mic: impl Fn(&Mic), wakeups: f64) {
    for chunk_ms in [20, 160] {
        let outcome = capture(chunk_ms, &mic);
        let at = |quantile: f64| outcome.lateness[((outcome.lateness.len() - 1) as f64 * quantile) as usize];
        let Outcome { wakeups: found, needed, .. } = outcome;
        println!(
            "{name:<28} {chunk_ms:>3} ms: p50 {:.2} p95 {:.2} p99 {:.2} ms, {found:.1} wake-ups/s, {needed:.1} needed",
            at(0.5),
            at(0.95),
            at(0.99)
        );
        assert!(at(0.95) <= 3.0 && at(0.99) <= 5.0, "{name}, {chunk_ms} ms: late");
        assert!(found <= wakeups * needed + 2.0, "{name}, {chunk_ms} ms: {found} wake-ups/s for {needed}");
    }
}

#[test]
fn chunks_of_a_device_of_any_period_are_there_at_once() {
    for period in [16, 100, 480, 1024, 4096, 8192, 32_768] {
        let mic = |mic: &Mic| {
            mic.period(period);
        };
        check(&format!("{period} frames"), mic, 1.4);
    }
}

#[test]
fn chunks_behind_a_server_are_there_when_its_burst_is() {
    let bursts = [
        (512, 1024),
        (512, 2048),
        (1024, 2048),
        (480, 1024),
        (1440, 2048),
        (1920, 1024),
        (512, 480),
        (512, 8192),
    ];
    for (period, quantum) in bursts {
        let mic = |mic: &Mic| {
            mic.period(period).quantum(quantum);
        };
        check(&format!("{period} of {quantum} frames"), mic, 2.0);
    }
}

#[test]
fn chunks_behind_a_server_that_is_late_at_times_are_there_within_3_ms() {
    for (period, quantum) in [(480, 480), (512, 1024), (512, 2048), (480, 1024), (1440, 2048)] {
        let mic = |mic: &Mic| {
            mic.period(period).quantum(quantum).late(Duration::from_micros(30));
        };
        check(&format!("{period} of {quantum}, late"), mic, 2.5);
    }
}

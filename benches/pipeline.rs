//! How many times faster than real time a capture can run, beside the resampling library alone.
//!
//! 48 kHz stereo f32 to 16 kHz mono in 160 ms chunks. The capture's figure is the CPU time of its worker (decode, mix,
//! resample, assemble, ledger, wake-ups) and of its callbacks; Linux only (it reads the scheduler's accounts).

#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::support::Mic;
    use hearken::signal::resample::Resampler;
    use hearken::testkit::pattern;
    use hearken::{Capture, Config, Input, Pace, Quality, SampleFormat, StreamFormat, Synthetic, Tap};
    use nix::time::{ClockId, clock_gettime};
    use std::hint::black_box;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    const SECONDS: u64 = 60;
    const ROUNDS: usize = 7;
    const FORMAT: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::F32 };

    fn thread_ns() -> u64 {
        let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux has it");
        time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64
    }

    /// Nanoseconds of CPU that the worker takes for a second of audio, from a source as fast as it can serve.
    fn worker(quality: Quality) -> f64 {
        let input = Input::Synthetic(Synthetic::Noise);
        let length = Some(Duration::from_secs(SECONDS));
        let capture = Capture::new(Config { input, length, pace: Pace::Fast, ..Config::default() });
        let capture = capture.expect("in range");
        // What the worker's thread has used, as of the latest chunk.
        let used = Arc::new(AtomicU64::new(0));
        let told = used.clone();
        let tap = Tap::default().quality(quality);
        capture.each(tap, move |_| told.store(thread_ns(), Ordering::Relaxed)).expect("in range");
        capture.start().expect("it opens");
        let report = capture.wait().expect("it ends");
        assert_eq!(report.stats.ledger.delivered, SECONDS * 48_000);
        used.load(Ordering::Relaxed) as f64 / SECONDS as f64
    }

    /// Nanoseconds of CPU that the callbacks of a second of audio take.
    fn callbacks() -> f64 {
        let mic = Mic::new(FORMAT.rate_hz, FORMAT.channels, FORMAT.sample);
        let input = Input::Cpal(mic.device());
        let capture = Capture::new(Config { input, ..Config::default() }).expect("in range");
        capture.start().expect("it opens");
        let mut bytes = pattern(FORMAT, 0, 480);
        let before = thread_ns();
        (0..100).for_each(|_| mic.callback(&mut bytes, |call| call()));
        (thread_ns() - before) as f64
    }

    /// The same for the resampler alone, on a mono signal that is there already.
    fn bare(quality: Quality) -> f64 {
        let mut resampler = Resampler::new(48_000, 16_000, 1, quality).expect("in range");
        let signal: Vec<f32> = (0..480).map(|frame| (frame as f32 * 0.05).sin()).collect();
        let before = thread_ns();
        for _ in 0..SECONDS * 100 {
            resampler.push(&signal, &mut |samples| {
                black_box(samples);
            });
        }
        (thread_ns() - before) as f64 / SECONDS as f64
    }

    pub fn main() {
        println!(
            "{SECONDS} s of 48 kHz stereo f32 to 16 kHz mono, 160 ms chunks; best of {ROUNDS}, us of CPU per s of audio"
        );
        for quality in Quality::ALL {
            let best = |measure: &dyn Fn() -> f64| (0..ROUNDS).map(|_| measure()).fold(f64::MAX, f64::min);
            let (worker, alone) = (best(&|| worker(quality)), best(&|| bare(quality)));
            let callbacks = best(&callbacks);
            let total = worker + callbacks;
            println!(
                "{quality:<12} worker {:6.1} + callbacks {:5.1} = {:6.1} ({:.0} x real time); the resampler alone {:6.1}: x{:.2}",
                worker / 1e3,
                callbacks / 1e3,
                total / 1e3,
                1e9 / total,
                alone / 1e3,
                total / alone
            );
        }
    }
}

fn main() {
    #[cfg(all(not(loom), target_os = "linux"))]
    bench::main();
    #[cfg(not(target_os = "linux"))]
    println!("pipeline: measured on Linux only");
}

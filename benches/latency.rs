//! From the callback that hands over the last frame a chunk needs to the chunk being visible.
//!
//! What a chunk needs is its own last frame and the resampler's delay behind it; the callback that brings that is the
//! device's business. What comes after is the engine's: the worker's wake-up and its work. On a busy machine it is the
//! scheduler's as well, so threads that do nothing but sleep and wake run beside it. Linux only (device threads have
//! real-time priority where that is granted). With `--gate` it ends red when a number is missed.

#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::support::{Mic, on_device_thread, verdict};
    use hearken::signal::resample::Resampler;
    use hearken::{Capture, Config, Input, Quality, SampleFormat, Tap};
    use std::process::ExitCode;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};
    use std::{env, hint, thread};

    const LENGTH: Duration = Duration::from_secs(20);
    /// Captures side by side, and as many sleepers: for more chunks in less time.
    const CAPTURES: usize = 4;
    const CORES: usize = 2;

    /// The lateness of a capture's chunks, ms.
    fn lateness(period: usize, chunk_ms: u32, length: Duration) -> Vec<f64> {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let input = Input::Cpal(mic.device());
        let capture = Capture::new(Config { input, ..Config::default() }).expect("in range");
        let (visible, seen) = mpsc::channel();
        capture
            .each(Tap::default().chunk_ms(chunk_ms), move |chunk| {
                let _ = visible.send((chunk.position() + u64::from(chunk.frames()), Instant::now()));
            })
            .expect("in range");
        capture.start().expect("it opens");
        let mut handed = Vec::new();
        on_device_thread(|| {
            mic.play_paced(period, length, |position| handed.push((position, Instant::now())))
        });
        capture.stop().expect("it ends");
        let resampler = Resampler::new(48_000, 16_000, 1, Quality::Balanced).expect("in range");
        // The first second is for learning the rhythm; the last chunks are flushed by the stop.
        let last = handed.last().map_or(0, |(position, _)| *position);
        seen.iter()
            .filter_map(|(end, when)| {
                let needed = resampler.input_needed(end);
                if needed < 48_000 || needed > last {
                    return None;
                }
                let index = handed.partition_point(|(position, _)| *position < needed);
                Some(when.saturating_duration_since(handed[index].1).as_secs_f64() * 1e3)
            })
            .collect()
    }

    /// The lateness of a thread that wakes up every `period` and does nothing else, ms.
    fn sleeper(period: Duration, length: Duration) -> Vec<f64> {
        let start = Instant::now();
        let wakes = (1..).map(|wake| start + wake * period);
        wakes
            .take_while(|due| *due - start < length)
            .map(|due| {
                while let Some(ahead) = due.checked_duration_since(Instant::now())
                    && !ahead.is_zero()
                {
                    thread::park_timeout(ahead);
                }
                due.elapsed().as_secs_f64() * 1e3
            })
            .collect()
    }

    /// Chunks' and sleepers' lateness, sorted; with a thread on every core that always wants to run, if `busy`.
    fn row(period: usize, chunk_ms: u32, busy: bool) -> [Vec<f64>; 2] {
        let over = AtomicBool::new(false);
        let spin = || {
            while !over.load(Relaxed) {
                hint::spin_loop();
            }
        };
        let length = if busy { 2 * LENGTH } else { LENGTH };
        thread::scope(|scope| {
            (0..if busy { CORES } else { 0 }).for_each(|_| drop(scope.spawn(spin)));
            let chunk = Duration::from_millis(chunk_ms.into());
            let mut threads: [Vec<_>; 2] = [vec![], vec![]];
            for _ in 0..CAPTURES {
                threads[0].push(scope.spawn(move || lateness(period, chunk_ms, length)));
                threads[1].push(scope.spawn(move || sleeper(chunk, length)));
                // Each in a phase of its own.
                thread::sleep(chunk * 3 / 7);
            }
            let sorted = |threads: Vec<thread::ScopedJoinHandle<'_, Vec<f64>>>| {
                let all = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
                let mut all: Vec<f64> = all.collect();
                all.sort_by(f64::total_cmp);
                all
            };
            let both = threads.map(sorted);
            over.store(true, Relaxed);
            both
        })
    }

    pub fn main() -> ExitCode {
        println!("ms from the return of the callback with the last frame needed to the chunk");
        println!("{CAPTURES} captures for {LENGTH:?} (busy: twice that), and as many bare sleepers");
        let mut met = true;
        for (period, chunk_ms, busy) in
            [(480, 160, false), (1024, 160, false), (480, 20, false), (480, 160, true)]
        {
            let [chunks, sleeps] = row(period, chunk_ms, busy);
            let figures = |times: &[f64]| {
                let at = |quantile: f64| times[((times.len() - 1) as f64 * quantile) as usize];
                (at(0.99), format!("p50 {:.2}  p99 {:.2}  max {:.2}", at(0.5), at(0.99), at(1.0)))
            };
            let ((chunk_p99, chunk_text), (sleep_p99, sleep_text)) = (figures(&chunks), figures(&sleeps));
            println!(
                "callbacks of {period:>4}, chunks of {chunk_ms:>3} ms, {}: {chunk_text}  ({} chunks); sleepers {sleep_text}",
                if busy { "both cores busy" } else { "idle" },
                chunks.len()
            );
            if (period, chunk_ms) == (480, 160) {
                let limit = if busy { sleep_p99 + 1.0 } else { 1.0 };
                met &= verdict("  p99, ms", chunk_p99, limit);
            }
        }
        let gates = env::args().any(|argument| argument == "--gate");
        if met || !gates { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(all(not(loom), target_os = "linux"))]
fn main() -> std::process::ExitCode {
    bench::main()
}

#[cfg(not(all(not(loom), target_os = "linux")))]
fn main() {
    println!("latency: measured on Linux only");
}

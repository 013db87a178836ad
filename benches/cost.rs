//! What one open capture costs beyond the same stream with an empty callback: CPU time and wake-ups.
//!
//! 48 kHz stereo f32 in callbacks of 10 ms, paced by the clock; Linux only (it reads the scheduler's accounts).

#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::support::Mic;
    use hearken::{Capture, Config, Input, SampleFormat, Tap};
    use std::fs;
    use std::time::{Duration, Instant};

    const ROUNDS: usize = 5;
    const LENGTH: Duration = Duration::from_secs(6);

    /// CPU time of all living threads of this process, in nanoseconds, and the part of those named `name`.
    fn cpu_ns(name: &str) -> (u64, u64) {
        let (mut all, mut named) = (0, 0);
        for task in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
            let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let ns = read("schedstat").split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            all += ns;
            named += if read("comm").trim() == name { ns } else { 0 };
        }
        (all, named)
    }

    struct Cost {
        /// Of one core.
        percent: f64,
        worker_percent: f64,
        wakeups_hz: f64,
    }

    fn measure(work: impl FnOnce() -> u64) -> Cost {
        let (before, start) = (cpu_ns("hearken-worker"), Instant::now());
        let wakeups = work();
        let (after, ns) = (cpu_ns("hearken-worker"), start.elapsed().as_nanos() as f64);
        let percent = |after: u64, before: u64| 100.0 * (after - before) as f64 / ns;
        Cost {
            percent: percent(after.0, before.0),
            worker_percent: percent(after.1, before.1),
            wakeups_hz: wakeups as f64 * 1e9 / ns,
        }
    }

    fn empty() -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let _stream = mic.open_empty();
        measure(|| {
            mic.play_paced(480, LENGTH, |_| {});
            0
        })
    }

    fn engine(tap: Tap, watched: bool) -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let input = Input::Cpal(mic.device());
        let capture = Capture::new(Config { input, ..Config::default() }).expect("in range");
        capture.each(tap, |_| {}).expect("in range");
        capture.start().expect("it opens");
        // The opening is not what an open capture costs.
        mic.play_paced(480, Duration::from_millis(500), |_| {});
        let before = capture.stats().wakeups;
        let mut callbacks = 0_u32;
        let cost = measure(|| {
            mic.play_paced(480, LENGTH, |_| {
                callbacks += 1;
                if watched && callbacks.is_multiple_of(3) {
                    capture.picture();
                }
            });
            capture.stats().wakeups - before
        });
        let report = capture.stop().expect("it ends");
        assert_eq!(report.stats.ledger.dropped, 0);
        cost
    }

    /// A thread that only sleeps and wakes so often, for what the wake-ups alone cost here.
    fn bare(wakeups_hz: f64) -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let _stream = mic.open_empty();
        let over = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sleeper = || {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    std::thread::park_timeout(Duration::from_secs_f64(1.0 / wakeups_hz));
                }
            };
            std::thread::Builder::new()
                .name("hearken-worker".into())
                .spawn_scoped(scope, sleeper)
                .expect("starts");
            let cost = measure(|| {
                mic.play_paced(480, LENGTH, |_| {});
                0
            });
            over.store(true, std::sync::atomic::Ordering::Relaxed);
            cost
        })
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    pub fn main() {
        let taps = [
            ("160 ms chunks", Tap::default(), false),
            ("160 ms chunks and 30 pictures/s", Tap::default(), true),
            ("every 480-frame block", Tap::new().device_rate().chunk_ms(10), false),
        ];
        println!(
            "one capture, 48 kHz stereo f32, 10 ms callbacks; medians of {ROUNDS} rounds of {LENGTH:?}, % of a core"
        );
        for (name, tap, watched) in taps {
            let (mut beyond, mut worker, mut wakeups, mut sleeper) = (vec![], vec![], vec![], vec![]);
            for _ in 0..ROUNDS {
                let (with, without) = (engine(tap.clone(), watched), empty());
                beyond.push(with.percent - without.percent);
                worker.push(with.worker_percent);
                wakeups.push(with.wakeups_hz);
                sleeper.push(bare(with.wakeups_hz).worker_percent);
            }
            println!(
                "{name:<34} {:.3} % beyond an empty callback (worker {:.3} %, a bare sleeper {:.3} %), {:.1} wake-ups/s",
                median(beyond),
                median(worker),
                median(sleeper),
                median(wakeups)
            );
        }
    }
}

fn main() {
    #[cfg(all(not(loom), target_os = "linux"))]
    bench::main();
    #[cfg(not(target_os = "linux"))]
    println!("cost: measured on Linux only");
}

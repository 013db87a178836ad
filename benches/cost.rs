//! What one open capture costs beyond the same stream with an empty callback: CPU time and wake-ups.
//!
//! 48 kHz stereo f32 in callbacks of 10 ms, paced by the clock; Linux only (it reads the scheduler's accounts). With
//! `--gate` it ends red when a number is missed; percents are this machine's, so that is not the default. `--only=WORD`
//! takes the cases whose names contain it.

#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::support::{Mic, on_device_thread, random, verdict};
    use hearken::{Capture, Channels, Config, Input, SampleFormat, Tap};
    use std::process::ExitCode;
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::{Duration, Instant};
    use std::{env, fs, thread};

    const ROUNDS: usize = 5;
    const LENGTH: Duration = Duration::from_secs(5);

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

    /// Plays to `mic` from a device's thread, telling `after` of each callback; what that cost. The opening is not what
    /// an open capture costs, so the first half second is left out.
    fn measure(
        mic: &Mic,
        rhythm: Rhythm,
        mut after: impl FnMut() + Send,
        wakeups: impl Fn() -> u64 + Send,
    ) -> Cost {
        on_device_thread(move || {
            let mut state = 7;
            // What is left of a callback that comes in two.
            let mut rest = 0;
            let mut next = || {
                let late = match rhythm {
                    Rhythm::Even => return (480, Duration::ZERO),
                    Rhythm::Uneven => -0.001_5 * random(&mut state).max(1e-4).ln(),
                };
                let splits = rest == 0 && random(&mut state) < 0.5;
                let frames = match rest {
                    0 if splits => 1 + (479.0 * random(&mut state)) as usize,
                    0 => 480,
                    rest => rest,
                };
                rest = if splits { 480 - frames } else { 0 };
                (frames, Duration::from_secs_f64(late))
            };
            mic.play_unevenly(&mut next, Duration::from_millis(500), |_| {});
            let (before, woken, start) = (cpu_ns("hearken-worker"), wakeups(), Instant::now());
            mic.play_unevenly(&mut next, LENGTH, |_| after());
            let (after, ns) = (cpu_ns("hearken-worker"), start.elapsed().as_nanos() as f64);
            let percent = |after: u64, before: u64| 100.0 * (after - before) as f64 / ns;
            Cost {
                percent: percent(after.0, before.0),
                worker_percent: percent(after.1, before.1),
                wakeups_hz: (wakeups() - woken) as f64 * 1e9 / ns,
            }
        })
    }

    /// How the device's callbacks come.
    #[derive(Clone, Copy)]
    enum Rhythm {
        /// 480 frames every 10 ms.
        Even,
        /// Half of them in two pieces of random sizes, and late by 1.5 ms on average, exponentially.
        Uneven,
    }

    fn empty(rhythm: Rhythm) -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let _stream = mic.open_empty();
        measure(&mic, rhythm, || {}, || 0)
    }

    fn engine(case: &Case) -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let input = Input::Cpal(mic.device());
        let capture = Capture::new(Config { input, ..Config::default() }).expect("in range");
        for tap in &case.taps {
            capture.each(tap.clone(), |_| {}).expect("in range");
        }
        capture.start().expect("it opens");
        let mut callbacks = 0_u32;
        let look = || {
            callbacks += 1;
            if case.watched && callbacks.is_multiple_of(3) {
                capture.picture();
            }
        };
        let cost = measure(&mic, case.rhythm, look, || capture.stats().wakeups);
        let report = capture.stop().expect("it ends");
        assert_eq!(report.stats.ledger.dropped, 0);
        cost
    }

    /// A thread that only sleeps and wakes so often, for what the wake-ups alone cost here.
    fn bare(wakeups_hz: f64, rhythm: Rhythm) -> Cost {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let _stream = mic.open_empty();
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            let sleeper = || {
                while !over.load(Relaxed) {
                    thread::park_timeout(Duration::from_secs_f64(1.0 / wakeups_hz));
                }
            };
            thread::Builder::new()
                .name("hearken-worker".into())
                .spawn_scoped(scope, sleeper)
                .expect("starts");
            let cost = measure(&mic, rhythm, || {}, || 0);
            over.store(true, Relaxed);
            cost
        })
    }

    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// What is measured, and what it may cost at most.
    struct Case {
        name: &'static str,
        taps: Vec<Tap>,
        /// Whether somebody asks for the picture, 30 times a second.
        watched: bool,
        rhythm: Rhythm,
        most_percent: Option<f64>,
        most_wakeups_hz: Option<f64>,
        /// Beyond one and a half times a bare sleeper.
        most_beside_bare: Option<f64>,
    }

    pub fn main() -> ExitCode {
        let chunks = Case {
            name: "160 ms chunks",
            taps: vec![Tap::default()],
            watched: false,
            rhythm: Rhythm::Even,
            most_percent: Some(0.12),
            most_wakeups_hz: Some(8.0),
            most_beside_bare: Some(0.04),
        };
        let pictures = Case {
            name: "160 ms chunks and 30 pictures/s",
            taps: vec![Tap::default()],
            watched: true,
            most_percent: Some(0.25),
            most_wakeups_hz: None,
            ..chunks
        };
        let blocks = Case {
            name: "every 480-frame block",
            taps: vec![Tap::new().device_rate().chunk_ms(10)],
            most_percent: Some(0.55),
            most_wakeups_hz: None,
            ..chunks
        };
        let uneven = Case {
            name: "160 ms chunks, irregular device",
            taps: vec![Tap::default()],
            rhythm: Rhythm::Uneven,
            most_percent: None,
            most_beside_bare: None,
            most_wakeups_hz: Some(25.0),
            ..chunks
        };
        let rates = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100];
        let mut taps: Vec<Tap> = rates.map(|rate| Tap::new().rate_hz(rate)).into();
        taps.push(Tap::new().device_rate().channels(Channels::All));
        let eight = Case {
            name: "eight taps of as many rates",
            taps,
            most_percent: Some(1.5),
            most_wakeups_hz: None,
            most_beside_bare: None,
            ..chunks
        };
        println!(
            "one capture, 48 kHz stereo f32, 10 ms callbacks; medians of {ROUNDS} rounds of {LENGTH:?}, % of a core"
        );
        let mut met = true;
        let only = env::args().find_map(|argument| argument.strip_prefix("--only=").map(str::to_owned));
        let is_wanted = |case: &Case| only.as_ref().is_none_or(|only| case.name.contains(only));
        for case in [chunks, pictures, blocks, uneven, eight].into_iter().filter(is_wanted) {
            let mut rounds = Vec::new();
            for _ in 0..ROUNDS {
                let (with, without) = (engine(&case), empty(case.rhythm));
                let sleeper = bare(with.wakeups_hz, case.rhythm);
                rounds.push([
                    with.percent - without.percent,
                    with.worker_percent,
                    sleeper.worker_percent,
                    with.wakeups_hz,
                ]);
            }
            let [beyond, worker, sleeper, wakeups] =
                std::array::from_fn(|figure| median(rounds.iter().map(|round| round[figure]).collect()));
            println!(
                "{}: {beyond:.3} % beyond an empty callback (worker {worker:.3} %, a bare sleeper {sleeper:.3} %), {wakeups:.1} wake-ups/s",
                case.name
            );
            if let Some(most) = case.most_percent {
                met &= verdict("  % of a core", beyond, most);
            }
            if let Some(most) = case.most_beside_bare {
                met &= verdict("  beside x1.5 of a bare sleeper and 0.04", beyond, 1.5 * sleeper + most);
            }
            if let Some(most) = case.most_wakeups_hz {
                met &= verdict("  wake-ups per second", wakeups, most);
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
    println!("cost: measured on Linux only");
}

//! How quickly a take begins and ends: warm, with a device of 10 ms periods that plays at the pace of a clock, and cold,
//! with one that opens at once, so that what is measured is the engine's own share. With `--gate` it ends red when a
//! number is missed.

#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::support::{Mic, bare_tap, on_device_thread, verdict};
    use hearken::{Capture, Config, Input, SampleFormat, TakePlan};
    use std::process::ExitCode;
    use std::sync::mpsc;
    use std::time::{Duration, Instant};
    use std::{env, thread};

    const TAKES: usize = 40;

    fn capture(mic: &Mic, history: Duration) -> Capture {
        let input = Input::Cpal(mic.device());
        Capture::new(Config { input, history, ..Config::default() }).expect("in range")
    }

    fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
        values.sort_by(f64::total_cmp);
        values[((values.len() - 1) as f64 * part) as usize]
    }

    /// From asking for a take to its first chunk, and from asking for its end to its account, in ms. `pre_roll` is there
    /// already; without it a chunk of 10 ms takes its own time.
    fn warm(pre_roll: Duration) -> (Vec<f64>, Vec<f64>) {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let capture = capture(&mic, pre_roll);
        capture.start().expect("it opens");
        thread::scope(|scope| {
            let length = Duration::from_millis(2_000 + 150 * TAKES as u64);
            let device = &mic;
            let device = scope.spawn(move || on_device_thread(|| device.play_paced(480, length, |_| {})));
            thread::sleep(Duration::from_millis(1_500));
            let (mut starts, mut ends) = (Vec::new(), Vec::new());
            for round in 0..TAKES {
                // At every phase of the period.
                thread::sleep(Duration::from_micros(40_000 + 257 * round as u64));
                let mut plan = TakePlan::new(pre_roll);
                let (first, heard) = mpsc::sync_channel(1);
                plan.each(bare_tap().chunk_ms(10), move |_| _ = first.try_send(Instant::now()))
                    .expect("in range");
                let asked = Instant::now();
                let take = capture.take(plan).expect("the device is open");
                let at = heard.recv_timeout(Duration::from_secs(1)).expect("a chunk");
                starts.push(at.saturating_duration_since(asked).as_secs_f64() * 1e3);
                thread::sleep(Duration::from_millis(20));
                let asked = Instant::now();
                take.finish().expect("an account");
                ends.push(asked.elapsed().as_secs_f64() * 1e3);
            }
            device.join().expect("no panic");
            (starts, ends)
        })
    }

    /// How long a take waits for a device that opens at once, in ms.
    fn cold() -> Vec<f64> {
        let mic = Mic::new(48_000, 2, SampleFormat::F32);
        let capture = capture(&mic, Duration::ZERO);
        let open = |_| {
            let asked = Instant::now();
            let take = capture.take(TakePlan::default()).expect("it opens");
            let ms = asked.elapsed().as_secs_f64() * 1e3;
            take.cancel();
            thread::sleep(Duration::from_millis(20));
            ms
        };
        (0..TAKES).map(open).collect()
    }

    pub fn main() -> ExitCode {
        let mut met = true;
        let (with_pre_roll, _) = warm(Duration::from_millis(300));
        let (without, ends) = warm(Duration::ZERO);
        let opens = cold();
        let median = |values: &[f64]| percentile(values.to_vec(), 0.5);
        println!("medians of {TAKES} takes, ms; p95 in brackets");
        for (name, values) in
            [("pre-roll", &with_pre_roll), ("no pre-roll", &without), ("end", &ends), ("cold", &opens)]
        {
            println!("  {name}: {:.2} ({:.2})", median(values), percentile(values.clone(), 0.95));
        }
        met &= verdict(
            "warm start to the first chunk, of what is there: one period",
            median(&with_pre_roll),
            10.0,
        );
        met &= verdict(
            "warm start to a first chunk of 10 ms: its length and one period",
            median(&without),
            20.0,
        );
        met &= verdict("an end: a period, an age of 10 ms, 50 ms", percentile(ends, 0.95), 70.0);
        met &= verdict("the engine's share of a cold open", median(&opens), 5.0);
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
    println!("takes: measured on Linux only");
}

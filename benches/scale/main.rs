//! Many captures at once: what each costs, and how late its chunks are, against their number.
//!
//! 48 kHz stereo f32 in callbacks of 10 ms to 16 kHz mono in 160 ms chunks by closure, every capture with a clock of its
//! own. Each cell is a process of its own, so that its memory is its own. `--quick`: 1, 16 and 64 captures, no stalls;
//! `--svg`: draw `benches/scale.svg` anew. Ends red when a number is missed that the engine promises; Linux only.

#[cfg(all(not(loom), target_os = "linux"))]
mod cell;
#[cfg(all(not(loom), target_os = "linux"))]
mod plot;
#[cfg(all(not(loom), target_os = "linux"))]
#[path = "../../tests/support/mod.rs"]
mod support;

#[cfg(all(not(loom), target_os = "linux"))]
mod bench {
    use crate::cell::{POOL, WINDOW, cell, pool_kib};
    use crate::plot::draw;
    use crate::support::verdict;
    use std::env;
    use std::process::{Command, ExitCode};
    use std::time::Duration;

    pub const COUNTS: [usize; 5] = [1, 16, 64, 256, 512];
    const ROUNDS: usize = 3;
    const STALL: Duration = Duration::from_secs(1);

    /// [`cell`] in a process of its own.
    fn child(count: usize, stall: Duration) -> Vec<f64> {
        let program = env::current_exe().expect("we run");
        let arguments = ["--cell".into(), count.to_string(), stall.as_millis().to_string()];
        let output = Command::new(program).args(arguments).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("numbers");
        text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
    }

    /// The medians of some rounds' cells.
    #[derive(Debug)]
    pub struct Row {
        pub count: usize,
        pub worker: f64,
        pub callback: f64,
        wakeups_hz: f64,
        kib: f64,
        /// p50, p99, p99.9, max.
        pub late_ms: [f64; 4],
        dropped: f64,
    }

    impl Row {
        fn new(count: usize, rounds: &[Vec<f64>]) -> Self {
            let median = |figure: usize| {
                let mut values: Vec<f64> = rounds.iter().map(|round| round[figure]).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            Self {
                count,
                worker: median(0),
                callback: median(1),
                wakeups_hz: median(2),
                kib: median(3),
                late_ms: std::array::from_fn(|quantile| median(5 + quantile)),
                dropped: rounds.iter().map(|round| round[9]).sum(),
            }
        }

        pub fn cost(&self) -> f64 {
            self.worker + self.callback
        }
    }

    pub fn main() -> ExitCode {
        let arguments: Vec<String> = env::args().skip(1).collect();
        if let [flag, count, stall] = &arguments[..]
            && flag == "--cell"
        {
            let stall = Duration::from_millis(stall.parse().expect("milliseconds"));
            let figures = cell(count.parse().expect("a number"), stall);
            println!("{}", figures.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
            return ExitCode::SUCCESS;
        }
        let asked = |flag: &str| arguments.iter().any(|argument| argument == flag);
        let counts = if asked("--quick") { &COUNTS[..3] } else { &COUNTS[..] };
        let mut cells = vec![Vec::new(); counts.len()];
        for _ in 0..ROUNDS {
            counts
                .iter()
                .zip(&mut cells)
                .for_each(|(count, cells)| cells.push(child(*count, Duration::ZERO)));
        }
        let real_time = cells.iter().flatten().all(|cell| cell[4] == 1.0);
        let rows: Vec<Row> =
            counts.iter().zip(&cells).map(|(count, cells)| Row::new(*count, cells)).collect();
        println!(
            "48 kHz stereo f32 to 16 kHz mono, 160 ms chunks; per capture, medians of {ROUNDS} rounds of {WINDOW:?}; \
             the pool takes {:.0} KiB; devices paced at {} priority",
            pool_kib(),
            if real_time { "real-time" } else { "NORMAL (real-time was refused)" }
        );
        println!(
            "captures  worker + callback, % of a core  wake-ups/s  KiB  late ms p50   p99 p99.9   max  dropped"
        );
        for row in &rows {
            let [p50, p99, p999, max] = row.late_ms;
            println!(
                "{:>8}  {:>6.4} + {:.4} = {:<14.4} {:>10.2} {:>5.0} {p50:>11.2} {p99:>5.2} {p999:>5.2} {max:>5.2} {:>8}",
                row.count,
                row.worker,
                row.callback,
                row.cost(),
                row.wakeups_hz,
                row.kib,
                row.dropped
            );
        }
        let mut met = verdict("dropped frames, all rows", rows.iter().map(|row| row.dropped).sum(), 0.0);
        let row = |count: usize| rows.iter().find(|row| row.count == count);
        if let (Some(few), Some(many), Some(most)) = (row(64), row(256), row(512)) {
            met &= verdict("256 captures, % of a core each, callback included", many.cost(), 0.1);
            met &= verdict("256 captures, KiB each", many.kib, pool_kib() + 128.0);
            println!("aims, which end nothing red:");
            verdict("cost of each of 512, beside 64", most.cost() / few.cost(), 1.2);
            verdict(
                "p99 lateness of 512, ms, beside 64 twice over",
                most.late_ms[1],
                2.0 * few.late_ms[1] + 0.5,
            );
            println!("256 captures, every worker held by its closure, pools of {POOL:?}:");
            let (held, overheld) = (child(256, STALL), child(256, POOL + STALL));
            println!("held for {STALL:?}: caught up {:.0} ms after the release", held[10]);
            met &= verdict("dropped frames", held[9], 0.0);
            // The check can fail: no pool is endless.
            println!(
                "held for {:?}: {:.0} frames of each dropped and counted",
                POOL + STALL,
                overheld[9] / 256.0
            );
            met &= overheld[9] > 0.0;
            if asked("--svg") {
                draw(&rows);
            }
        }
        if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(all(not(loom), target_os = "linux"))]
fn main() -> std::process::ExitCode {
    bench::main()
}

#[cfg(not(all(not(loom), target_os = "linux")))]
fn main() {
    println!("scale: measured on Linux only");
}

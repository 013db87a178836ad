//! From the callback that hands over the last frame a chunk needs to the chunk being visible.
//!
//! What a chunk needs is its own last frame and the resampler's delay behind it; the callback that brings that is the
//! device's business. What comes after is the engine's: the worker's wake-up and its work.

#[cfg(not(loom))]
#[path = "../tests/support/mod.rs"]
mod support;

#[cfg(not(loom))]
mod bench {
    use crate::support::Mic;
    use hearken::signal::resample::Resampler;
    use hearken::{Capture, Config, Input, Quality, SampleFormat, Tap};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    const LENGTH: Duration = Duration::from_secs(40);

    fn lateness(period: usize, chunk_ms: u32) -> Vec<f64> {
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
        mic.play_paced(period, LENGTH, |position| handed.push((position, Instant::now())));
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

    pub fn main() {
        println!(
            "ms from the return of the callback with the last frame needed to the chunk, {LENGTH:?} each"
        );
        for (period, chunk_ms) in [(480, 160), (1024, 160), (480, 20)] {
            let mut times = lateness(period, chunk_ms);
            times.sort_by(f64::total_cmp);
            let at = |quantile: f64| times[((times.len() - 1) as f64 * quantile) as usize];
            println!(
                "callbacks of {period:>4}, chunks of {chunk_ms:>3} ms: p50 {:.2}  p99 {:.2}  max {:.2}  ({} chunks)",
                at(0.5),
                at(0.99),
                at(1.0),
                times.len()
            );
        }
    }
}

fn main() {
    #[cfg(not(loom))]
    bench::main();
}

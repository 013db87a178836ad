//! What a voice detector costs, gate included: CPU time for a second of audio, in blocks of 10 ms.
//!
//! Ends red where a detector that is made for an always open microphone takes more than 0.1 % of a core, and where
//! any does while nothing stands out.

#[cfg(not(loom))]
mod bench {
    use hearken::{Detector, Voice};
    use std::hint::black_box;
    use std::process::ExitCode;
    use std::time::Instant;

    const SECONDS: usize = 20;
    const ROUNDS: usize = 9;
    const RATE_HZ: usize = 16_000;

    /// Noise whose loudness `swings` four times a second, so that segments begin and end and a network never rests; or
    /// that is always there.
    fn noise(swings: bool) -> Vec<f32> {
        let mut seed = 1_u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let swing = |at: usize| (at as f32 * 8.0 * std::f32::consts::PI / RATE_HZ as f32).sin().max(0.01);
        let peak = |at: usize| if swings { 0.1 * swing(at) } else { 0.01 };
        (0..SECONDS * RATE_HZ).map(|at| peak(at) * noise()).collect()
    }

    pub fn main() -> ExitCode {
        println!("{SECONDS} s of 16 kHz, best of {ROUNDS}");
        let mut too_slow = false;
        let signals = [("as speech", noise(true)), ("steady", noise(false))];
        for (&detector, (name, signal)) in
            Detector::ALL.iter().flat_map(|one| signals.iter().map(move |s| (one, s)))
        {
            let mut gate = Voice::new().detector(detector).gate().expect("in range");
            let mut round = || {
                let begun = Instant::now();
                for (block, samples) in signal.chunks(RATE_HZ / 100).enumerate() {
                    gate.push(samples, (block * RATE_HZ / 100) as u64, &mut |event| {
                        black_box(event);
                    });
                }
                gate.finish(&mut |_| ());
                begun.elapsed().as_secs_f64() / SECONDS as f64
            };
            let best = (0..ROUNDS).map(|_| round()).fold(f64::MAX, f64::min);
            println!(
                "{:8} {name:9} {:7.1} us per second of audio: {:6.0} x real time, {:.4} % of a core",
                detector.name(),
                1e6 * best,
                1.0 / best,
                100.0 * best
            );
            too_slow |= (detector.name() != "silero" || *name == "steady") && best > 0.001;
        }
        if too_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    bench::main()
}

#[cfg(loom)]
fn main() {}

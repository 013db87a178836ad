//! What it costs to look: the worker's share for pictures and verdicts, and the reader's for a picture and its bytes.
//!
//! 48 kHz stereo in blocks of 1,024 frames, 30 pictures and 60 reads a second. Ends red when a goal is missed: the goals
//! are many times what it takes, so they hold on a slow and busy machine.

#[cfg(not(loom))]
mod bench {
    use hearken::signal::painter::Painter;
    use hearken::signal::sound_check::SoundCheck;
    use hearken::{Picture, SoundVerdict};
    use std::hint::black_box;
    use std::process::ExitCode;
    use std::time::Instant;

    const RATE_HZ: u32 = 48_000;
    const BLOCK: usize = 1_024;
    const SECONDS: usize = 20;
    const ROUNDS: usize = 7;

    /// Twenty seconds of something that is neither silent nor clipped.
    fn speech_like() -> Vec<f32> {
        let sample = |i: usize| {
            let (frame, channel) = ((i / 2) as f32, (i % 2) as f32);
            (frame * 0.031).sin() * (frame * 0.000_37).sin() * (0.6 - 0.1 * channel)
        };
        (0..2 * SECONDS * RATE_HZ as usize).map(sample).collect()
    }

    /// Microseconds for each second of audio, best of a few rounds.
    fn best(mut work: impl FnMut()) -> f64 {
        let mut once = || {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6 / SECONDS as f64
        };
        (0..ROUNDS).map(|_| once()).fold(f64::MAX, f64::min)
    }

    fn paint(audio: &[f32]) -> u64 {
        let (mut painter, mut picture) = (Painter::new(RATE_HZ, 2), Picture::default());
        for (block, samples) in audio.chunks(2 * BLOCK).enumerate() {
            painter.add(samples, (block * BLOCK) as u64);
            if painter.due(&SoundVerdict::Ok) {
                painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
            }
        }
        picture.sequence
    }

    fn check(audio: &[f32]) {
        let mut check = SoundCheck::new(RATE_HZ, 2);
        for samples in audio.chunks(2 * BLOCK) {
            check.audio(samples);
            black_box(check.live());
        }
    }

    pub fn main() -> ExitCode {
        let audio = speech_like();
        let clipped: Vec<f32> = audio.iter().map(|x| if *x > 0.0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(paint(&audio) as usize, SECONDS * 30, "30 a second");
        let reads = || {
            let mut seen = Picture::default();
            for read in 0..SECONDS * 60 {
                seen.sequence = read as u64;
                black_box(black_box(&seen).to_bytes());
            }
        };
        println!("{SECONDS} s of {RATE_HZ} Hz stereo, best of {ROUNDS}; us of CPU per s of audio");
        let rows = [
            ("pictures, 30/s", best(|| assert!(paint(&audio) > 0)), 1_000.0),
            ("pictures of clipped audio", best(|| assert!(paint(&clipped) > 0)), 1_000.0),
            ("verdicts", best(|| check(&audio)), 300.0),
            ("verdicts on clipped audio", best(|| check(&clipped)), 300.0),
            ("60 pictures to bytes", best(reads), 1_000.0),
        ];
        let mut met = true;
        for (what, us, goal) in rows {
            println!("{what:<26} {us:7.1} us/s = {:.4} % of a core; goal {goal:.0}", us / 1e4);
            met &= us <= goal;
        }
        let first = best(|| {
            for _ in 0..SECONDS {
                let mut painter = Painter::new(RATE_HZ, 2);
                painter.add(black_box(&[0.0; 2]), 0);
            }
        });
        println!("{:<26} {first:7.1} us, once", "the first look");
        if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(not(loom))]
fn main() -> std::process::ExitCode {
    bench::main()
}

#[cfg(loom)]
fn main() {}

//! Made signals: nothing recorded, nothing random from one run to the next.

use std::f64::consts::TAU;

/// White noise over the whole range of i16, `samples` long, without a zero at either end: its place in a
/// recording shows.
pub fn white_noise(samples: usize, seed: u64) -> Vec<i16> {
    // Marsaglia's xorshift64 with the triple (13, 7, 17).
    let mut state = seed | 1;
    let mut noise: Vec<i16> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 48) as u16 as i16
    })
    .take(samples)
    .collect();
    // The first and last 32 samples cover the frames of any channel count at hand.
    for index in (0..samples.min(32)).chain(samples.saturating_sub(32)..samples) {
        noise[index] |= 1;
    }
    noise
}

/// The sum of tones from 0.1 to 6.95 kHz, within `-0.5..=0.5`: all of speech's band and nothing above it.
/// They are in no harmony, so the sum does not repeat and its place in a recording is unique: the square sees to
/// it, without which all of them were in step again after a second.
pub fn tones(frames: usize, rate: u32) -> Vec<f64> {
    const TONES: u32 = 69;
    let tone = |n: u32, t: f64| {
        let n = f64::from(n);
        let frequency = 100.0 * n + 47.0 * (n * n * 0.618_033_988_75).fract();
        // Schroeder's phases keep the peak of such a sum low.
        let phase = -0.5 * TAU * n * n / f64::from(TONES);
        (TAU * frequency * t + phase).sin()
    };
    let sum = |frame: usize| {
        let t = frame as f64 / f64::from(rate);
        (1..=TONES).map(|n| tone(n, t)).sum::<f64>() / f64::from(2 * TONES)
    };
    (0..frames).map(sum).collect()
}

/// Rounds to i16, so that the peak becomes half of full scale.
pub fn to_i16(signal: &[f64]) -> Vec<i16> {
    let peak = signal.iter().fold(f64::MIN_POSITIVE, |peak, value| peak.max(value.abs()));
    signal.iter().map(|value| (value / peak * 16_384.0).round() as i16).collect()
}

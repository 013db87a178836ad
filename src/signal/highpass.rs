//! Takes the rumble away below speech.

use crate::error::Error;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Below this magnitude a filter's memory is nothing: far under the last bit of an f32 sample, and far above the numbers
/// on which processors are slow.
const NOTHING: f64 = 1e-30;

/// A Butterworth high-pass of second order: -3.01 dB at its corner, 12 dB per octave below.
///
/// A biquad by the bilinear transform, pre-warped so that the corner is exact: R. Bristow-Johnson, "Cookbook formulae for
/// audio EQ biquad filter coefficients", HPF with Q = 1/sqrt(2). In f64, because at high rates the poles lie so close to
/// 1 that f32 would hum; transposed direct form II.
#[derive(Clone, Debug)]
pub struct HighPass {
    b0: f64,
    b1: f64,
    a1: f64,
    a2: f64,
    /// Two words for each channel.
    memory: Vec<[f64; 2]>,
}

impl HighPass {
    /// For `channels` interleaved channels at `rate_hz`, the corner at `corner_hz`.
    ///
    /// # Errors
    /// `BadArgument` when the corner does not lie between 0 and half of the rate.
    pub fn new(rate_hz: u32, corner_hz: u32, channels: usize) -> Result<Self, Error> {
        if corner_hz == 0 || u64::from(corner_hz) * 2 >= u64::from(rate_hz) {
            return Err(Error::bad_argument(format!(
                "a high-pass at {corner_hz} Hz, where the device's rate is {rate_hz} Hz: between 0 and half of that"
            )));
        }
        let (sin, cos) = (2.0 * PI * f64::from(corner_hz) / f64::from(rate_hz)).sin_cos();
        let alpha = sin * FRAC_1_SQRT_2;
        let a0 = 1.0 + alpha;
        Ok(Self {
            b0: (1.0 + cos) / 2.0 / a0,
            b1: -(1.0 + cos) / a0,
            a1: -2.0 * cos / a0,
            a2: (1.0 - alpha) / a0,
            memory: vec![[0.0; 2]; channels],
        })
    }

    /// Filters whole frames in place. Never allocates.
    pub fn process(&mut self, interleaved: &mut [f32]) {
        let Self { b0, b1, a1, a2, .. } = *self;
        let channels = self.memory.len();
        for (channel, memory) in self.memory.iter_mut().enumerate() {
            let [mut first, mut second] = *memory;
            for sample in interleaved.iter_mut().skip(channel).step_by(channels) {
                let x = f64::from(*sample);
                let y = b0 * x + first;
                first = b1 * x - a1 * y + second;
                // b2 is b0.
                second = b0 * x - a2 * y;
                *sample = y as f32;
            }
            *memory = [first, second].map(|word| if word.abs() < NOTHING { 0.0 } else { word });
        }
    }

    /// Forgets the past: what comes next does not follow on it.
    pub fn reset(&mut self) {
        self.memory.fill([0.0; 2]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gain in dB at `hz`, by the RMS of a sine that has settled.
    fn gain_db(rate_hz: u32, hz: f64) -> f64 {
        let mut filter = HighPass::new(rate_hz, 80, 2).unwrap();
        let rate = f64::from(rate_hz);
        // The second second, which holds whole periods of each of the tests' tones.
        let wave = |i: u32| (2.0 * PI * hz * f64::from(i) / rate).sin() as f32;
        let mut both: Vec<f32> = (0..2 * rate_hz).flat_map(|i| [wave(i), 0.0]).collect();
        both.chunks_mut(2 * 997).for_each(|piece| filter.process(piece));
        let (left, right): (Vec<f64>, Vec<f64>) = both
            .chunks(2)
            .skip(rate_hz as usize)
            .map(|frame| (f64::from(frame[0]), f64::from(frame[1])))
            .unzip();
        assert!(right.iter().all(|&x| x == 0.0), "channels do not mix");
        10.0 * (left.iter().map(|x| x * x).sum::<f64>() / rate * 2.0).log10()
    }

    #[test]
    fn it_is_3_db_down_at_80_hz_flat_at_300_and_falls_12_db_per_octave() {
        for rate_hz in [8_000, 16_000, 44_100, 48_000, 192_000] {
            let [far, low, lower, corner, speech] =
                [10.0, 20.0, 40.0, 80.0, 300.0].map(|hz| gain_db(rate_hz, hz));
            println!(
                "{rate_hz} Hz: 10 {far:.3}, 20 {low:.3}, 40 {lower:.3}, 80 {corner:.4}, 300 {speech:.4} dB"
            );
            assert!((corner + 3.0103).abs() < 0.01 && speech.abs() < 0.05, "{corner} {speech}");
            assert!(
                (low - far - 12.04).abs() < 0.1 && (lower - low - 11.8).abs() < 0.3,
                "{far} {low} {lower}"
            );
            // By the slope there, the corner lies within 0.1 Hz.
            let db_per_hz = gain_db(rate_hz, 81.0) - corner;
            assert!((corner + 3.0103).abs() / db_per_hz < 0.1);
        }
    }

    #[test]
    fn an_offset_goes_and_silence_becomes_exact_in_time() {
        let mut filter = HighPass::new(48_000, 80, 1).unwrap();
        let mut offset = vec![0.5; 48_000];
        filter.process(&mut offset);
        assert!(offset[47_000..].iter().all(|x| x.abs() < 1e-6));
        // No number ever becomes so small that a processor is slow on it.
        for _ in 0..200 {
            let mut silence = [0.0; 480];
            filter.process(&mut silence);
            assert!(filter.memory[0].iter().all(|word| *word == 0.0 || word.is_normal()));
        }
        assert_eq!(filter.memory[0], [0.0; 2]);
    }

    #[test]
    fn behind_a_reset_it_is_as_new() {
        let mut new = HighPass::new(16_000, 80, 2).unwrap();
        let mut used = new.clone();
        used.process(&mut [0.9; 64]);
        used.reset();
        let (mut one, mut other) = ([0.25; 64], [0.25; 64]);
        used.process(&mut one);
        new.process(&mut other);
        assert_eq!(one, other);
    }

    #[test]
    fn a_corner_out_of_range_is_a_bad_argument() {
        for (rate_hz, corner_hz) in [(16_000, 0), (16_000, 8_000), (160, 80), (1, u32::MAX)] {
            let error = HighPass::new(rate_hz, corner_hz, 1).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::BadArgument);
        }
    }
}

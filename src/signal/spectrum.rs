//! How loud each band of frequencies is: a Hann window, a real Fourier transform, bands of equal ratio.

use super::level::dbfs;
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use std::f64::consts::TAU;
use std::fmt;
use std::sync::Arc;

/// Bands of a spectrum, spaced evenly on a logarithmic axis.
pub const BANDS: usize = 64;
/// The lowest band's lower edge.
const LOWEST_HZ: f64 = 20.0;
/// The highest band's upper edge, or half of the rate where that is lower.
const HIGHEST_HZ: f64 = 20_000.0;
/// The window at 48 kHz: 43 ms, bins of 23.4 Hz. At other rates the power of two that is no shorter.
const WINDOW_AT_48_KHZ: u64 = 2048;

/// The upper edge of the highest band at `rate_hz`.
pub fn top_hz(rate_hz: u32) -> f32 {
    // A rate of some Hz has no bands to speak of, but its edges still rise.
    (f64::from(rate_hz) / 2.0).clamp(2.0 * LOWEST_HZ, HIGHEST_HZ) as f32
}

/// The newest audio, all channels averaged, ready to be looked at.
///
/// A band reads the loudest sine in it: 0 dBFS for one of full scale (its RMS level would read -3). What a Hann window
/// loses between two bins, up to 1.42 dB, comes back by summing the power of three neighbours, where a sine has all of its
/// own to within 0.09 dB wherever it lies. True from four bins (94 Hz at 48 kHz) on; below that a sine overlaps its own
/// mirror image, and bands are narrower than bins and share them. A constant offset is taken off.
pub(super) struct Spectrum {
    channels: usize,
    transform: Arc<dyn RealToComplex<f32>>,
    /// Hann's, scaled so that a full-scale sine has power 1 over three bins.
    window: Vec<f32>,
    /// The window's sum.
    weight: f32,
    /// The newest samples, as a ring.
    newest: Vec<f32>,
    /// Where the next sample goes, and the oldest lies.
    at: usize,
    windowed: Vec<f32>,
    bins: Vec<Complex32>,
    scratch: Vec<Complex32>,
    /// First and last bin of each band: those that some frequency in it lies nearest to.
    bands: [(usize, usize); BANDS],
}

impl Spectrum {
    pub fn new(rate_hz: u32, channels: usize) -> Self {
        let size =
            (u64::from(rate_hz) * WINDOW_AT_48_KHZ).div_ceil(48_000).next_power_of_two().max(64) as usize;
        let transform = RealFftPlanner::<f32>::new().plan_fft_forward(size);
        // A sine of amplitude 1 on a bin transforms to N / 4 there (half for the window's mean, half for the mirror
        // image), and to half of that in both neighbours: power 1.5 * (N / 4)^2.
        let scale = 4.0 / (size as f64 * 1.5_f64.sqrt());
        let hann = |i: usize| scale * (0.5 - 0.5 * (TAU * i as f64 / size as f64).cos());
        let ratio = f64::from(top_hz(rate_hz)) / LOWEST_HZ;
        let bin = |edge: usize| {
            let hz = LOWEST_HZ * ratio.powf(edge as f64 / BANDS as f64);
            ((hz * size as f64 / f64::from(rate_hz.max(1))).round() as usize).clamp(1, size / 2 - 1)
        };
        Self {
            channels,
            weight: (scale * size as f64 / 2.0) as f32,
            window: (0..size).map(|i| hann(i) as f32).collect(),
            newest: vec![0.0; size],
            at: 0,
            windowed: transform.make_input_vec(),
            bins: transform.make_output_vec(),
            scratch: transform.make_scratch_vec(),
            bands: std::array::from_fn(|band| (bin(band), bin(band + 1))),
            transform,
        }
    }

    /// Adds whole frames. Never allocates.
    pub fn add(&mut self, interleaved: &[f32]) {
        let mut frames = interleaved.chunks_exact(self.channels);
        let share = 1.0 / self.channels as f32;
        while frames.len() > 0 {
            let room = &mut self.newest[self.at..];
            let count = room.len().min(frames.len());
            match self.channels {
                // Their own cases because they are the common ones and the compiler vectorises them.
                1 => room.iter_mut().zip(&mut frames).for_each(|(to, frame)| *to = frame[0]),
                2 => {
                    room.iter_mut().zip(&mut frames).for_each(|(to, frame)| *to = 0.5 * (frame[0] + frame[1]))
                }
                _ => {
                    room.iter_mut()
                        .zip(&mut frames)
                        .for_each(|(to, frame)| *to = share * frame.iter().sum::<f32>());
                }
            }
            self.at = (self.at + count) % self.newest.len();
        }
    }

    /// Forgets everything: what comes next does not follow on it.
    pub fn clear(&mut self) {
        self.newest.fill(0.0);
    }

    /// Each band's level in dBFS, lowest first. Never allocates.
    pub fn bands(&mut self) -> [f32; BANDS] {
        let (newer, older) = self.newest.split_at(self.at);
        self.windowed[..older.len()].copy_from_slice(older);
        self.windowed[older.len()..].copy_from_slice(newer);
        // The mean as the window sees it: a constant offset is gone then, and a sine stays what it is.
        let mean = dot(&self.windowed, &self.window) / self.weight;
        for (x, &weight) in self.windowed.iter_mut().zip(&self.window) {
            *x = (*x - mean) * weight;
        }
        let transformed =
            self.transform.process_with_scratch(&mut self.windowed, &mut self.bins, &mut self.scratch);
        debug_assert!(transformed.is_ok(), "all buffers are the transform's own");
        let power = |bin: usize| self.bins[bin - 1..=bin + 1].iter().map(Complex32::norm_sqr).sum::<f32>();
        self.bands.map(|(first, last)| dbfs((first..=last).map(power).fold(0.0, f32::max).sqrt()))
    }
}

/// In lanes, so that it vectorises and rounds little.
fn dot(samples: &[f32], weights: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for (samples, weights) in samples.as_chunks::<16>().0.iter().zip(weights.as_chunks::<16>().0) {
        for ((lane, sample), weight) in lanes.iter_mut().zip(samples).zip(weights) {
            *lane += sample * weight;
        }
    }
    lanes.iter().sum()
}

impl fmt::Debug for Spectrum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spectrum").field("size", &self.window.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate_hz: u32, hz: f64, amplitude: f64, frames: usize) -> impl Iterator<Item = f32> {
        (0..frames).map(move |i| (amplitude * (TAU * hz * i as f64 / f64::from(rate_hz) + 0.4).sin()) as f32)
    }

    /// The band that `hz` lies in, from the definition alone.
    fn band(rate_hz: u32, hz: f64) -> usize {
        let top = f64::from(rate_hz / 2).min(20_000.0);
        (64.0 * (hz / 20.0).ln() / (top / 20.0).ln()) as usize
    }

    #[test]
    fn a_sine_reads_its_own_level_in_its_own_band_wherever_it_lies_between_bins() {
        for rate_hz in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
            let mut worst = 0.0_f32;
            // From four bins on, in steps that have nothing to do with bins or bands.
            let mut hz = 4.0 * 48_000.0 / 2048.0;
            while hz < f64::from(top_hz(rate_hz)) * 0.99 {
                let mut spectrum = Spectrum::new(rate_hz, 2);
                // Beside an offset that must not be heard; in pieces that wrap the ring.
                let both: Vec<f32> =
                    sine(rate_hz, hz, 0.1, 12_000).flat_map(|x| [x + 0.3, x + 0.3]).collect();
                both.chunks(2 * 1_777).for_each(|piece| spectrum.add(piece));
                let bands = spectrum.bands();
                worst = worst.max((bands[band(rate_hz, hz)] + 20.0).abs());
                // Two octaves away on both sides it is all but gone.
                for (far, level) in bands.iter().enumerate() {
                    let away = far.abs_diff(band(rate_hz, hz));
                    assert!(away < 26 || *level < -60.0, "{hz} Hz at {rate_hz}: band {far} reads {level}");
                }
                hz *= 1.0337;
            }
            println!("{rate_hz} Hz: off by at most {worst:.3} dB");
            assert!(worst < 0.1, "{rate_hz} Hz: {worst} dB");
        }
    }

    /// The same level by the sum that defines a Fourier coefficient.
    #[test]
    fn the_transform_agrees_with_the_sum_that_defines_it() {
        let mut state = 1_u32;
        let noise: Vec<f32> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
        })
        .take(512)
        .collect();
        let mut spectrum = Spectrum::new(8_000, 1);
        spectrum.add(&noise);
        let bands = spectrum.bands();
        let hann = |i: usize| (TAU / 2.0 * i as f64 / 512.0).sin().powi(2);
        let mean = noise.iter().enumerate().map(|(i, &x)| hann(i) * f64::from(x)).sum::<f64>() / 256.0;
        let power = |bin: usize| {
            let (mut re, mut im) = (0.0, 0.0);
            for (i, &x) in noise.iter().enumerate() {
                let angle = TAU * (bin * i) as f64 / 512.0;
                re += (f64::from(x) - mean) * hann(i) * angle.cos();
                im -= (f64::from(x) - mean) * hann(i) * angle.sin();
            }
            (re * re + im * im) / (128.0 * 128.0 * 1.5)
        };
        for (band, level) in bands.iter().enumerate() {
            let edge = |k: usize| (20.0 * 200_f64.powf(k as f64 / 64.0) * 512.0 / 8_000.0).round() as usize;
            let (first, last) = (edge(band).clamp(1, 255), edge(band + 1).clamp(1, 255));
            let sums = (first..=last).map(|bin| power(bin - 1) + power(bin) + power(bin + 1));
            let ought = 10.0 * sums.fold(0.0, f64::max).log10();
            assert!((f64::from(*level) - ought).abs() < 0.01, "band {band}: {level}, not {ought}");
        }
    }

    #[test]
    fn silence_and_a_clean_start_read_the_floor_at_any_rate() {
        for rate_hz in [1, 30, 1_000, 48_000, 768_000] {
            let mut spectrum = Spectrum::new(rate_hz, 3);
            assert_eq!(spectrum.bands(), [super::super::level::FLOOR_DBFS; BANDS]);
            spectrum.add(&[0.5, -0.5, 1.0]);
            assert!(spectrum.bands().iter().all(|level| level.is_finite()));
            spectrum.clear();
            assert_eq!(spectrum.bands(), [super::super::level::FLOOR_DBFS; BANDS]);
        }
    }
}

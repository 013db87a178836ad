//! The detector that needs nothing: louder than what is always there.

use super::VoiceDetector;
use std::f32::consts::{FRAC_1_SQRT_2, TAU};

const RATE_HZ: f32 = 16_000.0;
/// 10 ms.
const FRAME: usize = 160;
/// The floor is the least level of so many sub-windows of 250 ms: 2 s.
const WINDOWS: usize = 8;
const WINDOW_FRAMES: u32 = 25;
/// How far above the floor voice begins.
const MARGIN_DB: f32 = 6.0;
/// Below this, levels are not told apart: behind digital silence, the hiss of a quiet converter is no voice.
const LEAST_POWER: f32 = 1e-8;

/// Scores the margin of the smoothed level over its floor: 0.5 at 6 dB, 1.0 at 12 dB and above.
#[derive(Debug)]
pub(super) struct Energy {
    /// To 120..4,000 Hz.
    band: [Biquad; 3],
    /// Mean square, smoothed over frames; none before the first.
    power: Option<f32>,
    /// The least power of each sub-window, the present one at `window`.
    least: [f32; WINDOWS],
    window: usize,
    frames: u32,
}

impl Energy {
    pub fn new() -> Self {
        let high = Biquad::high_pass(120.0);
        Self {
            band: [Biquad::low_pass(4_000.0), high, high],
            power: None,
            least: [f32::INFINITY; WINDOWS],
            window: 0,
            frames: 0,
        }
    }

    fn mean_square(&mut self, frame: &[f32]) -> f32 {
        let [low, high, higher] = &mut self.band;
        let squares = frame.iter().fold(0.0, |sum, x| {
            let y = higher.next(high.next(low.next(*x)));
            sum + y * y
        });
        self.band.iter_mut().for_each(Biquad::settle);
        squares / frame.len() as f32
    }

    /// Takes `power` into the floor, and gives the floor.
    fn floor(&mut self, power: f32) -> f32 {
        if self.frames == WINDOW_FRAMES {
            self.frames = 0;
            self.window = (self.window + 1) % WINDOWS;
            self.least[self.window] = f32::INFINITY;
        }
        self.frames += 1;
        self.least[self.window] = self.least[self.window].min(power);
        self.least.iter().copied().fold(f32::INFINITY, f32::min)
    }
}

impl VoiceDetector for Energy {
    fn frame_len(&self) -> usize {
        FRAME
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        let power = self.mean_square(frame);
        if !power.is_finite() {
            self.reset();
            return 0.0;
        }
        let power = power.max(LEAST_POWER);
        // From the first frame's own level: from a constant, the first 2 s of any noise would be voice.
        let smooth = self.power.map_or(power, |before| 0.5 * (before + power));
        self.power = Some(smooth);
        let over_db = 10.0 * (smooth / self.floor(smooth)).log10();
        (over_db / (2.0 * MARGIN_DB)).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

/// A filter of second order with Butterworth's damping, transposed direct form II. Coefficients: R. Bristow-Johnson,
/// "Cookbook formulae for audio EQ biquad filter coefficients".
#[derive(Clone, Copy, Debug)]
struct Biquad {
    b: [f32; 3],
    a: [f32; 2],
    state: [f32; 2],
}

impl Biquad {
    fn low_pass(hz: f32) -> Self {
        let cos = (TAU * hz / RATE_HZ).cos();
        Self::new(hz, [(1.0 - cos) / 2.0, 1.0 - cos, (1.0 - cos) / 2.0])
    }

    fn high_pass(hz: f32) -> Self {
        let cos = (TAU * hz / RATE_HZ).cos();
        Self::new(hz, [(1.0 + cos) / 2.0, -1.0 - cos, (1.0 + cos) / 2.0])
    }

    fn new(hz: f32, b: [f32; 3]) -> Self {
        let (sin, cos) = (TAU * hz / RATE_HZ).sin_cos();
        let alpha = sin / (2.0 * FRAC_1_SQRT_2);
        let a0 = 1.0 + alpha;
        Self { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0], state: [0.0; 2] }
    }

    fn next(&mut self, x: f32) -> f32 {
        let y = self.b[0] * x + self.state[0];
        self.state = [self.b[1] * x - self.a[0] * y + self.state[1], self.b[2] * x - self.a[1] * y];
        y
    }

    /// Ends a decay before it becomes subnormal, which processors are slow at.
    fn settle(&mut self) {
        for state in &mut self.state {
            if state.abs() < 1e-20 {
                *state = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f32, peak: f32, frames: usize) -> Vec<f32> {
        (0..frames).map(|at| peak * (TAU * hz * at as f32 / RATE_HZ).sin()).collect()
    }

    fn scores(energy: &mut Energy, samples: &[f32]) -> Vec<f32> {
        samples.chunks_exact(FRAME).map(|frame| energy.score(frame)).collect()
    }

    #[test]
    fn hum_and_hiss_are_outside_of_the_band_and_the_voice_is_in_it() {
        let db = |hz: f32| {
            let samples = sine(hz, 1.0, 16_000);
            let mut energy = Energy::new();
            energy.mean_square(&samples[..8_000]);
            10.0 * (2.0 * energy.mean_square(&samples[8_000..])).log10()
        };
        assert!(db(50.0) < -25.0 && db(7_000.0) < -20.0, "{} {}", db(50.0), db(7_000.0));
        for (hz, least) in [(120.0, -6.5), (200.0, -1.5), (1_000.0, -0.2), (4_000.0, -3.5)] {
            assert!((least..0.2).contains(&db(hz)), "{hz} Hz: {} dB", db(hz));
        }
    }

    #[test]
    fn the_score_is_half_at_6_db_over_the_floor() {
        for (step_db, score) in [(3.0, 0.25), (6.0, 0.5), (9.0, 0.75), (15.0, 1.0)] {
            let mut energy = Energy::new();
            assert!(scores(&mut energy, &sine(1_000.0, 0.01, 16_000)).iter().all(|score| *score < 0.1));
            let louder = sine(1_000.0, 0.01 * 10_f32.powf(step_db / 20.0), 8_000);
            let last = *scores(&mut energy, &louder).last().expect("some");
            assert!((last - score).abs() < 0.02, "{step_db} dB: {last}");
        }
    }

    #[test]
    fn a_noise_that_stays_is_the_floor_after_two_seconds() {
        let mut energy = Energy::new();
        scores(&mut energy, &sine(1_000.0, 0.001, 32_000));
        let scores = scores(&mut energy, &sine(1_000.0, 0.1, 48_000));
        let open = scores.iter().filter(|score| **score >= 0.5).count();
        assert!((170..=210).contains(&open), "{open} frames of 10 ms");
        assert!(scores[210..].iter().all(|score| *score < 0.1));
    }

    #[test]
    fn what_is_no_number_leaves_no_trace() {
        let mut energy = Energy::new();
        assert_eq!(energy.score(&[f32::NAN; FRAME]), 0.0);
        assert!(energy.score(&[f32::MAX; FRAME]) <= 1.0);
        let tone = sine(1_000.0, 0.1, 16_000);
        scores(&mut energy, &sine(1_000.0, 0.01, 16_000));
        assert!(scores(&mut energy, &tone).iter().skip(5).all(|score| *score == 1.0), "it hears again");
        energy.reset();
        assert_eq!(scores(&mut energy, &tone), scores(&mut Energy::new(), &tone));
    }

    #[test]
    fn digital_silence_does_not_make_a_converters_hiss_a_voice() {
        let mut energy = Energy::new();
        scores(&mut energy, &sine(1_000.0, 0.1, 16_000));
        assert!(scores(&mut energy, &[0.0; 32_000]).iter().skip(20).all(|score| *score == 0.0));
        assert!(energy.band.iter().all(|filter| filter.state == [0.0; 2]), "settled");
        assert!(
            scores(&mut energy, &sine(1_000.0, 2e-4, 8_000)).iter().all(|score| *score < 0.5),
            "-77 dBFS"
        );
        assert!(scores(&mut energy, &sine(1_000.0, 1e-3, 8_000)).contains(&1.0), "-63 dBFS");
    }
}

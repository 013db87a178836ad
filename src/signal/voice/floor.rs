//! How far the sound stands above what is always there.

use std::f32::consts::{FRAC_1_SQRT_2, TAU};

const RATE_HZ: f32 = 16_000.0;
/// Levels are those of 10 ms.
pub(super) const PIECE: usize = 160;
/// The floor is the least level of so many sub-windows of 250 ms: 2 s.
const WINDOWS: usize = 8;
const WINDOW_PIECES: u32 = 25;
/// Below this, levels are not told apart: behind digital silence, the hiss of a quiet converter is no voice.
const LEAST_POWER: f32 = 1e-8;

/// The quietest moment of the last 2 s between 120 and 4,000 Hz. Takes mono at 16 kHz.
#[derive(Debug)]
pub(super) struct Floor {
    /// To 120..4,000 Hz.
    band: [Biquad; 3],
    /// Sum of squares of a begun piece, and its samples.
    squares: f32,
    samples: usize,
    /// Mean square, smoothed over pieces; none before the first.
    power: Option<f32>,
    /// The least power of each sub-window, the present one at `window`.
    least: [f32; WINDOWS],
    window: usize,
    pieces: u32,
}

impl Floor {
    pub fn new() -> Self {
        let high = Biquad::high_pass(120.0);
        Self {
            band: [Biquad::low_pass(4_000.0), high, high],
            squares: 0.0,
            samples: 0,
            power: None,
            least: [f32::INFINITY; WINDOWS],
            window: 0,
            pieces: 0,
        }
    }

    /// How many dB the smoothed level stands above the floor, the most of the pieces that end in `samples`; at least 0.
    /// What is no number starts it anew.
    pub fn rise_db(&mut self, mut samples: &[f32]) -> f32 {
        let mut most = 0.0_f32;
        while !samples.is_empty() {
            let (now, later) = samples.split_at(samples.len().min(PIECE - self.samples));
            samples = later;
            self.squares += self.sum_of_squares(now);
            self.samples += now.len();
            if self.samples == PIECE {
                let power = std::mem::take(&mut self.squares) / PIECE as f32;
                self.samples = 0;
                most = most.max(self.piece(power));
            }
        }
        most
    }

    fn sum_of_squares(&mut self, samples: &[f32]) -> f32 {
        let [low, high, higher] = &mut self.band;
        let squares = samples.iter().fold(0.0, |sum, x| {
            let y = higher.next(high.next(low.next(*x)));
            sum + y * y
        });
        self.band.iter_mut().for_each(Biquad::settle);
        squares
    }

    fn piece(&mut self, power: f32) -> f32 {
        if !power.is_finite() {
            *self = Self::new();
            return 0.0;
        }
        let power = power.max(LEAST_POWER);
        // From the first piece's own level: from a constant, the first 2 s of any noise would stand out.
        let smooth = self.power.map_or(power, |before| 0.5 * (before + power));
        self.power = Some(smooth);
        10.0 * (smooth / self.least(smooth)).log10()
    }

    /// Takes `power` into the floor, and gives the floor.
    fn least(&mut self, power: f32) -> f32 {
        if self.pieces == WINDOW_PIECES {
            self.pieces = 0;
            self.window = (self.window + 1) % WINDOWS;
            self.least[self.window] = f32::INFINITY;
        }
        self.pieces += 1;
        self.least[self.window] = self.least[self.window].min(power);
        self.least.iter().copied().fold(f32::INFINITY, f32::min)
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

    fn sine(hz: f32, peak: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|at| peak * (TAU * hz * at as f32 / RATE_HZ).sin()).collect()
    }

    #[test]
    fn hum_and_hiss_are_outside_of_the_band_and_the_voice_is_in_it() {
        let db = |hz: f32| {
            let samples = sine(hz, 1.0, 16_000);
            let mut floor = Floor::new();
            floor.sum_of_squares(&samples[..8_000]);
            10.0 * (2.0 * floor.sum_of_squares(&samples[8_000..]) / 8_000.0).log10()
        };
        assert!(db(50.0) < -25.0 && db(7_000.0) < -20.0, "{} {}", db(50.0), db(7_000.0));
        for (hz, least) in [(120.0, -6.5), (200.0, -1.5), (1_000.0, -0.2), (4_000.0, -3.5)] {
            assert!((least..0.2).contains(&db(hz)), "{hz} Hz: {} dB", db(hz));
        }
    }

    #[test]
    fn any_split_of_the_samples_has_the_same_floor() {
        let samples = [sine(1_000.0, 0.01, 8_000), sine(1_000.0, 0.04, 8_000)].concat();
        let most = |len: usize| {
            let mut floor = Floor::new();
            floor.rise_db(&samples[..1_600]);
            let rises = samples[1_600..].chunks(len).map(|samples| floor.rise_db(samples));
            rises.fold(0.0, f32::max)
        };
        for len in [7, PIECE, 256, 512] {
            assert!((most(len) - most(PIECE)).abs() < 0.01, "{len}: {} and {} dB", most(len), most(PIECE));
        }
        assert!((11.5..13.0).contains(&most(PIECE)), "12 dB louder: {}", most(PIECE));
    }

    #[test]
    fn a_decay_ends_before_it_becomes_subnormal() {
        let mut floor = Floor::new();
        floor.rise_db(&sine(1_000.0, 0.1, 16_000));
        floor.rise_db(&[0.0; 32_000]);
        assert!(floor.band.iter().all(|filter| filter.state == [0.0; 2]));
    }
}

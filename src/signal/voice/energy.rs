//! The detector that needs nothing: louder than what is always there.

use super::VoiceDetector;
use super::floor::{Floor, PIECE};

/// 10 ms.
const FRAME: usize = PIECE;
/// How far above the floor voice begins.
pub(super) const MARGIN_DB: f32 = 6.0;

/// Scores how far the sound rises above its floor: 0.5 at 6 dB, 1.0 at 12 dB and above.
#[derive(Debug)]
pub(super) struct Energy(Floor);

impl Energy {
    pub fn new() -> Self {
        Self(Floor::new())
    }
}

impl VoiceDetector for Energy {
    fn frame_len(&self) -> usize {
        FRAME
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        (self.0.rise_db(frame) / (2.0 * MARGIN_DB)).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    fn sine(hz: f32, peak: f32, frames: usize) -> Vec<f32> {
        (0..frames).map(|at| peak * (TAU * hz * at as f32 / 16_000.0).sin()).collect()
    }

    fn scores(energy: &mut Energy, samples: &[f32]) -> Vec<f32> {
        samples.chunks_exact(FRAME).map(|frame| energy.score(frame)).collect()
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
        assert!(
            scores(&mut energy, &sine(1_000.0, 2e-4, 8_000)).iter().all(|score| *score < 0.5),
            "-77 dBFS"
        );
        assert!(scores(&mut energy, &sine(1_000.0, 1e-3, 8_000)).contains(&1.0), "-63 dBFS");
    }
}

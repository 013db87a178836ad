//! How likely it is that somebody speaks, for a display: the detector that every build has, on whatever a device gives.

use super::voice::{Detector, VoiceDetector};

/// A pause of the input that the detector outlives, in seconds: as long as a gate's hangover.
const OUTLIVED_S: f64 = 0.3;

/// Listens to all channels at once.
///
/// No resampler: neighbouring frames are averaged, or repeated, to within a factor of 1.5 of the detector's rate, which
/// moves its band by as much, and what the average folds into it is 10 dB down. A display can't tell.
#[derive(Debug)]
pub(super) struct Ear {
    seconds: f64,
    /// Samples that are averaged into one of the detector's.
    averaged: usize,
    /// The sum of those so far, and how many they are.
    sum: f32,
    summed: usize,
    /// How often it is given.
    repeated: usize,
    detector: Box<dyn VoiceDetector>,
    /// A begun frame of the detector's, and how long it is in the end.
    frame: Vec<f32>,
    frame_len: usize,
    score: f32,
}

impl Ear {
    /// For a device of `channels` interleaved channels.
    pub fn new(rate_hz: u32, channels: usize) -> Self {
        let detector = Detector::Energy.build();
        let ratio = f64::from(rate_hz) / f64::from(detector.rate_hz());
        Self {
            seconds: 1.0 / f64::from(rate_hz),
            averaged: ratio.round().max(1.0) as usize * channels,
            sum: 0.0,
            summed: 0,
            repeated: ratio.recip().round().max(1.0) as usize,
            frame: Vec::with_capacity(detector.frame_len()),
            frame_len: detector.frame_len(),
            detector,
            score: 0.0,
        }
    }

    /// Whole frames. Never allocates.
    pub fn add(&mut self, interleaved: &[f32]) {
        let begun = (self.averaged - self.summed) % self.averaged;
        let (head, rest) = interleaved.split_at(begun.min(interleaved.len()));
        self.sum(head);
        let groups = rest.chunks_exact(self.averaged);
        let tail = groups.remainder();
        let share = 1.0 / self.averaged as f32;
        groups.for_each(|group| self.hear(share * group.iter().sum::<f32>()));
        self.sum(tail);
    }

    /// Part of a group.
    fn sum(&mut self, samples: &[f32]) {
        self.sum += samples.iter().sum::<f32>();
        self.summed += samples.len();
        if self.summed == self.averaged {
            self.hear(self.sum / self.averaged as f32);
            (self.sum, self.summed) = (0.0, 0);
        }
    }

    fn hear(&mut self, sample: f32) {
        for _ in 0..self.repeated {
            self.frame.push(sample);
            if self.frame.len() == self.frame_len {
                self.score = self.detector.score(&self.frame);
                self.frame.clear();
            }
        }
    }

    /// So many frames are missing or muted.
    pub fn hole(&mut self, frames: u64) {
        (self.sum, self.summed, self.score) = (0.0, 0, 0.0);
        self.frame.clear();
        if frames as f64 * self.seconds > OUTLIVED_S {
            self.detector.reset();
        }
    }

    /// As of the newest frame, `0.0..=1.0`; 0.5 is the detector's threshold.
    pub fn score(&self) -> f32 {
        self.score
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::synthetic::{Generator, Synthetic};

    /// The share of a stretch that counts as voice, after 2 s.
    fn heard(kind: Synthetic, rate_hz: u32) -> f64 {
        let mut ear = Ear::new(rate_hz, 2);
        let mut generator = Generator::new(kind, rate_hz, 2);
        let (mut samples, mut voiced) = (vec![0.0; rate_hz as usize / 50 * 2], 0);
        for block in 0..500 {
            generator.fill(&mut samples);
            ear.add(&samples);
            voiced += u32::from(block >= 100 && ear.score() >= 0.5);
        }
        f64::from(voiced) / 400.0
    }

    #[test]
    fn speech_is_heard_at_any_rate_and_steady_noise_is_none() {
        for rate_hz in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
            let (speech, noise) = (heard(Synthetic::Speech, rate_hz), heard(Synthetic::Noise, rate_hz));
            println!("{rate_hz} Hz: voice in {speech:.2} of speech and {noise:.2} of noise");
            assert!(speech > 0.3 && noise < 0.05);
        }
    }
}

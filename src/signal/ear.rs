//! How likely it is that somebody speaks, for a display: the detector that every build has, on whatever a device gives.

use super::resample::{Quality, Resampler};
use super::voice::{Detector, VoiceDetector};

/// A pause of the input that the detector outlives, in seconds: as long as a gate's hangover.
const OUTLIVED_S: f64 = 0.3;

/// Listens to all channels at once.
#[derive(Debug)]
pub(super) struct Ear {
    channels: usize,
    seconds: f64,
    mono: Vec<f32>,
    resampler: Resampler,
    detector: Box<dyn VoiceDetector>,
    /// A begun frame of the detector's.
    frame: Vec<f32>,
    score: f32,
}

impl Ear {
    /// For a device of `channels` interleaved channels; none where its rate cannot be brought to the detector's.
    pub fn new(rate_hz: u32, channels: usize) -> Option<Self> {
        let detector = Detector::Energy.build();
        let resampler = Resampler::new(rate_hz, detector.rate_hz(), 1, Quality::Balanced).ok()?;
        let frame = Vec::with_capacity(detector.frame_len());
        let seconds = 1.0 / f64::from(rate_hz);
        Some(Self { channels, seconds, mono: Vec::new(), resampler, detector, frame, score: 0.0 })
    }

    /// Whole frames.
    pub fn add(&mut self, interleaved: &[f32]) {
        let Self { channels, mono, resampler, detector, frame, score, .. } = self;
        mono.clear();
        let share = 1.0 / *channels as f32;
        mono.extend(interleaved.chunks_exact(*channels).map(|frame| frame.iter().sum::<f32>() * share));
        resampler.push(mono, &mut |mut samples| {
            while !samples.is_empty() {
                let (now, later) = samples.split_at(samples.len().min(detector.frame_len() - frame.len()));
                frame.extend_from_slice(now);
                samples = later;
                if frame.len() == detector.frame_len() {
                    *score = detector.score(frame);
                    frame.clear();
                }
            }
        });
    }

    /// So many frames are missing or muted.
    pub fn hole(&mut self, frames: u64) {
        self.resampler.reset();
        self.frame.clear();
        self.score = 0.0;
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
        let mut ear = Ear::new(rate_hz, 2).expect("a rate");
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
        for rate_hz in [16_000, 44_100, 48_000] {
            let (speech, noise) = (heard(Synthetic::Speech, rate_hz), heard(Synthetic::Noise, rate_hz));
            println!("{rate_hz} Hz: voice in {speech:.2} of speech and {noise:.2} of noise");
            assert!(speech > 0.3 && noise < 0.05);
        }
    }
}

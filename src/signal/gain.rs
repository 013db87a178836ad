//! How loud a tap is: one word that any thread may turn.

use atomic_float::AtomicF32;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// A gain, shared by whoever turns it and the taps that apply it. Clones are the same gain. Nothing is clipped.
#[derive(Clone, Debug)]
pub struct Gain(Arc<AtomicF32>);

impl Gain {
    /// A gain of `db` decibels.
    pub fn new(db: f32) -> Self {
        let gain = Self(Arc::new(AtomicF32::new(1.0)));
        gain.set_db(db);
        gain
    }

    /// Turns it to `db` decibels, kept within -120 to 60; what is no number is 0. Heard from the next block on,
    /// faded in over that block. Wait-free, from any thread.
    pub fn set_db(&self, db: f32) {
        let db = if db.is_nan() { 0.0 } else { db.clamp(-120.0, 60.0) };
        self.0.store(10_f32.powf(db / 20.0), Relaxed);
    }
}

impl Default for Gain {
    /// 0 dB.
    fn default() -> Self {
        Self::new(0.0)
    }
}

/// A tap's end of a gain.
#[derive(Debug)]
pub(crate) struct GainStage {
    gain: Gain,
    channels: usize,
    /// What the last block ended with; linear.
    present: f32,
}

impl GainStage {
    /// For frames of `channels` interleaved samples.
    pub fn new(gain: Gain, channels: usize) -> Self {
        let present = gain.0.load(Relaxed);
        Self { gain, channels, present }
    }

    /// Multiplies `samples`, interleaved. Fades from the old gain to a new one over the block, so that it does not
    /// click. At 0 dB the samples are not touched.
    pub fn apply(&mut self, samples: &mut [f32]) {
        let (from, to) = (self.present, self.gain.0.load(Relaxed));
        self.present = to;
        if from != to {
            let step = (to - from) / (samples.len() / self.channels).max(1) as f32;
            for (index, frame) in samples.chunks_exact_mut(self.channels).enumerate() {
                let gain = from + step * (index + 1) as f32;
                frame.iter_mut().for_each(|sample| *sample *= gain);
            }
        } else if to != 1.0 {
            samples.iter_mut().for_each(|sample| *sample *= to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_faded_in_over_a_block_and_0_db_changes_nothing() {
        let gain = Gain::default();
        let mut stage = GainStage::new(gain.clone(), 2);
        let mut samples = [0.3; 8];
        stage.apply(&mut samples);
        assert_eq!(samples, [0.3; 8]);
        gain.set_db(20.0 * 5_f32.log10());
        samples = [0.1; 8];
        stage.apply(&mut samples);
        let expected = [0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5];
        assert!(samples.iter().zip(expected).all(|(is, ought)| (is - ought).abs() < 1e-6), "{samples:?}");
        samples = [0.1; 8];
        stage.apply(&mut samples);
        assert!(samples.iter().all(|sample| (sample - 0.5).abs() < 1e-6));
    }
}

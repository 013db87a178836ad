//! Silero's detector, by the crate `rustvani-vad`.

use super::VoiceDetector;
use rustvani_vad::{BYTES_PER_WINDOW, SAMPLES_PER_WINDOW, SileroVad};
use std::fmt;

pub(super) struct Silero {
    network: SileroVad,
    /// What it takes: 16-bit samples, little-endian.
    bytes: [u8; BYTES_PER_WINDOW],
}

impl Silero {
    pub fn new() -> Self {
        let network = SileroVad::new().expect("the weights are part of the crate");
        Self { network, bytes: [0; BYTES_PER_WINDOW] }
    }
}

impl fmt::Debug for Silero {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Silero").finish_non_exhaustive()
    }
}

impl VoiceDetector for Silero {
    fn frame_len(&self) -> usize {
        SAMPLES_PER_WINDOW
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        let (pairs, _) = self.bytes.as_chunks_mut::<2>();
        for (pair, sample) in pairs.iter_mut().zip(frame) {
            // The cast keeps to the range of an i16 and turns NaN into 0.
            *pair = ((sample * 32_768.0).round() as i16).to_le_bytes();
        }
        self.network.infer(&self.bytes).expect("a whole window").clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.network.reset_state();
    }
}

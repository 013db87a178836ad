//! The detector of the crate `earshot`.

use super::VoiceDetector;
use std::fmt;

/// 16 ms, the only length it takes.
const FRAME: usize = 256;

pub(super) struct Earshot {
    /// 8 KB, on the heap: the gate moves.
    network: Box<earshot::Detector>,
    clamped: [f32; FRAME],
}

impl Earshot {
    pub fn new() -> Self {
        Self { network: earshot::Detector::default_boxed(), clamped: [0.0; FRAME] }
    }
}

impl fmt::Debug for Earshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Earshot").finish_non_exhaustive()
    }
}

impl VoiceDetector for Earshot {
    fn frame_len(&self) -> usize {
        FRAME
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        // Beyond full scale it panics in a debug build; float capture goes there.
        self.clamped.iter_mut().zip(frame).for_each(|(clamped, sample)| *clamped = sample.clamp(-1.0, 1.0));
        self.network.predict_f32(&self.clamped).clamp(0.0, 1.0)
    }

    fn reset(&mut self) {
        self.network.reset();
    }
}

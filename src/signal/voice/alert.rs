//! A network that is asked only where something stands out of what is always there.

use super::VoiceDetector;
use super::floor::Floor;
use std::fmt::Debug;

/// Of 16 kHz: the first 300 ms are the network's business whatever their level, since whoever pushes a button to talk
/// may begin within a word, and that would be the floor.
const BEGIN: usize = 4_800;
/// 200 ms behind what stood out: the quiet end of a word.
const HOLD: usize = 3_200;
/// How far something stands out: with 6 dB a loud fan's own swings do, with 8 dB words are lost in noise 5 dB below.
const MARGIN_DB: f32 = 7.0;

/// Steady noise is no voice to it, however loud, and where it is as quiet as ever the network does not run.
#[derive(Debug)]
pub(super) struct Alert<D> {
    network: D,
    floor: Floor,
    /// Samples that are still the network's business.
    awake: usize,
}

impl<D: VoiceDetector> Alert<D> {
    pub fn new(network: D) -> Self {
        Self { network, floor: Floor::new(), awake: BEGIN }
    }
}

impl<D: VoiceDetector> VoiceDetector for Alert<D> {
    fn frame_len(&self) -> usize {
        self.network.frame_len()
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        if self.floor.rise_db(frame) >= MARGIN_DB {
            self.awake = self.awake.max(HOLD + frame.len());
        }
        if self.awake == 0 {
            // The networks judge as well without what they sleep through.
            return 0.0;
        }
        self.awake = self.awake.saturating_sub(frame.len());
        self.network.score(frame)
    }

    fn reset(&mut self) {
        self.network.reset();
        self.floor = Floor::new();
        self.awake = BEGIN;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: usize = 512;

    /// Calls everything voice and counts its calls.
    #[derive(Debug, Default)]
    struct Credulous(usize);

    impl VoiceDetector for Credulous {
        fn frame_len(&self) -> usize {
            FRAME
        }

        fn score(&mut self, _: &[f32]) -> f32 {
            self.0 += 1;
            1.0
        }

        fn reset(&mut self) {}
    }

    /// A second of a tone.
    fn second(peak: f32) -> Vec<f32> {
        (0..16_000).map(|at| peak * (at as f32 * 0.3).sin()).collect()
    }

    fn voiced(alert: &mut Alert<Credulous>, samples: &[f32]) -> Vec<bool> {
        samples.chunks_exact(FRAME).map(|frame| alert.score(frame) >= 0.5).collect()
    }

    #[test]
    fn the_network_is_asked_at_the_begin_and_where_something_stands_out() {
        let mut alert = Alert::new(Credulous::default());
        for _ in 0..2 {
            let begin = BEGIN.div_ceil(FRAME);
            let first = voiced(&mut alert, &second(0.3));
            assert!(first[..begin].iter().all(|voiced| *voiced), "whoever talks already is heard");
            assert!(!first[begin..].contains(&true), "what stays as it is is no voice, however loud");
            let louder = voiced(&mut alert, &second(0.9));
            assert!(louder.iter().skip(1).all(|voiced| *voiced), "9 dB more");
            let asked = alert.network.0;
            let after = voiced(&mut alert, &second(0.3));
            let held = after.iter().filter(|voiced| **voiced).count();
            assert!((6..=9).contains(&held) && after[..held].iter().all(|voiced| *voiced), "{held}");
            assert_eq!(alert.network.0 - asked, held, "asleep, it does not run");
            alert.reset();
        }
    }
}

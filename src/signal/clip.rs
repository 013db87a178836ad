//! Samples that stand at full scale in a row: what was louder than the converter could say.

use super::level::MAX_CHANNELS;

/// From this magnitude on a sample stands at full scale. The top code of 16 bits is 0.99997, of 8 bits 0.992: there only
/// the negative end is seen.
pub const FULL_SCALE: f32 = 0.999;

/// So many in a row are a clip. One or two are what a recording that was brought to full scale has by right; three in a
/// row is what mastering tools count by default.
pub const CLIP_SAMPLES: u32 = 3;

/// Clips of one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clips {
    /// Runs of at least [`CLIP_SAMPLES`] samples at full scale.
    pub events: u64,
    /// Samples in these runs.
    pub samples: u64,
}

/// Counts clips of an interleaved stream.
#[derive(Clone, Debug, Default)]
pub(super) struct ClipCounter {
    pub clips: [Clips; MAX_CHANNELS],
    /// Samples at full scale that each channel ended with.
    runs: [u32; MAX_CHANNELS],
}

impl ClipCounter {
    /// Scans whole frames, in which something is at full scale.
    pub fn add(&mut self, interleaved: &[f32], channels: usize) {
        for frame in interleaved.chunks_exact(channels) {
            for ((&x, run), clips) in frame.iter().zip(&mut self.runs).zip(&mut self.clips) {
                *run = if x.abs() >= FULL_SCALE { run.saturating_add(1) } else { 0 };
                match (*run).cmp(&CLIP_SAMPLES) {
                    std::cmp::Ordering::Less => {}
                    std::cmp::Ordering::Equal => {
                        clips.events += 1;
                        clips.samples += u64::from(CLIP_SAMPLES);
                    }
                    std::cmp::Ordering::Greater => clips.samples += 1,
                }
            }
        }
    }

    /// What comes next does not follow on what came, or nothing in it was at full scale.
    pub fn break_runs(&mut self) {
        self.runs = [0; MAX_CHANNELS];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_a_row_are_one_clip_in_whatever_pieces_they_come() {
        // Left: runs of 2, 3 and 5 with either sign; right: never.
        let left = [1.0, -1.0, 0.0, 1.0, 0.9995, -1.0, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0];
        let all: Vec<f32> = left.iter().flat_map(|&x| [x, 0.5 * x]).collect();
        for frames in 1..=left.len() {
            let mut counter = ClipCounter::default();
            all.chunks(2 * frames).for_each(|piece| counter.add(piece, 2));
            assert_eq!(counter.clips[0], Clips { events: 2, samples: 8 }, "pieces of {frames}");
            assert_eq!(counter.clips[1], Clips::default());
        }
    }

    #[test]
    fn a_hole_breaks_a_run() {
        let mut counter = ClipCounter::default();
        counter.add(&[1.0, 1.0], 1);
        counter.break_runs();
        counter.add(&[1.0, 1.0], 1);
        assert_eq!(counter.clips[0], Clips::default());
    }
}

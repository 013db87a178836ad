//! What a gate passes, beside what it should.

use crate::speech::{FRAME, Speech};
use hearken::{Voice, VoiceDetector, VoiceEvent};
use std::sync::mpsc::{Sender, channel};

/// Tells every score beside the gate.
#[derive(Debug)]
struct Overheard(Box<dyn VoiceDetector>, Sender<f32>);

impl VoiceDetector for Overheard {
    fn frame_len(&self) -> usize {
        self.0.frame_len()
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        let score = self.0.score(frame);
        self.1.send(score).expect("somebody listens");
        score
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// What a gate made of a signal.
pub struct Passed {
    /// `[start, end)` in samples.
    pub segments: Vec<(usize, usize)>,
    /// For each frame of 10 ms, whether its detector's score reached 0.5.
    positive: Vec<bool>,
    samples: usize,
}

/// Pushes the signal in blocks of 10 ms.
pub fn pass(voice: Voice, detector: Box<dyn VoiceDetector>, samples: &[f32]) -> Passed {
    let len = detector.frame_len();
    let (scores, heard) = channel();
    let mut gate = voice.gate_with(Box::new(Overheard(detector, scores))).expect("in range");
    let mut segments = Vec::new();
    let mut start = None;
    let mut on = |event| match event {
        VoiceEvent::Started { position } => start = Some(position as usize),
        VoiceEvent::Ended { position } => segments.push((start.take().expect("begun"), position as usize)),
        other => panic!("{other:?} was not asked for"),
    };
    for (block, samples) in samples.chunks(FRAME).enumerate() {
        gate.push(samples, (block * FRAME) as u64, &mut on);
    }
    gate.finish(&mut on);
    let scores: Vec<f32> = heard.try_iter().collect();
    let positive = (0..samples.len() / FRAME)
        .map(|frame| scores.get((frame * FRAME + FRAME / 2) / len).is_some_and(|score| *score >= 0.5));
    Passed { segments, positive: positive.collect(), samples: samples.len() }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

impl Passed {
    fn holds(&self, sample: usize) -> bool {
        let after = self.segments.partition_point(|(start, _)| *start <= sample);
        after > 0 && sample < self.segments[after - 1].1
    }

    /// Percent of the time.
    pub fn time(&self) -> f64 {
        percent(self.segments.iter().map(|(start, end)| end - start).sum(), self.samples)
    }

    /// Percent of the frames with speech that the gate passed.
    pub fn recall(&self, speech: &Speech) -> f64 {
        let spoken: Vec<usize> = (0..speech.truth.len()).filter(|frame| speech.truth[*frame]).collect();
        let kept = |frame: &&usize| self.holds(**frame * FRAME) && self.holds(**frame * FRAME + FRAME - 1);
        percent(spoken.iter().filter(kept).count(), spoken.len())
    }

    /// Percent of the frames with speech that the detector scored as such.
    pub fn frame_recall(&self, speech: &Speech) -> f64 {
        let spoken: Vec<usize> = (0..speech.truth.len()).filter(|frame| speech.truth[*frame]).collect();
        percent(spoken.iter().filter(|frame| self.positive[**frame]).count(), spoken.len())
    }

    /// Milliseconds that are missing at the begin of each interval of speech.
    fn cuts(&self, speech: &Speech) -> Vec<usize> {
        let cut = |(from, to): &(usize, usize)| {
            let first = self.segments.iter().find(|(_, end)| end > from).map_or(*to, |(start, _)| *start);
            (first.min(*to)).saturating_sub(*from) / 16
        };
        speech.intervals.iter().map(cut).collect()
    }

    /// The longest of the cuts, in milliseconds, and how many are longer than 20 ms.
    pub fn worst_cut(&self, speech: &Speech) -> (usize, usize) {
        let cuts = self.cuts(speech);
        (cuts.iter().copied().max().unwrap_or(0), cuts.iter().filter(|ms| **ms > 20).count())
    }

    /// Percent of the pauses that passed, as far as they are farther from speech than padding and hangover reach, with
    /// 100 ms for the detector.
    pub fn pauses(&self, speech: &Speech) -> f64 {
        let near = 400 * 16;
        let far = |sample: &usize| {
            speech.intervals.iter().all(|(start, end)| *sample + near < *start || *sample >= end + near)
        };
        let far: Vec<usize> = (0..self.samples).step_by(FRAME).filter(far).collect();
        percent(far.iter().filter(|sample| self.holds(**sample)).count(), far.len())
    }
}

//! The gate: samples in, segments out.

use super::VoiceDetector;
use super::segmenter::{ONSET, Rules, Segmenter, VoiceEvent};

/// Finds the segments of a mono stream that hold voice. Made by [`Voice::gate`](super::Voice::gate). The same events for any split of the
/// input; allocates nothing while it runs, but for what the detector does.
#[derive(Debug)]
pub struct VoiceGate {
    detector: Box<dyn VoiceDetector>,
    threshold: f32,
    rules: Rules,
    /// Begun frame of the detector, shorter than it.
    frame: Vec<f32>,
    stream: Option<Stream>,
}

/// What has been pushed.
#[derive(Debug)]
struct Stream {
    segmenter: Segmenter,
    /// Behind the last frame.
    end: u64,
    /// Frames of the hole before `end`; 0 behind audio.
    hole: u64,
}

impl VoiceGate {
    pub(super) fn new(detector: Box<dyn VoiceDetector>, threshold: f32, rules: Rules) -> Self {
        let frame = Vec::with_capacity(detector.frame_len());
        Self { detector, threshold, rules, frame, stream: None }
    }

    /// Frames per second that [`push`](Self::push) takes.
    pub fn rate_hz(&self) -> u32 {
        self.detector.rate_hz()
    }

    /// How many frames before the end of the pushed ones a segment may start, at most, when it is told.
    pub fn history_frames(&self) -> u64 {
        let frame = self.detector.frame_len() as u64;
        let Rules { padding, hangover, min_len, .. } = self.rules;
        let onset = u64::from(ONSET) * frame;
        // Voice that is not long enough yet may pause for a hangover before it is.
        padding + if min_len <= onset { onset } else { min_len + hangover + frame }
    }

    /// Takes in `samples`: mono at [`rate_hz`](Self::rate_hz), finite, the first of them at `position` of the tap.
    /// Frames that were pushed before are skipped. Frames that were left out are a hole: without voice, and the
    /// detector starts anew behind one of more than the hangover. No samples at a later position are a hole as well.
    /// Leave holes out rather than fill them with silence: noise behind silence is voice to [`Detector::Energy`] for
    /// up to 2 s. The first call, also without samples, is where the stream begins.
    ///
    /// [`Detector::Energy`]: super::Detector::Energy
    pub fn push(&mut self, samples: &[f32], position: u64, on: &mut dyn FnMut(VoiceEvent)) {
        let rules = self.rules;
        let stream = self.stream.get_or_insert_with(|| Stream {
            segmenter: Segmenter::new(rules, position),
            end: position,
            hole: 0,
        });
        if position > stream.end {
            // The detector gets no made-up silence: it would take it for the floor of the noise that follows. What
            // it has of a frame goes into the hole.
            self.frame.clear();
            stream.segmenter.step(position, None, on);
            let before = stream.hole;
            stream.hole += position - stream.end;
            stream.end = position;
            if before <= rules.hangover && stream.hole > rules.hangover {
                self.detector.reset();
            }
        }
        let known = usize::try_from(stream.end - position).unwrap_or(usize::MAX);
        let mut fresh = samples.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            stream.hole = 0;
        }
        let len = self.detector.frame_len();
        while !fresh.is_empty() {
            let (head, rest) = fresh.split_at(fresh.len().min(len - self.frame.len()));
            fresh = rest;
            stream.end += head.len() as u64;
            let score = if head.len() == len {
                self.detector.score(head)
            } else {
                self.frame.extend_from_slice(head);
                if self.frame.len() < len {
                    break;
                }
                let score = self.detector.score(&self.frame);
                self.frame.clear();
                score
            };
            let voice = (score >= self.threshold).then(|| stream.end - len as u64);
            stream.segmenter.step(stream.end, voice, on);
        }
    }

    /// The stream is over: an open segment ends, with all that was pushed. What comes next is another stream.
    pub fn finish(&mut self, on: &mut dyn FnMut(VoiceEvent)) {
        if let Some(mut stream) = self.stream.take() {
            stream.segmenter.step(stream.end, None, on);
            stream.segmenter.finish(stream.end, on);
        }
        self.frame.clear();
        self.detector.reset();
    }
}

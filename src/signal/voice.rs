//! Where there is voice: a detector scores frames, a gate makes segments and end points of the scores.
//!
//! [`Voice`] says how, [`VoiceGate`] does it, and a caller that holds the samples cuts them out. A segment is
//! `[first voice - padding, last voice + hangover)`:
//!
//! ```text
//! score    ____________▄███▄_███▄_______________________
//! segment        |‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾‾|                      a dip shorter than the hangover does not end it
//!                 padding ^     ^ hangover                 ^ trailing silence: an end point
//! ```
//!
//! ```
//! use hearken::{Voice, VoiceEvent};
//! # fn main() -> Result<(), hearken::Error> {
//! let mut gate = Voice::new().gate()?;
//! let tone = |frame: u32| (frame as f32 * 0.3).sin();
//! let mut samples: Vec<f32> = (0..32_000).map(|frame| 0.001 * tone(frame)).collect(); // 2 s at 16 kHz
//! samples[16_000..24_000].iter_mut().for_each(|sample| *sample *= 100.0);
//! let mut events = Vec::new();
//! gate.push(&samples, 0, &mut |event| events.push(event));
//! assert!(matches!(events[..], [VoiceEvent::Started { position: 11_200 }, VoiceEvent::Ended { .. }]));
//! # Ok(())
//! # }
//! ```

#[cfg(any(feature = "vad", feature = "vad-silero"))]
mod alert;
#[cfg(feature = "vad")]
mod earshot;
mod energy;
mod floor;
mod gate;
mod segmenter;
#[cfg(feature = "vad-silero")]
mod silero;
#[cfg(test)]
mod tests;

use crate::error::Error;
use segmenter::Rules;
use std::fmt::Debug;

pub use gate::VoiceGate;
pub use segmenter::{EndPoint, VoiceEvent};

/// Scores frames of mono audio, one after the other.
pub trait VoiceDetector: Send + Debug {
    /// Frames per second that it takes.
    fn rate_hz(&self) -> u32 {
        16_000
    }

    /// Frames that it takes at a time, at least 1.
    fn frame_len(&self) -> usize;

    /// How sure it is that the latest frame is voice, `0.0..=1.0`; 0.5 is its own threshold. `frame` are `frame_len`
    /// finite samples, mono, right behind those of the call before; full scale is 1.0, and more is allowed.
    fn score(&mut self, frame: &[f32]) -> f32;

    /// Forgets everything it heard.
    fn reset(&mut self);
}

/// Which detector. `cargo bench --bench voice` measures them, `cargo test --test voice` shows what they let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Detector {
    /// Louder than the quietest moment of the last 2 s by 6 dB between 120 and 4,000 Hz. Steady noise is no voice to
    /// it; clicks, music, and the first 2 s of a noise that starts are. 10 ms frames, 0.01 % of a core.
    #[default]
    Energy,
    /// A small network (crate `earshot`), asked only within 200 ms of what stands 7 dB above that quietest moment, and
    /// at the begin. Clicks and steady noise are no voice to it, nor is a vowel that is held for longer than 2 s; music
    /// and tones are. Keep its threshold at 0.4 or above: below, clicks are voice. 16 ms frames, 0.05 % of a
    /// core while somebody speaks, 0.01 % otherwise.
    #[cfg(feature = "vad")]
    Earshot,
    /// Silero's network (crate `rustvani-vad`), asked as seldom. Music and tones are no voice to it either. 32 ms
    /// frames, 0.8 % of a core while somebody speaks, 0.01 % otherwise, 2.5 MB for each; where it is asked, it
    /// allocates and locks a mutex that nobody else has.
    #[cfg(feature = "vad-silero")]
    Silero,
}

impl Detector {
    /// Every detector of this build.
    pub const ALL: &[Self] = &[
        Self::Energy,
        #[cfg(feature = "vad")]
        Self::Earshot,
        #[cfg(feature = "vad-silero")]
        Self::Silero,
    ];

    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            #[cfg(feature = "vad")]
            Self::Earshot => "earshot",
            #[cfg(feature = "vad-silero")]
            Self::Silero => "silero",
        }
    }

    /// A detector that has heard nothing.
    pub fn build(self) -> Box<dyn VoiceDetector> {
        match self {
            Self::Energy => Box::new(energy::Energy::new()),
            #[cfg(feature = "vad")]
            Self::Earshot => Box::new(alert::Alert::new(earshot::Earshot::new())),
            #[cfg(feature = "vad-silero")]
            Self::Silero => Box::new(alert::Alert::new(silero::Silero::new())),
        }
    }
}

/// What counts as voice, and what is called for around it. The defaults suit dictation.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct Voice {
    detector: Detector,
    threshold: f32,
    padding_ms: u32,
    hangover_ms: u32,
    min_len_ms: u32,
    trailing_silence_ms: Option<u32>,
    max_len_ms: Option<u32>,
    no_speech_ms: Option<u32>,
}

impl Default for Voice {
    fn default() -> Self {
        Self {
            detector: Detector::default(),
            threshold: 0.5,
            padding_ms: 300,
            hangover_ms: 300,
            min_len_ms: 0,
            trailing_silence_ms: None,
            max_len_ms: None,
            no_speech_ms: None,
        }
    }
}

impl Voice {
    /// Of the padding, the hangover and the shortest voice: the caller keeps that much audio.
    const MOST_MS: u32 = 10_000;

    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which detector. Default: [`Detector::Energy`].
    pub fn detector(self, detector: Detector) -> Self {
        Self { detector, ..self }
    }

    /// The least score that is voice, above 0.0 and at most 1.0. Default 0.5.
    pub fn threshold(self, threshold: f32) -> Self {
        Self { threshold, ..self }
    }

    /// Audio before the first voice that belongs to a segment, at most 10,000 ms. Default 300: with 200, a quiet onset
    /// lost 44 ms.
    pub fn padding_ms(self, ms: u32) -> Self {
        Self { padding_ms: ms, ..self }
    }

    /// Audio behind the last voice that belongs to a segment, at most 10,000 ms. Voice that comes back within it goes
    /// on in the same segment. Default 300.
    pub fn hangover_ms(self, ms: u32) -> Self {
        Self { hangover_ms: ms, ..self }
    }

    /// Voice that is shorter, from its begin to its end with the dips between, makes no segment; at most 10,000 ms.
    /// The start of a segment is told later by as much. Default 0: two frames in a row are enough.
    pub fn min_len_ms(self, ms: u32) -> Self {
        Self { min_len_ms: ms, ..self }
    }

    /// An end point where no voice followed a segment's for so long, but not before the segment's own end.
    /// Default: none.
    pub fn trailing_silence_ms(self, ms: u32) -> Self {
        Self { trailing_silence_ms: Some(ms), ..self }
    }

    /// Segments end after so long, with an end point, and voice that goes on is the next one. Longer than padding,
    /// hangover and shortest voice together. Default: no limit.
    pub fn max_len_ms(self, ms: u32) -> Self {
        Self { max_len_ms: Some(ms), ..self }
    }

    /// An end point where no segment began within so long from the first frame. Default: none.
    pub fn no_speech_ms(self, ms: u32) -> Self {
        Self { no_speech_ms: Some(ms), ..self }
    }

    /// A gate with the detector that was asked for.
    ///
    /// # Errors
    /// `BadArgument` when a value is out of its documented range.
    pub fn gate(self) -> Result<VoiceGate, Error> {
        self.gate_with(self.detector.build())
    }

    /// A gate with a detector of one's own.
    ///
    /// # Errors
    /// As [`gate`](Self::gate).
    pub fn gate_with(self, detector: Box<dyn VoiceDetector>) -> Result<VoiceGate, Error> {
        if !(self.threshold > 0.0 && self.threshold <= 1.0) {
            return Err(Error::bad_argument(format!(
                "a voice threshold of {} is not above 0 and at most 1",
                self.threshold
            )));
        }
        let around = [self.padding_ms, self.hangover_ms, self.min_len_ms];
        if let Some(ms) = around.into_iter().find(|ms| *ms > Self::MOST_MS) {
            return Err(Error::bad_argument(format!(
                "padding, hangover and shortest voice are at most {} ms; {ms} is more",
                Self::MOST_MS
            )));
        }
        let least = around.into_iter().sum::<u32>();
        if let Some(ms) = self.max_len_ms.filter(|ms| *ms <= least) {
            return Err(Error::bad_argument(format!(
                "segments of at most {ms} ms have no room for the {least} ms of padding, hangover and shortest voice"
            )));
        }
        let frames = |ms: u32| (u64::from(ms) * u64::from(detector.rate_hz())).div_ceil(1_000);
        let rules = Rules {
            padding: frames(self.padding_ms),
            hangover: frames(self.hangover_ms),
            min_len: frames(self.min_len_ms),
            trailing_silence: self.trailing_silence_ms.map(frames),
            max_len: self.max_len_ms.map(frames),
            no_speech: self.no_speech_ms.map(frames),
        };
        Ok(VoiceGate::new(detector, self.threshold, rules))
    }
}

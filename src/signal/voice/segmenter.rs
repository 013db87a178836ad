//! Segments and end points: a state machine over stretches of the axis, each with voice or without.

/// Stretches in a row that make an onset; a single one is a click or an error. It costs no audio, because a segment
/// begins before the first of them.
pub(super) const ONSET: u32 = 2;

/// What [`Voice`](super::Voice) asks for, in frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub padding: u64,
    pub hangover: u64,
    pub min_len: u64,
    pub trailing_silence: Option<u64>,
    pub max_len: Option<u64>,
    pub no_speech: Option<u64>,
}

/// Why a speaker seems to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EndPoint {
    /// No voice for the trailing silence.
    Silence,
    /// The segment reached its greatest length.
    TooLong,
    /// Nobody spoke at all. Told once.
    NoSpeech,
}

/// What a [`VoiceGate`](super::VoiceGate) tells. Positions are those of the pushed frames and never ahead of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum VoiceEvent {
    /// A segment begins.
    Started {
        /// Its first frame, padding included: not before the first frame that was pushed, nor before the end of the
        /// segment before.
        position: u64,
    },
    /// The segment that began ends.
    Ended {
        /// The first frame that is not in it; the hangover is.
        position: u64,
    },
    /// The speaker seems to be done. The gate goes on.
    EndPoint {
        /// Where that became true.
        position: u64,
        /// Why.
        why: EndPoint,
    },
}

#[derive(Clone, Copy, Debug)]
enum State {
    Quiet,
    /// Voice that may still turn out to be none: in `voiced` stretches from `from` on, the last up to `until`.
    Onset {
        from: u64,
        until: u64,
        voiced: u32,
    },
    /// A segment that was told; the last voice reached up to `until`.
    Open {
        start: u64,
        until: u64,
    },
}

#[derive(Debug)]
pub(super) struct Segmenter {
    rules: Rules,
    state: State,
    /// Padding reaches back no further: the first frame, or the end of the last segment.
    free_from: u64,
    /// Up to where the last segment had voice, until its end point was told.
    spoke_until: Option<u64>,
    /// Where nobody spoke at all, if nobody does.
    no_speech_at: Option<u64>,
}

impl Segmenter {
    /// A segmenter whose first frame is `begin`.
    pub fn new(rules: Rules, begin: u64) -> Self {
        let no_speech_at = rules.no_speech.map(|frames| begin + frames);
        Self { rules, state: State::Quiet, free_from: begin, spoke_until: None, no_speech_at }
    }

    /// Takes in what is left up to `to`: without voice, or a stretch with voice that begins at `voice`.
    pub fn step(&mut self, to: u64, voice: Option<u64>, on: &mut dyn FnMut(VoiceEvent)) {
        let rules = self.rules;
        self.state = match (self.state, voice) {
            (State::Quiet, Some(from)) => State::Onset { from, until: to, voiced: 1 },
            (State::Onset { from, voiced, .. }, Some(_)) => {
                State::Onset { from, until: to, voiced: voiced.saturating_add(1) }
            }
            (State::Onset { until, voiced, .. }, None) if voiced < ONSET || to - until >= rules.hangover => {
                State::Quiet
            }
            (State::Open { start, .. }, Some(_)) => State::Open { start, until: to },
            (same, None) => same,
        };
        if let State::Onset { from, until, voiced: ONSET.. } = self.state
            && until - from >= rules.min_len
        {
            let start = from.saturating_sub(rules.padding).max(self.free_from);
            on(VoiceEvent::Started { position: start });
            self.no_speech_at = None;
            self.state = State::Open { start, until };
        }
        if let State::Open { start, until } = self.state {
            let silent = if voice.is_some() { u64::MAX } else { until + rules.hangover };
            let full = rules.max_len.map_or(u64::MAX, |frames| start + frames);
            if to >= silent.min(full) {
                self.end(silent.min(full), until, on);
                if full < silent {
                    on(VoiceEvent::EndPoint { position: full, why: EndPoint::TooLong });
                    self.spoke_until = None;
                }
                if let Some(from) = voice {
                    self.state = State::Onset { from, until: to, voiced: 1 };
                }
            }
        }
        if matches!(self.state, State::Quiet) {
            self.point(to, on);
        }
    }

    /// The end points that need silence.
    fn point(&mut self, to: u64, on: &mut dyn FnMut(VoiceEvent)) {
        if let (Some(until), Some(frames)) = (self.spoke_until, self.rules.trailing_silence)
            && to >= until + frames
        {
            self.spoke_until = None;
            let position = (until + frames).max(self.free_from);
            on(VoiceEvent::EndPoint { position, why: EndPoint::Silence });
        }
        if let Some(position) = self.no_speech_at.take_if(|position| to >= *position) {
            on(VoiceEvent::EndPoint { position, why: EndPoint::NoSpeech });
        }
    }

    fn end(&mut self, position: u64, until: u64, on: &mut dyn FnMut(VoiceEvent)) {
        on(VoiceEvent::Ended { position });
        self.state = State::Quiet;
        self.free_from = position;
        self.spoke_until = Some(until);
    }

    /// Ends an open segment at `position`, up to where every frame was taken in.
    pub fn finish(&mut self, position: u64, on: &mut dyn FnMut(VoiceEvent)) {
        if let State::Open { until, .. } = self.state {
            self.end(position, until, on);
        }
    }
}

//! A signal whose every frame says where it stands, and its decoder: what a recording lacks is counted exactly.

use std::fs;
use std::io;
use std::path::Path;

/// Positions of the float code: 174 s at 48 kHz.
pub const POSITIONS: u32 = 1 << 23;

/// Added to the positions of a second microphone, so that nobody takes it for the first: scenes are shorter than 87 s.
pub const SECOND: u32 = 1 << 22;

/// What the loudspeakers play, in every channel: nothing that any microphone says.
pub const LOUDSPEAKER: f32 = 0.25;

/// Odd, so that multiplying by it is a permutation: neighbours lie far apart, as in noise.
const SCRAMBLE: u32 = 0x0025_45F5;
const SCRAMBLE_16: u16 = 0x9E37;
const MIX_HIGH: u16 = 0x6255;
const MIX_LOW: u16 = 0x3B5D;

/// Fewer frames in a row that decode are chance.
const LEAST_RUN: u64 = 8;

/// How a frame says its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Each channel alone, in 23 bits of a float within `-0.5..0.5`.
    Float,
    /// The first two channels together, in 16 bits each: what a server that speaks 16 bits passes on unharmed.
    Stereo16,
}

impl Code {
    /// The first two channels of the frame at `position`, which is less than [`POSITIONS`].
    pub fn frame(self, position: u32) -> [f32; 2] {
        match self {
            Self::Float => [float(position); 2],
            Self::Stereo16 => stereo16(position).map(|sample| f32::from(sample) / 32_768.0),
        }
    }

    /// The position that a frame says, if it says one.
    fn position(self, frame: &[f32]) -> Option<u32> {
        let position = match self {
            Self::Float => {
                let value = f64::from(frame[0]) * f64::from(POSITIONS) + f64::from(POSITIONS / 2);
                let scrambled = value.round();
                let is_code =
                    (value - scrambled).abs() < 0.02 && (0.0..f64::from(POSITIONS)).contains(&scrambled);
                let position = (scrambled as u32).wrapping_mul(inverse_32(SCRAMBLE)) % POSITIONS;
                is_code.then_some(position)?
            }
            Self::Stereo16 => {
                let word = |sample: f32| {
                    let value = sample * 32_768.0;
                    (value == value.round()).then_some(value as i32 as u16)
                };
                let (left, right) = (word(frame[0])?, word(*frame.get(1)?)?);
                let low = left.wrapping_mul(inverse_16(SCRAMBLE_16));
                let high = right.wrapping_sub(low.wrapping_mul(MIX_LOW)).wrapping_mul(inverse_16(MIX_HIGH));
                u32::from(high) << 16 | u32::from(low)
            }
        };
        (position < POSITIONS).then_some(position)
    }
}

fn float(position: u32) -> f32 {
    let scrambled = position.wrapping_mul(SCRAMBLE) % POSITIONS;
    (scrambled as f32 - (POSITIONS / 2) as f32) / POSITIONS as f32
}

/// The two samples of the frame at `position`.
pub fn stereo16(position: u32) -> [i16; 2] {
    let (low, high) = (position as u16, (position >> 16) as u16);
    let right = high.wrapping_mul(MIX_HIGH).wrapping_add(low.wrapping_mul(MIX_LOW));
    [low.wrapping_mul(SCRAMBLE_16) as i16, right as i16]
}

/// What undoes a multiplication by `odd`, modulo any power of two: Newton's way, which doubles the right bits each time.
fn inverse_32(odd: u32) -> u32 {
    (0..5).fold(odd, |guess, _| guess.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(guess))))
}

fn inverse_16(odd: u16) -> u16 {
    inverse_32(odd.into()) as u16
}

/// What a stretch of a recording holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// The microphone, frame by frame from this position on.
    Source(u32),
    /// Zeros.
    Silence,
    /// What the loudspeakers play.
    Loudspeaker,
    /// Anything else: the microphone's signal, altered.
    Altered,
}

/// Frames of a recording that hold the same kind of thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first frame's place in the recording.
    pub at: u64,
    /// How many.
    pub frames: u64,
    /// What they hold.
    pub holds: Holds,
}

/// A recording, decoded.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// Everything in it, in order.
    pub runs: Vec<Run>,
    /// All frames.
    pub frames: u64,
    /// Channels beside the first that are nothing but zeros.
    pub dead_channels: u16,
}

/// Frames that a recording has of the source, as `first..end`.
type Span = (u32, u32);

impl Recorded {
    /// Decodes interleaved `samples` (frames * `channels`).
    pub fn decode(samples: &[f32], channels: u16, code: Code) -> Self {
        let width = usize::from(channels.max(1));
        let frames: Vec<&[f32]> = samples.chunks_exact(width).collect();
        let silent = |frame: &[f32]| frame.iter().all(|sample| *sample == 0.0);
        let is_loud = |at: usize| frames.get(at).is_some_and(|frame| (frame[0] - LOUDSPEAKER).abs() < 1e-6);
        // One frame of the microphone says the same.
        let loud = |at: usize| is_loud(at) && (is_loud(at + 1) || at > 0 && is_loud(at - 1));
        let mut runs: Vec<Run> = Vec::new();
        for (at, frame) in (0..).zip(&frames) {
            if let Some(run) = runs.last_mut()
                && let Holds::Source(first) = run.holds
                && code.frame(first + run.frames as u32)[..width.min(2)]
                    .iter()
                    .zip(*frame)
                    .take(if code == Code::Float { 1 } else { 2 })
                    .all(|(expected, sample)| (expected - sample).abs() < 1e-8)
            {
                run.frames += 1;
                continue;
            }
            let holds = match code.position(frame) {
                _ if silent(frame) => Holds::Silence,
                _ if loud(at as usize) => Holds::Loudspeaker,
                Some(position) => Holds::Source(position),
                None => Holds::Altered,
            };
            match runs.last_mut() {
                Some(run) if run.holds == holds && !matches!(holds, Holds::Source(_)) => run.frames += 1,
                _ => runs.push(Run { at, frames: 1, holds }),
            }
        }
        let dead = |channel: &usize| frames.iter().all(|frame| frame[*channel] == 0.0);
        let dead_channels = if frames.is_empty() { 0 } else { (1..width).filter(dead).count() as u16 };
        Self { runs: without_chance(runs), frames: frames.len() as u64, dead_channels }
    }

    /// Reads a WAV file, also one whose header was never finished.
    ///
    /// # Errors
    /// What the file system says, or that this is no WAV file of a known format.
    pub fn read(path: &Path, code: Code) -> io::Result<Self> {
        let (samples, channels) =
            wav(&fs::read(path)?).ok_or_else(|| io::Error::other("no such WAV file"))?;
        Ok(Self::decode(&samples, channels, code))
    }

    /// Frames of this kind.
    pub fn count(&self, is: impl Fn(Holds) -> bool) -> u64 {
        self.runs.iter().filter(|run| is(run.holds)).map(|run| run.frames).sum()
    }

    /// Frames between the first and the last one of the microphone that are something else of this kind.
    pub fn between(&self, is: impl Fn(Holds) -> bool) -> u64 {
        let source: Vec<u64> = self.source().map(|(run, _)| run.at).collect();
        let (Some(first), Some(last)) = (source.first(), source.last()) else { return 0 };
        let inside = self.runs.iter().filter(|run| run.at > *first && run.at < *last);
        inside.filter(|run| is(run.holds)).map(|run| run.frames).sum()
    }

    /// The runs that hold the microphone, each with its position.
    pub fn source(&self) -> impl DoubleEndedIterator<Item = (Run, u32)> + '_ {
        self.runs.iter().filter_map(|run| match run.holds {
            Holds::Source(position) => Some((*run, position)),
            _ => None,
        })
    }

    /// By how many frames the recording's time falls short of the source's, from its first frame of the source to its
    /// last: what is missing and has nothing in its place. Negative: there is more than the source had.
    pub fn falls_short(&self) -> i64 {
        let (Some((first, begun)), Some((last, at))) = (self.source().next(), self.source().next_back())
        else {
            return 0;
        };
        let in_source = i64::from(at) + last.frames as i64 - i64::from(begun);
        in_source - (last.at + last.frames - first.at) as i64
    }

    /// Where the recording's time and that of a microphone part: the place, and how many frames are missing there
    /// (negative: too many).
    pub fn steps(&self) -> Vec<(u64, i64)> {
        let source: Vec<(Run, u32)> = self.source().collect();
        let step = |pair: &[(Run, u32)]| {
            let [(before, from), (after, to)] = pair else { unreachable!("pairs") };
            let in_source = i64::from(*to) - i64::from(*from);
            (before.at + before.frames, in_source - (after.at - before.at) as i64)
        };
        source.windows(2).filter(of_one).map(step).filter(|(_, frames)| *frames != 0).collect()
    }

    /// How many frames of the source `other` has and this has not, between this one's first and last. They stand in
    /// `other` in stretches that are longer than chance.
    pub fn lacks_of(&self, other: &Self) -> u64 {
        let ours = self.spans();
        let Some((begin, end)) = ours.first().zip(ours.last()).map(|(first, last)| (first.0, last.1)) else {
            return other.spans().iter().map(|span| u64::from(span.1 - span.0)).sum();
        };
        let inside = |span: &Span| (span.0.max(begin), span.1.min(end));
        let lacks = |span: Span| {
            let held: u32 = ours.iter().map(|our| our.1.min(span.1).saturating_sub(our.0.max(span.0))).sum();
            u64::from(span.1.saturating_sub(span.0).saturating_sub(held))
        };
        other.spans().iter().map(inside).filter(|span| span.0 < span.1).map(lacks).sum()
    }

    /// How many frames of the source `other` has at places where this has neither them nor anything in their place. What
    /// stands in their place elsewhere, as a hole does that was found late, makes up for them.
    pub fn untold_of(&self, other: &Self) -> i64 {
        let theirs = other.spans();
        let source: Vec<(Run, u32)> = self.source().collect();
        let at = |pair: &[(Run, u32)]| {
            let [(before, from), (after, to)] = pair else { unreachable!("pairs") };
            let gone = (from + before.frames as u32, *to);
            let held = |span: &Span| i64::from(span.1.min(gone.1)) - i64::from(span.0.max(gone.0));
            let beside: i64 = theirs.iter().map(|span| held(span).max(0)).sum();
            let in_place = (after.at - before.at - before.frames) as i64;
            let late = (in_place - (i64::from(gone.1) - i64::from(gone.0))).max(0);
            (beside - in_place).max(0) - late
        };
        source.windows(2).filter(of_one).map(at).sum()
    }

    /// What of the source it holds, in order of the source, nothing twice.
    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = self.source().map(|(run, at)| (at, at + run.frames as u32)).collect();
        spans.sort_unstable();
        let mut joined: Vec<Span> = Vec::new();
        for span in spans {
            match joined.last_mut() {
                Some(last) if span.0 <= last.1 => last.1 = last.1.max(span.1),
                _ => joined.push(span),
            }
        }
        joined
    }
}

/// Whether two runs are of one microphone: from one to another there is no way to count.
fn of_one(pair: &&[(Run, u32)]) -> bool {
    (pair[0].1 < SECOND) == (pair[1].1 < SECOND)
}

/// Short runs of the source are chance, and count as altered.
fn without_chance(runs: Vec<Run>) -> Vec<Run> {
    let mut kept: Vec<Run> = Vec::new();
    for mut run in runs {
        if matches!(run.holds, Holds::Source(_)) && run.frames < LEAST_RUN {
            run.holds = Holds::Altered;
        }
        match kept.last_mut() {
            Some(last) if last.holds == run.holds && run.holds == Holds::Altered => last.frames += run.frames,
            _ => kept.push(run),
        }
    }
    kept
}

/// The samples of a WAV file as floats, and its channels. A length that was never written is the rest of the file.
pub fn wav(bytes: &[u8]) -> Option<(Vec<f32>, u16)> {
    let word = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let double = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let (mut at, mut format) = (12, None);
    loop {
        let (name, length) = (bytes.get(at..at + 4)?, double(at + 4)?);
        let body = at + 8;
        if name == b"fmt " {
            let tag = match word(body)? {
                0xFFFE => word(body + 24)?,
                tag => tag,
            };
            format = Some((tag, word(body + 2)?, word(body + 14)?));
        }
        if name == b"data" {
            let end = if length == 0 { bytes.len() } else { bytes.len().min(body.saturating_add(length)) };
            let data = &bytes[body..end];
            let (tag, channels, bits) = format?;
            let samples = match (tag, bits) {
                (1, 16) => whole(data, |b: [u8; 2]| f32::from(i16::from_le_bytes(b)) / 32_768.0),
                (1, 24) => whole(data, |[a, b, c]: [u8; 3]| {
                    (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0
                }),
                // A double is wide enough, and what is left of 23 bits fits into a float again.
                (1, 32) => whole(data, |b: [u8; 4]| {
                    (f64::from(i32::from_le_bytes(b)) / 256.0).round() as f32 / 8_388_608.0
                }),
                (3, 32) => whole(data, f32::from_le_bytes),
                _ => return None,
            };
            return Some((samples, channels));
        }
        at = body.checked_add(length)?.checked_add(length & 1)?;
    }
}

fn whole<const N: usize>(data: &[u8], sample: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    data.chunks_exact(N).map(|bytes| sample(bytes.try_into().expect("so many bytes"))).collect()
}

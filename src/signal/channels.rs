//! A device's channels become a tap's.

use std::fmt;
use std::str::FromStr;

use super::liveness::Liveness;
use crate::{Error, StreamFormat};

/// Which of a device's channels come out, and how. Channels count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Channels {
    /// One channel: the average of all that carry anything. Nothing can clip, and a voice on all of them keeps its level.
    ///
    /// A microphone that was opened as two channels, of which one is not connected, keeps its level as well: a channel is
    /// left out when it is exactly silent from the start on while another is not, from the second 20 ms on; or when it
    /// stays 50 dB and more below another for a second of signal. It is taken in again when it comes within 40 dB for
    /// 100 ms. Each change is faded over 20 ms, and told of the device as
    /// [`EventKind::DeadChannels`](crate::EventKind::DeadChannels). It is decided by the audio alone, from where the tap
    /// began: the same audio always gives the same, bit for bit, however it came. While none is dead, this is `Average`.
    #[default]
    Mono,
    /// One channel: the plain average of all, dead ones too: a voice on one of two channels loses 6 dB.
    Average,
    /// One channel: the plain average of the chosen ones.
    MonoOf(Vec<u16>),
    /// One channel: the first.
    First,
    /// Every channel, as the device has them.
    All,
    /// The chosen channels in the given order; one may be named twice.
    List(Vec<u16>),
}

impl fmt::Display for Channels {
    /// As [`FromStr`] reads it; `MonoOf`, which has no option of its own, as `mono of LIST`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match self {
            Self::Mono => return f.write_str("mono"),
            Self::Average => return f.write_str("average"),
            Self::First => return f.write_str("first"),
            Self::All => return f.write_str("all"),
            Self::MonoOf(list) => {
                f.write_str("mono of ")?;
                list
            }
            Self::List(list) => list,
        };
        for (i, channel) in list.iter().enumerate() {
            write!(f, "{}{channel}", if i == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Channels {
    type Err = String;

    /// Reads `mono`, `average`, `first`, `all`, or a list like `0,2`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mono" => Ok(Self::Mono),
            "average" => Ok(Self::Average),
            "first" => Ok(Self::First),
            "all" => Ok(Self::All),
            list => {
                let numbers: Result<_, _> = list.split(',').map(|number| number.trim().parse()).collect();
                numbers.map(Self::List).map_err(|_| {
                    format!("'{list}' is not mono, average, first, all or a list of channel numbers like 0,2")
                })
            }
        }
    }
}

/// [`Channels`] applied to a device's channel count.
#[derive(Clone, Debug)]
pub struct Mixer {
    input_channels: usize,
    plan: Plan,
}

#[multiversion::multiversion(targets("x86_64+avx2"))]
fn average(pairs: &[[f32; 2]], out: &mut [f32]) {
    for (out, [left, right]) in out.iter_mut().zip(pairs) {
        *out = (left + right) * 0.5;
    }
}

#[derive(Clone, Debug)]
enum Plan {
    Copy,
    /// Own case because it is the common one and the compiler vectorises it.
    AverageOfTwo,
    Average(Vec<usize>),
    Pick(Vec<usize>),
    Living(Box<Living>),
}

/// The average of the living channels.
#[derive(Clone, Debug)]
struct Living {
    liveness: Liveness,
    /// Those of the window before, and of the present one, over which the first give way to the others.
    before: u32,
    now: u32,
}

impl Living {
    fn new(rate_hz: u32, channels: u16) -> Self {
        let liveness = Liveness::new(rate_hz, channels);
        let alive = liveness.alive();
        Self { liveness, before: alive, now: alive }
    }

    fn mix(&mut self, channels: usize, interleaved: &[f32], out: &mut Vec<f32>) {
        let mut rest = interleaved;
        while !rest.is_empty() {
            let (window, at, room) = self.liveness.place();
            let (piece, behind) = rest.split_at((room * channels).min(rest.len()));
            let start = out.len();
            mean(self.now, channels, piece, out);
            if self.before != self.now {
                for (i, (frame, mixed)) in piece.chunks_exact(channels).zip(&mut out[start..]).enumerate() {
                    let old = mean_of(self.before, frame);
                    *mixed = old + (*mixed - old) * ((at + i + 1) as f32 / window as f32);
                }
            }
            self.liveness.add(piece);
            if piece.len() / channels == room {
                (self.before, self.now) = (self.now, self.liveness.alive());
            }
            rest = behind;
        }
    }

    /// What comes next does not follow on what came, and needs no fade.
    fn hole(&mut self) {
        self.liveness.hole();
        self.before = self.now;
    }
}

/// The mean of the channels whose bits are set, frame by frame.
fn mean(channels: u32, of: usize, interleaved: &[f32], out: &mut Vec<f32>) {
    let start = out.len();
    match (channels.count_ones() as usize, of) {
        (2, 2) => {
            let (pairs, _) = interleaved.as_chunks::<2>();
            out.resize(start + pairs.len(), 0.0);
            average(pairs, &mut out[start..]);
        }
        (1, _) => {
            let only = channels.trailing_zeros() as usize;
            out.extend(interleaved.chunks_exact(of).map(|frame| frame[only]));
        }
        _ => out.extend(interleaved.chunks_exact(of).map(|frame| mean_of(channels, frame))),
    }
}

fn mean_of(channels: u32, frame: &[f32]) -> f32 {
    let living = frame.iter().enumerate().filter(|(channel, _)| channels >> channel & 1 == 1);
    living.map(|(_, sample)| sample).sum::<f32>() * (1.0 / channels.count_ones() as f32)
}

impl Mixer {
    /// A mixer from `device_channels` interleaved channels at `rate_hz` to what `channels` asks for.
    ///
    /// # Errors
    /// `BadArgument` when a list is empty or names a channel that the device lacks, or the device has none.
    pub fn new(channels: &Channels, device_channels: u16, rate_hz: u32) -> Result<Self, Error> {
        if device_channels == 0 {
            return Err(Error::bad_argument("a device has at least one channel"));
        }
        let all = 0..usize::from(device_channels);
        let plan = match channels {
            Channels::Mono if (2..=StreamFormat::MAX_CHANNELS).contains(&device_channels) => {
                Plan::Living(Box::new(Living::new(rate_hz, device_channels)))
            }
            Channels::Average if device_channels == 2 => Plan::AverageOfTwo,
            Channels::Mono | Channels::Average => Plan::average(all.collect(), device_channels),
            Channels::MonoOf(list) => Plan::average(checked(list, device_channels)?, device_channels),
            Channels::First => Plan::pick(vec![0], device_channels),
            Channels::All => Plan::Copy,
            Channels::List(list) => Plan::pick(checked(list, device_channels)?, device_channels),
        };
        Ok(Self { input_channels: usize::from(device_channels), plan })
    }

    /// The mixer for a device that took another's place: always the `output_channels` of the first. A channel that this
    /// one lacks is replaced by its last.
    pub fn in_place(channels: &Channels, device_channels: u16, rate_hz: u32, output_channels: usize) -> Self {
        if let Ok(mixer) = Self::new(channels, device_channels, rate_hz)
            && mixer.output_channels() == output_channels
        {
            return mixer;
        }
        let last = usize::from(device_channels.max(1)) - 1;
        let near = |channel: usize| channel.min(last);
        let plan = match channels {
            Channels::MonoOf(list) => {
                let mut there: Vec<usize> = list.iter().map(|&channel| near(channel.into())).collect();
                there.dedup();
                Plan::average(there, device_channels)
            }
            Channels::List(list) => Plan::Pick(list.iter().map(|&channel| near(channel.into())).collect()),
            _ => Plan::Pick((0..output_channels).map(near).collect()),
        };
        Self { input_channels: last + 1, plan }
    }

    /// Channels that come out, at least 1.
    pub fn output_channels(&self) -> usize {
        match &self.plan {
            Plan::Copy => self.input_channels,
            Plan::AverageOfTwo | Plan::Average(_) | Plan::Living(_) => 1,
            Plan::Pick(list) => list.len(),
        }
    }

    /// Replaces the content of `out` by the mix of `interleaved` (whole frames of the device's channels),
    /// interleaved as well. Allocates only while `out`'s capacity is below the result.
    pub fn mix(&mut self, interleaved: &[f32], out: &mut Vec<f32>) {
        debug_assert!(interleaved.len().is_multiple_of(self.input_channels));
        if !matches!(self.plan, Plan::AverageOfTwo) {
            out.clear();
        }
        let frames = interleaved.chunks_exact(self.input_channels);
        match &mut self.plan {
            Plan::Copy => out.extend_from_slice(interleaved),
            Plan::Living(living) => living.mix(self.input_channels, interleaved, out),
            Plan::AverageOfTwo => {
                let (pairs, _) = interleaved.as_chunks::<2>();
                // Without the clearing: blocks are of one length, and need no zeros first.
                out.resize(pairs.len(), 0.0);
                average(pairs, out);
            }
            Plan::Average(list) => {
                let share = 1.0 / list.len() as f32;
                out.extend(frames.map(|frame| list.iter().map(|&i| frame[i]).sum::<f32>() * share));
            }
            Plan::Pick(list) if list.len() == 1 => out.extend(frames.map(|frame| frame[list[0]])),
            Plan::Pick(list) => {
                out.reserve(frames.len() * list.len());
                frames.for_each(|frame| out.extend(list.iter().map(|&i| frame[i])));
            }
        }
    }

    /// What comes next does not follow on what came.
    pub fn hole(&mut self) {
        if let Plan::Living(living) = &mut self.plan {
            living.hole();
        }
    }
}

impl Plan {
    fn average(list: Vec<usize>, device_channels: u16) -> Self {
        if list.len() == 1 { Self::pick(list, device_channels) } else { Self::Average(list) }
    }

    fn pick(list: Vec<usize>, device_channels: u16) -> Self {
        let is_everything = list.iter().copied().eq(0..usize::from(device_channels));
        if is_everything { Self::Copy } else { Self::Pick(list) }
    }
}

fn checked(list: &[u16], device_channels: u16) -> Result<Vec<usize>, Error> {
    if list.is_empty() {
        return Err(Error::bad_argument("the list of channels is empty; nothing was started"));
    }
    if list.len() > usize::from(StreamFormat::MAX_CHANNELS) {
        return Err(Error::bad_argument("a list names at most 32 channels; nothing was started"));
    }
    if let Some(missing) = list.iter().find(|&&channel| channel >= device_channels) {
        let last = device_channels - 1;
        let has = if last == 0 { "only channel 0".into() } else { format!("channels 0 to {last}") };
        return Err(Error::bad_argument(format!(
            "there is no channel {missing}: the device has {has}, counting from 0"
        )));
    }
    Ok(list.iter().map(|&channel| usize::from(channel)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn mixed(channels: Channels, device_channels: u16, interleaved: &[f32]) -> Vec<f32> {
        let mut mixer = Mixer::new(&channels, device_channels, 48_000).unwrap();
        let mut out = vec![9.0; 3];
        mixer.mix(interleaved, &mut out);
        assert_eq!(out.len() % mixer.output_channels(), 0);
        out
    }

    #[test]
    fn every_policy_takes_the_channels_that_it_names() {
        let three = [0.5, -1.0, 2.0, 1.0, 0.0, -0.25];
        assert_eq!(mixed(Channels::Mono, 3, &three), [0.5, 0.25]);
        assert_eq!(mixed(Channels::Mono, 2, &three), [-0.25, 1.5, -0.125]);
        assert_eq!(mixed(Channels::Mono, 1, &three), three);
        assert_eq!(mixed(Channels::Average, 3, &three), [0.5, 0.25]);
        assert_eq!(mixed(Channels::Average, 2, &three), [-0.25, 1.5, -0.125]);
        assert_eq!(mixed(Channels::First, 3, &three), [0.5, 1.0]);
        assert_eq!(mixed(Channels::First, 1, &three), three);
        assert_eq!(mixed(Channels::All, 3, &three), three);
        assert_eq!(mixed(Channels::MonoOf(vec![0, 2]), 3, &three), [1.25, 0.375]);
        assert_eq!(mixed(Channels::MonoOf(vec![1]), 3, &three), [-1.0, 0.0]);
        assert_eq!(mixed(Channels::List(vec![2, 0]), 3, &three), [2.0, 0.5, -0.25, 1.0]);
        assert_eq!(mixed(Channels::List(vec![0, 1, 2]), 3, &three), three);
    }

    #[test]
    fn a_missing_channel_and_an_empty_list_are_bad_arguments() {
        for list in [vec![], vec![0, 2]] {
            for channels in [Channels::List(list.clone()), Channels::MonoOf(list.clone())] {
                let error = Mixer::new(&channels, 2, 48_000).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BadArgument);
                assert!(list.is_empty() || error.to_string().contains("channels 0 to 1"), "{error}");
            }
        }
        assert!(Mixer::new(&Channels::All, 0, 48_000).is_err());
    }

    #[test]
    fn options_read_back_as_they_are_written() {
        for text in ["mono", "average", "first", "all", "0", "1,0,31"] {
            assert_eq!(text.parse::<Channels>().unwrap().to_string(), text);
        }
        for text in ["", "both", "1,", "-1", "0;1", "70000"] {
            assert!(text.parse::<Channels>().unwrap_err().contains("mono, average, first, all"));
        }
    }

    /// So many frames of two channels, tones of these peaks.
    fn tones(frames: usize, left: f32, right: f32) -> Vec<f32> {
        (0..frames).flat_map(|i| [left, right].map(|peak| peak * (i as f32 * 0.13).sin())).collect()
    }

    fn mono_of(interleaved: &[f32], piece: usize) -> Vec<f32> {
        let mut mixer = Mixer::new(&Channels::Mono, 2, 48_000).unwrap();
        let mut out = Vec::new();
        interleaved
            .chunks(2 * piece)
            .flat_map(|piece| {
                mixer.mix(piece, &mut out);
                out.clone()
            })
            .collect()
    }

    #[test]
    fn a_dead_channel_is_left_out_of_the_mix_and_a_living_one_is_not() {
        let dead = tones(9_600, 0.4, 0.0);
        let mixed = mono_of(&dead, 480);
        let only: Vec<f32> = dead.iter().step_by(2).copied().collect();
        // At half level in the first window, and at its own behind the fade.
        assert!(mixed[..960].iter().zip(&only).all(|(mixed, only)| *mixed == only * 0.5));
        assert_eq!(mixed[1920..], only[1920..]);
        for peaks in [(0.4, 0.4), (0.4, 0.1), (0.01, 0.4)] {
            let tones = tones(48_000 * 3, peaks.0, peaks.1);
            let plain: Vec<f32> = tones.chunks(2).map(|frame| (frame[0] + frame[1]) * 0.5).collect();
            assert_eq!(mono_of(&tones, 700), plain);
        }
    }

    #[test]
    fn whatever_the_pieces_and_the_changes_the_mix_is_the_same_and_does_not_click() {
        let parts = [(0.4, 0.0), (0.4, 0.4), (0.4, 0.000_5), (0.2, 0.3)].map(|(l, r)| tones(70_000, l, r));
        let audio = parts.concat();
        let whole = mono_of(&audio, audio.len());
        for piece in [1, 7, 480, 959, 960, 961, 4_096] {
            assert_eq!(mono_of(&audio, piece), whole, "in pieces of {piece}");
        }
        // From frame to frame no more than the tones themselves move, and a fade of 20 ms.
        let steepest = |samples: &[f32]| {
            samples.windows(2).fold(0.0, |most: f32, pair| most.max((pair[1] - pair[0]).abs()))
        };
        let within: Vec<f32> = whole.chunks(70_000).map(steepest).collect();
        assert!(within.iter().all(|step| *step < 0.4 * 0.13 + 0.4 / 960.0), "{within:?}");
    }

    #[test]
    fn the_plain_average_is_plain() {
        let dead = tones(9_600, 0.4, 0.0);
        let mut mixer = Mixer::new(&Channels::Average, 2, 48_000).unwrap();
        let mut out = Vec::new();
        mixer.mix(&dead, &mut out);
        assert!(out.iter().zip(dead.iter().step_by(2)).all(|(mixed, only)| *mixed == only * 0.5));
    }
}

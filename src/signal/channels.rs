//! A device's channels become a tap's.

use std::fmt;
use std::str::FromStr;

use crate::{Error, StreamFormat};

/// Which of a device's channels come out, and how. Channels count from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Channels {
    /// One channel: the average of all. (The plain average: nothing can clip, a voice on both of two
    /// channels keeps its level, a voice on one loses 6 dB.)
    #[default]
    Mono,
    /// One channel: the average of the chosen ones.
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

    /// Reads `mono`, `first`, `all`, or a list like `0,2`.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mono" => Ok(Self::Mono),
            "first" => Ok(Self::First),
            "all" => Ok(Self::All),
            list => {
                let numbers: Result<_, _> = list.split(',').map(|number| number.trim().parse()).collect();
                numbers.map(Self::List).map_err(|_| {
                    format!("'{list}' is not mono, first, all or a list of channel numbers like 0,2")
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
}

impl Mixer {
    /// A mixer from `device_channels` interleaved channels to what `channels` asks for.
    ///
    /// # Errors
    /// `BadArgument` when a list is empty or names a channel that the device lacks, or the device has none.
    pub fn new(channels: &Channels, device_channels: u16) -> Result<Self, Error> {
        if device_channels == 0 {
            return Err(Error::bad_argument("a device has at least one channel"));
        }
        let all = 0..usize::from(device_channels);
        let plan = match channels {
            Channels::Mono if device_channels == 2 => Plan::AverageOfTwo,
            Channels::Mono => Plan::average(all.collect(), device_channels),
            Channels::MonoOf(list) => Plan::average(checked(list, device_channels)?, device_channels),
            Channels::First => Plan::pick(vec![0], device_channels),
            Channels::All => Plan::Copy,
            Channels::List(list) => Plan::pick(checked(list, device_channels)?, device_channels),
        };
        Ok(Self { input_channels: usize::from(device_channels), plan })
    }

    /// The mixer for a device that took another's place: always the `output_channels` of the first. A channel that this
    /// one lacks is replaced by its last.
    pub fn in_place(channels: &Channels, device_channels: u16, output_channels: usize) -> Self {
        if let Ok(mixer) = Self::new(channels, device_channels)
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
            Plan::AverageOfTwo | Plan::Average(_) => 1,
            Plan::Pick(list) => list.len(),
        }
    }

    /// Replaces the content of `out` by the mix of `interleaved` (whole frames of the device's channels),
    /// interleaved as well. Allocates only while `out`'s capacity is below the result.
    pub fn mix(&self, interleaved: &[f32], out: &mut Vec<f32>) {
        debug_assert!(interleaved.len().is_multiple_of(self.input_channels));
        if !matches!(self.plan, Plan::AverageOfTwo) {
            out.clear();
        }
        let frames = interleaved.chunks_exact(self.input_channels);
        match &self.plan {
            Plan::Copy => out.extend_from_slice(interleaved),
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
        let mixer = Mixer::new(&channels, device_channels).unwrap();
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
                let error = Mixer::new(&channels, 2).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::BadArgument);
                assert!(list.is_empty() || error.to_string().contains("channels 0 to 1"), "{error}");
            }
        }
        assert!(Mixer::new(&Channels::All, 0).is_err());
    }

    #[test]
    fn options_read_back_as_they_are_written() {
        for text in ["mono", "first", "all", "0", "1,0,31"] {
            assert_eq!(text.parse::<Channels>().unwrap().to_string(), text);
        }
        for text in ["", "both", "1,", "-1", "0;1", "70000"] {
            assert!(text.parse::<Channels>().unwrap_err().contains("mono, first, all"));
        }
    }
}

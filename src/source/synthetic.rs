//! Signals made here: something to listen to where no microphone is.

use std::f64::consts::TAU;
use std::fmt;
use std::str::FromStr;

use super::speech::Speech;
use crate::SampleFormat;

/// A signal that is computed, the same at every run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Synthetic {
    /// A sine of 440 Hz with its peaks at -12 dBFS.
    Tone,
    /// White noise at -20 dBFS rms.
    Noise,
    /// Voiced syllables, about four a second, in phrases with pauses of a low noise; peaks near -6 dBFS.
    #[default]
    Speech,
}

impl Synthetic {
    /// Every signal, in the order of the declaration.
    pub const ALL: [Self; 3] = [Self::Tone, Self::Noise, Self::Speech];

    /// The name in lower case, as options spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tone => "tone",
            Self::Noise => "noise",
            Self::Speech => "speech",
        }
    }
}

impl fmt::Display for Synthetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Synthetic {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|signal| signal.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("'{name}' is not a synthetic signal; there are {known}")
        })
    }
}

/// Makes a [`Synthetic`] signal frame by frame, always the same from the first frame on, however it is split.
///
/// Every channel carries the same signal, channel `c` (from 0) by `c` dB quieter, so that mixed-up channels
/// show.
#[derive(Debug)]
pub struct Generator {
    signal: Signal,
    /// One factor per channel.
    gains: Vec<f32>,
    /// What `fill_native` converts; grows to its largest call.
    scratch: Vec<f32>,
}

#[derive(Debug)]
enum Signal {
    /// The frame's phase in `1 / rate_hz` of a turn, `0..rate_hz`: exact, so it never drifts.
    Tone {
        phase: u64,
        rate_hz: u64,
    },
    Noise(Noise),
    Speech(Box<Speech>),
}

impl Generator {
    const TONE_HZ: u64 = 440;
    /// -12 dBFS.
    const TONE_PEAK: f64 = 0.251_188_643_150_958;
    /// -20 dBFS.
    const NOISE_RMS: f32 = 0.1;

    /// A generator at its first frame.
    ///
    /// # Panics
    /// When `rate_hz` or `channels` is 0.
    pub fn new(kind: Synthetic, rate_hz: u32, channels: u16) -> Self {
        assert!(rate_hz > 0 && channels > 0, "a signal has a rate and channels");
        let signal = match kind {
            Synthetic::Tone => Signal::Tone { phase: 0, rate_hz: rate_hz.into() },
            Synthetic::Noise => Signal::Noise(Noise::new(1)),
            Synthetic::Speech => Signal::Speech(Box::new(Speech::new(rate_hz))),
        };
        let gains = (0..channels).map(|channel| 10_f32.powf(-f32::from(channel) / 20.0)).collect();
        Self { signal, gains, scratch: Vec::new() }
    }

    /// Fills `out` with the next frames, interleaved, within `-1.0..=1.0`. Never allocates. A rest shorter
    /// than a frame is left as it is.
    pub fn fill(&mut self, out: &mut [f32]) {
        let gains = &self.gains;
        let frames = out.chunks_exact_mut(gains.len());
        let spread = |frame: &mut [f32], value: f32| {
            frame.iter_mut().zip(gains).for_each(|(sample, gain)| *sample = value * gain);
        };
        match &mut self.signal {
            Signal::Tone { phase, rate_hz } => frames.for_each(|frame| {
                let turn = *phase as f64 / *rate_hz as f64;
                spread(frame, ((TAU * turn).sin() * Self::TONE_PEAK) as f32);
                *phase = (*phase + Self::TONE_HZ) % *rate_hz;
            }),
            Signal::Noise(noise) => {
                // Uniform noise in -1..=1 has an rms of 1/sqrt(3).
                let scale = Self::NOISE_RMS * 3_f32.sqrt();
                frames.for_each(|frame| spread(frame, noise.next() * scale));
            }
            Signal::Speech(speech) => frames.for_each(|frame| spread(frame, speech.next())),
        }
    }

    /// Replaces `out` by the next `frames` as a device of `format` delivers them: interleaved, in the
    /// machine's byte order, integers rounded to the nearest. Never allocates once it has had a call as large.
    pub fn fill_native(&mut self, format: SampleFormat, frames: usize, out: &mut Vec<u8>) {
        let mut samples = std::mem::take(&mut self.scratch);
        samples.resize(frames * self.gains.len(), 0.0);
        self.fill(&mut samples);
        match format {
            SampleFormat::I8 => convert(&samples, out, |x| [signed(x, 8) as u8]),
            SampleFormat::I16 => convert(&samples, out, |x| (signed(x, 16) as i16).to_ne_bytes()),
            SampleFormat::I24 => convert(&samples, out, |x| (signed(x, 24) as i32).to_ne_bytes()),
            SampleFormat::I32 => convert(&samples, out, |x| (signed(x, 32) as i32).to_ne_bytes()),
            SampleFormat::I64 => convert(&samples, out, |x| signed(x, 64).to_ne_bytes()),
            SampleFormat::U8 => convert(&samples, out, |x| [unsigned(x, 8) as u8]),
            SampleFormat::U16 => convert(&samples, out, |x| (unsigned(x, 16) as u16).to_ne_bytes()),
            SampleFormat::U24 => convert(&samples, out, |x| (unsigned(x, 24) as u32).to_ne_bytes()),
            SampleFormat::U32 => convert(&samples, out, |x| (unsigned(x, 32) as u32).to_ne_bytes()),
            SampleFormat::U64 => convert(&samples, out, |x| unsigned(x, 64).to_ne_bytes()),
            SampleFormat::F32 => convert(&samples, out, f32::to_ne_bytes),
            SampleFormat::F64 => convert(&samples, out, |x| f64::from(x).to_ne_bytes()),
        }
        self.scratch = samples;
    }
}

fn convert<const N: usize>(samples: &[f32], out: &mut Vec<u8>, f: impl Fn(f32) -> [u8; N]) {
    out.resize(samples.len() * N, 0);
    for (bytes, &sample) in out.as_chunks_mut().0.iter_mut().zip(samples) {
        *bytes = f(sample);
    }
}

/// Signals stay within full scale, so that only an exact 1.0 would need the minimum.
fn signed(x: f32, bits: u32) -> i64 {
    let scale = (1_u64 << (bits - 1)) as f64;
    ((f64::from(x) * scale).round_ties_even() as i64).min(i64::MAX >> (64 - bits))
}

fn unsigned(x: f32, bits: u32) -> u64 {
    (signed(x, bits) as u64).wrapping_add(1 << (bits - 1)) & (u64::MAX >> (64 - bits))
}

/// SplitMix64 (Steele, Lea, Flood 2014): a counter and a hash, so the sequence depends on the seed alone.
#[derive(Clone, Debug)]
pub(super) struct Noise {
    state: u64,
}

impl Noise {
    pub(super) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next value, uniform in `-1.0..1.0`.
    pub(super) fn next(&mut self) -> f32 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (((z ^ z >> 31) >> 40) as i32 - (1 << 23)) as f32 / (1 << 23) as f32
    }

    /// The next value, uniform in `low..high`.
    pub(super) fn within(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * (self.next() + 1.0) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mono(kind: Synthetic, rate_hz: u32, frames: usize) -> Vec<f32> {
        let mut out = vec![0.0; frames];
        Generator::new(kind, rate_hz, 1).fill(&mut out);
        out
    }

    fn peak_dbfs(samples: &[f32]) -> f32 {
        20.0 * samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs())).log10()
    }

    fn rms_dbfs(samples: &[f32]) -> f64 {
        let sum: f64 = samples.iter().map(|&x| f64::from(x).powi(2)).sum();
        10.0 * (sum / samples.len() as f64).log10()
    }

    #[test]
    fn the_signal_does_not_depend_on_how_it_is_split() {
        for kind in Synthetic::ALL {
            let mut whole = vec![0.0; 3 * 20_000];
            Generator::new(kind, 16_000, 3).fill(&mut whole);
            let (mut generator, mut rest) = (Generator::new(kind, 16_000, 3), vec![9.0; 3 * 20_000]);
            let (mut at, mut n) = (0, 0);
            while at < rest.len() {
                let end = rest.len().min(at + 3 * (n * 131 % 977));
                generator.fill(&mut rest[at..end]);
                (at, n) = (end, n + 1);
            }
            assert!(whole == rest, "{kind}");
        }
    }

    #[test]
    fn levels_are_as_documented_at_every_rate() {
        for rate_hz in [8_000, 16_000, 44_100, 48_000, 192_000] {
            let seconds = |n: usize| n * rate_hz as usize;
            let tone = mono(Synthetic::Tone, rate_hz, seconds(1));
            assert!((peak_dbfs(&tone) + 12.0).abs() < 0.02, "{} dBFS", peak_dbfs(&tone));
            let noise = mono(Synthetic::Noise, rate_hz, seconds(2));
            assert!((rms_dbfs(&noise) + 20.0).abs() < 0.1, "{} dBFS", rms_dbfs(&noise));
            let speech = mono(Synthetic::Speech, rate_hz, seconds(10));
            assert!((-7.5..=-5.5).contains(&peak_dbfs(&speech)), "{rate_hz}: {}", peak_dbfs(&speech));
            assert!((-28.0..=-16.0).contains(&rms_dbfs(&speech)), "{rate_hz}: {}", rms_dbfs(&speech));
            let mean = speech.iter().map(|&x| f64::from(x)).sum::<f64>() / speech.len() as f64;
            assert!(mean.abs() < 0.003, "{rate_hz}: an offset of {mean}");
        }
    }

    #[test]
    fn the_tone_never_drifts() {
        let tone = mono(Synthetic::Tone, 44_100, 44_100 * 5 + 1);
        assert!(tone.iter().zip(&tone[44_100..]).all(|(early, late)| early == late));
    }

    #[test]
    fn every_rate_gives_finite_samples_within_full_scale() {
        for kind in Synthetic::ALL {
            for rate_hz in [1, 2, 100, 4_000, 768_000] {
                let samples = mono(kind, rate_hz, 100_000);
                assert!(samples.iter().all(|x| x.abs() < 1.0), "{kind} at {rate_hz} Hz");
            }
        }
    }

    #[test]
    fn each_channel_is_a_decibel_quieter() {
        let mut out = vec![0.0; 4 * 16_000];
        Generator::new(Synthetic::Tone, 16_000, 4).fill(&mut out);
        for channel in 0..4 {
            let one: Vec<f32> = out.chunks(4).map(|frame| frame[channel]).collect();
            assert!((peak_dbfs(&one) + 12.0 + channel as f32).abs() < 0.02);
        }
    }

    #[test]
    fn native_samples_are_the_same_signal() {
        let expected = mono(Synthetic::Speech, 16_000, 9_000);
        for format in SampleFormat::ALL {
            let (mut generator, mut out) = (Generator::new(Synthetic::Speech, 16_000, 1), vec![1; 3]);
            generator.fill_native(format, 8_000, &mut out);
            generator.fill_native(format, 1_000, &mut out);
            assert_eq!(out.len(), 1_000 * format.bytes());
            let (step, value): (f64, fn(&[u8]) -> f64) = match format {
                SampleFormat::I8 => (7.0, |b| f64::from(b[0] as i8) / 2_f64.powi(7)),
                SampleFormat::U8 => (7.0, |b| f64::from(b[0]) / 2_f64.powi(7) - 1.0),
                SampleFormat::I16 => (15.0, |b| f64::from(i16::from_ne_bytes(array(b))) / 2_f64.powi(15)),
                SampleFormat::U16 => {
                    (15.0, |b| f64::from(u16::from_ne_bytes(array(b))) / 2_f64.powi(15) - 1.0)
                }
                SampleFormat::I24 => (23.0, |b| f64::from(i32::from_ne_bytes(array(b))) / 2_f64.powi(23)),
                SampleFormat::U24 => {
                    (23.0, |b| f64::from(u32::from_ne_bytes(array(b))) / 2_f64.powi(23) - 1.0)
                }
                SampleFormat::I32 => (31.0, |b| f64::from(i32::from_ne_bytes(array(b))) / 2_f64.powi(31)),
                SampleFormat::U32 => {
                    (31.0, |b| f64::from(u32::from_ne_bytes(array(b))) / 2_f64.powi(31) - 1.0)
                }
                SampleFormat::I64 => (50.0, |b| i64::from_ne_bytes(array(b)) as f64 / 2_f64.powi(63)),
                SampleFormat::U64 => (50.0, |b| u64::from_ne_bytes(array(b)) as f64 / 2_f64.powi(63) - 1.0),
                SampleFormat::F32 => (50.0, |b| f64::from(f32::from_ne_bytes(array(b)))),
                SampleFormat::F64 => (50.0, |b| f64::from_ne_bytes(array(b))),
            };
            for (bytes, &x) in out.chunks(format.bytes()).zip(&expected[8_000..]) {
                let error = (value(bytes) - f64::from(x)).abs();
                assert!(error <= 0.5 / 2_f64.powf(step), "{format}: {error}");
            }
        }
    }

    fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
        bytes.try_into().expect("a sample")
    }

    #[test]
    fn names_parse_back() {
        for kind in Synthetic::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "voice".parse::<Synthetic>().expect_err("no such signal");
        assert!(error.contains("tone, noise, speech"), "{error}");
    }
}

//! What a device says about when its frames were captured.

use std::time::Duration;

/// How a device's stamps come about. What they should say is when a callback's first frame was captured.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Stamps {
    /// The device's own, with normal noise that goes both ways, of this deviation.
    Device(Duration),
    /// Reckoned back from the moment of the callback: as late as that is.
    Late,
    /// The same, in whole milliseconds.
    Milliseconds,
    /// Always the same from here on.
    Frozen,
    /// Always 0.
    Zero,
    /// Each earlier than the one before by as much as it should be later.
    Backward,
    /// An audio server's estimate, which strays by milliseconds within seconds and then steps back; what is lost leaves no
    /// trace in it.
    Smoothed,
    /// Every fiftieth is off by up to a second, either way.
    Jumping,
}

/// By how much stamps of a server stray, and within what time, in nanoseconds.
const STRAYS_NS: f64 = 8e6;
const STRAYS_EVERY_NS: f64 = 9.3e9;

/// What a stamp is made of, in nanoseconds of the stream's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// When the first frame was captured.
    pub captured: f64,
    /// When the callback comes, less the time that its frames take.
    pub reckoned: f64,
    /// When it was if nothing was lost, by the label.
    pub counted: f64,
    pub last: u64,
    pub number: u64,
}

impl Stamps {
    pub(super) fn stamp(self, moment: &Moment, random: &mut Random) -> u64 {
        let Moment { captured, reckoned, counted, last, number } = *moment;
        let ns = match self {
            Self::Device(noise) => captured + noise.as_nanos() as f64 * random.normal(),
            // Stamps of callbacks do not run backwards.
            Self::Late => reckoned.max(last as f64),
            Self::Milliseconds => ((reckoned / 1e6).floor() * 1e6).max(last as f64),
            Self::Smoothed => counted + STRAYS_NS * ((counted / STRAYS_EVERY_NS).fract() - 0.5),
            Self::Frozen => last as f64,
            Self::Zero => 0.0,
            Self::Backward => 14e9 - captured,
            Self::Jumping if number % 50 == 49 => captured + (random.uniform() - 0.5) * 2e9,
            Self::Jumping => captured,
        };
        ns as u64
    }
}

/// xorshift: the same at every run.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// In `0.0..1.0`.
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// With a mean of 1.
    pub fn exponential(&mut self) -> f64 {
        -self.uniform().max(1e-300).ln()
    }

    /// With a deviation of 1.
    pub fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

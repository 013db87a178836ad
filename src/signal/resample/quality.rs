//! The three presets.

use std::fmt;
use std::str::FromStr;

/// What resampling trades: delay against attenuation of what does not belong in the band.
///
/// All three are flat to 0.9 of the lower Nyquist frequency within 0.001 dB. The delays hold for rates
/// from 16 kHz up; they are twice as long from or to 8 kHz and grow as the lower rate falls further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
pub enum Quality {
    /// 2.5 ms, any block size; aliases stay in the top tenth of the band, below it they are at -109 dB.
    LowLatency,
    /// 5 ms, in blocks of 10 ms; aliases at -120 dB.
    #[default]
    Balanced,
    /// 10 ms behind the end of a block of 20 ms, computed in f64; aliases at -150 dB.
    /// (Rates without a small common divisor are interpolated, and reach -109 dB balanced, -140 dB best.)
    Best,
}

impl Quality {
    /// Every preset, quickest first.
    pub const ALL: [Self; 3] = [Self::LowLatency, Self::Balanced, Self::Best];

    /// The name in lower case, as options spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LowLatency => "low-latency",
            Self::Balanced => "balanced",
            Self::Best => "best",
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Quality {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|quality| quality.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            format!("'{name}' is not a quality; there are {known}")
        })
    }
}

//! Kinds of stamps.

/// What the stamps of a stream are like, from which follows what they are good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
#[repr(u8)]
pub enum StampClass {
    /// Not enough of them yet.
    #[default]
    Learning,
    /// The noise goes both ways: a device's own.
    Device,
    /// Only ever late: taken when a block was handed over.
    LateOnly,
    /// On a coarse grid, of a millisecond for example. Taken to be cut off; the bound covers rounding up as well.
    Quantised,
    /// The stream's clock says nothing: the time at which the worker saw a block stands for it.
    Observed,
    /// An audio server's estimate of its own delay, which drifts and steps by milliseconds.
    Smoothed,
}

impl StampClass {
    const ALL: [Self; 6] =
        [Self::Learning, Self::Device, Self::LateOnly, Self::Quantised, Self::Observed, Self::Smoothed];

    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Learning => "learning",
            Self::Device => "device",
            Self::LateOnly => "late-only",
            Self::Quantised => "quantised",
            Self::Observed => "observed",
            Self::Smoothed => "smoothed",
        }
    }

    pub(crate) fn from_word(word: u64) -> Self {
        Self::ALL.get(word as usize).copied().unwrap_or_default()
    }
}

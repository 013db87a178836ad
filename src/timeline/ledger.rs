//! Where every frame went.

/// The account of a capture, in device frames: `captured = delivered + dropped + discarded + pending`, always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Ledger {
    /// Given to the callback by the system.
    pub captured: u64,
    /// Decoded and offered to the taps, also when there are none.
    pub delivered: u64,
    /// Lost by us: no block was free.
    pub dropped: u64,
    /// Refused on purpose: muted, or in a format that the stream had not announced.
    pub discarded: u64,
    /// On the way: in the pool, or in the block that is being filled.
    pub pending: u64,
    /// Lost by the device or the system, before the callback; not among `captured`.
    pub lost: u64,
    /// What looks lost in that way but is not settled: at an end, what had looked so for too short a while.
    pub lost_provisional: u64,
    /// By how many frames all of these together are fewer than the time that has passed on our own clock; no more than
    /// `unaccounted_error` where that agrees.
    #[cfg_attr(feature = "serde", serde(default))]
    pub unaccounted: u64,
    /// So many frames a device or a server may hold more than at first, which are on their way: 30 ms, and twice what
    /// comes at once.
    #[cfg_attr(feature = "serde", serde(default))]
    pub unaccounted_error: u64,
}

impl Ledger {
    pub(crate) const WORDS: usize = 9;

    /// Whether every captured frame is accounted for. What never was captured is no part of that: see
    /// [`clock_agrees`](Self::clock_agrees).
    pub fn balanced(&self) -> bool {
        self.captured == self.delivered + self.dropped + self.discarded + self.pending
    }

    /// Whether what was captured, lost, and looks lost, is as much as the time that has passed. If not, frames are missing
    /// that are in no account: of late, or because the device runs at another rate than it says.
    pub fn clock_agrees(&self) -> bool {
        self.unaccounted <= self.unaccounted_error
    }

    pub(crate) fn to_words(self) -> [u64; Self::WORDS] {
        [
            self.captured,
            self.delivered,
            self.dropped,
            self.discarded,
            self.pending,
            self.lost,
            self.lost_provisional,
            self.unaccounted,
            self.unaccounted_error,
        ]
    }

    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [captured, delivered, dropped, discarded, pending, lost, lost_provisional, rest @ ..] = words;
        let [unaccounted, unaccounted_error] = rest;
        Self {
            captured,
            delivered,
            dropped,
            discarded,
            pending,
            lost,
            lost_provisional,
            unaccounted,
            unaccounted_error,
        }
    }
}

/// Of two epochs together: field by field, so it balances if both do.
impl std::ops::Add for Ledger {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (own, other) = (self.to_words(), other.to_words());
        Self::from_words(std::array::from_fn(|word| own[word] + other[word]))
    }
}

//! The figures of a running capture.

use crate::handoff::seqlock;
use crate::timeline::Ledger;

/// What a capture is doing, as of the worker's last look (a few times a second). Never a mixture of two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Where every frame went.
    pub ledger: Ledger,
    /// Data callbacks so far.
    pub callbacks: u64,
    /// The largest of them, in frames.
    pub max_callback_frames: u64,
    /// Faults: calls of the error callback, and callbacks in a format that was not announced.
    pub errors: u64,
    /// Of these, data lost by the device.
    pub xruns: u64,
    /// Samples that were not finite, or absurd, and were replaced by silence.
    pub repaired_samples: u64,
    /// Times the worker woke up.
    pub wakeups: u64,
}

const WORDS: usize = Ledger::WORDS + 6;

/// The worker's end.
pub(crate) type StatsWriter = seqlock::Writer<WORDS>;
/// Everybody else's.
pub(crate) type StatsReader = seqlock::Reader<WORDS>;

impl Stats {
    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let Self { ledger, callbacks, max_callback_frames, errors, xruns, repaired_samples, wakeups } = self;
        let [a, b, c, d, e, f] = ledger.to_words();
        [a, b, c, d, e, f, callbacks, max_callback_frames, errors, xruns, repaired_samples, wakeups]
    }

    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        let [a, b, c, d, e, f, callbacks, max_callback_frames, errors, xruns, repaired_samples, wakeups] =
            words;
        let ledger = Ledger::from_words([a, b, c, d, e, f]);
        Self { ledger, callbacks, max_callback_frames, errors, xruns, repaired_samples, wakeups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_survives_the_seqlock() {
        let words = std::array::from_fn(|word| word as u64 + 1);
        assert_eq!(Stats::from_words(words).to_words(), words);
    }
}

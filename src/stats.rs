//! The figures of a running capture.

use crate::handoff::seqlock;
use crate::timeline::{ClockStats, Ledger, LossRates};

/// What a capture is doing, as of the worker's last look (a few times a second). Never a mixture of two looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Where every frame went.
    pub ledger: Ledger,
    /// How much of the last 10 s was late, dropped or lost.
    pub rates: LossRates,
    /// What is known about the device's clock.
    pub clock: ClockStats,
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

const WORDS: usize = Ledger::WORDS + LossRates::WORDS + ClockStats::WORDS + 6;

/// The worker's end.
pub(crate) type StatsWriter = seqlock::Writer<WORDS>;
/// Everybody else's.
pub(crate) type StatsReader = seqlock::Reader<WORDS>;

impl Stats {
    pub(crate) fn to_words(self) -> [u64; WORDS] {
        let Self {
            ledger,
            rates,
            clock,
            callbacks,
            max_callback_frames,
            errors,
            xruns,
            repaired_samples,
            wakeups,
        } = self;
        let rest = [callbacks, max_callback_frames, errors, xruns, repaired_samples, wakeups];
        let mut words =
            ledger.to_words().into_iter().chain(rates.to_words()).chain(clock.to_words()).chain(rest);
        std::array::from_fn(|_| words.next().unwrap_or_default())
    }

    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        let mut words = words.into_iter();
        let mut next = || words.next().unwrap_or_default();
        Self {
            ledger: Ledger::from_words(std::array::from_fn(|_| next())),
            rates: LossRates::from_words(std::array::from_fn(|_| next())),
            clock: ClockStats::from_words(std::array::from_fn(|_| next())),
            callbacks: next(),
            max_callback_frames: next(),
            errors: next(),
            xruns: next(),
            repaired_samples: next(),
            wakeups: next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_survives_the_seqlock() {
        let mut words = std::array::from_fn(|word| word as u64 + 1);
        // The stamps' class is one of a few.
        words[Ledger::WORDS + LossRates::WORDS] = 2;
        assert_eq!(Stats::from_words(words).to_words(), words);
    }
}

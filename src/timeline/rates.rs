//! How much of the last seconds was late, dropped or lost: three things that a listener hears as one.

use std::collections::VecDeque;
use std::time::Duration;

/// How long the window is, and how often it moves on.
const WINDOW: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_secs(1);

/// Shares of the frames of the last 10 s, in parts per million. What comes behind a failure of the device does not count.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossRates {
    /// Came more than 20 ms after they were due, but whole.
    pub late_ppm: u64,
    /// Dropped by us.
    pub dropped_ppm: u64,
    /// Lost by the device, settled.
    pub lost_ppm: u64,
}

impl LossRates {
    pub(crate) const WORDS: usize = 3;

    pub(crate) fn to_words(self) -> [u64; Self::WORDS] {
        [self.late_ppm, self.dropped_ppm, self.lost_ppm]
    }

    pub(crate) fn from_words([late_ppm, dropped_ppm, lost_ppm]: [u64; Self::WORDS]) -> Self {
        Self { late_ppm, dropped_ppm, lost_ppm }
    }
}

/// Totals at one moment.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    at: Duration,
    captured: u64,
    late: u64,
    dropped: u64,
    lost: u64,
}

/// The window. Its totals are those of all epochs.
#[derive(Debug)]
pub struct RateWindow {
    late: u64,
    steps: VecDeque<Totals>,
}

impl Default for RateWindow {
    fn default() -> Self {
        // As long as it gets: nothing grows while a capture runs.
        let steps = (WINDOW.as_secs() / STEP.as_secs()) as usize + 2;
        Self { late: 0, steps: VecDeque::with_capacity(steps) }
    }
}

impl RateWindow {
    /// So many frames came late.
    pub fn late(&mut self, frames: u64) {
        self.late = self.late.saturating_add(frames);
    }

    /// The rates as of `at`, when so many frames had been captured, dropped and lost.
    pub fn look(&mut self, at: Duration, captured: u64, dropped: u64, lost: u64) -> LossRates {
        let now = Totals { at, captured, late: self.late, dropped, lost };
        if self.steps.back().is_none_or(|last| at >= last.at + STEP) {
            self.steps.push_back(now);
        }
        while self.steps.len() > 1 && self.steps[1].at + WINDOW <= at {
            self.steps.pop_front();
        }
        let first = self.steps.front().copied().unwrap_or_default();
        // A replay of a damaged trace may go backwards.
        let lost = now.lost.saturating_sub(first.lost);
        let captured = now.captured.saturating_sub(first.captured);
        let share = |frames: u64| {
            (u128::from(frames) * 1_000_000 / u128::from(captured.saturating_add(lost)).max(1)) as u64
        };
        LossRates {
            late_ppm: share(now.late.saturating_sub(first.late)),
            dropped_ppm: share(now.dropped.saturating_sub(first.dropped)),
            lost_ppm: share(lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_leaves_the_window_after_ten_seconds_and_the_three_stay_apart() {
        let mut window = RateWindow::default();
        let (mut dropped, mut lost, mut told) = (0, 0, Vec::new());
        for tenth in 0..400_u64 {
            match tenth {
                100 => dropped += 4_800,
                150 => lost += 9_600,
                200 => window.late(2_400),
                _ => {}
            }
            let rates = window.look(Duration::from_millis(tenth * 100), tenth * 4_800, dropped, lost);
            if tenth % 50 == 49 {
                told.push((rates.late_ppm / 1000, rates.dropped_ppm / 1000, rates.lost_ppm / 1000));
            }
        }
        // 480,000 frames in the window: 4,800 are a hundredth.
        let expected =
            [(0, 0, 0), (0, 0, 0), (0, 9, 0), (0, 9, 18), (4, 0, 18), (4, 0, 0), (0, 0, 0), (0, 0, 0)];
        assert_eq!(told, expected);
    }
}

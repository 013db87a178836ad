//! How regularly a device calls back, as far as the worker saw: each callback that was the only one between two looks.

use crate::record::Record;
use std::time::Duration;

/// Values that are told apart; what comes after so many counts as the nearest smaller one, or as the least.
const MOST: usize = 128;
/// Intervals are told apart by a 256th of the power of two below them.
const FINE_BITS: u32 = 8;

/// How large callbacks were, and how far apart by their stamps.
///
/// A capture that looks seldom, because nobody needs the audio sooner, sees few of them one by one; a tap of chunks that
/// are shorter than a callback makes it see nearly all.
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cadence {
    /// Frames, and how many callbacks brought so many.
    sizes: Vec<(u64, u64)>,
    /// Nanoseconds, rounded down, and how often.
    intervals: Vec<(u64, u64)>,
    #[cfg_attr(feature = "serde", serde(skip))]
    last: Record,
}

impl Cadence {
    /// One that takes no memory later.
    pub(crate) fn new() -> Self {
        let (sizes, intervals) = (Vec::with_capacity(MOST), Vec::with_capacity(MOST));
        Self { sizes, intervals, last: Record::default() }
    }

    /// What was seen, without the place to go on from.
    pub(crate) fn seen(&self) -> Self {
        Self { sizes: self.sizes.clone(), intervals: self.intervals.clone(), last: Record::default() }
    }

    /// A look at what the callback tells.
    pub(crate) fn look(&mut self, record: &Record) {
        let last = std::mem::replace(&mut self.last, *record);
        if record.callbacks != last.callbacks + 1 {
            return;
        }
        note(&mut self.sizes, record.captured - last.captured);
        // A stamp that goes backwards is counted among the clock's bad ones.
        if last.callbacks > 0 && record.stamp_ns > last.stamp_ns {
            note(&mut self.intervals, rounded(record.stamp_ns - last.stamp_ns));
        }
    }

    /// Callback sizes in frames, ascending, and how many callbacks had each.
    pub fn sizes(&self) -> impl Iterator<Item = (u64, u64)> {
        self.sizes.iter().copied()
    }

    /// From one callback's stamp to the next one's, rounded down by less than 0.4 %, ascending; and how many were so.
    pub fn intervals(&self) -> impl Iterator<Item = (Duration, u64)> {
        self.intervals.iter().map(|(ns, count)| (Duration::from_nanos(*ns), *count))
    }

    /// The size in frames that a share of the callbacks, `0.0..=1.0`, does not exceed; `None` if none was seen.
    pub fn size(&self, share: f64) -> Option<u64> {
        quantile(&self.sizes, share)
    }

    /// The interval that a share of them, `0.0..=1.0`, does not exceed; `None` if none was seen.
    pub fn interval(&self, share: f64) -> Option<Duration> {
        quantile(&self.intervals, share).map(Duration::from_nanos)
    }
}

/// Counts a value, in ascending order.
fn note(values: &mut Vec<(u64, u64)>, value: u64) {
    match values.binary_search_by_key(&value, |(known, _)| *known) {
        Ok(at) => values[at].1 += 1,
        Err(at) if values.len() < MOST => values.insert(at, (value, 1)),
        Err(at) => values[at.saturating_sub(1)].1 += 1,
    }
}

fn rounded(ns: u64) -> u64 {
    let dropped = ns.checked_ilog2().unwrap_or(0).saturating_sub(FINE_BITS);
    ns >> dropped << dropped
}

fn quantile(values: &[(u64, u64)], share: f64) -> Option<u64> {
    let all: u64 = values.iter().map(|(_, count)| count).sum();
    let wanted = ((all as f64 * share).ceil() as u64).clamp(1, all.max(1));
    let mut seen = 0;
    values.iter().find_map(|(value, count)| {
        seen += count;
        (seen >= wanted).then_some(*value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(callbacks: u64, captured: u64, stamp_ns: u64) -> Record {
        Record { callbacks, captured, stamp_ns, ..Record::default() }
    }

    #[test]
    fn sizes_and_intervals_are_those_of_callbacks_that_were_seen_one_by_one() {
        let mut cadence = Cadence::default();
        assert_eq!((cadence.size(0.5), cadence.interval(0.5)), (None, None));
        cadence.look(&record(1, 480, 1_000_000));
        cadence.look(&record(2, 960, 11_000_000));
        cadence.look(&record(2, 960, 11_000_000));
        // Two at once say nothing about either.
        cadence.look(&record(4, 5_000, 31_000_000));
        cadence.look(&record(5, 5_100, 33_000_000));
        assert_eq!(cadence.sizes().collect::<Vec<_>>(), [(100, 1), (480, 2)]);
        assert_eq!(
            (cadence.size(0.0), cadence.size(0.5), cadence.size(1.0)),
            (Some(100), Some(480), Some(480))
        );
        let near = |share: f64, ms: f64| {
            let interval = cadence.interval(share).expect("some").as_secs_f64() * 1e3;
            assert!(interval <= ms && interval > ms * 0.996, "{interval} instead of {ms}");
        };
        near(0.5, 2.0);
        near(1.0, 10.0);
    }

    #[test]
    fn memory_is_bounded_whatever_comes_and_nothing_is_left_out() {
        let mut cadence = Cadence::default();
        let mut captured = 0;
        for callback in 1..=5_000 {
            captured += callback;
            cadence.look(&record(callback, captured, callback * callback * 1_000));
        }
        assert!(cadence.sizes().count() <= MOST && cadence.intervals().count() <= MOST);
        assert_eq!(cadence.sizes().map(|(_, count)| count).sum::<u64>(), 5_000);
    }
}

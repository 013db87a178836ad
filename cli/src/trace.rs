//! What is seen of a capture over time, in a bounded number of points.

use hearken::{Chunk, Receiver};
use std::time::Duration;

/// Points that are kept; with more, every second one goes.
const MOST: usize = 2048;

/// A bound as long as this says that nothing is known.
const UNKNOWN: Duration = Duration::from_secs(1_000);

/// Points in the order of time, thinned out as they grow many.
#[derive(Debug)]
pub struct Trace<T> {
    points: Vec<T>,
    /// Every so manyth is kept.
    stride: u64,
    seen: u64,
}

impl<T> Default for Trace<T> {
    fn default() -> Self {
        Self { points: Vec::new(), stride: 1, seen: 0 }
    }
}

impl<T> Trace<T> {
    pub fn push(&mut self, point: T) {
        if self.seen.is_multiple_of(self.stride) {
            self.points.push(point);
        }
        self.seen += 1;
        if self.points.len() == MOST {
            let mut index = 0;
            self.points.retain(|_| {
                index += 1;
                index % 2 == 1
            });
            self.stride *= 2;
        }
    }

    pub fn points(&self) -> &[T] {
        &self.points
    }
}

/// Where the device's clock is at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Tick {
    /// Seconds since the first frame, by the system's clock.
    pub at: f64,
    /// Seconds by which the device's clock is behind (more than 0) or ahead since the first frame, by its nominal rate.
    pub residual: f64,
    /// Seconds by which that may be off, either way.
    pub bound: f64,
}

/// The device's clock over time, from the chunks of a tap at the device's rate.
#[derive(Debug, Default)]
pub struct ClockTrace {
    pub ticks: Trace<Tick>,
    first: Option<(Duration, u64)>,
}

impl ClockTrace {
    pub fn push(&mut self, chunk: &Chunk) {
        let captured = chunk.captured_at();
        if captured.bound > UNKNOWN {
            return;
        }
        let (first, position) = *self.first.get_or_insert((captured.at, chunk.position()));
        let at = captured.at.saturating_sub(first).as_secs_f64();
        let frames = chunk.position().saturating_sub(position) as f64;
        let residual = at - frames / f64::from(chunk.format().rate_hz);
        self.ticks.push(Tick { at, residual, bound: captured.bound.as_secs_f64() });
    }

    /// All that waits.
    pub fn follow(&mut self, chunks: &mut Receiver) {
        while let Some(chunk) = chunks.try_recv() {
            self.push(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_trace_keeps_its_ends_and_its_bound() {
        let mut trace = Trace::default();
        (0..100_000).for_each(|point| trace.push(point));
        assert!((MOST / 2 - 1..MOST).contains(&trace.points().len()), "{}", trace.points().len());
        assert_eq!(trace.points()[0], 0);
        assert!(trace.points().windows(2).all(|pair| pair[1] - pair[0] == trace.stride));
        assert!(*trace.points().last().expect("points") > 99_000 - 100);
    }
}

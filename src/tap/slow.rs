//! Closures on the worker that take too long: everybody else waits for them.

use crate::time::Clock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Longer is too long.
const SLOW: Duration = Duration::from_millis(50);

/// The slow calls since the last [`take`](Self::take). The worker makes them and asks for them; nothing is ordered here.
#[derive(Debug, Default)]
pub(crate) struct SlowCalls {
    count: AtomicU64,
    longest_ns: AtomicU64,
}

impl SlowCalls {
    /// Makes a call and notes it if it is slow.
    pub fn watch(&self, clock: &Clock, call: impl FnOnce()) {
        let since = clock.now();
        call();
        let took = clock.now().saturating_duration_since(since);
        if took > SLOW {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.longest_ns.fetch_max(took.as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// How many there were, and how long the longest took.
    pub fn take(&self) -> (u64, Duration) {
        let count = self.count.swap(0, Ordering::Relaxed);
        (count, Duration::from_nanos(self.longest_ns.swap(0, Ordering::Relaxed)))
    }
}

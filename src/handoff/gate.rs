//! Who may touch the producer's state: the callback while it runs, or, once and for all, the worker.
//!
//! The callback never waits: it enters or it bounces. The worker never waits either: a claim fails while a callback
//! is running, and its caller decides how often to try again. Once claimed the gate never opens again.

use super::sync::{AtomicU8, AtomicU64, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::fmt;

/// Nobody is inside.
const IDLE: u8 = 0;
/// A callback is inside.
const IN_CALLBACK: u8 = 1;
/// The worker is inside, for good.
const CLAIMED: u8 = 2;

/// A value that is the callback's until the worker claims it. Share it in an `Arc`.
pub struct Gate<T> {
    /// One of the three constants above.
    state: CachePadded<AtomicU8>,
    /// Entries that found the gate claimed, or another callback inside. Counted by the callbacks, read by anybody.
    bounced: AtomicU64,
    value: UnsafeCell<T>,
}

// SAFETY: the value is accessed by one thread at a time: whoever moved `state` away from IDLE.
unsafe impl<T: Send> Sync for Gate<T> {}

impl<T> Gate<T> {
    /// An open gate in front of `value`.
    pub fn new(value: T) -> Self {
        Self {
            state: CachePadded::new(AtomicU8::new(IDLE)),
            bounced: AtomicU64::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// The callback's visit: runs `work` on the value, or bounces off a claimed gate (or off a second callback that
    /// runs at the same time) and counts that. Wait-free.
    #[inline]
    pub fn enter<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        /// Leaves also when `work` panics, so that the worker's claim does not wait for nothing.
        struct Leave<'a>(&'a AtomicU8);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                // Release: pairs with the Acquire in `claim`, which then sees all that this callback wrote; and
                // with the Acquire of the next callback's entry, which may run on another thread.
                self.0.store(IDLE, Ordering::Release);
            }
        }
        // Acquire: pairs with the Release in `Leave` of a callback that ran on another thread. It is a strong
        // exchange: a spurious failure would lose a callback's audio.
        let entered =
            self.state.compare_exchange(IDLE, IN_CALLBACK, Ordering::Acquire, Ordering::Relaxed).is_ok();
        if !entered {
            self.bounced.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let leave = Leave(&self.state);
        let result = self.value.with_mut(|value| {
            // SAFETY: state is IN_CALLBACK and we put it there, so nobody else is inside.
            work(unsafe { &mut *value })
        });
        drop(leave);
        Some(result)
    }

    /// The worker's only visit: closes the gate and runs `work` on the value, or `None` while a callback is inside
    /// or after the first claim. Wait-free.
    pub fn claim<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        // Acquire: pairs with the Release in `enter`. Nobody acquires a claim, so nothing is released by it.
        self.state.compare_exchange(IDLE, CLAIMED, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(self.value.with_mut(|value| {
            // SAFETY: state went from IDLE to CLAIMED by us, which happens once; no callback can enter any more.
            work(unsafe { &mut *value })
        }))
    }

    /// Callbacks that bounced off so far.
    pub fn bounced(&self) -> u64 {
        self.bounced.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for Gate<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("bounced", &self.bounced()).finish_non_exhaustive()
    }
}

//! A single-producer single-consumer queue that cannot be full, so it is its tail and its slots and nothing more.
//!
//! The two queues of a [pool](super::pool) hold together as many items as there are blocks, and each queue has at
//! least that many slots. A push therefore never finds the queue full, and nobody needs the consumer's head: whoever
//! holds an item got it by an Acquire of the *other* queue's tail, and that Acquire happens after this queue's
//! consumer left the slot which the push overwrites (the models agree, and are 13 times smaller for it).
//!
//! Why, also when items come back in any order: between two uses of a slot lie as many pushes as there are slots, so
//! among them and the item now in hand one item occurs twice. It went round, through this queue's consumer and the
//! other queue; and as queues are first in first out, the slot's last item was popped before it or is that item.

use super::sync::{Arc, AtomicUsize, Ordering, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::fmt;
use std::mem::MaybeUninit;

/// One slot, on a cache line of its own where `T` fills one.
type Slot<T> = UnsafeCell<MaybeUninit<T>>;

struct Shared<T> {
    /// Items pushed since the start, wrapping. Written by the producer only.
    tail: CachePadded<AtomicUsize>,
    /// A power of two of slots; item `i` lies in slot `i % len`.
    slots: Box<[Slot<T>]>,
}

// SAFETY: a slot is accessed by the producer before it publishes the item and by the consumer after it saw the
// publication, never by both (see `Producer::push` and `Consumer::pop`).
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// The slot of item `index`; `mask` is the number of slots less one.
    #[inline]
    fn slot(&self, index: usize, mask: usize) -> &Slot<T> {
        debug_assert_eq!(mask, self.slots.len() - 1);
        // SAFETY: the ends keep the mask they were made with, and a masked index is below the number of slots.
        unsafe { self.slots.get_unchecked(index & mask) }
    }
}

/// The pushing end. It can be sent to another thread; there is one, and its methods want it alone (`&mut`).
pub struct Producer<T> {
    shared: Arc<Shared<T>>,
    /// Always in step with `shared.tail`, so the producer never loads it (which would hide executions from the models).
    tail: usize,
    /// The number of slots, a power of two, less one.
    mask: usize,
}

/// The popping end. As the other: one, and used by one thread at a time.
pub struct Consumer<T> {
    shared: Arc<Shared<T>>,
    /// Items popped since the start, wrapping. Nobody else needs to know.
    head: usize,
    /// `shared.tail` as last seen; can be stale, never ahead.
    tail: usize,
    /// The number of slots, a power of two, less one.
    mask: usize,
}

/// A queue with room for `items` items. Allocates here and never again, and writes every page so that no push takes a
/// fault for one.
///
/// `start` is the number of the first item: 0, but for tests that want the counters to wrap.
pub fn index_queue<T: Send>(items: usize, start: usize) -> (Producer<T>, Consumer<T>) {
    const { assert!(!std::mem::needs_drop::<T>(), "items left in the queue are forgotten, not dropped") };
    assert!(items <= usize::MAX / 2, "a queue fits into memory");
    let slots: Box<[_]> =
        (0..items.next_power_of_two()).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    for slot in &slots {
        slot.with_mut(|slot| {
            // SAFETY: so many bytes are there, and nobody else knows of them yet. No `T` is made of them.
            unsafe { slot.cast::<u8>().write_bytes(0x55, size_of::<T>()) };
        });
    }
    let mask = slots.len() - 1;
    let shared = Arc::new(Shared { tail: CachePadded::new(AtomicUsize::new(start)), slots });
    (
        Producer { shared: shared.clone(), tail: start, mask },
        Consumer { shared, head: start, tail: start, mask },
    )
}

impl<T: Send> Producer<T> {
    /// Puts `item` at the end. Wait-free.
    ///
    /// # Safety
    /// At most as many items as the queue has room for are in circulation: if this push reuses a slot, the consumer
    /// has popped that slot's last item, and the caller knows it by an Acquire that happened after the pop.
    #[inline]
    pub unsafe fn push(&mut self, item: T) {
        self.shared.slot(self.tail, self.mask).with_mut(|slot| {
            // SAFETY: by the contract above the consumer has left this slot, and will not come back before the
            // store below publishes it.
            unsafe { (*slot).write(item) };
        });
        self.tail = self.tail.wrapping_add(1);
        // Release: pairs with the Acquire in `Consumer::pop`, which then sees the slot's content.
        self.shared.tail.store(self.tail, Ordering::Release);
    }
}

impl<T: Send> Consumer<T> {
    /// Takes the oldest item, or `None` when there is none. Wait-free; touches the producer's line only when the
    /// items seen so far are used up.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.head == self.tail && self.refresh() == 0 {
            return None;
        }
        let item = self.shared.slot(self.head, self.mask).with(|slot| {
            // SAFETY: head != tail, so the producer wrote this slot before the tail that we acquired, and pushes
            // into it again only after this item has come back to it.
            unsafe { (*slot).assume_init_read() }
        });
        self.head = self.head.wrapping_add(1);
        Some(item)
    }

    /// Looks at the producer's tail and returns how many items wait.
    #[inline]
    pub fn refresh(&mut self) -> usize {
        // Acquire: pairs with the Release in `Producer::push`.
        self.tail = self.shared.tail.load(Ordering::Acquire);
        self.tail.wrapping_sub(self.head)
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("tail", &self.tail).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("head", &self.head).field("tail", &self.tail).finish_non_exhaustive()
    }
}

//! From the worker to one listener: a bounded queue, and how the listener waits for it.

use crossbeam_queue::ArrayQueue;
use parking_lot::{Condvar, Mutex};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// A library's lock-free queue, and what it lacks: an end, and a place to sleep.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    items: ArrayQueue<T>,
    /// Set by the sender: nothing comes any more.
    ended: AtomicBool,
    /// Set by the listener: nobody listens any more.
    gone: AtomicBool,
    /// Holds no data: it orders "the queue was empty" against "something came" for whoever sleeps on `news`.
    sleep: Mutex<()>,
    news: Condvar,
}

impl<T> Mailbox<T> {
    pub fn new(capacity: usize) -> Self {
        Self {
            items: ArrayQueue::new(capacity),
            ended: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            sleep: Mutex::new(()),
            news: Condvar::new(),
        }
    }

    /// Appends an item, or gives it back when there is no room.
    pub fn push(&self, item: T) -> Result<(), T> {
        self.items.push(item)?;
        self.wake();
        Ok(())
    }

    /// Appends an item; the oldest, where there was no room.
    pub fn force_push(&self, item: T) -> Option<T> {
        let oldest = self.items.force_push(item);
        self.wake();
        oldest
    }

    /// The oldest item. Never waits.
    pub fn pop(&self) -> Option<T> {
        self.items.pop()
    }

    /// The oldest item; waits for it, until `deadline` if there is one. `None` when there is none by then, or none to
    /// come.
    pub fn pop_until(&self, deadline: Option<Instant>) -> Option<T> {
        loop {
            if let Some(item) = self.pop() {
                return Some(item);
            }
            let mut guard = self.sleep.lock();
            if !self.items.is_empty() {
                continue;
            }
            if self.ended.load(Ordering::Acquire) {
                drop(guard);
                // The last one may have come between the look and the end.
                return self.pop();
            }
            match deadline {
                None => self.news.wait(&mut guard),
                Some(deadline) if self.news.wait_until(&mut guard, deadline).timed_out() => {
                    drop(guard);
                    return self.pop();
                }
                Some(_) => {}
            }
        }
    }

    /// Nothing comes any more.
    pub fn end(&self) {
        // Release: pairs with the Acquire in `is_ended`, so that the last item is seen before the end.
        self.ended.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether nothing is there and nothing comes any more.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire) && self.items.is_empty()
    }

    /// Nobody listens any more.
    pub fn leave(&self) {
        self.gone.store(true, Ordering::Relaxed);
    }

    /// Whether nobody listens any more.
    pub fn is_left(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        drop(self.sleep.lock());
        self.news.notify_all();
    }
}

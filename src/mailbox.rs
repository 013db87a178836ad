//! From the worker to one listener: a bounded queue, and how the listener waits for it.

use crate::time::News;
#[cfg(feature = "async")]
use atomic_waker::AtomicWaker;
use crossbeam_queue::ArrayQueue;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(feature = "async")]
use std::task::{Context, Poll};
use std::time::Duration;

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
    news: News,
    /// The listener's task, where it waits as one.
    #[cfg(feature = "async")]
    task: AtomicWaker,
}

impl<T> Mailbox<T> {
    pub fn new(capacity: usize) -> Self {
        Self {
            items: ArrayQueue::new(capacity),
            ended: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            sleep: Mutex::new(()),
            news: News::default(),
            #[cfg(feature = "async")]
            task: AtomicWaker::new(),
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

    /// The oldest item; waits for it, for no longer than `patience` if there is one. `None` when there is none by then, or
    /// none to come.
    pub fn wait(&self, patience: Option<Duration>) -> Option<T> {
        if let Some(item) = self.pop() {
            return Some(item);
        }
        let nothing = |_: &mut ()| self.items.is_empty() && !self.ended.load(Ordering::Acquire);
        self.news.wait_while(&mut self.sleep.lock(), patience, nothing);
        // The last one may have come between the look and the end.
        self.pop()
    }

    /// The oldest item; `None` when none is to come. A task that finds none is woken by the next, or by the end.
    #[cfg(feature = "async")]
    pub fn poll_pop(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        if let Some(item) = self.pop() {
            return Poll::Ready(Some(item));
        }
        // Before the second look: what comes after it wakes the task.
        self.task.register(context.waker());
        // Acquire, before that look: what came before the end is seen by it.
        let has_ended = self.ended.load(Ordering::Acquire);
        match self.pop() {
            None if !has_ended => Poll::Pending,
            last => Poll::Ready(last),
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
        // It may hold the listener, which would hold this.
        #[cfg(feature = "async")]
        drop(self.task.take());
    }

    /// Whether nobody listens any more.
    pub fn is_left(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn wake(&self) {
        drop(self.sleep.lock());
        self.news.notify_all();
        #[cfg(feature = "async")]
        self.task.wake();
    }
}

/// Ends a mailbox when it is dropped, whatever becomes of its thread.
#[derive(Debug)]
pub(crate) struct Ending<T>(pub Arc<Mailbox<T>>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(all(test, feature = "async"))]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::sync::atomic::AtomicU32;
    use std::thread;
    use std::time::Duration;

    const ITEMS: u32 = 50_000;

    #[test]
    fn a_task_is_woken_by_every_item_that_it_waits_for_and_by_the_end() {
        let mailbox = Arc::new(Mailbox::new(1));
        let asked = Arc::new(AtomicU32::new(0));
        let sender = thread::spawn({
            let (mailbox, asked) = (mailbox.clone(), asked.clone());
            // Each comes a little later than the one before it after it was asked for, so that all moments are tried.
            move || {
                for item in 0..ITEMS {
                    while asked.load(Ordering::Acquire) <= item {
                        thread::yield_now();
                    }
                    (0..item % 100).for_each(|_| std::hint::spin_loop());
                    mailbox.push(item).expect("there is room");
                }
                while asked.load(Ordering::Acquire) <= ITEMS {
                    thread::yield_now();
                }
                mailbox.end();
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let mut waits = 0;
        let all = async {
            for item in 0..ITEMS {
                asked.store(item + 1, Ordering::Release);
                let poll = |context: &mut Context<'_>| {
                    let poll = mailbox.poll_pop(context);
                    waits += u32::from(poll.is_pending());
                    poll
                };
                assert_eq!(poll_fn(poll).await, Some(item));
            }
            asked.store(ITEMS + 1, Ordering::Release);
            assert_eq!(poll_fn(|context| mailbox.poll_pop(context)).await, None);
        };
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), all).await })
            .expect("no lost wake-up");
        assert!(waits > 1_000, "it waited {waits} times only");
        sender.join().expect("no panic");
    }
}

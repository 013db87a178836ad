//! From the worker to whoever listens: a bounded queue of chunks, and what happens when it is full.

use super::chunk::Chunk;
use crate::error::Error;
use crate::format::StreamFormat;
use crate::mailbox::Mailbox;
use crate::time::Clock;
use crate::timeline::{CapturedAt, Cause, Gap};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
#[cfg(feature = "async")]
use std::task::{Context, Poll};
use std::time::Duration;

/// What a full queue does with a new chunk. Either way the loss is counted, and the next chunk that arrives names it
/// as a gap with [`Cause::Behind`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum WhenFull {
    /// Keep what is queued, lose the new chunk: for whoever wants long unbroken stretches.
    #[default]
    DropNew,
    /// Lose the oldest chunk: for whoever wants to be up to date.
    KeepNewest,
    /// Hold the worker until there is room, so that nothing is lost: for a source that waits as well
    /// ([`Pace::Fast`](crate::Pace::Fast)). A device does not wait, and its audio is dropped when the pool is full.
    Wait,
}

/// The account of one tap, in tap frames: `offered = received + behind + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TapLedger {
    /// In the chunks that the tap has made.
    pub offered: u64,
    /// Of these, taken by the receiver.
    pub received: u64,
    /// Of these, lost because the queue was full.
    pub behind: u64,
    /// Of these, in the queue.
    pub pending: u64,
}

#[derive(Debug, Default)]
struct Counters {
    offered: AtomicU64,
    received: AtomicU64,
    behind: AtomicU64,
}

/// What takes one place in a queue.
#[derive(Debug)]
enum Item<T: Copy> {
    Chunk(Chunk<T>),
    Filler(Filler<T>),
}

/// The chunks inside of a hole: one place is enough for all of them, however long it is, so that no real audio is lost to
/// silence that is made up.
#[derive(Debug)]
struct Filler<T: Copy> {
    /// The first, which the others are like.
    chunk: Chunk<T>,
    /// Where the others are, and when that was.
    others: VecDeque<(u64, CapturedAt)>,
}

impl<T: Copy> Item<T> {
    fn frames(&self) -> u64 {
        match self {
            Self::Chunk(chunk) => chunk.frames.into(),
            Self::Filler(filler) => (filler.others.len() as u64 + 1) * u64::from(filler.chunk.frames),
        }
    }
}

impl<T: Copy> Filler<T> {
    /// The next chunk, and what is left behind it.
    fn next(mut self) -> (Chunk<T>, Option<Self>) {
        let Some((position, captured)) = self.others.pop_front() else { return (self.chunk, None) };
        let Chunk { format, frames, padding, is_filler, offered, .. } = self.chunk;
        let home = self.chunk.home.clone();
        let mut body = home.take();
        body.samples.extend_from_slice(self.chunk.samples());
        let next = Chunk {
            body,
            format,
            position,
            frames,
            padding,
            captured,
            is_filler,
            offered: offered + u64::from(frames),
            home,
        };
        (std::mem::replace(&mut self.chunk, next), Some(self))
    }
}

/// What the worker and the receiver share.
#[derive(Debug)]
pub(super) struct Queue<T: Copy> {
    chunks: Mailbox<Item<T>>,
    /// The worker's own: what is to take one place, until something else comes or the hole is over.
    filler: Mutex<Option<Filler<T>>>,
    when_full: WhenFull,
    counters: Counters,
    /// Set by the worker when the tap begins.
    format: OnceLock<StreamFormat>,
    /// Set by the worker when the tap cannot begin.
    error: OnceLock<Error>,
    /// Set by the worker when what was delivered is of no use any more.
    cancelled: AtomicBool,
}

impl<T: Copy> Queue<T> {
    pub fn new(chunks: usize, when_full: WhenFull) -> Arc<Self> {
        Arc::new(Self {
            chunks: Mailbox::new(chunks),
            filler: Mutex::new(None),
            when_full,
            counters: Counters::default(),
            format: OnceLock::new(),
            error: OnceLock::new(),
            cancelled: AtomicBool::new(false),
        })
    }

    /// The worker's side: queues a chunk, or counts one as lost.
    pub fn offer(&self, chunk: Chunk<T>) {
        self.counters.offered.fetch_add(chunk.frames.into(), Ordering::Relaxed);
        if chunk.is_filler {
            let mut filler = self.filler.lock();
            match &mut *filler {
                Some(filler) if filler.chunk.frames == chunk.frames => {
                    filler.others.push_back((chunk.position, chunk.captured));
                    return;
                }
                None => {
                    *filler = Some(Filler { chunk, others: VecDeque::new() });
                    return;
                }
                Some(_) => {}
            }
        }
        self.flush();
        self.push(Item::Chunk(chunk));
    }

    /// The worker's side: a hole is over for now, and what stands for its inside goes on its way.
    pub fn flush(&self) {
        let filler = self.filler.lock().take();
        if let Some(filler) = filler {
            self.push(Item::Filler(filler));
        }
    }

    fn push(&self, item: Item<T>) {
        let lost = match self.when_full {
            WhenFull::DropNew => self.chunks.push(item).err(),
            WhenFull::KeepNewest => self.chunks.force_push(item),
            WhenFull::Wait => self.push_patiently(item),
        };
        if let Some(lost) = lost {
            self.counters.behind.fetch_add(lost.frames(), Ordering::Relaxed);
        }
    }

    /// The item again if nobody listens any more.
    fn push_patiently(&self, mut item: Item<T>) -> Option<Item<T>> {
        while let Err(unpushed) = self.chunks.push(item) {
            if self.is_gone() {
                return Some(unpushed);
            }
            item = unpushed;
            // No receiver is slower for it: the queue is full of what it has to do meanwhile.
            Clock::here().rest();
        }
        None
    }

    pub fn begin(&self, format: StreamFormat) {
        // The first epoch's stays: a tap's format is constant for its life.
        let _ = self.format.set(format);
    }

    pub fn reject(&self, error: Error) {
        let _ = self.error.set(error);
    }

    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    pub fn end(&self) {
        self.flush();
        self.chunks.end();
    }

    pub fn is_gone(&self) -> bool {
        self.chunks.is_left()
    }

    pub fn ledger(&self) -> TapLedger {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // What left is read before what came, so that `pending` is never negative.
        let (received, behind) = (load(&self.counters.received), load(&self.counters.behind));
        let offered = load(&self.counters.offered).max(received + behind);
        TapLedger { offered, received, behind, pending: offered - received - behind }
    }
}

/// The listening end of a tap. Dropping it ends the tap.
#[derive(Debug)]
pub struct Receiver<T: Copy = f32> {
    queue: Arc<Queue<T>>,
    /// What is left of the last item.
    filler: Option<Filler<T>>,
    /// Frames offered before the next chunk, if nothing is missed.
    expected: u64,
}

impl<T: Copy> Receiver<T> {
    pub(super) fn new(queue: Arc<Queue<T>>) -> Self {
        Self { queue, filler: None, expected: 0 }
    }

    /// The next chunk, if there is one. Never waits.
    pub fn try_recv(&mut self) -> Option<Chunk<T>> {
        let item = self.left().or_else(|| self.queue.chunks.pop())?;
        Some(self.take(item))
    }

    /// What is left of the last item.
    fn left(&mut self) -> Option<Item<T>> {
        self.filler.take().map(Item::Filler)
    }

    fn take(&mut self, item: Item<T>) -> Chunk<T> {
        let mut chunk = match item {
            Item::Chunk(chunk) => chunk,
            Item::Filler(filler) => {
                let (chunk, left) = filler.next();
                self.filler = left;
                chunk
            }
        };
        self.queue.counters.received.fetch_add(chunk.frames.into(), Ordering::Relaxed);
        let missed = chunk.offered - self.expected;
        if missed > 0 {
            let position = chunk.position.saturating_sub(missed);
            chunk
                .body
                .gaps
                .insert(0, Gap { position, frames: missed, error_frames: 0, cause: Cause::Behind });
        }
        self.expected = chunk.offered + u64::from(chunk.frames);
        chunk
    }

    /// The next chunk; waits for it. `None` after the last one, when the capture has ended.
    pub fn recv(&mut self) -> Option<Chunk<T>> {
        self.recv_within(None)
    }

    /// The next chunk, waited for no longer than `patience`. `None` when there is none by then, or none to come:
    /// see [`is_ended`](Self::is_ended).
    pub fn recv_timeout(&mut self, patience: Duration) -> Option<Chunk<T>> {
        self.recv_within(Some(patience))
    }

    /// [`recv`](Self::recv) for a task, which is woken when there is news: at most one may wait at a time.
    #[cfg(feature = "async")]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Chunk<T>>> {
        let item = match self.left() {
            Some(item) => Poll::Ready(Some(item)),
            None => self.queue.chunks.poll_pop(context),
        };
        item.map(|item| item.map(|item| self.take(item)))
    }

    /// Whether the capture has ended and everything was received.
    pub fn is_ended(&self) -> bool {
        self.filler.is_none() && self.queue.chunks.is_ended()
    }

    /// How the chunks' samples are laid out, once the device is open.
    pub fn format(&self) -> Option<StreamFormat> {
        self.queue.format.get().copied()
    }

    /// Whether the take was cancelled that this belonged to.
    pub fn is_cancelled(&self) -> bool {
        self.queue.cancelled.load(Ordering::Relaxed)
    }

    /// Why the tap ended before it began: it joined a running capture and does not fit its device.
    pub fn error(&self) -> Option<Error> {
        self.queue.error.get().cloned()
    }

    /// Where the tap's frames went.
    pub fn ledger(&self) -> TapLedger {
        self.queue.ledger()
    }

    fn recv_within(&mut self, patience: Option<Duration>) -> Option<Chunk<T>> {
        let item = self.left().or_else(|| self.queue.chunks.wait(patience))?;
        Some(self.take(item))
    }
}

/// Nothing in it is pinned.
impl<T: Copy> Unpin for Receiver<T> {}

impl<T: Copy> Iterator for Receiver<T> {
    type Item = Chunk<T>;

    /// [`recv`](Receiver::recv).
    fn next(&mut self) -> Option<Chunk<T>> {
        self.recv()
    }
}

impl<T: Copy> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.queue.chunks.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Capture, Config, Input, Pace, Synthetic, Tap};
    use std::thread;

    /// Frames that a receiver got which takes its time over a queue of one, and how many it missed.
    fn slow(when_full: WhenFull) -> (u64, u64) {
        let input = Input::Synthetic(Synthetic::Tone);
        let length = Some(Duration::from_millis(100));
        let config = Config { input, pace: Pace::Fast, length, ..Config::default() };
        let capture = Capture::new(config).expect("a capture");
        let mut receiver = capture.receiver(Tap::new().chunk_ms(10).queue(1, when_full)).expect("a tap");
        capture.start().expect("a start");
        while receiver.recv().is_some() {
            thread::sleep(Duration::from_millis(20));
        }
        (receiver.ledger().received, receiver.ledger().behind)
    }

    #[test]
    fn a_tap_that_waits_loses_nothing_and_one_that_does_not_counts_it() {
        assert_eq!(slow(WhenFull::Wait), (1_600, 0));
        let (received, behind) = slow(WhenFull::DropNew);
        assert!(behind > 0 && received + behind == 1_600, "{received} {behind}");
    }

    #[test]
    fn nobody_is_waited_for_who_has_gone() {
        let input = Input::Synthetic(Synthetic::Tone);
        let config = Config { input, pace: Pace::Fast, ..Config::default() };
        let capture = Capture::new(config).expect("a capture");
        let receiver = capture.receiver(Tap::new().queue(1, WhenFull::Wait)).expect("a tap");
        capture.start().expect("a start");
        thread::sleep(Duration::from_millis(20));
        drop(receiver);
        assert!(capture.stop().expect("an end").stats.ledger.balanced());
    }
}

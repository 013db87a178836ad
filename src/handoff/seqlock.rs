//! A few words, published together: one writer that never waits, any number of readers that never see a mixture.
//!
//! The words are atomics, so this is safe code: a reader that races with the writer reads stale or new words, never
//! torn ones, and then finds out by the sequence number that they do not belong together.

use super::sync::{Arc, AtomicU64, Ordering, fence, spin_loop};
use crossbeam_utils::CachePadded;

#[derive(Debug)]
struct Shared<const N: usize> {
    /// Even: at rest. Odd: the writer is at work. Grows by two with every publication.
    sequence: AtomicU64,
    words: [AtomicU64; N],
}

/// The writing end. `Send`; there is one.
#[derive(Debug)]
pub struct Writer<const N: usize> {
    shared: Arc<CachePadded<Shared<N>>>,
    /// Always in step with `shared.sequence`, and even. Reading that one instead hides executions from the models.
    sequence: u64,
}

/// A reading end; clone it for every reader.
#[derive(Clone, Debug)]
pub struct Reader<const N: usize> {
    shared: Arc<CachePadded<Shared<N>>>,
    /// The last words that were read whole; zeros at first.
    last: [u64; N],
    /// The sequence number that they were read with.
    sequence: u64,
}

/// A seqlock of `N` words, all zero.
pub fn seqlock<const N: usize>() -> (Writer<N>, Reader<N>) {
    let words = std::array::from_fn(|_| AtomicU64::new(0));
    let shared = Arc::new(CachePadded::new(Shared { sequence: AtomicU64::new(0), words }));
    (Writer { shared: shared.clone(), sequence: 0 }, Reader { shared, last: [0; N], sequence: 0 })
}

impl<const N: usize> Writer<N> {
    /// Publishes `words` together. Wait-free, whatever the readers do.
    #[inline]
    pub fn publish(&mut self, words: [u64; N]) {
        let mut index = 0;
        self.update(words.map(|word| {
            index += 1;
            (index - 1, word)
        }));
    }

    /// Publishes the words `changes` names by their index, together; the others stay as they are. Wait-free.
    ///
    /// # Panics
    /// If an index is not below `N`.
    #[inline]
    pub fn update<const K: usize>(&mut self, changes: [(usize, u64); K]) {
        self.shared.sequence.store(self.sequence + 1, Ordering::Relaxed);
        // Release: whoever sees one of the words below and then fences (Acquire, in `try_read`) sees the odd number.
        fence(Ordering::Release);
        for (index, word) in changes {
            self.shared.words[index].store(word, Ordering::Relaxed);
        }
        self.sequence += 2;
        // Release: pairs with the first load in `try_read`, which then sees all the words.
        self.shared.sequence.store(self.sequence, Ordering::Release);
    }
}

impl<const N: usize> Reader<N> {
    /// Attempts before [`read`](Self::read) settles for its last good copy: a writer that was preempted in the
    /// middle of a publication must not hold a reader up. The models explore all the ways in which two can fail.
    const ATTEMPTS: usize = if cfg!(loom) { 2 } else { 64 };

    /// The words of one publication, or `None` when the writer was at work meanwhile. Wait-free.
    pub fn try_read(&mut self) -> Option<[u64; N]> {
        // Acquire: pairs with the closing Release store in `update`.
        let before = self.shared.sequence.load(Ordering::Acquire);
        if before % 2 == 1 {
            return None;
        }
        let words = std::array::from_fn(|word| self.shared.words[word].load(Ordering::Relaxed));
        // Acquire: if any word came from a later publication, the load below sees at least its odd number.
        fence(Ordering::Acquire);
        if self.shared.sequence.load(Ordering::Relaxed) != before {
            return None;
        }
        (self.last, self.sequence) = (words, before);
        Some(words)
    }

    /// The words of one publication: the newest, or, where the writer is in the way 64 times in a row, the last
    /// that this reader got whole. Bounded.
    pub fn read(&mut self) -> [u64; N] {
        for _ in 0..Self::ATTEMPTS {
            match self.try_read() {
                Some(words) => return words,
                None => spin_loop(),
            }
        }
        self.last
    }

    /// How many publications there were up to the one that was read last.
    pub fn publication(&self) -> u64 {
        self.sequence / 2
    }
}

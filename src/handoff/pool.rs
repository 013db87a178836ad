//! A fixed number of preallocated byte blocks that go round between two threads: free, being filled, filled, read.
//!
//! A block's index is a token that can be neither copied nor made, so a block has one owner at a time: the free
//! queue, the producer, the filled queue, or a [`Block`] in the consumer's hands. The consumer may keep blocks and
//! give them back in any order.

use super::index_queue::{self, index_queue};
use super::sync::{Arc, UnsafeCell};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, hint, mem, ptr};

/// The number of the next pool. Not the facade's: it guards no memory, so the models need not see it.
static NEXT_POOL: AtomicU64 = AtomicU64::new(0);

/// 128 bytes: processors fetch lines of 64 in pairs.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(128))]
struct Line([u8; 128]);

/// Where one block's memory starts: whole lines, the block's alone.
type Bytes = UnsafeCell<*mut u8>;

struct Slab {
    blocks: Box<[Bytes]>,
    /// Usable bytes in each block.
    block_bytes: usize,
    /// The pool's number, of which there is no second one in the process.
    pool: u64,
    /// What `blocks` point into; held, and touched by nobody, until the slab is dropped.
    _memory: Vec<Line>,
}

// SAFETY: a block's bytes are accessed only by the owner of its token (see the module's text), and a token crosses
// threads only through the two queues. The memory is the slab's own, so it may be freed on any thread.
unsafe impl Send for Slab {}
// SAFETY: as above.
unsafe impl Sync for Slab {}

/// The right to access one block. Neither `Copy` nor `Clone`: tokens are conserved.
#[derive(Debug)]
struct Token(NonZeroU32);

impl Token {
    /// The block's index, counted from 0. Tokens count from 1, so that "no token" takes no room of its own.
    #[inline]
    fn index(&self) -> usize {
        self.0.get() as usize - 1
    }
}

impl Slab {
    #[inline]
    fn block(&self, token: &Token) -> &Bytes {
        // SAFETY: a slab's tokens number its blocks, and no other slab's token gets here: the producer's never leave
        // it, and the consumer checks.
        unsafe { self.blocks.get_unchecked(token.index()) }
    }

    /// Overwrites a block with zeros.
    fn wipe(&self, token: &Token) {
        self.block(token).with_mut(|start| {
            // SAFETY: the caller owns the token, so nobody else looks at the block, and so many bytes are there.
            unsafe { ptr::write_bytes(*start, 0, self.block_bytes) };
            // It may never be read again, and is to be written all the same.
            hint::black_box(start);
        });
    }
}

/// What lies in a slot of the filled queue: token and header together on one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
struct Filled<H> {
    header: H,
    token: Token,
}

/// The filling end. Owned by the callback's side.
pub struct Producer<H> {
    slab: Arc<Slab>,
    free: index_queue::Consumer<Token>,
    filled: index_queue::Producer<Filled<H>>,
    current: Option<Token>,
    /// Bytes in the current block so far, in `0..=block_bytes`.
    written: usize,
}

/// The reading end. Owned by the worker.
pub struct Consumer<H> {
    slab: Arc<Slab>,
    free: index_queue::Producer<Token>,
    filled: index_queue::Consumer<Filled<H>>,
}

/// A filled block in the consumer's hands. Give it back with [`Consumer::give_back`]; one that is dropped instead
/// is missing from the pool from then on.
#[derive(Debug)]
#[must_use = "give the block back to its pool"]
pub struct Block<H> {
    filled: Filled<H>,
    /// Whose it is. A number and not an address: a kept block may outlive its pool, and the next pool may then lie
    /// at the same address.
    pool: u64,
}

/// A pool of `blocks` blocks of `block_bytes` bytes each, all free. Allocates here and never again, and writes every
/// page so that the callback never takes a fault for one.
///
/// # Panics
/// If `blocks` is 0 or does not fit in 32 bits.
pub fn pool<H: Copy + Send>(blocks: usize, block_bytes: usize) -> (Producer<H>, Consumer<H>) {
    pool_from(blocks, block_bytes, 0)
}

/// [`pool`] whose queues start counting at `start`, for tests that want the counters to wrap.
pub fn pool_from<H: Copy + Send>(
    blocks: usize,
    block_bytes: usize,
    start: usize,
) -> (Producer<H>, Consumer<H>) {
    assert!(blocks > 0 && u32::try_from(blocks).is_ok(), "a pool has 1 to 2^32 - 1 blocks");
    let lines = block_bytes.div_ceil(size_of::<Line>()).max(1);
    // One allocation, as a hundred waste some memory each. Not zero: a zero fill may be served by untouched
    // copy-on-write pages.
    assert!(lines <= usize::MAX / size_of::<Line>() / blocks, "a pool fits into memory");
    let mut memory = vec![Line([0x55; 128]); blocks * lines];
    let starts = memory.chunks_exact_mut(lines).map(|block| UnsafeCell::new(block.as_mut_ptr().cast()));
    let slab = Arc::new(Slab {
        blocks: starts.collect(),
        block_bytes,
        pool: NEXT_POOL.fetch_add(1, Ordering::Relaxed),
        _memory: memory,
    });
    let (filled_in, filled_out) = index_queue(blocks, start);
    let (mut free_in, free_out) = index_queue(blocks, start);
    for token in (1..=blocks as u32).filter_map(NonZeroU32::new) {
        // SAFETY: `blocks` tokens exist and each queue has at least as many slots; nothing was popped yet.
        unsafe { free_in.push(Token(token)) };
    }
    (
        Producer { slab: slab.clone(), free: free_out, filled: filled_in, current: None, written: 0 },
        Consumer { slab, free: free_in, filled: filled_out },
    )
}

impl<H: Copy + Send> Producer<H> {
    /// Makes a free block the current one, unless there is one already; `false` when no block is free. Wait-free.
    #[inline]
    pub fn acquire(&mut self) -> bool {
        if self.current.is_none() {
            self.current = self.free.pop();
            self.written = 0;
        }
        self.current.is_some()
    }

    /// Appends `bytes` to the current block, all of them or, where they do not fit or no block is current, none of
    /// them: `false`. Wait-free.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) -> bool {
        let Some(token) = &self.current else { return false };
        let (at, end) = (self.written, self.written + bytes.len());
        if end > self.slab.block_bytes {
            return false;
        }
        self.written = end;
        self.slab.block(token).with_mut(|start| {
            // SAFETY: we own the token, so nobody else looks at the block; what is written ends where it does at the
            // latest; and no slice that somebody else holds lies in it.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), (*start).add(at), bytes.len()) };
        });
        true
    }

    /// Whether nothing was appended to the current block yet; true when there is no current block.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Bytes that still fit in the current block; 0 when there is no current block.
    pub fn room(&self) -> usize {
        if self.current.is_some() { self.slab.block_bytes - self.written } else { 0 }
    }

    /// Hands the current block over with its header, and makes the next free one current, if there is one. Does nothing
    /// without a current block. Wait-free.
    #[inline]
    pub fn commit(&mut self, header: H) {
        if self.current.is_none() {
            return;
        }
        self.written = 0;
        if let Some(token) = mem::replace(&mut self.current, self.free.pop()) {
            // SAFETY: there are as many slots as tokens. The token came by an Acquire of the free queue, after the
            // consumer had popped it from the filled queue.
            unsafe { self.filled.push(Filled { header, token }) };
        }
    }

    /// How many blocks are free, the current one not counted. For sources that wait for room.
    pub fn free_blocks(&mut self) -> usize {
        self.free.refresh()
    }

    /// The end, on the worker's side: overwrites the current block and those that are free with zeros. None of them comes
    /// back; how many there were.
    pub fn wipe(&mut self) -> usize {
        let mut wiped = 0;
        while let Some(token) = self.current.take().or_else(|| self.free.pop()) {
            self.slab.wipe(&token);
            wiped += 1;
        }
        wiped
    }

    /// Bytes in each block.
    pub fn block_bytes(&self) -> usize {
        self.slab.block_bytes
    }
}

impl<H: Copy + Send> Consumer<H> {
    /// Takes the oldest filled block. Wait-free.
    #[inline]
    pub fn pop(&mut self) -> Option<Block<H>> {
        let filled = self.filled.pop()?;
        Some(Block { filled, pool: self.slab.pool })
    }

    /// A block's bytes, all of them; the header says how many mean something.
    ///
    /// # Panics
    /// If the block is another pool's.
    pub fn bytes<'a>(&'a self, block: &'a Block<H>) -> &'a [u8] {
        assert!(block.pool == self.slab.pool, "a block of another pool");
        self.slab.block(&block.filled.token).with(|start| {
            // SAFETY: the token is in `block`, borrowed for as long as the view lives, so nobody writes; and at least
            // `block_bytes` initialized bytes are there.
            unsafe { std::slice::from_raw_parts(*start, self.slab.block_bytes) }
        })
    }

    /// Overwrites a block with zeros.
    ///
    /// # Panics
    /// If the block is another pool's.
    pub fn wipe(&mut self, block: &mut Block<H>) {
        assert!(block.pool == self.slab.pool, "a block of another pool");
        self.slab.wipe(&block.filled.token);
    }

    /// Gives a block back to the producer, in any order.
    ///
    /// # Panics
    /// If the block is another pool's.
    pub fn give_back(&mut self, block: Block<H>) {
        assert!(block.pool == self.slab.pool, "a block of another pool");
        // SAFETY: there are as many slots as tokens. The token came by an Acquire of the filled queue, after the
        // producer had popped it from the free queue.
        unsafe { self.free.push(block.filled.token) };
    }
}

impl<H: Copy> Block<H> {
    /// The header that the producer committed it with.
    pub fn header(&self) -> &H {
        &self.filled.header
    }
}

impl<H> fmt::Debug for Producer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("current", &self.current).finish_non_exhaustive()
    }
}

impl<H> fmt::Debug for Consumer<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("filled", &self.filled).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "fits into memory")]
    fn a_pool_larger_than_memory_is_refused() {
        // 2^57 lines a block: their number would wrap to 0.
        drop(pool::<u64>(128, usize::MAX));
    }

    #[test]
    fn blocks_go_round_in_any_order_and_none_is_lost() {
        let (mut producer, mut consumer) = pool_from::<u64>(3, 100, usize::MAX - 1);
        let mut kept = Vec::new();
        for lap in 0..20_u64 {
            while producer.acquire() {
                assert!(producer.append(&[lap as u8; 60]) && producer.append(&[lap as u8; 40]));
                assert!(!producer.append(&[0]), "the block is full");
                producer.commit(lap);
            }
            while let Some(block) = consumer.pop() {
                assert_eq!((*block.header(), consumer.bytes(&block)), (lap, &[lap as u8; 100][..]));
                kept.push(block);
            }
            assert_eq!(kept.len(), 3);
            kept.rotate_left(lap as usize % 3);
            kept.drain(..).for_each(|block| consumer.give_back(block));
            assert_eq!(producer.free_blocks(), 3);
        }
    }

    #[test]
    fn nothing_is_left_in_a_pool_that_was_wiped_at_both_ends() {
        let (mut producer, mut consumer) = pool::<()>(4, 100);
        let left = |consumer: &Consumer<()>| {
            let blocks = (1..=4).filter_map(NonZeroU32::new).map(|index| {
                // SAFETY: everything happens on this thread, and no view is alive; 100 bytes are there.
                consumer
                    .slab
                    .block(&Token(index))
                    .with(|start| unsafe { ptr::read(start.cast::<*const [u8; 100]>()).read() })
            });
            blocks.map(|block| block.iter().filter(|byte| **byte != 0).count()).collect::<Vec<_>>()
        };
        for lap in 1..=3 {
            assert!(producer.acquire() && producer.append(&[lap; 100]));
            producer.commit(());
        }
        let read = consumer.pop().expect("three are filled");
        consumer.give_back(read);
        assert_eq!(left(&consumer), [100; 4], "what was read is still there");
        // One is current, and one is free.
        assert!(producer.append(&[9; 40]));
        assert_eq!(producer.wipe(), 2);
        assert!(!producer.acquire(), "none comes back");
        assert_eq!(left(&consumer).iter().sum::<usize>(), 200);
        while let Some(mut block) = consumer.pop() {
            consumer.wipe(&mut block);
            assert_eq!(consumer.bytes(&block), [0; 100]);
            consumer.give_back(block);
        }
        assert_eq!(left(&consumer), [0; 4]);
    }

    #[test]
    #[should_panic(expected = "another pool")]
    fn a_block_of_another_pool_is_noticed() {
        let (mut producer, mut consumer) = pool::<()>(1, 1);
        producer.acquire();
        producer.commit(());
        let block = consumer.pop().expect("one block is filled");
        drop((producer, consumer));
        pool::<()>(1, 1).1.give_back(block);
    }
}

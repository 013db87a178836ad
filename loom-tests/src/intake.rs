//! The smallest intake: a gate, a pool, and a hand-over rule. What stop and re-open are modelled with.
//!
//! A frame is one byte: its own position in the epoch. A block is handed over when it is full, and the last one by
//! whoever claims the gate. The engine's rule hands blocks over earlier as well; that adds nothing that the models of
//! the pool do not have.

use hearken::handoff::gate::Gate;
use hearken::handoff::pool::{Consumer, Producer, pool_from};
use loom::sync::Arc;

/// Frames in a block.
pub const BLOCK_FRAMES: usize = 2;

/// What a block says of itself and of everything before it, in frames.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Frames in this block.
    pub frames: usize,
    /// Given to the callback up to this block's last frame.
    pub captured: usize,
    /// Dropped before this block.
    pub dropped: usize,
}

/// The callback's half, behind the gate.
#[derive(Debug)]
pub struct Intake {
    producer: Producer<Header>,
    /// Frames in the current block, which is open only when there are some.
    filled: usize,
    /// Frames given to the callback so far.
    pub captured: usize,
    /// Frames of those for which no block was free.
    pub dropped: usize,
}

/// An open epoch: the callback's half behind its gate, and the worker's half.
pub fn open(blocks: usize) -> (Arc<Gate<Intake>>, Worker) {
    let (mut producer, consumer) = pool_from(blocks, BLOCK_FRAMES, usize::MAX - 1);
    producer.acquire();
    let intake = Intake { producer, filled: 0, captured: 0, dropped: 0 };
    (Arc::new(Gate::new(intake)), Worker { consumer, delivered: 0, dropped: 0 })
}

impl Intake {
    /// One callback's work.
    pub fn capture(&mut self, frames: usize) {
        for _ in 0..frames {
            if self.producer.acquire() {
                assert!(self.producer.append(&[self.captured as u8]), "the current block has room");
                self.filled += 1;
            } else {
                self.dropped += 1;
            }
            self.captured += 1;
            if self.filled == BLOCK_FRAMES {
                self.hand_over();
            }
        }
    }

    /// Hands the current block over, full or not.
    pub fn hand_over(&mut self) {
        if self.filled > 0 {
            let header = Header { frames: self.filled, captured: self.captured, dropped: self.dropped };
            self.producer.commit(header);
            self.filled = 0;
        }
    }
}

/// The worker's half.
#[derive(Debug)]
pub struct Worker {
    consumer: Consumer<Header>,
    /// Frames that left the pool.
    pub delivered: usize,
    /// Frames dropped, by the last header.
    pub dropped: usize,
}

impl Worker {
    /// Delivers the oldest block, or says that none waits.
    ///
    /// # Panics
    /// If a frame is torn, missing, doubled or out of order, or the ledger does not balance.
    pub fn deliver(&mut self) -> bool {
        let Some(block) = self.consumer.pop() else { return false };
        let Header { frames, captured, dropped } = *block.header();
        let first = self.delivered + dropped;
        for (frame, &position) in self.consumer.bytes(&block)[..frames].iter().enumerate() {
            assert_eq!(usize::from(position), first + frame, "frames come in order, with the drops left out");
        }
        assert!(dropped >= self.dropped);
        self.dropped = dropped;
        self.delivered += frames;
        assert_eq!(captured, self.delivered + self.dropped, "the ledger balances at every block");
        self.consumer.give_back(block);
        true
    }

    /// Delivers all that waits.
    pub fn drain(&mut self) {
        while self.deliver() {}
    }

    /// One attempt at the exact stop: drain, claim, take the current block out of the callback's hands, drain once
    /// more. Gives the frames captured and dropped, or `None` while a callback is running.
    pub fn stop(&mut self, gate: &Gate<Intake>) -> Option<(usize, usize)> {
        self.drain();
        let totals = gate.claim(|intake| {
            intake.hand_over();
            (intake.captured, intake.dropped)
        })?;
        self.drain();
        Some(totals)
    }
}

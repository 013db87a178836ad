//! One open of a device: one gate, one pool, one format, one rate. A re-open builds a new one.

use crate::faults::Faults;
use crate::format::StreamFormat;
use crate::handoff::gate::Gate;
use crate::handoff::pool::{self, Block};
use crate::intake::{Controls, DataCallback, Final, Header, Intake, enough};
use crate::record::RecordReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What a source holds: the ways into the epoch.
#[derive(Clone, Debug)]
pub struct Inlet {
    /// For the data callback.
    pub data: DataCallback,
    /// For the error callback.
    pub faults: Arc<Faults>,
    /// Set by a source that has come to its end.
    pub ended: Arc<AtomicBool>,
}

/// What the worker holds: the epoch's other end.
#[derive(Debug)]
pub struct Epoch {
    /// How its blocks are laid out.
    pub format: StreamFormat,
    /// Frames that fit in a block.
    pub block_frames: u64,
    /// Frames that the pool holds.
    pub pool_frames: u64,
    /// Where to ask for the next hand-over.
    pub controls: Arc<Controls>,
    /// The callback's own figures.
    pub record: RecordReader,
    /// What the error callback saw.
    pub faults: Arc<Faults>,
    blocks: pool::Consumer<Header>,
    gate: Arc<Gate<Intake>>,
    ended: Arc<AtomicBool>,
    /// No callback enters any more.
    is_claimed: bool,
}

/// An epoch for a stream of `format` whose pool rides out a worker that is away for `depth`, and which takes no byte
/// while `muted` is set.
pub fn epoch(format: StreamFormat, depth: Duration, muted: Arc<AtomicBool>) -> (Inlet, Epoch) {
    let rate = u64::from(format.rate_hz);
    let block_frames = format.block_frames() as u64;
    let depth_frames = (depth.as_nanos() * u128::from(rate)).div_ceil(1_000_000_000) as u64;
    // What a full block holds at least. One more than the depth for the block being filled, and one for the partial
    // block of a hand-over.
    let blocks = depth_frames.div_ceil(enough(block_frames) + 1) + 2;
    let (producer, consumer) = pool::pool(blocks as usize, block_frames as usize * format.frame_bytes());
    let faults = Arc::new(Faults::default());
    let (intake, controls, record) = Intake::new(producer, format, muted, faults.clone());
    let gate = Arc::new(Gate::new(intake));
    let ended = Arc::new(AtomicBool::new(false));
    let data = DataCallback::new(gate.clone(), format);
    let inlet = Inlet { data, faults: faults.clone(), ended: ended.clone() };
    let epoch = Epoch {
        format,
        block_frames,
        pool_frames: blocks * block_frames,
        controls,
        record,
        faults,
        blocks: consumer,
        gate,
        ended,
        is_claimed: false,
    };
    (inlet, epoch)
}

impl Epoch {
    /// The oldest block that was handed over.
    pub fn pop(&mut self) -> Option<Block<Header>> {
        self.blocks.pop()
    }

    /// A block's bytes, all of them.
    pub fn bytes<'a>(&'a self, block: &'a Block<Header>) -> &'a [u8] {
        self.blocks.bytes(block)
    }

    /// Frees a block for the callback. After the end it is wiped instead: nothing that was heard stays in memory that is
    /// freed one day by whoever lets go of the callback last.
    pub fn give_back(&mut self, mut block: Block<Header>) {
        if self.is_claimed {
            self.blocks.wipe(&mut block);
        }
        self.blocks.give_back(block);
    }

    /// Whether the source came to its end. What it wrote before is there to be popped.
    pub fn source_ended(&self) -> bool {
        // Acquire: pairs with the source's Release; its last hand-over happened before.
        self.ended.load(Ordering::Acquire)
    }

    /// Ends the epoch: no callback enters from now on, and what the last one left is handed over, to be popped; the
    /// free blocks are wiped. The final figures, or `None` while a callback is running: try again.
    pub fn claim(&mut self) -> Option<Final> {
        let last = self.gate.claim(Intake::finish)?;
        self.is_claimed = true;
        Some(last)
    }

    /// Callbacks that came after the end.
    pub fn bounced(&self) -> u64 {
        self.gate.bounced()
    }
}

//! What the callback tells everybody else about itself.

use crate::handoff::seqlock;

/// The callback's running figures, published together at the end of every callback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Callbacks that were served.
    pub callbacks: u64,
    /// Frames given to them.
    pub captured: u64,
    /// Of these, frames for which no block was free.
    pub dropped: u64,
    /// Of these, frames refused on purpose.
    pub discarded: u64,
    /// Capture time of the newest callback's first frame, stream clock.
    pub stamp_ns: u64,
    /// When the newest callback was called, stream clock; 0 where the host does not say, and in a replay.
    pub called_ns: u64,
}

/// The figures of the open epoch that its callbacks tell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Live {
    pub record: Record,
    /// Frames that came too late, since the look before.
    pub late: u64,
    /// Frames of the largest callback.
    pub largest: u32,
    pub errors: u64,
    pub xruns: u64,
}

/// The record's places in the seqlock.
pub(crate) mod word {
    pub const CAPTURED: usize = 0;
    pub const DROPPED: usize = 1;
    pub const DISCARDED: usize = 2;
    pub const STAMP_NS: usize = 3;
    pub const CALLED_NS: usize = 4;
    pub const COUNT: usize = 5;
}

/// Reads the callback's newest [`Record`].
#[derive(Clone, Debug)]
pub struct RecordReader(seqlock::Reader<{ word::COUNT }>);

impl RecordReader {
    pub(crate) fn new(reader: seqlock::Reader<{ word::COUNT }>) -> Self {
        Self(reader)
    }

    /// The newest record; never torn.
    pub fn read(&mut self) -> Record {
        let words = self.0.read();
        Record {
            // There is one publication for each callback.
            callbacks: self.0.publication(),
            captured: words[word::CAPTURED],
            dropped: words[word::DROPPED],
            discarded: words[word::DISCARDED],
            stamp_ns: words[word::STAMP_NS],
            called_ns: words[word::CALLED_NS],
        }
    }
}

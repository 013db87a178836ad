//! What happened, frame by frame: audio and holes in the order of capture, and the account of both.

mod cadence;
mod clock;
mod gap;
mod inference;
mod ledger;
mod rates;
#[cfg(test)]
mod simulation;
mod timing;

pub use cadence::Cadence;
pub use clock::StampClass;
pub(crate) use gap::Absence;
pub use gap::{Away, Cause, Gap};
pub use inference::{LossState, Verdict};
pub use ledger::Ledger;
pub use rates::LossRates;
pub(crate) use rates::RateWindow;
pub(crate) use timing::{Anchor, Timing};
pub use timing::{CapturedAt, ClockStats};

use crate::intake::{Content, Final, Header};
use crate::record::Record;

/// A stretch of the timeline, in frames since the epoch began: `[start, end)`. For the taps, settled losses are
/// frames as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First frame.
    pub start: u64,
    /// One behind the last frame.
    pub end: u64,
    /// `None` for audio, otherwise why there is none.
    pub missing: Option<Cause>,
    /// How far off the length may be; 0 for what we did ourselves.
    pub error_frames: u64,
    /// So many frames before `start` it happened: frames that the device lost are missed later.
    pub late: u64,
}

/// Puts the blocks of one epoch in their places and checks the books at each of them.
#[derive(Debug, Default)]
pub struct Timeline {
    /// Everything before this frame is accounted for.
    position: u64,
    delivered: u64,
    dropped: u64,
    discarded: u64,
}

impl Timeline {
    /// The stretches up to the end of a block: holes that lie before it, if any, and then its own.
    ///
    /// # Panics
    /// If the books do not balance, which no input can cause: `captured = delivered + dropped + discarded` at every
    /// block.
    pub fn block(&mut self, header: &Header, mut step: impl FnMut(Span)) {
        let frames = u64::from(header.frames);
        let (audio, refused, cause) = match header.content {
            Content::Audio => (frames, 0, None),
            Content::Muted => (0, frames, Some(Cause::Muted)),
            Content::Mismatched => (0, frames, Some(Cause::Mismatched)),
        };
        self.hole(Cause::Dropped, header.dropped - self.dropped, &mut step);
        // Refusals for which there was no block to note them in.
        self.hole(cause.unwrap_or(Cause::Muted), header.discarded - self.discarded - refused, &mut step);
        (self.dropped, self.discarded) = (header.dropped, header.discarded);
        self.delivered += audio;
        let start = self.position;
        self.position += frames;
        assert!(
            self.position == header.captured
                && header.captured == self.delivered + header.dropped + header.discarded,
            "the ledger does not balance: {self:?} at {header:?}"
        );
        step(Span { start, end: self.position, missing: cause, error_frames: 0, late: 0 });
    }

    /// The stretches between the last block and the end of the epoch.
    ///
    /// # Panics
    /// As [`block`](Self::block).
    pub fn finish(&mut self, last: &Final, mut step: impl FnMut(Span)) {
        self.hole(Cause::Dropped, last.dropped - self.dropped, &mut step);
        self.hole(Cause::Muted, last.discarded - self.discarded, &mut step);
        (self.dropped, self.discarded) = (last.dropped, last.discarded);
        assert!(
            self.position == last.captured && last.captured == self.delivered + last.dropped + last.discarded,
            "the ledger does not balance: {self:?} at the end, {last:?}"
        );
    }

    /// Frames accounted for.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The account as of the callback's newest record: what was captured since the last block is pending.
    pub fn ledger(&self, record: &Record) -> Ledger {
        // A block may be here before the record that counts it; then the block is the newer news.
        let newer = record.captured >= self.position;
        let (captured, dropped, discarded) = if newer {
            (record.captured, record.dropped, record.discarded)
        } else {
            (self.position, self.dropped, self.discarded)
        };
        let pending = captured - dropped - discarded - self.delivered;
        Ledger { captured, delivered: self.delivered, dropped, discarded, pending, ..Ledger::default() }
    }

    fn hole(&mut self, cause: Cause, frames: u64, step: &mut impl FnMut(Span)) {
        if frames > 0 {
            let start = self.position;
            self.position += frames;
            step(Span { start, end: self.position, missing: Some(cause), error_frames: 0, late: 0 });
        }
    }
}

//! One epoch as the engine sees it.

use crate::report::EpochReport;
use crate::signal::resample::run_frames;
use crate::source::InputInfo;
use crate::timeline::{Away, Cadence, CapturedAt, Cause, Gap, Ledger, Span, Timeline, Timing, Verdict};
use std::time::Duration;

/// One open of a device, on the capture's timeline.
#[derive(Debug)]
pub(super) struct Line {
    pub info: InputInfo,
    pub timeline: Timeline,
    pub timing: Timing,
    pub cadence: Cadence,
    pub started_at: Duration,
    /// Where on the capture's axis its frame 0 lies.
    pub offset: u64,
}

/// How an epoch ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub end: CapturedAt,
    pub why: Away,
}

impl Line {
    /// Where the taps are: the frames so far, settled losses included.
    pub fn axis(&self) -> u64 {
        self.timeline.position() + self.timing.lost()
    }

    /// Where the taps hear a stretch.
    pub fn on_axis(&self, span: Span) -> Span {
        let lost = self.timing.lost();
        Span { start: span.start + lost, end: span.end + lost, ..span }
    }

    /// Where a position is on the capture's axis, whose frames are those of the first epoch.
    pub fn place(&self, position: u64, first_hz: u32) -> u64 {
        self.offset + run_frames(0, position, self.info.format.rate_hz, first_hz)
    }

    /// A loss as a record on that axis.
    pub fn gap(&self, loss: &Verdict, first_hz: u32) -> Gap {
        let &Verdict { position, frames, error_frames, .. } = loss;
        let (start, end) = (self.place(position, first_hz), self.place(position + frames, first_hz));
        Gap { position: start, frames: end - start, error_frames, cause: Cause::Lost }
    }

    pub fn report(&self, ledger: Ledger, ended: Option<Away>) -> EpochReport {
        let (input, started_at, clock) = (self.info.clone(), self.started_at, self.timing.stats());
        EpochReport { input, started_at, ledger, clock, cadence: self.cadence.seen(), ended }
    }
}

//! What a finished capture leaves behind.

use crate::error::Error;
use crate::source::InputInfo;
use crate::stats::Stats;
use crate::timeline::Gap;

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Somebody stopped it.
    Requested,
    /// The input came to its end, or the length asked for was reached.
    Finished,
    /// The device went away, changed its format or was withdrawn, or the file could not be read on; everything before
    /// that is delivered.
    Failed(Error),
    /// The last callback did not return within 250 ms; its frames stay pending for ever.
    CallbackStuck,
}

/// The exact account of a capture that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Why it ended.
    pub reason: StopReason,
    /// What was captured from.
    pub input: InputInfo,
    /// The final figures. `stats.ledger.pending` is 0 unless a callback is stuck.
    pub stats: Stats,
    /// The holes, in device frames, neighbours of one cause merged; the first 4,096 of them.
    pub gaps: Vec<Gap>,
    /// Callbacks that came after the end and bounced off.
    pub late_callbacks: u64,
    /// Whether the device was let go of in time. If not, its thread still tries.
    pub released: bool,
}

//! What a finished capture leaves behind.

use crate::event::{Event, EventKind, StopReason};
use crate::source::InputInfo;
use crate::stats::Stats;
use crate::timeline::{Away, Cadence, ClockStats, Gap, Ledger};
use std::time::Duration;

/// The exact account of a capture that has ended.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Report {
    /// Why it ended.
    pub reason: StopReason,
    /// What was captured from, last.
    pub input: InputInfo,
    /// The final figures, of all epochs together. `stats.ledger.pending` is 0 unless a callback is stuck.
    pub stats: Stats,
    /// The holes, on one axis: frames at the first epoch's rate, the time between epochs included. Neighbours of one
    /// cause are merged; the first 4,096 of them.
    pub gaps: Vec<Gap>,
    /// What looked lost at the end of an epoch and had done so for too short a while to be settled, on the same axis; not
    /// among `gaps`, and nothing stands for it. Frames of `stats.ledger.lost_provisional`.
    #[cfg_attr(feature = "serde", serde(default))]
    pub provisional: Vec<Gap>,
    /// The opens, one after the other: the first 1,024.
    pub epochs: Vec<EpochReport>,
    /// What happened: the first 1,024 events.
    pub events: Vec<Event>,
    /// Callbacks that came after the end of their epoch and bounced off.
    pub late_callbacks: u64,
    /// Whether the device was let go of in time. If not, its thread still tries.
    pub released: bool,
}

impl Report {
    /// The channels of the device that carried nothing while others did, in the end: what [`EventKind::DeadChannels`] told
    /// last.
    pub fn dead_channels(&self) -> &[u16] {
        let told = self.events.iter().rev().find_map(|event| match &event.kind {
            EventKind::DeadChannels(channels) => Some(channels.as_slice()),
            _ => None,
        });
        told.unwrap_or_default()
    }
}

/// The account of one open of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EpochReport {
    /// What was open.
    pub input: InputInfo,
    /// When its first frame was captured, since the capture's first open; 0 if there was none.
    #[cfg_attr(feature = "serde", serde(rename = "started_at_ms", with = "crate::serial::ms"))]
    pub started_at: Duration,
    /// Where its frames went.
    pub ledger: Ledger,
    /// Its clock.
    pub clock: ClockStats,
    /// How regularly it called back, as far as that was seen.
    pub cadence: Cadence,
    /// Why it ended; `None` for the one that the capture ended with.
    pub ended: Option<Away>,
}

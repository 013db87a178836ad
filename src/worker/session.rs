//! What the worker does with an open device.

use crate::engine::Engine;
use crate::record::{Live, Record};
use crate::source::Session;
use std::time::Duration;

/// Serves the blocks that wait, at most a quarter of the pool so that nobody else waits long; whether there may be more.
/// `seen` says what time it is: asked when a block is there, or one that came while we were held up would be seen before
/// it was captured.
pub(super) fn drain(session: &mut Session, engine: &mut Engine, seen: impl Fn() -> Duration) -> bool {
    let mut served = 0;
    let xruns = session.epoch.faults.xruns();
    while let Some(block) = session.epoch.pop() {
        let header = block.header();
        let bytes = header.frames as usize * session.epoch.format.frame_bytes();
        // A block of refused frames holds none.
        let all = session.epoch.bytes(&block);
        engine.block(header, &all[..bytes.min(all.len())], seen(), xruns);
        served += u64::from(header.frames);
        session.epoch.give_back(block);
        if served >= session.epoch.pool_frames / 4 {
            return true;
        }
    }
    false
}

/// What the callbacks tell; `late` frames came too late.
pub(super) fn live(session: &Session, record: Record, late: u64) -> Live {
    let faults = &session.epoch.faults;
    let largest = session.epoch.controls.largest();
    Live { record, late, largest, errors: faults.count(), xruns: faults.xruns() }
}

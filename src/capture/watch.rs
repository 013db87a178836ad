//! Whether devices come and go, while a capture runs that wants to know.

use super::shared::{Shared, State};
use crate::source::{Host, watch};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Has the worker tell of devices that come and go, until the capture has ended.
pub(super) fn watch_devices(shared: &Arc<Shared>, host: Host) {
    let of = shared.clone();
    let changed = move || {
        // Release: pairs with the worker's swap.
        of.desk.devices_changed.store(true, Ordering::Release);
        of.state.lock().wake();
    };
    *shared.watch.lock() = watch(host, &shared.clock, changed);
    // Whoever ends it takes what is there by then.
    if matches!(*shared.state.lock(), State::Ended(_)) {
        shared.watch.lock().take();
    }
}

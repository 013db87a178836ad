//! Whether devices come and go, while a capture runs that wants to know.

use super::shared::{Shared, State};
use crate::source::{Host, device_ids};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How often the system is asked: it takes it milliseconds.
const EVERY: Duration = Duration::from_secs(3);

/// Looks at the list on a thread of its own, since some hosts hang in it, until the capture has ended.
pub(super) fn watch_devices(shared: Arc<Shared>, host: Host) {
    let part = shared.clock.take_part();
    let look = move || {
        let _part = part;
        let sleeper = shared.clock.sleeper();
        // Before the end is looked for, which wakes whoever it finds.
        let _ = shared.watcher.set(sleeper.waker());
        let has_ended = || matches!(*shared.state.lock(), State::Ended(_));
        let mut known = device_ids(&host);
        while !has_ended() {
            sleeper.park(EVERY);
            if has_ended() {
                return;
            }
            // A host that cannot tell for once has not changed.
            let Some(now) = device_ids(&host) else { continue };
            if known.replace(now.clone()) != Some(now) {
                // Release: pairs with the worker's swap.
                shared.desk.devices_changed.store(true, Ordering::Release);
                shared.state.lock().wake();
            }
        }
    };
    // Without a thread nobody is told, which reads as "nothing changed".
    let _ = thread::Builder::new().name("hearken-list".into()).spawn(look);
}

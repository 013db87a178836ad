//! What the error callback saw: bits and counters, nothing else.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// A device's report on its error callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// The device lost data; the stream runs on.
    Xrun,
    /// The stream moved to another device and runs on.
    Rerouted,
    /// Real-time priority was refused; the stream runs on.
    RealtimeDenied,
    /// The device is gone.
    Lost,
    /// The stream must be built anew.
    Invalidated,
    /// Access was withdrawn.
    Denied,
    /// A failure of the system's audio service.
    Backend,
    /// A callback came in another format than the epoch's.
    Mismatch,
    /// The system has another default device now; the stream runs on where it is.
    DefaultMoved,
}

impl Fault {
    /// Whether the stream is of no more use.
    pub fn is_fatal(self) -> bool {
        !matches!(self, Self::Xrun | Self::Rerouted | Self::RealtimeDenied | Self::DefaultMoved)
    }

    const ALL: [Self; 9] = [
        Self::Xrun,
        Self::Rerouted,
        Self::RealtimeDenied,
        Self::Lost,
        Self::Invalidated,
        Self::Denied,
        Self::Backend,
        Self::Mismatch,
        Self::DefaultMoved,
    ];
}

/// What the error side has seen. A dead server may call it half a million times a second.
#[derive(Debug, Default)]
pub struct Faults {
    /// One bit for each [`Fault`] since the last [`take`](Self::take).
    bits: AtomicU32,
    /// Calls since the epoch began.
    count: AtomicU64,
    /// Of these, [`Fault::Xrun`].
    xruns: AtomicU64,
}

impl Faults {
    /// Notes a fault. Wait-free, from any thread.
    pub fn report(&self, fault: Fault) {
        self.count.fetch_add(1, Relaxed);
        if fault == Fault::Xrun {
            self.xruns.fetch_add(1, Relaxed);
        }
        self.bits.fetch_or(1 << fault as u32, Relaxed);
    }

    /// The faults since the last call, in the order of their declaration.
    pub fn take(&self) -> impl Iterator<Item = Fault> {
        let bits = self.bits.swap(0, Relaxed);
        Fault::ALL.into_iter().filter(move |fault| bits & (1 << *fault as u32) != 0)
    }

    /// Calls of the error callback since the epoch began.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Of these, lost data reported by the device.
    pub fn xruns(&self) -> u64 {
        self.xruns.load(Relaxed)
    }
}

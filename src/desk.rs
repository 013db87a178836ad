//! Where the control side and the worker meet.

use crate::event::Teller;
use crate::record::RecordReader;
use crate::source::{Input, InputInfo};
use crate::take::TakePipe;
use crate::tap::{Pipe, SlowCalls};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// What the control side asks of the worker, and what it may see.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    /// Taps that join.
    pub taps: Mutex<Vec<Box<dyn Pipe>>>,
    /// Takes that begin.
    pub takes: Mutex<Vec<TakePipe>>,
    /// The device is to be open whether or not there are takes.
    pub held: AtomicBool,
    /// Listeners to events that join.
    pub tellers: Mutex<Vec<Teller>>,
    /// Another device, please.
    pub switch: Mutex<Option<Input>>,
    /// Let go of the device until this is taken back.
    pub suspended: AtomicBool,
    /// The system's list of devices is another one.
    pub devices_changed: AtomicBool,
    /// Closures that held the worker up.
    pub slow: Arc<SlowCalls>,
    /// End it.
    pub stop: AtomicBool,
    /// What is open.
    pub input: Mutex<Option<InputInfo>>,
    /// What its callbacks tell of themselves.
    pub record: Mutex<Option<RecordReader>>,
}

/// The times that a worker counts by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// What pictures are asked for by.
    pub origin: Instant,
    /// Just before the first opening, which capture times count from.
    pub first_open: Instant,
    /// After which a device's capture ends.
    pub length: Option<Duration>,
    /// How long the device stays open after the last take.
    pub idle: Duration,
}

//! Where the control side and the worker meet.

use crate::event::Teller;
use crate::source::{Input, InputInfo};
use crate::take::TakePipe;
use crate::tap::{Pipe, SlowCalls};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    /// Closures that held the worker up.
    pub slow: Arc<SlowCalls>,
    /// End it.
    pub stop: AtomicBool,
    /// What is open.
    pub input: Mutex<Option<InputInfo>>,
}

//! Where audio comes from. Each source fills the intake of an [epoch](crate::epoch) and knows nothing of what
//! happens behind it.

mod device;
mod feed;
mod speech;
pub mod synthetic;

pub use device::{CpalDevice, DeviceInfo, data_closure, devices, hosts};

use crate::epoch::Epoch;
use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::timeline::Anchor;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};
use synthetic::Synthetic;

/// What to capture from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Input {
    /// The system's default microphone.
    #[default]
    Default,
    /// The device of this id (see [`devices`]); with or without its host in front, as in `alsa:hw:CARD=0`.
    Device(String),
    /// A device that the application got from cpal itself, of whichever host.
    Cpal(CpalDevice),
    /// A WAV file.
    File(PathBuf),
    /// A made-up microphone.
    Synthetic(Synthetic),
}

/// How a file or a synthetic microphone is played. A device keeps its own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// As a microphone would: 10 ms every 10 ms, dropped where nobody is in time.
    #[default]
    RealTime,
    /// As fast as it is taken; waits for room, so nothing is ever dropped.
    Fast,
}

/// The format to open a device in; what is `None` is the device's own choice. A synthetic microphone takes the same
/// wishes (48 kHz, stereo, f32 by default); a file is what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatWish {
    /// Frames per second.
    pub rate_hz: Option<u32>,
    /// Samples per frame.
    pub channels: Option<u16>,
    /// Sample format.
    pub sample: Option<SampleFormat>,
}

impl FormatWish {
    pub(crate) fn check(&self) -> Result<(), Error> {
        let rates = 1..=StreamFormat::MAX_RATE_HZ;
        let channels = 1..=StreamFormat::MAX_CHANNELS;
        if self.rate_hz.is_some_and(|rate| !rates.contains(&rate)) {
            return Err(Error::bad_argument("a device rate is 1 to 768,000 Hz; nothing was opened"));
        }
        if self.channels.is_some_and(|count| !channels.contains(&count)) {
            return Err(Error::bad_argument("a device has 1 to 32 channels; nothing was opened"));
        }
        Ok(())
    }

    fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// What was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputInfo {
    /// cpal's name for the audio system, or `file`, or `synthetic`.
    pub host: String,
    /// Stable identifier on that host.
    pub id: String,
    /// For people.
    pub name: String,
    /// How samples arrive.
    pub format: StreamFormat,
}

/// What a source is to be opened with.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub input: Input,
    pub host: Option<String>,
    pub format: FormatWish,
    pub pace: Pace,
    pub pool: Duration,
    /// Told to the callback before the first can come.
    pub muted: Arc<AtomicBool>,
    pub length: Option<Duration>,
}

/// An open source and the epoch that it fills.
#[derive(Debug)]
pub(crate) struct Session {
    pub info: InputInfo,
    pub epoch: Epoch,
    pub running: Running,
    /// When it started to play.
    pub started: Instant,
    /// Where the stream's clock stands.
    pub anchor: Anchor,
    /// Whether the source itself ends after `Wish::length`, or the clock has to say so.
    pub ends_itself: bool,
    /// Whether it delivers at the pace of a clock, so that one can tell when the next frames are due.
    pub paced: bool,
}

/// The thread that holds a source open. Dropping it asks the source to close, and does not wait.
#[derive(Debug)]
pub(crate) struct Running {
    thread: thread::Thread,
    /// Never sent on: the thread sees it go.
    stop: Option<Sender<()>>,
    closed: Receiver<()>,
}

impl Running {
    /// Asks the source to close and waits for no longer than `patience`; whether it has.
    pub fn close(&mut self, patience: Duration) -> bool {
        self.stop = None;
        self.thread.unpark();
        matches!(self.closed.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }

    /// Tells a source that waits for room to look again.
    pub fn nudge(&self) {
        self.thread.unpark();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop = None;
        self.thread.unpark();
    }
}

/// Opens a source. It plays when this returns; what it captured meanwhile lies in the pool.
pub(crate) fn open(wish: Wish) -> Result<Session, Error> {
    wish.format.check()?;
    match &wish.input {
        Input::File(path) => feed::open_file(path.clone(), &wish),
        Input::Synthetic(kind) => feed::open_synthetic(*kind, &wish),
        Input::Default | Input::Device(_) | Input::Cpal(_) => device::open(wish),
    }
}

/// An internal failure: a thread could not be started.
fn no_thread(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("no thread could be started: {error}; nothing is open"))
}

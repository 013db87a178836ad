//! Where audio comes from. Each source fills the intake of an [epoch](crate::epoch) and knows nothing of what
//! happens behind it.

mod device;
mod feed;
mod permission;
mod speech;
pub mod synthetic;

#[cfg(feature = "testkit")]
pub(crate) use device::to_cpal;
pub(crate) use device::watch;
pub use device::{CpalDevice, CpalHost, DeviceInfo, DeviceKind, data_closure, devices, hosts};
pub use permission::{Permission, permission};

use crate::epoch::Epoch;
use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::Final;
use crate::time::{Clock, Closed, Waker};
use crate::timeline::Anchor;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, OnceLock};
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

impl Input {
    pub(crate) fn is_device(&self) -> bool {
        matches!(self, Self::Default | Self::Device(_) | Self::Cpal(_))
    }
}

/// An audio system.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Host {
    /// The one that is always there (ALSA, CoreAudio, WASAPI), whatever features are on.
    #[default]
    Native,
    /// The one of this name, cpal's (see [`hosts`]).
    Named(String),
    /// One that the application got from cpal itself.
    Cpal(CpalHost),
}

impl From<&str> for Host {
    fn from(name: &str) -> Self {
        Self::Named(name.to_owned())
    }
}

/// The native host where no name is given.
impl From<Option<&str>> for Host {
    fn from(name: Option<&str>) -> Self {
        name.map_or(Self::Native, Self::from)
    }
}

/// How a file or a synthetic microphone is played. A device keeps its own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
pub struct FormatWish {
    /// Frames per second.
    pub rate_hz: Option<u32>,
    /// Samples per frame.
    pub channels: Option<u16>,
    /// Sample format.
    #[cfg_attr(feature = "serde", serde(rename = "sample_format"))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct InputInfo {
    /// cpal's name for the audio system, or `file`, or `synthetic`.
    pub host: String,
    /// Stable identifier on that host.
    pub id: String,
    /// For people.
    pub name: String,
    /// How samples arrive.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub format: StreamFormat,
    /// The sound server behind the audio system, such as `pulse` or `pipewire`; `None` where there is none, or where
    /// the host does not say.
    #[cfg_attr(feature = "serde", serde(default))]
    pub server: Option<String>,
    /// Frames after which the device wakes us, as it granted them; `None` where the host does not say. Callbacks may
    /// bring more, or less.
    #[cfg_attr(feature = "serde", serde(default))]
    pub period_frames: Option<u32>,
}

/// What a source is to be opened with.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub input: Input,
    pub host: Host,
    pub format: FormatWish,
    /// How often the device is to wake us; `None` is our choice.
    pub period: Option<Duration>,
    pub pace: Pace,
    pub pool: Duration,
    /// Told to the callback before the first can come.
    pub muted: Arc<AtomicBool>,
    pub length: Option<Duration>,
    pub clock: Clock,
    /// The device of this id runs at this rate, whatever it says.
    pub corrected: Option<(String, u32)>,
    /// To be told when there is news.
    pub worker: Waker,
    /// Each thread that opens or holds a device has one.
    pub attendance: Arc<()>,
    /// Where a server behind the audio system led a device that was named, when it was opened first.
    pub led_to: Arc<OnceLock<String>>,
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

/// How long an end waits for a callback that is running.
const STUCK_AFTER: Duration = Duration::from_millis(250);
const STUCK_RETRY: Duration = Duration::from_micros(200);

impl Session {
    /// Ends the epoch for the callback, whose last frames are handed over then; `None` if it is stuck.
    pub fn end(&mut self) -> Option<Final> {
        let since = Instant::now();
        loop {
            if let Some(last) = self.epoch.claim() {
                return Some(last);
            }
            if since.elapsed() > STUCK_AFTER {
                return None;
            }
            thread::sleep(STUCK_RETRY);
        }
    }
}

/// What ends a source's thread: dropping it asks that to close.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The thread sleeps, and sees the channel go when it is woken.
    Sleeper(Waker, Option<Sender<()>>),
    /// The thread reads from this socket, or from its other end, and finds it shut down.
    #[cfg(target_os = "linux")]
    Socket(std::os::unix::net::UnixStream),
}

impl Drop for Stop {
    fn drop(&mut self) {
        match self {
            Self::Sleeper(thread, stop) => {
                *stop = None;
                thread.wake();
            }
            // A socket that is shut already is as good.
            #[cfg(target_os = "linux")]
            Self::Socket(socket) => drop(socket.shutdown(std::net::Shutdown::Both)),
        }
    }
}

/// The thread that holds a source open. Dropping it asks the source to close, and does not wait.
#[derive(Debug)]
pub(crate) struct Running {
    stop: Option<Stop>,
    closed: Closed,
}

impl Running {
    /// Asks the source to close and waits for no longer than `patience`; whether it has.
    pub fn close(&mut self, patience: Duration) -> bool {
        self.stop = None;
        self.closed.wait(Some(patience))
    }

    /// Tells a source that waits for room to look again.
    pub fn nudge(&self) {
        if let Some(Stop::Sleeper(thread, _)) = &self.stop {
            thread.wake();
        }
    }
}

/// How long a device may take to open. PulseAudio's host waits for the first sample before it says that it plays.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

/// A source that is being opened, on a thread of its own. Dropping it abandons the attempt.
#[derive(Debug)]
pub(crate) struct Opening {
    outcome: Receiver<Result<Session, Error>>,
    /// When to give up.
    pub deadline: Instant,
}

impl Opening {
    /// Whether it is open now, and plays; what it captured meanwhile lies in the pool.
    pub fn poll(&self, now: Instant) -> Option<Result<Session, Error>> {
        match self.outcome.try_recv() {
            Ok(outcome) => Some(outcome),
            Err(TryRecvError::Empty) if now < self.deadline => None,
            Err(TryRecvError::Empty) => {
                let waited = OPEN_LIMIT.as_secs();
                let message = format!(
                    "the audio system did not say within {waited} s whether the device can be opened; the attempt \
                     was abandoned. The system may hang, or the source deliver nothing"
                );
                Some(Err(Error::new(ErrorKind::DeviceBusy, message)))
            }
            Err(TryRecvError::Disconnected) => {
                let message = "opening the device panicked, which is a defect; nothing is open";
                Some(Err(Error::new(ErrorKind::Internal, message)))
            }
        }
    }
}

/// Begins to open a source; the worker is woken when that is done.
pub(crate) fn open(wish: Wish) -> Result<Opening, Error> {
    wish.format.check()?;
    let deadline = wish.clock.now() + OPEN_LIMIT;
    let (opened, outcome) = mpsc::sync_channel(1);
    match &wish.input {
        Input::File(path) => drop(opened.send(feed::open_file(path.clone(), &wish))),
        Input::Synthetic(kind) => drop(opened.send(feed::open_synthetic(*kind, &wish))),
        Input::Default | Input::Device(_) | Input::Cpal(_) => device::open(wish, opened)?,
    }
    Ok(Opening { outcome, deadline })
}

/// Begins to look whether a device is there; the worker is woken when that is known.
pub(crate) fn look_for(wish: Wish) -> Receiver<bool> {
    let (told, found) = mpsc::sync_channel(1);
    device::look_for(wish, told);
    found
}

/// An internal failure: a thread could not be started.
fn no_thread(error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("no thread could be started: {error}; nothing is open"))
}

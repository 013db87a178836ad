//! Devices, by cpal: the only file that says so.
//!
//! Some hosts block for seconds in `play` or in a stream's `drop`, so each open has a thread of its own that
//! builds, plays, holds and drops the stream, and that others speak to with time limits.

mod conversion;

use super::permission::{explain, permission};
use super::{Host, Input, InputInfo, OPEN_LIMIT, Running, Session, Wish, no_thread};
use crate::epoch::{Epoch, Inlet, epoch};
use crate::error::{Error, ErrorKind};
use crate::faults::{Fault, Faults};
use crate::format::StreamFormat;
use crate::intake::{DataCallback, Stamp};
use crate::time::Clock;
use crate::timeline::Anchor;
pub(crate) use conversion::to_cpal;
use conversion::{choose_format, fault, opening, own_format};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

/// How often an open default device is compared with the system's default.
const FOLLOW: Duration = Duration::from_secs(1);

/// The host that is always there on this system. Not `cpal::default_host()`, which changes with the features that
/// anybody in the dependency tree switches on.
const NATIVE_HOST: &str = if cfg!(target_os = "windows") {
    "wasapi"
} else if cfg!(target_vendor = "apple") {
    "coreaudio"
} else {
    "alsa"
};

/// A device that the application got from cpal.
#[derive(Clone)]
pub struct CpalDevice(cpal::Device);

impl From<cpal::Device> for CpalDevice {
    fn from(device: cpal::Device) -> Self {
        Self(device)
    }
}

impl fmt::Debug for CpalDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpalDevice({})", self.0)
    }
}

/// A way to an audio system of the application's: called whenever a device is opened or looked for.
#[derive(Clone)]
pub struct CpalHost(Arc<dyn Fn() -> cpal::Host + Send + Sync>);

impl CpalHost {
    /// From a function that makes a handle of the host.
    pub fn new(host: impl Fn() -> cpal::Host + Send + Sync + 'static) -> Self {
        Self(Arc::new(host))
    }
}

impl fmt::Debug for CpalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CpalHost")
    }
}

/// An input device as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The audio system, by cpal's name.
    pub host: String,
    /// Stable identifier, for [`Input::Device`].
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it is the one that [`Input::Default`] opens.
    #[cfg_attr(feature = "serde", serde(rename = "default"))]
    pub is_default: bool,
    /// What it delivers unless asked for something else; `None` where it cannot be asked now.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub format: Option<StreamFormat>,
}

/// The names of the audio systems that this build knows and this machine has.
pub fn hosts() -> Vec<String> {
    cpal::available_hosts().iter().map(ToString::to_string).collect()
}

/// The input devices of a host, the default one first.
///
/// # Errors
/// `NotFound` for a host that is not there, naming those that are; `NoDevice` when the host cannot list its devices.
pub fn devices(host: &Host) -> Result<Vec<DeviceInfo>, Error> {
    let host = host.clone();
    // A thread of its own, since a thread that was hushed stays so.
    let listing = thread::Builder::new().name("hearken-devices".into()).spawn(move || {
        hush();
        list(&host)
    });
    listing.map_err(|error| no_thread(&error))?.join().unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Internal, "listing the devices panicked, which is a defect"))
    })
}

/// Keeps ALSA's library from writing to stderr what it tells us anyway, on this thread.
fn hush() {
    #[cfg(target_os = "linux")]
    let _ = alsa::Output::local_error_handler();
}

fn list(host: &Host) -> Result<Vec<DeviceInfo>, Error> {
    let host = reach(host)?;
    let default = host.default_input_device();
    let default_id = default.as_ref().and_then(|device| device.id().ok());
    // A system's default may be an alias that is not in its list.
    let listed = host.input_devices().map_err(|error| opening(&error, "the list of devices"))?;
    let others = listed.filter(|device| device.id().ok() != default_id);
    let mut found: Vec<DeviceInfo> = Vec::new();
    for (index, device) in default.iter().cloned().chain(others).enumerate() {
        if let Ok(id) = device.id()
            && !found.iter().any(|known| known.id == id.id())
        {
            found.push(DeviceInfo {
                host: id.host().to_string(),
                id: id.id().to_owned(),
                name: device.to_string(),
                is_default: index == 0 && default.is_some(),
                format: device.default_input_config().ok().and_then(|config| own_format(&config).ok()),
            });
        }
    }
    Ok(found)
}

/// What devices of whatever kind a host has, the default input first; opens none. None where it does not say.
pub(crate) fn device_ids(host: &Host) -> Option<Vec<String>> {
    hush();
    let host = reach(host).ok()?;
    let listed = host.default_input_device().into_iter().chain(host.devices().ok()?);
    Some(listed.filter_map(|device| Some(device.id().ok()?.id().to_owned())).collect())
}

pub(super) fn open(wish: Wish, opened: SyncSender<Result<Session, Error>>) -> Result<(), Error> {
    let part = wish.clock.take_part();
    let opener = move || {
        // Dropped last: in virtual time nobody sees a thread that has gone and still counts.
        let (_part, wish) = (part, wish);
        hush();
        let sleeper = wish.clock.sleeper();
        let (stop, stopped) = mpsc::channel::<()>();
        let (closing, closed) = mpsc::channel::<()>();
        let outcome = build(&wish).map(|(stream, info, epoch, faults)| {
            let (anchor, started) = (bracket(&stream, &wish.clock), wish.clock.now());
            let running = Running { thread: sleeper.waker(), stop: Some(stop), closed };
            let session = Session { info, epoch, running, started, anchor, ends_itself: false, paced: true };
            (stream, session, faults)
        });
        let stream = match outcome {
            Ok((stream, session, faults)) => {
                let id = session.info.id.clone();
                // Nobody waits any more when the time limit has passed: then the stream is dropped at once.
                if opened.send(Ok(session)).is_err() {
                    return;
                }
                wish.worker.wake();
                Some((stream, id, faults))
            }
            Err(error) => {
                // What a host of the application's does is not the system's word.
                let is_own = matches!(wish.host, Host::Cpal(_)) || matches!(wish.input, Input::Cpal(_));
                let error = if is_own { error } else { explain(error, permission()) };
                let _ = opened.send(Err(error));
                wish.worker.wake();
                None
            }
        };
        let Some((stream, id, faults)) = stream else { return };
        // Ends when the other end is gone.
        while stopped.try_recv() != Err(TryRecvError::Disconnected) {
            let follows = matches!(wish.input, Input::Default);
            if follows && has_moved(&wish.host, &id) {
                faults.report(Fault::DefaultMoved);
            }
            sleeper.park(if follows { FOLLOW } else { Duration::from_secs(3600) });
        }
        drop(stream);
        drop(closing);
    };
    let thread = thread::Builder::new().name("hearken-device".into()).spawn(opener);
    thread.map(drop).map_err(|error| no_thread(&error))
}

/// Whether the system's default is another device now.
fn has_moved(host: &Host, id: &str) -> bool {
    let default = reach(host).ok().and_then(|host| host.default_input_device());
    default.and_then(|device| device.id().ok()).is_some_and(|default| default.id() != id)
}

/// Looks whether the device is there, on a thread of its own.
pub(super) fn look_for(wish: Wish, told: SyncSender<bool>) {
    let part = wish.clock.take_part();
    let scout = move || {
        let (_part, wish) = (part, wish);
        hush();
        let found = find(&wish).is_ok_and(|device| device.default_input_config().is_ok());
        let _ = told.send(found);
        wish.worker.wake();
    };
    // Without a thread nobody is told, which reads as "not there".
    let _ = thread::Builder::new().name("hearken-devices".into()).spawn(scout);
}

/// Reads the stream's clock between two looks at ours, and keeps the closest of a few.
fn bracket(stream: &cpal::Stream, clock: &Clock) -> Anchor {
    let look = || {
        let before = clock.now();
        let stream_ns = u64::try_from(stream.now().as_nanos()).unwrap_or(u64::MAX);
        let error = clock.now().saturating_duration_since(before) / 2;
        Anchor { at: before + error, stream_ns, error, is_own: false }
    };
    (0..8).map(|_| look()).min_by_key(|anchor| anchor.error).unwrap_or_else(look)
}

type Built = (cpal::Stream, InputInfo, Epoch, Arc<Faults>);

fn build(wish: &Wish) -> Result<Built, Error> {
    let device = find(wish)?;
    let name = device.to_string();
    let id = device.id().map_err(|error| opening(&error, &name))?;
    let labelled = choose_format(&device, wish, &name)?;
    let actual = wish.corrected.as_ref().filter(|(of, _)| of == id.id()).map(|(_, rate_hz)| *rate_hz);
    let format = StreamFormat { rate_hz: actual.unwrap_or(labelled.rate_hz), ..labelled };
    let (inlet, epoch) = epoch(format, wish.pool, wish.muted.clone());
    let config = cpal::StreamConfig {
        channels: format.channels,
        sample_rate: labelled.rate_hz,
        buffer_size: cpal::BufferSize::Default,
    };
    let Inlet { data, faults, .. } = inlet;
    let seen = faults.clone();
    let on_data = data_closure(data);
    // May be called half a million times a second by a dead server, on the audio thread: it stores bits.
    let on_error = move |error: cpal::Error| faults.report(fault(error.kind()));
    let stream = device
        .build_input_stream_raw(config, to_cpal(format.sample), on_data, on_error, Some(OPEN_LIMIT))
        .map_err(|error| opening(&error, &name))?;
    stream.play().map_err(|error| opening(&error, &name))?;
    let info = InputInfo { host: id.host().to_string(), id: id.id().to_owned(), name, format };
    Ok((stream, info, epoch, seen))
}

/// The data callback that cpal gets: what the microphone says goes to `data`. Wait-free, never allocates.
pub fn data_closure(
    data: DataCallback,
) -> impl FnMut(&cpal::Data, &cpal::InputCallbackInfo) + Send + 'static {
    let format = data.format();
    let announced = to_cpal(format.sample);
    move |samples, info| {
        let times = info.timestamp();
        let [capture_ns, called_ns] = [times.capture, times.callback].map(|time| time.as_nanos() as u64);
        let stamp = Stamp { capture_ns, called_ns };
        if samples.sample_format() == announced {
            data.call(samples.bytes(), stamp);
        } else {
            data.mismatch((samples.len() / usize::from(format.channels)) as u32, stamp);
        }
    }
}

fn reach(host: &Host) -> Result<cpal::Host, Error> {
    let name = match host {
        Host::Native => NATIVE_HOST,
        Host::Named(name) => name,
        Host::Cpal(CpalHost(host)) => return Ok(host()),
    };
    let known = || hosts().join(", ");
    let id = cpal::HostId::from_str(name).map_err(|_| {
        let message =
            format!("this build has no audio host '{name}'; it has {}. Nothing was opened", known());
        Error::new(ErrorKind::NotFound, message)
    })?;
    cpal::host_from_id(id).map_err(|error| {
        let message = format!("the audio host '{name}' cannot be reached ({error}); reachable: {}", known());
        Error::new(ErrorKind::NoDevice, message)
    })
}

fn find(wish: &Wish) -> Result<cpal::Device, Error> {
    let wanted = match &wish.input {
        Input::Cpal(device) => return Ok(device.0.clone()),
        Input::Device(id) => id,
        _ => {
            return reach(&wish.host)?.default_input_device().ok_or_else(|| {
                let message = "there is no input device; plug a microphone in or start the audio service";
                Error::new(ErrorKind::NoDevice, message)
            });
        }
    };
    // `host:id` names its host; a bare id belongs to the chosen one. An ALSA id may itself contain colons.
    let (home, bare) = match wanted.split_once(':') {
        Some((name, rest)) if cpal::HostId::from_str(name).is_ok() => (Host::from(name), rest),
        _ => (wish.host.clone(), wanted.as_str()),
    };
    let host = reach(&home)?;
    let is_wanted = |device: &cpal::Device| device.id().is_ok_and(|id| id.id() == bare);
    let by_id = host.device_by_id(&cpal::DeviceId::new(host.id(), bare)).filter(is_wanted);
    by_id.or_else(|| host.input_devices().ok()?.find(is_wanted)).ok_or_else(|| {
        let there: Vec<String> =
            list(&home).unwrap_or_default().into_iter().map(|device| device.id).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Error::new(ErrorKind::NotFound, format!("there is no input device '{wanted}'; there are: {there}"))
    })
}

//! Devices, by cpal.

use super::cpal_conversion::{choose_format, fault, opening, own_format, to_cpal};
#[cfg(feature = "jack")]
use super::jack_ports::Ports;
use super::{DeviceInfo, DeviceKind, Told, frames_in, hosts, there_is_no};
use crate::epoch::{Epoch, Inlet, epoch};
use crate::error::{Error, ErrorKind};
use crate::faults::{Fault, Faults};
use crate::format::StreamFormat;
use crate::intake::{DataCallback, Stamp};
use crate::source::permission::{explain, permission};
use crate::source::{Host, Input, InputInfo, OPEN_LIMIT, Running, Session, Stop, Wish};
use crate::time::{Clock, Closing};
use crate::timeline::Anchor;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

/// The host that is always there on this system. Not `cpal::default_host()`, which changes with the features that
/// anybody in the dependency tree switches on.
const NATIVE: &str = if cfg!(target_os = "windows") {
    "wasapi"
} else if cfg!(target_vendor = "apple") {
    "coreaudio"
} else {
    "alsa"
};

/// How often an open default device is compared with the system's default.
const FOLLOW: Duration = Duration::from_secs(1);

/// Hosts whose default has one id, whatever it leads to. To ask JACK is to be a client of its for a moment, for which it
/// orders its graph anew.
const STANDS: [&str; 2] = ["alsa", "jack"];

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

/// The names of cpal's audio systems that this build knows and this machine has.
pub(super) fn names() -> Vec<String> {
    cpal::available_hosts().iter().map(ToString::to_string).collect()
}

/// Whether `name` is an audio system that this build knows.
pub(super) fn knows(name: &str) -> bool {
    cpal::HostId::from_str(name).is_ok()
}

/// The input devices of a host, the default one first.
pub(super) fn list(host: &Host) -> Result<Vec<DeviceInfo>, Error> {
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
                kind: DeviceKind::Microphone,
                is_default: index == 0 && default.is_some(),
                format: device.default_input_config().ok().and_then(|config| own_format(&config).ok()),
            });
        }
    }
    // JACK's outputs say that they are inputs as well.
    found.retain(|device| device.host != "jack" || device.id != "output");
    Ok(found)
}

/// What devices of whatever kind a host has, the default input first; opens none. None where it does not say, and of
/// JACK, which would have to be joined for it.
pub(super) fn ids(host: &Host) -> Option<Vec<String>> {
    if matches!(host, Host::Named(name) if name.eq_ignore_ascii_case("jack")) {
        return None;
    }
    let host = reach(host).ok()?;
    let listed = host.default_input_device().into_iter().chain(host.devices().ok()?);
    Some(listed.filter_map(|device| Some(device.id().ok()?.id().to_owned())).collect())
}

/// Opens a device and holds it, on the calling thread, until it is told to stop. Some hosts block for seconds in `play`
/// or in a stream's `drop`.
pub(super) fn run(wish: &Wish, home: &Host, id: Option<&str>, told: Told) {
    let sleeper = wish.clock.sleeper();
    let (stop, stopped) = mpsc::channel::<()>();
    let closing = Closing::default();
    let outcome = build(wish, home, id).map(|(stream, info, epoch, faults)| {
        let (anchor, started) = (bracket(&stream, &wish.clock), wish.clock.now());
        let running =
            Running { stop: Some(Stop::Sleeper(sleeper.waker(), Some(stop))), closed: closing.closed() };
        let session = Session { info, epoch, running, started, anchor, ends_itself: false, paced: true };
        (stream, session, faults)
    });
    let (stream, session, faults) = match outcome {
        Ok(opened) => opened,
        Err(error) => {
            // What a host of the application's does is not the system's word.
            let is_own = matches!(home, Host::Cpal(_)) || matches!(wish.input, Input::Cpal(_));
            told.tell(Err(if is_own { error } else { explain(error, permission()) }));
            return;
        }
    };
    let (host, id) = (session.info.host.clone(), session.info.id.clone());
    let is_default = matches!(wish.input, Input::Default);
    #[cfg(feature = "jack")]
    let ports = if is_default && host == "jack" { Ports::new(&wish.clock, sleeper.waker()) } else { None };
    #[cfg(feature = "jack")]
    if ports.as_ref().is_some_and(|ports| !ports.are_joined()) {
        let message = "there is no microphone among JACK's ports; start one, or join the ports of the device `input` by \
                       hand. Nothing was opened";
        told.tell(Err(Error::new(ErrorKind::NoDevice, message)));
        return;
    }
    // Nobody waits any more when the time limit has passed: then the stream is dropped at once.
    if !told.tell(Ok(session)) {
        return;
    }
    let follows = is_default && !STANDS.contains(&host.as_str());
    // Ends when the other end is gone.
    while stopped.try_recv() != Err(TryRecvError::Disconnected) {
        if follows && default_id(home).is_some_and(|default| default != id) {
            faults.report(Fault::DefaultMoved);
        }
        #[cfg(feature = "jack")]
        if let Some(ports) = &ports {
            if !ports.are_joined() {
                faults.report(Fault::Lost);
            } else if ports.has_moved() {
                faults.report(Fault::DefaultMoved);
            }
        }
        sleeper.park(if follows { FOLLOW } else { Duration::from_secs(3600) });
    }
    #[cfg(feature = "jack")]
    drop(ports);
    drop(stream);
    drop(closing);
}

/// The id of the microphone that cpal takes where none is named.
fn default_id(host: &Host) -> Option<String> {
    reach(host).ok()?.default_input_device()?.id().ok().map(|id| id.id().to_owned())
}

/// Whether the device is there.
pub(super) fn is_there(wish: &Wish, home: &Host, id: Option<&str>) -> bool {
    find(wish, home, id).is_ok_and(|device| device.default_input_config().is_ok())
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

fn build(wish: &Wish, home: &Host, id: Option<&str>) -> Result<Built, Error> {
    let device = find(wish, home, id)?;
    let name = device.to_string();
    let id = device.id().map_err(|error| opening(&error, &name))?;
    let labelled = choose_format(&device, wish, &name)?;
    let actual = wish.corrected.as_ref().filter(|(of, _)| of == id.id()).map(|(_, rate_hz)| *rate_hz);
    let format = StreamFormat { rate_hz: actual.unwrap_or(labelled.rate_hz), ..labelled };
    let (inlet, epoch) = epoch(format, wish.pool, wish.muted.clone());
    let buffer_size = match wish.period {
        None => cpal::BufferSize::Default,
        Some(period) => cpal::BufferSize::Fixed(frames_in(period, labelled.rate_hz)),
    };
    let config = cpal::StreamConfig { channels: format.channels, sample_rate: labelled.rate_hz, buffer_size };
    let Inlet { data, faults, .. } = inlet;
    let seen = faults.clone();
    let on_data = data_closure(data);
    // May be called half a million times a second by a dead server, on the audio thread: it stores bits.
    let on_error = move |error: cpal::Error| faults.report(fault(error.kind()));
    let stream = device
        .build_input_stream_raw(config, to_cpal(format.sample), on_data, on_error, Some(OPEN_LIMIT))
        .map_err(|error| opening(&error, &name))?;
    stream.play().map_err(|error| opening(&error, &name))?;
    let period_frames = stream.buffer_size().ok().filter(|frames| *frames > 0);
    let (host, id) = (id.host().to_string(), id.id().to_owned());
    let info = InputInfo { host, id, name, format, server: None, period_frames };
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
        Host::Native => NATIVE,
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

fn find(wish: &Wish, home: &Host, id: Option<&str>) -> Result<cpal::Device, Error> {
    if let Input::Cpal(device) = &wish.input {
        return Ok(device.0.clone());
    }
    let host = reach(home)?;
    let Some(wanted) = id else {
        let message = "there is no input device; plug a microphone in or start the audio service";
        return host.default_input_device().ok_or_else(|| Error::new(ErrorKind::NoDevice, message));
    };
    let is_wanted = |device: &cpal::Device| device.id().is_ok_and(|id| id.id() == wanted);
    let by_id = host.device_by_id(&cpal::DeviceId::new(host.id(), wanted)).filter(is_wanted);
    by_id
        .or_else(|| host.input_devices().ok()?.find(is_wanted))
        .ok_or_else(|| there_is_no(wanted, &list(home).unwrap_or_default()))
}

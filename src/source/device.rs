//! Devices, by cpal: the only file that says so.
//!
//! Some hosts block for seconds in `play` or in a stream's `drop`, so each open has a thread of its own that
//! builds, plays, holds and drops the stream, and that others speak to with time limits.

use super::{Input, InputInfo, Running, Session, Wish, no_thread};
use crate::epoch::{Inlet, epoch};
use crate::error::{Error, ErrorKind};
use crate::faults::Fault;
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::{DataCallback, Stamp};
use crate::timeline::Anchor;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use std::fmt;
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long a device may take to open. PulseAudio's host waits for the first sample before it says that it plays.
const OPEN_LIMIT: Duration = Duration::from_secs(10);

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

/// An input device as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The audio system, by cpal's name.
    pub host: String,
    /// Stable identifier, for [`Input::Device`].
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it is the one that [`Input::Default`] opens.
    pub is_default: bool,
    /// What it delivers unless asked for something else; `None` where it cannot be asked now.
    pub format: Option<StreamFormat>,
}

/// The names of the audio systems that this build knows and this machine has.
pub fn hosts() -> Vec<String> {
    cpal::available_hosts().iter().map(ToString::to_string).collect()
}

/// The input devices of a host (default: the system's own), the default one first.
///
/// # Errors
/// `NotFound` for a host that is not there, naming those that are; `NoDevice` when the host cannot list its devices.
pub fn devices(host_name: Option<&str>) -> Result<Vec<DeviceInfo>, Error> {
    let host_name = host_name.map(str::to_owned);
    // A thread of its own, since a thread that was hushed stays so.
    let listing = thread::Builder::new().name("hearken-devices".into()).spawn(move || {
        hush();
        list(host_name.as_deref())
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

fn list(host_name: Option<&str>) -> Result<Vec<DeviceInfo>, Error> {
    let host = host(host_name)?;
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

pub(super) fn open(wish: Wish) -> Result<Session, Error> {
    // One message: an unbounded channel would set memory aside for thirty, for as long as the device is open.
    let (opened, outcome) = mpsc::sync_channel(1);
    let (stop, stopped) = mpsc::channel::<()>();
    let (closing, closed) = mpsc::channel::<()>();
    let opener = thread::Builder::new()
        .name("hearken-device".into())
        .spawn(move || {
            hush();
            let built = build(&wish);
            let stream = match built {
                Ok((stream, info, epoch)) => {
                    let anchor = bracket(&stream);
                    // Nobody waits any more when the time limit has passed: then the stream is dropped at once.
                    if opened.send(Ok((info, epoch, anchor, Instant::now()))).is_err() {
                        return;
                    }
                    stream
                }
                Err(error) => return drop(opened.send(Err(error))),
            };
            // Returns when the other end is gone.
            let _ = stopped.recv();
            drop(stream);
            drop(closing);
        })
        .map_err(|error| no_thread(&error))?;
    let (info, epoch, anchor, started) = outcome.recv_timeout(OPEN_LIMIT).map_err(|_| {
        let waited = OPEN_LIMIT.as_secs();
        let message = format!(
            "the device did not open within {waited} s; the attempt was abandoned. Is another program holding it?"
        );
        Error::new(ErrorKind::DeviceBusy, message)
    })??;
    let running = Running { thread: opener.thread().clone(), stop: Some(stop), closed };
    Ok(Session { info, epoch, running, started, anchor, ends_itself: false, paced: true })
}

/// Reads the stream's clock between two looks at ours, and keeps the closest of a few.
fn bracket(stream: &cpal::Stream) -> Anchor {
    let look = || {
        let before = Instant::now();
        let stream_ns = u64::try_from(stream.now().as_nanos()).unwrap_or(u64::MAX);
        let error = before.elapsed() / 2;
        Anchor { at: before + error, stream_ns, error, is_own: false }
    };
    (0..8).map(|_| look()).min_by_key(|anchor| anchor.error).unwrap_or_else(look)
}

type Built = (cpal::Stream, InputInfo, crate::epoch::Epoch);

fn build(wish: &Wish) -> Result<Built, Error> {
    let device = find(wish)?;
    let name = device.to_string();
    let id = device.id().map_err(|error| opening(&error, &name))?;
    let format = choose_format(&device, wish, &name)?;
    let (inlet, epoch) = epoch(format, wish.pool, wish.muted.clone());
    let config = cpal::StreamConfig {
        channels: format.channels,
        sample_rate: format.rate_hz,
        buffer_size: cpal::BufferSize::Default,
    };
    let Inlet { data, faults, .. } = inlet;
    let on_data = data_closure(data);
    // May be called half a million times a second by a dead server, on the audio thread: it stores bits.
    let on_error = move |error: cpal::Error| faults.report(fault(error.kind()));
    let stream = device
        .build_input_stream_raw(config, to_cpal(format.sample), on_data, on_error, Some(OPEN_LIMIT))
        .map_err(|error| opening(&error, &name))?;
    stream.play().map_err(|error| opening(&error, &name))?;
    let info = InputInfo { host: id.host().to_string(), id: id.id().to_owned(), name, format };
    Ok((stream, info, epoch))
}

/// The data callback that cpal gets: what the microphone says goes to `data`. Wait-free, never allocates.
pub fn data_closure(
    data: DataCallback,
) -> impl FnMut(&cpal::Data, &cpal::InputCallbackInfo) + Send + 'static {
    let format = data.format();
    let announced = to_cpal(format.sample);
    move |samples, info| {
        let stamp = Stamp { capture_ns: info.timestamp().capture.as_nanos() as u64 };
        if samples.sample_format() == announced {
            data.call(samples.bytes(), stamp);
        } else {
            data.mismatch((samples.len() / usize::from(format.channels)) as u32, stamp);
        }
    }
}

fn host(name: Option<&str>) -> Result<cpal::Host, Error> {
    let name = name.unwrap_or(NATIVE_HOST);
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
            return host(wish.host.as_deref())?.default_input_device().ok_or_else(|| {
                let message = "there is no input device; plug a microphone in or start the audio service";
                Error::new(ErrorKind::NoDevice, message)
            });
        }
    };
    // `host:id` names its host; a bare id belongs to the chosen one. An ALSA id may itself contain colons.
    let (host_name, bare) = match wanted.split_once(':') {
        Some((host_name, rest)) if cpal::HostId::from_str(host_name).is_ok() => (Some(host_name), rest),
        _ => (wish.host.as_deref(), wanted.as_str()),
    };
    let host = host(host_name)?;
    let is_wanted = |device: &cpal::Device| device.id().is_ok_and(|id| id.id() == bare);
    let by_id = host.device_by_id(&cpal::DeviceId::new(host.id(), bare)).filter(is_wanted);
    by_id.or_else(|| host.input_devices().ok()?.find(is_wanted)).ok_or_else(|| {
        let there: Vec<String> =
            list(host_name).unwrap_or_default().into_iter().map(|device| device.id).collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Error::new(ErrorKind::NotFound, format!("there is no input device '{wanted}'; there are: {there}"))
    })
}

/// The device's default format with the wishes put in, if the device speaks it.
fn choose_format(device: &cpal::Device, wish: &Wish, name: &str) -> Result<StreamFormat, Error> {
    let default = device.default_input_config().map_err(|error| opening(&error, name))?;
    if wish.format.is_any() {
        return own_format(&default);
    }
    let default_sample = sample_format(default.sample_format());
    let ranges: Vec<_> = device.supported_input_configs().map_err(|error| opening(&error, name))?.collect();
    let fits = |range: &&cpal::SupportedStreamConfigRange| {
        wish.format.channels.is_none_or(|channels| channels == range.channels())
            && wish.format.rate_hz.is_none_or(|rate| range.contains_rate(rate))
            && match (wish.format.sample, sample_format(range.sample_format())) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(wanted), Some(offered)) => wanted == offered,
            }
    };
    // Of what fits, as much of the default as possible: its channels, then its format.
    let best = ranges.iter().filter(fits).max_by_key(|range| {
        let sample = sample_format(range.sample_format());
        (range.channels() == default.channels(), sample == default_sample)
    });
    let Some(range) = best else {
        let mut offers: Vec<String> = ranges
            .iter()
            .map(|range| {
                let (low, high) = (range.min_sample_rate(), range.max_sample_rate());
                format!("{} ch {} {low}-{high} Hz", range.channels(), range.sample_format())
            })
            .collect();
        offers.dedup();
        offers.truncate(12);
        let message = format!(
            "'{name}' does not offer the format asked for; it offers {}. Nothing was opened",
            offers.join("; ")
        );
        return Err(Error::new(ErrorKind::UnsupportedFormat, message));
    };
    let rate = wish
        .format
        .rate_hz
        .or_else(|| range.contains_rate(default.sample_rate()).then_some(default.sample_rate()));
    own_format(&range.with_sample_rate(rate.unwrap_or(range.max_sample_rate())))
}

fn own_format(config: &cpal::SupportedStreamConfig) -> Result<StreamFormat, Error> {
    let sample = sample_format(config.sample_format()).ok_or_else(|| {
        let message = format!(
            "the device delivers {} samples, which are not PCM; ask for another format",
            config.sample_format()
        );
        Error::new(ErrorKind::UnsupportedFormat, message)
    })?;
    let format = StreamFormat { rate_hz: config.sample_rate(), channels: config.channels(), sample };
    if !(1..=StreamFormat::MAX_CHANNELS).contains(&format.channels)
        || !(1..=StreamFormat::MAX_RATE_HZ).contains(&format.rate_hz)
    {
        let message = format!("{format} is outside of 1 to 32 channels and 1 to 768,000 Hz");
        return Err(Error::new(ErrorKind::UnsupportedFormat, message));
    }
    Ok(format)
}

/// cpal's PCM formats; `None` for DSD and for whatever comes later.
fn sample_format(format: cpal::SampleFormat) -> Option<SampleFormat> {
    use cpal::SampleFormat as Cpal;
    Some(match format {
        Cpal::I8 => SampleFormat::I8,
        Cpal::I16 => SampleFormat::I16,
        Cpal::I24 => SampleFormat::I24,
        Cpal::I32 => SampleFormat::I32,
        Cpal::I64 => SampleFormat::I64,
        Cpal::U8 => SampleFormat::U8,
        Cpal::U16 => SampleFormat::U16,
        Cpal::U24 => SampleFormat::U24,
        Cpal::U32 => SampleFormat::U32,
        Cpal::U64 => SampleFormat::U64,
        Cpal::F32 => SampleFormat::F32,
        Cpal::F64 => SampleFormat::F64,
        _ => return None,
    })
}

fn to_cpal(format: SampleFormat) -> cpal::SampleFormat {
    use cpal::SampleFormat as Cpal;
    match format {
        SampleFormat::I8 => Cpal::I8,
        SampleFormat::I16 => Cpal::I16,
        SampleFormat::I24 => Cpal::I24,
        SampleFormat::I32 => Cpal::I32,
        SampleFormat::I64 => Cpal::I64,
        SampleFormat::U8 => Cpal::U8,
        SampleFormat::U16 => Cpal::U16,
        SampleFormat::U24 => Cpal::U24,
        SampleFormat::U32 => Cpal::U32,
        SampleFormat::U64 => Cpal::U64,
        SampleFormat::F32 => Cpal::F32,
        SampleFormat::F64 => Cpal::F64,
    }
}

fn fault(kind: cpal::ErrorKind) -> Fault {
    use cpal::ErrorKind as Cpal;
    match kind {
        Cpal::Xrun => Fault::Xrun,
        Cpal::DeviceChanged => Fault::Rerouted,
        Cpal::RealtimeDenied => Fault::RealtimeDenied,
        Cpal::DeviceNotAvailable => Fault::Lost,
        Cpal::StreamInvalidated => Fault::Invalidated,
        Cpal::PermissionDenied => Fault::Denied,
        _ => Fault::Backend,
    }
}

/// An error of cpal's while something was being opened.
fn opening(error: &cpal::Error, what: &str) -> Error {
    use cpal::ErrorKind as Cpal;
    let (kind, advice) = match error.kind() {
        Cpal::DeviceNotAvailable | Cpal::HostUnavailable => {
            (ErrorKind::NoDevice, "Is it plugged in, and does the audio service run?")
        }
        Cpal::DeviceBusy => (ErrorKind::DeviceBusy, "Another program may hold it."),
        Cpal::PermissionDenied => {
            (ErrorKind::PermissionDenied, "Allow microphone access in the system's settings.")
        }
        Cpal::UnsupportedConfig | Cpal::UnsupportedOperation | Cpal::InvalidInput => {
            (ErrorKind::UnsupportedFormat, "Try another format or device.")
        }
        _ => (ErrorKind::NoDevice, "The audio service failed; is it running?"),
    };
    let why = error.to_string();
    let why = why.trim_end_matches(['.', '?', '!']);
    Error::new(kind, format!("cannot open {what}, so nothing is open: {why}. {advice}"))
}

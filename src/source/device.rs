//! Devices, whoever speaks to their audio system.
//!
//! Some systems block for seconds when something is opened, closed or listed, so each open has a thread of its own that
//! opens, holds and lets go of the device, and that others speak to with time limits.

#[cfg(target_os = "linux")]
mod alsa_reader;
#[cfg(target_os = "linux")]
mod by_alsa;
mod by_cpal;
#[cfg(target_os = "linux")]
mod by_pulse;
mod cpal_conversion;
#[cfg(feature = "jack")]
mod jack_ports;

use super::{Host, Input, Session, Stop, Wish, no_thread};
use crate::error::{Error, ErrorKind};
#[cfg(all(target_os = "linux", feature = "realtime"))]
use crate::faults::{Fault, Faults};
use crate::format::StreamFormat;
use crate::time::{Clock, Sleeper, Waker};
pub use by_cpal::{CpalDevice, CpalHost, data_closure};
#[cfg(feature = "testkit")]
pub(crate) use cpal_conversion::to_cpal;
use std::sync::mpsc::{self, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

/// What a device is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum DeviceKind {
    /// A microphone, a line input, or whatever else the system calls an input.
    #[default]
    Microphone,
    /// A source that another program makes: a microphone without its noise, a mixer's output, a pipe.
    Virtual,
    /// What an output plays.
    Monitor,
    /// What another program plays or records, or a way to reach devices that are listed by their own names: nobody's
    /// choice.
    Other,
}

impl DeviceKind {
    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Microphone => "microphone",
            Self::Virtual => "virtual",
            Self::Monitor => "monitor",
            Self::Other => "other",
        }
    }

    /// Whether a person who looks for a microphone would choose from these.
    pub const fn is_microphone(self) -> bool {
        matches!(self, Self::Microphone | Self::Virtual)
    }
}

/// An input device as it presents itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct DeviceInfo {
    /// The audio system's name.
    pub host: String,
    /// Stable identifier, for [`Input::Device`].
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is. Where the system does not say, a microphone.
    #[cfg_attr(feature = "serde", serde(default))]
    pub kind: DeviceKind,
    /// Whether it is the one that [`Input::Default`] opens.
    #[cfg_attr(feature = "serde", serde(rename = "default"))]
    pub is_default: bool,
    /// What it delivers unless asked for something else; `None` where it cannot be asked now, or was not, as
    /// [`Other`](DeviceKind::Other)s are not.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub format: Option<StreamFormat>,
}

/// Who speaks to an audio system.
#[derive(Debug)]
enum Speaker {
    /// We, to ALSA's library.
    #[cfg(target_os = "linux")]
    Alsa,
    /// We, to a PulseAudio server.
    #[cfg(target_os = "linux")]
    Pulse,
    /// cpal, to the host that it is given.
    Cpal(Host),
}

/// Who speaks to `host`.
fn speaker(host: &Host) -> Speaker {
    #[cfg(target_os = "linux")]
    match host {
        Host::Named(name) if name == by_pulse::NAME => return Speaker::Pulse,
        // Its PulseAudio door says more of its devices than its own protocol does to cpal, and needs no library.
        Host::Named(name) if name == by_pulse::PIPEWIRE && by_pulse::is_pipewire() => return Speaker::Pulse,
        Host::Named(name) if name.eq_ignore_ascii_case(by_alsa::NAME) => return Speaker::Alsa,
        Host::Native => return if has_pulse() { Speaker::Pulse } else { Speaker::Alsa },
        _ => {}
    }
    Speaker::Cpal(host.clone())
}

/// Whether the native host is a PulseAudio server: once one was there it is, so that a capture whose server is being
/// started anew waits for it, and does not take the sound card itself.
#[cfg(target_os = "linux")]
fn has_pulse() -> bool {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    static SEEN: AtomicBool = AtomicBool::new(false);
    if !SEEN.load(Relaxed) && by_pulse::is_reachable() {
        SEEN.store(true, Relaxed);
    }
    SEEN.load(Relaxed)
}

/// Whether a host of this name can be asked for.
fn knows(name: &str) -> bool {
    #[cfg(target_os = "linux")]
    if [by_pulse::NAME, by_pulse::PIPEWIRE].contains(&name) {
        return true;
    }
    by_cpal::knows(name)
}

/// Who opens `input`, and its id there; `None` for the system's default.
fn home<'a>(host: &Host, input: &'a Input) -> (Speaker, Option<&'a str>) {
    let wanted = match input {
        Input::Device(wanted) => wanted,
        Input::Cpal(_) => return (Speaker::Cpal(host.clone()), None),
        _ => return (speaker(host), None),
    };
    // `host:id` names its host; a bare id belongs to the chosen one. An ALSA id may itself contain colons.
    match wanted.split_once(':') {
        Some((name, rest)) if knows(name) => (speaker(&Host::from(name)), Some(rest)),
        _ => (speaker(host), Some(wanted)),
    }
}

/// The names of the audio systems that this build knows and this machine has.
pub fn hosts() -> Vec<String> {
    let names = by_cpal::names();
    #[cfg(target_os = "linux")]
    let names = {
        let mut names = names;
        if has_pulse() && !names.iter().any(|name| name == by_pulse::NAME) {
            names.insert(0, by_pulse::NAME.to_owned());
            if by_pulse::is_pipewire() {
                names.insert(1, by_pulse::PIPEWIRE.to_owned());
            }
        }
        names
    };
    names
}

/// The input devices of a host, the default one first, of whatever [`kind`](DeviceInfo::kind).
///
/// # Errors
/// `NotFound` for a host that is not there, naming those that are; `NoDevice` when the host cannot list its devices.
pub fn devices(host: &Host) -> Result<Vec<DeviceInfo>, Error> {
    let host = host.clone();
    // A thread of its own, since a thread that was hushed stays so.
    let listing = thread::Builder::new().name("hearken-devices".into()).spawn(move || {
        hush();
        match speaker(&host) {
            #[cfg(target_os = "linux")]
            Speaker::Alsa => by_alsa::list(),
            #[cfg(target_os = "linux")]
            Speaker::Pulse => by_pulse::list(),
            Speaker::Cpal(host) => by_cpal::list(&host),
        }
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

/// What devices of whatever kind a host has, the default input first; opens none. None where it does not say.
fn device_ids(host: &Host) -> Option<Vec<String>> {
    match speaker(host) {
        #[cfg(target_os = "linux")]
        Speaker::Alsa => by_alsa::ids(),
        #[cfg(target_os = "linux")]
        Speaker::Pulse => Some(by_pulse::list().ok()?.into_iter().map(|device| device.id).collect()),
        Speaker::Cpal(host) => by_cpal::ids(&host),
    }
}

/// How often a system is asked for its list that does not tell when it changes: it takes it milliseconds.
const EVERY: Duration = Duration::from_secs(3);

/// The thread that looks.
const LIST: &str = "hearken-list";

/// Calls `changed` whenever devices have come or gone, from a thread of its own, since some systems hang when they are
/// asked; until what it returns is dropped. None where no thread could be started: nobody is told then.
pub(crate) fn watch(host: Host, clock: &Clock, changed: impl FnMut() + Send + 'static) -> Option<Stop> {
    let mut known = Known { devices: None, host, changed };
    #[cfg(target_os = "linux")]
    if !matches!(speaker(&known.host), Speaker::Cpal(_))
        && let Ok((ours, theirs)) = std::os::unix::net::UnixStream::pair()
    {
        let look = move || {
            hush();
            known.look();
            let is_pulse = matches!(speaker(&known.host), Speaker::Pulse);
            let watch = if is_pulse { by_pulse::watch } else { by_alsa::watch };
            while !watch(&theirs, &mut || known.look()) && !by_alsa::wait(&theirs, None, Some(EVERY)) {
                known.look();
            }
        };
        let thread = thread::Builder::new().name(LIST.into());
        return thread.spawn(look).ok().map(|_| Stop::Socket(ours));
    }
    let (stop, stopped) = mpsc::channel::<()>();
    let look = move |sleeper: Sleeper| {
        hush();
        while stopped.try_recv() != Err(TryRecvError::Disconnected) {
            known.look();
            sleeper.park(EVERY);
        }
    };
    let thread = clock.spawn(LIST, look).ok()?;
    Some(Stop::Sleeper(thread.waker, Some(stop)))
}

/// The devices that a host had when it was asked last.
struct Known<F> {
    host: Host,
    devices: Option<Vec<String>>,
    changed: F,
}

impl<F: FnMut()> Known<F> {
    /// Asks again, and calls if there are others.
    fn look(&mut self) {
        // A host that cannot tell for once has not changed.
        let Some(now) = device_ids(&self.host) else { return };
        if self.devices.replace(now.clone()).is_some_and(|before| before != now) {
            (self.changed)();
        }
    }
}

/// Where the outcome of an opening is told.
struct Told {
    outcome: SyncSender<Result<Session, Error>>,
    worker: Waker,
}

impl Told {
    /// Whether somebody still waits for it.
    fn tell(self, outcome: Result<Session, Error>) -> bool {
        let is_heard = self.outcome.send(outcome).is_ok();
        self.worker.wake();
        is_heard
    }
}

/// Opens a device on a thread of its own, which holds it until it is told to stop.
pub(super) fn open(wish: Wish, outcome: SyncSender<Result<Session, Error>>) -> Result<(), Error> {
    let clock = wish.clock.clone();
    let holder = move |_| {
        hush();
        let told = Told { outcome, worker: wish.worker.clone() };
        match home(&wish.host, &wish.input) {
            #[cfg(target_os = "linux")]
            (Speaker::Alsa, id) => by_alsa::run(&wish, id, told),
            #[cfg(target_os = "linux")]
            (Speaker::Pulse, id) => by_pulse::run(&wish, id, told),
            (Speaker::Cpal(host), id) => by_cpal::run(&wish, &host, id, told),
        }
    };
    clock.spawn("hearken-device", holder).map(drop).map_err(|error| no_thread(&error))
}

/// Looks whether the device is there, on a thread of its own.
pub(super) fn look_for(wish: Wish, told: SyncSender<bool>) {
    let clock = wish.clock.clone();
    let scout = move |_| {
        hush();
        let is_there = match home(&wish.host, &wish.input) {
            #[cfg(target_os = "linux")]
            (Speaker::Alsa, id) => by_alsa::is_there(id),
            #[cfg(target_os = "linux")]
            (Speaker::Pulse, id) => by_pulse::is_there(id),
            (Speaker::Cpal(host), id) => by_cpal::is_there(&wish, &host, id),
        };
        let _ = told.send(is_there);
        wish.worker.wake();
    };
    // Without a thread nobody is told, which reads as "not there".
    drop(clock.spawn("hearken-devices", scout));
}

/// The frames after which a device is to wake us: as asked for, or the power of two that is next to 20 ms. PipeWire hands
/// out powers of two, and a period that does not divide them comes late by turns: instead of a tenth of a millisecond a
/// time of capture is good to 16 then. Measured: `docs/hosts.md`.
#[cfg(target_os = "linux")]
fn period_frames(wish: &Wish, rate_hz: u32) -> u32 {
    wish.period.map_or_else(
        || {
            let usual = (rate_hz / 50).max(1);
            let (below, above) = (1 << usual.ilog2(), 2 << usual.ilog2());
            if usual - below < above - usual { below } else { above }
        },
        |period| frames_in(period, rate_hz),
    )
}

/// Asks for real-time priority for the calling thread, which reads a device; a refusal is told. The library that asks says
/// yes also where nothing changed, so the system is asked.
#[cfg(all(target_os = "linux", feature = "realtime"))]
fn hurry(faults: &Faults, period_frames: u32, rate_hz: u32) {
    let asked = audio_thread_priority::promote_current_thread_to_real_time(period_frames, rate_hz);
    let said = std::fs::read_to_string("/proc/thread-self/stat").unwrap_or_default();
    if asked.is_err() || !is_real_time(&said) {
        faults.report(Fault::RealtimeDenied);
    }
}

/// Whether a thread's line in `/proc` has the policy FIFO or RR, its 41st word.
#[cfg(all(target_os = "linux", any(feature = "realtime", test)))]
fn is_real_time(stat: &str) -> bool {
    // A thread's name may have spaces.
    let behind_the_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    matches!(behind_the_name.split_whitespace().nth(38), Some("1" | "2"))
}

/// The frames of a period, rounded; at least one.
fn frames_in(period: Duration, rate_hz: u32) -> u32 {
    // A second at most, by `Config`.
    ((period.as_secs_f64() * f64::from(rate_hz)).round() as u32).max(1)
}

/// What is said where `wanted` is not among `there`.
fn there_is_no(wanted: &str, there: &[DeviceInfo]) -> Error {
    let there: Vec<&str> = there.iter().map(|device| device.id.as_str()).collect();
    let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
    Error::new(ErrorKind::NotFound, format!("there is no input device '{wanted}'; there are: {there}"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::is_real_time;

    #[test]
    fn a_threads_policy_is_read_behind_its_name() {
        let stat = |policy| format!("7 (a (b) c) S 1 7 7 {} {policy} 0 0 0", "0 ".repeat(34).trim());
        assert!(is_real_time(&stat(1)) && is_real_time(&stat(2)));
        assert!(!is_real_time(&stat(0)) && !is_real_time(""));
        let own = std::fs::read_to_string("/proc/thread-self/stat").expect("a line");
        assert!(!is_real_time(&own), "{own}");
    }
}

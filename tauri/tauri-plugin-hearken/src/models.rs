//! What crosses to the page, as JSON. `guest-js/types.ts` is made of it.

use hearken::{ClockStats, DeviceInfo, InputInfo, Ledger};
use serde::{Deserialize, Serialize};

/// A microphone that there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// For `open` and `startTake`, and to be remembered.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whether it is what opens when no device is named.
    pub is_default: bool,
}

impl From<DeviceInfo> for Device {
    fn from(info: DeviceInfo) -> Self {
        Self { id: info.id, name: info.name, is_default: info.is_default }
    }
}

/// The device that is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct OpenDevice {
    /// The audio system, or `synthetic`, or `file`.
    pub host: String,
    /// Stable on that host.
    pub id: String,
    /// For people.
    pub name: String,
    /// Frames per second.
    pub rate_hz: u32,
    /// Samples per frame.
    pub channels: u16,
    /// Such as `i16`.
    pub sample_format: String,
}

impl From<InputInfo> for OpenDevice {
    fn from(info: InputInfo) -> Self {
        let InputInfo { host, id, name, format, .. } = info;
        Self {
            host,
            id,
            name,
            rate_hz: format.rate_hz,
            channels: format.channels,
            sample_format: format.sample.name().to_owned(),
        }
    }
}

/// What is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Nobody needs the device. It may stay warm for a moment.
    #[default]
    Closed,
    /// The device is held open, and nothing is recorded.
    Open,
    /// A take goes on.
    Recording,
    /// A take goes on, and what comes now is left out.
    Paused,
}

/// Where every frame of the device went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Frames {
    /// Given to us by the system.
    #[cfg_attr(test, ts(type = "number"))]
    pub captured: u64,
    /// Passed on to whoever listens.
    #[cfg_attr(test, ts(type = "number"))]
    pub delivered: u64,
    /// Lost by us.
    #[cfg_attr(test, ts(type = "number"))]
    pub dropped: u64,
    /// Refused on purpose: muted.
    #[cfg_attr(test, ts(type = "number"))]
    pub discarded: u64,
    /// Lost by the device or the system.
    #[cfg_attr(test, ts(type = "number"))]
    pub lost: u64,
}

impl From<Ledger> for Frames {
    fn from(ledger: Ledger) -> Self {
        let Ledger { captured, delivered, dropped, discarded, lost, .. } = ledger;
        Self { captured, delivered, dropped, discarded, lost }
    }
}

/// What is known of the device's clock.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct ClockFigures {
    /// What kind of time stamps the system gives.
    pub class: String,
    /// How much faster than nominal the device runs, in parts per million.
    pub ppm: f64,
    /// How far off a time of capture may be, in milliseconds.
    pub bound_ms: f64,
}

impl From<ClockStats> for ClockFigures {
    fn from(clock: ClockStats) -> Self {
        let bound_ms = clock.bound.as_secs_f64() * 1e3;
        Self { class: clock.class.name().to_owned(), ppm: clock.ppm(), bound_ms }
    }
}

/// The take that goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct RunningTake {
    /// Its id, which it keeps.
    pub id: String,
    /// How much of it there is, pauses left out, in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub elapsed_ms: u64,
}

/// Everything there is to know at the moment, but for the levels.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What is going on.
    pub state: State,
    /// The device that is open now. None while a take goes on: it is gone, and looked for.
    pub device: Option<OpenDevice>,
    /// The id of the device that was asked for; none for the system's default.
    pub wanted: Option<String>,
    /// Whether the microphone is muted.
    pub muted: bool,
    /// The take that goes on.
    pub take: Option<RunningTake>,
    /// Where the frames went, since the capture was made.
    pub frames: Frames,
    /// The clock of the device.
    pub clock: ClockFigures,
    /// Callbacks of the device so far.
    #[cfg_attr(test, ts(type = "number"))]
    pub callbacks: u64,
    /// Faults that the device has reported.
    #[cfg_attr(test, ts(type = "number"))]
    pub errors: u64,
    /// The longest pre-roll that a take may have, in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub history_ms: u64,
}

/// What a take is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TakeRequest {
    /// The id of the device; none for the system's default.
    #[cfg_attr(test, ts(optional = nullable))]
    pub device: Option<String>,
    /// How long before the call it begins, in milliseconds, at most `Status.historyMs`. There is something to begin with
    /// only where the device was open before.
    #[cfg_attr(test, ts(optional, as = "Option<u32>"))]
    pub pre_roll_ms: u32,
}

/// A hole in a take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Hole {
    /// Where it begins, in milliseconds from the start.
    #[cfg_attr(test, ts(type = "number"))]
    pub at_ms: u64,
    /// How long it is, in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub length_ms: u64,
    /// Why: `dropped`, `muted`, `paused`, `lost`, `device failed`, …
    pub cause: String,
}

/// What is to be said about the sound of a take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The engine's name for it: `ok`, `clipped`, `lossy`, `never_had_signal`, …
    pub name: String,
    /// The same for people.
    pub text: String,
}

/// A take that is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
pub struct TakeInfo {
    /// Its id: the moment it began, in UTC.
    pub id: String,
    /// When it began, in milliseconds since 1970.
    #[cfg_attr(test, ts(type = "number"))]
    pub recorded_at_ms: u64,
    /// What it was recorded with.
    pub device: String,
    /// Frames per second of the file.
    pub rate_hz: u32,
    /// Samples per frame of the file.
    pub channels: u16,
    /// Frames in the file.
    #[cfg_attr(test, ts(type = "number"))]
    pub frames: u64,
    /// Length of the file in milliseconds.
    #[cfg_attr(test, ts(type = "number"))]
    pub length_ms: u64,
    /// From the call to the first frame of the take, in milliseconds, pre-roll left out; none if none came.
    pub first_frame_ms: Option<f64>,
    /// The loudest sample, in dBFS.
    pub peak_dbfs: f32,
    /// The worst that is to be said about it.
    pub verdict: Verdict,
    /// The holes.
    pub gaps: Vec<Hole>,
    /// Its outline: the loudest sample of each of at most 96 stretches, 0 to 255.
    pub outline: Vec<u8>,
}

/// Something rare that the page is told of. Levels are asked for instead, with `picture`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Notice {
    /// The status has changed in more than its figures.
    State {
        /// What it is now.
        status: Box<Status>,
    },
    /// The device is gone, or cannot be opened; it is looked for.
    Lost {
        /// Why.
        message: String,
    },
    /// A device is open again.
    Reopened {
        /// Which.
        device: OpenDevice,
    },
    /// An open device delivers nothing.
    Silent {
        /// For how long, in milliseconds.
        #[cfg_attr(test, ts(type = "number"))]
        for_ms: u64,
    },
    /// Audio is missing.
    Gap {
        /// Why.
        cause: String,
        /// How much, in milliseconds.
        #[cfg_attr(test, ts(type = "number"))]
        length_ms: u64,
    },
    /// A take is complete.
    Verdict {
        /// It.
        take: Box<TakeInfo>,
    },
    /// The capture has ended by itself; the next take begins a new one.
    Ended {
        /// Why.
        message: String,
    },
}

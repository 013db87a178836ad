//! An audio capture engine: a microphone becomes exact, gap-accounted chunks, with no lock in the callback.
//!
//! ```text
//! device ─callback─▶ intake ═blocks═▶ worker ─▶ timeline ─┬─▶ tap: channels ▶ resample ▶ chunks ─▶ closure, receiver
//!        (real-time)   │    handoff                       ├─▶ file tap ─▶ its own thread ─▶ WAV
//!                      │                                  ├─▶ picture ═triple buffer═▶ UI
//!                      └─seqlock─▶ callback's record      └─▶ ledger  ═seqlock═▶ Stats, any thread
//! ```
//!
//! A [`Capture`] is configured with an [`Input`], listened to through [`Tap`]s, started, and stopped exactly.
//!
//! ```
//! use hearken::{Capture, Config, Input, Synthetic, Tap};
//! # fn main() -> Result<(), hearken::Error> {
//! let input = Input::Synthetic(Synthetic::Speech); // or Input::Default, the system's microphone
//! let capture = Capture::new(Config { input, ..Config::default() })?;
//! let mut chunks = capture.receiver(Tap::default())?; // 16 kHz, mono, 160 ms
//! capture.start()?;
//! let chunk = chunks.recv().expect("the capture runs");
//! assert_eq!((chunk.position(), chunk.samples().len()), (0, 2560));
//! let report = capture.stop()?;
//! assert!(report.stats.ledger.balanced());
//! # Ok(())
//! # }
//! ```
//!
//! - Before: [`Config`] says what to capture, [`devices`] lists the microphones of a host, [`hosts`] the hosts,
//!   [`permission`] tells whether they may be used.
//! - Audio: a [`Tap`] says which rate, channels and chunk length; [`Capture::each`] gives its [`Chunk`]s to a closure,
//!   [`Capture::receiver`] to a [`Receiver`], which waits, polls or iterates, and [`Capture::file`] to a WAV file.
//! - Meanwhile, from any thread: [`Capture::stats`] and [`Capture::picture`].
//! - After: the [`Report`] of [`Capture::stop`] or [`Capture::wait`]. Audio that is missing is a [`Gap`], counted in the
//!   [`Ledger`]; only what ends a capture or keeps it from starting is an [`Error`].
//! - Again: what [`Capture::trace`] has written down, [`Replay`] runs once more, to the same chunks and the same report.
//!
//! Counts are in frames, one sample for each channel: in the device's frames in [`Stats`], [`Report`] and [`Picture`],
//! in the tap's in a [`Chunk`] and a [`TapLedger`].
//!
//! With the feature `testkit`, the module of that name has microphones that do what a test says, in virtual time.
//!
//! With the feature `async`, of no runtime in particular, [`Receiver`], [`SpeechReceiver`] and [`Events`] are streams as
//! well, and a capture's and a take's ends are futures.
//!
//! With the feature `serde` all plain data is written and read, settings as well: times as numbers of milliseconds in
//! fields that end in `_ms`, an [`Event`] as `{"at_ms": …, "kind": …, "data": …}`.
//!
//! [`signal`] and [`wav`] are of use by themselves. [`handoff`], [`intake`], [`epoch`] and [`data_closure`] are the inside,
//! public so that models and benches reach them; an application needs none of them, and they may change at any time.

pub mod handoff;

#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
mod config;
#[cfg(not(loom))]
mod desk;
#[cfg(not(loom))]
mod engine;
#[cfg(not(loom))]
pub mod epoch;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod event;
#[cfg(not(loom))]
pub mod faults;
#[cfg(not(loom))]
mod format;
#[cfg(not(loom))]
mod history;
#[cfg(not(loom))]
pub mod intake;
#[cfg(not(loom))]
mod mailbox;
#[cfg(not(loom))]
pub mod record;
#[cfg(not(loom))]
mod replay;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod rhythm;
#[cfg(all(feature = "serde", not(loom)))]
mod serial;
#[cfg(not(loom))]
pub mod signal;
#[cfg(not(loom))]
mod source;
#[cfg(not(loom))]
mod stats;
#[cfg(all(feature = "async", not(loom)))]
mod stream;
#[cfg(not(loom))]
mod supervisor;
#[cfg(not(loom))]
mod take;
#[cfg(not(loom))]
mod tap;
#[cfg(all(feature = "async", not(loom)))]
mod task;
#[cfg(all(feature = "testkit", not(loom)))]
pub mod testkit;
#[cfg(not(loom))]
mod time;
#[cfg(not(loom))]
mod timeline;
#[cfg(not(loom))]
mod trace;
#[cfg(not(loom))]
mod watchdog;
#[cfg(not(loom))]
pub mod wav;
#[cfg(not(loom))]
mod worker;

/// The examples of the README are tests, so that they compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

#[cfg(not(loom))]
pub use {
    capture::{Capture, FirstOpen},
    config::Config,
    error::{Error, ErrorKind},
    event::{Event, EventKind, Events, StopReason},
    format::{SampleFormat, StreamFormat},
    replay::Replay,
    report::{EpochReport, Report},
    signal::{
        channels::Channels,
        gain::Gain,
        level::Level,
        picture::Picture,
        resample::Quality,
        verdict::SoundVerdict,
        voice::{Detector, EndPoint, Voice, VoiceDetector, VoiceEvent, VoiceGate},
        waveform::Column,
    },
    source::{
        CpalDevice, CpalHost, DeviceInfo, DeviceKind, FormatWish, Host, Input, InputInfo, Pace, Permission,
        data_closure, devices, hosts, permission, synthetic::Synthetic,
    },
    stats::Stats,
    supervisor::Recovery,
    take::{Latency, Memory, Take, TakeEnd, TakePlan, TakeReport},
    tap::{
        Chunk, FileFormat, FileTap, GapPolicy, Receiver, Speech, SpeechReceiver, Tap, TapLedger, WavFile,
        WhenFull, Written,
    },
    time::Clock,
    timeline::{
        Away, Cadence, CapturedAt, Cause, ClockStats, Gap, Ledger, LossRates, LossState, StampClass, Verdict,
    },
    trace::{TraceContent, TraceFile},
};

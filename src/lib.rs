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
//! # let input = Input::Synthetic(Synthetic::Speech); // Input::Default is the microphone
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

pub mod handoff;

#[cfg(not(loom))]
mod capture;
#[cfg(not(loom))]
pub mod epoch;
#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod format;
#[cfg(not(loom))]
pub mod intake;
#[cfg(not(loom))]
mod report;
#[cfg(not(loom))]
mod rhythm;
#[cfg(not(loom))]
pub mod signal;
#[cfg(not(loom))]
mod source;
#[cfg(not(loom))]
mod stats;
#[cfg(not(loom))]
mod tap;
#[cfg(not(loom))]
mod timeline;
#[cfg(not(loom))]
pub mod wav;
#[cfg(not(loom))]
mod worker;

#[cfg(not(loom))]
pub use {
    capture::{Capture, Config, FirstOpen},
    error::{Error, ErrorKind},
    format::{SampleFormat, StreamFormat},
    report::{Report, StopReason},
    signal::{channels::Channels, gain::Gain, level::Level, picture::Picture, resample::Quality},
    source::{
        CpalDevice, DeviceInfo, FormatWish, Input, InputInfo, Pace, data_closure, devices, hosts,
        synthetic::Synthetic,
    },
    stats::Stats,
    tap::{Chunk, FileFormat, FileTap, GapPolicy, Receiver, Tap, TapLedger, WavFile, WhenFull, Written},
    timeline::{CapturedAt, Cause, ClockStats, Gap, Ledger, LossState, StampClass, Verdict},
};

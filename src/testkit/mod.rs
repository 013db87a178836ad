//! Microphones that do what a test says, behind cpal's real interface: for tests of the engine, and of applications.
//!
//! A [`Stage`] has a [`Clock`](crate::Clock), in which a minute passes in milliseconds and the same script gives the
//! same minute each time, and [`Mic`]s. A capture gets both by its [`Config`](crate::Config), and from then on cannot
//! tell the difference: it finds, opens and follows devices as on any system. The test's own thread is the device: its
//! callbacks come inside of [`Stage::run`], and nowhere else.
//!
//! ```
//! use hearken::testkit::Stage;
//! use hearken::{Capture, Config, ErrorKind, Away, Cause, SampleFormat, StreamFormat};
//! use std::time::Duration;
//! # fn main() -> Result<(), hearken::Error> {
//! let stage = Stage::new();
//! let format = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
//! let usb = stage.mic("usb", format);
//! stage.mic("built-in", format);
//! let capture = Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() })?;
//! stage.start(&capture)?;
//! stage.run(Duration::from_secs(60));
//! usb.unplug();
//! stage.run(Duration::from_secs(60));
//! let report = capture.stop()?;
//! assert_eq!(report.epochs.len(), 2);
//! assert_eq!(report.gaps[0].cause, Cause::Away(Away::Failed(ErrorKind::DeviceLost)));
//! # Ok(())
//! # }
//! ```
//!
//! What goes wrong is a [`Fault`], at once or at a frame chosen in advance; how a device's stamps are, [`Stamps`] says,
//! and what it hears, [`Signal`].

mod device;
mod fault;
mod mic;
mod signal;
mod stage;
mod stamps;
mod stream;

pub use fault::Fault;
pub use mic::{Callback, Mic};
pub use signal::{Signal, pattern};
pub use stage::{Call, Stage};
pub use stamps::Stamps;

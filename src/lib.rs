//! An audio capture engine: a microphone becomes exact, gap-accounted chunks, with no lock in the callback.

pub mod handoff;

#[cfg(not(loom))]
mod error;
#[cfg(not(loom))]
mod format;
#[cfg(not(loom))]
pub mod signal;
#[cfg(not(loom))]
#[cfg_attr(not(test), allow(dead_code, reason = "the device, file and synthetic sources open these later"))]
mod source;
#[cfg(not(loom))]
pub mod wav;

#[cfg(not(loom))]
pub use error::{Error, ErrorKind};
#[cfg(not(loom))]
pub use format::{SampleFormat, StreamFormat};

//! What can go wrong.

use super::signal::Signal;
use super::stamps::Stamps;
use crate::format::StreamFormat;
use std::time::Duration;

/// Something that goes wrong with a [`Mic`](super::Mic), or changes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The next callback comes so late, and those that fall due meanwhile in one burst behind it. Nothing is lost.
    Late(Duration),
    /// So many frames are lost between two callbacks, and the time that they took is not.
    Lose {
        /// How many.
        frames: u64,
        /// Whether the device reports an xrun.
        reported: bool,
    },
    /// The next callback comes twice, with the same samples and the same stamp.
    Repeat,
    /// The next callback has so many frames, once. One of 0 frames comes besides the others.
    Size(u32),
    /// From here on it runs at this rate in truth, and goes on claiming the one it was opened with.
    Runs(f64),
    /// The device has another format now: one callback comes in it, if the sample format is another, then
    /// `StreamInvalidated`, then nothing. Who opens it again gets the new format.
    Becomes(StreamFormat),
    /// It hears something else.
    Hears(Signal),
    /// Its stamps are of another kind.
    Stamped(Stamps),
    /// No callback comes any more, and no error, until it is opened again.
    Dies,
    /// The error callback is called so often with what does no harm.
    Errors(u32),
    /// It is gone from the system's list, and delivers nothing.
    Unplugged {
        /// Whether it says so.
        reported: bool,
    },
}

//! What a command answers when it cannot do what it was asked.

use serde::Serialize;
use std::borrow::Cow;
use std::fmt;

/// What kind of thing went wrong; the page matches on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no input device at all, or the audio service cannot be reached.
    NoDevice,
    /// The named device or file is not there.
    NotFound,
    /// The system refuses access to the microphone, or to the folder of takes.
    PermissionDenied,
    /// The device does not speak the format that was wished for.
    UnsupportedFormat,
    /// The device was there and is gone.
    DeviceLost,
    /// The device does not answer in time, or another program holds it.
    DeviceBusy,
    /// A value is out of its range.
    BadArgument,
    /// Reading or writing a file failed.
    Io,
    /// Somebody wanted it so.
    Cancelled,
    /// There is no take of this id.
    UnknownTake,
    /// Nothing is being recorded.
    NotRecording,
    /// A take goes on already.
    AlreadyRecording,
    /// An earlier call has not returned yet.
    Busy,
    /// A defect.
    Internal,
}

/// An error as the page sees it: `{ kind, message }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Error {
    /// To match on.
    pub kind: ErrorKind,
    /// For people: what happened, and what is left.
    pub message: Cow<'static, str>,
}

/// What most of this crate gives back.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    /// `doing` reads like "cannot write the take".
    pub(crate) fn io(doing: &str, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{doing}: {error}"))
    }
}

impl From<hearken::Error> for Error {
    fn from(error: hearken::Error) -> Self {
        use hearken::ErrorKind as Engine;
        let kind = match error.kind() {
            Engine::NoDevice => ErrorKind::NoDevice,
            Engine::NotFound => ErrorKind::NotFound,
            Engine::PermissionDenied => ErrorKind::PermissionDenied,
            Engine::UnsupportedFormat => ErrorKind::UnsupportedFormat,
            Engine::DeviceLost => ErrorKind::DeviceLost,
            Engine::DeviceBusy => ErrorKind::DeviceBusy,
            Engine::BadArgument => ErrorKind::BadArgument,
            Engine::Io => ErrorKind::Io,
            Engine::Cancelled => ErrorKind::Cancelled,
            _ => ErrorKind::Internal,
        };
        Self::new(kind, error.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

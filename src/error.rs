//! The one error of the control plane.

use std::borrow::Cow;
use std::fmt;

/// What kind of thing went wrong. Losing audio is never one of them: it is counted in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The system has no input device at all, or its audio service cannot be reached.
    NoDevice,
    /// The named device, host or file does not exist; the message names what there is.
    NotFound,
    /// The system refuses access to the microphone, or to a file.
    PermissionDenied,
    /// The device or the file does not speak the requested format.
    UnsupportedFormat,
    /// The device was there and is gone.
    DeviceLost,
    /// The device does not answer in time, or another program holds it.
    DeviceBusy,
    /// A value is out of its documented range; nothing was started.
    BadArgument,
    /// Reading or writing a file failed.
    Io,
    /// Somebody wanted it so: a take was cancelled.
    Cancelled,
    /// A defect of this crate or of a library below it.
    Internal,
}

impl ErrorKind {
    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoDevice => "no device",
            Self::NotFound => "not found",
            Self::PermissionDenied => "permission denied",
            Self::UnsupportedFormat => "unsupported format",
            Self::DeviceLost => "device lost",
            Self::DeviceBusy => "device busy",
            Self::BadArgument => "bad argument",
            Self::Io => "io",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

/// An error with its kind, what happened, and what is left.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
}

impl Error {
    /// An error of `kind`; `message` says what happened, what is left and what to do.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The kind, to match on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    pub(crate) fn bad_argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::BadArgument, message)
    }

    /// An I/O error on a file; `doing` reads like "cannot write".
    pub(crate) fn io(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("{doing} {}: {error}", path.display()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As a `main` that returns it prints it.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {}

//! Whether the system lets this program have a microphone, before one is opened.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(windows, test))]
mod windows;

use crate::error::{Error, ErrorKind};
use std::fmt;

/// What the system says about this program and microphones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Permission {
    /// Nothing is in the way.
    Granted,
    /// The user, or how the program is packed, says no.
    Denied,
    /// Nobody was asked yet; the system asks when the first microphone is opened.
    NotAsked,
    /// Whoever administers the machine says no, and the user cannot change it.
    Restricted,
    /// The system does not tell before a microphone is opened.
    Unknown,
}

impl Permission {
    /// The name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Granted => "granted",
            Self::Denied => "denied",
            Self::NotAsked => "not asked",
            Self::Restricted => "restricted",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether this program may use microphones, as far as the system tells before one is opened. Asks nobody, so no dialog
/// appears; opens no device; takes a millisecond at most. It may change at any time.
///
/// - **macOS**: AVFoundation's answer for audio: every value but `Unknown`. A program in a terminal has the terminal's.
///   A microphone that is denied there opens, and is silent. (This part is type-checked against its bindings and has not
///   run on macOS yet.)
/// - **Windows**: the switches of *Settings, Privacy, Microphone*, as desktop programs have them: `Granted`, `Denied`,
///   `Restricted` where it is off for the whole machine, and `Unknown` on systems without them. (This part has not run on
///   Windows yet.)
/// - **Linux**: in a Flatpak, whether it shares the sound socket or all devices: `Granted` or `Denied`. Elsewhere nobody
///   is asked: `Granted` where an audio server's socket or a sound card is open to the user, `Denied` where there are
///   cards and none is, and `Unknown` where there is neither, where the server is a remote one, or in a Snap.
/// - Elsewhere `Unknown`.
pub fn permission() -> Permission {
    #[cfg(target_os = "linux")]
    return linux::permission();
    #[cfg(target_os = "macos")]
    return macos::permission();
    #[cfg(windows)]
    return windows::permission();
    #[allow(unreachable_code, reason = "elsewhere it is what is left")]
    Permission::Unknown
}

/// What an opening has failed with, beside what the system says about the permission, which may be why; but for what is
/// known to be something else.
pub(super) fn explain(error: Error, permission: Permission) -> Error {
    use ErrorKind::{BadArgument, DeviceBusy, NotFound, UnsupportedFormat};
    if matches!(error.kind(), BadArgument | DeviceBusy | NotFound | UnsupportedFormat) {
        return error;
    }
    let who = match permission {
        Permission::Denied => "the system denies this program the microphone",
        Permission::Restricted => "the system is administered to keep programs from the microphone",
        _ => return error,
    };
    Error::new(ErrorKind::PermissionDenied, format!("{error} Note that {who}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_denies_is_a_refusal_and_the_reason_stays() {
        let failed = || Error::new(ErrorKind::NoDevice, "cannot open it.");
        for permission in [Permission::Denied, Permission::Restricted] {
            let error = explain(failed(), permission);
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
            assert!(error.to_string().starts_with("cannot open it. Note that the system"), "{error}");
        }
        let unfit = || Error::new(ErrorKind::UnsupportedFormat, "a reason of its own");
        assert_eq!(explain(unfit(), Permission::Denied), unfit());
        for permission in [Permission::Granted, Permission::NotAsked, Permission::Unknown] {
            assert_eq!(explain(failed(), permission), failed());
        }
    }
}

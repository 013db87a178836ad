//! AVFoundation's answer.

use super::Permission;
use objc2_av_foundation::{AVAuthorizationStatus, AVCaptureDevice, AVMediaTypeAudio};

#[allow(unsafe_code, reason = "the one call into the system")]
pub(super) fn permission() -> Permission {
    // SAFETY: the framework's own constant is one of the two media types that the call takes, on any thread.
    let status =
        unsafe { AVMediaTypeAudio.map(|audio| AVCaptureDevice::authorizationStatusForMediaType(audio)) };
    match status {
        Some(AVAuthorizationStatus::Authorized) => Permission::Granted,
        Some(AVAuthorizationStatus::Denied) => Permission::Denied,
        Some(AVAuthorizationStatus::Restricted) => Permission::Restricted,
        Some(AVAuthorizationStatus::NotDetermined) => Permission::NotAsked,
        _ => Permission::Unknown,
    }
}

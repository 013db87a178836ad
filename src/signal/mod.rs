//! Pure functions and state over samples; no threads.
//!
//! - [`decode`]: native bytes become f32
//! - [`channels`]: a device's channels become a tap's
//! - [`resample`]: a device's rate becomes a tap's, exactly
//! - [`gain`]: a tap's own loudness
//! - [`level`]: peak and RMS
//! - [`picture`]: what a user interface shows
//! - [`voice`]: where there is voice

pub mod channels;
pub mod decode;
pub mod gain;
pub mod level;
pub mod resample;

pub mod picture;
pub mod voice;

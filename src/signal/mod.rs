//! Pure functions and state over samples; no threads.
//!
//! - [`decode`]: native bytes become f32
//! - [`channels`]: a device's channels become a tap's
//! - [`resample`]: a device's rate becomes a tap's, exactly
//! - [`level`]: peak and RMS

pub mod channels;
pub mod decode;
pub mod level;
pub mod resample;

pub mod picture;

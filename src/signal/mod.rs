//! Pure functions and state over samples; no threads.
//!
//! - [`decode`]: native bytes become f32
//! - [`channels`]: a device's channels become a tap's; [`liveness`]: which of them carry anything
//! - [`resample`]: a device's rate becomes a tap's, exactly
//! - [`gain`]: a tap's own loudness
//! - [`highpass`]: the rumble below speech goes
//! - [`level`]: peak and RMS; [`clip`]: what was too loud
//! - [`waveform`], [`spectrum`]: shape and bands
//! - [`picture`]: what a user interface shows; [`painter`] makes it
//! - [`verdict`]: what a user is told about the sound; [`sound_check`] finds it
//! - [`voice`]: where there is voice

pub mod channels;
pub mod clip;
pub mod decode;
mod ear;
pub mod gain;
pub mod highpass;
pub mod level;
pub mod liveness;
pub mod painter;
pub mod picture;
pub mod resample;
pub mod sound_check;
pub mod spectrum;
pub mod verdict;
pub mod voice;
pub mod waveform;

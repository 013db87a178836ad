//! What drives the recorder: a display, a sound server and a microphone of its own, and WebDriver to click with.
//!
//! Everything that is missing is a panic that says what: nothing here is skipped.

mod display;
mod driver;
mod microphone;
mod recorder;
mod server;
pub mod sound;

pub use driver::Driver;
pub use microphone::Microphone;
pub use recorder::Recorder;
pub use server::PulseServer;

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer, for no longer than `bound`.
pub fn wait_for<T>(bound: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > bound {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

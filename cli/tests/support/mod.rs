//! What the tests of the program on a real audio server share.
#![allow(dead_code, reason = "each test file uses its part of it")]

pub mod counted;
pub mod jack;
pub mod microphone;
pub mod pipewire;
pub mod process;
pub mod recording;
pub mod reference;
pub mod server;
pub mod signal;

use std::time::{Duration, Instant};

/// Asks `question` every 5 ms until it has an answer, at most for `bound`.
pub fn wait_for<T>(bound: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        let answer = question();
        if answer.is_some() || Instant::now() >= end {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

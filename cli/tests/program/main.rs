//! The promises of the program, kept by the program itself: every test runs the binary.
//!
//! [`run`] runs it within a time limit and reads what it wrote. Only `device` needs an audio server, and starts it.

mod account;
mod bad_input;
#[cfg(target_os = "linux")]
mod device;
mod kills;
mod run;
#[cfg(unix)]
mod signals;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
mod takes;

//! The promises of the program, kept by the program itself: every test runs the binary.
//!
//! No test needs a microphone. [`run`] runs it within a time limit and reads what it wrote.

mod account;
mod bad_input;
mod run;
#[cfg(unix)]
mod signals;
mod takes;

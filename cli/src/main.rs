//! The program of the hearken capture engine.
//!
//! - [`args`]: what may be typed.
//! - [`devices`]: `hearken devices`.
//! - [`record`]: `hearken record`; [`progress`] is its live line, [`summary`] its last words, [`json`] the same for
//!   programs.
//! - [`recover`]: `hearken recover`.
//! - [`failure`]: what is said, and the exit code, when it does not work.

mod args;
mod devices;
mod failure;
mod json;
mod progress;
mod record;
mod recover;
mod summary;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Devices(args) => devices::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Recover(args) => recover::run(&args),
    };
    done.map_or_else(|failure| failure.tell(), |()| ExitCode::SUCCESS)
}

//! The program of the hearken capture engine.
//!
//! - [`args`]: what may be typed.
//! - [`devices`]: `hearken devices`.
//! - [`record`]: `hearken record`; [`progress`] is its live line, [`summary`] its last words, [`json`] the same for
//!   programs, and [`sink`] where that goes.
//! - [`monitor`]: `hearken monitor`.
//! - [`recover`]: `hearken recover`.
//! - [`doctor`]: `hearken doctor`.
//! - [`report`]: the page that either writes, from what [`trace`] saw over time and [`wave`] finds in the file.
//! - [`tracing`]: `hearken trace`; [`replay`]: `hearken replay`.
//! - [`failure`]: what is said, and the exit code, when it does not work.

mod args;
mod devices;
mod doctor;
mod failure;
mod json;
#[cfg(feature = "monitor")]
mod monitor;
mod progress;
mod record;
mod recover;
mod replay;
mod report;
mod sink;
mod summary;
mod trace;
mod tracing;
mod wave;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Devices(args) => devices::run(&args),
        Command::Record(args) => record::run(&args),
        #[cfg(feature = "monitor")]
        Command::Monitor(args) => monitor::run(&args),
        Command::Recover(args) => recover::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Trace(args) => tracing::run(&args),
        Command::Replay(args) => replay::run(&args),
    };
    done.map_or_else(|failure| failure.tell(), |()| ExitCode::SUCCESS)
}

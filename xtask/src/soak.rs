//! The verb `soak`: a long time, virtual and real. Prints ledger, clock and memory; red when a frame or a byte is missing.

use crate::workspace::Workspace;
use crate::{Outcome, child, setup};
use std::process::Command;

/// What `test` does of it.
const HOUR: Lengths = Lengths { hours: "1", frames: "100000000", minutes: "1" };

/// How long each part is, as the tests take it.
struct Lengths<'a> {
    hours: &'a str,
    frames: &'a str,
    minutes: &'a str,
}

/// A virtual day, 10^9 frames, and some real minutes.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let minutes = match arguments {
        [] => "10",
        [flag, minutes] if flag == "--minutes" && minutes.parse().is_ok_and(|minutes: f64| minutes > 0.0) => {
            minutes
        }
        _ => return Err("the only argument is `--minutes N`".into()),
    };
    setup::prepare(setup::BUILD.iter().chain(setup::TEST))?;
    commands(workspace, &Lengths { hours: "24", frames: "1000000000", minutes })
        .iter_mut()
        .try_for_each(child::run)
}

/// A virtual hour, a tenth of the frames, and a real minute.
pub fn short(workspace: &Workspace) -> Vec<Command> {
    commands(workspace, &HOUR)
}

fn commands(workspace: &Workspace, lengths: &Lengths) -> Vec<Command> {
    let packages = ["hearken", "hearken-cli"].map(|package| {
        let mut command = workspace.cargo("test --release --test soak --package");
        command.arg(package).args(["--", "--nocapture"]);
        command.env("HEARKEN_SOAK_HOURS", lengths.hours);
        command.env("HEARKEN_SOAK_FRAMES", lengths.frames);
        command.env("HEARKEN_SOAK_MINUTES", lengths.minutes);
        command
    });
    packages.into()
}

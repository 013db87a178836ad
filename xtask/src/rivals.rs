//! The verb `rivals`: the engine's callback beside the other designs, from a package outside the workspace.

use crate::workspace::Workspace;
use crate::{Outcome, checks, child, setup};
use std::process::Command;

/// Builds the comparison in release and runs it; a full run draws the plot that the README shows anew.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    setup::prepare(setup::BUILD)?;
    let mut command = cargo(workspace, "run --release");
    command.arg("--").args(arguments);
    if arguments.is_empty() {
        command.arg("--plot").arg(workspace.root.join("rivals").join("rivals.svg"));
    }
    child::run(&mut command)
}

/// No other check builds it, so it would stop compiling unnoticed.
pub fn check(workspace: &Workspace) -> Outcome {
    checks::clean(cargo(workspace, "clippy --all-targets").args(["--", "--deny", "warnings"]))
}

fn cargo(workspace: &Workspace, words: &str) -> Command {
    let manifest = workspace.root.join("rivals").join("Cargo.toml");
    let mut command = workspace.cargo(words);
    // A directory of its own: another lock file, so other versions of what both use.
    command.arg("--target-dir").arg(workspace.target.join("rivals"));
    command.arg("--locked").arg("--manifest-path").arg(manifest);
    command
}

//! The verb `rivals`: the engine's callback beside the other designs, from a package outside the workspace.

use crate::workspace::Workspace;
use crate::{Outcome, child, setup};

/// Builds the comparison in release and runs it; a full run draws the plot that the README shows anew.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    setup::prepare(setup::BUILD)?;
    let manifest = workspace.root.join("rivals").join("Cargo.toml");
    let mut command = workspace.cargo("run --release --locked --manifest-path");
    // A directory of its own: another lock file, so other versions of what both use.
    command.arg(manifest).arg("--target-dir").arg(workspace.target.join("rivals")).arg("--").args(arguments);
    if arguments.is_empty() {
        command.arg("--plot").arg(workspace.root.join("rivals").join("rivals.svg"));
    }
    child::run(&mut command)
}

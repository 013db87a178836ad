//! The verb `lives`: random lives of a capture in virtual time, judged by an oracle; red where one breaks a promise in a way
//! that is not known.

use crate::workspace::Workspace;
use crate::{Outcome, child, setup};

/// `--count N`, `--minutes N`, `--seed S` or files, as `lives/src/main.rs` takes them.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    setup::prepare(setup::BUILD.iter())?;
    child::run(workspace.cargo("run --release --package hearken-lives --").args(arguments))
}

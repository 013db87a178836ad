//! The verb `bench`: the figures, printed by the benches themselves.

use crate::workspace::Workspace;
use crate::{Outcome, child};

/// Runs the benches, or those whose name contains the argument.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    crate::setup::prepare(crate::setup::BUILD.iter().chain(crate::setup::TEST))?;
    // The unit tests' harness is not a bench; without `--benches` cargo would run it too.
    child::run(workspace.cargo("bench --package hearken --bench *").arg("--").args(arguments))
}

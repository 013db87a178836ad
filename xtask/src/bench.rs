//! The verb `bench`: the figures, printed by the benches themselves.

use crate::workspace::{FEATURES, Workspace};
use crate::{Outcome, child};

/// Runs the benches, or those whose name contains the argument; flags (`--quick`, `--gate`, `--svg`) go to each of them.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let (flags, names): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with('-'));
    let pattern = match &names[..] {
        [] => "*".to_owned(),
        [name] => format!("*{name}*"),
        [_, second, ..] => return Err(format!("one name at most; `{second}` is the second")),
    };
    crate::setup::prepare(crate::setup::BUILD.iter().chain(crate::setup::TEST))?;
    // The unit tests' harness is not a bench; without `--bench` cargo would run it too.
    let words = format!("bench --package hearken {FEATURES} --bench");
    child::run(workspace.cargo(&words).arg(pattern).arg("--").args(flags))
}

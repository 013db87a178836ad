//! The verb `hosts`: every way that audio takes to the program, through what happens on people's systems.

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{Outcome, checks, child, setup};

/// The program with every host it can have.
const PROGRAM: &str = "--package hearken-cli --features jack";

/// The table of paths and scenes, and the figures. `--newer` has Debian's newest PipeWire instead of the system's; the
/// other arguments are the test program's own, which knows the paths and scenes.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    linux()?;
    setup::tests(workspace)?;
    // In release: it is measured.
    let mut table = workspace.cargo(&format!("test --release {PROGRAM} --test hosts -- --table"));
    let (newer, others): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|word| *word == "--newer");
    if !newer.is_empty() {
        table.env("HEARKEN_PIPEWIRE", setup::newer_pipewire(workspace)?);
    }
    child::run(table.args(others))
}

/// The short form, as tests.
pub fn check(workspace: &Workspace, tally: &mut Tally) -> Outcome {
    if linux().is_err() {
        println!("these servers are Linux's");
        return Ok(());
    }
    checks::tests(&mut workspace.cargo(&format!("test {PROGRAM} --test hosts")), tally)
}

/// No other check compiles it with these.
pub fn clippy(workspace: &Workspace) -> Outcome {
    if linux().is_err() {
        return Ok(());
    }
    checks::clean(&mut workspace.cargo(&format!("clippy {PROGRAM} --all-targets -- --deny warnings")))
}

fn linux() -> Outcome {
    if cfg!(target_os = "linux") { Ok(()) } else { Err("these servers are Linux's".into()) }
}

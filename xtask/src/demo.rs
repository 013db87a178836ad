//! The verb `demo`: from a clean clone to a recording and its ledger.

use crate::workspace::Workspace;
use crate::{Outcome, child, no_arguments, setup};
use std::process::Command;

/// The program's exit code for a take that could not run, as opposed to wrong usage (2) or a crash.
const RUN_FAILED: i32 = 1;

/// Builds the program, then records 5 s from the default microphone, or the synthetic one where there is none.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    setup::prepare(setup::BUILD)?;
    child::run(&mut workspace.cargo("build --release --package hearken-cli"))?;
    let program = workspace.target.join("release").join(format!("hearken{}", std::env::consts::EXE_SUFFIX));

    println!("\nRecording 5 s from the default microphone into take.wav: speak now.");
    if record(Command::new(&program).args(["record", "take.wav", "--seconds", "5"]))? {
        return Ok(());
    }
    println!(
        "\nNo microphone can be recorded here (see above), so the built-in synthetic one speaks instead."
    );
    let mut synthetic = Command::new(&program);
    synthetic.args(["record", "take.wav", "--seconds", "5", "--input", "synthetic:speech"]);
    if record(&mut synthetic)? { Ok(()) } else { Err("the synthetic microphone failed too".into()) }
}

/// Runs a take on this terminal. Gives false when the take could not run; anything worse is an error.
fn record(take: &mut Command) -> Result<bool, String> {
    let status = take.status().map_err(|error| format!("hearken cannot be started: {error}"))?;
    match status.code() {
        Some(0) => Ok(true),
        Some(RUN_FAILED) => Ok(false),
        _ => Err(format!("hearken ended with {status}")),
    }
}

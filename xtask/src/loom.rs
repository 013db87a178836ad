//! The verb `loom`: the models of the handoff, every interleaving that loom reaches.

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{Outcome, child};

/// Runs the models, or those whose name contains the argument.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let tally = models(workspace, arguments)?;
    println!("{} models passed", tally.passed);
    Ok(())
}

/// Runs the models with a target directory of their own, since their flags differ from everything else's.
pub fn models(workspace: &Workspace, filter: &[String]) -> Result<Tally, String> {
    // The environment's flags replace configured ones, so both have to stand here.
    let flags = format!("{} --cfg loom", std::env::var("RUSTFLAGS").unwrap_or_default());
    let mut command = workspace.cargo("test --package loom-tests --release --no-fail-fast");
    command
        .arg("--target-dir")
        .arg(workspace.target.join("loom"))
        .env("RUSTFLAGS", flags.trim())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // The models run for seconds; linking them with optimisation across crates takes longer.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .args(["--", "--nocapture"])
        .args(filter);
    let (success, text) = child::stream(&mut command)?;
    judge(success, &text)
}

/// Green only when models ran and said how many executions they took: flags that got lost run nothing.
fn judge(success: bool, text: &str) -> Result<Tally, String> {
    let tally = Tally::read(text);
    if !success || tally.failed > 0 {
        return Err(format!("the model suite failed ({} passed, {} failed)", tally.passed, tally.failed));
    }
    if tally.passed == 0 {
        return Err("the model suite ran no test".into());
    }
    if !text.contains("executions") {
        return Err("no model said how many executions it took: were they built with --cfg loom?".into());
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESULT: &str = "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";

    #[test]
    fn a_suite_that_runs_nothing_is_red() {
        let empty = "test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert!(judge(true, empty).unwrap_err().contains("no test"));
        assert!(judge(true, RESULT).unwrap_err().contains("executions"));
        assert!(judge(false, &format!("12 executions\n{RESULT}")).is_err());
        assert_eq!(judge(true, &format!("12 executions\n{RESULT}")), Ok(Tally { passed: 2, failed: 0 }));
    }
}

//! The verb `test`: every check, in an order that finds cheap faults first.

use crate::tally::Tally;
use crate::workspace::{FEATURES, Workspace};
use crate::{
    Outcome, app, child, duplicates, hosts, instructions, licences, lives, loom, rivals, sanitizers, setup,
    soak,
};
use std::process::Command;
use std::time::Instant;

/// One check.
struct Check {
    name: &'static str,
    /// Left out by `--quick`.
    slow: bool,
    /// Adds the tests it ran to the tally, also when it fails.
    run: fn(&Workspace, &mut Tally) -> Outcome,
}

/// Every check, in order. A new one is a line here.
const CHECKS: &[Check] = &[
    Check { name: "format", slow: false, run: |w, _| clean(&mut w.cargo("fmt --all --check")) },
    Check { name: "licences", slow: false, run: |w, _| licences::check(w) },
    Check { name: "duplicates", slow: false, run: |w, _| duplicates::check(w) },
    Check {
        name: "clippy",
        slow: false,
        run: |w, _| clean(&mut w.cargo("clippy --workspace --all-targets -- --deny warnings")),
    },
    Check {
        name: "clippy, with all features",
        slow: false,
        run: |w, _| {
            clean(
                &mut w
                    .cargo(&format!("clippy --package hearken {FEATURES} --all-targets -- --deny warnings")),
            )
        },
    },
    Check { name: "clippy, with every host", slow: false, run: |w, _| hosts::clippy(w) },
    Check { name: "clippy, of the rivals", slow: false, run: |w, _| rivals::check(w) },
    Check {
        name: "documentation",
        slow: false,
        run: |w, _| {
            let flags = format!("{} -Dwarnings", std::env::var("RUSTDOCFLAGS").unwrap_or_default());
            clean(w.cargo(&format!("doc --workspace --no-deps {FEATURES}")).env("RUSTDOCFLAGS", flags.trim()))
        },
    },
    Check {
        name: "tests",
        slow: false,
        run: |w, tally| {
            tests(&mut w.cargo("test --workspace --lib --bins --tests --examples --no-fail-fast"), tally)
        },
    },
    Check { name: "tests on every audio path", slow: true, run: hosts::check },
    Check { name: "lives", slow: true, run: |w, _| lives::run(w, &[]) },
    Check {
        name: "tests of the features",
        slow: false,
        run: |w, tally| {
            let words = format!(
                "test --package hearken {FEATURES} --lib --test voice --test allocations \
                 --test async --test delivery_allocations --test examples --test serde --test tracing"
            );
            tests(&mut w.cargo(&words), tally)
        },
    },
    Check {
        name: "doctests",
        slow: false,
        run: |w, tally| tests(&mut w.cargo("test --workspace --doc --no-fail-fast"), tally),
    },
    // The state of the checkout is the author's business, whether it can be published is not.
    Check {
        name: "package",
        slow: true,
        run: |w, _| clean(&mut w.cargo("package --package hearken --allow-dirty")),
    },
    Check {
        name: "models",
        slow: true,
        run: |w, tally| {
            *tally += loom::models(w, &[])?;
            Ok(())
        },
    },
    Check {
        name: "sanitizers",
        slow: true,
        run: |w, tally| {
            *tally += sanitizers::check(w, "")?;
            Ok(())
        },
    },
    Check {
        name: "soak",
        slow: true,
        run: |w, tally| soak::short(w).iter_mut().try_for_each(|command| tests(command, tally)),
    },
    Check { name: "recorder", slow: true, run: app::check },
    Check { name: "instructions", slow: true, run: |w, _| instructions::run(w, &[]) },
    Check {
        name: "cost of the voice detectors",
        slow: true,
        run: |w, _| clean(&mut w.cargo(&format!("bench --package hearken {FEATURES} --bench voice"))),
    },
];

/// Runs the checks. The last line it prints is always `N passed, M failed`, counted from the harness.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let quick = match arguments {
        [] => false,
        [only] if only == "--quick" => true,
        [other, ..] => return Err(format!("unexpected argument `{other}`")),
    };
    setup::tests(workspace)?;
    let chosen: Vec<&Check> = CHECKS.iter().filter(|check| !(quick && check.slow)).collect();
    let start = Instant::now();
    let mut tally = Tally::default();
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for (index, check) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}", index + 1, chosen.len(), check.name);
        let begun = Instant::now();
        let result = (check.run)(workspace, &mut tally);
        times.push(format!("{} {:.1} s", check.name, begun.elapsed().as_secs_f64()));
        if let Err(message) = result {
            outcome = Err(format!("{} failed: {message}", check.name));
            break;
        }
        println!("== {} ok, {:.1} s", check.name, begun.elapsed().as_secs_f64());
    }
    println!("\n{}\n{:.1} s in all", times.join(", "), start.elapsed().as_secs_f64());
    if let Err(message) = &outcome {
        println!("{message}");
        // A check that is no test run counts as one failure.
        tally.failed = tally.failed.max(1);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    outcome
}

/// Runs a command that only has to succeed.
pub fn clean(command: &mut Command) -> Outcome {
    let (success, _) = child::stream(command)?;
    if success { Ok(()) } else { Err("see above".into()) }
}

/// Runs tests and counts them.
pub fn tests(command: &mut Command, tally: &mut Tally) -> Outcome {
    let (success, text) = child::stream(command)?;
    let ran = Tally::read(&text);
    *tally += ran;
    judge(success, ran)
}

/// Green only when every test passed and there was one.
pub fn judge(success: bool, ran: Tally) -> Outcome {
    match ran {
        Tally { failed: 1.., .. } => Err(format!("{} of {} tests", ran.failed, ran.failed + ran.passed)),
        _ if !success => Err("see above".into()),
        Tally { passed: 0, .. } => Err("no test ran".into()),
        Tally { .. } => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_fail_or_never_ran_are_red() {
        assert_eq!(judge(true, Tally { passed: 4, failed: 0 }), Ok(()));
        assert!(judge(false, Tally { passed: 4, failed: 0 }).is_err(), "something did not build");
        assert!(judge(false, Tally { passed: 3, failed: 2 }).is_err());
        assert!(judge(true, Tally { passed: 0, failed: 0 }).is_err(), "nothing ran");
    }

    #[test]
    fn a_command_that_cannot_start_is_red() {
        assert!(clean(&mut Command::new("a-program-that-nobody-made")).is_err());
    }
}

//! The project's commands, as `cargo xtask VERB`; each verb lives in the file that bears its name.
//!
//! Needs nothing but a Rust toolchain: it installs what the engine itself needs, so it must build before it.

mod app;
mod bench;
mod checks;
mod child;
mod compiler;
mod demo;
mod duplicates;
mod hosts;
mod instructions;
mod licences;
mod lives;
mod loom;
mod macos;
mod mutants;
mod rivals;
mod sanitizers;
mod setup;
mod soak;
mod tally;
mod windows;
mod workspace;

use std::process::ExitCode;
use workspace::Workspace;

/// What a verb gives back: nothing, or the sentence that says why it failed.
type Outcome = Result<(), String>;

/// One command.
struct Verb {
    name: &'static str,
    arguments: &'static str,
    what: &'static str,
    run: fn(&Workspace, &[String]) -> Outcome,
}

/// Every command, in the order of the help text. A new one is a file and a line here.
const VERBS: &[Verb] = &[
    Verb {
        name: "demo",
        arguments: "",
        what: "build in release, record 5 s into take.wav and print the ledger",
        run: demo::run,
    },
    Verb {
        name: "test",
        arguments: "[--quick]",
        what: "every check, stopping at the first failure; --quick leaves out the slow ones",
        run: checks::run,
    },
    Verb {
        name: "loom",
        arguments: "[FILTER]",
        what: "the model suite alone; red when it runs nothing",
        run: loom::run,
    },
    Verb {
        name: "mutants",
        arguments: "[FILTER|--list]",
        what: "weaken the handoff one place at a time; the models must notice each",
        run: |workspace, arguments| mutants::run(&workspace.root, &workspace.target, arguments),
    },
    Verb {
        name: "sanitizers",
        arguments: "[FILTER]",
        what: "the stress tests under ThreadSanitizer and AddressSanitizer, the callback under RealtimeSanitizer",
        run: sanitizers::run,
    },
    Verb {
        name: "instructions",
        arguments: "",
        what: "exact instructions per callback beside a copy of the same bytes; red above the limit",
        run: instructions::run,
    },
    Verb {
        name: "bench",
        arguments: "[FILTER]",
        what: "the benches, or those whose name contains FILTER",
        run: bench::run,
    },
    Verb {
        name: "rivals",
        arguments: "[--quick]",
        what: "the callback beside other designs, in one run; without --quick the plot is drawn anew",
        run: rivals::run,
    },
    Verb {
        name: "soak",
        arguments: "[--minutes N]",
        what: "a virtual day, 10^9 frames, and N minutes (10) on an audio server: ledger, clock, memory",
        run: soak::run,
    },
    Verb {
        name: "lives",
        arguments: "[--seed S|--minutes N|--count N|FILE...]",
        what: "random lives of a capture in virtual time against an oracle; red at a broken promise that is not known",
        run: lives::run,
    },
    Verb {
        name: "hosts",
        arguments: "[PATH...] [--scene NAME] [--long] [--newer]",
        what: "every audio path through every scene, and its figures beside the native recorder's; red when one fails",
        run: hosts::run,
    },
    Verb { name: "app", arguments: "", what: "build the recorder in release, and run it", run: app::run },
    Verb {
        name: "app-test",
        arguments: "",
        what: "the plugin's and the recorder's tests, the last of them in a real web view",
        run: app::test,
    },
    Verb {
        name: "app-soak",
        arguments: "[--minutes N]",
        what: "record for 10 minutes with the meter running; red where memory grows or a core is kept busy",
        run: app::soak,
    },
    Verb {
        name: "windows",
        arguments: "[--check|FILTER]",
        what: "compile for Windows, run every test that can run under Wine, and capture through WASAPI there",
        run: windows::run,
    },
    Verb {
        name: "macos",
        arguments: "",
        what: "compile library, program, tests, plugin and recorder for macOS, as far as clippy",
        run: macos::run,
    },
    Verb {
        name: "setup",
        arguments: "[--build]",
        what: "install the system packages that are missing; --build: only those of the build",
        run: setup::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", help());
        return ExitCode::from(2);
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        print!("{}", help());
        return ExitCode::SUCCESS;
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        eprint!("xtask: there is no verb `{name}`\n\n{}", help());
        return ExitCode::from(2);
    };
    match Workspace::find().and_then(|workspace| (verb.run)(&workspace, rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}

fn help() -> String {
    let mut text = String::from("usage: cargo xtask VERB\n\n");
    for Verb { name, arguments, what, .. } in VERBS {
        let call = format!("{name} {arguments}");
        text += &format!("  {call:<24} {what}\n");
    }
    text
}

/// Refuses every argument: for verbs that take none.
fn no_arguments(arguments: &[String]) -> Outcome {
    match arguments {
        [] => Ok(()),
        [first, ..] => Err(format!("unexpected argument `{first}`")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_help_names_every_verb() {
        let help = super::help();
        for verb in super::VERBS {
            assert!(help.contains(&format!("  {} ", verb.name)), "{} is missing", verb.name);
        }
    }
}

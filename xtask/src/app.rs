//! The verbs `app`, `app-test` and `app-soak`: the workspace `tauri/`, with its own lock file and target directory.

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{Outcome, checks, child, no_arguments, setup};
use std::path::PathBuf;
use std::process::Command;

/// What is made of the TypeScript sources, and committed.
const BINDINGS: &[&str] = &[
    "api-iife.js",
    "dist-js/index.js",
    "dist-js/index.cjs",
    "dist-js/index.d.ts",
    "dist-js/picture.d.ts",
    "dist-js/types.d.ts",
];

/// Builds the recorder in release, and runs it.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    setup::prepare(setup::BUILD.iter().chain(setup::APP))?;
    child::run(&mut cargo(workspace, "run --release --locked --package recorder --features custom-protocol"))
}

/// Every test of the plugin and the recorder.
pub fn test(workspace: &Workspace, arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    let mut tally = Tally::default();
    let outcome = check(workspace, &mut tally);
    println!("{} passed, {} failed", tally.passed, tally.failed);
    outcome
}

/// The same, counted.
pub fn check(workspace: &Workspace, tally: &mut Tally) -> Outcome {
    prepare()?;
    bindings(workspace)?;
    checks::clean(&mut cargo(workspace, "fmt --all --check"))?;
    checks::clean(&mut cargo(workspace, "clippy --locked --workspace --all-targets -- --deny warnings"))?;
    // What a take is compared with.
    child::run(&mut workspace.cargo("build --locked --package hearken-cli"))?;
    // One set of packages, so one set of features: the recorder is built once. One test at a time, since each has a
    // display, a sound server and a web view.
    let mut tests =
        cargo(workspace, "test --locked --workspace --no-fail-fast -- --test-threads=1 --nocapture");
    checks::tests(tests.env("HEARKEN_PROGRAM", workspace.target.join("debug").join("hearken")), tally)
}

/// A long recording, measured.
pub fn soak(workspace: &Workspace, arguments: &[String]) -> Outcome {
    prepare()?;
    child::run(&mut cargo(workspace, "build --release --locked --package recorder --package e2e"))?;
    // `cargo run` takes one package, whose features would be others: the recorder would be built once more.
    let mut soak = Command::new(target(workspace).join("release").join("soak"));
    // There is no graphics card behind its display, and OpenGL in software costs half a core.
    child::run(soak.args(arguments).env("WEBKIT_DISABLE_DMABUF_RENDERER", "1"))
}

fn prepare() -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err("the recorder is driven on Linux only: elsewhere there is no such driver".into());
    }
    setup::prepare([setup::BUILD, setup::TEST, setup::APP, setup::APP_TEST].into_iter().flatten())
}

/// The bindings type-check, pass their tests, and are what their sources say.
fn bindings(workspace: &Workspace) -> Outcome {
    let plugin = workspace.root.join("tauri").join("tauri-plugin-hearken");
    let npm = |words: &str| {
        let mut command = Command::new("npm");
        child::run(command.args(words.split_whitespace()).current_dir(&plugin))
    };
    // Not `ci`: it refuses a lock file that names no server for packages of other platforms.
    npm("install --no-save --no-audit --no-fund")?;
    let read = || {
        BINDINGS.iter().map(|file| std::fs::read(plugin.join(file)).unwrap_or_default()).collect::<Vec<_>>()
    };
    let before = read();
    npm("run build")?;
    if read() != before {
        return Err("the bindings were not made anew of their sources; they are now, so commit them".into());
    }
    npm("run check")?;
    npm("test")
}

fn cargo(workspace: &Workspace, words: &str) -> Command {
    let (verb, rest) = words.split_once(' ').unwrap_or((words, ""));
    let manifest: PathBuf = workspace.root.join("tauri").join("Cargo.toml");
    let mut command = workspace.cargo(verb);
    command.arg("--manifest-path").arg(manifest).args(rest.split_whitespace());
    command.env("CARGO_TARGET_DIR", target(workspace));
    command
}

/// A directory of its own: another lock file, so other versions of what both use.
fn target(workspace: &Workspace) -> PathBuf {
    workspace.target.join("tauri")
}

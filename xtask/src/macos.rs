//! The verb `macos`: library, program, tests, plugin and recorder compile for macOS, without a warning of clippy's.
//!
//! Nothing is linked and nothing runs: Apple's own libraries are on Apple's systems only.

use crate::compiler::{Compiler, Depth};
use crate::workspace::{FEATURES, Workspace};
use crate::{Outcome, checks, no_arguments};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

const TRIPLE: &str = "aarch64-apple-darwin";

/// What is asked of the compiler for another system: the workspace, the library with its features, plugin and recorder.
/// What drives the recorder runs on Linux only.
pub const CHECKED: [&str; 3] = [
    "--workspace --all-targets",
    "--package hearken --all-targets",
    "--manifest-path tauri/Cargo.toml --package tauri-plugin-hearken --package recorder --all-targets",
];

/// In place of a C compiler for Apple's systems: build scripts compile a little Objective-C, which nobody links here.
/// cc-rs asks for the family first.
const NO_CC: &str = r#"#!/bin/sh
case " $* " in *" -E "*) echo '#pragma message "clang"'; exit 0;; *" -? "*) exit 1;; esac
while [ $# -gt 0 ]; do if [ "$1" = -o ]; then : > "$2"; fi; shift; done
"#;

/// Checks all of it, and says how long it took.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    check(workspace)
}

/// The same, as one of the checks of `test`.
pub fn check(workspace: &Workspace) -> Outcome {
    let since = Instant::now();
    let compiler = Compiler::find(workspace, TRIPLE, Depth::Check)?;
    println!("{TRIPLE}: the compiler is there after {:.1} s", since.elapsed().as_secs_f64());
    let cc = no_cc(compiler.target()).map_err(|error| format!("no place for a script: {error}"))?;
    for words in CHECKED {
        let features = if words.starts_with("--package hearken ") { FEATURES } else { "" };
        println!("{TRIPLE}: clippy {words}");
        let mut command = compiler.clippy(workspace, &format!("{words} {features}"));
        // On Apple's own systems there is a compiler.
        if cfg!(not(target_vendor = "apple")) {
            command.env("CC_aarch64_apple_darwin", &cc);
        }
        checks::clean(&mut command)?;
    }
    println!("{TRIPLE}: {} clippy runs clean, {:.1} s in all", CHECKED.len(), since.elapsed().as_secs_f64());
    Ok(())
}

fn no_cc(target: &Path) -> std::io::Result<PathBuf> {
    fs::create_dir_all(target)?;
    let script = target.join("no-cc");
    fs::write(&script, NO_CC)?;
    #[cfg(unix)]
    fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(script)
}

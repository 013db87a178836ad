//! The verb `sanitizers`: the library as it is compiled, on real threads, under the compiler's sanitizers.
//!
//! They come with the toolchain, stable ones included, but their flags are said to be unstable; hence the bootstrap
//! variable. The standard library stays as it is delivered.

use crate::tally::Tally;
use crate::workspace::Workspace;
use crate::{Outcome, child};
use std::path::Path;
use std::process::Command;

/// One sanitizer and the tests that run under it, which have a planted fault among them.
struct Sanitizer {
    name: &'static str,
    /// Names its runtime's file.
    short: &'static str,
    flags: &'static str,
    /// Its options' variable, which also asks the stress tests for the planted fault.
    variable: &'static str,
    tests: &'static str,
    /// The tests' filter, blank for all.
    filter: &'static str,
    /// The test that is green when the planted fault was reported.
    planted: &'static str,
}

const SANITIZERS: [Sanitizer; 3] = [
    Sanitizer {
        name: "ThreadSanitizer",
        short: "tsan",
        flags: "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
        variable: "TSAN_OPTIONS",
        tests: "--package loom-tests --test stress",
        filter: "",
        planted: "a_planted_fault_is_reported",
    },
    Sanitizer {
        name: "AddressSanitizer",
        short: "asan",
        flags: "-Zsanitizer=address",
        variable: "ASAN_OPTIONS",
        tests: "--package loom-tests --test stress",
        filter: "",
        planted: "a_planted_fault_is_reported",
    },
    Sanitizer {
        name: "RealtimeSanitizer",
        short: "rtsan",
        flags: "-Zsanitizer=realtime --cfg rtsan",
        variable: "RTSAN_OPTIONS",
        tests: "--package hearken --test purity",
        filter: "linux::realtime::",
        planted: "linux::realtime::a_planted_allocation_is_reported",
    },
];

/// Runs the tests under each sanitizer, or those whose name contains the argument.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    let filter = match arguments {
        [] => "",
        [only] => only.as_str(),
        [_, other, ..] => return Err(format!("unexpected argument `{other}`")),
    };
    let tally = check(workspace, filter)?;
    println!("{} tests passed", tally.passed);
    Ok(())
}

/// Runs the tests under each sanitizer whose name contains `filter`; one that the toolchain does not bring along for
/// this platform is left out, which is said.
pub fn check(workspace: &Workspace, filter: &str) -> Result<Tally, String> {
    let ask = |words: &[&str]| child::ask(Command::new("rustc").args(words).current_dir(&workspace.root));
    let version = ask(&["-vV"]).ok_or("there is no rustc on the path")?;
    let triple = host(&version).ok_or("rustc does not say what it runs on")?;
    let sysroot = ask(&["--print", "sysroot"]).ok_or("rustc does not say where its libraries are")?;
    let libraries = Path::new(&sysroot).join("lib/rustlib").join(triple).join("lib");
    let wanted = |sanitizer: &&Sanitizer| sanitizer.name.to_lowercase().contains(&filter.to_lowercase());
    if !SANITIZERS.iter().any(|sanitizer| wanted(&sanitizer)) {
        return Err(format!("no sanitizer is called `{filter}`"));
    }
    let mut tally = Tally::default();
    for sanitizer in SANITIZERS.iter().filter(wanted) {
        if !cfg!(target_os = "linux") || !brought_along(&libraries, sanitizer.short) {
            println!("{}: left out, the toolchain does not bring it along for {triple}", sanitizer.name);
            continue;
        }
        println!("{}:", sanitizer.name);
        let (success, text) = child::stream(&mut command(workspace, sanitizer, triple))?;
        tally += judge(sanitizer, success, &text)?;
    }
    Ok(tally)
}

fn command(workspace: &Workspace, sanitizer: &Sanitizer, triple: &str) -> Command {
    let flags = format!("{} {}", std::env::var("RUSTFLAGS").unwrap_or_default(), sanitizer.flags);
    let options = match sanitizer.short {
        "tsan" => format!("suppressions={}", workspace.root.join("loom-tests/tsan.supp").display()),
        _ => String::new(),
    };
    let mut command = workspace.cargo("test");
    command
        .args(sanitizer.tests.split_whitespace())
        // With a target named, build scripts and macros are built without the flags, and once for all three.
        .args(["--target", triple, "--target-dir"])
        .arg(workspace.target.join("sanitizers"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", flags.trim())
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_PROFILE_DEV_DEBUG", "line-tables-only")
        .env("CARGO_INCREMENTAL", "0")
        .env(sanitizer.variable, options)
        .args(["--", "--show-output", sanitizer.filter]);
    command
}

/// Green only when tests ran, and the planted fault's was among them: a sanitizer that is not there reports nothing.
fn judge(sanitizer: &Sanitizer, success: bool, text: &str) -> Result<Tally, String> {
    let Sanitizer { name, variable, planted, .. } = sanitizer;
    let tally = Tally::read(text);
    if !success || tally.failed > 0 || tally.passed == 0 {
        return Err(format!("{name}: a report, or a test that failed or never ran; see above"));
    }
    let plain = text.replace("\u{1b}[32m", "").replace("\u{1b}[0m", "").replace("\u{1b}[m", "");
    if !plain.contains(&format!("test {planted} ... ok")) || plain.contains(&format!("{variable} is not set"))
    {
        return Err(format!("{name}: the planted fault was not asked for"));
    }
    Ok(tally)
}

/// Whether the toolchain has a sanitizer's runtime, as in `librustc-stable_rt.tsan.a`.
fn brought_along(libraries: &Path, short: &str) -> bool {
    let end = format!("_rt.{short}.a");
    std::fs::read_dir(libraries).is_ok_and(|mut entries| {
        entries.any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().ends_with(&end)))
    })
}

/// The platform in the text of `rustc -vV`.
fn host(version: &str) -> Option<&str> {
    version.lines().find_map(|line| line.strip_prefix("host: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn green_needs_tests_and_the_planted_fault_among_them() {
        let [thread, ..] = &SANITIZERS;
        let planted = "test a_planted_fault_is_reported ... ok\n";
        let result = "test result: ok. 6 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out\n";
        assert!(judge(thread, true, &format!("{planted}{result}")).is_ok());
        assert!(judge(thread, false, &format!("{planted}{result}")).is_err());
        assert!(judge(thread, true, result).is_err());
        assert!(judge(thread, true, planted).is_err());
        assert!(judge(thread, true, &format!("{planted}TSAN_OPTIONS is not set\n{result}")).is_err());
    }

    #[test]
    fn the_platform_is_read_from_rustcs_own_words() {
        assert_eq!(
            host("rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0"),
            Some("x86_64-unknown-linux-gnu")
        );
        assert_eq!(host(""), None);
    }
}

//! The verb `windows`: everything compiles for Windows without a warning of clippy's, every test that can runs under
//! Wine, and the program captures there through WASAPI, from a PulseAudio of its own.
//!
//! Wine is not Windows: its scheduler, its file systems and its audio service are Linux's beneath. What is shown is that
//! our code calls Windows rightly, and that cpal's WASAPI host and ours get on.

use crate::compiler::{Compiler, Depth};
use crate::macos::CHECKED;
use crate::tally::Tally;
use crate::workspace::{FEATURES, Workspace};
use crate::{Outcome, checks, child, setup};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// Cargo's word for who links, and Debian's for Windows.
const LINKER: (&str, &str) = ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc");

/// A test program that has not ended by then hangs; the longest takes minutes where others compile beside it.
const LIMIT_S: u32 = 900;

/// Tests that Wine cannot run, and why.
const LEFT_OUT: &[(&str, &str)] = &[];

/// What Wine 8 has not and Rust's standard library needs: `ProcessPrng`, for the keys of its hash maps.
const BCRYPTPRIMITIVES: &str = r#"#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T len) {
    while (len) {
        ULONG part = len > 0x10000000 ? 0x10000000 : (ULONG)len;
        if (!SystemFunction036(data, part)) return FALSE;
        data += part; len -= part;
    }
    return TRUE;
}
"#;

/// All of it, or with `--check` only the compiler's part, or the tests and scenes whose name contains the argument.
/// Its last line is `N passed, M failed`.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    match arguments {
        [] => all(workspace, ""),
        [only] if only == "--check" => check(workspace),
        [only] if !only.starts_with('-') => all(workspace, only),
        [other, ..] => Err(format!("unexpected argument `{other}`")),
    }
}

/// The compiler's part, as one of the checks of `test`.
pub fn check(workspace: &Workspace) -> Outcome {
    let since = Instant::now();
    setup::prepare(setup::BUILD.iter().chain(setup::WINDOWS_BUILD))?;
    let compiler = Compiler::find(workspace, TRIPLE, Depth::Check)?;
    println!("{TRIPLE}: the compiler is there after {:.1} s", since.elapsed().as_secs_f64());
    clippy(workspace, &compiler)?;
    println!("{TRIPLE}: {} clippy runs clean, {:.1} s in all", CHECKED.len(), since.elapsed().as_secs_f64());
    Ok(())
}

fn clippy(workspace: &Workspace, compiler: &Compiler) -> Outcome {
    for words in CHECKED {
        let features = if words.starts_with("--package hearken ") { FEATURES } else { "" };
        println!("{TRIPLE}: clippy {words}");
        checks::clean(&mut compiler.clippy(workspace, &format!("{words} {features}")))?;
    }
    Ok(())
}

fn all(workspace: &Workspace, filter: &str) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err("Wine is for Linux; on Windows `cargo xtask test --quick` is the test".into());
    }
    let since = Instant::now();
    let needs = [setup::BUILD, setup::TEST, setup::WINDOWS_BUILD, setup::WINE];
    setup::prepare(needs.into_iter().flatten())?;
    let compiler = Compiler::find(workspace, TRIPLE, Depth::Build)?;
    let mut times = vec![format!("compiler {:.1} s", since.elapsed().as_secs_f64())];
    let mut tally = Tally::default();
    let mut step = |name: &str, run: &mut dyn FnMut() -> Outcome| {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = run();
        times.push(format!("{name} {:.1} s", begun.elapsed().as_secs_f64()));
        outcome
    };
    let outcome =
        if filter.is_empty() { step("clippy", &mut || clippy(workspace, &compiler)) } else { Ok(()) };
    let outcome = outcome.and_then(|()| {
        let wine = Wine::start(&workspace.target.join("elsewhere"))?;
        // Both are told, whatever becomes of the first.
        let ran = step("tests under Wine", &mut || tests(workspace, &compiler, &wine, filter, &mut tally));
        let seen =
            step("scenes through WASAPI", &mut || scenes(workspace, &compiler, &wine, filter, &mut tally));
        ran.and(seen)
    });
    for (test, why) in LEFT_OUT {
        println!("left out: {test}: {why}");
    }
    println!("\n{}\n{:.1} s in all", times.join(", "), since.elapsed().as_secs_f64());
    if outcome.is_err() {
        tally.failed = tally.failed.max(1);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    outcome
}

/// The workspace's tests but those of this program, which works on Linux.
fn tests(
    workspace: &Workspace,
    compiler: &Compiler,
    wine: &Wine,
    filter: &str,
    tally: &mut Tally,
) -> Outcome {
    let words = "--workspace --exclude xtask --lib --bins --tests --no-fail-fast";
    let mut command = compiler.cargo(workspace, "test", words);
    // One that hangs is ended, and whatever it has started ends with the rest of this Wine.
    let runner = format!("timeout --kill-after=10 {LIMIT_S} {}", wine.program.display());
    command.env(LINKER.0, LINKER.1).env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", runner);
    wine.lead(&mut command);
    // No server is to be found: the tests have microphones of their own.
    command.env("PULSE_SERVER", "unix:/nonexistent");
    command.args(["--", "--test-threads=2"]);
    for (test, _) in LEFT_OUT {
        command.args(["--skip", test]);
    }
    judged(&mut command, "test", filter, tally)
}

/// Runs the tests of `command`, each of them a `what`, whose name contains the filter; there may be none.
fn judged(command: &mut Command, what: &str, filter: &str, tally: &mut Tally) -> Outcome {
    command.args((!filter.is_empty()).then_some(filter));
    let (success, text) = child::stream(command)?;
    let ran = Tally::read(&text);
    *tally += ran;
    if !filter.is_empty() && success && ran.passed == 0 {
        println!("no {what} is called `{filter}`");
        return Ok(());
    }
    checks::judge(success, ran)
}

/// What `cli/tests/wasapi.rs` does with the program for Windows, on Linux.
fn scenes(
    workspace: &Workspace,
    compiler: &Compiler,
    wine: &Wine,
    filter: &str,
    tally: &mut Tally,
) -> Outcome {
    child::run(compiler.cargo(workspace, "build", "--package hearken-cli").env(LINKER.0, LINKER.1))?;
    let program = compiler.target().join(TRIPLE).join("debug/hearken.exe");
    let mut command = workspace.cargo("test --locked --package hearken-cli --test wasapi");
    wine.lead(&mut command);
    command.env("HEARKEN_WINE", &wine.program).env("HEARKEN_WINDOWS", &program);
    command.args(["--", "--ignored", "--nocapture", "--test-threads=1"]);
    judged(&mut command, "scene", filter, tally)
}

/// A Windows of our own: its disk is in the target directory, and all that runs in it ends with this.
#[derive(Debug)]
struct Wine {
    program: PathBuf,
    server: PathBuf,
    place: PathBuf,
}

impl Wine {
    fn start(place: &Path) -> Result<Self, String> {
        let find = |names: &[&str]| {
            // Debian keeps them off the path.
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once("/usr/lib/wine".into())
                .chain(std::env::split_paths(&path).collect::<Vec<_>>());
            let files = folders.flat_map(|folder| names.iter().map(move |name| folder.join(name)));
            files.into_iter().find(|file| file.is_file())
        };
        let program = find(&["wine64", "wine"]).ok_or("there is no Wine")?;
        let server = find(&["wineserver"]).ok_or("there is no wineserver")?;
        let wine = Self { program, server, place: place.to_owned() };
        let told = |error: std::io::Error| format!("{}: {error}", place.display());
        fs::create_dir_all(place.join("home")).map_err(told)?;
        let mut boot = Command::new(&wine.program);
        // Its users' folders are links into this one.
        boot.args(["wineboot", "--init"]).env("HOME", place.join("home")).stdin(Stdio::null());
        wine.lead(&mut boot);
        child::run(&mut boot)?;
        let library = place.join("wine/drive_c/windows/system32/bcryptprimitives.dll");
        if !library.exists() {
            let source = place.join("bcryptprimitives.c");
            fs::write(&source, BCRYPTPRIMITIVES).map_err(told)?;
            let mut cc = Command::new("x86_64-w64-mingw32-gcc");
            child::run(cc.arg("-shared").arg(&source).arg("-o").arg(&library).arg("-ladvapi32"))?;
        }
        Ok(wine)
    }

    /// Has a command and what it starts find this Wine, and no display.
    fn lead(&self, command: &mut Command) {
        let home = self.place.join("home");
        command.env("WINEPREFIX", self.place.join("wine")).env("WINEARCH", "win64").env("WINEDEBUG", "-all");
        // Neither menus nor browsers nor .NET: a new disk would wait for somebody to agree to them.
        command.env("WINEDLLOVERRIDES", "winemenubuilder.exe=d;mscoree=d;mshtml=d");
        command.env("XDG_RUNTIME_DIR", &home).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        for asked in ["--kill", "--wait"] {
            let mut server = Command::new(&self.server);
            self.lead(server.arg(asked).stderr(Stdio::null()));
            let _ = child::run(&mut server);
        }
    }
}

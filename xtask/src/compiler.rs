//! A compiler for other systems, with clippy: what compiles there is known before anybody has such a machine.
//!
//! The toolchain in use serves where it has the other system's standard library. Elsewhere it is Debian's compiler for
//! browsers, a recent one that its security updates keep so, unpacked into the target directory, where it is in nobody's
//! way; it brings the standard library's source, of which the other system's is made.

use crate::workspace::Workspace;
use crate::{Outcome, child, setup};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages asked for; [`packages`] finds those that they need, whose names have numbers in them.
const WANTED: [&str; 3] = ["rustc-web", "rust-web-clippy", "rust-web-src"];
/// What they need of Rust's; the rest is on every system.
const KIN: [&str; 4] = ["rustc-web", "rust-web-", "libstd-rust-web-", "libllvm"];

/// How far it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// To the last error and warning: nothing is linked.
    Check,
    /// To a program that runs.
    Build,
}

/// A compiler for one other system.
#[derive(Debug)]
pub struct Compiler {
    triple: &'static str,
    /// Where Debian's was unpacked; none where the toolchain in use serves.
    root: Option<PathBuf>,
    target: PathBuf,
}

impl Compiler {
    /// One for `triple`, installed where it is missing.
    ///
    /// # Errors
    /// A sentence that says what to type, where neither can be had.
    pub fn find(workspace: &Workspace, triple: &'static str, depth: Depth) -> Result<Self, String> {
        let place = workspace.target.join("elsewhere");
        let target = place.join("target");
        if has_std(workspace, triple) {
            println!("{triple}: the toolchain in use has its standard library");
            return Ok(Self { triple, root: None, target });
        }
        let root = place.join("debian");
        if !root.join("usr/bin/rustc").exists() {
            unpack(&place, &root).map_err(|error| {
                format!("{error}\nwith a compiler of rustup's: rustup target add {triple}, then this again")
            })?;
        }
        let compiler = Self { triple, root: Some(root), target };
        compiler.make_std(workspace, &place, depth)?;
        Ok(compiler)
    }

    /// Where it puts what it builds.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// `cargo VERB` for the other system; `words` are separated by blanks.
    pub fn cargo(&self, workspace: &Workspace, verb: &str, words: &str) -> Command {
        let mut command = workspace.cargo(verb);
        self.lead(&mut command);
        command.args(["--locked", "--target", self.triple]).args(words.split_whitespace());
        command
    }

    /// `cargo clippy` likewise, warnings denied.
    pub fn clippy(&self, workspace: &Workspace, words: &str) -> Command {
        let mut command = match &self.root {
            None => workspace.cargo("clippy"),
            Some(root) => {
                let mut command = Command::new(root.join("usr/bin/cargo-clippy"));
                command.arg("clippy").current_dir(&workspace.root).env("CARGO", workspace.program());
                command
            }
        };
        self.lead(&mut command);
        command.args(["--locked", "--target", self.triple]).args(words.split_whitespace());
        command.args(["--keep-going", "--", "--deny", "warnings"]);
        // It looks into the macro, which on Windows has another body, and does not see the `const` that is there.
        command.args(["--allow", "clippy::missing_const_for_thread_local"]);
        command
    }

    fn lead(&self, command: &mut Command) {
        // Nobody debugs it, and it is built once.
        command.env("CARGO_TARGET_DIR", &self.target).env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.env("CARGO_INCREMENTAL", "0").env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS");
        if let Some(root) = &self.root {
            command.env("RUSTC", root.join("usr/bin/rustc")).env("LD_LIBRARY_PATH", libraries(root));
        }
    }

    /// The standard library for the other system, of the source that came with the compiler.
    fn make_std(&self, workspace: &Workspace, place: &Path, depth: Depth) -> Outcome {
        let Some(root) = &self.root else { return Ok(()) };
        let lib = root.join("usr/lib/rustlib").join(self.triple).join("lib");
        if made(&lib, depth) {
            return Ok(());
        }
        let verb = if depth == Depth::Build { "build" } else { "check" };
        println!("{}: cargo {verb} of its standard library", self.triple);
        let nothing = place.join("nothing");
        let told = |error: std::io::Error| format!("{}: {error}", nothing.display());
        fs::create_dir_all(nothing.join("src")).map_err(told)?;
        let manifest = "[package]\nname = \"nothing\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(nothing.join("Cargo.toml"), manifest).map_err(told)?;
        fs::write(nothing.join("src/lib.rs"), "").map_err(told)?;
        let mut command = workspace.cargo(verb);
        self.lead(&mut command);
        command
            .args(["--release", "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test", "--target"])
            .arg(self.triple)
            .current_dir(&nothing)
            .env("CARGO_TARGET_DIR", place.join("std"))
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
            .env("RUSTFLAGS", "-Cembed-bitcode=yes");
        child::run(&mut command)?;
        let deps = place.join("std").join(self.triple).join("release/deps");
        collect(&deps, &lib).map_err(|error| format!("{}: {error}", lib.display()))
    }
}

/// Whether the toolchain in use has a standard library for `triple`.
fn has_std(workspace: &Workspace, triple: &str) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", triple]).current_dir(&workspace.root);
    child::ask(&mut rustc).is_some_and(|folder| made(Path::new(&folder), Depth::Build))
}

/// Whether a folder of libraries has std among them, deep enough.
fn made(lib: &Path, depth: Depth) -> bool {
    let entries = fs::read_dir(lib).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let deep = |name: &str| depth == Depth::Check || name.ends_with(".rlib");
    names.filter(|name| name.starts_with("libstd-")).any(|name| deep(&name))
}

/// Copies what was built, std last: a copy that was cut off counts as none.
fn collect(deps: &Path, lib: &Path) -> std::io::Result<()> {
    let _ = fs::remove_dir_all(lib);
    fs::create_dir_all(lib)?;
    let mut files: Vec<PathBuf> = fs::read_dir(deps)?.flatten().map(|entry| entry.path()).collect();
    let is_std =
        |file: &Path| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libstd-"));
    files.sort_by_key(|file| is_std(file));
    for file in files {
        let is_library =
            file.extension().is_some_and(|extension| extension == "rlib" || extension == "rmeta");
        if let Some(name) =
            file.file_name().filter(|name| is_library && !name.to_string_lossy().contains("libnothing-"))
        {
            fs::copy(&file, lib.join(name))?;
        }
    }
    Ok(())
}

/// Debian's compiler, below `root`; nothing is installed.
fn unpack(place: &Path, root: &Path) -> Outcome {
    let names = match packages() {
        Some(names) => names,
        // On a new machine there is no list of packages yet.
        None => {
            setup::apt("update")?;
            packages().ok_or(
                "this system has no packages of Rust for other systems: Debian has them, with its security updates",
            )?
        }
    };
    println!("unpacking {} into the target directory", names.join(" "));
    let (archives, part) = (place.join("archives"), place.join("debian.part"));
    for folder in [&archives, &part] {
        let _ = fs::remove_dir_all(folder);
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    child::run(Command::new("apt-get").arg("download").args(&names).current_dir(&archives))?;
    let all = fs::read_dir(&archives).map_err(|error| error.to_string())?;
    for archive in all.flatten().map(|entry| entry.path()) {
        child::run(Command::new("dpkg-deb").arg("--extract").arg(&archive).arg(&part))?;
    }
    let _ = fs::remove_dir_all(&archives);
    fs::rename(&part, root).map_err(|error| format!("{}: {error}", root.display()))
}

/// The packages wanted and what they need of Rust's; none where the system does not have them.
fn packages() -> Option<Vec<String>> {
    let options =
        "--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances";
    let mut command = Command::new("apt-cache");
    let said = child::ask(command.arg("depends").args(options.split_whitespace()).args(WANTED))?;
    let names = kin(&said);
    WANTED.iter().all(|wanted| names.iter().any(|name| name == wanted)).then_some(names)
}

/// The names at the beginning of lines in what `apt-cache depends` says: what is indented comes again there.
fn kin(said: &str) -> Vec<String> {
    let is_kin = |line: &&str| KIN.iter().any(|kin| line.starts_with(kin));
    said.lines().filter(is_kin).map(str::to_owned).collect()
}

fn libraries(root: &Path) -> OsString {
    let mut path = OsString::from(root.join("usr/lib/x86_64-linux-gnu"));
    if let Some(others) = std::env::var_os("LD_LIBRARY_PATH") {
        path.push(":");
        path.push(others);
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_packages_are_those_of_rusts_that_the_wanted_ones_need() {
        let said = "rustc-web\n  Depends: libc6\n  Depends: libstd-rust-web-dev\nlibc6\n<libc-dev>\n\
                    libstd-rust-web-dev\n  Depends: libstd-rust-web-1.96\nlibstd-rust-web-1.96\n  Depends: libllvm22\n\
                    libllvm22\nzlib1g\nrust-web-clippy";
        let expected =
            ["rustc-web", "libstd-rust-web-dev", "libstd-rust-web-1.96", "libllvm22", "rust-web-clippy"];
        assert_eq!(kin(said), expected);
    }

    #[test]
    fn a_standard_library_that_was_only_checked_builds_nothing() {
        let lib = std::env::temp_dir().join(format!("hearken-xtask-{}", std::process::id()));
        let deps = lib.join("deps");
        fs::create_dir_all(&deps).expect("a folder");
        let into = lib.join("lib");
        assert!(!made(&into, Depth::Check));
        for (name, check, build) in
            [("libcore-1.rlib", false, false), ("libstd-1.rmeta", true, false), ("libstd-1.rlib", true, true)]
        {
            fs::write(deps.join(name), "").expect("room");
            collect(&deps, &into).expect("copies");
            assert_eq!((made(&into, Depth::Check), made(&into, Depth::Build)), (check, build), "{name}");
        }
        fs::remove_dir_all(&lib).expect("ours");
    }
}

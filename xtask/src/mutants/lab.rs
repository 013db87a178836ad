//! Where mutants are tried.

use super::{Fate, Mutant, SOURCES, read};
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// How long one test program may take; the slowest takes a tenth of it. Longer counts as killed: a mutant that never
/// ends is noticed.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// A copy of the workspace in which the mutants live one after the other, with one target directory for all.
pub(super) struct Lab {
    root: PathBuf,
    target: PathBuf,
    programs: Vec<String>,
}

impl Lab {
    pub fn new(root: &Path, at: &Path) -> Result<Self, String> {
        let (copy, target) = (at.join("workspace"), at.join("target"));
        if copy.exists() {
            fs::remove_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        }
        copy_sources(root, &copy).map_err(|error| format!("copying the workspace: {error}"))?;
        let tests = copy.join("loom-tests/tests");
        let mut programs = Vec::new();
        for entry in fs::read_dir(&tests).map_err(|error| format!("{}: {error}", tests.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            if text.contains("#![cfg(loom)]") {
                programs.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        programs.sort();
        Ok(Self { root: copy, target, programs })
    }

    pub fn try_out(&self, root: &Path, mutant: &Mutant) -> Result<Fate, String> {
        let path = self.root.join(mutant.file);
        fs::write(&path, &mutant.text).map_err(|error| format!("{}: {error}", path.display()))?;
        let first = SOURCES.iter().find(|source| source.file == mutant.file);
        let fate = self.judge(first.map_or(&["stop"][..], |source| source.first));
        fs::write(&path, read(root, mutant.file)?).map_err(|error| error.to_string())?;
        fate.map_err(|error| format!("{}: {error}", mutant.describe()))
    }

    /// Runs the test programs until one fails, `first` first.
    pub fn judge(&self, first: &[&str]) -> Result<Fate, String> {
        for program in first {
            if let Some(test) = self.failure(program, &self.build(&[program])?)? {
                return Ok(Fate::Killed(test));
            }
        }
        let rest: Vec<&str> =
            self.programs.iter().map(String::as_str).filter(|name| !first.contains(name)).collect();
        let built = self.build(&rest)?;
        for program in rest {
            if let Some(test) = self.failure(program, &built)? {
                return Ok(Fate::Killed(test));
            }
        }
        Ok(Fate::Survived)
    }

    /// Builds test programs; gives what cargo said, which names them.
    fn build(&self, programs: &[&str]) -> Result<String, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(["test", "--package", "loom-tests", "--release", "--no-run", "--color", "never"]);
        programs.iter().for_each(|program| {
            command.args(["--test", program]);
        });
        let output = command
            .arg("--target-dir")
            .arg(&self.target)
            .current_dir(&self.root)
            .env("RUSTFLAGS", "--cfg loom")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            // The programs are short-lived: link them fast.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(text) } else { Err(format!("does not build:\n{text}")) }
    }

    /// Runs one program of those that `built` names, to its end or its first failure, which it names.
    fn failure(&self, program: &str, built: &str) -> Result<Option<String>, String> {
        let named = format!("Executable tests/{program}.rs (");
        let path = built.lines().find_map(|line| line.trim().strip_prefix(&named)?.strip_suffix(')'));
        let path = path.ok_or_else(|| format!("cargo built no test program `{program}`"))?;
        let mut child = Command::new(self.root.join(path))
            .current_dir(&self.root)
            .env("RUST_BACKTRACE", "0")
            // A mutant has to break something, not just to change the number of executions.
            .env("LOOM_TESTS_WITHOUT_FLOORS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let (tell, told) = mpsc::channel();
        let output = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // A failure is known long before the other models are through.
            let failed = lines.find_map(|line| {
                Some(line.ok()?.strip_prefix("test ")?.strip_suffix("... FAILED")?.trim().to_owned())
            });
            let _ = tell.send(failed);
        });
        let failed = told.recv_timeout(TIME_LIMIT);
        if !matches!(failed, Ok(None)) {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        reader.join().map_err(|_| "the reader of the output panicked")?;
        Ok(match failed {
            Ok(Some(test)) => Some(format!("{program}: {test}")),
            Ok(None) if status.success() => None,
            Ok(None) => Some(format!("{program}, which ended with {status}")),
            Err(_) => Some(format!("{program}, which did not end")),
        })
    }
}

/// Copies manifests and Rust files, leaving out what is built and what is hidden.
fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        let built_or_hidden = text == "target" || text.starts_with('.') || path.join("CACHEDIR.TAG").exists();
        if entry.file_type()?.is_dir() {
            if !built_or_hidden {
                copy_sources(&path, &to.join(&name))?;
            }
        } else if [".rs", ".toml", ".lock", ".md"].iter().any(|end| text.ends_with(end)) {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

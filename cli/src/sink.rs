//! Where an account goes: a file, or stdout.

use crate::failure::{Failure, print};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Opened before the take, so that a path that cannot be written is found before the microphone is; an earlier
/// account stays until there is a new one.
#[derive(Debug)]
pub enum Sink {
    Stdout,
    File(Target),
}

#[derive(Debug)]
pub struct Target {
    path: PathBuf,
    file: File,
    /// The file is ours and empty: without a take it goes.
    unused: bool,
}

impl Sink {
    /// Of `path`; `-` is stdout.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") { Ok(Self::Stdout) } else { Target::open(path).map(Self::File) }
    }

    pub fn write(self, text: &str) -> Result<(), Failure> {
        match self {
            Self::Stdout => print(text),
            Self::File(target) => target.write(text),
        }
    }
}

impl Target {
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let is_new = !path.exists();
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let file = opened.map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path: path.into(), file, unused: is_new })
    }

    pub fn write(mut self, text: &str) -> Result<(), Failure> {
        self.unused = false;
        let Self { path, file, .. } = &mut self;
        // What is no regular file, a terminal say, has no length to set.
        if file.metadata().is_ok_and(|there| there.is_file()) {
            file.set_len(0).map_err(|error| cannot_write(path, &error))?;
        }
        file.write_all(text.as_bytes()).map_err(|error| cannot_write(path, &error))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if self.unused {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::run(format!("cannot write {}: {error}", path.display()))
}

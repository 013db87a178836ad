//! Where the project stands, and how its cargo is called.

use cargo_metadata::{Metadata, MetadataCommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

/// The features that need nothing of the system, for a cargo call.
pub const FEATURES: &str =
    "--features=hearken/async,hearken/serde,hearken/tracing,hearken/vad,hearken/vad-silero";

/// A lock file of the project.
#[derive(Debug)]
pub struct Lock {
    /// The folder it is in, below the root.
    pub folder: &'static str,
    /// The features that its dependencies are resolved with, besides the default ones.
    pub features: Option<&'static str>,
    /// What is built of it and run.
    pub programs: &'static [&'static str],
}

/// Every lock file of the project.
pub const LOCKS: &[Lock] = &[
    Lock { folder: "", features: Some(FEATURES), programs: &["hearken", "hearken-cli"] },
    Lock { folder: "tauri", features: None, programs: &["recorder"] },
    Lock { folder: "rivals", features: None, programs: &["rivals"] },
];

impl Lock {
    /// The name for people.
    pub fn name(&self) -> &'static str {
        if self.folder.is_empty() { "the engine" } else { self.folder }
    }
}

/// The checkout this program belongs to.
#[derive(Debug)]
pub struct Workspace {
    /// The directory of the top `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo puts what it builds.
    pub target: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// Asks cargo, which runs this program and says through the environment where its manifest is.
    pub fn find() -> Result<Self, String> {
        let package = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("run me as `cargo xtask`")?;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let metadata = MetadataCommand::new()
            .cargo_path(&cargo)
            .manifest_path(PathBuf::from(package).join("Cargo.toml"))
            .no_deps()
            .exec()
            .map_err(|error| error.to_string())?;
        Ok(Self { root: metadata.workspace_root.into(), target: metadata.target_directory.into(), cargo })
    }

    /// `cargo WORDS…`, to be run at the root; words are separated by blanks.
    pub fn cargo(&self, words: &str) -> Command {
        let mut command = Command::new(&self.cargo);
        command.args(words.split_whitespace()).current_dir(&self.root);
        command
    }

    /// The cargo that runs this program.
    pub fn program(&self) -> &std::ffi::OsStr {
        &self.cargo
    }

    /// The resolved dependencies as a lock file has them: of every platform, or of one target triple.
    pub fn dependencies(&self, lock: &Lock, platform: Option<&str>) -> Result<Metadata, String> {
        let mut command = MetadataCommand::new();
        command.cargo_path(&self.cargo).manifest_path(self.root.join(lock.folder).join("Cargo.toml"));
        let mut options = vec!["--locked".to_owned()];
        options.extend(lock.features.map(str::to_owned));
        if let Some(triple) = platform {
            options.extend(["--filter-platform".to_owned(), triple.to_owned()]);
        }
        command.other_options(options).exec().map_err(|error| format!("{}: {error}", lock.name()))
    }
}

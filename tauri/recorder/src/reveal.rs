//! Shows a take in the system's file manager.

use std::path::Path;
use std::process::{Command, Stdio};
use tauri::{AppHandle, Runtime, command};
use tauri_plugin_hearken::{Error, HearkenExt};

/// Shows the take of this id.
#[command(async)]
pub(crate) fn reveal<R: Runtime>(app: AppHandle<R>, id: String) -> Result<(), Error> {
    let path = app.hearken().take_path(&id)?;
    let mut manager = manager(&path);
    let started = manager.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    match started {
        Ok(mut child) => {
            // Somebody has to wait for it, or it stays a zombie.
            std::thread::spawn(move || child.wait());
            Ok(())
        }
        Err(error) => Err(Error::from(hearken::Error::new(
            hearken::ErrorKind::NotFound,
            format!("the file manager cannot be started: {error}; the take is {}", path.display()),
        ))),
    }
}

fn manager(path: &Path) -> Command {
    if cfg!(target_os = "macos") {
        let mut command = Command::new("open");
        command.arg("-R").arg(path);
        command
    } else if cfg!(target_os = "windows") {
        let mut command = Command::new("explorer");
        command.arg(format!("/select,{}", path.display()));
        command
    } else {
        let mut command = Command::new("xdg-open");
        command.arg(path.parent().unwrap_or(path));
        command
    }
}

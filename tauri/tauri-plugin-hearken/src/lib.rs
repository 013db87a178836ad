//! A Tauri plugin that records from a microphone with the [`hearken`] engine.
//!
//! ```
//! fn with_recorder<R: tauri::Runtime>(builder: tauri::Builder<R>) -> tauri::Builder<R> {
//!     builder.plugin(tauri_plugin_hearken::init())
//! }
//! ```
//!
//! The page asks through the commands of `guest-js`, as far as its permissions go; the application reaches the same
//! capture through [`HearkenExt`], to feed a recogniser without passing through the page.

mod commands;
#[cfg(test)]
mod drift;
mod error;
mod library;
mod models;
mod picture;
mod recording;
mod studio;
mod watchers;

pub use error::{Error, ErrorKind, Result};
pub use models::{
    ClockFigures, Device, Frames, Hole, Notice, OpenDevice, RunningTake, State, Status, TakeInfo,
    TakeRequest, Verdict,
};
pub use studio::Hearken;

use std::path::PathBuf;
use std::time::Duration;
use tauri::plugin::TauriPlugin;
use tauri::{Manager, Runtime, generate_handler};

/// How the plugin records. [`init`] is the default of it.
#[derive(Clone, Debug)]
pub struct Builder {
    config: hearken::Config,
    takes: Option<PathBuf>,
}

impl Default for Builder {
    fn default() -> Self {
        let config = hearken::Config {
            history: Duration::from_secs(5),
            idle: Duration::from_secs(3),
            ..hearken::Config::default()
        };
        Self { config, takes: None }
    }
}

impl Builder {
    /// The defaults: the system's microphone, a history of 5 s to begin takes in, a device that stays open for 3 s after
    /// a take, takes in the folder `takes` of the application's data.
    pub fn new() -> Self {
        Self::default()
    }

    /// How to capture. The page chooses the device, unless the input is a file or a synthetic microphone.
    pub fn config(self, config: hearken::Config) -> Self {
        Self { config, ..self }
    }

    /// The folder of takes. It is created with the first of them.
    pub fn takes(self, folder: impl Into<PathBuf>) -> Self {
        Self { takes: Some(folder.into()), ..self }
    }

    /// The plugin.
    pub fn build<R: Runtime>(self) -> TauriPlugin<R> {
        let Self { config, takes } = self;
        tauri::plugin::Builder::new("hearken")
            .invoke_handler(generate_handler![
                commands::devices,
                commands::status,
                commands::picture,
                commands::watch,
                commands::open,
                commands::close,
                commands::start_take,
                commands::finish_take,
                commands::cancel_take,
                commands::pause,
                commands::resume,
                commands::mute,
                commands::takes,
                commands::take_audio,
                commands::delete_take,
            ])
            .setup(move |app, _| {
                let folder = match takes {
                    Some(folder) => folder,
                    None => app.path().app_data_dir()?.join("takes"),
                };
                app.manage(Hearken::new(config, folder));
                Ok(())
            })
            .build()
    }
}

/// The plugin with its defaults.
pub fn init<R: Runtime>() -> TauriPlugin<R> {
    Builder::new().build()
}

/// What an application reaches of the plugin.
pub trait HearkenExt<R: Runtime> {
    /// The recorder.
    ///
    /// # Panics
    /// When the plugin was not added to the application.
    fn hearken(&self) -> &Hearken;
}

impl<R: Runtime, T: Manager<R>> HearkenExt<R> for T {
    fn hearken(&self) -> &Hearken {
        self.state::<Hearken>().inner()
    }
}

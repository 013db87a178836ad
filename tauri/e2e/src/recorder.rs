//! The recorder in a window, and its files.

use crate::display::Display;
use crate::driver::Driver;
use crate::server::{PulseServer, takes};
use crate::wait_for;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A running recorder. Dropping it closes it.
#[derive(Debug)]
pub struct Recorder {
    /// The page.
    pub page: Driver,
    takes: PathBuf,
    _display: Display,
}

impl Recorder {
    /// Starts the recorder as a client of `server`, in the dark or not, and waits for its page. A made-up microphone of
    /// the engine's takes the place of the server's where it is named.
    ///
    /// # Panics
    /// If something is missing, or the page does not come.
    pub fn start(server: &PulseServer, is_dark: bool, made_up: Option<&str>) -> Self {
        let display = Display::start();
        let mut environment = server.environment();
        environment.insert("DISPLAY".to_owned(), display.name.clone().into());
        environment.insert("GDK_BACKEND".to_owned(), "x11".into());
        environment.insert("DBUS_SESSION_BUS_ADDRESS".to_owned(), "disabled:".into());
        environment.insert("GTK_THEME".to_owned(), if is_dark { "Adwaita:dark" } else { "Adwaita" }.into());
        if let Some(name) = made_up {
            environment.insert("HEARKEN_RECORDER_INPUT".to_owned(), name.into());
        }
        let page = Driver::start(&binary(), &environment);
        page.wait("the page", Duration::from_secs(20), "return document.body?.dataset.ready");
        Self { page, takes: takes(&server.home()), _display: display }
    }

    /// Waits until the recorder is in this state.
    pub fn wait_for_state(&self, state: &str) {
        let script = format!("return document.body.dataset.state === {state:?}");
        self.page.wait(state, Duration::from_secs(15), &script);
    }

    /// Waits until no device is open, nor still warm.
    ///
    /// # Panics
    /// If one stays open.
    pub fn wait_for_closed_device(&self) {
        let is_closed = || {
            let status = self.page.invoke("plugin:hearken|status", &json!({})).expect("a status");
            status["device"].is_null().then_some(())
        };
        wait_for(Duration::from_secs(10), is_closed).expect("the device stays open");
    }

    /// Waits for so many takes in the list.
    pub fn wait_for_takes(&self, count: usize) {
        let script = format!("return document.querySelectorAll('.take').length === {count}");
        self.page.wait("a take", Duration::from_secs(5), &script);
    }

    /// The newest take: its account and its audio.
    ///
    /// # Panics
    /// If there is none.
    pub fn newest(&self) -> (Value, PathBuf) {
        let mut accounts: Vec<PathBuf> = fs::read_dir(&self.takes)
            .expect("the folder of takes")
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .collect();
        accounts.sort();
        let account = accounts.pop().expect("a take");
        let text = fs::read(&account).expect("its account");
        (serde_json::from_slice(&text).expect("JSON"), account.with_extension("wav"))
    }

    /// The names of all files of takes.
    pub fn files(&self) -> usize {
        fs::read_dir(&self.takes).map_or(0, Iterator::count)
    }
}

/// The recorder's program, which cargo has built beside this one.
fn binary() -> PathBuf {
    let own = std::env::current_exe().expect("a path");
    let is_there = |folder: &Path| Some(folder.join("hearken-recorder")).filter(|path| path.is_file());
    own.ancestors()
        .skip(1)
        .take(2)
        .find_map(is_there)
        .expect("the recorder: `cargo xtask app-test` builds it")
}

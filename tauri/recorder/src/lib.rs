//! A voice recorder on the desktop: the plugin, a page, and the one thing that the page cannot do.

mod reveal;

use hearken::{Config, Input};
use std::time::Duration;
use tauri::{Builder, Context, Runtime};
use tauri_plugin_hearken::Builder as Plugin;

/// The made-up microphone of this name (`tone`, `noise`, `speech`) takes the real one's place: for a machine without a
/// sound device.
const INPUT: &str = "HEARKEN_RECORDER_INPUT";

/// How the recorder records.
///
/// # Errors
/// A sentence, when the environment names a made-up microphone that there is not.
pub fn plugin() -> Result<Plugin, String> {
    let input = match std::env::var(INPUT) {
        Ok(name) => Input::Synthetic(name.parse().map_err(|error| format!("{INPUT}: {error}"))?),
        Err(_) => Input::Default,
    };
    let (history, idle) = (Duration::from_secs(5), Duration::from_secs(3));
    Ok(Plugin::new().config(Config { input, history, idle, ..Config::default() }))
}

/// Gives an application the plugin and the recorder's own command.
pub fn build<R: Runtime>(builder: Builder<R>, plugin: Plugin) -> Builder<R> {
    builder.plugin(plugin.build()).invoke_handler(tauri::generate_handler![reveal::reveal])
}

/// The page, the capabilities and the icon, as they are shipped.
pub fn context<R: Runtime>() -> Context<R> {
    tauri::generate_context!()
}

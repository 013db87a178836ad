//! A voice recorder on the desktop.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let run = recorder::plugin().and_then(|plugin| {
        let builder = recorder::build(tauri::Builder::default(), plugin);
        builder.run(recorder::context()).map_err(|error| error.to_string())
    });
    match run {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("recorder: {message}");
            ExitCode::FAILURE
        }
    }
}

//! Generates the permissions of each command.

const COMMANDS: &[&str] = &[
    "cancel_take",
    "close",
    "delete_take",
    "devices",
    "finish_take",
    "mute",
    "open",
    "pause",
    "picture",
    "resume",
    "start_take",
    "status",
    "take_audio",
    "takes",
    "watch",
];

fn main() {
    tauri_plugin::Builder::new(COMMANDS).global_api_script_path("./api-iife.js").build();
}

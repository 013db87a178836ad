//! The recorder without a window: the commands and the capability files as they are shipped, on Tauri's mock runtime,
//! with a made-up microphone.

use hearken::{Config, Input, Synthetic};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tauri::ipc::{CallbackFn, InvokeBody, InvokeError, InvokeResponse, InvokeResponseBody};
use tauri::test::{INVOKE_KEY, MockRuntime, mock_builder};
use tauri::webview::InvokeRequest;
use tauri::{App, WebviewWindow, WebviewWindowBuilder};
use tempfile::TempDir;

/// How long an answer may take.
const BOUND: Duration = Duration::from_secs(20);

/// An application with a folder of its own.
#[derive(Debug)]
pub struct Recorder {
    pub app: App<MockRuntime>,
    folder: TempDir,
}

impl Recorder {
    pub fn new() -> Self {
        Self::of(Input::Synthetic(Synthetic::Speech))
    }

    pub fn of(input: Input) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config { input, history: Duration::from_secs(5), ..Config::default() };
        let plugin = tauri_plugin_hearken::Builder::new().config(config).takes(folder.path().join("takes"));
        let app =
            recorder::build(mock_builder(), plugin).build(recorder::context()).expect("the application");
        Self { app, folder }
    }

    pub fn window(&self, label: &str) -> WebviewWindow<MockRuntime> {
        WebviewWindowBuilder::new(&self.app, label, Default::default()).build().expect("a window")
    }

    /// Everything below the folder that the recorder was given, in order.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => found.push(path),
                }
            }
        }
        found.sort();
        found
    }
}

/// Calls a command as a page does, and does not wait.
pub fn send(
    window: &WebviewWindow<MockRuntime>,
    command: &str,
    arguments: Value,
) -> Receiver<InvokeResponse> {
    let (answer, answered) = channel();
    let url = if cfg!(windows) { "http://tauri.localhost" } else { "tauri://localhost" };
    let request = InvokeRequest {
        cmd: command.to_owned(),
        callback: CallbackFn(0),
        error: CallbackFn(1),
        url: url.parse().expect("an address"),
        body: InvokeBody::Json(arguments),
        headers: Default::default(),
        invoke_key: INVOKE_KEY.to_owned(),
    };
    let page: &tauri::Webview<MockRuntime> = window.as_ref();
    page.clone().on_message(request, Box::new(move |_, _, response, _, _| drop(answer.send(response))));
    answered
}

/// What a call gave, bytes or JSON, or what it was rejected with.
pub fn answer(answered: &Receiver<InvokeResponse>) -> Result<InvokeResponseBody, Value> {
    match answered.recv_timeout(BOUND).expect("an answer in time") {
        InvokeResponse::Ok(body) => Ok(body),
        InvokeResponse::Err(InvokeError(reason)) => Err(reason),
    }
}

/// Calls a command of the plugin and gives its JSON.
pub fn call(window: &WebviewWindow<MockRuntime>, command: &str, arguments: Value) -> Result<Value, Value> {
    let body = answer(&send(window, &format!("plugin:hearken|{command}"), arguments))?;
    Ok(body.deserialize().expect("JSON"))
}

/// The kind of an error of the plugin's own.
pub fn kind(result: &Result<Value, Value>) -> &str {
    result.as_ref().err().and_then(|error| error["kind"].as_str()).unwrap_or("none")
}

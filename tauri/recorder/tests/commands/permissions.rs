//! Which window may do what, by the capability files as they are shipped.

use crate::support::{Recorder, answer, call, send};
use serde_json::{Value, json};
use tauri::Manager;
use tauri::ipc::CapabilityBuilder;
use tauri::test::MockRuntime;

const LOOKS: &[&str] = &["devices", "status", "picture", "takes"];
const CHANGES: &[(&str, &str)] = &[
    ("open", "{}"),
    ("close", "{}"),
    ("start_take", r#"{ "request": {} }"#),
    ("finish_take", "{}"),
    ("cancel_take", "{}"),
    ("pause", "{}"),
    ("resume", "{}"),
    ("mute", r#"{ "muted": true }"#),
    ("take_audio", r#"{ "id": "20261123-012032-482" }"#),
    ("delete_take", r#"{ "id": "20261123-012032-482" }"#),
];

/// Whether the window's permissions refuse a call, which they do with a sentence.
fn is_refused(window: &tauri::WebviewWindow<MockRuntime>, command: &str, arguments: &str) -> bool {
    let arguments: Value = serde_json::from_str(arguments).expect("JSON");
    let refusal = answer(&send(window, &format!("plugin:hearken|{command}"), arguments)).err();
    refusal.is_some_and(|reason| reason.as_str().is_some_and(|reason| reason.contains("not allowed")))
}

#[test]
fn the_recorders_window_may_record_and_no_other_may_do_anything() {
    let recorder = Recorder::new();
    let (main, other) = (recorder.window("main"), recorder.window("other"));
    for command in LOOKS {
        assert!(!is_refused(&main, command, "{}"), "{command} in the recorder's window");
        assert!(is_refused(&other, command, "{}"), "{command} in another window");
    }
    for (command, arguments) in CHANGES {
        assert!(!is_refused(&main, command, arguments), "{command} in the recorder's window");
        assert!(is_refused(&other, command, arguments), "{command} in another window");
    }
    let reveal = |window| answer(&send(window, "reveal", json!({ "id": ".." }))).expect_err("no take");
    assert_eq!(reveal(&main)["kind"], "unknownTake");
    assert!(reveal(&other).as_str().is_some_and(|reason| reason.contains("not allowed")));
}

#[test]
fn the_default_set_looks_and_cannot_record() {
    let recorder = Recorder::new();
    let looker = CapabilityBuilder::new("looker").window("looker").permission("hearken:default");
    recorder.app.add_capability(looker).expect("the set is there");
    let window = recorder.window("looker");
    for command in LOOKS {
        assert!(!is_refused(&window, command, "{}"), "{command}");
    }
    for (command, arguments) in CHANGES {
        assert!(is_refused(&window, command, arguments), "{command}");
    }
    assert_eq!(call(&window, "status", json!({})).expect("it may look")["state"], "closed");
    assert!(recorder.files().is_empty(), "{:?}", recorder.files());
}

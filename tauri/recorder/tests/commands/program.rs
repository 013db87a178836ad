//! The take beside what the program `hearken record` writes.

use crate::support::{Recorder, call};
use hearken::Input;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tauri_plugin_hearken::HearkenExt;

/// Where the program is.
const PROGRAM: &str = "HEARKEN_PROGRAM";

/// Runs `hearken record` with these words.
fn record(words: &[&str], out: &Path) {
    let program = std::env::var_os(PROGRAM)
        .unwrap_or_else(|| panic!("{PROGRAM} names the program: `cargo xtask app-test` builds it"));
    let output =
        Command::new(program).arg("record").args(words).arg("--fast").arg(out).output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_take_is_byte_for_byte_the_file_of_hearken_record() {
    let folder = tempfile::tempdir().expect("a folder");
    let (sound, ought) = (folder.path().join("sound.wav"), folder.path().join("ought.wav"));
    record(
        &["--input", "synthetic:speech", "--seconds", "1.5", "--rate", "44100", "--channels", "all"],
        &sound,
    );
    record(&["--input", &format!("file:{}", sound.display())], &ought);

    let recorder = Recorder::of(Input::File(sound));
    let page = recorder.window("main");
    let id = call(&page, "start_take", json!({ "request": {} })).expect("it starts");
    // The end of the file is the end of the take, to the sample.
    let begun = Instant::now();
    let take = loop {
        let takes = call(&page, "takes", json!({})).expect("a list");
        if let Some(take) = takes.get(0) {
            break take.clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(10), "the take does not end with its file");
        sleep(Duration::from_millis(20));
    };
    assert_eq!((&take["id"], &take["gaps"]), (&id, &Value::Array(Vec::new())));
    let path = recorder.app.hearken().take_path(id.as_str().expect("an id")).expect("a path");
    let (is, ought) = (std::fs::read(path).expect("the take"), std::fs::read(ought).expect("the file"));
    assert!(ought.len() > 48_000, "{} bytes", ought.len());
    assert!(is == ought, "{} bytes differ from the program's {}", is.len(), ought.len());
}

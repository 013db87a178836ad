//! What the commands do, and what a hostile page cannot make them do.

use crate::support::{Recorder, answer, call, kind, send};
use hearken::wav::WavReader;
use hearken::{Capture, Config, FileFormat, FileTap, Input, Pace, Synthetic, Tap, WhenFull};
use serde_json::{Value, json};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tauri::ipc::InvokeResponseBody;
use tauri_plugin_hearken::HearkenExt;

fn samples(path: &Path) -> Vec<u8> {
    let mut reader = WavReader::open(path).expect("a WAV file");
    let (mut all, mut some) = (Vec::new(), Vec::new());
    while reader.read(&mut some, 1 << 16).expect("it can be read") > 0 {
        all.extend_from_slice(&some);
    }
    all
}

/// What `hearken record` writes of the made-up microphone.
fn reference(length: Duration) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("take.wav");
    let input = Input::Synthetic(Synthetic::Speech);
    let config = Config { input, pace: Pace::Fast, length: Some(length), ..Config::default() };
    let capture = Capture::new(config).expect("a capture");
    let file = FileTap::new(&path, Tap::new(), FileFormat::I16).sidecar(false).when_full(WhenFull::Wait);
    let file = capture.file(file).expect("a file");
    capture.start().expect("it starts");
    capture.wait().expect("it ends");
    file.finish().expect("it is written");
    samples(&path)
}

#[test]
fn a_take_is_what_the_program_writes_and_the_application_hears_it_too() {
    let recorder = Recorder::new();
    let page = recorder.window("main");
    let capture = recorder.app.hearken().capture().expect("a capture");
    let mut chunks = capture.receiver(Tap::new()).expect("a tap of the application's own");
    let id = call(&page, "start_take", json!({ "request": {} })).expect("it starts");
    let first = chunks.recv_timeout(Duration::from_secs(5)).expect("a chunk that never saw the page");
    assert_eq!(first.samples().len(), 2560);
    sleep(Duration::from_millis(800));
    let status = call(&page, "status", json!({})).expect("a status");
    assert_eq!((&status["state"], &status["take"]["id"]), (&json!("recording"), &id));
    let take = call(&page, "finish_take", json!({})).expect("it ends");
    let path = recorder.app.hearken().take_path(id.as_str().expect("an id")).expect("a path");
    let (is, ought) = (samples(&path), reference(Duration::from_secs(5)));
    assert!(is.len() > 16_000, "{} bytes", is.len());
    // The resampler's last 20 ms know of the end.
    let same = is.len() - 640;
    assert!(is[..same] == ought[..same], "the take differs from what the program writes");
    assert_eq!(take["frames"], is.len() / 2);
    assert_eq!((&take["rateHz"], &take["channels"]), (&json!(16_000), &json!(1)));
    assert_eq!(take["verdict"]["name"], "ok", "{take}");
    assert_eq!(call(&page, "takes", json!({})).expect("a list"), json!([take]));
    let audio = answer(&send(&page, "plugin:hearken|take_audio", json!({ "id": id }))).expect("audio");
    let InvokeResponseBody::Raw(audio) = audio else { panic!("audio is bytes") };
    assert_eq!(audio, std::fs::read(&path).expect("the file"));
    call(&page, "delete_take", json!({ "id": id })).expect("it goes");
    assert!(recorder.files().is_empty(), "{:?}", recorder.files());
}

#[test]
fn a_pause_is_left_out_and_a_cancelled_take_leaves_nothing() {
    let recorder = Recorder::new();
    let page = recorder.window("main");
    call(&page, "start_take", json!({ "request": {} })).expect("it starts");
    sleep(Duration::from_millis(300));
    assert_eq!(call(&page, "pause", json!({})).expect("it pauses")["state"], "paused");
    let before = call(&page, "status", json!({})).expect("a status")["take"]["elapsedMs"].clone();
    sleep(Duration::from_millis(300));
    let after = call(&page, "status", json!({})).expect("a status")["take"]["elapsedMs"].clone();
    assert_eq!(before, after, "time stands still");
    assert_eq!(call(&page, "resume", json!({})).expect("it goes on")["state"], "recording");
    sleep(Duration::from_millis(100));
    let take = call(&page, "finish_take", json!({})).expect("it ends");
    assert_eq!(take["gaps"][0]["cause"], "paused", "{take}");
    assert_eq!(take["verdict"]["name"], "ok", "a pause is nothing to complain of");
    let files = recorder.files();
    call(&page, "start_take", json!({ "request": {} })).expect("it starts");
    assert_eq!(recorder.files().len(), files.len() + 1);
    assert_eq!(call(&page, "cancel_take", json!({})).expect("it goes")["state"], "closed");
    assert_eq!(recorder.files(), files);
}

#[test]
fn a_held_device_shows_pictures_and_takes_begin_in_the_past() {
    let recorder = Recorder::new();
    let page = recorder.window("main");
    assert_eq!(call(&page, "open", json!({})).expect("it opens")["state"], "open");
    let mut sequences = Vec::new();
    for _ in 0..20 {
        let picture = answer(&send(&page, "plugin:hearken|picture", json!({}))).expect("a picture");
        let InvokeResponseBody::Raw(bytes) = picture else { panic!("a picture is bytes") };
        assert!(bytes.len() < 1024 && bytes[..2] == [1, 1], "{:?}", &bytes[..4]);
        sequences.push(bytes[24]);
        sleep(Duration::from_millis(40));
    }
    sequences.dedup();
    assert!(sequences.len() > 10, "pictures move: {sequences:?}");
    call(&page, "start_take", json!({ "request": { "preRollMs": 500 } })).expect("it starts");
    sleep(Duration::from_millis(200));
    let take = call(&page, "finish_take", json!({})).expect("it ends");
    let length = take["lengthMs"].as_u64().expect("a length");
    assert!((650..1500).contains(&length), "{length} ms of 500 + 200");
    assert_eq!(call(&page, "close", json!({})).expect("it closes")["state"], "closed");
    let long = call(&page, "start_take", json!({ "request": { "preRollMs": 60_000 } }));
    assert_eq!(kind(&long), "badArgument");
}

#[test]
fn a_hostile_page_is_refused_with_a_kind_and_the_recording_goes_on() {
    let recorder = Recorder::new();
    let page = recorder.window("main");
    assert_eq!(kind(&call(&page, "finish_take", json!({}))), "notRecording");
    let id = call(&page, "start_take", json!({ "request": {} })).expect("it starts");
    let during = recorder.files();
    assert_eq!(kind(&call(&page, "start_take", json!({ "request": {} }))), "alreadyRecording");
    assert_eq!(kind(&call(&page, "delete_take", json!({ "id": id }))), "busy");
    let hostile = ["..", "../../etc/passwd", "/etc/passwd", "20261123-012032-482", "", "C:\\take", "\0"];
    for id in hostile {
        for command in ["take_audio", "delete_take"] {
            assert_eq!(kind(&call(&page, command, json!({ "id": id }))), "unknownTake", "{command} {id:?}");
        }
    }
    for (command, arguments) in [
        ("start_take", json!({ "request": { "path": "/tmp/x.wav" } })),
        ("start_take", json!({ "request": { "preRollMs": -1 } })),
        ("start_take", json!({})),
        ("mute", json!({ "muted": "yes" })),
        ("no_such_command", json!({})),
        ("../status", json!({})),
    ] {
        let refused: Result<Value, Value> = call(&page, command, arguments);
        assert!(refused.is_err(), "{command} was taken");
    }
    // All at once; what is asked for while another call is served may be told so, and is answered.
    let begun = Instant::now();
    let calls: Vec<_> = (0..10_000)
        .map(|number| match number % 5 {
            0 => send(&page, "plugin:hearken|start_take", json!({ "request": {} })),
            1 => send(&page, "plugin:hearken|delete_take", json!({ "id": "../x" })),
            2 => send(&page, "plugin:hearken|picture", json!({})),
            3 => send(&page, "plugin:hearken|nothing", json!({})),
            _ => send(&page, "plugin:hearken|status", json!({})),
        })
        .collect();
    let refused = calls.iter().filter(|call| answer(call).is_err()).count();
    println!("10,000 calls in {:.1} s", begun.elapsed().as_secs_f64());
    assert_eq!(refused, 6_000);
    assert_eq!(recorder.files(), during, "nothing was written but the take");
    let take = call(&page, "finish_take", json!({})).expect("it ends");
    assert_eq!((&take["id"], &take["gaps"]), (&id, &json!([])), "nothing was lost");
    let path = recorder.app.hearken().take_path(id.as_str().expect("an id")).expect("a path");
    let (is, ought) = (samples(&path), reference(Duration::from_secs(30)));
    let same = is.len().min(ought.len()) - 640;
    assert!(is[..same] == ought[..same], "the recording was harmed");
}

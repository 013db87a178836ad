//! Several windows at once.

use crate::support::{Recorder, answer, call, send};
use serde_json::json;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};
use tauri::ipc::{CapabilityBuilder, InvokeResponseBody};
use tauri::test::MockRuntime;
use tauri::{Manager, WebviewWindow};

/// How long pictures are asked for.
const LENGTH: Duration = Duration::from_millis(1500);

/// The number of each picture that one window gets, as its page asks: one after the other.
fn pictures(window: &WebviewWindow<MockRuntime>) -> Vec<u64> {
    let begun = Instant::now();
    let mut numbers = Vec::new();
    while begun.elapsed() < LENGTH {
        let picture = answer(&send(window, "plugin:hearken|picture", json!({}))).expect("a picture");
        let InvokeResponseBody::Raw(bytes) = picture else { panic!("a picture is bytes") };
        numbers.push(u64::from_le_bytes(bytes[24..32].try_into().expect("8 bytes")));
        sleep(Duration::from_millis(33));
    }
    numbers
}

#[test]
fn each_of_several_windows_gets_every_picture_as_if_it_were_alone() {
    let recorder = Recorder::new();
    let labels = ["main", "second", "third"];
    for label in &labels[1..] {
        let looker = CapabilityBuilder::new(*label).window(*label).permission("hearken:default");
        recorder.app.add_capability(looker).expect("the set is there");
    }
    let windows = labels.map(|label| recorder.window(label));
    call(&windows[0], "start_take", json!({ "request": {} })).expect("it starts");
    let seen: Vec<Vec<u64>> = scope(|scope| {
        let asking: Vec<_> = windows.iter().map(|window| scope.spawn(|| pictures(window))).collect();
        asking.into_iter().map(|one| one.join().expect("pictures")).collect()
    });
    let take = call(&windows[0], "finish_take", json!({})).expect("it ends");
    assert_eq!(take["gaps"], json!([]), "the windows did harm");
    for (label, numbers) in labels.iter().zip(&seen) {
        assert!(numbers.is_sorted(), "{label}: an older picture after a newer one: {numbers:?}");
        let mut different = numbers.clone();
        different.dedup();
        // A machine that is busy answers less often; one window that takes another's would leave it a third.
        assert!(different.len() * 2 > numbers.len(), "{label} sees few of {} move", numbers.len());
        assert!(different.len() > 10, "{label} sees {} pictures", different.len());
    }
}

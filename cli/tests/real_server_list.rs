//! What a take tells of devices that come, with ALSA's real list.
#![cfg(target_os = "linux")]

mod support;

use serde_json::Value;
use std::fs;
use std::thread;
use std::time::Duration;
use support::microphone::Microphone;
use support::recording::Recording;
use support::server::PulseServer;

#[test]
fn a_device_that_comes_is_told_once_and_nothing_is_while_none_does() {
    let server = PulseServer::start(48_000, 1);
    let _speech = Microphone::of(&server).speak(vec![100; 20 * 48_000]);
    let client = server.client(env!("CARGO_BIN_EXE_hearken"));
    let recording = Recording::start(client, &server.scratch(), "--host alsa --seconds 12");
    thread::sleep(Duration::from_secs(5));
    let list = server.scratch().with_file_name("asound.conf");
    let extra = "pcm.extra { type pulse hint { show on description \"another\" } }\n";
    let longer = list.with_extension("longer");
    fs::write(&longer, fs::read_to_string(&list).expect("the list") + extra).expect("room");
    // At once, or a look may find half of it.
    fs::rename(longer, list).expect("the same folder");
    let take = recording.finish(12);
    let events = take.json["events"].as_array().expect("events");
    let changes: Vec<&Value> = events.iter().filter(|event| event["kind"] == "devices changed").collect();
    assert_eq!(changes.len(), 1, "{events:#?}");
    let at_ms = changes[0]["at_ms"].as_f64().expect("a time");
    // The system tells, so what is left is what the file took to write, and a busy machine.
    assert!((4_900.0..6_000.0).contains(&at_ms), "{at_ms}");
    assert!(!take.said.contains("ALSA"), "{}", take.said);
}

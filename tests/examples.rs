//! The examples do what they say: each runs on a synthetic microphone. Those of `dictation.rs` are beside it.
#![cfg(not(loom))]

#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/record_and_monitor.rs"]
mod record_and_monitor;

#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/push_to_talk.rs"]
mod push_to_talk;

#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/streaming.rs"]
mod streaming;

#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/voice_frames.rs"]
mod voice_frames;

#[cfg(feature = "async")]
#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/async_capture.rs"]
mod async_capture;

#[allow(dead_code, reason = "its main is for people")]
#[path = "../examples/dictation.rs"]
mod dictation;

use hearken::{Input, Synthetic};
use std::time::Duration;

const SPEECH: Input = Input::Synthetic(Synthetic::Speech);
const LENGTH: Duration = Duration::from_millis(800);

#[test]
fn streaming() {
    assert_eq!(streaming::run(SPEECH, LENGTH).unwrap(), 12_800);
}

#[test]
fn voice_frames() {
    let (frames, voiced) = voice_frames::run(SPEECH, LENGTH).unwrap();
    assert_eq!(frames, 25);
    assert!((5..=25).contains(&voiced), "{voiced} of 25 frames");
}

#[test]
fn push_to_talk() {
    let (cold, warm) = push_to_talk::run(SPEECH, Duration::from_millis(300)).unwrap();
    // 350 ms and what the opening has let through; warm, 400 ms more.
    assert!((3_000..16_000).contains(&cold), "{cold} samples cold");
    assert!((12_000 - 800..30_000).contains(&warm), "{warm} samples warm");
}

#[test]
fn record_and_monitor() {
    let folder = tempfile::tempdir().unwrap();
    let (frames, loudest) = record_and_monitor::record(SPEECH, LENGTH, &folder.path().join("a.wav")).unwrap();
    assert_eq!(frames, 12_800);
    assert!((-30.0..=0.0).contains(&loudest), "{loudest} dBFS");
}

#[cfg(feature = "async")]
#[test]
fn async_capture() {
    let chunks = async_capture::run(SPEECH, LENGTH).unwrap();
    assert!((5..20).contains(&chunks), "{chunks} chunks");
}

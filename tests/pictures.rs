//! What a user interface sees of a capture, on the public API, with a microphone that does what the test says.
#![cfg(not(loom))]

use hearken::testkit::{Mic, Signal, Stage};
use hearken::{Capture, Column, Config, Picture, SampleFormat, SoundVerdict, StreamFormat, Synthetic};
use std::time::Duration;

/// A sine of 440 Hz at -12 dBFS.
const TONE: Signal = Signal::Synthetic(Synthetic::Tone);

/// A stage on which a microphone of 16 kHz hears a sine, and a capture of it.
fn started() -> (Stage, Mic, Capture) {
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: 16_000, channels: 1, sample: SampleFormat::F32 });
    mic.signal(TONE);
    let capture =
        Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() }).unwrap();
    stage.start(&capture).unwrap();
    (stage, mic, capture)
}

/// Lets the stage run, 10 ms at a time, until `check` holds.
fn until(stage: &Stage, what: &str, mut check: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        stage.run(Duration::from_millis(10));
        if check() {
            return;
        }
    }
    panic!("not in 10 s: {what}");
}

#[test]
fn no_picture_is_made_while_nobody_looks() {
    let (stage, _, capture) = started();
    stage.run(Duration::from_secs(1));
    assert!(capture.stats().ledger.delivered > 10_000);
    // The first look finds nothing, as none was made before it.
    assert_eq!(capture.picture(), Picture::default());
    until(&stage, "a picture", || capture.picture().sequence > 2);
    // None of them shows what was played before the first look: a second of audio is 30 columns.
    assert!(capture.picture().columns.iter().filter(|column| column.has(Column::HEARD)).count() < 20);
    capture.stop().unwrap();
}

#[test]
fn a_picture_shows_what_is_played() {
    let (stage, _, capture) = started();
    let mut columns = 0;
    until(&stage, "two seconds of columns", || {
        let picture = capture.picture();
        columns = picture.columns.iter().filter(|column| column.has(Column::HEARD)).count();
        columns >= 60
    });
    let picture = capture.picture();
    assert_eq!((picture.rate_hz, picture.channels), (16_000, 1));
    assert!((picture.loudest().peak - 0.2512).abs() < 1e-3 && (picture.held[0] - 0.2512).abs() < 1e-3);
    assert!((picture.loudest().rms_dbfs() + 15.01).abs() < 0.1, "{:?}", picture.loudest());
    let newest = picture.columns[127];
    assert_eq!((newest.min, newest.max, newest.flags), (-8_231, 8_231, Column::HEARD));
    assert_eq!(picture.position, (picture.column + 1) * (16_000 / 30));
    // 440 Hz, in the band that it lies in by the bands' definition; -12 dBFS.
    let band = (64.0 * (440_f32 / 20.0).ln() / (8_000_f32 / 20.0).ln()) as usize;
    assert!((picture.spectrum[band] + 12.0).abs() < 0.5, "{:?}", picture.spectrum);
    assert_eq!(picture.to_bytes()[0], Picture::BYTES_VERSION);
    capture.stop().unwrap();
}

#[test]
fn a_dead_microphone_is_told_while_it_is_dead_and_a_muted_capture_is_muted() {
    let (stage, mic, capture) = started();
    let told = |name: &str, signal: Signal| {
        mic.signal(signal);
        until(&stage, name, || capture.picture().verdict.name() == name);
    };
    // In this order, as severity grows while it lasts.
    told("no_signal_yet", Signal::Silence);
    told("never_had_signal", Signal::Silence);
    told("ok", TONE);
    capture.mute(true);
    told("muted", Signal::Silence);
    capture.mute(false);
    told("ok", TONE);
    told("went_silent", Signal::Silence);
    assert!(matches!(capture.picture().verdict, SoundVerdict::WentSilent { returned: false, .. }));
    capture.stop().unwrap();
}

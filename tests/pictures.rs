//! What a user interface sees of a capture, on the public API, with a microphone that does what the test says.
#![cfg(not(loom))]

mod support;

use hearken::{Column, Picture, SampleFormat, SoundVerdict};
use support::{Mic, capture_from, eventually};

/// One callback of 10 ms at 16 kHz: a sine of half of full scale.
fn play(mic: &Mic) {
    let sample = |i: usize| 0.5 * (i as f32 * std::f32::consts::TAU / 16.0).sin();
    let mut bytes: Vec<u8> = (0..160).flat_map(|i| sample(i).to_ne_bytes()).collect();
    mic.callback(&mut bytes, |call| call());
}

#[test]
fn no_picture_is_made_while_nobody_looks() {
    let mic = Mic::new(16_000, 1, SampleFormat::F32);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    for _ in 0..100 {
        play(&mic);
    }
    eventually("all is drained", || capture.stats().ledger.delivered > 15_000);
    // The first look finds nothing, as none was made before it.
    assert_eq!(capture.picture(), Picture::default());
    eventually("a picture", || {
        play(&mic);
        capture.picture().sequence > 2
    });
    // None of them shows what was played before the first look: a second of audio is 30 columns.
    assert!(capture.picture().columns.iter().filter(|column| column.has(Column::HEARD)).count() < 20);
    capture.stop().unwrap();
}

#[test]
fn a_picture_shows_what_is_played() {
    let mic = Mic::new(16_000, 1, SampleFormat::F32);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    let mut columns = 0;
    eventually("two seconds of columns", || {
        play(&mic);
        let picture = capture.picture();
        columns = picture.columns.iter().filter(|column| column.has(Column::HEARD)).count();
        columns >= 60
    });
    let picture = capture.picture();
    assert_eq!((picture.rate_hz, picture.channels), (16_000, 1));
    assert!((picture.loudest().peak - 0.5).abs() < 1e-3 && (picture.held[0] - 0.5).abs() < 1e-3);
    assert!((picture.loudest().rms_dbfs() + 9.03).abs() < 0.1, "{:?}", picture.loudest());
    let newest = picture.columns[127];
    assert_eq!((newest.min, newest.max, newest.flags), (-16_384, 16_384, Column::HEARD));
    assert_eq!(picture.position, (picture.column + 1) * (16_000 / 30));
    // 1 kHz, in the band that it lies in by the bands' definition; -6.02 dBFS.
    let band = (64.0 * (1_000_f32 / 20.0).ln() / (8_000_f32 / 20.0).ln()) as usize;
    assert!((picture.spectrum[band] + 6.02).abs() < 0.5, "{:?}", picture.spectrum);
    assert_eq!(picture.to_bytes()[0], Picture::BYTES_VERSION);
    capture.stop().unwrap();
}

#[test]
fn a_dead_microphone_is_told_while_it_is_dead_and_a_muted_capture_is_muted() {
    let mic = Mic::new(16_000, 1, SampleFormat::F32);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    let told = |name: &str, play: &dyn Fn()| {
        eventually(name, || {
            play();
            capture.picture().verdict.name() == name
        });
    };
    let silence = || mic.callback(&mut [0; 4 * 160], |call| call());
    // In this order, as severity grows while it lasts.
    told("no_signal_yet", &silence);
    told("never_had_signal", &silence);
    told("ok", &|| play(&mic));
    capture.mute(true);
    told("muted", &silence);
    capture.mute(false);
    told("ok", &|| play(&mic));
    told("went_silent", &silence);
    assert!(matches!(capture.picture().verdict, SoundVerdict::WentSilent { returned: false, .. }));
    capture.stop().unwrap();
}

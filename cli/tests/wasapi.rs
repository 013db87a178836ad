//! The program for Windows, under Wine, on a real audio server: cpal's WASAPI host captures what Linux's PulseAudio hears.
//!
//! `cargo xtask windows` builds that program, says where it and Wine are, and asks for these tests.
#![cfg(target_os = "linux")]

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::microphone::Microphone;
use support::recording::{Recording, Take};
use support::server::PulseServer;
use support::{signal, wait_for};

/// Wine's shared mode mixes at this rate, in two channels of f32.
const RATE: u32 = 48_000;
/// What was spoken until a moment and is not there yet.
const ON_ITS_WAY: u32 = RATE;

/// The program for Windows, as a client of `server`.
fn program(server: &PulseServer) -> Command {
    let [wine, program] = ["HEARKEN_WINE", "HEARKEN_WINDOWS"]
        .map(|name| std::env::var(name).expect("`cargo xtask windows` says where it is"));
    let mut command = server.client(&wine);
    command.arg(program);
    command
}

fn record(server: &PulseServer, arguments: &str) -> Recording {
    Recording::start(program(server), &server.scratch(), &format!("--native {arguments}"))
}

/// `seconds` of both channels, of full scale and no zero at either end.
fn noise(seconds: f64, seed: u64) -> Vec<i16> {
    signal::white_noise((seconds * f64::from(RATE)) as usize * 2, seed)
}

fn silence(seconds: u32) -> Vec<i16> {
    vec![0; (seconds * RATE * 2) as usize]
}

/// The take's samples, as the server's 16 bits: others would be no integers.
fn samples(take: &Take) -> Vec<i16> {
    assert_eq!(take.json["input"]["host"], "wasapi", "{:#}", take.json);
    let mut wav = hound::WavReader::open(&take.wav).expect("a WAV file");
    let whole = |sample: f32| {
        let scaled = sample * 32_768.0;
        assert_eq!(scaled, scaled.round(), "a sample is no step of 16 bits");
        scaled as i16
    };
    wav.samples::<f32>().map(|sample| whole(sample.expect("a sample"))).collect()
}

/// So much of noise is somewhere once, or nowhere.
const MARK: usize = 32;
/// So much is given up at once of what is not there: 10 ms of both channels.
const PIECE: usize = 960;

/// Where `clip` begins in `recorded`, and how many of its samples are there, in order: what a busy server puts in between
/// is its own.
fn find(recorded: &[i16], clip: &[i16]) -> (usize, usize) {
    let (mut start, mut from, mut at, mut held) = (None, 0, 0, 0);
    while at + MARK <= clip.len() {
        let mark = &clip[at..at + MARK];
        let Some(place) = recorded[from..].windows(MARK).position(|window| window == mark) else {
            at += PIECE;
            continue;
        };
        from += place;
        start = start.or(Some(from));
        let same =
            recorded[from..].iter().zip(&clip[at..]).take_while(|(there, spoken)| there == spoken).count();
        (from, at, held) = (from + same, at + same, held + same);
    }
    (start.expect("the clip is not in the recording"), held)
}

fn list<'a>(take: &'a Take, name: &str) -> &'a Vec<Value> {
    take.json[name].as_array().unwrap_or_else(|| panic!("no {name} in {:#}", take.json))
}

/// That the books balance and the file is as long as audio and gaps are.
fn assert_account(take: &Take) {
    take.assert_whole();
    let away: u64 = list(take, "gaps").iter().filter_map(|gap| gap["frames"].as_u64()).sum();
    assert_eq!(take.count("/output/frames"), take.count("/ledger/captured") + away, "{:#}", take.json);
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn a_native_take_is_exact_from_the_first_frame() {
    let server = PulseServer::start(RATE, 2);
    let recording = record(&server, "--seconds 5");
    let clip = noise(2.0, 1);
    let speech = Microphone::of(&server).speak([&clip[..], &silence(8)].concat());
    let take = recording.finish(5);
    drop(speech);
    assert_account(&take);
    assert_eq!(list(&take, "gaps").len(), 0, "{:#}", take.json);
    let recorded = samples(&take);
    let (start, length) = find(&recorded, &clip);
    assert_eq!(length, clip.len(), "the clip is broken");
    assert!(recorded[..start].iter().chain(&recorded[start + length..]).all(|sample| *sample == 0));
    println!("{} callbacks, {} samples exact", take.count("/callback/count"), clip.len());
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn silence_is_recorded_as_silence_and_told() {
    let server = PulseServer::start(RATE, 2);
    let recording = record(&server, "--seconds 4");
    let _speech = Microphone::of(&server).speak(silence(9));
    let take = recording.finish(4);
    assert_account(&take);
    assert_eq!((list(&take, "gaps").len(), list(&take, "epochs").len()), (0, 1), "{:#}", take.json);
    let recorded = samples(&take);
    assert!(recorded.len() as u32 > 2 * RATE && recorded.iter().all(|sample| *sample == 0));
    let told = |event: &Value| event["kind"] == "verdict";
    assert!(list(&take, "events").iter().any(told), "nobody is told: {:#}", take.json);
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn a_source_that_goes_and_comes_back_is_one_hole_in_the_take() {
    let server = PulseServer::start(RATE, 2);
    let recording = record(&server, "--seconds 9");
    let (before, after) = (noise(9.0, 3), noise(1.5, 5));
    let speech = Microphone::of(&server).speak(before.clone());
    sleep(Duration::from_secs(2));
    server.pactl("unload-module module-null-sink");
    server.pactl("unload-module module-pipe-source");
    drop(speech);
    sleep(Duration::from_millis(1_000));
    server.pactl(&format!(
        "load-module module-pipe-source source_name=mic file={} format=s16le rate={RATE} channels=2",
        server.fifo_path().display()
    ));
    server.wait_for_recorder();
    // It is there before it is started, and until then the source throws away what it reads.
    sleep(Duration::from_millis(500));
    let _speech = Microphone::of(&server).speak([&silence(1)[..], &after, &silence(9)].concat());
    let take = recording.finish(9);
    assert_account(&take);
    let (epochs, gaps) = (list(&take, "epochs"), list(&take, "gaps"));
    println!("gaps {gaps:?}");
    assert!(epochs.len() >= 2 && gaps.len() == epochs.len() - 1, "{:#}", take.json);
    let recorded = samples(&take);
    let (_, length) = find(&recorded, &before);
    assert!(length >= (2 * RATE - ON_ITS_WAY) as usize * 2, "only {length} samples of what was said before");
    let (at, length) = find(&recorded, &after);
    assert_eq!(length, after.len(), "what was said after is broken");
    assert!(at as u64 / 2 > gaps[0]["position"].as_u64().expect("a position"));
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn another_default_is_heard_in_the_same_take() {
    let server = PulseServer::start(RATE, 2);
    let recording = record(&server, "--seconds 7");
    let (before, after) = (noise(9.0, 7), noise(1.5, 9));
    let speech = Microphone::of(&server).speak(before.clone());
    sleep(Duration::from_millis(1_500));
    let other = server.scratch().join("other.fifo");
    server.pactl(&format!(
        "load-module module-pipe-source source_name=other file={} format=s16le rate={RATE} channels=2",
        other.display()
    ));
    server.pactl("set-default-source other");
    sleep(Duration::from_millis(300));
    drop(speech);
    let microphone = Microphone::of(&server).into(other);
    let _speech = microphone.speak([&silence(1)[..], &after, &silence(9)].concat());
    let take = recording.finish(7);
    assert_account(&take);
    let recorded = samples(&take);
    let (_, length) = find(&recorded, &before);
    assert!(length >= (RATE / 2) as usize * 2, "only {length} samples of what was said before");
    let (_, length) = find(&recorded, &after);
    assert_eq!(length, after.len(), "what was said after is broken");
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn what_an_output_plays_is_captured_from_its_monitor() {
    let server = PulseServer::start(RATE, 2);
    let devices =
        program(&server).args(["devices", "--json"]).stderr(Stdio::null()).output().expect("it runs");
    let devices: Value = serde_json::from_slice(&devices.stdout).expect("JSON");
    let all = devices.as_array().expect("a list");
    let monitor =
        all.iter().find(|device| device["name"].as_str().is_some_and(|name| name.contains("Monitor")));
    let monitor = monitor.unwrap_or_else(|| panic!("no monitor in {devices:#}"));
    let recording =
        record(&server, &format!("--seconds 5 --input {}", monitor["id"].as_str().expect("an id")));
    let clip = noise(1.5, 11);
    let raw = server.scratch().join("played.raw");
    let bytes: Vec<u8> = clip.iter().chain(&silence(1)).flat_map(|sample| sample.to_le_bytes()).collect();
    std::fs::write(&raw, bytes).expect("room");
    let format = ["--raw", "--format=s16le", "--rate=48000", "--channels=2", "--device=spk"];
    let mut player = server.client("pacat").args(format).arg(&raw).spawn().expect("pacat must be installed");
    let take = recording.finish(5);
    let _ = player.kill();
    let _ = player.wait();
    assert_account(&take);
    let (_, length) = find(&samples(&take), &clip);
    assert_eq!(length, clip.len(), "what was played is broken");
}

#[test]
#[ignore = "needs the program for Windows: `cargo xtask windows`"]
fn a_take_that_is_killed_is_valid_and_holds_what_was_said_before() {
    let server = PulseServer::start(RATE, 2);
    let recording = record(&server, "--sidecar");
    let clip = noise(4.0, 13);
    let since = Instant::now();
    let _speech = Microphone::of(&server).speak([&clip[..], &silence(60)].concat());
    let wav = server.scratch().join("take.wav");
    // Until what was said is claimed: the file is read as anybody would who looks while it is written.
    let claimed = || {
        let reader = hound::WavReader::open(&wav).expect("valid at every moment");
        (reader.duration() > 5 * RATE).then_some(reader.duration())
    };
    let frames = wait_for(Duration::from_secs(60), claimed).expect("it is never claimed");
    println!("{frames} frames are claimed after {:?}; the program is killed", since.elapsed());
    drop(recording);
    let reader = hound::WavReader::open(&wav).expect("a WAV file");
    assert!(reader.duration() >= frames);
    let recorded: Vec<i16> =
        reader.into_samples::<f32>().map(|sample| (sample.expect("a sample") * 32_768.0) as i16).collect();
    let (_, length) = find(&recorded, &clip);
    assert_eq!(length, clip.len(), "what was said is broken");
    let account = std::fs::read_to_string(server.scratch().join("take.wav.json")).expect("the account");
    let account: Value = serde_json::from_str(&account).expect("JSON");
    assert_eq!((&account["schema"], &account["state"]), (&"hearken.file/1".into(), &"writing".into()));
}

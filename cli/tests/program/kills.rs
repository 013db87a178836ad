//! What a kill at any moment leaves, and how it is repaired.

use crate::run::{LIMIT, Place, ended, frames, wav};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

const KILLS: u32 = 200;
const AT_A_TIME: u32 = 10;

/// Numbers that look random, the same at every run.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

/// What it says first, and when: from then on it records.
///
/// # Panics
/// If it says nothing within the limit; it is ended then.
fn first_line(child: &mut Child) -> (String, Instant) {
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let (send, said) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = stderr.read_line(&mut line).map(|_| (line, Instant::now()));
        // The pipe stays open for as long as the program may say something.
        let _ = send.send((read, stderr));
    });
    let Ok((read, stderr)) = said.recv_timeout(LIMIT) else {
        let _ = child.kill();
        panic!("it said nothing within {LIMIT:?}");
    };
    child.stderr = Some(stderr.into_inner());
    read.expect("a line")
}

/// For how many seconds a take was alive that was killed, and how many are missing from its file.
fn killed(place: &Place, n: u32, life: Duration) -> (f64, f64) {
    let (args, rate_hz) = [
        ("", 16_000),
        ("--format i24 --sidecar", 16_000),
        ("--format f32 --rate 48000 --channels all --durable", 48_000),
        ("--native", 48_000),
    ][n as usize % 4];
    let name = format!("{n}.wav");
    let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
    command.args(["record", &name, "--input", "synthetic:noise"]).args(args.split_whitespace());
    let path = place.path(&name);
    let (alive, held) = lives(command, &path, life);
    // It begins with the first chunk.
    let sidecar = format!("{name}.json");
    if args.contains("--sidecar") && (place.path(&sidecar).exists() || held > 0.0) {
        let account: Value = serde_json::from_slice(&place.read(&sidecar)).expect("JSON");
        assert_eq!((&account["schema"], &account["state"]), (&"hearken.file/1".into(), &"writing".into()));
    }
    // What no header claims yet is there all the same.
    let found: Value = place.hearken(&format!("recover {name} --json")).json();
    let repaired = found["frames"].as_f64().expect("a count") / f64::from(rate_hz);
    assert!(repaired >= held && repaired == frames(&path) as f64 / f64::from(rate_hz), "{found}");
    (alive, alive - held)
}

/// Lets the program record for so long and kills it: the seconds since it said that it records, and those in its file.
fn lives(mut command: Command, path: &Path, life: Duration) -> (f64, f64) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program");
    let (line, since) = first_line(&mut child);
    thread::sleep(life);
    let alive = since.elapsed();
    child.kill().expect("it runs");
    assert!(ended(&mut child).is_some(), "it outlives its end");
    assert!(line.starts_with("recording from"), "{line}");
    // Valid to somebody else's reader to the last sample.
    let mut reader = hound::WavReader::open(path).expect("a WAV");
    if reader.spec().sample_format == hound::SampleFormat::Float {
        assert!(reader.samples::<f32>().all(|sample| sample.is_ok()));
    } else {
        assert!(reader.samples::<i32>().all(|sample| sample.is_ok()));
    }
    (alive.as_secs_f64(), frames(path) as f64 / f64::from(reader.spec().sample_rate))
}

#[test]
fn a_take_that_is_killed_at_any_moment_is_valid_and_misses_less_than_a_second() {
    let (place, since) = (&Place::new(), Instant::now());
    let kills: Vec<(f64, f64)> = thread::scope(|scope| {
        let lanes: Vec<_> = (0..AT_A_TIME)
            .map(|lane| {
                scope.spawn(move || {
                    let mut state = u64::from(lane);
                    let kill = |n| {
                        let life = random(&mut state, 2_000);
                        killed(place, lane + n * AT_A_TIME, Duration::from_millis(life))
                    };
                    (0..KILLS / AT_A_TIME).map(kill).collect::<Vec<_>>()
                })
            })
            .collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a valid file")).collect()
    });
    let most = kills.iter().map(|(_, missing)| *missing).fold(0.0, f64::max);
    // The machine may keep one or another waiting; most of those that lived for long have much that can be missing.
    let mut long: Vec<f64> =
        kills.iter().filter(|(alive, _)| *alive >= 1.2).map(|(_, missing)| *missing).collect();
    long.sort_by(f64::total_cmp);
    let median = long.get(long.len() / 2).expect("lives of more than 1.2 s");
    // Wine keeps processes waiting for seconds on a busy machine: there the median alone is judged.
    assert!(cfg!(windows) || most <= 1.0, "{most} s are missing");
    println!(
        "{KILLS} kills in {:?}: {most:.3} s missing at most, {median:.3} s in the median",
        since.elapsed()
    );
    assert!(kills.len() == KILLS as usize && *median < 1.0, "{median} s are missing");
}

/// Where losses take seconds to be known, and a file does not wait for them.
#[cfg(target_os = "linux")]
#[test]
fn a_take_from_a_sound_server_that_is_killed_at_any_moment_misses_less_than_a_second_as_well() {
    use crate::support::{microphone::Microphone, server::PulseServer, signal};
    const LIVES: usize = 24;
    const SIDE_BY_SIDE: usize = 4;
    let server = PulseServer::start(48_000, 1);
    let noise = signal::white_noise(60 * 48_000, 3);
    let _speech = Microphone::of(&server).speak(noise);
    let mut state = 7;
    let lengths: Vec<u64> = (0..LIVES).map(|_| 1_500 + random(&mut state, 2_500)).collect();
    let mut missing: Vec<f64> = lengths
        .chunks(SIDE_BY_SIDE)
        .flat_map(|lengths| {
            thread::scope(|scope| {
                let lane = |(lane, life): (usize, &u64)| {
                    let path = server.scratch().join(format!("{lane}.wav"));
                    let mut command = server.client(env!("CARGO_BIN_EXE_hearken"));
                    command.args(["record", "--host", "pulseaudio"]).arg(&path);
                    command.args([&[][..], &["--native"]][lane % 2]);
                    let life = Duration::from_millis(*life);
                    scope.spawn(move || {
                        let (alive, held) = lives(command, &path, life);
                        assert!(held > 0.0, "nothing of {alive} s");
                        alive - held
                    })
                };
                let lanes: Vec<_> = lengths.iter().enumerate().map(lane).collect();
                lanes.into_iter().map(|lane| lane.join().expect("a valid file")).collect::<Vec<_>>()
            })
        })
        .collect();
    missing.sort_by(f64::total_cmp);
    let [median, most] = [LIVES / 2, LIVES - 1].map(|place| missing[place]);
    println!("{LIVES} kills behind a server: {most:.3} s missing at most, {median:.3} s in the median");
    // A busy machine may keep the server waiting, which has not delivered then: nine in ten.
    assert!(missing[LIVES * 9 / 10] <= 1.0 && median < 1.0, "{missing:.3?}");
}

#[test]
fn a_cut_file_is_repaired_in_place_or_as_a_copy_and_a_sound_one_is_left_alone() {
    let place = Place::new();
    let whole = wav(1, 16, 1, 16_000, &[1; 2 * 1_000]);
    let cut = [&whole[..], &[2; 2 * 600 + 1]].concat();
    place.write("cut.wav", &cut);
    let said = place.hearken("recover cut.wav --output copy.wav");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let expected = "repaired copy.wav: 0.100 s, 1600 frames (16000 Hz, 1 ch, i16); it said 0.062 s, 1000 frames\n\
                    left at the end, unseen: 1 byte that is no whole frame\n";
    assert_eq!(said.stdout, expected);
    assert!(place.read("cut.wav") == cut, "the original is as it was");
    assert_eq!(frames(&place.path("copy.wav")), 1_600);

    let said = place.hearken("recover cut.wav --json");
    let mut account = said.json();
    assert_eq!(account["schema"].take(), "hearken.recover/1");
    let figures = ["frames", "claimed_frames", "changed", "left_over_bytes"].map(|key| account[key].take());
    assert_eq!(Value::from(figures.to_vec()), serde_json::json!([1_600, 1_000, true, 1]));
    assert!(place.read("cut.wav") == place.read("copy.wav"));
    let said = place.hearken("recover cut.wav");
    assert!(
        said.stdout.contains("is sound") && said.stdout.contains("nothing was changed"),
        "{}",
        said.stdout
    );
    assert!(place.read("cut.wav") == place.read("copy.wav"));
}

#[test]
fn what_is_no_wav_is_refused_and_left_alone() {
    let place = Place::new();
    let whole = wav(1, 16, 1, 16_000, &[1; 200]);
    place.write("text.wav", b"a letter, and a long one, to whom it may concern");
    place.write("header.wav", &whole[..30]);
    place.write("there.wav", b"mine");
    place.write("whole.wav", &whole);
    for (args, said, code) in [
        ("text.wav", "not a WAV file", 1),
        ("text.wav --output new.wav", "text.wav", 1),
        ("header.wav", "header is cut off", 1),
        ("missing.wav", "missing.wav", 1),
        (".", "no regular file", 1),
        ("whole.wav --output there.wav", "there.wav", 1),
        ("", "FILE", 2),
    ] {
        let run = place.hearken(&format!("recover {args}"));
        assert_eq!(run.code, Some(code), "{args}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{args}: {}", run.stderr);
        assert!(!place.path("new.wav").exists(), "{args}");
    }
    assert_eq!(place.read("text.wav"), b"a letter, and a long one, to whom it may concern");
    assert!(place.read("header.wav") == whole[..30] && place.read("there.wav") == b"mine");
}

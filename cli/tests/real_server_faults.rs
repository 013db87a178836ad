//! The program on a real audio server that fails under it: what the take holds, and what it says about that.
#![cfg(target_os = "linux")]

mod support;

use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};
use support::microphone::Microphone;
use support::recording::{Recording, Take};
use support::server::PulseServer;
use support::signal;

const RATE: u32 = 48_000;
/// What is recorded holds at least so much of what was spoken until a moment: the rest was on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(500);
/// How long it takes until a loss is known behind a server, and how much of it a file waits for.
const KNOWN: Duration = Duration::from_millis(2_500);
const HELD_BACK: Duration = Duration::from_millis(500);

fn record(server: &PulseServer, arguments: &str) -> Recording {
    let client = server.client(env!("CARGO_BIN_EXE_hearken"));
    let arguments = format!(
        "--host alsa --native --device-rate {RATE} --device-channels 1 --device-format i16 {arguments}"
    );
    Recording::start(client, &server.scratch(), &arguments)
}

/// `seed` is odd: an even one says the same as the next.
fn noise(seconds: f64, seed: u64) -> Vec<i16> {
    signal::white_noise((seconds * f64::from(RATE)) as usize, seed)
}

fn frames(time: Duration) -> usize {
    (time.as_secs_f64() * f64::from(RATE)) as usize
}

fn ms(frames: u64) -> f64 {
    frames as f64 * 1e3 / f64::from(RATE)
}

fn samples(take: &Take) -> Vec<i16> {
    let mut wav = hound::WavReader::open(&take.wav).expect("a WAV file");
    wav.samples().map(|sample| sample.expect("a sample")).collect()
}

/// Where `clip` begins in `recorded`, and how much of it follows there bit for bit.
fn find(recorded: &[i16], clip: &[i16]) -> Option<(usize, usize)> {
    // So many samples of noise are somewhere once, or nowhere.
    let start = recorded.windows(32).position(|window| window == &clip[..32])?;
    let same = recorded[start..].iter().zip(clip).take_while(|(recorded, spoken)| recorded == spoken).count();
    Some((start, same))
}

fn list<'a>(take: &'a Take, name: &str) -> &'a Vec<Value> {
    take.json[name].as_array().unwrap_or_else(|| panic!("no {name} in {:#}", take.json))
}

/// The kinds of the events, in order; attempts that failed are left out, since their number is chance.
fn kinds(take: &Take) -> Vec<&str> {
    let kinds = list(take, "events").iter().filter_map(|event| event["kind"].as_str());
    // What the sound is like is another matter; so is what looked lost for a while on a busy machine: losses are gaps.
    kinds.filter(|kind| !["cannot open", "first signal", "verdict", "lost"].contains(kind)).collect()
}

/// When the `nth` event of `kind` was noticed, in milliseconds.
fn when(take: &Take, kind: &str) -> f64 {
    let event = list(take, "events").iter().find(|event| event["kind"] == kind);
    event.and_then(|event| event["at_ms"].as_f64()).unwrap_or_else(|| panic!("no {kind} in {:#}", take.json))
}

/// That all epochs together are the whole, and the file is as long as audio and gaps are.
fn assert_account(take: &Take) {
    take.assert_whole();
    let epochs = list(take, "epochs");
    let captured: u64 = epochs.iter().filter_map(|epoch| epoch["ledger"]["captured"].as_u64()).sum();
    assert_eq!(captured, take.count("/ledger/captured"), "{:#}", take.json);
    let away: u64 = list(take, "gaps").iter().filter_map(|gap| gap["frames"].as_u64()).sum();
    assert_eq!(take.count("/output/frames"), captured + away, "{:#}", take.json);
}

#[test]
fn a_server_that_crashes_and_comes_back_costs_the_take_little_more_than_its_absence() {
    let mut server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 7 --report take.html");
    let (before, after) = (noise(6.0, 1), noise(1.5, 3));
    let speech = Microphone::of(&server).speak(before.clone());
    let spoken = Instant::now();
    sleep(Duration::from_secs(2));
    let said = spoken.elapsed();
    server.kill();
    let killed = Instant::now();
    sleep(Duration::from_millis(700));
    server.restart();
    let down = killed.elapsed();
    drop(speech);
    server.wait_for_recorder();
    let between = spoken.elapsed();
    let _speech = Microphone::of(&server).speak([&after[..], &vec![0; 5 * RATE as usize]].concat());
    let take = recording.finish(7);

    assert_account(&take);
    let (epochs, gaps) = (list(&take, "epochs"), list(&take, "gaps"));
    assert_eq!((epochs.len(), gaps.len()), (2, 1), "{:#}", take.json);
    assert_eq!((&epochs[0]["ended"], &epochs[0]["error"]), (&"device failed".into(), &"device lost".into()));
    assert!(epochs[1]["ended"].is_null() && epochs[1]["error"].is_null(), "{:#}", take.json);
    assert_eq!((&gaps[0]["cause"], &gaps[0]["error"]), (&"device failed".into(), &"device lost".into()));
    let expected = ["opened", "first callback", "closed", "reopened", "gap", "first callback", "stopped"];
    let mut told = kinds(&take);
    told.retain(|kind| *kind != "stalled" && *kind != "resumed");
    assert_eq!(told.iter().filter(|kind| **kind == "reopened").count(), 1, "{told:?}");
    assert!(expected.iter().all(|kind| told.contains(kind)), "{told:?}");

    let recorded = samples(&take);
    let (first, length) = find(&recorded, &before).expect("what was said before");
    assert!(length >= frames(said.saturating_sub(ON_ITS_WAY)), "only {length} frames of {said:?}");
    let hole = gaps[0]["position"].as_u64().expect("a position") as usize;
    let hole_frames = gaps[0]["frames"].as_u64().expect("a length");
    assert!(recorded[hole..hole + hole_frames as usize].iter().all(|sample| *sample == 0));
    assert!(recorded[first + length..hole].iter().all(|sample| *sample == 0), "something else follows");
    let (second, length) = find(&recorded, &after).expect("what was said after");
    assert_eq!(length, after.len(), "what was said after is broken");
    assert!(second >= hole + hole_frames as usize);
    // The file's time is the world's: both clips are as far apart in it as they were said.
    let off = (second - first) as f64 * 1e3 / f64::from(RATE) - between.as_secs_f64() * 1e3;
    println!("the second clip is {off:+.0} ms from where it was said");
    assert!(off.abs() < 200.0, "{:#}", take.json);

    let page = std::fs::read_to_string(server.scratch().join("take.html")).expect("the page");
    // In the waveform and in the levels.
    assert_eq!(page.matches("class=\"hole\"").count(), 2, "{page}");
    assert_eq!(page.matches("class=\"mark\"").count(), 2, "{page}");
    assert!(page.contains("device failed (device lost)"), "{page}");
    let open = when(&take, "opened");
    let beyond = ms(hole_frames) - down.as_secs_f64() * 1e3 - open;
    println!(
        "server away for {:.0} ms, an open takes {open:.0} ms, hole {:.0} ms: {beyond:.0} ms beyond both; \
         noticed after {:.0} ms",
        down.as_secs_f64() * 1e3,
        ms(hole_frames),
        when(&take, "closed") - epochs[0]["started_at_ms"].as_f64().unwrap_or(0.0) - ms(hole as u64),
    );
    assert!(beyond <= 1000.0, "{:#}", take.json);
}

#[test]
fn a_server_that_stands_still_is_waited_for_and_nothing_is_lost() {
    let mut server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 7");
    let clip = noise(4.0, 5);
    let _speech = Microphone::of(&server).speak([&clip[..], &vec![0; 6 * RATE as usize]].concat());
    sleep(Duration::from_millis(1500));
    server.signal(Signal::SIGSTOP);
    sleep(Duration::from_millis(1500));
    server.signal(Signal::SIGCONT);
    let take = recording.finish(7);

    println!("{:?}", kinds(&take));
    assert_account(&take);
    assert_eq!(list(&take, "epochs").len(), 1, "{:#}", take.json);
    assert_eq!(list(&take, "gaps").len(), 0, "{:#}", take.json);
    let expected = ["opened", "first callback", "stalled", "resumed", "stopped"];
    assert_eq!(kinds(&take), expected, "{:#}", take.json);
    let (_, length) = find(&samples(&take), &clip).expect("the clip");
    assert_eq!(length, clip.len(), "the clip is broken");
}

#[test]
fn a_microphone_that_stands_still_is_waited_for_and_nothing_is_lost() {
    let server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 6");
    let clip = noise(2.5, 7);
    let microphone = Microphone::of(&server).stall(48_000, Duration::from_millis(700));
    let _speech = microphone.speak([&clip[..], &vec![0; 6 * RATE as usize]].concat());
    let take = recording.finish(6);

    println!("{:?}", kinds(&take));
    assert_account(&take);
    assert_eq!((list(&take, "epochs").len(), list(&take, "gaps").len()), (1, 0), "{:#}", take.json);
    let (_, length) = find(&samples(&take), &clip).expect("the clip");
    assert_eq!(length, clip.len(), "the clip is broken");
    assert!(kinds(&take).ends_with(&["stalled", "resumed", "stopped"]), "{:#}", take.json);
}

/// Nothing queues anywhere: what a source did not capture is gone, whatever the server's stamps say.
#[test]
fn a_microphone_that_stands_still_and_does_not_catch_up_is_a_hole_as_long_where_it_was_found() {
    let server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 10");
    let clip = noise(7.0, 17);
    let still = 4 * u64::from(RATE);
    let microphone = Microphone::of(&server).stall(still, Duration::from_millis(700));
    let _speech = microphone.speak([&clip[..], &vec![0; 6 * RATE as usize]].concat());
    let take = recording.finish(10);

    let gaps = list(&take, "gaps");
    println!("{:?}, gaps {gaps:?}", kinds(&take));
    assert_account(&take);
    assert_eq!((list(&take, "epochs").len(), gaps.len()), (1, 1), "{:#}", take.json);
    let figure = |name: &str| gaps[0][name].as_u64().expect("a figure");
    let missing = 7 * u64::from(RATE) / 10;
    assert_eq!(gaps[0]["cause"], "lost");
    // The microphone's own sleep is off by a little.
    let most = figure("error_frames") + u64::from(RATE) / 100;
    assert!(figure("frames").abs_diff(missing) <= most, "{:#}", take.json);
    assert_eq!(take.json["ledger"]["clock_agrees"], true, "{:#}", take.json);
    // All of the clip is there, with the hole behind what the file had heard when it was known; what happened when is in the
    // account of losses.
    let recorded = samples(&take);
    let (start, before) = find(&recorded, &clip).expect("what was said before");
    let found = still as usize..still as usize + frames(ON_ITS_WAY) + frames(KNOWN) - frames(HELD_BACK);
    assert!(found.contains(&(before + frames(ON_ITS_WAY))), "the hole is {before} frames behind the start");
    let (behind, rest) = find(&recorded, &clip[before..]).expect("what was said behind it");
    assert_eq!(
        (behind - start - before, rest),
        (figure("frames") as usize, clip.len() - before),
        "{:#}",
        take.json
    );
}

/// Two clips, the second said after something was done to the server in the middle of a take.
/// Seconds of processor time that a process has used.
fn used(id: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let (_, rest) = stat.rsplit_once(')').expect("a name");
    // User and system time, in hundredths.
    rest.split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<f64>().expect("a number") / 100.0)
        .sum()
}

#[test]
fn what_says_nothing_costs_next_to_nothing() {
    // Nobody speaks, and so it stays for as long as each of these lasts; a spin is a whole processor.
    let mut server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 10 --stall-patience 60");
    let speech = Microphone::of(&server).speak(noise(1.0, 1));
    sleep(Duration::from_millis(1500));
    let mut shares = Vec::new();
    let mut measure = |what: &'static str| {
        let (before, since) = (used(recording.id()), Instant::now());
        sleep(Duration::from_secs(2));
        shares.push((what, (used(recording.id()) - before) / since.elapsed().as_secs_f64()));
    };
    measure("silent");
    server.signal(Signal::SIGSTOP);
    measure("stopped");
    server.signal(Signal::SIGCONT);
    drop(speech);
    server.kill();
    measure("gone");
    println!("shares of a processor: {shares:.3?}");
    server.restart();
    assert!(shares.iter().all(|(_, share)| *share < 0.15), "{shares:?}");
    drop(recording);
}

struct Interrupted {
    take: Take,
    /// How much of the first clip was said before it was done, and how much of it the take holds.
    said: Duration,
    before: usize,
    /// How much of the second clip it holds.
    after: usize,
}

/// How long the second clip is, in seconds.
const AFTER: f64 = 1.5;

/// Records for 6 s while `what` is done to the server after 1.5 s; the second clip goes to the FIFO that it names.
fn interrupt(what: impl FnOnce(&PulseServer) -> PathBuf) -> Interrupted {
    let server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 6");
    let (before, after) = (noise(6.0, 9), noise(AFTER, 11));
    let speech = Microphone::of(&server).speak(before.clone());
    let spoken = Instant::now();
    sleep(Duration::from_millis(1500));
    let said = spoken.elapsed();
    let fifo = what(&server);
    drop(speech);
    let silence = vec![0; 5 * RATE as usize];
    let _speech = Microphone::of(&server).into(fifo).speak([&after[..], &silence].concat());
    let take = recording.finish(6);
    println!("{:?}, gaps {:?}", kinds(&take), list(&take, "gaps"));
    assert_account(&take);
    let recorded = samples(&take);
    let before = find(&recorded, &before).map_or(0, |(_, length)| length);
    let after = find(&recorded, &after).map_or(0, |(_, length)| length);
    Interrupted { take, said, before, after }
}

impl Interrupted {
    fn assert_heard_before(&self) {
        let least = frames(self.said.saturating_sub(ON_ITS_WAY));
        assert!(self.before >= least, "{} frames of {:?}", self.before, self.said);
    }

    fn assert_heard_after(&self) {
        assert_eq!(self.after, noise(AFTER, 11).len(), "{:#}", self.take.json);
    }

    /// The same device was open all the time, as far as anybody was told.
    fn assert_one_epoch(&self) {
        assert_eq!(list(&self.take, "epochs").len(), 1, "{:#}", self.take.json);
        let told = kinds(&self.take);
        assert!(!told.contains(&"closed") && !told.contains(&"reopened"), "{told:?}");
    }
}

#[test]
fn a_stream_that_the_server_moves_to_what_an_output_plays_is_a_device_that_is_lost() {
    // The only other source is the monitor of the sink: never a microphone.
    let done = interrupt(|server| {
        server.pactl("unload-module module-pipe-source");
        sleep(Duration::from_millis(500));
        server.pactl(&format!(
            "load-module module-pipe-source source_name=late file={} format=s16le rate={RATE} channels=1",
            server.fifo_path().display()
        ));
        server.pactl("set-default-source late");
        server.wait_for_recorder();
        // It is there before it is started, and until then the source throws away what it reads.
        sleep(Duration::from_millis(200));
        server.fifo_path()
    });
    done.assert_heard_before();
    done.assert_heard_after();
    let (epochs, gaps) = (list(&done.take, "epochs"), list(&done.take, "gaps"));
    assert_eq!((epochs.len(), gaps.len()), (2, 1), "{:#}", done.take.json);
    assert_eq!((&gaps[0]["cause"], &gaps[0]["error"]), (&"device failed".into(), &"device lost".into()));
}

#[test]
fn a_server_without_any_source_is_asked_again_until_it_has_one() {
    let done = interrupt(|server| {
        server.pactl("unload-module module-null-sink");
        server.pactl("unload-module module-pipe-source");
        sleep(Duration::from_millis(800));
        server.pactl(&format!(
            "load-module module-pipe-source source_name=mic file={} format=s16le rate={RATE} channels=1",
            server.fifo_path().display()
        ));
        server.wait_for_recorder();
        // It is there before it is started, and until then the source throws away what it reads.
        sleep(Duration::from_millis(200));
        server.fifo_path()
    });
    done.assert_heard_before();
    done.assert_heard_after();
    let (epochs, gaps) = (list(&done.take, "epochs"), list(&done.take, "gaps"));
    assert!(epochs.len() >= 2 && gaps.len() == epochs.len() - 1, "{:#}", done.take.json);
    assert_eq!((&gaps[0]["cause"], &gaps[0]["error"]), (&"device failed".into(), &"device lost".into()));
}

#[test]
fn another_default_source_is_heard_without_another_epoch() {
    let done = interrupt(|server| {
        let fifo = server.scratch().join("other.fifo");
        server.pactl(&format!(
            "load-module module-pipe-source source_name=other file={} format=s16le rate={RATE} channels=1",
            fifo.display()
        ));
        server.pactl("set-default-source other");
        sleep(Duration::from_millis(200));
        fifo
    });
    done.assert_one_epoch();
    done.assert_heard_before();
    done.assert_heard_after();
}

#[test]
fn a_source_that_is_suspended_is_waited_for() {
    let done = interrupt(|server| {
        server.pactl("suspend-source mic 1");
        sleep(Duration::from_millis(900));
        server.pactl("suspend-source mic 0");
        sleep(Duration::from_millis(200));
        server.fifo_path()
    });
    done.assert_one_epoch();
    done.assert_heard_before();
    done.assert_heard_after();
    let told = kinds(&done.take);
    let place =
        |kind| told.iter().position(|told| *told == kind).unwrap_or_else(|| panic!("no {kind}: {told:?}"));
    assert!(place("stalled") < place("resumed"), "{told:?}");
}

#[test]
fn a_microphone_that_stands_still_for_longer_than_the_patience_is_opened_anew() {
    let server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 7 --stall-patience 0.5");
    let clip = noise(3.0, 13);
    let still = 48_000;
    let microphone = Microphone::of(&server).stall(still, Duration::from_millis(1800));
    let _speech = microphone.speak([&clip[..], &vec![0; 6 * RATE as usize]].concat());
    let take = recording.finish(7);

    println!("{:?}, gaps {:?}", kinds(&take), list(&take, "gaps"));
    assert_account(&take);
    let (epochs, gaps) = (list(&take, "epochs"), list(&take, "gaps"));
    assert!(epochs.len() >= 2, "{:#}", take.json);
    assert_eq!((&epochs[0]["ended"], &epochs[0]["error"]), (&"device stalled".into(), &Value::Null));
    assert_eq!((&gaps[0]["cause"], &gaps[0]["error"]), (&"device stalled".into(), &Value::Null));
    let recorded = samples(&take);
    let (_, before) = find(&recorded, &clip).expect("what was said before");
    assert!(before >= still as usize - frames(ON_ITS_WAY), "{before} frames");
    // What came meanwhile is in the gap; the end of the clip is behind it.
    let end = &clip[clip.len() - RATE as usize..];
    assert_eq!(find(&recorded, end).map(|(_, same)| same), Some(end.len()), "{:#}", take.json);
}

#[test]
fn a_server_that_hangs_for_longer_than_the_patience_is_left_and_found_again() {
    let mut server = PulseServer::start(RATE, 1);
    let recording = record(&server, "--seconds 9 --stall-patience 1");
    let (before, after) = (noise(9.0, 11), noise(AFTER, 13));
    let speech = Microphone::of(&server).speak(before.clone());
    sleep(Duration::from_millis(1500));
    server.signal(Signal::SIGSTOP);
    sleep(Duration::from_millis(3500));
    server.signal(Signal::SIGCONT);
    drop(speech);
    sleep(Duration::from_millis(1500));
    let _speech = Microphone::of(&server).speak([&after[..], &vec![0; 6 * RATE as usize]].concat());
    let take = recording.finish(9);

    println!("{:?}, gaps {:?}", kinds(&take), list(&take, "gaps"));
    assert_account(&take);
    let (epochs, gaps) = (list(&take, "epochs"), list(&take, "gaps"));
    assert!(epochs.len() >= 2, "{:#}", take.json);
    assert_eq!(gaps[0]["cause"], "device stalled", "{:#}", take.json);
    let recorded = samples(&take);
    let (_, held) = find(&recorded, &before).expect("what was said before");
    assert!(held >= frames(Duration::from_millis(1500) - ON_ITS_WAY), "{held} frames");
    assert_eq!(find(&recorded, &after).map(|(_, same)| same), Some(after.len()), "{:#}", take.json);
}

//! The recorder as a person uses it: real clicks in the real web view, a real sound server, a microphone that speaks on
//! cue. Screenshots are kept in `artefacts/`.

use e2e::sound::{self, Reference};
use e2e::{Microphone, PulseServer, Recorder};
use serde_json::json;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

/// How long the speech is before it begins again.
const SPOKEN_S: u64 = 20;
/// A click's worth of a take: half a second of it is looked for.
const PIECE: usize = 8000;
/// Frames of the microphone in a frame of a take.
const RATIO: i64 = 3;

fn artefact(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../artefacts");
    std::fs::create_dir_all(&folder).expect("the folder of artefacts");
    folder.join(name)
}

fn seconds(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds));
}

#[test]
fn what_is_said_is_recorded_paused_played_and_deleted() {
    let server = PulseServer::start();
    let spoken = sound::speech(SPOKEN_S);
    let _microphone = Microphone::speak(&server, spoken.clone());
    let recorder = Recorder::start(&server, false, None);
    let page = &recorder.page;
    page.screenshot(&artefact("ready.png"));
    assert_eq!(page.text("#hint"), "Ready");

    page.click(".switch");
    recorder.wait_for_state("open");
    page.click("#record");
    recorder.wait_for_state("recording");
    page.wait(
        "sound",
        Duration::from_secs(5),
        "return document.querySelector('#hint').textContent === 'Recording'",
    );
    seconds(2.0);
    page.screenshot(&artefact("recording.png"));
    page.click("#pause");
    recorder.wait_for_state("paused");
    // The last picture of before is on its way.
    seconds(0.2);
    let before = page.text("#elapsed");
    seconds(1.1);
    assert_eq!(page.text("#elapsed"), before, "a pause does not count");
    page.screenshot(&artefact("paused.png"));
    page.click("#pause");
    recorder.wait_for_state("recording");
    // Longer than a pause may be misplaced while the stamps are not to be trusted yet.
    seconds(3.0);
    page.click("#record");
    recorder.wait_for_state("open");
    recorder.wait_for_takes(1);

    let (take, path) = recorder.newest();
    let audio = sound::samples(&path);
    assert_eq!(take["frames"], audio.len(), "{take}");
    let reference = Reference::new(&spoken);
    let tail_at = audio.len() - PIECE - 1600;
    let (head, tail) =
        (reference.find(&audio[1600..1600 + PIECE]), reference.find(&audio[tail_at..tail_at + PIECE]));
    println!("the take begins {head:?} and ends {tail:?}");
    assert!(head.snr_db > 40.0 && tail.snr_db > 40.0, "the file is not what was said");
    let pause = &take["gaps"][0];
    assert_eq!((&pause["cause"], take["gaps"].as_array().map(Vec::len)), (&json!("paused"), Some(1)));
    // Between the two pieces lies exactly as much of the speech as of the file, but for the pause, which is cut.
    let round = (SPOKEN_S * 48_000) as i64;
    let said = (tail.frame as i64 - head.frame as i64).rem_euclid(round);
    let cut_ms = (said - (tail_at as i64 - 1600) * RATIO) / 48;
    let pause_ms = pause["lengthMs"].as_i64().expect("a length");
    assert!((cut_ms - pause_ms).abs() <= 1, "{cut_ms} ms are left out of {pause_ms}");
    assert!((300..3000).contains(&pause_ms), "{pause_ms} ms");

    page.click(".take .play");
    page.wait(
        "playing",
        Duration::from_secs(5),
        "return document.querySelector('#player').currentTime > 0.2",
    );
    assert_eq!(server.players(), 1, "the sound server plays nothing");
    page.screenshot(&artefact("playing.png"));
    page.click("#details summary");
    seconds(0.3);
    page.screenshot(&artefact("details.png"));
    page.click("#details summary");

    let files = recorder.files();
    page.click(".take .danger");
    assert_eq!(recorder.files(), files, "the first click only asks");
    page.click(".take .danger");
    recorder.wait_for_takes(0);
    assert_eq!(recorder.files(), files - 2);

    // A key that is held is a take as long as that. The device is closed, and still warm.
    page.click(".switch");
    recorder.wait_for_state("closed");
    page.run("document.activeElement.blur()");
    page.keys("keyDown", " ");
    recorder.wait_for_state("recording");
    seconds(1.5);
    page.keys("keyUp", " ");
    recorder.wait_for_takes(1);
    assert_eq!(page.run("return document.body.dataset.state"), "closed");
}

#[test]
fn a_server_that_dies_is_told_waited_for_and_leaves_a_gap() {
    let mut server = PulseServer::start();
    let spoken = sound::speech(SPOKEN_S);
    let microphone = Microphone::speak(&server, spoken.clone());
    let recorder = Recorder::start(&server, true, None);
    let page = &recorder.page;
    page.click(".switch");
    recorder.wait_for_state("open");
    seconds(2.0);
    page.screenshot(&artefact("open-dark.png"));
    page.click("#record");
    recorder.wait_for_state("recording");
    seconds(1.0);
    server.kill();
    drop(microphone);
    let banner = "return !document.querySelector('#banner').hidden && document.querySelector('#banner-title').textContent";
    let told = page.wait("the banner", Duration::from_secs(5), banner);
    assert_eq!(told, "The microphone is gone");
    seconds(0.7);
    page.screenshot(&artefact("lost-dark.png"));
    server.revive();
    let _microphone = Microphone::speak(&server, spoken);
    let back = format!("const title = (() => {{ {banner} }})(); return title === 'The microphone is back'");
    page.wait("the microphone", Duration::from_secs(10), &back);
    seconds(1.5);
    page.screenshot(&artefact("back-dark.png"));
    page.click("#record");
    recorder.wait_for_state("open");
    recorder.wait_for_takes(1);
    page.screenshot(&artefact("gap-dark.png"));
    let (take, path) = recorder.newest();
    println!("{} in a take of {} ms", take["gaps"], take["lengthMs"]);
    assert_eq!(take["verdict"]["name"], "device_lost", "{take}");
    let gap = take["gaps"].as_array().expect("gaps").iter().find(|gap| gap["cause"] == "device failed");
    let gap = gap.unwrap_or_else(|| panic!("no gap: {take}"));
    assert!(gap["lengthMs"].as_u64().is_some_and(|length| length > 700), "{gap}");
    assert_eq!(page.text(".take .badge"), "gap");
    // The file keeps its time: the pre-roll, what was said, the gap, what was said after it.
    let length = sound::samples(&path).len() as u64 / 16;
    assert!(length > 2000 + 1000 + 700 + 1500 - 300, "{length} ms");
}

#[test]
fn the_page_cannot_do_what_it_was_not_given() {
    let server = PulseServer::start();
    let recorder = Recorder::start(&server, false, Some("speech"));
    let page = &recorder.page;
    for command in ["plugin:hearken|no_such_command", "plugin:window|close", "no_such_command"] {
        let refused = page.invoke(command, &json!({})).expect_err("it was taken");
        let reason = refused.as_str().unwrap_or_default();
        assert!(reason.contains("not allowed") || reason.contains("not found"), "{command}: {refused}");
    }
    let take = page.invoke("plugin:hearken|take_audio", &json!({ "id": "../../../etc/passwd" }));
    assert_eq!(take.expect_err("it was read")["kind"], "unknownTake");
    // Nothing is fetched from anywhere else.
    let fetched = page.run(
        "const request = new XMLHttpRequest(); request.open('GET', 'https://example.org/', false); \
         try { request.send(); return 'sent' } catch { return 'refused' }",
    );
    assert_eq!(fetched, "refused");

    page.click("#record");
    recorder.wait_for_state("recording");
    page.run(
        "window.answers = 0; for (let call = 0; call < 10_000; call += 1) \
         window.__TAURI__.hearken.deleteTake('../' + call).catch(() => { window.answers += 1 })",
    );
    // Tauri draws two numbers of 32 bits for each call: among so many at once two are the same in one run of twenty, and
    // the answer of one of them is lost.
    page.wait("the answers", Duration::from_secs(30), "return window.answers >= 9_998");
    page.click("#record");
    recorder.wait_for_takes(1);
    let (take, _) = recorder.newest();
    assert_eq!(take["gaps"], json!([]), "10,000 calls did harm: {take}");
    assert_eq!(recorder.files(), 2);
}

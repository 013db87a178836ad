//! `hearken trace` and `hearken replay`.

use crate::run::{Place, figure, frames};

#[test]
fn a_replay_gives_the_account_and_the_file_of_the_take() {
    let place = Place::new();
    // The same made-up microphone each time, so that a take is what the trace should have been.
    let args = "--input synthetic:speech --seconds 1.5 --fast";
    let mut take = place.take(&format!("take.wav {args}"));
    let said = place.hearken(&format!("trace {args} --output take.trace --with-audio"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(
        said.stdout.starts_with("wrote take.trace\n") && said.stdout.contains("balanced"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("and its audio to take.trace"), "{}", said.stderr);
    let said = place.hearken("replay take.trace --json --output again.wav");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    let mut replayed = said.json();
    assert_eq!(replayed["output"]["path"], "again.wav");
    for account in [&mut take, &mut replayed] {
        account["output"].take();
        // Two runs: not at the same moments.
        for event in account["events"].as_array_mut().expect("events") {
            event["at_ms"].take();
        }
    }
    assert_eq!(replayed, take);
    assert!(place.read("again.wav") == place.read("take.wav"), "the files differ");
    let said = place.hearken("replay take.trace");
    assert!(said.stdout.contains("captured   72000\n") && !said.stdout.contains("wrote"), "{}", said.stdout);
}

#[test]
fn a_trace_without_audio_is_small_and_replays_to_silence() {
    let place = Place::new();
    let said = place.hearken("trace --input synthetic:noise --seconds 2 --fast --output take.trace");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let (size, audio) = (place.read("take.trace").len(), 2 * 48_000 * 2 * 4);
    assert!(size * 10 < audio, "{size} bytes");
    let said = place.hearken("replay take.trace --output silent.wav");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stderr.contains("no audio in take.trace"), "{}", said.stderr);
    assert_eq!(frames(&place.path("silent.wav")), 32_000);
    let samples = hound::WavReader::open(place.path("silent.wav")).expect("a WAV");
    assert!(samples.into_samples::<i16>().all(|sample| sample.expect("whole") == 0));
    let account = place.hearken("replay take.trace --json").json();
    assert!(account["output"].is_null() && figure(&account, "/ledger/captured") == 96_000);
}

#[test]
fn a_trace_that_was_cut_gives_what_there_is_and_fails() {
    let place = Place::new();
    let said = place.hearken("trace --input synthetic --seconds 1 --fast --output take.trace");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let bytes = place.read("take.trace");
    place.write("cut.trace", &bytes[..bytes.len() / 2]);
    let said = place.hearken("replay cut.trace --json");
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert!(said.stderr.contains("the trace cut.trace ends early"), "{}", said.stderr);
    let captured = figure(&said.json(), "/ledger/captured");
    assert!((1000..48_000).contains(&captured), "{captured}");
}

#[test]
fn what_cannot_be_traced_or_replayed_is_refused() {
    let place = Place::new();
    place.write("note.txt", b"not a trace, but long enough to be one");
    let mut newer = b"hearktrc".to_vec();
    newer.extend([9, 0, 0, 0, 0]);
    place.write("newer.trace", &newer);
    for (args, code, what) in [
        ("trace --input synthetic", 2, "--output"),
        ("trace --input synthetic --host alsa --output a.trace", 2, "--host"),
        ("trace --fast --output a.trace", 2, "--fast"),
        ("trace --input file:note.txt --output note.txt", 2, "is the input"),
        ("trace --input synthetic --output none/a.trace", 1, "cannot create"),
        ("trace --input file:note.txt --output a.trace", 1, "note.txt"),
        ("replay none.trace", 1, "cannot read"),
        ("replay note.txt", 1, "is no trace"),
        ("replay newer.trace", 1, "version 9"),
    ] {
        let said = place.hearken(args);
        assert!(said.code == Some(code) && said.stderr.contains(what), "{args}: {}", said.stderr);
    }
    assert!(place.read("note.txt").len() == 38 && !place.path("a.trace").exists());
}

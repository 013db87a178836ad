//! What cannot work ends with a clear word and the right exit code, and costs no file.

use crate::run::{Place, wav};

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let place = Place::new();
    place.write("in.wav", &wav(1, 16, 1, 16_000, &[0; 64]));
    let original = place.read("in.wav");
    for (args, said) in [
        ("", "record"),
        ("--input synthetic --rate 0", "1..=768000"),
        ("--input synthetic --rate 768001", "1..=768000"),
        ("--input synthetic --device-rate 0", "768,000"),
        ("--input synthetic --device-rate 768001", "768,000"),
        ("--input synthetic --device-channels 0", "1 to 32"),
        ("--input synthetic --device-channels 33", "1 to 32"),
        ("--input synthetic --device-format dsd", "i8, i16"),
        ("--input synthetic --channels 0,2", "channels 0 to 1"),
        ("--input synthetic --channels 1,", "mono, average, first, all"),
        ("--input synthetic --format i32", "i24"),
        ("--input synthetic --quality good", "low-latency"),
        ("--input synthetic --seconds 0", "longer than 0"),
        ("--input synthetic --seconds=-1", "longer than 0"),
        ("--input synthetic --seconds nan", "longer than 0"),
        ("--period 0.5", "1 to 1000 ms"),
        ("--period 1001", "1 to 1000 ms"),
        ("--input synthetic --period 10", "for devices"),
        ("--stall-patience 0.2", "0.3 s at least"),
        ("--give-up=-1", "0 or longer"),
        ("--input synthetic --give-up 0", "are for devices"),
        ("--input synthetic --no-fall-back", "are for devices"),
        ("--input synthetic --seconds inf", "longer than 0"),
        ("--input synthetic --seconds soon", "not a number"),
        ("--input synthetic:music", "tone, noise, speech"),
        ("--input file:", "path"),
        ("--input synthetic --native --rate 8000", "--native"),
        ("--input synthetic --native --channels all", "--native"),
        ("--input synthetic --native --format f32", "--native"),
        ("--input synthetic --native --quality best", "--native"),
        ("--input synthetic --host alsa", "--host"),
        ("--fast", "--fast"),
        ("--input file:in.wav --device-rate 8000", "--device-*"),
        ("--input file:in.wav --device-channels 1", "--device-*"),
        ("--input file:in.wav --device-format i16", "--device-*"),
        ("--input file:in.wav in.wav", "is the input"),
        ("--input file:in.wav ./in.wav", "is the input"),
        ("--input file:in.wav --json in.wav", "is the input"),
        ("--input synthetic out.wav --json ./out.wav", "one file"),
        ("--input synthetic out.wav --report ./out.wav", "name another"),
        ("--input synthetic --json a --report a", "name another"),
        ("--input file:in.wav --report in.wav", "name another"),
        ("--input synthetic -", "stdout"),
        ("--input synthetic --loud", "--loud"),
    ] {
        let verb = if args.is_empty() { "" } else { "record " };
        let run = place.hearken(&format!("{verb}{args}"));
        assert_eq!(run.code, Some(2), "{args}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{args}: {}", run.stderr);
        assert!(!place.path("take.wav").exists() && !place.path("out.wav").exists(), "{args}");
    }
    assert!(place.read("in.wav") == original);
}

#[test]
fn what_is_not_there_or_broken_is_a_failure_of_the_run() {
    let place = Place::new();
    let whole = wav(1, 16, 1, 16_000, &[0; 64]);
    place.write("empty.wav", &[]);
    place.write("cut.wav", &whole[..30]);
    place.write("text.wav", &[b'x'; 200]);
    for (args, said) in [
        ("--input no-such-device", "no-such-device"),
        ("--input file:missing.wav", "missing.wav"),
        ("--input file:empty.wav", "empty"),
        ("--input file:cut.wav", "cut off"),
        ("--input file:text.wav", "text.wav"),
        ("--input file:.", "no regular file"),
        ("missing/take.wav --input synthetic", "missing"),
        (". --input synthetic", "cannot create"),
        ("--input synthetic --json missing/take.json", "missing"),
        ("--input synthetic --json .", "cannot write"),
        ("--input synthetic --device-format i64 --native", "i64"),
        // Where the output cannot be written the input is not even opened.
        ("missing/take.wav --input no-such-device", "missing/take.wav"),
        ("--json missing/take.json --input no-such-device", "missing/take.json"),
    ] {
        let run = place.hearken(&format!("record {args}"));
        assert_eq!(run.code, Some(1), "{args}: {}", run.stderr);
        assert!(run.stderr.contains(said), "{args}: {}", run.stderr);
        assert!(!place.path("take.wav").exists(), "{args}");
    }
}

#[test]
fn a_cut_recording_gives_the_whole_frames_that_are_there() {
    let place = Place::new();
    let whole = wav(1, 16, 2, 16_000, &[1; 4 * 1_000]);
    place.write("cut.wav", &whole[..44 + 4 * 700 + 3]);
    let account = place.take("--input file:cut.wav --native --fast");
    assert_eq!(account["output"]["frames"], 700);
}

#[test]
fn earlier_files_survive_a_take_that_does_not_start() {
    let place = Place::new();
    for args in ["--input no-such-device", "--input file:missing.wav", "--input synthetic --channels 9"] {
        place.write("take.wav", b"an earlier take");
        place.write("take.json", b"an earlier account");
        let run = place.hearken(&format!("record {args} --json take.json"));
        assert_ne!(run.code, Some(0));
        assert_eq!(place.read("take.wav"), b"an earlier take", "{args}");
        assert_eq!(place.read("take.json"), b"an earlier account", "{args}");
        // And no new one is left behind.
        assert_eq!(place.hearken(&format!("record new.wav {args} --json new.json")).code, run.code);
        assert!(!place.path("new.wav").exists() && !place.path("new.json").exists(), "{args}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_take_and_costs_only_what_did_not_fit() {
    use crate::run::{Said, figure, frames};
    let place = Place::new();
    // In mid-take, as a microphone would; and as fast as it goes, where the worker may be waiting for the file.
    for args in ["--sidecar", "--fast --durable", "--fast --native"] {
        let args = &format!("--input synthetic {args}");
        let script = "trap '' XFSZ; ulimit -f 64; exec \"$@\"";
        let program = env!("CARGO_BIN_EXE_hearken");
        let mut shell = place.command("sh");
        shell.args(["-c", script, "sh", program, "record", "--json", "-"]).args(args.split_whitespace());
        let run = Said::by(shell.spawn().expect("a shell"));
        assert_eq!(run.code, Some(1), "{args}: {}", run.stderr);
        let said =
            run.stderr.split_once(" frames are safe").unwrap_or_else(|| panic!("{args}: {}", run.stderr)).0;
        let safe: u64 = said.rsplit(' ').next().and_then(|count| count.parse().ok()).expect("a count");
        assert!(safe > 1_000, "{args}: {safe}");
        assert_eq!(frames(&place.path("take.wav")), safe, "{args}");
        assert_eq!(figure(&run.json(), "/output/frames"), safe, "{args}");
        if args.contains("--sidecar") {
            let account: serde_json::Value =
                serde_json::from_slice(&place.read("take.wav.json")).expect("JSON");
            let (state, error) = (&account["state"], account["error"].as_str().expect("a text"));
            assert!(state == "failed" && error.contains("frames are safe"), "{account}");
            assert_eq!(figure(&account, "/frames"), safe);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_at_the_start_and_a_full_stdout_are_told() {
    let place = Place::new();
    let run = place.hearken("record /dev/full --input no-such-device");
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
    command.args(["record", "--input", "synthetic", "--seconds", "0.1", "--fast"]).stdout(full);
    let run = crate::run::Said::by(command.spawn().expect("the program"));
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("stdout"), "{}", run.stderr);
}

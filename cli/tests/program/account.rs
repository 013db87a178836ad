//! What is told about a take, and about devices.

use crate::run::{Place, figure};
use serde_json::Value;

fn keys(object: &Value, path: &str) -> Vec<String> {
    let object = object.pointer(path).and_then(Value::as_object).unwrap_or_else(|| panic!("no {path}"));
    let mut keys: Vec<String> = object.keys().cloned().collect();
    keys.sort();
    keys
}

#[test]
fn the_json_has_exactly_the_keys_of_its_schema() {
    let place = Place::new();
    let account = place.take("out.wav --input synthetic:noise --seconds 0.5 --fast");
    assert_eq!(account["schema"], "hearken.take/1");
    let all = [
        "callback",
        "clock",
        "dead_channels",
        "epochs",
        "events",
        "gaps",
        "input",
        "ledger",
        "output",
        "provisional",
        "schema",
    ];
    assert_eq!(keys(&account, ""), all);
    let input = ["channels", "host", "id", "name", "period_frames", "rate_hz", "sample_format", "server"];
    assert_eq!(keys(&account, "/input"), input);
    assert_eq!(keys(&account, "/output"), ["channels", "frames", "path", "rate_hz"]);
    let ledger = [
        "balanced",
        "captured",
        "clock_agrees",
        "delivered",
        "discarded",
        "dropped",
        "lost",
        "lost_provisional",
        "unaccounted",
        "unaccounted_error",
    ];
    assert_eq!(keys(&account, "/ledger"), ledger);
    assert_eq!(keys(&account, "/callback"), ["count", "max_frames"]);
    assert_eq!(keys(&account, "/clock"), ["bound_us", "class", "ppm"]);
    assert_eq!((&account["clock"]["class"], &account["clock"]["ppm"]), (&"device".into(), &0.0.into()));
    assert_eq!(account["gaps"], Value::Array(Vec::new()));
    let epoch = [
        "channels",
        "clock",
        "ended",
        "error",
        "input",
        "ledger",
        "period_frames",
        "rate_hz",
        "sample_format",
        "server",
        "started_at_ms",
    ];
    assert_eq!(keys(&account, "/epochs/0"), epoch);
    assert_eq!(keys(&account, "/epochs/0/input"), ["host", "id", "name"]);
    assert_eq!(
        (account["epochs"].as_array().map(Vec::len), &account["epochs"][0]["ended"]),
        (Some(1), &Value::Null)
    );
    let events: Vec<_> =
        account["events"].as_array().expect("events").iter().map(|event| &event["kind"]).collect();
    assert_eq!(events, ["opened", "first callback", "first signal", "stopped"]);
    assert_eq!((&account["input"]["host"], &account["input"]["id"]), (&"synthetic".into(), &"noise".into()));
    assert_eq!(account["output"]["path"], "out.wav");
    assert_eq!(account["ledger"]["balanced"], true);
    assert_eq!((figure(&account, "/callback/count"), figure(&account, "/callback/max_frames")), (50, 480));
}

#[test]
fn the_json_file_says_what_stdout_would_and_leaves_nothing_of_an_earlier_one() {
    let place = Place::new();
    place.write("take.json", &[b'x'; 10_000]);
    let args = "--input synthetic --seconds 0.1 --fast";
    let said = place.hearken(&format!("record {args} --json take.json"));
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let mut file: Value = serde_json::from_slice(&place.read("take.json")).expect("JSON");
    let mut printed = place.take(args);
    // When the worker noticed is different each time.
    for account in [&mut file, &mut printed] {
        let events = account["events"].as_array_mut().expect("events");
        events.iter_mut().for_each(|event| event["at_ms"] = Value::Null);
    }
    assert_eq!(file, printed);
    assert!(said.stdout.contains("wrote take.wav: 0.100 s, 1600 frames"), "{}", said.stdout);
    assert!(said.stdout.contains("\n  balanced\n"), "{}", said.stdout);
}

#[test]
fn one_line_tells_that_it_records_where_nobody_watches() {
    let said = Place::new().hearken("record --input synthetic:tone --seconds 0.3");
    let line = "recording from synthetic tone (synthetic, 48000 Hz, 2 ch, f32) to take.wav\n";
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), line));
}

#[cfg(target_os = "linux")]
#[test]
fn devices_are_listed_with_the_same_facts_for_people_and_programs() {
    let place = Place::new();
    let config =
        "pcm.!default { type null }\npcm.silence { type null hint { show on description \"Silence\" } }\n";
    place.write("asound.conf", config.as_bytes());
    let said = place.hearken("devices --json");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let devices = said.json();
    let silence = devices.as_array().expect("an array").iter().find(|device| device["id"] == "silence");
    let silence = silence.unwrap_or_else(|| panic!("no silence in {devices}"));
    let facts = ["channels", "default", "host", "id", "kind", "name", "rate_hz", "sample_format"];
    assert_eq!(keys(silence, ""), facts);
    assert_eq!((&silence["host"], &silence["name"]), (&"alsa".into(), &"Silence".into()));
    assert_eq!((&silence["kind"], &silence["default"]), (&"other".into(), &false.into()));
    // The default is asked for its format, and a plugin is not even opened.
    let default = &devices[0];
    assert_eq!((&default["id"], &default["kind"]), (&"default".into(), &"microphone".into()));
    assert!(default["rate_hz"].is_u64() && silence["rate_hz"].is_null(), "{devices}");
    let table = place.hearken("devices").stdout;
    let row = table.lines().find(|line| line.starts_with("* default")).expect("a row");
    let (rate, channels) = (&default["rate_hz"], &default["channels"]);
    let format = format!("{rate} Hz, {channels} ch, {}", default["sample_format"].as_str().expect("a name"));
    assert!(row.contains(" microphone ") && row.ends_with(&format), "{table}");
    let others =
        devices.as_array().map_or(0, |all| all.iter().filter(|device| device["kind"] == "other").count());
    assert!(!table.contains("Silence") && table.contains(&format!("{others} more that are no")), "{table}");
    let all = place.hearken("devices --all").stdout;
    let row = all.lines().find(|line| line.contains("silence")).expect("a row");
    assert!(row.contains(" Silence ") && row.contains(" other ") && row.ends_with(" -"), "{all}");
    assert!(!all.contains("more that are no"), "{all}");
}

#[test]
fn a_host_that_does_not_exist_is_a_usage_error_that_names_those_that_do() {
    let place = Place::new();
    for args in ["devices --host nowhere", "record --host nowhere", "record --host nowhere --input mic"] {
        let said = place.hearken(args);
        assert_eq!(said.code, Some(2), "{}", said.stderr);
        assert!(said.stderr.contains("'nowhere'"), "{}", said.stderr);
        #[cfg(target_os = "linux")]
        assert!(said.stderr.contains("it has alsa"), "{}", said.stderr);
    }
}

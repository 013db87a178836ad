//! `hearken doctor` on a real audio server: what is well and what is not.
#![cfg(target_os = "linux")]

mod support;

use serde_json::Value;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::microphone::Microphone;
use support::server::PulseServer;
use support::signal;

const RATE: u32 = 48_000;

/// The exit code, what was printed with `--json`, and the page.
fn examine(server: &PulseServer, seconds: u32) -> (Option<i32>, Value, String) {
    let page = server.scratch().join("doctor.html");
    let mut client = server.client(env!("CARGO_BIN_EXE_hearken"));
    client
        .args(["doctor", "--host", "alsa", "--json", "--seconds", &seconds.to_string(), "--report"])
        .arg(&page);
    client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let said = client.spawn().expect("the program").wait_with_output().expect("what it said");
    assert!(begun.elapsed() < Duration::from_secs(u64::from(seconds) + 10), "it hangs");
    let text = String::from_utf8(said.stdout).expect("text");
    let told = String::from_utf8_lossy(&said.stderr).into_owned();
    let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}\n{told}"));
    (said.status.code(), json, std::fs::read_to_string(page).expect("the page"))
}

fn noise(seconds: u32) -> Vec<i16> {
    signal::white_noise((seconds * RATE) as usize, 1).iter().map(|sample| sample / 8).collect()
}

#[test]
fn a_microphone_that_works_is_healthy_and_its_figures_are_right() {
    let server = PulseServer::start(RATE, 1);
    let _speech = Microphone::of(&server).speak(noise(40));
    // A machine that is busy stalls a microphone that is well, but hardly thrice in a row.
    let mut examined = examine(&server, 4);
    for _ in 0..2 {
        if examined.0 != Some(0) {
            println!("once more, after {}", examined.1["findings"]);
            examined = examine(&server, 4);
        }
    }
    let (code, json, page) = examined;
    assert_eq!(
        (code, &json["verdict"], &json["healthy"]),
        (Some(0), &"healthy".into(), &true.into()),
        "{json:#}"
    );
    assert_eq!(json["schema"], "hearken.doctor/1");
    let figure =
        |path: &str| json.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path}"));
    // As large and as often as the server pleases, but all of it.
    let (least, median) = (figure("/callback/min_frames"), figure("/callback/median_frames"));
    let callbacks = 4.0 * f64::from(RATE) / median;
    assert!((0.7..1.3).contains(&(figure("/callback/count") / callbacks)), "{json:#}");
    assert!(least >= 1.0 && least <= median && median <= figure("/callback/max_frames"), "{json:#}");
    let (usual, late) = (figure("/callback/interval_p50_ms"), figure("/callback/interval_p99_ms"));
    let period = median * 1e3 / f64::from(RATE);
    assert!((0.5..1.5).contains(&(usual / period)) && late >= usual, "{json:#}");
    assert!(figure("/first_callback_ms") < 2000.0 && figure("/age_ms/p50") < 250.0, "{json:#}");
    // An eighth of full scale.
    assert!((figure("/peak_dbfs") + 18.1).abs() < 0.5, "{json:#}");
    assert_eq!(json["ledger"]["balanced"], true);
    assert!(page.contains("<h1>healthy</h1>") && page.matches("<svg").count() == 3, "{page}");
}

#[test]
fn a_microphone_without_a_signal_is_asked_whether_it_is_muted() {
    let server = PulseServer::start(RATE, 1);
    let _speech = Microphone::of(&server).speak(vec![0; 8 * RATE as usize]);
    let (code, json, page) = examine(&server, 2);
    assert_eq!(code, Some(1), "{json:#}");
    // A busy machine may stall it besides.
    let found = json["findings"].as_array().expect("findings");
    assert!(found.iter().any(|finding| finding["what"] == "no signal: is it muted?"), "{json:#}");
    assert_eq!(json["healthy"], false);
    assert!(page.contains("no signal: is it muted?"), "{page}");
}

#[test]
fn a_microphone_that_stands_still_is_said_to_stall() {
    let server = PulseServer::start(RATE, 1);
    let microphone = Microphone::of(&server).stall(u64::from(RATE) * 2, Duration::from_millis(800));
    let _speech = microphone.speak(noise(10));
    let (code, json, _) = examine(&server, 4);
    assert_eq!((code, &json["verdict"]), (Some(1), &"the device stalls".into()), "{json:#}");
}

//! Takes from a real audio server that end in the middle.

use crate::run::{Place, Said, figure, frames};
use crate::support::microphone::{Microphone, Speech};
use crate::support::server::PulseServer;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A take that has been running for a while, and what keeps it going.
fn begin(place: &Place, server: &PulseServer, options: &[&str]) -> (Child, Speech) {
    let mut client = server.client(env!("CARGO_BIN_EXE_hearken"));
    client.current_dir(place.path(".")).args(["record", "--host", "alsa", "--json", "-"]).args(options);
    client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = client.spawn().expect("the program");
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
    assert!(line.contains("recording"), "{line}");
    let speech = Microphone::of(server).speak(vec![1_000; 10 * 48_000]);
    std::thread::sleep(Duration::from_secs(1));
    (child, speech)
}

fn assert_complete(place: &Place, said: &Said) {
    let account = said.json();
    assert_eq!(account["ledger"]["balanced"], true, "{account}");
    assert_eq!(figure(&account, "/ledger/dropped"), 0, "{account}");
    let captured = figure(&account, "/ledger/captured");
    assert!(captured > 48_000 / 4, "{account}");
    // To 16 kHz, rounded.
    assert_eq!(figure(&account, "/output/frames"), (captured + 1) / 3);
    assert_eq!(frames(&place.path("take.wav")), (captured + 1) / 3);
}

#[test]
fn a_device_that_goes_away_for_good_fails_the_run_and_leaves_the_take_complete() {
    for (give_up, why) in [("0", "the device is gone"), ("1.5", "")] {
        let (place, server) = (Place::new(), PulseServer::start(48_000, 1));
        let (child, speech) = begin(&place, &server, &["--give-up", give_up]);
        drop((speech, server));
        let gone = Instant::now();
        let said = Said::by(child);
        let waited = gone.elapsed().as_secs_f64();
        assert_eq!(said.code, Some(1), "{}", said.stderr);
        assert_complete(&place, &said);
        let complete = format!("the {} frames until then are complete", frames(&place.path("take.wav")));
        assert!(said.stderr.contains(&complete) && said.stderr.contains(why), "{}", said.stderr);
        let patience: f64 = give_up.parse().expect("a number");
        assert!((patience..patience + 4.0).contains(&waited), "it gave up after {waited:.1} s");
        let events = said.json()["events"].clone();
        let last = events.as_array().and_then(|events| events.last()).expect("events");
        assert_eq!((&last["kind"], &last["reason"]), (&"stopped".into(), &"failed".into()), "{events:#}");
    }
}

#[test]
fn a_take_whose_device_is_away_at_its_end_is_a_failed_run() {
    let (place, server) = (Place::new(), PulseServer::start(48_000, 1));
    let (child, speech) = begin(&place, &server, &["--seconds", "3"]);
    drop((speech, server));
    let said = Said::by(child);
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert_complete(&place, &said);
    assert!(said.stderr.contains("the device was away at the end (device lost)"), "{}", said.stderr);
    let account = said.json();
    assert_eq!(account["epochs"].as_array().map(Vec::len), Some(1), "{account:#}");
    assert_eq!(account["epochs"][0]["ended"], "device failed");
}

#[test]
fn ctrl_c_ends_a_take_from_a_device_exactly() {
    let (place, server) = (Place::new(), PulseServer::start(48_000, 1));
    let (child, _speech) = begin(&place, &server, &[]);
    let kill = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let said = Said::by(child);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_complete(&place, &said);
}

#[test]
fn the_default_device_is_marked_and_has_its_format() {
    let (place, server) = (Place::new(), PulseServer::start(48_000, 1));
    let list = |args: &[&str]| {
        let mut client = server.client(env!("CARGO_BIN_EXE_hearken"));
        client.current_dir(place.path(".")).args(["devices", "--host", "alsa"]).args(args);
        client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Said::by(client.spawn().expect("the program"))
    };
    let devices = list(&["--json"]).json();
    assert_eq!((&devices[0]["default"], &devices[0]["id"]), (&true.into(), &"default".into()));
    assert!(devices[0]["rate_hz"].is_u64(), "{devices}");
    let table = list(&[]);
    let marked: Vec<_> = table.stdout.lines().filter(|line| line.starts_with("* ")).collect();
    assert!(marked.len() == 1 && marked[0].contains("default") && marked[0].contains(" Hz"), "{marked:?}");
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
}

#[test]
fn ctrl_c_ends_a_take_whose_server_hangs_at_once_and_leaves_it_complete() {
    let (place, mut server) = (Place::new(), PulseServer::start(48_000, 1));
    let (child, speech) = begin(&place, &server, &["--stall-patience", "0.5"]);
    server.signal(Signal::SIGSTOP);
    // By then it is being opened anew, which hangs as well.
    std::thread::sleep(Duration::from_millis(1500));
    let asked = Instant::now();
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).expect("it runs");
    let said = Said::by(child);
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    assert_complete(&place, &said);
    drop((speech, server));
}

//! Ends from outside.

use crate::run::{Place, Said, figure, frames};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn a_signal_is_an_exact_end() {
    let place = Place::new();
    for (signal, native) in [("INT", ""), ("TERM", ""), ("HUP", "--native")] {
        let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
        let args = format!("record --input synthetic --json - {native}");
        let mut child = command.args(args.split_whitespace()).spawn().expect("the program");
        let mut line = String::new();
        let stderr = child.stderr.as_mut().expect("a pipe");
        BufReader::new(stderr).read_line(&mut line).expect("a line");
        assert!(line.contains("recording"), "{line}");
        std::thread::sleep(Duration::from_millis(400));
        let kill = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
        let run = Said::by(child);
        assert_eq!(run.code, Some(0), "{signal}: {}", run.stderr);
        let account = run.json();
        let captured = figure(&account, "/ledger/captured");
        assert!(captured >= 48_000 / 5, "{captured}");
        assert_eq!(figure(&account, "/ledger/delivered"), captured);
        let wanted = if native.is_empty() { (captured + 1) / 3 } else { captured };
        assert_eq!(figure(&account, "/output/frames"), wanted);
        assert_eq!(frames(&place.path("take.wav")), wanted);
    }
}

#[test]
fn whoever_stops_reading_is_no_failure() {
    let place = Place::new();
    for args in ["devices", "devices --json", "record --input synthetic --seconds 0.2 --json -", "--help"] {
        let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
        let mut child =
            command.args(args.split_whitespace()).stdout(Stdio::piped()).spawn().expect("the program");
        drop(child.stdout.take());
        assert_eq!(Said::by(child).code, Some(0), "{args}");
    }
}

//! Takes that begin and end at somebody's word.

use crate::run::{Place, Said, figure, frames};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// The program, and what it says line by line.
struct Armed {
    child: Child,
    keyboard: ChildStdin,
    said: BufReader<std::process::ChildStderr>,
}

impl Armed {
    fn new(place: &Place, args: &str) -> Self {
        let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
        command.args("record --input synthetic --json -".split(' ')).args(args.split_whitespace());
        let mut child = command.stdin(Stdio::piped()).spawn().expect("the program");
        let (keyboard, stderr) = (child.stdin.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        Self { child, keyboard, said: BufReader::new(stderr) }
    }

    /// Waits for a line with `word`; the end of the program is none.
    fn wait_for(&mut self, word: &str) {
        let mut line = String::new();
        while !line.contains(word) {
            line.clear();
            assert_ne!(self.said.read_line(&mut line).expect("text"), 0, "it ended without `{word}`");
        }
    }

    fn enter(&mut self) {
        self.keyboard.write_all(b"\n").expect("a pipe");
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(kill.expect("kill").success());
    }

    fn end(self) -> Said {
        Said::by(self.child)
    }
}

#[test]
fn a_take_has_what_was_heard_before_its_begin_and_ends_at_the_word() {
    let place = Place::new();
    for by_signal in [false, true] {
        let mut armed = Armed::new(&place, "--pre-roll 0.5");
        armed.wait_for("armed");
        assert!(!place.path("take.wav").exists(), "nothing is recorded yet");
        sleep(Duration::from_millis(700));
        if by_signal {
            armed.signal("USR1")
        } else {
            armed.enter()
        }
        armed.wait_for("recording");
        sleep(Duration::from_millis(300));
        if by_signal {
            armed.signal("INT")
        } else {
            armed.enter()
        }
        let said = armed.end();
        assert_eq!(said.code, Some(0), "{}", said.stdout);
        let account = said.json();
        let take = figure(&account, "/take/frames");
        // All of the pre-roll, and what was said since; not what was heard before that.
        assert!((48_000 * 8 / 10..figure(&account, "/ledger/captured")).contains(&take), "{account}");
        assert_eq!((figure(&account, "/take/rate_hz"), figure(&account, "/take/missing")), (48_000, 0));
        assert_eq!(account["take"]["end"], "finished");
        assert!(account["take"]["started_at_ms"].as_f64().expect("a time") > 50.0, "{account}");
        assert_eq!(account["take"]["verdicts"][0]["kind"], "ok");
        assert!(account["take"]["levels"][0]["peak_dbfs"].as_f64().expect("a level") > -20.0);
        assert!(account["take"]["latency"]["first_frame_ms"].is_number(), "{account}");
        let wanted = figure(&account, "/output/frames");
        assert!(wanted.abs_diff(take / 3) <= 1, "{wanted} {take}");
        assert_eq!(frames(&place.path("take.wav")), wanted);
        std::fs::remove_file(place.path("take.wav")).expect("a file");
    }
}

#[test]
fn whoever_leaves_before_the_begin_has_no_take_and_keeps_the_last_one() {
    let place = Place::new();
    place.write("take.wav", b"an earlier take");
    let mut armed = Armed::new(&place, "--pre-roll 1");
    armed.wait_for("armed");
    armed.signal("INT");
    let mut rest = String::new();
    armed.wait_for("nothing was recorded");
    let _ = armed.said.read_line(&mut rest);
    let said = armed.end();
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    assert_eq!(place.read("take.wav"), b"an earlier take");
}

#[test]
fn a_take_goes_on_for_the_post_roll() {
    let place = Place::new();
    for (args, least) in [("--seconds 0.3 --post-roll 0.5", 0.8), ("--seconds 0.3", 0.3)] {
        let account = place.take(&format!("--input synthetic {args}"));
        let seconds = figure(&account, "/output/frames") as f64 / 16_000.0;
        assert!((least - 0.001..least + 0.4).contains(&seconds), "{args}: {seconds}");
    }
    let said = place.hearken("record --input synthetic --fast --post-roll 1");
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    let said = place.hearken("record --input synthetic --pre-roll 31");
    assert_eq!(said.code, Some(2), "{}", said.stderr);
}

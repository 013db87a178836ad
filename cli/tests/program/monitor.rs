//! The screen, on a terminal of its own.

use crate::run::{LIMIT, Place, Said, frames};
use nix::pty::{Winsize, openpty};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

/// The program on a pseudo terminal.
struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<String>,
    text: String,
}

impl Terminal {
    fn open(place: &Place, args: &str) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).expect("a pseudo terminal");
        let end = || Stdio::from(pty.slave.try_clone().expect("a descriptor"));
        let mut command = place.command(env!("CARGO_BIN_EXE_hearken"));
        command.args(args.split_whitespace()).env("TERM", "xterm-256color");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("the program");
        let keyboard = File::from(pty.master);
        let mut screen = keyboard.try_clone().expect("a descriptor");
        let (send, shown) = channel();
        // It ends when the last of the terminal's other ends is closed.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                if send.send(String::from_utf8_lossy(&bytes[..read]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, shown, text: String::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until `word` has been shown since the last time. The screen tells changes only, so a word is found whole
    /// where nothing stood before.
    fn wait_for(&mut self, word: &str) {
        let until = Instant::now() + LIMIT;
        while !self.text.contains(word) {
            let patience = until.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(patience) {
                Ok(text) => self.text += &text,
                Err(error) => {
                    let _ = self.child.kill();
                    panic!("no `{word}`, {error}: {}", self.text.escape_debug());
                }
            }
        }
        self.text.clear();
    }

    /// Waits for the end; what was shown last.
    fn end(mut self) -> (Option<i32>, String) {
        let Said { code, .. } = Said::by(self.child);
        self.text.extend(self.shown.try_iter());
        (code, self.text)
    }
}

#[test]
fn the_monitor_shows_mutes_takes_and_leaves_the_terminal_as_it_was() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "monitor --input synthetic:tone --pre-roll 0.5");
    terminal.wait_for("tone");
    terminal.wait_for("-12.0");
    terminal.press("m");
    terminal.wait_for("MUTED");
    terminal.press("m");
    std::thread::sleep(std::time::Duration::from_millis(600));
    terminal.press(" ");
    terminal.wait_for("recording");
    terminal.press(" ");
    terminal.wait_for("wrote");
    terminal.press(" ");
    terminal.wait_for("take-2.wav");
    terminal.press("s");
    terminal.wait_for("choose");
    terminal.press("q");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0), "{text}");
    // The alternate screen is left, and what stays is what was written.
    let after = text.split("\x1b[?1049l").nth(1).unwrap_or_else(|| panic!("{}", text.escape_debug()));
    assert!(after.contains("wrote take.wav: ") && after.contains("wrote take-2.wav: "), "{after}");
    for name in ["take.wav", "take-2.wav"] {
        let frames = frames(&place.path(name));
        assert!((8_000..16_000 * 30).contains(&frames), "{name} has no pre-roll: {frames}");
    }
}

#[test]
fn ctrl_c_and_a_signal_end_the_monitor_and_give_the_terminal_back() {
    let place = Place::new();
    let mut terminal = Terminal::open(&place, "monitor --input synthetic:noise");
    terminal.wait_for("noise");
    terminal.press("\x03");
    assert_eq!(terminal.end().0, Some(0));
    let mut terminal = Terminal::open(&place, "monitor --input synthetic:noise");
    terminal.wait_for("noise");
    let id = nix::unistd::Pid::from_raw(terminal.child.id().cast_signed());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).expect("a child");
    let (code, text) = terminal.end();
    assert_eq!(code, Some(0));
    assert!(text.contains("\x1b[?1049l"), "{}", text.escape_debug());
}

#[test]
fn without_a_terminal_the_monitor_says_so() {
    let said = Place::new().hearken("monitor --input synthetic");
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    assert!(said.stderr.contains("terminal"), "{}", said.stderr);
}

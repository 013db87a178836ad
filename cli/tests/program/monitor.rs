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
    shown: Receiver<Vec<u8>>,
    /// All that was shown so far.
    bytes: Vec<u8>,
}

const WIDTH: usize = 80;
const HEIGHT: usize = 24;

/// What a terminal makes of `bytes`, row by row: text goes where the cursor was sent, colours do not matter.
fn screen(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut cells = vec![vec![' '; WIDTH]; HEIGHT];
    let (mut x, mut y, mut rest) = (0, 0, text.chars());
    while let Some(c) = rest.next() {
        match c {
            '\x1b' => {
                let mut params = String::new();
                let order = rest.find(|c| {
                    params.push(*c);
                    c.is_ascii_alphabetic()
                });
                let mut numbers = params.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok());
                match order {
                    Some('H') => (y, x) = (numbers.next().unwrap_or(1) - 1, numbers.next().unwrap_or(1) - 1),
                    Some('J') => cells.iter_mut().for_each(|row| row.fill(' ')),
                    _ => {}
                }
            }
            '\r' => x = 0,
            '\n' => y += 1,
            c => {
                if let Some(cell) = cells.get_mut(y).and_then(|row| row.get_mut(x)) {
                    *cell = c;
                }
                x += 1;
            }
        }
    }
    cells.into_iter().map(|row| row.into_iter().chain(['\n']).collect::<String>()).collect()
}

impl Terminal {
    fn open(place: &Place, args: &str) -> Self {
        let size = Winsize { ws_row: HEIGHT as u16, ws_col: WIDTH as u16, ws_xpixel: 0, ws_ypixel: 0 };
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
                if send.send(bytes[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, shown, bytes: Vec::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("a terminal");
    }

    /// Waits until `word` stands on the screen.
    fn wait_for(&mut self, word: &str) {
        let until = Instant::now() + LIMIT;
        while !screen(&self.bytes).contains(word) {
            let patience = until.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(patience) {
                Ok(bytes) => self.bytes.extend(bytes),
                Err(error) => {
                    let _ = self.child.kill();
                    panic!("no `{word}`, {error}:\n{}", screen(&self.bytes));
                }
            }
        }
    }

    /// Waits for the end; what was shown last.
    fn end(mut self) -> (Option<i32>, String) {
        let Said { code, .. } = Said::by(self.child);
        // The terminal's last words come after the program's end.
        while let Ok(bytes) = self.shown.recv_timeout(LIMIT) {
            self.bytes.extend(bytes);
        }
        (code, String::from_utf8_lossy(&self.bytes).into_owned())
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
        // A machine that is too busy to make the sound is told of, and its take is shorter.
        let is_whole = !after.contains("without its end");
        assert!(
            (8_000..16_000 * 30).contains(&frames) || !is_whole,
            "{name} has no pre-roll: {frames}\n{after}"
        );
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

//! A child process whose output is shown as it comes and kept, so that what ran can be counted.

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

/// Runs `command` to its end, passing its output on line by line.
///
/// Gives whether it succeeded and everything it printed, both streams in the order of arrival.
pub fn stream(command: &mut Command) -> Result<(bool, String), String> {
    if io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{} cannot be started: {error}", program(command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let text = Mutex::new(String::new());
    thread::scope(|scope| {
        scope.spawn(|| pass_on(out, io::stdout(), &text));
        scope.spawn(|| pass_on(err, io::stderr(), &text));
    });
    let status = child.wait().map_err(|error| error.to_string())?;
    Ok((status.success(), text.into_inner().expect("a reader of the child's output panicked")))
}

/// Runs `command` to its end on this terminal; an error names the program and how it ended.
pub fn run(command: &mut Command) -> Result<(), String> {
    let status =
        command.status().map_err(|error| format!("{} cannot be started: {error}", program(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{} ended with {status}", program(command))) }
}

/// The one line of what `command` prints, or nothing when it cannot be run or fails.
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn program(command: &Command) -> String {
    let name = std::path::Path::new(command.get_program());
    name.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned()
}

fn pass_on(from: Option<impl Read>, mut to: impl Write, text: &Mutex<String>) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while matches!(from.read_until(b'\n', &mut line), Ok(1..)) {
        // A closed terminal must not stop the count.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        text.lock().expect("the other reader panicked").push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
}

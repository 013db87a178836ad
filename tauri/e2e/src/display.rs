//! A display that nobody looks at.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

#[derive(Debug)]
pub(crate) struct Display {
    process: Child,
    /// As in `:7`.
    pub name: String,
}

impl Display {
    /// # Panics
    /// If Xvfb is missing or does not start.
    pub fn start() -> Self {
        let mut process = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1000x1000x24", "-nolisten", "tcp"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb must be installed: `cargo xtask app-test` installs it");
        let mut number = String::new();
        // It chooses a number that is free and says so.
        BufReader::new(process.stdout.take().expect("it is piped"))
            .read_line(&mut number)
            .expect("it speaks");
        assert!(!number.trim().is_empty(), "Xvfb has ended");
        Self { process, name: format!(":{}", number.trim()) }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

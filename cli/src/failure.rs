//! Why it did not work, and what the shell is told.

use hearken::{Error, ErrorKind};
use std::io::{self, Write};
use std::process::ExitCode;

/// An error with its exit code: 2 for something typed wrong, 1 for everything else.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The arguments cannot be meant.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 2 }
    }

    /// The arguments were fine, the world was not.
    pub fn run(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// Says so, and returns the exit code.
    pub fn tell(&self) -> ExitCode {
        // Without a stderr there is still the exit code.
        let _ = writeln!(io::stderr(), "hearken: {}", self.message);
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::BadArgument => Self::usage(error.to_string()),
            _ => Self::run(error.to_string()),
        }
    }
}

/// Writes to stdout. Whoever closed it has read enough, which is no failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::run(format!("cannot write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

//! One private JACK server without a sound card.

use super::process::{Background, answer, short_directory};
use super::wait_for;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// How long it may take until it answers; half a second is usual.
const START_BOUND: Duration = Duration::from_secs(15);

/// How long it may take to end: one that is killed leaves its name in a list of all of the machine, which has 8 places.
const END_BOUND: Duration = Duration::from_secs(10);

/// Names that servers here have in turn. One that was killed is struck off that list by the next of the same name.
const NAMES: u32 = 4;

/// How long a name may be waited for.
const NAME_BOUND: Duration = Duration::from_secs(300);

/// A running jackd with the dummy driver at 48 kHz, under a name of its own. It has two microphone ports, which are
/// silent, and mixes into a client's port whatever is connected to it.
#[derive(Debug)]
pub struct JackServer {
    server: Background,
    name: String,
    period: u32,
    directory: TempDir,
    // Last: the name is free when the server has ended.
    _lock: Flock<File>,
}

impl JackServer {
    /// Starts a server whose blocks are `period` frames long, and waits until it answers.
    ///
    /// # Panics
    /// If jackd is missing or does not come up in 15 s: with its log.
    pub fn start(period: u32) -> Self {
        let directory = short_directory("xdg");
        for private in ["home", "xdg"] {
            fs::create_dir(directory.path().join(private)).expect("a private directory");
        }
        let (name, lock) = wait_for(NAME_BOUND, || free_name(directory.path())).expect("a name that is free");
        let server = spawn(&name, period, directory.path());
        let mut jack = Self { server, name, period, directory, _lock: lock };
        jack.wait_until_up();
        jack
    }

    fn wait_until_up(&mut self) {
        let up = wait_for(START_BOUND, || {
            let runs = self.server.runs();
            let answers = answer(&mut self.client("jack_lsp")).is_some();
            (answers || !runs).then_some(runs)
        });
        assert_eq!(up, Some(true), "jackd did not come up:\n{}", self.server.log());
    }

    /// Ends it without a chance to say goodbye.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again after [`kill`](Self::kill), under the same name, and waits until it answers.
    pub fn restart(&mut self) {
        self.server = spawn(&self.name, self.period, self.directory.path());
        self.wait_until_up();
    }

    /// Sends it a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.server.signal(signal);
    }

    /// Has it go on in blocks of `frames`.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn period(&self, frames: u32) {
        let done = answer(self.client("jack_bufsize").arg(frames.to_string()));
        assert!(done.is_some(), "jack_bufsize {frames} fails:\n{}", self.server.log());
    }

    /// A directory that lives as long as the server, for a test's own files.
    pub fn scratch(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// A client of this server: `program` with the environment that leads it here and nowhere else.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.lead(&mut command);
        command
    }

    /// Gives `command` the environment of a client.
    pub fn lead(&self, command: &mut Command) {
        command.envs(environment(&self.name, self.directory.path())).current_dir(self.scratch());
    }

    /// What it said.
    pub fn log(&self) -> String {
        self.server.log()
    }
}

/// A name that no other test of this user has, held until the lock is dropped.
fn free_name(own: &Path) -> Option<(String, Flock<File>)> {
    let user = own.metadata().ok()?.uid();
    (0..NAMES).find_map(|number| {
        let name = format!("hearken-{user}-{number}");
        let file = File::create(std::env::temp_dir().join(format!("{name}.lock"))).ok()?;
        Flock::lock(file, FlockArg::LockExclusiveNonblock).ok().map(|lock| (name, lock))
    })
}

fn spawn(name: &str, period: u32, directory: &Path) -> Background {
    Background::start(Path::new("jackd"), directory.join("jackd.log"), |command| {
        command.args(["-n", name, "-R", "-P70", "-d", "dummy", "-r", "48000", "-p", &period.to_string()]);
        command.envs(environment(name, directory)).env("JACK_NO_AUDIO_RESERVATION", "1");
    })
    .patience(END_BOUND)
}

fn environment(name: &str, directory: &Path) -> [(&'static str, String); 4] {
    let under = |name: &str| directory.join(name).display().to_string();
    [
        ("JACK_DEFAULT_SERVER", name.to_owned()),
        ("JACK_NO_START_SERVER", "1".to_owned()),
        ("HOME", under("home")),
        ("XDG_RUNTIME_DIR", under("xdg")),
    ]
}

//! One private JACK server without a sound card.

use super::process::{Background, Place, wait_until_up};
use super::wait_for;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::Signal;
use std::fs::File;
use std::ops::Deref;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

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
    place: Place,
    // Last: the name is free when the server has ended.
    _lock: Flock<File>,
}

impl JackServer {
    /// Starts a server whose blocks are `period` frames long, and waits until it answers.
    ///
    /// # Panics
    /// If jackd is missing or does not come up in 15 s: with its log.
    pub fn start(period: u32) -> Self {
        let mut place = Place::new("xdg", |_| [("JACK_NO_START_SERVER", "1".to_owned())]);
        let (name, lock) = wait_for(NAME_BOUND, || free_name(&place.scratch())).expect("a name that is free");
        place.extend([("JACK_DEFAULT_SERVER", name.clone())]);
        let server = spawn(&name, period, &place);
        let mut jack = Self { server, name, period, place, _lock: lock };
        jack.wait_until_up();
        jack
    }

    fn wait_until_up(&mut self) {
        wait_until_up(&mut self.server, START_BOUND, || self.place.asks("jack_lsp").is_some());
    }

    /// Ends it without a chance to say goodbye.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts it again after [`kill`](Self::kill), under the same name, and waits until it answers.
    pub fn restart(&mut self) {
        self.server = spawn(&self.name, self.period, &self.place);
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
        let done = self.asks(&format!("jack_bufsize {frames}"));
        assert!(done.is_some(), "jack_bufsize {frames} fails:\n{}", self.server.log());
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

fn spawn(name: &str, period: u32, place: &Place) -> Background {
    let server = place.run("jackd", |command| {
        command.args(["-n", name, "-R", "-P70", "-d", "dummy", "-r", "48000", "-p", &period.to_string()]);
        command.env("JACK_NO_AUDIO_RESERVATION", "1");
    });
    server.patience(END_BOUND)
}

/// What its clients need.
impl Deref for JackServer {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

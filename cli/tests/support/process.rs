//! Programs that a test starts: private, in the background, ended by their own number.

use super::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A unix socket's path holds at most 107 bytes and a terminating zero.
const SOCKET_PATH_MAX: usize = 107;

/// How long a program may take to end when asked kindly. All that it owns is temporary.
const STOP_BOUND: Duration = Duration::from_millis(500);

/// How far servers and microphones go ahead of what is tested, where that is allowed: on people's systems they run in
/// real time.
const AHEAD: &str = "-11";

/// What leads a client to a server of the user's.
const LEADS_ELSEWHERE: [&str; 5] =
    ["PULSE_SERVER", "PIPEWIRE_REMOTE", "ALSA_CONFIG_PATH", "XDG_STATE_HOME", "XDG_DATA_HOME"];

/// A program in the background, which ends with this handle, or with the thread that started it.
#[derive(Debug)]
pub struct Background {
    process: Child,
    log: PathBuf,
    patience: Duration,
}

impl Background {
    /// Starts `program` with what `set` adds to the command: its arguments and environment. What it says goes to the
    /// end of the file `log`.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(program: &Path, log: PathBuf, set: impl FnOnce(&mut Command)) -> Self {
        let mut command = ahead(program);
        set(&mut command);
        let said = OpenOptions::new().create(true).append(true).open(&log).expect("a log");
        let also: File = said.try_clone().expect("the log once more");
        command.stdin(Stdio::null()).stdout(said).stderr(also);
        let process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        Self { process, log, patience: STOP_BOUND }
    }

    /// Lets it take so long to end when asked kindly.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has not ended by itself.
    pub fn runs(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }

    /// Ends it without a chance to say goodbye, as a crash does.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Sends a signal, if it runs.
    pub fn signal(&mut self, signal: Signal) {
        // Not waited for yet, so the number is still its own.
        if self.runs()
            && let Ok(number) = self.process.id().try_into()
        {
            let _ = kill(Pid::from_raw(number), signal);
        }
    }

    /// Waits for its end, at most for `bound`. Gives whether it ended.
    pub fn ends_within(&mut self, bound: Duration) -> bool {
        wait_for(bound, || self.process.try_wait().ok().flatten()).is_some()
    }

    /// What it said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.signal(Signal::SIGCONT);
        self.signal(Signal::SIGTERM);
        if !self.ends_within(self.patience) {
            self.kill();
        }
    }
}

/// The place of a private server: a folder with a home and a runtime directory in it, and the environment that leads its
/// clients there and nowhere else.
#[derive(Debug)]
pub struct Place {
    environment: Vec<(&'static str, String)>,
    directory: TempDir,
}

impl Place {
    /// A new one, whose path has room for `socket` behind it. `environment` says what clients need beside a home and a runtime
    /// directory.
    pub fn new<const N: usize>(
        socket: &str,
        environment: impl FnOnce(&Path) -> [(&'static str, String); N],
    ) -> Self {
        let directory = short_directory(socket);
        let under = |name: &str| directory.path().join(name);
        let [home, runtime] = ["home", "xdg"].map(|private| {
            fs::create_dir(under(private)).expect("a private directory");
            under(private).display().to_string()
        });
        let mut all = vec![("HOME", home), ("XDG_RUNTIME_DIR", runtime)];
        all.extend(environment(directory.path()));
        Self { environment: all, directory }
    }

    /// More for its clients.
    pub fn extend(&mut self, environment: impl IntoIterator<Item = (&'static str, String)>) {
        self.environment.extend(environment);
    }

    /// Where something of that name is in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A directory that lives as long as the server, for a test's own files.
    pub fn scratch(&self) -> PathBuf {
        self.path("home")
    }

    /// A client of this server: `program` with the environment that leads it here and nowhere else.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.lead(&mut command);
        command
    }

    /// Gives `command` the environment of a client.
    pub fn lead(&self, command: &mut Command) {
        for other in LEADS_ELSEWHERE {
            command.env_remove(other);
        }
        command.envs(self.environment.iter().cloned()).current_dir(self.scratch());
    }

    /// Starts a program of the server's here, with what `set` adds; it finds what clients do, and nothing of the user's.
    /// What it says is in a file of its name.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run(&self, program: &str, set: impl FnOnce(&mut Command)) -> Background {
        Background::start(Path::new(program), self.path(&format!("{program}.log")), |command| {
            command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
            command.envs(self.environment.iter().cloned());
            set(command);
        })
    }

    /// What a client that only asks prints, `words` being its name and arguments; nothing when it fails.
    ///
    /// # Panics
    /// If the program is missing.
    pub fn asks(&self, words: &str) -> Option<String> {
        let mut words = words.split(' ');
        answer(self.client(words.next()?).args(words))
    }
}

/// Waits until `server` answers, which `question` finds out.
///
/// # Panics
/// If it ends, or does not within `bound`: with its log.
pub fn wait_until_up(server: &mut Background, bound: Duration, question: impl Fn() -> bool) {
    let up = wait_for(bound, || {
        let runs = server.runs();
        (question() || !runs).then_some(runs)
    });
    assert_eq!(up, Some(true), "a server did not come up:\n{}", server.log());
}

/// `program` with the priority of a server, if this user may give it; it ends with the thread that starts it.
fn ahead(program: &Path) -> Command {
    // Both replace themselves by the next program: the number stays.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "nice", "-n", AHEAD]).arg(program);
    command
}

/// A folder of its own for a server's socket, whose path has room for `socket` behind it.
fn short_directory(socket: &str) -> TempDir {
    let make = |place: &Path| tempfile::Builder::new().prefix("hk").tempdir_in(place).expect("a directory");
    let directory = make(&std::env::temp_dir());
    if directory.path().join(socket).as_os_str().len() <= SOCKET_PATH_MAX {
        directory
    } else {
        make(Path::new("/tmp"))
    }
}

/// What a command that only asks prints, or nothing when it fails.
///
/// # Panics
/// If the program is missing.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{} must be installed (`cargo xtask setup`): {error}", command.get_program().display())
    });
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

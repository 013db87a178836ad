//! One private PulseAudio with a FIFO for a microphone, which touches no other server and no sound card.

use super::process::{ahead, short_directory};
use super::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a server may take until it answers; 50 to 150 ms are usual.
const START_BOUND: Duration = Duration::from_secs(10);

/// How long it may take to end when asked kindly. Everything it owns is temporary, so little is worth waiting for.
const STOP_BOUND: Duration = Duration::from_millis(500);

/// The client side: ALSA's default device is the server's microphone, `spkmon` what is played into `spk`.
const ASOUND_CONF: &str = r#"pcm_type.pulse { lib "libasound_module_pcm_pulse.so" }
ctl_type.pulse { lib "libasound_module_ctl_pulse.so" }
pcm.!default { type pulse hint { show on description "test default" } }
pcm.spkmon { type pulse device "spk.monitor" hint { show on description "test monitor" } }
ctl.!default { type pulse }
"#;

/// A running server in a directory of its own. Its microphone `mic` hears what is written into a FIFO of s16le
/// frames, at the pace of the writer; what is played into its sink `spk` can be captured from `spk.monitor`.
#[derive(Debug)]
pub struct PulseServer {
    /// Hz of the microphone and the sink.
    pub rate: u32,
    /// Channels of the microphone and the sink.
    pub channels: u16,
    process: Child,
    directory: TempDir,
}

impl PulseServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If PulseAudio is missing or does not come up in 10 s: with the server's log.
    pub fn start(rate: u32, channels: u16) -> Self {
        let directory = short_directory("pulse.sock");
        let path = directory.path();
        for private in ["home", "xdg"] {
            fs::create_dir(path.join(private)).expect("a private directory");
        }
        // The null sink must not rewind: a rewinding one loses the start of what is played.
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={0}/pulse.sock\n\
             load-module module-pipe-source source_name=mic file={0}/mic.fifo format=s16le rate={rate} channels={channels}\n\
             load-module module-null-sink sink_name=spk rate={rate} channels={channels} format=s16le norewinds=1\n\
             set-default-source mic\n",
            path.display()
        );
        fs::write(path.join("server.pa"), script).expect("the server's script");
        fs::write(path.join("asound.conf"), ASOUND_CONF).expect("the client's configuration");
        let process = spawn(path);
        let mut server = Self { rate, channels, process, directory };
        server.wait_until_up();
        server
    }

    fn wait_until_up(&mut self) {
        let up = wait_for(START_BOUND, || {
            let ended = self.process.try_wait().expect("the server's state").is_some();
            (ended || self.asks("info").is_some()).then_some(!ended)
        });
        assert_eq!(up, Some(true), "PulseAudio did not come up:\n{}", self.log());
    }

    /// Kills it without a chance to say goodbye, as a crash does.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }

    /// Starts it again after [`kill`](Self::kill), at the same place, and waits until it answers.
    pub fn restart(&mut self) {
        for left_behind in ["pulse.sock", "mic.fifo"] {
            let _ = fs::remove_file(self.directory.path().join(left_behind));
        }
        self.process = spawn(self.directory.path());
        self.wait_until_up();
    }

    /// Sends it a signal: SIGSTOP and it stands still, SIGCONT and it goes on.
    pub fn signal(&self, signal: Signal) {
        let number = self.process.id().try_into().expect("a process number");
        kill(Pid::from_raw(number), signal).expect("it runs");
    }

    /// Has `pactl` do something, and gives what it printed.
    ///
    /// # Panics
    /// If it cannot.
    pub fn pactl(&self, command: &str) -> String {
        self.asks(command).unwrap_or_else(|| panic!("pactl {command} fails:\n{}", self.log()))
    }

    /// The FIFO behind the microphone.
    pub fn fifo_path(&self) -> PathBuf {
        self.directory.path().join("mic.fifo")
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
        command.envs(environment(self.directory.path())).current_dir(self.scratch());
    }

    /// How many clients record from this server at the moment.
    pub fn recorders(&self) -> usize {
        self.asks("list short source-outputs").map_or(0, |list| list.lines().count())
    }

    /// Waits until a client records.
    ///
    /// # Panics
    /// If none does within 10 s.
    pub fn wait_for_recorder(&self) {
        let recorder = wait_for(START_BOUND, || (self.recorders() > 0).then_some(()));
        assert!(recorder.is_some(), "no client records:\n{}", self.log());
    }

    /// What the server logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_else(|error| error.to_string())
    }

    fn asks(&self, question: &str) -> Option<String> {
        let mut client = self.client("pactl");
        let output = client.args(question.split(' ')).stderr(Stdio::null()).output();
        let output = output.expect("pactl must be installed: `cargo xtask setup`");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for PulseServer {
    fn drop(&mut self) {
        // The process is ours and not yet waited for, so its number cannot belong to another one.
        if let Ok(None) = self.process.try_wait()
            && let Ok(number) = self.process.id().try_into()
        {
            let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
        }
        if wait_for(STOP_BOUND, || self.process.try_wait().ok().flatten()).is_none() {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn spawn(path: &Path) -> Child {
    ahead(Path::new("pulseaudio"))
        .arg("-n")
        .arg("-F")
        .arg(path.join("server.pa"))
        .args(["--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"])
        .args(["--realtime=no", "--high-priority=no", "--log-level=3"])
        .arg(format!("--log-target=file:{}", path.join("server.log").display()))
        .env_clear()
        .envs(environment(path))
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .env_remove("PULSE_SERVER")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("PulseAudio must be installed: `cargo xtask setup`")
}

/// Where server and clients find each other, and nothing of the user's own set-up.
fn environment(directory: &Path) -> [(&'static str, String); 4] {
    let under = |name: &str| directory.join(name).display().to_string();
    [
        ("PULSE_SERVER", format!("unix:{}", under("pulse.sock"))),
        ("ALSA_CONFIG_PATH", under("asound.conf")),
        ("XDG_RUNTIME_DIR", under("xdg")),
        ("HOME", under("home")),
    ]
}

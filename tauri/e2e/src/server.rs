//! One private PulseAudio with a FIFO for a microphone, which can be killed and started again.

use crate::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a server may take until it answers.
const START_BOUND: Duration = Duration::from_secs(10);

/// Hz of the microphone and the sink, which have one channel.
pub const RATE_HZ: u32 = 48_000;

/// The client side: ALSA's default device is the server's microphone.
const ASOUND_CONF: &str = r#"pcm_type.pulse { lib "libasound_module_pcm_pulse.so" }
ctl_type.pulse { lib "libasound_module_ctl_pulse.so" }
pcm.!default { type pulse hint { show on description "Desk microphone" } }
ctl.!default { type pulse }
"#;

/// A server in a directory of its own, which is also the home of its clients.
#[derive(Debug)]
pub struct PulseServer {
    process: Option<Child>,
    directory: TempDir,
}

impl PulseServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If PulseAudio is missing or does not come up.
    pub fn start() -> Self {
        // A socket's path holds at most 107 bytes.
        let directory = tempfile::Builder::new().prefix("hk").tempdir_in("/tmp").expect("a directory");
        let path = directory.path();
        for private in ["home", "xdg"] {
            fs::create_dir(path.join(private)).expect("a private directory");
        }
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={0}/pulse.sock\n\
             load-module module-pipe-source source_name=mic file={0}/mic.fifo format=s16le rate={RATE_HZ} channels=1 \
             source_properties=\"device.description='Desk microphone'\"\n\
             load-module module-null-sink sink_name=spk rate={RATE_HZ} channels=1 format=s16le norewinds=1\n\
             set-default-source mic\n",
            path.display()
        );
        fs::write(path.join("server.pa"), script).expect("the server's script");
        fs::write(path.join("asound.conf"), ASOUND_CONF).expect("the clients' configuration");
        let mut server = Self { process: None, directory };
        server.revive();
        server
    }

    /// Starts it again.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn revive(&mut self) {
        let path = self.directory.path();
        // A server that was killed leaves them.
        for left in ["pulse.sock", "mic.fifo"] {
            let _ = fs::remove_file(path.join(left));
        }
        let process = Command::new("pulseaudio")
            .arg("-n")
            .arg("-F")
            .arg(path.join("server.pa"))
            .args(["--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"])
            .args(["--realtime=no", "--high-priority=no"])
            .env_clear()
            .envs(self.environment())
            .env("PATH", "/usr/bin:/bin")
            .env_remove("PULSE_SERVER")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.process = Some(process.expect("PulseAudio must be installed: `cargo xtask setup`"));
        let up = wait_for(START_BOUND, || self.asks("info"));
        assert!(up.is_some(), "PulseAudio did not come up");
    }

    /// Ends it without a word.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Plugs a second microphone in, which hears what the sink plays, or out.
    ///
    /// # Panics
    /// If the server does not.
    pub fn plug_headset(&self, is_in: bool) {
        let done = self.asks(if is_in {
            "load-module module-remap-source source_name=headset master=spk.monitor \
             source_properties=device.description=Headset"
        } else {
            "unload-module module-remap-source"
        });
        assert!(done.is_some(), "the server has no headset to plug");
    }

    /// The FIFO behind the microphone.
    pub fn fifo_path(&self) -> PathBuf {
        self.directory.path().join("mic.fifo")
    }

    /// The home of the server's clients.
    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    /// How many clients play something.
    pub fn players(&self) -> usize {
        self.asks("list short sink-inputs").map_or(0, |list| list.lines().count())
    }

    /// What leads a client here and nowhere else.
    pub fn environment(&self) -> HashMap<String, OsString> {
        let under = |name: &str| self.directory.path().join(name).into_os_string();
        let mut address = OsString::from("unix:");
        address.push(under("pulse.sock"));
        HashMap::from([
            ("PULSE_SERVER".to_owned(), address),
            ("ALSA_CONFIG_PATH".to_owned(), under("asound.conf")),
            ("XDG_RUNTIME_DIR".to_owned(), under("xdg")),
            ("HOME".to_owned(), under("home")),
            // A developer's own folders are none of the test's.
            ("XDG_DATA_HOME".to_owned(), under("home/.local/share")),
            ("XDG_CONFIG_HOME".to_owned(), under("home/.config")),
            ("XDG_CACHE_HOME".to_owned(), under("home/.cache")),
            ("LC_ALL".to_owned(), "C.UTF-8".into()),
        ])
    }

    fn asks(&self, question: &str) -> Option<String> {
        let mut client = Command::new("pactl");
        client.args(question.split(' ')).envs(self.environment()).stderr(Stdio::null());
        let output = client.output().expect("pactl must be installed: `cargo xtask setup`");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

impl Drop for PulseServer {
    fn drop(&mut self) {
        let Some(process) = &mut self.process else { return };
        if let Ok(number) = process.id().try_into() {
            let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
        }
        let ended = wait_for(Duration::from_millis(500), || process.try_wait().ok().flatten());
        if ended.is_none() {
            self.kill();
        }
    }
}

/// The directory where an application keeps its takes.
pub(crate) fn takes(home: &Path) -> PathBuf {
    home.join(".local/share/dev.hearken.recorder/takes")
}

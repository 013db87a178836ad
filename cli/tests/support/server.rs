//! One private PulseAudio with a FIFO for a microphone, which touches no other server and no sound card.

use super::process::{Background, Place, wait_until_up};
use super::wait_for;
use nix::sys::signal::Signal;
use std::fs;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

/// How long a server may take until it answers; 50 to 150 ms are usual.
const START_BOUND: Duration = Duration::from_secs(10);

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
    process: Background,
    place: Place,
}

impl PulseServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// If PulseAudio is missing or does not come up in 10 s: with the server's log.
    pub fn start(rate: u32, channels: u16) -> Self {
        let place = Place::new("pulse.sock", |directory| {
            let under = |name: &str| directory.join(name).display().to_string();
            [
                ("PULSE_SERVER", format!("unix:{}", under("pulse.sock"))),
                ("ALSA_CONFIG_PATH", under("asound.conf")),
            ]
        });
        // The null sink must not rewind: a rewinding one loses the start of what is played.
        let [socket, fifo] = ["pulse.sock", "mic.fifo"].map(|name| place.path(name).display().to_string());
        let script = format!(
            "load-module module-native-protocol-unix auth-anonymous=1 socket={socket}\n\
             load-module module-pipe-source source_name=mic file={fifo} format=s16le rate={rate} channels={channels}\n\
             load-module module-null-sink sink_name=spk rate={rate} channels={channels} format=s16le norewinds=1\n\
             set-default-source mic\n"
        );
        fs::write(place.path("server.pa"), script).expect("the server's script");
        fs::write(place.path("asound.conf"), ASOUND_CONF).expect("the client's configuration");
        let process = spawn(&place);
        let mut server = Self { rate, channels, process, place };
        server.wait_until_up();
        server
    }

    fn wait_until_up(&mut self) {
        wait_until_up(&mut self.process, START_BOUND, || self.place.asks("pactl info").is_some());
    }

    /// Kills it without a chance to say goodbye, as a crash does.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after [`kill`](Self::kill), at the same place, and waits until it answers.
    pub fn restart(&mut self) {
        for left_behind in ["pulse.sock", "mic.fifo"] {
            let _ = fs::remove_file(self.place.path(left_behind));
        }
        self.process = spawn(&self.place);
        self.wait_until_up();
    }

    /// Sends it a signal: SIGSTOP and it stands still, SIGCONT and it goes on.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Has `pactl` do something, and gives what it printed.
    ///
    /// # Panics
    /// If it cannot.
    pub fn pactl(&self, command: &str) -> String {
        self.asks(&format!("pactl {command}"))
            .unwrap_or_else(|| panic!("pactl {command} fails:\n{}", self.log()))
    }

    /// The FIFO behind the microphone.
    pub fn fifo_path(&self) -> PathBuf {
        self.place.path("mic.fifo")
    }

    /// How many clients record from this server at the moment.
    pub fn recorders(&self) -> usize {
        self.asks("pactl list short source-outputs").map_or(0, |list| list.lines().count())
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
        self.process.log()
    }
}

/// What its clients need.
impl Deref for PulseServer {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

fn spawn(place: &Place) -> Background {
    place.run("pulseaudio", |command| {
        command.arg("-n").arg("-F").arg(place.path("server.pa"));
        command.args(["--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no"]);
        command.args(["--realtime=no", "--high-priority=no", "--log-level=3", "--log-target=stderr"]);
        command.env_remove("PULSE_SERVER");
    })
}

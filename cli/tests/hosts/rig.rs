//! One path that audio takes to the program on people's systems: a server of its own, microphones, loudspeakers that
//! play, the program's and the native recorder's way there, and what can be done to it.

use super::microphone::{Into, RATE, Says, now_ns, speak};
use super::support::counted::Code;
use super::support::jack::JackServer;
use super::support::pipewire::{self, MIC, MIC2, PipeWireServer};
use super::support::process::{Background, Place};
use super::support::server::PulseServer;
use super::support::wait_for;
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a server may take to know what it was told.
const BOUND: Duration = Duration::from_secs(10);

/// A path: what is between the microphone and the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// ALSA, and PipeWire's plugin for it: most desktops.
    A,
    /// ALSA, PulseAudio's plugin, PipeWire's PulseAudio door.
    B,
    /// The host `pipewire`.
    C,
    /// The host `pulseaudio` on PipeWire's door.
    D1,
    /// The host `pulseaudio` on PulseAudio.
    D2,
    /// The host `jack` on jackd.
    E1,
    /// The host `jack` on PipeWire's library.
    E2,
    /// ALSA, PulseAudio's plugin, PulseAudio.
    R,
}

/// All of them.
pub const ROUTES: &[Route] =
    &[Route::A, Route::B, Route::C, Route::D1, Route::D2, Route::E1, Route::E2, Route::R];

impl Route {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
            Self::D1 => "d1",
            Self::D2 => "d2",
            Self::E1 => "e1",
            Self::E2 => "e2",
            Self::R => "r",
        }
    }

    /// For people.
    pub fn what(self) -> &'static str {
        match self {
            Self::A => "ALSA, pipewire plugin, PipeWire",
            Self::B => "ALSA, pulse plugin, PipeWire",
            Self::C => "host pipewire, PipeWire",
            Self::D1 => "host pulseaudio, PipeWire",
            Self::D2 => "host pulseaudio, PulseAudio",
            Self::E1 => "host jack, jackd",
            Self::E2 => "host jack, PipeWire",
            Self::R => "ALSA, pulse plugin, PulseAudio",
        }
    }

    fn system(self) -> System {
        match self {
            Self::A | Self::B | Self::C | Self::D1 | Self::E2 => System::PipeWire,
            Self::D2 | Self::R => System::PulseAudio,
            Self::E1 => System::Jack,
        }
    }

    /// Whether its blocks can be made larger and smaller.
    pub fn has_quantum(self) -> bool {
        self.system() != System::PulseAudio
    }

    /// Whether microphones come and go there: a JACK server has its ports for good.
    pub fn has_devices(self) -> bool {
        self.system() != System::Jack
    }

    /// Frames that may come from elsewhere before it is told: behind ALSA's plugins a server moves the stream first.
    pub fn moves_first(self) -> u64 {
        if self.host() == "alsa" { u64::from(super::microphone::RATE) / 10 } else { 0 }
    }

    /// Whether one microphone can be named, among others.
    pub fn can_pin(self) -> bool {
        self.host() != "jack"
    }

    /// How the frames of its microphone say their positions.
    pub fn code(self) -> Code {
        if self.system() == System::PulseAudio { Code::Stereo16 } else { Code::Float }
    }

    /// The program's word for the host.
    pub fn host(self) -> &'static str {
        match self {
            Self::A | Self::B | Self::R => "alsa",
            Self::C => "pipewire",
            Self::D1 | Self::D2 => "pulseaudio",
            Self::E1 | Self::E2 => "jack",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum System {
    PipeWire,
    PulseAudio,
    Jack,
}

#[derive(Debug)]
enum Server {
    PipeWire(PipeWireServer),
    PulseAudio(PulseServer),
    Jack(JackServer),
}

/// A path that is set up.
#[derive(Debug)]
pub struct Rig {
    pub route: Route,
    voices: Vec<(Says, Background)>,
    begun_ns: u64,
    stands_still: bool,
    server: Server,
}

impl Rig {
    /// Starts the servers of `route`, with a microphone that nobody speaks into yet.
    ///
    /// # Panics
    /// If one does not come up, with its log; or if ALSA's plugin for PipeWire is nowhere.
    pub fn start(route: Route) -> Self {
        let server = match route.system() {
            System::PipeWire => Server::PipeWire(PipeWireServer::start()),
            System::PulseAudio => Server::PulseAudio(PulseServer::start(RATE, 2)),
            System::Jack => Server::Jack(JackServer::start(1024)),
        };
        let rig = Self { route, voices: Vec::new(), begun_ns: now_ns(), stands_still: false, server };
        if route.host() == "alsa" {
            fs::write(rig.asound_conf(), asound_conf(route)).expect("a client's configuration");
        }
        rig
    }

    /// The microphone speaks, and the loudspeakers play something else where there are any.
    pub fn speak(&mut self) {
        self.say(Says::Mic);
        if self.route.has_devices() {
            self.say(Says::Loudspeaker);
        }
    }

    /// One of them.
    pub fn say(&mut self, says: Says) {
        let log = self.scratch().join("voices.log");
        let begun = self.begun_ns;
        let voice = match &self.server {
            Server::PipeWire(server) => {
                let names: &[&str] = match says {
                    Says::Mic => &["Test Microphone:input_", "mic:input_"],
                    Says::Mic2 => &["Second Microphone:input_", "mic2:input_"],
                    Says::Loudspeaker => &["Test Speakers:playback_", "spk:playback_"],
                };
                speak(says, &Into::Ports(names), begun, log, |command| server.lead_jack(command))
            }
            Server::Jack(server) => speak(says, &Into::Clients, begun, log, |command| server.lead(command)),
            Server::PulseAudio(server) if says == Says::Loudspeaker => {
                // As long as any scene, and of one value, so that where it begins is no matter.
                let sound = self.scratch().join("loudspeaker.s16");
                fs::write(&sound, 8_192i16.to_le_bytes().repeat(2 * 90 * RATE as usize)).expect("room");
                Background::start(Path::new("pacat"), log, |command| {
                    command.args(["--playback", "--raw", "--format=s16le", "--rate=48000", "--channels=2"]);
                    server.lead(command.arg("--device=spk").arg(sound));
                })
            }
            Server::PulseAudio(server) => {
                let fifo = if says == Says::Mic2 { self.second_fifo() } else { server.fifo_path() };
                speak(says, &Into::Fifo(fifo), begun, log, |_| ())
            }
        };
        self.voices.push((says, voice));
    }

    /// `hearken VERB` with the options that lead it here.
    pub fn hearken(&self, verb: &str, input: Option<&str>) -> Command {
        let program = env!("CARGO_BIN_EXE_hearken");
        let mut command = self.client(program);
        command.args([verb, "--host", self.route.host()]);
        if let Some(input) = input {
            command.args(["--input", input]);
        }
        command
    }

    /// The system's own recorder, from the default microphone into a WAV file, for as long as it is let.
    pub fn recorder(&self, wav: &Path) -> Command {
        let mut command = match self.route {
            Route::A | Route::B => self.words("arecord -q -t wav -f FLOAT_LE -c 1 -r 48000"),
            Route::R => self.words("arecord -q -t wav -f S16_LE -c 2 -r 48000"),
            Route::C | Route::E2 => self.words("pw-record --format f32 --channels 1 --rate 48000"),
            Route::D1 => self.words("parec --format=float32le --channels=1 --rate=48000 --file-format=wav"),
            Route::D2 => self.words("parec --format=s16le --channels=2 --rate=48000 --file-format=wav"),
            Route::E1 => self.words("jack_rec -b 32 -d 600"),
        };
        if self.route == Route::E1 {
            command.arg("-f").arg(wav).arg("system:capture_1");
        } else {
            command.arg(wav);
        }
        command
    }

    fn words(&self, words: &str) -> Command {
        let mut words = words.split(' ');
        let mut command = self.client(words.next().expect("a program"));
        command.args(words);
        command
    }

    /// A program with the environment of this path.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        match &self.server {
            Server::PipeWire(server) if self.route == Route::E2 => server.lead_jack(&mut command),
            _ => self.place().lead(&mut command),
        }
        if self.route.host() == "alsa" {
            command.env("ALSA_CONFIG_PATH", self.asound_conf());
        }
        command
    }

    /// A directory for the scene's files.
    pub fn scratch(&self) -> PathBuf {
        self.place().scratch()
    }

    /// Where its server is.
    fn place(&self) -> &Place {
        match &self.server {
            Server::PipeWire(server) => server,
            Server::PulseAudio(server) => server,
            Server::Jack(server) => server,
        }
    }

    /// The moment that the microphones count from.
    pub fn begun_ns(&self) -> u64 {
        self.begun_ns
    }

    /// What servers and microphones said.
    pub fn log(&self) -> String {
        let voices = self.voices.first().map(|(_, voice)| voice.log()).unwrap_or_default();
        let server = match &self.server {
            Server::PipeWire(server) => server.log(),
            Server::PulseAudio(server) => server.log(),
            Server::Jack(server) => server.log(),
        };
        format!("{server}\n{voices}")
    }

    /// The server dies.
    pub fn kill(&mut self) {
        match &mut self.server {
            Server::PipeWire(server) => server.kill(),
            Server::PulseAudio(server) => server.kill(),
            Server::Jack(server) => server.kill(),
        }
    }

    /// It is started again, and the same speak as before.
    pub fn restart(&mut self) {
        let spoke: Vec<Says> = self.voices.drain(..).map(|(says, _)| says).collect();
        match &mut self.server {
            Server::PipeWire(server) => server.restart(),
            Server::PulseAudio(server) => server.restart(),
            Server::Jack(server) => server.restart(),
        }
        spoke.into_iter().for_each(|says| self.say(says));
    }

    /// The server stands still until [`go_on`](Self::go_on).
    pub fn stand_still(&mut self) {
        self.signal(Signal::SIGSTOP);
        self.stands_still = true;
    }

    /// It goes on.
    pub fn go_on(&mut self) {
        if std::mem::take(&mut self.stands_still) {
            self.signal(Signal::SIGCONT);
        }
    }

    fn signal(&mut self, signal: Signal) {
        match &mut self.server {
            Server::PipeWire(server) => server.signal(signal),
            Server::PulseAudio(server) => server.signal(signal),
            Server::Jack(server) => server.signal(signal),
        }
    }

    /// The graph goes on in blocks of `frames`.
    ///
    /// # Panics
    /// Where there is no such thing.
    pub fn quantum(&self, frames: u32) {
        match &self.server {
            Server::PipeWire(server) => {
                server.does(
                    "pw-metadata",
                    &["-n", "settings", "0", "clock.force-quantum", &frames.to_string()],
                );
            }
            Server::Jack(server) => server.period(frames),
            Server::PulseAudio(_) => panic!("PulseAudio has no quantum"),
        }
    }

    /// The default microphone is taken away.
    pub fn remove_mic(&self) {
        match &self.server {
            Server::PipeWire(server) => server.remove(MIC),
            Server::PulseAudio(server) => self.unload(server, "mic"),
            Server::Jack(_) => panic!("JACK has no devices"),
        }
    }

    /// It is there again, and the default.
    pub fn restore_mic(&self) {
        match &self.server {
            Server::PipeWire(server) => {
                server.add(MIC);
                server.wait_until_default(MIC);
            }
            Server::PulseAudio(server) => {
                load(server, "mic", &server.fifo_path());
                server.pactl("set-default-source mic");
            }
            Server::Jack(_) => panic!("JACK has no devices"),
        }
    }

    /// A second microphone is there, and speaks.
    pub fn add_second(&mut self) {
        match &self.server {
            Server::PipeWire(server) => server.add(MIC2),
            Server::PulseAudio(server) => load(server, "mic2", &self.second_fifo()),
            Server::Jack(_) => panic!("JACK has no devices"),
        }
        self.say(Says::Mic2);
    }

    /// The second one is taken away.
    pub fn remove_second(&self) {
        match &self.server {
            Server::PipeWire(server) => server.remove(MIC2),
            Server::PulseAudio(server) => self.unload(server, "mic2"),
            Server::Jack(_) => panic!("JACK has no devices"),
        }
    }

    /// The second one is the default.
    pub fn prefer_second(&self) {
        match &self.server {
            Server::PipeWire(server) => {
                server.does("pactl", &["set-default-source", "mic2"]);
                server.wait_until_default(MIC2);
            }
            Server::PulseAudio(server) => {
                server.pactl("set-default-source mic2");
            }
            Server::Jack(_) => panic!("JACK has no devices"),
        }
    }

    /// The program's id of the second microphone: a name in ALSA's configuration, else what `devices` lists.
    ///
    /// # Panics
    /// If it is not listed.
    pub fn second_id(&self) -> String {
        if self.route.host() == "alsa" {
            return "second".into();
        }
        let listed = self.hearken("devices", None).arg("--json").output().expect("the program");
        let devices: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        let is = |device: &&serde_json::Value| {
            ["id", "name"].iter().any(|key| {
                device[key].as_str().is_some_and(|text| text.contains("mic2") || text.contains(MIC2.name))
            })
        };
        let found = devices.as_array().and_then(|devices| devices.iter().find(is));
        let id = found.and_then(|device| device["id"].as_str());
        id.unwrap_or_else(|| panic!("no second microphone is listed: {devices:#}")).into()
    }

    fn second_fifo(&self) -> PathBuf {
        self.scratch().join("mic2.fifo")
    }

    fn asound_conf(&self) -> PathBuf {
        self.scratch().join("asound.conf")
    }

    fn unload(&self, server: &PulseServer, source: &str) {
        let modules = server.pactl("list short modules");
        let words = format!("source_name={source} ");
        let line = modules.lines().find(|line| line.contains(&words)).expect("its module");
        server.pactl(&format!("unload-module {}", line.split_whitespace().next().expect("a number")));
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // Whoever is stopped cannot end.
        self.go_on();
    }
}

fn load(server: &PulseServer, source: &str, fifo: &Path) {
    let fifo = fifo.display();
    server.pactl(&format!(
        "load-module module-pipe-source source_name={source} file={fifo} format=s16le rate={RATE} channels=2"
    ));
    let is = || server.pactl("list short sources").contains(&format!("\t{source}\t")).then_some(());
    assert!(wait_for(BOUND, is).is_some(), "no {source}:\n{}", server.log());
}

/// What a desktop with this path has: the default leads to the server, and one microphone is named.
fn asound_conf(route: Route) -> String {
    let (plugin, library, second) = match route {
        Route::A => {
            let file = "libasound_module_pcm_pipewire.so";
            ("pipewire", plugin(file).display().to_string(), "capture_node \"mic2\"")
        }
        _ => ("pulse", "libasound_module_pcm_pulse.so".to_owned(), "device \"mic2\""),
    };
    format!(
        "pcm_type.{plugin} {{ lib \"{library}\" }}\n\
         pcm.!default {{ type {plugin} hint {{ show on description \"Default ALSA Output\" }} }}\n\
         pcm.{plugin} {{ type {plugin} hint {{ show on description \"{plugin} Sound Server\" }} }}\n\
         pcm.second {{ type {plugin} {second} hint {{ show on description \"Second Microphone\" }} }}\n"
    )
}

/// ALSA's plugin for PipeWire: the system's, or the one that `cargo xtask setup` unpacked, because Debian's package of
/// it excludes PulseAudio's.
fn plugin(file: &str) -> PathBuf {
    let unpacked = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("pipewire-alsa").join("usr/lib");
    let mut libraries = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64"), unpacked];
    if let Some(another) = pipewire::unpacked() {
        libraries.insert(0, another.join("usr/lib"));
    }
    let with_kinds = libraries.iter().flat_map(|library| {
        let kinds = fs::read_dir(library).into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(library.clone()).chain(kinds)
    });
    let found = with_kinds.map(|folder| folder.join("alsa-lib").join(file)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{file} is nowhere: `cargo xtask setup` fetches it"))
}

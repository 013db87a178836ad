//! One private PipeWire with its session manager and its PulseAudio door: no card, no service of the user's.

use super::process::{Background, Place, answer};
use super::wait_for;
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::ops::Deref;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Names a folder that another PipeWire than the system's is unpacked in; `cargo xtask hosts --newer` sets it.
pub const ANOTHER: &str = "HEARKEN_PIPEWIRE";

/// How long all of it may take until it answers; half a second is usual.
const START_BOUND: Duration = Duration::from_secs(20);

/// Loudspeakers that make nothing sound, and a microphone: a null sink that counts as a source, so what is played into
/// it is what is recorded from it, in the same cycle.
const GRAPH: &str = r#"context.properties = { default.clock.rate = 48000  default.clock.allowed-rates = [ 48000 ] }
context.objects = [
  { factory = adapter args = { factory.name = support.null-audio-sink node.name = spk node.description = "Test Speakers"
      media.class = Audio/Sink audio.position = [ FL FR ] object.linger = true priority.session = 900
      monitor.channel-volumes = false } }
]
"#;

/// A microphone that can be made and taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name on the server.
    pub node: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// The session manager takes the highest for the default.
    priority: u32,
}

/// The default microphone.
pub const MIC: Source = Source { node: "mic", name: "Test Microphone", priority: 2000 };

/// Another one.
pub const MIC2: Source = Source { node: "mic2", name: "Second Microphone", priority: 1500 };

/// A running PipeWire in a directory of its own, at 48 kHz, with one-channel microphones and two loudspeakers.
#[derive(Debug)]
pub struct PipeWireServer {
    programs: Vec<Background>,
    // Last: the others end first.
    bus: Background,
    place: Place,
}

impl PipeWireServer {
    /// Starts a server with the microphone [`MIC`] and waits until that is the default.
    ///
    /// # Panics
    /// If a program is missing or it does not come up in 20 s: with the logs.
    pub fn start() -> Self {
        let place = place();
        let settings = match unpacked() {
            Some(another) => {
                let (from, to) = (another.join("usr/share/pipewire"), place.path("conf"));
                let copied = Command::new("cp").arg("-r").arg(from).arg(&to).status();
                assert!(copied.is_ok_and(|status| status.success()), "no PipeWire in {}", another.display());
                to.join("pipewire.conf.d")
            }
            None => place.path("home/.config/pipewire/pipewire.conf.d"),
        };
        fs::create_dir_all(&settings).expect("a private directory");
        fs::write(settings.join("10-test.conf"), GRAPH).expect("the server's settings");
        let socket = place.path("xdg/bus");
        let bus = place.run("dbus-daemon", |command| {
            command.args(["--session", "--nofork", "--nopidfile"]);
            command.arg(format!("--address={}", address(&socket)));
        });
        // Its socket is there before it listens, and who is refused does without.
        assert!(wait_for(START_BOUND, || UnixStream::connect(&socket).ok()).is_some(), "{}", bus.log());
        let mut server = Self { programs: Vec::new(), bus, place };
        server.restart();
        server
    }

    /// Starts its three programs, after [`kill`](Self::kill) as well, and waits until the microphone is the default.
    ///
    /// # Panics
    /// If it does not come up: with the logs.
    pub fn restart(&mut self) {
        let socket = self.place.path("xdg/pipewire-0");
        self.programs = vec![self.place.run("pipewire", |_| ())];
        assert!(wait_for(START_BOUND, || socket.exists().then_some(())).is_some(), "{}", self.log());
        self.programs.extend(["wireplumber", "pipewire-pulse"].map(|name| self.place.run(name, |_| ())));
        let up = wait_for(START_BOUND, || {
            self.asks("pactl get-default-sink").filter(|sink| sink.trim() == "spk").map(|_| ())
        });
        assert!(up.is_some(), "PipeWire did not come up:\n{}", self.log());
        self.add(MIC);
        self.wait_until_default(MIC);
    }

    /// Ends all three at once without a chance to say goodbye.
    pub fn kill(&mut self) {
        self.programs.iter_mut().for_each(Background::kill);
        for socket in ["pipewire-0", "pipewire-0.lock", "pulse/native"] {
            let _ = fs::remove_file(self.place.path("xdg").join(socket));
        }
    }

    /// Sends the server itself a signal; its session manager and its door go on.
    pub fn signal(&mut self, signal: Signal) {
        self.programs[0].signal(signal);
    }

    /// Makes a microphone.
    pub fn add(&self, source: Source) {
        let Source { node, name, priority } = source;
        self.does(
            "pw-cli",
            &[
                "create-node",
                "adapter",
                &format!(
                    "{{ factory.name=support.null-audio-sink node.name={node} node.description=\"{name}\" \
             media.class=Audio/Source/Virtual audio.position=[ MONO ] audio.channels=1 object.linger=true \
             priority.session={priority} }}"
                ),
            ],
        );
        let there = wait_for(START_BOUND, || self.id(node).map(|_| ()));
        assert!(there.is_some(), "no {node}:\n{}", self.log());
    }

    /// Takes a microphone away.
    ///
    /// # Panics
    /// If it is not there.
    pub fn remove(&self, source: Source) {
        let id = self.id(source.node).unwrap_or_else(|| panic!("no {}:\n{}", source.node, self.log()));
        self.does("pw-cli", &["destroy", &id.to_string()]);
        assert!(wait_for(START_BOUND, || self.id(source.node).is_none().then_some(())).is_some(), "it stays");
    }

    /// Waits until `source` is the default.
    pub fn wait_until_default(&self, source: Source) {
        let is =
            || self.asks("pactl get-default-source").filter(|name| name.trim() == source.node).map(|_| ());
        assert!(wait_for(START_BOUND, is).is_some(), "{} is not the default:\n{}", source.node, self.log());
    }

    /// Has `program` do something here.
    ///
    /// # Panics
    /// If it cannot.
    pub fn does(&self, program: &str, arguments: &[&str]) -> String {
        let said = answer(self.client(program).args(arguments));
        said.unwrap_or_else(|| panic!("{program} {arguments:?} fails:\n{}", self.log()))
    }

    /// The number of the node of this name.
    fn id(&self, node: &str) -> Option<u64> {
        let objects: Value = serde_json::from_str(&self.asks("pw-dump")?).ok()?;
        let is = |object: &&Value| {
            object["type"] == "PipeWire:Interface:Node" && object["info"]["props"]["node.name"] == node
        };
        objects.as_array()?.iter().find(is)?["id"].as_u64()
    }

    /// Gives `command` the environment of a client of JACK's: PipeWire's library in the place of JACK's.
    pub fn lead_jack(&self, command: &mut Command) {
        self.lead(command);
        // The loader puts in what the system's folder for libraries is called.
        let (libraries, more) = match unpacked().map(|another| libraries(&another)) {
            Some(libraries) => (libraries.display().to_string(), format!(":{}", libraries.display())),
            None => ("/usr/${LIB}".to_owned(), String::new()),
        };
        command.env("LD_LIBRARY_PATH", format!("{libraries}/pipewire-0.3/jack{more}"));
    }

    /// Numbers of its processes, by their names.
    pub fn processes(&self) -> Vec<u32> {
        self.programs.iter().map(Background::id).collect()
    }

    /// What its programs said.
    pub fn log(&self) -> String {
        let logs = self.programs.iter().map(Background::log).collect::<Vec<_>>();
        format!("{}\n{}", logs.join("\n"), self.bus.log())
    }
}

/// What its clients need.
impl Deref for PipeWireServer {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

fn address(bus: &Path) -> String {
    format!("unix:path={}", bus.display())
}

/// The folder of [`ANOTHER`].
pub fn unpacked() -> Option<PathBuf> {
    std::env::var_os(ANOTHER).map(PathBuf::from)
}

/// The libraries of what is unpacked in `root`.
fn libraries(root: &Path) -> PathBuf {
    let folders =
        fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten().map(|entry| entry.path());
    let found = folders.into_iter().find(|folder| folder.join("spa-0.2").is_dir());
    found.unwrap_or_else(|| panic!("no PipeWire in {}", root.display()))
}

/// Where server and clients find each other, and nothing of the user's own set-up.
fn place() -> Place {
    let mut place = Place::new("xdg/pipewire-0-manager", |directory| {
        [
            ("XDG_CONFIG_HOME", directory.join("home/.config").display().to_string()),
            ("DBUS_SESSION_BUS_ADDRESS", address(&directory.join("xdg/bus"))),
        ]
    });
    if let Some(another) = unpacked() {
        let (libraries, share) = (libraries(&another), another.join("usr/share/wireplumber"));
        let library = |name: &str| libraries.join(name).display().to_string();
        let conf = place.path("conf").display().to_string();
        place.extend([
            ("PATH", format!("{}:/usr/bin:/bin", another.join("usr/bin").display())),
            ("LD_LIBRARY_PATH", library("")),
            ("SPA_PLUGIN_DIR", library("spa-0.2")),
            ("PIPEWIRE_MODULE_DIR", library("pipewire-0.3")),
            ("PIPEWIRE_CONFIG_DIR", conf),
            ("WIREPLUMBER_MODULE_DIR", library("wireplumber-0.5")),
            ("WIREPLUMBER_CONFIG_DIR", share.display().to_string()),
            ("WIREPLUMBER_DATA_DIR", share.display().to_string()),
        ]);
    }
    place
}

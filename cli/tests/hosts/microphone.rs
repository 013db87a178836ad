//! The microphones: this program once more, as a process of its own that speaks until it is ended.
//!
//! On PipeWire and JACK it is a client whose real-time thread runs inside the graph, and so never late unless the graph
//! is; on PulseAudio it writes into a FIFO. What it says are positions on the scene's own time: whoever comes back
//! after a while goes on where the clock is.

use super::support::counted::{Code, LOUDSPEAKER, POSITIONS, SECOND, stereo16};
use super::support::process::Background;
use super::support::wait_for;
use jack::{
    AsyncClient, AudioOut, Client, ClientOptions, Control, NotificationHandler, Port, PortFlags, PortId,
    ProcessHandler, ProcessScope,
};
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Hz of every microphone here.
pub const RATE: u32 = 48_000;

/// The first argument that makes this program a microphone.
pub const FLAG: &str = "--microphone";

/// How far positions and the clock may be apart.
const NEAR: u32 = RATE / 4;

/// After a pause PipeWire counts the time once more, or runs faster until it has made up for it, or both: for so long it
/// has time to. Positions that are off the clock then follow it.
const MAKES_UP: u32 = RATE / 2;

/// A writer that was held for longer does not catch up: nothing keeps so much.
const LONGEST_LAG: Duration = Duration::from_secs(2);

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// Positions.
    Mic,
    /// Positions that no first microphone says.
    Mic2,
    /// What the loudspeakers play.
    Loudspeaker,
}

impl Says {
    fn word(self) -> &'static str {
        match self {
            Self::Mic => "mic",
            Self::Mic2 => "mic2",
            Self::Loudspeaker => "loudspeaker",
        }
    }
}

/// Where it is said.
#[derive(Clone, Debug)]
pub enum Into {
    /// Every input port of the graph whose full name begins with one of these, also those that come later.
    Ports(&'static [&'static str]),
    /// Every input port of clients: not the server's own.
    Clients,
    /// A FIFO of frames of two 16-bit samples.
    Fifo(PathBuf),
}

/// A moment that positions are counted from.
pub fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64)
}

/// Starts a microphone process; `lead` gives it a client's environment.
pub fn speak(
    says: Says,
    into: &Into,
    begun_ns: u64,
    log: PathBuf,
    lead: impl FnOnce(&mut Command),
) -> Background {
    let this = std::env::current_exe().expect("this program");
    Background::start(&this, log, |command| {
        command.args([FLAG, says.word(), &begun_ns.to_string()]);
        match into {
            Into::Ports(names) => command.arg("ports").args(*names),
            Into::Clients => command.arg("clients"),
            Into::Fifo(path) => command.arg("fifo").arg(path),
        };
        lead(command);
    })
}

/// The process itself: `SAYS BEGUN_NS ports NAME… | clients | fifo PATH`.
pub fn main(arguments: &[String]) -> ExitCode {
    let [says, begun, into, names @ ..] = arguments else { return ExitCode::from(2) };
    let Ok(begun_ns) = begun.parse() else { return ExitCode::from(2) };
    let base = if says == "mic2" { SECOND } else { 0 };
    let line = Line { begun_ns, base, constant: says == "loudspeaker", stands_for_good: into == "clients" };
    match (into.as_str(), names) {
        ("fifo", [path]) => line.into_fifo(Path::new(path)),
        ("ports", names) => line.into_graph(&|port| names.iter().any(|name| port.starts_with(name.as_str()))),
        ("clients", []) => line.into_graph(&|port| !port.starts_with("system:")),
        _ => ExitCode::from(2),
    }
}

/// What is said when.
#[derive(Clone, Copy)]
struct Line {
    begun_ns: u64,
    base: u32,
    constant: bool,
    /// What a pause of the server took is gone, whatever it counts.
    stands_for_good: bool,
}

impl Line {
    /// The position that is due now.
    fn due(self) -> u32 {
        let since = now_ns().saturating_sub(self.begun_ns);
        (u128::from(since) * u128::from(RATE) / 1_000_000_000) as u32
    }

    fn at(self, position: u32) -> u32 {
        self.base + position % (POSITIONS / 2)
    }

    fn into_graph(self, takes: &dyn Fn(&str) -> bool) -> ExitCode {
        loop {
            match Client::new("speaker", ClientOptions::NO_START_SERVER) {
                Ok((client, _)) => self.until_the_server_ends(client, takes),
                // Not there yet.
                Err(_) => sleep(Duration::from_millis(20)),
            }
        }
    }

    fn until_the_server_ends(self, client: Client, takes: &dyn Fn(&str) -> bool) {
        let Ok(port) = client.register_port("out_1", AudioOut::default()) else { return };
        let from = format!("{}:out_1", client.name());
        let changed = Arc::new(AtomicBool::new(true));
        let told = Ports(Arc::clone(&changed));
        let Ok(active) =
            client.activate_async(told, Speaker { line: self, port, next: None, off_since: None })
        else {
            return;
        };
        // Where the server dies, the test that killed it ends this process.
        loop {
            if changed.swap(false, Ordering::Relaxed) {
                self.connect(&active, &from, takes);
            }
            sleep(Duration::from_millis(2));
        }
    }

    fn connect(self, active: &AsyncClient<Ports, Speaker>, from: &str, takes: &dyn Fn(&str) -> bool) {
        let client = active.as_client();
        for port in client.ports(None, Some("32 bit float mono audio"), PortFlags::IS_INPUT) {
            if takes(&port) {
                // It is already, or its client has gone.
                let _ = client.connect_ports_by_name(from, &port);
            }
        }
    }

    fn into_fifo(self, path: &Path) -> ExitCode {
        let fifo = || OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
        loop {
            match fifo() {
                Ok(file) => self.until_it_breaks(file, path),
                Err(_) => sleep(Duration::from_millis(5)),
            }
        }
    }

    /// 10 ms at a time, each when its last frame is due, until nobody reads or the FIFO is another one.
    fn until_it_breaks(self, mut fifo: File, path: &Path) {
        let block = RATE / 100;
        let mut next = self.due();
        loop {
            sleep(Duration::from_secs(1) * (next + block).saturating_sub(self.due()) / RATE);
            let bytes: Vec<u8> = (next..next + block)
                .map(|position| if self.constant { [8_192; 2] } else { stereo16(self.at(position)) })
                .flat_map(|frame| [frame[0].to_le_bytes(), frame[1].to_le_bytes()].concat())
                .collect();
            if !put(&mut fifo, &bytes) || !is_at(&fifo, path) {
                return;
            }
            next += block;
            let due = self.due();
            if due > next + (LONGEST_LAG.as_millis() as u32) * (RATE / 1000) {
                next = due;
            }
        }
    }
}

/// Whether all was written.
fn put(fifo: &mut File, mut bytes: &[u8]) -> bool {
    let written = wait_for(Duration::from_secs(60), || match fifo.write(bytes) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Ok(count) => {
            bytes = &bytes[count..];
            bytes.is_empty().then_some(true)
        }
        Err(_) => Some(false),
    });
    written == Some(true)
}

fn is_at(fifo: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |data: std::io::Result<std::fs::Metadata>| data.map(|data| data.ino()).ok();
    number(fifo.metadata()) == number(path.metadata())
}

struct Ports(Arc<AtomicBool>);

impl NotificationHandler for Ports {
    fn port_registration(&mut self, _: &Client, _: PortId, is_registered: bool) {
        if is_registered {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

struct Speaker {
    line: Line,
    port: Port<AudioOut>,
    /// The server's count and our position where the next block begins, if nothing is lost.
    next: Option<(u32, u32)>,
    /// Since when our positions are off the clock.
    off_since: Option<u32>,
}

impl ProcessHandler for Speaker {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        let (count, frames) = (scope.last_frame_time(), scope.n_frames());
        // A device hands over what it has heard until now.
        let now = self.line.due().saturating_sub(frames);
        let (next, jump) = self.next.map_or((now, 0), |(due, next)| (next, count.wrapping_sub(due)));
        let counted = next.wrapping_add(jump);
        let is_near = |position: u32| position.abs_diff(now) < NEAR;
        let position = if jump < NEAR && is_near(counted) {
            // What the graph leaves out is left out here: it is a jump of the positions.
            counted
        } else if is_near(next) {
            // Another count.
            next
        } else if self.line.stands_for_good || self.off_since.is_some_and(|since| now >= since + MAKES_UP) {
            now
        } else {
            self.off_since.get_or_insert(now);
            next
        };
        if is_near(position) {
            self.off_since = None;
        }
        self.next = Some((count.wrapping_add(frames), position.wrapping_add(frames)));
        for (at, sample) in (position..).zip(self.port.as_mut_slice(scope)) {
            let [said, _] = Code::Float.frame(self.line.at(at));
            *sample = if self.line.constant { LOUDSPEAKER } else { said };
        }
        Control::Continue
    }
}

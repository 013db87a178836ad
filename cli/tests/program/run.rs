//! Runs the program and reads what it wrote.

use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far more than any of these runs takes; whatever hangs is a failure and not a wait.
pub const LIMIT: Duration = Duration::from_secs(60);

/// So long nothing comes out of a pipe whose program has ended: nothing will.
const QUIET: Duration = Duration::from_secs(5);

/// A directory of its own, in which the program runs.
pub struct Place {
    dir: TempDir,
}

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        // The machine's own audio stays out: a default device that does not open, one that is silent, and no server.
        let alsa = "pcm.silence { type null hint { show on description \"Silence\" } }\n";
        std::fs::write(dir.path().join("asound.conf"), alsa).expect("room");
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("room");
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.dir.path()).env("ALSA_CONFIG_PATH", self.path("asound.conf"));
        command.env_remove("PULSE_SERVER").env("XDG_RUNTIME_DIR", self.dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `hearken` with arguments that are split at spaces.
    pub fn hearken(&self, args: &str) -> Said {
        let child = self.command(env!("CARGO_BIN_EXE_hearken")).args(args.split_whitespace()).spawn();
        Said::by(child.expect("the program"))
    }

    /// The same, and it has to work; the account that `--json -` prints.
    pub fn take(&self, args: &str) -> Value {
        let said = self.hearken(&format!("record {args} --json -"));
        assert_eq!(said.code, Some(0), "{args}: {}", said.stderr);
        said.json()
    }
}

/// What a run has said.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// Waits for the end, within the limit.
    pub fn by(mut child: Child) -> Self {
        let stdout = Heard::of(child.stdout.take());
        let stderr = Heard::of(child.stderr.take());
        let Some(code) = ended(&mut child) else {
            let _ = child.kill();
            panic!("it did not end within {LIMIT:?}: {}", stderr.text());
        };
        let said = Self { code, stdout: stdout.text(), stderr: stderr.text() };
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        said
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

/// Waits for the end of a child, within the limit; none where it has not come.
pub fn ended(child: &mut Child) -> Option<Option<i32>> {
    let since = Instant::now();
    loop {
        match child.try_wait().expect("a child") {
            Some(status) => return Some(status.code()),
            None if since.elapsed() > LIMIT => return None,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// What comes out of a pipe, heard on a thread of its own.
struct Heard(Receiver<Vec<u8>>);

impl Heard {
    fn of(pipe: Option<impl Read + Send + 'static>) -> Self {
        let (send, heard) = channel();
        std::thread::spawn(move || {
            let Some(mut pipe) = pipe else { return };
            let mut piece = [0; 4096];
            while let Ok(len @ 1..) = pipe.read(&mut piece) {
                if send.send(piece[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self(heard)
    }

    /// All of it, of a program that has ended. Its pipe may go on without it: what an audio system starts for it, Wine's
    /// for one, lives longer and holds the other end.
    fn text(self) -> String {
        let pieces = std::iter::from_fn(|| self.0.recv_timeout(QUIET).ok());
        String::from_utf8(pieces.flatten().collect()).expect("text")
    }
}

/// A figure of an account, by its path: `/ledger/captured`.
pub fn figure(account: &Value, path: &str) -> u64 {
    account.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("no {path} in {account}"))
}

/// Frames of a WAV file, by somebody else's reader.
pub fn frames(path: &Path) -> u64 {
    let reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    u64::from(reader.duration())
}

/// A WAV file as simple as there can be: `tag` 1 is PCM, 3 is float.
pub fn wav(tag: u16, bits: u16, channels: u16, rate_hz: u32, data: &[u8]) -> Vec<u8> {
    let frame_bytes = bits / 8 * channels;
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    file.extend(tag.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate_hz.to_le_bytes());
    file.extend((rate_hz * u32::from(frame_bytes)).to_le_bytes());
    file.extend(frame_bytes.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file.resize(file.len().next_multiple_of(2), 0);
    let riff = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&riff.to_le_bytes());
    file
}

/// The content of a chunk of a WAV file.
pub fn chunk<'a>(file: &'a [u8], name: &[u8; 4]) -> &'a [u8] {
    let mut rest = &file[12..];
    loop {
        let (head, body) = rest.split_at_checked(8).expect("the chunk");
        let mut len = [0; 4];
        (&head[4..]).read_exact(&mut len).expect("four bytes");
        let len = u32::from_le_bytes(len) as usize;
        if head[..4] == name[..] {
            return &body[..len];
        }
        rest = &body[len.next_multiple_of(2)..];
    }
}

/// Bytes that look like nothing in particular, the same at every run.
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(step).collect()
}

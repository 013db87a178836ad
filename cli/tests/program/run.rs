//! Runs the program and reads what it wrote.

use serde_json::Value;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far more than any of these runs takes; whatever hangs is a failure and not a wait.
pub const LIMIT: Duration = Duration::from_secs(60);

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
    /// Waits for the end, within the limit. What these runs print fits into a pipe.
    pub fn by(mut child: Child) -> Self {
        let since = Instant::now();
        while child.try_wait().expect("a child").is_none() {
            if since.elapsed() > LIMIT {
                let _ = child.kill();
                panic!("it did not end within {LIMIT:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let Output { status, stdout, stderr } = child.wait_with_output().expect("what it said");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let said = Self { code: status.code(), stdout: text(stdout), stderr: text(stderr) };
        assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
        said
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
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

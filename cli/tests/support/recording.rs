//! The program at work: a child process that records, what it said and what it wrote.

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long the program may take to open a device or to end.
const BOUND: Duration = Duration::from_secs(15);

/// A running `hearken record`.
#[derive(Debug)]
pub struct Recording {
    process: Child,
    lines: Receiver<String>,
    said: String,
    wav: PathBuf,
    json: PathBuf,
}

/// What a finished recording left.
#[derive(Debug)]
pub struct Take {
    /// The WAV file.
    pub wav: PathBuf,
    /// The object written by `--json`.
    pub json: Value,
    /// What the program said.
    pub said: String,
}

impl Recording {
    /// Starts `hearken record` with `arguments` in `directory` and waits until the device plays.
    ///
    /// # Panics
    /// If the program ends or says nothing of recording: with what it said.
    pub fn start(mut client: Command, directory: &Path, arguments: &str) -> Self {
        let (wav, json) = (directory.join("take.wav"), directory.join("take.json"));
        client.arg("record").arg(&wav).arg("--json").arg(&json).args(arguments.split_whitespace());
        client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = client.spawn().expect("the program starts");
        let stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let (send, lines) = channel();
        // It ends with the program, whose standard error it is.
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let mut recording = Self { process, lines, said: String::new(), wav, json };
        recording.listen(BOUND, "recording");
        recording
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the program has ended on its own, `seconds` from now at the latest save for a margin.
    ///
    /// # Panics
    /// If it does not end, fails or leaves no ledger: with what it said.
    pub fn finish(mut self, seconds: u64) -> Take {
        self.listen(Duration::from_secs(seconds) + BOUND, "");
        let status = self.process.wait().expect("the program's status");
        assert!(status.success(), "{status}:\n{}", self.said);
        let json = fs::read_to_string(&self.json).expect("the object of --json");
        let json: Value = serde_json::from_str(&json).expect("valid JSON");
        assert_eq!(json["schema"], "hearken.take/1", "{json:#}");
        Take { wav: self.wav.clone(), json, said: std::mem::take(&mut self.said) }
    }

    /// Listens until a line contains `word`, or with an empty `word` until the program is silent for ever.
    fn listen(&mut self, bound: Duration, word: &str) {
        let end = Instant::now() + bound;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said += &line;
                    self.said.push('\n');
                    if !word.is_empty() && line.to_lowercase().contains(word) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Disconnected) if word.is_empty() => return,
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the program ended before it said `{word}`:\n{}", self.said)
                }
                Err(RecvTimeoutError::Timeout) => panic!("the program hangs after:\n{}", self.said),
            }
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Take {
    /// A count of the JSON object, by its path, as in `/ledger/captured`.
    ///
    /// # Panics
    /// If there is no such count.
    pub fn count(&self, path: &str) -> u64 {
        let value = self.json.pointer(path).and_then(Value::as_u64);
        value.unwrap_or_else(|| panic!("no count at {path} in {:#}", self.json))
    }

    /// That nothing was dropped and the books balance.
    pub fn assert_whole(&self) {
        assert_eq!(self.count("/ledger/dropped"), 0, "{:#}", self.json);
        assert_eq!(self.json["ledger"]["balanced"], true, "{:#}", self.json);
        let parts: u64 = ["delivered", "dropped", "discarded"]
            .iter()
            .map(|part| self.count(&format!("/ledger/{part}")))
            .sum();
        assert_eq!(self.count("/ledger/captured"), parts, "{:#}", self.json);
    }
}

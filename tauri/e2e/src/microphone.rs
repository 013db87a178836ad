//! The writer behind the FIFO microphone: its pace is the device's clock.

use crate::server::{PulseServer, RATE_HZ};
use crate::wait_for;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the server may leave the FIFO unopened or full.
const BOUND: Duration = Duration::from_secs(5);

/// Somebody who speaks the same again and again, until dropped.
#[derive(Debug)]
pub struct Microphone {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Microphone {
    /// Speaks `samples` into the microphone of `server`, from the first one on.
    ///
    /// # Panics
    /// If the server does not listen.
    pub fn speak(server: &PulseServer, samples: Vec<i16>) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let mut fifo = open(&server.fifo_path());
        let asked = end.clone();
        let thread = thread::spawn(move || {
            let mut due = Instant::now();
            for block in samples.chunks_exact(RATE_HZ as usize / 100).cycle() {
                let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                if asked.load(Ordering::Relaxed) || !put(&mut fifo, &bytes) {
                    return;
                }
                due += Duration::from_millis(10);
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Self { end, thread: Some(thread) }
    }
}

impl Drop for Microphone {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Opens without blocking: a FIFO without a reader refuses a writer, until the server has opened it.
fn open(fifo: &Path) -> File {
    let attempt = || OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(fifo).ok();
    wait_for(BOUND, attempt).expect("nobody reads the microphone's FIFO")
}

/// Writes all of `bytes`, waiting while the FIFO is full; whether somebody still reads.
fn put(fifo: &mut File, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let written = wait_for(BOUND, || match fifo.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            other => Some(other),
        });
        let Some(Ok(written)) = written else { return false };
        bytes = &bytes[written..];
    }
    true
}

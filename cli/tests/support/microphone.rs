//! The writer behind the FIFO microphone: its pace is the device's clock.

use super::server::PulseServer;
use super::wait_for;
use nix::fcntl::OFlag;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the server may leave the FIFO unopened or full.
const BOUND: Duration = Duration::from_secs(5);

/// How the writer speaks: blocks of 10 ms by the clock, unless told otherwise.
#[derive(Clone, Debug)]
pub struct Microphone {
    fifo: PathBuf,
    rate: u32,
    channels: u16,
    block: u32,
    stall: Option<(u64, Duration)>,
}

impl Microphone {
    /// The microphone of `server`, in its rate and channels.
    pub fn of(server: &PulseServer) -> Self {
        let (rate, channels) = (server.rate, server.channels);
        Self { fifo: server.fifo_path(), rate, channels, block: rate / 100, stall: None }
    }

    /// Speaks into another FIFO.
    pub fn into(self, fifo: PathBuf) -> Self {
        Self { fifo, ..self }
    }

    /// Writes `frames` at a time instead of 10 ms.
    pub fn block(self, frames: u32) -> Self {
        Self { block: frames.max(1), ..self }
    }

    /// Pauses once for `pause` before the first block that starts at or after `frame`; the rest comes later by it.
    pub fn stall(self, frame: u64, pause: Duration) -> Self {
        Self { stall: Some((frame, pause)), ..self }
    }

    /// Starts to write `samples` (interleaved, frames * channels) on a thread of its own.
    pub fn speak(&self, samples: Vec<i16>) -> Speech {
        let end = Arc::new(AtomicBool::new(false));
        let (microphone, asked) = (self.clone(), Arc::clone(&end));
        let thread = thread::spawn(move || microphone.write(&samples, &asked));
        Speech { end, thread: Some(thread) }
    }

    /// Gives the frames written: all, or fewer when asked to end.
    fn write(&self, samples: &[i16], end: &AtomicBool) -> io::Result<u64> {
        let mut fifo = open(&self.fifo)?;
        let mut due = Instant::now();
        let mut frames = 0;
        let mut stall = self.stall;
        for block in samples.chunks(self.block as usize * usize::from(self.channels)) {
            if end.load(Ordering::Relaxed) {
                break;
            }
            if let Some((_, pause)) = stall.take_if(|(at, _)| frames >= *at) {
                thread::sleep(pause);
                due += pause;
            }
            let bytes: Vec<u8> = block.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            put(&mut fifo, &bytes)?;
            frames += (block.len() / usize::from(self.channels)) as u64;
            due += Duration::from_secs(1) * self.block / self.rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        Ok(frames)
    }
}

/// A clip on its way into the microphone; dropped, it ends early.
#[derive(Debug)]
pub struct Speech {
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<u64>>>,
}

impl Speech {
    /// Waits until everything is written. Gives the frames.
    pub fn finish(mut self) -> io::Result<u64> {
        self.thread.take().expect("it is taken once").join().expect("the writer panicked")
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Opens without blocking: a FIFO without a reader refuses a writer, until the server has opened it.
fn open(fifo: &Path) -> io::Result<File> {
    let attempt = || OpenOptions::new().write(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(fifo).ok();
    wait_for(BOUND, attempt)
        .ok_or_else(|| io::Error::new(ErrorKind::TimedOut, "nobody reads the microphone's FIFO"))
}

/// Writes all of `bytes`, waiting while the FIFO is full.
fn put(fifo: &mut File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = wait_for(BOUND, || match fifo.write(bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            other => Some(other),
        });
        let full = || io::Error::new(ErrorKind::TimedOut, "the server stopped reading the microphone");
        bytes = &bytes[written.ok_or_else(full)??..];
    }
    Ok(())
}

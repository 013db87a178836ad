//! The thread that writes: chunks into a file that keeps the tap's time.

use super::Written;
use super::sidecar::{self, Hole, Sidecar, State};
use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::tap::chunk::Chunk;
use crate::tap::receiver::Receiver;
use crate::timeline::{Cause, Gap};
use crate::wav::{Encoding, WavFormat, WavWriter};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// Longer holes are not filled: a laptop that slept overnight must not wake up to 8 hours of silence.
const LONGEST_FILL: Duration = Duration::from_secs(60);
/// What waits is written together, up to so much: a disk that takes seconds over every write falls behind no further.
const BATCH_SECONDS: usize = 5;
/// How often it looks after the disk and the file's name.
const INTERVAL: Duration = Duration::from_secs(1);

/// What is to be done with the chunks.
pub(super) struct Job {
    /// Open from the start, so that it stays the same one whatever becomes of its name.
    pub file: File,
    pub path: PathBuf,
    /// It is ours and empty: without a take it goes.
    pub is_new: bool,
    pub sidecar: bool,
    pub durable: bool,
    /// When the capture's input was first opened, once it was.
    pub first_open: Box<dyn Fn() -> Option<SystemTime> + Send>,
    /// A disk that takes so long over every system call.
    #[cfg(test)]
    pub stall: Duration,
}

impl Job {
    /// Writes what `receiver` gets, in the encoding that `encoding` chooses for the tap's sample format.
    pub fn run<T: Copy>(
        self,
        mut receiver: Receiver<T>,
        encoding: impl Fn(SampleFormat) -> Result<Encoding, Error>,
        encode: impl FnMut(SampleFormat, &[T], &mut Vec<u8>),
    ) -> Result<Written, Error> {
        let first = receiver.recv();
        let Some(StreamFormat { rate_hz, channels, sample }) = receiver.format() else {
            if self.is_new {
                let _ = std::fs::remove_file(&self.path);
            }
            return Err(Error::new(ErrorKind::NoDevice, "the capture never started; nothing was written"));
        };
        let format = WavFormat { rate_hz, channels, encoding: encoding(sample)? };
        let file = WavWriter::over(self.file, &self.path, format)?;
        #[cfg(test)]
        let file = file.stalling(self.stall);
        if !self.sidecar {
            sidecar::forget(&self.path);
        }
        let sidecar = self.sidecar.then(|| {
            let first_frame = first.as_ref().map(Chunk::captured_at).unwrap_or_default();
            Sidecar::new(&self.path, format, (self.first_open)(), first_frame)
        });
        let looked = Instant::now();
        let (durable, bytes) = (self.durable, Vec::new());
        let mut take = Take { file, sidecar, durable, sample, encode, bytes, position: 0, cut: 0, looked };
        // A tap that could not go on ended early, and says why.
        let written = take.write_all(first, &mut receiver);
        let written = written.and_then(|()| receiver.error().map_or(Ok(()), Err));
        if receiver.is_cancelled() {
            return Err(take.cancel(&self.path));
        }
        take.end(written, receiver.ledger().behind)
    }
}

/// A file in the making.
struct Take<E> {
    file: WavWriter,
    sidecar: Option<Sidecar>,
    durable: bool,
    sample: SampleFormat,
    encode: E,
    /// Encoded and not written yet.
    bytes: Vec<u8>,
    /// The tap's next frame.
    position: u64,
    /// Frames of the tap that have no place in the file.
    cut: u64,
    /// When the disk and the file's name were last looked after.
    looked: Instant,
}

impl<E> Take<E> {
    fn write_all<T: Copy>(
        &mut self,
        mut next: Option<Chunk<T>>,
        receiver: &mut Receiver<T>,
    ) -> Result<(), Error>
    where
        E: FnMut(SampleFormat, &[T], &mut Vec<u8>),
    {
        let mut encoded = Vec::new();
        while let Some(chunk) = next {
            self.account(&chunk)?;
            (self.encode)(self.sample, chunk.samples(), &mut encoded);
            self.bytes.extend_from_slice(&encoded);
            self.position = chunk.position() + u64::from(chunk.frames());
            drop(chunk);
            next = if self.bytes.len() < self.batch_bytes() { receiver.try_recv() } else { None };
            if next.is_none() {
                self.flush()?;
                self.look(receiver.ledger().behind)?;
                next = receiver.recv();
            }
        }
        Ok(())
    }

    /// What is missing before a chunk: silence, or a cut; and a note of it.
    fn account<T: Copy>(&mut self, chunk: &Chunk<T>) -> Result<(), Error> {
        let missing = chunk.position().saturating_sub(self.position);
        let known = |gap: &&Gap| gap.cause != Cause::Behind;
        let known_frames: u64 = chunk.gaps().iter().filter(known).map(|gap| gap.frames).sum();
        // Chunks that the queue had no room for took what they knew of holes with them.
        let behind = missing.saturating_sub(known_frames);
        if behind > 0 {
            self.hole(behind, 0, Cause::Behind)?;
        }
        for gap in chunk.gaps().iter().filter(known) {
            self.hole(gap.frames, gap.error_frames, gap.cause)?;
        }
        if let Some(sidecar) = &mut self.sidecar {
            for loss in chunk.losses() {
                let position = loss.position.saturating_sub(self.cut);
                sidecar.loss(crate::timeline::Verdict { position, ..*loss });
            }
        }
        Ok(())
    }

    fn hole(&mut self, frames: u64, error_frames: u64, cause: Cause) -> Result<(), Error> {
        self.flush()?;
        let longest = LONGEST_FILL.as_secs() * u64::from(self.file.format().rate_hz);
        // Whoever mutes wants the time to run on, and so does whoever has a slow disk.
        let is_filled = match cause {
            Cause::Muted | Cause::Behind => true,
            Cause::Paused => false,
            _ => frames <= longest,
        };
        let (position, filled) = (self.file.frames(), if is_filled { frames } else { 0 });
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.hole(Hole { position, frames, error_frames, filled, cause });
        }
        self.cut += frames - filled;
        self.write_silence(filled)
    }

    fn write_silence(&mut self, mut frames: u64) -> Result<(), Error> {
        let format = self.file.format();
        // WAV's 8-bit samples are unsigned.
        let silence = if format.encoding == Encoding::U8 { 0x80 } else { 0 };
        let most = (self.batch_bytes() / format.frame_bytes()) as u64;
        let piece = vec![silence; frames.min(most) as usize * format.frame_bytes()];
        while frames > 0 {
            let now = frames.min(most);
            self.file.write(&piece[..now as usize * format.frame_bytes()])?;
            frames -= now;
        }
        Ok(())
    }

    fn batch_bytes(&self) -> usize {
        let format = self.file.format();
        BATCH_SECONDS * format.rate_hz as usize * format.frame_bytes()
    }

    fn flush(&mut self) -> Result<(), Error> {
        if !self.bytes.is_empty() {
            self.file.write(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    /// About once a second: the disk, the file's name, the sidecar.
    fn look(&mut self, behind: u64) -> Result<(), Error> {
        if self.looked.elapsed() < INTERVAL {
            return Ok(());
        }
        self.check()?;
        if let Some(sidecar) = &mut self.sidecar {
            sidecar.look(self.file.frames(), behind);
        }
        self.looked = Instant::now();
        Ok(())
    }

    fn check(&mut self) -> Result<(), Error> {
        if self.file.is_deleted() {
            let message = "the file was deleted while it was written, and what it held went with it";
            return Err(Error::new(ErrorKind::Io, message));
        }
        if self.durable { self.file.sync() } else { Ok(()) }
    }

    /// `take.cancel()` says that nobody is to find it.
    fn cancel(self, path: &Path) -> Error {
        let Self { file, sidecar, .. } = self;
        drop(file);
        if sidecar.is_some() {
            sidecar::forget(path);
        }
        match std::fs::remove_file(path) {
            Err(error) => Error::io("cannot remove", path, &error),
            Ok(()) => Error::new(ErrorKind::Cancelled, "the take was cancelled; its file is removed"),
        }
    }

    /// Closes the file, whatever came before, and then the sidecar.
    fn end(mut self, written: Result<(), Error>, behind: u64) -> Result<Written, Error> {
        let written = written.and_then(|()| self.check());
        let (format, frames) = (self.file.format(), self.file.frames());
        let Self { file, sidecar, cut, .. } = self;
        let finished = file.finish();
        // Of several failures the first is the one to tell.
        let written = written.and(finished);
        let kept = sidecar.map_or(Ok(()), |sidecar| {
            let state = written.as_ref().map_or_else(State::Failed, |_| State::Complete);
            sidecar.finish(frames, behind, &state)
        });
        let frames = written?;
        kept.map_err(|error| {
            let message =
                format!("all {frames} frames are in the file, but not the account beside it: {error}");
            Error::new(error.kind(), message)
        })?;
        Ok(Written { format, frames, behind, cut })
    }
}

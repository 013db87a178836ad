//! The worker's end of a trace, and the thread that writes it: a slow disk never holds the worker.

use super::{Entry, MAGIC, SAMPLES, TraceContent, VERSION};
use crate::error::{Error, ErrorKind};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

/// What is gathered before it goes to the disk, at most: so many bytes, so long. A kill costs no more.
const BATCH: usize = 64 << 10;
const INTERVAL: Duration = Duration::from_millis(500);
/// Batches that may wait for the disk: about a minute, or 8 MiB of audio.
const WAITING: usize = 128;

/// Entries in a row, and their number.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    entries: u64,
}

/// What the worker writes with.
#[derive(Debug)]
pub(crate) struct Writer {
    pub content: TraceContent,
    /// Hold the worker rather than lose an entry: for a source that waits as well.
    waits: bool,
    batch: Batch,
    /// When the last batch went.
    sent: Duration,
    disk: SyncSender<Batch>,
    /// Entries for which there was no room.
    lost: Arc<AtomicU64>,
    is_cut: bool,
}

impl Writer {
    fn new(content: TraceContent, waits: bool) -> (Self, Receiver<Batch>) {
        let (disk, batches) = sync_channel(WAITING);
        let (batch, sent, lost) = (Batch::default(), Duration::ZERO, Arc::default());
        (Self { content, waits, batch, sent, disk, lost, is_cut: false }, batches)
    }

    pub fn add(&mut self, entry: &Entry<'_>) {
        if !entry.put(self.content, &mut self.batch.bytes) {
            return;
        }
        self.batch.entries += 1;
        let is_due = match entry {
            Entry::Tick(tick) if tick.now.saturating_sub(self.sent) >= INTERVAL => {
                self.sent = tick.now;
                true
            }
            Entry::End { .. } => true,
            _ => self.batch.bytes.len() >= BATCH,
        };
        if is_due {
            self.send();
        }
    }

    fn send(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let entries = batch.entries;
        let sent = !self.is_cut
            && if self.waits { self.disk.send(batch).is_ok() } else { self.disk.try_send(batch).is_ok() };
        if !sent {
            // What would come behind a hole is of no use.
            self.is_cut = true;
            self.lost.fetch_add(entries, Ordering::Relaxed);
        }
    }
}

/// However the worker ends, what it has given so far is written.
impl Drop for Writer {
    fn drop(&mut self) {
        self.send();
    }
}

/// A trace that is being written. Dropping it leaves the writing to go on until the capture ends.
#[derive(Debug)]
pub struct TraceFile {
    thread: thread::JoinHandle<Result<(), Error>>,
}

impl TraceFile {
    /// Waits until everything is in the file and the file is closed. Stop the capture first.
    ///
    /// # Errors
    /// `Io` when the disk was full or too slow: the trace ends early, and what is in it can be replayed.
    pub fn finish(self) -> Result<(), Error> {
        self.thread.join().unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Internal, "the thread that writes the trace panicked; it ends early"))
        })
    }
}

/// Creates the file, in place of one that is there, and starts the thread that writes it.
pub(crate) fn create(path: &Path, content: TraceContent, waits: bool) -> Result<(Writer, TraceFile), Error> {
    let mut file = open(path).map_err(|error| Error::io("cannot create", path, &error))?;
    let kept = if content == TraceContent::WithAudio { SAMPLES } else { 0 };
    let head = [&MAGIC[..], &VERSION.to_le_bytes(), &[kept]].concat();
    file.write_all(&head).map_err(|error| Error::io("cannot write", path, &error))?;
    let (writer, batches) = Writer::new(content, waits);
    let thread = thread::Builder::new()
        .name("hearken-trace".into())
        .spawn({
            let (path, lost) = (path.to_owned(), writer.lost.clone());
            move || write(file, &batches, &lost).map_err(|error| Error::io("cannot write", &path, &error))
        })
        .map_err(|error| Error::new(ErrorKind::Internal, format!("no thread could be started: {error}")))?;
    Ok((writer, TraceFile { thread }))
}

/// Only its owner reads a trace: the names of devices are in it, and perhaps what was said.
fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    #[cfg(unix)]
    if file.metadata().is_ok_and(|there| there.is_file()) {
        use std::os::unix::fs::PermissionsExt;
        // The mode above is for new files only; not every file system has modes.
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
    }
    Ok(file)
}

/// Writes until the worker has gone; marks where entries are missing.
fn write(mut file: impl Write, batches: &Receiver<Batch>, lost: &AtomicU64) -> std::io::Result<()> {
    for batch in batches {
        file.write_all(&batch.bytes)?;
    }
    // The worker's last word was its sender's end, which came after its last count.
    let entries = lost.load(Ordering::Relaxed);
    if entries == 0 {
        return Ok(());
    }
    let mut mark = Vec::new();
    Entry::Lost { entries }.put(TraceContent::WithoutAudio, &mut mark);
    file.write_all(&mark)?;
    let message = format!("the disk is too slow; the trace ends early, and {entries} entries are missing");
    Err(std::io::Error::other(message))
}

#[cfg(test)]
mod tests {
    use super::super::{Reader, Tick};
    use super::*;

    /// A trace of so many seconds whose disk stands still until the end: what the worker could do meanwhile.
    fn stalled(seconds: u64, path: &Path) -> std::io::Result<()> {
        let (mut writer, batches) = Writer::new(TraceContent::WithoutAudio, false);
        let lost = writer.lost.clone();
        for now in (0..seconds).map(Duration::from_secs) {
            writer.add(&Entry::Tick(Tick { now, ..Tick::default() }));
        }
        drop(writer);
        let mut file = open(path)?;
        file.write_all(&MAGIC)?;
        file.write_all(&[VERSION as u8, 0, 0, 0, 0])?;
        write(file, &batches, &lost)
    }

    #[test]
    fn a_disk_that_stands_still_holds_nobody_and_what_it_costs_is_counted_where_the_trace_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.trace");
        stalled(60, &path).expect("a minute is nothing");
        let error = stalled(1000, &path).expect_err("a quarter of an hour is too long");
        let mut reader = Reader::open(&path).expect("a trace");
        let mut kept = 0;
        let lost = loop {
            match reader.next().expect("an entry") {
                Entry::Tick(tick) => {
                    assert_eq!(tick.now, Duration::from_secs(kept));
                    kept += 1;
                }
                Entry::Lost { entries } => break entries,
                other => panic!("{other:?}"),
            }
        };
        assert!(kept >= WAITING as u64 && kept + lost == 1000, "{kept} kept, {lost} lost");
        assert!(error.to_string().contains(&format!("{lost} entries are missing")), "{error}");
        assert!(reader.next().is_err(), "the mark is the last");
    }
}

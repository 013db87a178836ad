//! The engine once more, on what a trace says it was given.

mod books;

use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::event::{EventKind, StopReason};
use crate::format::{SampleFormat, StreamFormat};
use crate::handoff::newest;
use crate::intake::{Content, Header};
use crate::record::Live;
use crate::report::Report;
use crate::signal::picture::Picture;
use crate::tap::{self, Chunk, FileTap, Receiver, Tap, WavFile};
use crate::timeline::Anchor;
use crate::trace::{Entry, Reader, Tick, TraceContent};
use books::Books;
use std::path::Path;
use std::time::{Duration, Instant};

/// A capture that happened, as its [trace](crate::Capture::trace) tells: the same chunks, with the same positions,
/// capture times, gaps and losses, and the same account, as often as wanted and as fast as the machine can.
///
/// Any tap may listen, whatever listened then, from the first frame on. Without audio in the trace every sample is
/// silent, and the rest is as it was. Takes and pictures are not replayed.
///
/// ```no_run
/// # fn main() -> Result<(), hearken::Error> {
/// let mut replay = hearken::Replay::open("odd.trace")?;
/// replay.each(hearken::Tap::new(), |chunk| println!("{:?} {:?}", chunk.captured_at(), chunk.gaps()))?;
/// println!("{:#?}", replay.run()?.events);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Replay {
    reader: Reader,
    engine: Engine,
}

impl Replay {
    /// Opens a trace.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied` or `Io` from the file; `UnsupportedFormat` for what is no trace, or one of a newer
    /// version.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let reader = Reader::open(path.as_ref())?;
        let (picture, _) = newest::newest(&Picture::default());
        let mut engine = Engine::new(picture, Duration::ZERO);
        engine.is_deaf = reader.content == TraceContent::WithoutAudio;
        Ok(Self { reader, engine })
    }

    /// What is kept in the trace.
    pub fn content(&self) -> TraceContent {
        self.reader.content
    }

    /// Adds a tap whose chunks go to `closure`, on the thread that [runs](Self::run). If it panics, this tap ends and
    /// the others go on.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn each(&mut self, tap: Tap, closure: impl FnMut(Chunk) + Send + 'static) -> Result<(), Error> {
        self.engine.welcome(tap::closure(tap, Box::new(closure))?);
        Ok(())
    }

    /// Adds a tap whose chunks wait in a queue. What finds no room there is lost, as it is with a capture: with
    /// [`WhenFull::Wait`](crate::WhenFull::Wait) the replay waits for a receiver on another thread.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn receiver(&mut self, tap: Tap) -> Result<Receiver, Error> {
        let (pipe, receiver) = tap::receiver(tap, Duration::ZERO, Duration::ZERO)?;
        self.engine.welcome(pipe);
        Ok(receiver)
    }

    /// Adds a tap that fills a WAV file. With [`WhenFull::Wait`](crate::WhenFull::Wait) the replay waits for the disk.
    ///
    /// # Errors
    /// As [`Capture::file`](crate::Capture::file).
    pub fn file(&mut self, file: FileTap) -> Result<WavFile, Error> {
        let (pipe, writer) = tap::file(file, Duration::ZERO, || None)?;
        self.engine.welcome(pipe);
        Ok(writer)
    }

    /// Replays everything. The account is the capture's own. Where the trace ends early it goes so far, and
    /// [`StopReason::TraceEnded`] says why; what had not come by then is pending.
    ///
    /// # Errors
    /// `BadArgument` when a tap asks for a channel that the device lacks; `Io` when the trace ends before a device was
    /// open.
    pub fn run(self) -> Result<Report, Error> {
        let Self { mut reader, engine } = self;
        let mut player = Player {
            engine,
            first_open: Instant::now(),
            books: Books::new(reader.content),
            live: Live::default(),
            silence: Vec::new(),
            reason: None,
            tick: Tick::default(),
            end: None,
        };
        let cut = loop {
            let entry = match reader.next() {
                Ok(entry) => entry,
                Err(error) => break error,
            };
            if let Entry::Lost { entries } = entry {
                let message =
                    format!("the trace ends early: the disk was too slow for {entries} more entries");
                break Error::new(ErrorKind::Io, message);
            }
            if !player.books.allow(&entry) {
                break reader.damaged();
            }
            player.play(entry)?;
            if player.end.is_some() {
                return player.report(None);
            }
        };
        player.report(Some(cut))
    }
}

/// A replay on its way.
#[derive(Debug)]
struct Player {
    engine: Engine,
    first_open: Instant,
    books: Books,
    /// The newest figures of the open epoch.
    live: Live,
    /// What stands for audio that was not kept.
    silence: Vec<u8>,
    /// Why the capture ended, once that was told.
    reason: Option<StopReason>,
    tick: Tick,
    /// Late callbacks, and whether the device was let go of.
    end: Option<(u64, bool)>,
}

impl Player {
    fn play(&mut self, entry: Entry<'_>) -> Result<(), Error> {
        match entry {
            Entry::Begin { info, at, stream_ns, error, is_own } => {
                let anchor = Anchor { at: self.first_open + at, stream_ns, error, is_own };
                if self.engine.is_deaf {
                    self.silence = silence(info.format);
                }
                self.live = Live::default();
                self.engine.begin(info, &anchor, self.first_open)?;
            }
            Entry::Block { header, seen, xruns, native } => self.block(&header, seen, xruns, native),
            Entry::Look { live, now } => {
                self.live = live;
                self.engine.look(&live, now);
            }
            Entry::Leave { last, live, why } => self.engine.leave(last.as_ref(), &live, why),
            Entry::Tick(tick) => self.tick(tick),
            Entry::Told(kind) => {
                if let EventKind::Stopped(reason) = &kind {
                    self.reason = Some(reason.clone());
                }
                self.engine.tell(kind);
            }
            Entry::End { tick, late_callbacks, released } => {
                self.tick(tick);
                self.end = Some((late_callbacks, released));
            }
            Entry::Lost { .. } => {}
        }
        Ok(())
    }

    fn tick(&mut self, tick: Tick) {
        self.engine.tick(tick.now);
        self.tick = tick;
    }

    fn block(&mut self, header: &Header, seen: Duration, xruns: u64, native: &[u8]) {
        if !self.engine.is_deaf || header.content != Content::Audio {
            return self.engine.block(header, native, seen, xruns);
        }
        let len = self.books.bytes(header);
        while self.silence.len() < len {
            self.silence.extend_from_within(..);
        }
        self.engine.block(header, &self.silence[..len], seen, xruns);
    }

    /// The account; `cut`: why the trace ends early.
    fn report(mut self, cut: Option<Error>) -> Result<Report, Error> {
        if self.books.is_open() {
            self.engine.leave(None, &self.live, None);
        }
        let (gaps, provisional, epochs) = self.engine.finish();
        let reason = match (self.reason, cut) {
            (Some(reason), _) => reason,
            (None, cut) => {
                let cut = cut.unwrap_or_else(|| Error::new(ErrorKind::Io, "the trace says no reason"));
                let reason = StopReason::TraceEnded(cut);
                self.engine.tell(EventKind::Stopped(reason.clone()));
                reason
            }
        };
        let input = epochs.last().map(|epoch| epoch.input.clone()).or(self.engine.input());
        let input = input.ok_or_else(|| match &reason {
            StopReason::TraceEnded(error) => error.clone(),
            _ => Error::new(ErrorKind::Io, "no device was open while this was traced"),
        })?;
        let mut stats = self.engine.stats;
        stats.wakeups = self.tick.wakeups;
        stats.slow_closures = self.tick.slow_closures;
        if self.engine.is_deaf {
            stats.repaired_samples = self.tick.repaired_samples;
        }
        let (late_callbacks, released) = self.end.unwrap_or_default();
        let events = self.engine.bulletin.told();
        Ok(Report { reason, input, stats, gaps, provisional, epochs, events, late_callbacks, released })
    }
}

/// A frame of silence in the device's own format.
fn silence(format: StreamFormat) -> Vec<u8> {
    let sample = match format.sample {
        SampleFormat::U8 => (1_u8 << 7).to_ne_bytes().to_vec(),
        SampleFormat::U16 => (1_u16 << 15).to_ne_bytes().to_vec(),
        SampleFormat::U24 => (1_u32 << 23).to_ne_bytes().to_vec(),
        SampleFormat::U32 => (1_u32 << 31).to_ne_bytes().to_vec(),
        SampleFormat::U64 => (1_u64 << 63).to_ne_bytes().to_vec(),
        other => vec![0; other.bytes()],
    };
    sample.repeat(format.channels.into())
}

//! A tap that writes a WAV file, on a thread of its own: a slow disk never holds the worker.
//!
//! [`writing`] is that thread, [`sidecar`] the account that it keeps beside the file.

mod sidecar;
#[cfg(test)]
mod tests;
mod writing;

use super::assembler::GapPolicy;
use super::native::NativePipe;
use super::pipe::{AudioPipe, Pipe, Sink};
use super::receiver::{Queue, Receiver};
use super::{Tap, WhenFull, held_back};
use crate::error::{Error, ErrorKind};
use crate::time::{Clock, Spawned};
use crate::wav::encode::{self, Dither};
use crate::wav::{self, Encoding, WavFormat, WavWriter};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use writing::Job;

/// How long a file waits at least for what is found out late, in milliseconds.
const HOLD_BACK_MS: u32 = 250;
/// What is written at once. A kill costs this and what is held back, which is a multiple of it.
const CHUNK_MS: u32 = 125;

/// What goes into a file.
#[derive(Clone, Debug)]
enum Content {
    /// A tap's chunks, in this encoding.
    Tap(Tap, Encoding),
    /// The device's own samples, bit for bit.
    Native,
}

/// A file to be written: where, and what goes in.
///
/// The file keeps the tap's time: silence of exact zeros stands for every hole up to 60 s, for time that was muted, and
/// for what a slow disk has cost. A longer hole is cut out, as a pause is, and counted in [`Written::cut`].
///
/// A program that is killed leaves a valid file that misses less than 1 s, or as much more as
/// [`hold_back_ms`](Self::hold_back_ms) asks for beyond 500 ms.
#[derive(Clone, Debug)]
pub struct FileTap {
    path: PathBuf,
    content: Content,
    /// Both instead of the tap's own.
    when_full: Option<WhenFull>,
    hold_back_ms: Option<u32>,
    dither: bool,
    sidecar: bool,
    durable: bool,
}

/// Sample formats of a file whose samples are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "lowercase"))]
pub enum FileFormat {
    /// Signed 16-bit.
    #[default]
    I16,
    /// Signed 24-bit.
    I24,
    /// 32-bit float: what the tap delivers, unrounded.
    F32,
}

impl FileTap {
    /// A file of what `tap` delivers. The tap's queue is the time for which a disk may stand still, in chunks of
    /// 125 ms: the tap's own chunk length, hop and gap policy are for listeners and mean nothing here.
    pub fn new(path: impl Into<PathBuf>, tap: Tap, format: FileFormat) -> Self {
        let encoding = match format {
            FileFormat::I16 => Encoding::I16,
            FileFormat::I24 => Encoding::I24,
            FileFormat::F32 => Encoding::F32,
        };
        Self::of(path.into(), Content::Tap(tap, encoding))
    }

    /// A file of the device's own samples: its rate, its channels, its sample format, bit for bit.
    ///
    /// WAV has no signed 8-bit and no unsigned 16-, 24- and 32-bit samples: those are written with their sign bit
    /// flipped, as U8, I16, I24 and I32, which is reversible. 64-bit integers are refused when the device opens.
    pub fn native(path: impl Into<PathBuf>) -> Self {
        Self::of(path.into(), Content::Native)
    }

    fn of(path: PathBuf, content: Content) -> Self {
        let (when_full, hold_back_ms) = (None, None);
        Self { path, content, when_full, hold_back_ms, dither: false, sidecar: true, durable: false }
    }

    /// What happens when the disk has stood still for longer than the queue lasts. Default: the tap's own, for a
    /// native file [`WhenFull::DropNew`]. With [`Pace::Fast`](crate::Pace::Fast) it should be [`WhenFull::Wait`].
    pub fn when_full(self, when_full: WhenFull) -> Self {
        Self { when_full: Some(when_full), ..self }
    }

    /// Writes everything so much later, as [`Tap::hold_back_ms`], with the same range. Default: the tap's own if it has
    /// one, or else as long as it takes until a loss is known, within bounds: 250 ms where the stamps are a device's and its
    /// callbacks short, more with long ones, 500 ms at most, which it is behind an audio server. There a loss takes 2.5 s to
    /// be known; it stands where it was found, as the account says, and with 2,500 here where it happened.
    pub fn hold_back_ms(self, ms: u32) -> Self {
        Self { hold_back_ms: Some(ms), ..self }
    }

    /// Dither of triangular density for [`FileFormat::I16`]; without effect on the other formats, whose steps lie
    /// below any converter's noise, and on native files. Default: off. A microphone's own noise spans many steps of
    /// 16 bits and dithers already, and a 16-bit device at its own rate stays bit-exact. It is worth its noise (4.8 dB
    /// more than rounding alone) where the sound is quieter than a step: a loud room turned far down, a clean source.
    pub fn dither(self, dither: bool) -> Self {
        Self { dither, ..self }
    }

    /// Keeps an account beside the file, `NAME.wav.json` (schema `hearken.file/1`, readable by its owner only): the
    /// format, when the first frame was captured, every hole and loss, and at the end how it ended. It is there from the
    /// file's first frame on, also when nothing is missing; it is replaced as a whole, at most once a second while there
    /// is news, so it is valid at every moment. Default: on. Without it, the account that an earlier file of that name
    /// has left is removed, and nothing else of that name.
    pub fn sidecar(self, sidecar: bool) -> Self {
        Self { sidecar, ..self }
    }

    /// Has the file put on the disk itself about once a second, so that a power failure costs little more than that.
    /// A kill costs as little without it. Default: off, since it keeps a disk awake and may hold the writing up for as
    /// long as a slow one has other things to do.
    pub fn durable(self, durable: bool) -> Self {
        Self { durable, ..self }
    }
}

/// A file that is being written. Dropping it leaves the writing to go on until the capture ends.
#[derive(Debug)]
pub struct WavFile {
    writer: Spawned<Result<Written, Error>>,
}

/// What is in a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Written {
    /// Rate, channels and encoding.
    pub format: WavFormat,
    /// Frames.
    pub frames: u64,
    /// Frames that were lost because the disk did not keep up; silence stands for them, except at the very end.
    pub behind: u64,
    /// Frames of pauses and of holes of more than 60 s, for which nothing stands.
    pub cut: u64,
}

impl WavFile {
    /// Whether nothing more will be written. While the capture runs this means that writing has failed, and
    /// [`finish`](Self::finish) says why.
    pub fn is_finished(&self) -> bool {
        self.writer.is_finished()
    }

    /// Waits until everything is in the file and the file is closed. Stop the capture first.
    ///
    /// # Errors
    /// `Io` when writing failed: the message says how many frames are safe; the file is valid as far as it goes. Or
    /// when somebody has deleted the file, or the account beside it could not be kept.
    /// `NoDevice` when the capture never started: a file that was there before is untouched, and otherwise there
    /// is none.
    pub fn finish(self) -> Result<Written, Error> {
        self.writer.join().unwrap_or_else(|_| {
            let message = "the thread that writes the file panicked; the file is valid as far as it goes";
            Err(Error::new(ErrorKind::Internal, message))
        })
    }
}

/// Creates the file, if it is not there, and the tap that fills it. What a file holds is replaced when the capture
/// has started and not before, but an unwritable path is found here. `first_open`: when the capture's input was
/// opened, once it was.
pub(crate) fn file(
    file: FileTap,
    pre_roll: Duration,
    first_open: impl Fn() -> Option<SystemTime> + Send + 'static,
) -> Result<(Box<dyn Pipe>, WavFile), Error> {
    let FileTap { path, content, when_full, hold_back_ms, dither, sidecar, durable } = file;
    let tap = match &content {
        Content::Tap(tap, _) => tap.clone(),
        Content::Native => Tap::new().device_rate().queue(80, WhenFull::DropNew),
    };
    let tap = tap.chunk_ms(CHUNK_MS);
    let asked = hold_back_ms.or(tap.hold_back_ms);
    let (hold_back_ms, follows) = (asked.or(Some(HOLD_BACK_MS)), asked.is_none());
    let when_full = when_full.unwrap_or(tap.when_full);
    let tap = Tap { hop: None, gaps: GapPolicy::Split, hold_back_ms, follows, when_full, ..tap };
    tap.check()?;
    let (file, is_new) = open(&path)?;
    let job = Job {
        file,
        path,
        is_new,
        sidecar,
        durable,
        first_open: Box::new(first_open),
        #[cfg(test)]
        stall: Duration::ZERO,
    };
    let chunks = tap.queue_for(Duration::ZERO, pre_roll);
    match content {
        Content::Tap(_, encoding) => {
            let queue = Queue::new(chunks, when_full);
            let receiver = Receiver::new(queue.clone());
            let mut dither = (dither && encoding == Encoding::I16).then(Dither::new);
            let encode = move |_, samples: &[f32], bytes: &mut Vec<u8>| match &mut dither {
                Some(dither) => dither.encode_i16(samples, bytes),
                None => encode::encode_f32(samples, encoding, bytes),
            };
            let writer = start(move || job.run(receiver, |_| Ok(encoding), encode))?;
            Ok((held_back::<f32>(tap.clone(), AudioPipe::new(tap, Sink::Queue(queue))), writer))
        }
        Content::Native => {
            let queue = Queue::new(chunks, when_full);
            let receiver = Receiver::new(queue.clone());
            let writer = start(move || job.run(receiver, encode::native_encoding, encode::encode_native))?;
            Ok((held_back::<u8>(tap.clone(), NativePipe::new(tap, Sink::Queue(queue))), writer))
        }
    }
}

fn start(writing: impl FnOnce() -> Result<Written, Error> + Send + 'static) -> Result<WavFile, Error> {
    #[cfg(feature = "tracing")]
    let writing = || {
        writing().inspect_err(|error| {
            // Neither is the file's fault.
            if !matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::NoDevice) {
                tracing::error!(%error, "file failed");
            }
        })
    };
    let writer = Clock::here().spawn("hearken-file", |_| writing()).map_err(|error| {
        Error::new(ErrorKind::Internal, format!("no thread could be started: {error}; nothing was started"))
    })?;
    Ok(WavFile { writer })
}

/// The file, and whether it was not there before. An earlier take is opened and not touched: the device may yet fail to
/// open.
fn open(path: &Path) -> Result<(File, bool), Error> {
    let there = std::fs::metadata(path);
    if there.as_ref().is_ok_and(|there| there.is_file()) {
        let opened = OpenOptions::new().write(true).open(path);
        return opened.map(|file| (file, false)).map_err(|error| Error::io("cannot write", path, &error));
    }
    let file = wav::open(path)?;
    // The device's rate and channels are not known yet; the header is written anew when they are.
    let provisional = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I16 };
    let same = file.try_clone().map_err(|error| Error::io("cannot write", path, &error))?;
    drop(WavWriter::over(same, path, provisional)?);
    Ok((file, there.is_err()))
}

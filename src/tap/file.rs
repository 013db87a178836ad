//! A tap that writes a WAV file, on a thread of its own: a slow disk never holds the worker.

use super::native::NativePipe;
use super::pipe::{AudioPipe, Pipe, Sink};
use super::receiver::{Queue, Receiver};
use super::{Tap, WhenFull};
use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::timeline::Cause;
use crate::wav::{Encoding, WavFormat, WavWriter, encode};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::thread;

/// What goes into a file.
#[derive(Clone, Debug)]
enum Content {
    /// A tap's chunks, in this encoding.
    Tap(Tap, Encoding),
    /// The device's own samples, bit for bit.
    Native,
}

/// A file to be written: where, and what goes in.
#[derive(Clone, Debug)]
pub struct FileTap {
    path: PathBuf,
    content: Content,
    /// Instead of the tap's own.
    when_full: Option<WhenFull>,
}

/// Sample formats of a file whose samples are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// A file of what `tap` delivers. The tap's queue is the time for which a disk may stand still.
    pub fn new(path: impl Into<PathBuf>, tap: Tap, format: FileFormat) -> Self {
        let encoding = match format {
            FileFormat::I16 => Encoding::I16,
            FileFormat::I24 => Encoding::I24,
            FileFormat::F32 => Encoding::F32,
        };
        Self { path: path.into(), content: Content::Tap(tap, encoding), when_full: None }
    }

    /// A file of the device's own samples: its rate, its channels, its sample format, bit for bit.
    ///
    /// WAV has no signed 8-bit and no unsigned 16-, 24- and 32-bit samples: those are written with their sign bit
    /// flipped, as U8, I16, I24 and I32, which is reversible. 64-bit integers are refused when the device opens.
    pub fn native(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), content: Content::Native, when_full: None }
    }

    /// What happens when the disk has stood still for longer than the queue lasts. Default: the tap's own, for a
    /// native file [`WhenFull::DropNew`]. With [`Pace::Fast`](crate::Pace::Fast) it should be [`WhenFull::Wait`].
    pub fn when_full(self, when_full: WhenFull) -> Self {
        Self { when_full: Some(when_full), ..self }
    }
}

/// A file that is being written. Dropping it leaves the writing to go on until the capture ends.
#[derive(Debug)]
pub struct WavFile {
    writer: thread::JoinHandle<Result<Written, Error>>,
}

/// What is in a finished file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rate, channels and encoding.
    pub format: WavFormat,
    /// Frames.
    pub frames: u64,
    /// Frames that were lost because the disk did not keep up; silence stands for them, except at the very end.
    pub behind: u64,
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
    /// `Io` when writing failed: the message says how many frames are safe; the file is valid as far as it goes.
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
/// has started and not before, but an unwritable path is found here.
pub(crate) fn file(file: FileTap) -> Result<(Box<dyn Pipe>, WavFile), Error> {
    match file.content {
        Content::Tap(tap, encoding) => {
            tap.check()?;
            let queue = Queue::new(tap.queue, file.when_full.unwrap_or(tap.when_full));
            let encode = move |_, samples: &[f32], bytes: &mut Vec<u8>| {
                encode::encode_f32(samples, encoding, bytes);
            };
            let writer = start(file.path, Receiver::new(queue.clone()), move |_| Ok(encoding), encode)?;
            Ok((Box::new(AudioPipe::new(tap, Sink::Queue(queue))), writer))
        }
        Content::Native => {
            let tap = Tap::new().device_rate().chunk_ms(100).queue(100, WhenFull::DropNew);
            let queue = Queue::new(tap.queue, file.when_full.unwrap_or(tap.when_full));
            let receiver = Receiver::new(queue.clone());
            let writer = start(file.path, receiver, encode::native_encoding, encode::encode_native)?;
            Ok((Box::new(NativePipe::new(tap, Sink::Queue(queue))), writer))
        }
    }
}

/// Starts the thread that writes what `receiver` gets, in the encoding that `encoding` chooses for the tap's sample
/// format.
fn start<T: Copy + Send + 'static>(
    path: PathBuf,
    mut receiver: Receiver<T>,
    encoding: impl Fn(SampleFormat) -> Result<Encoding, Error> + Send + 'static,
    encode: impl Fn(SampleFormat, &[T], &mut Vec<u8>) + Send + 'static,
) -> Result<WavFile, Error> {
    let is_new = check_writable(&path)?;
    let writer = thread::Builder::new().name("hearken-file".into()).spawn(move || {
        let mut next = receiver.recv();
        let Some(StreamFormat { rate_hz, channels, sample }) = receiver.format() else {
            if is_new {
                let _ = std::fs::remove_file(&path);
            }
            return Err(Error::new(ErrorKind::NoDevice, "the capture never started; nothing was written"));
        };
        let format = WavFormat { rate_hz, channels, encoding: encoding(sample)? };
        let mut file = WavWriter::create(&path, format)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = next {
            // What a slow disk has cost is silence: the file keeps its time.
            for gap in chunk.gaps().iter().filter(|gap| gap.cause == Cause::Behind) {
                write_silence(&mut file, gap.frames)?;
            }
            encode(sample, chunk.samples(), &mut bytes);
            file.write(&bytes)?;
            drop(chunk);
            next = receiver.recv();
        }
        Ok(Written { format, frames: file.finish()?, behind: receiver.ledger().behind })
    });
    let writer = writer.map_err(|error| {
        Error::new(ErrorKind::Internal, format!("no thread could be started: {error}; nothing was started"))
    })?;
    Ok(WavFile { writer })
}

fn write_silence(file: &mut WavWriter, mut frames: u64) -> Result<(), Error> {
    let format = file.format();
    // WAV's 8-bit samples are unsigned.
    let silence = if format.encoding == Encoding::U8 { 0x80 } else { 0 };
    let piece = vec![silence; format.rate_hz as usize * format.frame_bytes()];
    while frames > 0 {
        let now = frames.min(format.rate_hz.into());
        file.write(&piece[..now as usize * format.frame_bytes()])?;
        frames -= now;
    }
    Ok(())
}

/// Whether there is a file now that was not there before. An earlier take is opened and not touched: the device may
/// yet fail to open.
fn check_writable(path: &Path) -> Result<bool, Error> {
    let there = std::fs::metadata(path);
    if there.as_ref().is_ok_and(|there| there.is_file()) {
        let opened = OpenOptions::new().write(true).open(path);
        return opened.map(|_| false).map_err(|error| Error::io("cannot write", path, &error));
    }
    // The device's rate and channels are not known yet; the header is written anew when they are.
    let provisional = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I16 };
    drop(WavWriter::create(path, provisional)?);
    Ok(there.is_err())
}

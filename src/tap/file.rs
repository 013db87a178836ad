//! A tap that writes a WAV file, on a thread of its own: a slow disk never holds the worker.

use super::chunk::Chunk;
use super::pipe::{AudioPipe, NativePipe, Pipe, Sink};
use super::receiver::{Queue, Receiver};
use super::{Tap, WhenFull};
use crate::error::{Error, ErrorKind};
use crate::format::StreamFormat;
use crate::wav::{Encoding, WavFormat, WavWriter, encode};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
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
    /// Frames that are not in the file because the disk did not keep up.
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
            let receiver = Receiver::new(queue.clone());
            let format = move |receiver: &Receiver<f32>| {
                let format = receiver.format()?;
                Some(Ok(WavFormat { rate_hz: format.rate_hz, channels: format.channels, encoding }))
            };
            let encode = move |chunk: &Chunk<f32>, bytes: &mut Vec<u8>| {
                encode::encode_f32(chunk.samples(), encoding, bytes);
            };
            let writer = start(file.path, receiver, format, encode)?;
            Ok((Box::new(AudioPipe::new(tap, Sink::Queue(queue))), writer))
        }
        Content::Native => {
            let tap = Tap::new().device_rate().chunk_ms(100).queue(100, WhenFull::DropNew);
            let queue = Queue::new(tap.queue, file.when_full.unwrap_or(tap.when_full));
            let receiver = Receiver::new(queue.clone());
            let device = Arc::new(OnceLock::<StreamFormat>::new());
            let (known, told) = (device.clone(), device.clone());
            let format = move |_: &Receiver<u8>| {
                let StreamFormat { rate_hz, channels, sample } = *known.get()?;
                let encoding = encode::native_encoding(sample);
                Some(encoding.map(|encoding| WavFormat { rate_hz, channels, encoding }))
            };
            let encode = move |chunk: &Chunk<u8>, bytes: &mut Vec<u8>| {
                if let Some(format) = device.get() {
                    encode::encode_native(format.sample, chunk.samples(), bytes);
                }
            };
            let writer = start(file.path, receiver, format, encode)?;
            Ok((Box::new(NativePipe::new(tap, Sink::Queue(queue), told)), writer))
        }
    }
}

fn start<T: Copy + Send + 'static>(
    path: PathBuf,
    mut receiver: Receiver<T>,
    format: impl Fn(&Receiver<T>) -> Option<Result<WavFormat, Error>> + Send + 'static,
    encode: impl Fn(&Chunk<T>, &mut Vec<u8>) + Send + 'static,
) -> Result<WavFile, Error> {
    let is_new = check_writable(&path)?;
    let writer = thread::Builder::new().name("hearken-file".into()).spawn(move || {
        let mut next = receiver.recv();
        let Some(format) = format(&receiver) else {
            if is_new {
                let _ = std::fs::remove_file(&path);
            }
            return Err(Error::new(ErrorKind::NoDevice, "the capture never started; nothing was written"));
        };
        let format = format?;
        let mut file = WavWriter::create(&path, format)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = next {
            encode(&chunk, &mut bytes);
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

//! The file that is written: of everything, or of what is said.

use crate::args::RecordArgs;
use crate::failure::Failure;
use crate::sink::Target;
use hearken::wav::{Encoding, WavFormat, WavWriter, encode};
use hearken::{
    Capture, Detector, Error, ErrorKind, FileTap, Gain, Speech, SpeechReceiver, TakePlan, Tap, Voice,
    WavFile, WhenFull, Written,
};
use std::path::Path;
use std::thread::{self, JoinHandle};

/// Chunks of 160 ms that wait for the disk: 10 s.
const QUEUE: usize = 64;
/// The rate at which voice is found.
const VOICE_HZ: u32 = 16_000;

/// Who the file's tap is asked of.
pub enum Asked<'a> {
    Capture(&'a Capture),
    Take(&'a mut TakePlan),
}

/// A file that is being written.
#[derive(Debug)]
pub enum Output {
    All(WavFile),
    Speech(JoinHandle<Result<Said, Error>>),
}

/// What is in a finished file.
#[derive(Debug)]
pub struct Said {
    pub written: Written,
    /// Of a file of speech, where its segments lay: frames from the recording's start, one behind the other in the file.
    pub segments: Option<Vec<Segment>>,
}

/// A stretch of speech, in frames of the file's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub start: u64,
    pub end: u64,
}

impl Output {
    /// # Errors
    /// Those of the path and of the tap. Nothing is written before there is audio.
    pub fn open(args: &RecordArgs, asked: Asked<'_>) -> Result<Self, Failure> {
        let Some(detector) = args.voice else {
            let tap = file_tap(args);
            return Ok(Self::All(match asked {
                Asked::Capture(capture) => capture.file(tap)?,
                Asked::Take(plan) => plan.file(tap)?,
            }));
        };
        // Whether it can be written, without touching what is there.
        drop(Target::open(&args.out)?);
        let (tap, voice) = (tap(args), Voice::new().detector(detector));
        let speech = match asked {
            Asked::Capture(capture) => capture.speech(tap, voice)?,
            Asked::Take(plan) => plan.speech(tap, voice)?,
        };
        let (path, encoding) = (args.out.clone(), encoding(args));
        let writing = thread::Builder::new()
            .name("hearken-speech".into())
            .spawn(move || write(speech, &path, encoding));
        let writing =
            writing.map_err(|error| Failure::run(format!("no thread could be started: {error}")))?;
        Ok(Self::Speech(writing))
    }

    /// Whether nothing more will be written.
    pub fn is_finished(&self) -> bool {
        match self {
            Self::All(file) => file.is_finished(),
            Self::Speech(writing) => writing.is_finished(),
        }
    }

    /// Waits until everything is in the file.
    ///
    /// # Errors
    /// `Io` when writing failed; `NoDevice` when there was nothing to write.
    pub fn finish(self) -> Result<Said, Error> {
        match self {
            Self::All(file) => file.finish().map(|written| Said { written, segments: None }),
            Self::Speech(writing) => writing.join().unwrap_or_else(|_| {
                Err(Error::new(ErrorKind::Internal, "the thread that writes the file panicked"))
            }),
        }
    }
}

fn tap(args: &RecordArgs) -> Tap {
    let tap = Tap::new()
        .rate_hz(args.rate)
        .channels(args.channels.clone())
        .quality(args.quality)
        .gain(Gain::new(args.gain))
        .queue(QUEUE, when_full(args));
    match args.high_pass {
        Some(corner_hz) => tap.high_pass_hz(corner_hz),
        None => tap,
    }
}

/// A file or a synthetic input that runs as fast as it can waits for the disk.
fn when_full(args: &RecordArgs) -> WhenFull {
    if args.fast { WhenFull::Wait } else { WhenFull::DropNew }
}

fn file_tap(args: &RecordArgs) -> FileTap {
    let file = if args.native {
        FileTap::native(&args.out)
    } else {
        FileTap::new(&args.out, tap(args), args.format.into())
    };
    file.when_full(when_full(args)).dither(args.dither).sidecar(args.sidecar).durable(args.durable)
}

fn encoding(args: &RecordArgs) -> Encoding {
    use crate::args::Format;
    match args.format {
        Format::I16 => Encoding::I16,
        Format::I24 => Encoding::I24,
        Format::F32 => Encoding::F32,
    }
}

/// Writes the segments one behind the other; a hole within one is silence, so that it keeps its length.
fn write(mut speech: SpeechReceiver, path: &Path, encoding: Encoding) -> Result<Said, Error> {
    let format = WavFormat { rate_hz: VOICE_HZ, channels: 1, encoding };
    let (mut file, mut bytes) = (None, Vec::new());
    let mut segments: Vec<Segment> = Vec::new();
    while let Some(heard) = speech.recv() {
        let file = match &mut file {
            Some(file) => file,
            none => none.insert(WavWriter::create(path, format)?),
        };
        let mut up_to = |segment: &mut Segment, position: u64, samples: &[f32]| {
            let silence = vec![0.0; position.saturating_sub(segment.end) as usize];
            for samples in [&silence, samples] {
                encode::encode_f32(samples, encoding, &mut bytes);
                file.write(&bytes)?;
            }
            segment.end = position + samples.len() as u64;
            Ok(())
        };
        match (heard, segments.last_mut()) {
            (Speech::Started { position, .. }, _) => {
                segments.push(Segment { start: position, end: position })
            }
            (Speech::Chunk(chunk), Some(segment)) => up_to(segment, chunk.position(), chunk.samples())?,
            (Speech::Ended { position }, Some(segment)) => up_to(segment, position, &[])?,
            _ => {}
        }
    }
    let ledger = speech.ledger();
    // Nobody spoke, or nothing was heard at all: an empty file in either case.
    let file = match file {
        Some(file) => file,
        None if ledger.offered == 0 => return Err(Error::new(ErrorKind::NoDevice, "nothing was captured")),
        None => WavWriter::create(path, format)?,
    };
    let frames = file.finish()?;
    let written = Written { format, frames, behind: ledger.behind, cut: 0 };
    Ok(Said { written, segments: Some(segments) })
}

/// A detector of this build, as `--voice` takes it.
///
/// # Errors
/// The names that there are.
pub fn detector(name: &str) -> Result<Detector, String> {
    Detector::ALL.iter().copied().find(|detector| detector.name() == name).ok_or_else(|| {
        let known: Vec<_> = Detector::ALL.iter().map(|detector| detector.name()).collect();
        format!("this build has {}", known.join(", "))
    })
}

//! A file's frames, as a device would deliver them.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::encode::decode_native;
use super::header::{SIZE_IN_DS64, SUBFORMAT_TAIL, TAG_EXTENSIBLE, TAG_FLOAT, TAG_PCM};
use super::{Encoding, WavFormat};
use crate::{Error, ErrorKind, StreamFormat};

/// A file with more chunks before its data is none of ours to walk.
const MAX_CHUNKS: usize = 10_000;

/// Reads the frames of a RIFF or RF64 file, also of one that was cut while it was written.
#[derive(Debug)]
pub struct WavReader {
    file: File,
    path: PathBuf,
    format: WavFormat,
    frames: u64,
    /// Frames not read yet, `0..=frames`.
    left: u64,
    /// Bytes as the file has them; grows to the largest read.
    raw: Vec<u8>,
}

impl WavReader {
    /// Opens a file and reads its header. Where a cut recording claims more than there is, or nothing
    /// (a size of 0 or 0xFFFFFFFF that nothing explains), the whole frames that are there count.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`, `Io` from the system; `UnsupportedFormat` when the file is empty, no
    /// WAV, cut within its header, without data, or in an encoding, rate or channel count not taken here;
    /// the message says which.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let cannot_read = |error: io::Error| refused(&path, error.into());
        let (mut file, len) = open_regular(&path).map_err(|refusal| refused(&path, refusal))?;
        let found = parse(&mut BufReader::new(&file), len).map_err(|refusal| refused(&path, refusal))?;
        file.seek(SeekFrom::Start(found.data_start)).map_err(cannot_read)?;
        let Found { format, frames, .. } = found;
        Ok(Self { file, path, format, frames, left: frames, raw: Vec::new() })
    }

    /// What [`read`](Self::read) delivers; 24-bit samples take 4 bytes there.
    pub fn format(&self) -> StreamFormat {
        self.format.native()
    }

    /// How the file stores its samples.
    pub fn encoding(&self) -> Encoding {
        self.format.encoding
    }

    /// Frames of the whole file, as counted when it was opened.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Replaces `out` by the next frames, `max_frames` at most, in the machine's byte order as a device
    /// delivers them. Returns their number: less than `max_frames` only at the end, 0 after it.
    ///
    /// # Errors
    /// `Io` when the system refuses: `out` is empty, and the position in the file is not known any more.
    pub fn read(&mut self, out: &mut Vec<u8>, max_frames: usize) -> Result<usize, Error> {
        out.clear();
        let frame_bytes = self.format.frame_bytes();
        let wanted = self.left.min(max_frames as u64) as usize;
        self.raw.clear();
        let got = (&mut self.file)
            .take(wanted as u64 * frame_bytes as u64)
            .read_to_end(&mut self.raw)
            .map_err(|error| Error::io("cannot read", &self.path, &error))?;
        // Less only when somebody has cut the file since it was opened.
        let frames = got / frame_bytes;
        self.left = if frames < wanted { 0 } else { self.left - frames as u64 };
        decode_native(self.format.encoding, &self.raw[..frames * frame_bytes], out);
        Ok(frames)
    }
}

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum Refusal {
    Io(io::Error),
    Content(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<&str> for Refusal {
    fn from(what: &str) -> Self {
        Self::Content(what.to_owned())
    }
}

/// The error for it.
pub(super) fn refused(path: &Path, refusal: Refusal) -> Error {
    match refusal {
        Refusal::Io(error) => Error::io("cannot read", path, &error),
        Refusal::Content(what) => {
            Error::new(ErrorKind::UnsupportedFormat, format!("cannot read {}: {what}", path.display()))
        }
    }
}

/// A regular file and its length. Others are not opened: opening a pipe would wait for its writer.
pub(super) fn open_regular(path: &Path) -> Result<(File, u64), Refusal> {
    if !std::fs::metadata(path)?.is_file() {
        return Err("it is no regular file".into());
    }
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// What the header says, and what is there.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) format: WavFormat,
    pub(super) data_start: u64,
    pub(super) frames: u64,
}

/// Walks the chunks of a file of `len` bytes up to its data.
pub(super) fn parse(input: &mut (impl Read + Seek), len: u64) -> Result<Found, Refusal> {
    const CUT: &str = "its header is cut off";
    if len == 0 {
        return Err("the file is empty".into());
    }
    let mut head = [0; 12];
    let got = fill(input, &mut head)?;
    let large = head.starts_with(b"RF64");
    let known_so_far = |expected: &[u8], at: usize| {
        let end = got.min(at + expected.len());
        end <= at || head[at..end] == expected[..end - at]
    };
    if !(known_so_far(b"RIFF", 0) || known_so_far(b"RF64", 0)) || !known_so_far(b"WAVE", 8) {
        return Err("it is not a WAV file".into());
    }
    if got < head.len() {
        return Err(CUT.into());
    }
    let mut riff_bytes = u64::from(u32_at(&head, 4));
    let mut ds64_data_bytes = None;
    let mut format = None;
    let mut at = head.len() as u64;
    for _ in 0..MAX_CHUNKS {
        let mut chunk = [0; 8];
        if fill(input, &mut chunk)? < chunk.len() {
            return Err(if format.is_none() { CUT } else { "it has no data chunk" }.into());
        }
        at += chunk.len() as u64;
        let size = u32_at(&chunk, 4);
        let mut body = [0; 40];
        let body = &mut body[..size.min(40) as usize];
        match &chunk[..4] {
            b"data" => {
                let format: WavFormat = format.ok_or("its data has no fmt chunk before it")?;
                let claimed = match (size, ds64_data_bytes) {
                    (SIZE_IN_DS64, Some(bytes)) => bytes,
                    _ => u64::from(size),
                };
                let there = len.saturating_sub(at);
                // An empty chunk that others follow is meant; one at the end was never updated.
                let riff_end = riff_bytes.saturating_add(8);
                let never_updated = claimed == 0 && !(at + 1..=len).contains(&riff_end);
                let bytes = if never_updated { there } else { claimed.min(there) };
                return Ok(Found { format, data_start: at, frames: bytes / format.frame_bytes() as u64 });
            }
            b"ds64" if large => {
                if fill(input, body)? < 24 {
                    return Err(CUT.into());
                }
                riff_bytes = u64_at(body, 0);
                ds64_data_bytes = Some(u64_at(body, 8));
            }
            b"fmt " => {
                if fill(input, body)? < body.len() {
                    return Err(CUT.into());
                }
                format = Some(parse_fmt(body)?);
            }
            _ => {}
        }
        // Chunks start at even positions.
        at += u64::from(size) + u64::from(size % 2);
        input.seek(SeekFrom::Start(at))?;
    }
    Err("it has no data chunk among its first 10,000 chunks".into())
}

fn parse_fmt(fmt: &[u8]) -> Result<WavFormat, Refusal> {
    if fmt.len() < 16 {
        return Err("its fmt chunk is too short".into());
    }
    let mut tag = u16_at(fmt, 0);
    if tag == TAG_EXTENSIBLE {
        if fmt.len() < 40 {
            return Err("its fmt chunk is too short".into());
        }
        if fmt[26..40] != SUBFORMAT_TAIL {
            return Err("its samples have an EXTENSIBLE sub-format that is not known".into());
        }
        tag = u16_at(fmt, 24);
    }
    let (channels, rate_hz) = (u16_at(fmt, 2), u32_at(fmt, 4));
    let (frame_bytes, bits) = (u16_at(fmt, 12), u16_at(fmt, 14));
    let encoding = match (tag, bits) {
        (TAG_PCM, 8) => Encoding::U8,
        (TAG_PCM, 16) => Encoding::I16,
        (TAG_PCM, 24) => Encoding::I24,
        (TAG_PCM, 32) => Encoding::I32,
        (TAG_FLOAT, 32) => Encoding::F32,
        (TAG_FLOAT, 64) => Encoding::F64,
        _ => {
            let name = tag_name(tag);
            return Err(Refusal::Content(format!(
                "its samples are {bits}-bit {name}; PCM of 8, 16, 24 or 32 bits and floats of 32 or 64 bits can be read"
            )));
        }
    };
    let format = WavFormat { rate_hz, channels, encoding };
    format.check().map_err(|error| Refusal::Content(format!("its header says {error}")))?;
    if usize::from(frame_bytes) != format.frame_bytes() {
        return Err(Refusal::Content(format!(
            "its frames take {frame_bytes} bytes, where {channels} channels of {bits} bits take {}",
            format.frame_bytes()
        )));
    }
    Ok(format)
}

fn tag_name(tag: u16) -> String {
    let name = match tag {
        TAG_PCM => "PCM",
        0x02 => "Microsoft ADPCM",
        TAG_FLOAT => "float",
        0x06 => "A-law",
        0x07 => "mu-law",
        0x11 => "IMA ADPCM",
        0x31 => "GSM 6.10",
        0x50 => "MPEG",
        0x55 => "MP3",
        0xFF => "AAC",
        _ => return format!("of format tag {tag:#06x}"),
    };
    name.to_owned()
}

/// Reads until `out` is full or the input ends; returns the bytes read.
pub(super) fn fill(input: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < out.len() {
        match input.read(&mut out[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `RIFF` with a `fmt ` of 16 bytes and a `data` that claims `claimed` bytes, then `data`.
    fn wav(riff: u32, tag: u16, channels: u16, bits: u16, claimed: u32, data: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEodd \x03\0\0\0abc\0fmt \x10\0\0\0".to_vec();
        file[4..8].copy_from_slice(&riff.to_le_bytes());
        for field in [tag, channels, 16_000, 0, 32_000, 0, channels * bits / 8, bits] {
            file.extend(field.to_le_bytes());
        }
        file.extend(b"data");
        file.extend(claimed.to_le_bytes());
        file.extend(data);
        file
    }

    fn refusal(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("bad.wav");
        std::fs::write(&path, bytes).expect("room");
        let error = WavReader::open(&path).expect_err("a bad file");
        assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
        assert!(error.to_string().contains("bad.wav"), "{error}");
        error.to_string()
    }

    #[test]
    fn a_refusal_says_what_was_found() {
        let good = wav(60, 1, 1, 16, 4, &[1, 2, 3, 4]);
        for (bytes, expected) in [
            (&[][..], "empty"),
            (b"hello, world of bytes", "not a WAV file"),
            (b"RIFF\0\0\0\0AVI LIST", "not a WAV file"),
            (&good[..9], "header is cut off"),
            (&good[..30], "header is cut off"),
            (&good[..48], "no data chunk"),
            (&wav(60, 6, 1, 8, 4, &[0; 4]), "8-bit A-law"),
            (&wav(60, 0x1234, 1, 16, 4, &[0; 4]), "tag 0x1234"),
            (&wav(60, 1, 1, 12, 4, &[0; 4]), "12-bit PCM"),
            (&wav(60, 1, 0, 16, 4, &[0; 4]), "0 channels"),
            (&wav(60, 1, 33, 16, 4, &[0; 4]), "33 channels"),
        ] {
            assert!(refusal(bytes).contains(expected), "{expected}: {}", refusal(bytes));
        }
        let dir = tempfile::tempdir().expect("a directory");
        let error = WavReader::open(dir.path().join("none.wav")).expect_err("no file");
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(WavReader::open(dir.path()).expect_err("a directory").to_string().contains("regular"));
    }

    #[test]
    fn a_cut_recording_counts_the_whole_frames_that_are_there() {
        let frames = |bytes: &[u8]| {
            parse(&mut io::Cursor::new(bytes), bytes.len() as u64).expect("a readable file").frames
        };
        let data = [0; 11];
        assert_eq!(frames(&wav(59, 1, 1, 16, 11, &data)), 5, "an odd size");
        assert_eq!(frames(&wav(59, 1, 1, 16, 6, &data)), 3, "less is claimed than there is");
        assert_eq!(frames(&wav(9_000, 1, 1, 16, 8_952, &data)), 5, "more is claimed than there is");
        assert_eq!(frames(&wav(0, 1, 1, 16, 0, &data)), 5, "never updated");
        assert_eq!(frames(&wav(48, 1, 1, 16, 0, &data)), 5, "never updated since the start");
        assert_eq!(frames(&wav(u32::MAX, 1, 1, 16, u32::MAX, &data)), 5, "written to a pipe");
        assert_eq!(frames(&wav(59, 1, 1, 16, 0, &data)), 0, "an empty chunk that others follow");
        assert_eq!(frames(&wav(48, 1, 1, 16, 0, &[])), 0, "an empty take");
    }
}

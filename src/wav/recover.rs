//! A recording that was cut gets the sizes that are true.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::WavFormat;
use super::header::{DS64_BYTES, RIFF_LIMIT, SIZE_IN_DS64};
use super::reader::{Refusal, fill, open_regular, parse, refused, u32_at, u64_at};
use crate::Error;

/// A header that is longer is none that a recorder wrote.
const LONGEST_HEADER: u64 = 1 << 20;

/// Chunks that are written behind the audio. One of these names there is no accident, even if it was cut.
const BEHIND_DATA: [&[u8; 4]; 16] = [
    b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"smpl", b"inst", b"fact", b"PEAK", b"_PMX",
    b"axml", b"chna", b"JUNK", b"PAD ", b"acid",
];

/// What [`recover`] found and did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Recovered {
    /// How the file lays its samples out.
    pub format: WavFormat,
    /// Whole frames in the file: what its header claims now.
    pub frames: u64,
    /// Frames that the header claimed before. Recorders leave 0, or far too much, where they could not tell.
    pub claimed_frames: u64,
    /// Whether anything was changed. If not, the file was sound.
    pub changed: bool,
    /// Bytes at the end that are no whole frame. They stay where they are, and no reader sees them.
    pub left_over_bytes: u64,
}

/// Repairs the header of a WAV file whose recorder was killed, in place: every whole frame that is there is claimed,
/// and no more. Audio is never touched; the header is written in one piece, and only after it was checked that what
/// will be there can be read. RIFF and RF64, by any recorder; chunks behind the audio are kept.
///
/// # Errors
/// `UnsupportedFormat` when it is no WAV file, its header is cut off, or in a format that [`WavReader`](super::WavReader)
/// does not take, or when there is more audio than the header has room to say; `NotFound`, `PermissionDenied`, `Io` from
/// the system. Until the one write the file is untouched.
pub fn recover(path: impl AsRef<Path>) -> Result<Recovered, Error> {
    with_riff_limit(path.as_ref(), RIFF_LIMIT)
}

/// As `recover`, with another limit, so that a test reaches RF64 without 4 GiB.
pub(super) fn with_riff_limit(path: &Path, riff_limit: u64) -> Result<Recovered, Error> {
    let plan = open_regular(path).and_then(|(mut file, len)| Plan::new(&mut file, len, riff_limit));
    let plan = plan.map_err(|refusal| refused(path, refusal))?;
    if plan.found.changed {
        let cannot_write = |error: &io::Error| Error::io("cannot write", path, error);
        let mut file = OpenOptions::new().write(true).open(path).map_err(|error| cannot_write(&error))?;
        plan.carry_out(&mut file).map_err(|error| cannot_write(&error))?;
    }
    Ok(plan.found)
}

/// What is to be written.
struct Plan {
    found: Recovered,
    header: Vec<u8>,
    /// Where the pad byte is missing.
    pad_at: Option<u64>,
}

impl Plan {
    fn new(file: &mut File, len: u64, riff_limit: u64) -> Result<Self, Refusal> {
        let sound = parse(&mut BufReader::new(&*file), len)?;
        let (format, data_start) = (sound.format, sound.data_start);
        if data_start > LONGEST_HEADER {
            return Err("its header is longer than 1 MiB".into());
        }
        let mut header = vec![0; data_start as usize];
        file.seek(SeekFrom::Start(0))?;
        file.read_exact(&mut header)?;
        let fields = Fields::of(&header);
        let (riff_bytes, claimed) = fields.sizes(&header);
        let there = len - data_start;
        let frame_bytes = format.frame_bytes() as u64;

        let claimed_end = data_start.saturating_add(claimed).saturating_add(claimed % 2);
        let more_follows = claimed_end < len && is_chunks(file, claimed_end, len)?;
        let is_padded = claimed % 2 == 1 && there == claimed + 1 && claimed.is_multiple_of(frame_bytes);
        let (data_bytes, left_over_bytes) = if more_follows || is_padded {
            (claimed, 0) // Other chunks hang on this size, or a pad byte does.
        } else {
            (there - there % frame_bytes, there % frame_bytes)
        };
        let data_end = data_start + data_bytes;
        let pad_at = (data_bytes != claimed && data_bytes % 2 == 1 && data_end == len).then_some(data_end);
        let new_len = len.max(data_end + u64::from(pad_at.is_some()));
        let riff_end = riff_bytes.saturating_add(8);
        let riff_bytes = if more_follows {
            if (claimed_end + 1..=len).contains(&riff_end) { riff_bytes } else { len - 8 }
        } else if data_bytes == claimed && riff_end == data_end {
            riff_bytes // Some do not count the pad byte.
        } else {
            data_end + data_bytes % 2 - 8
        };

        let before = header.clone();
        fields.put(&mut header, riff_bytes, data_bytes, data_bytes / frame_bytes, riff_limit)?;
        let after = parse(&mut Cursor::new(&header), new_len)?;
        let frames = data_bytes / frame_bytes;
        if (after.format, after.frames, after.data_start) != (format, frames, data_start) {
            return Err("its header contradicts itself".into());
        }
        let changed = header != before || pad_at.is_some();
        let claimed_frames = claimed / frame_bytes;
        let found = Recovered { format, frames, claimed_frames, changed, left_over_bytes };
        Ok(Self { found, header, pad_at })
    }

    fn carry_out(&self, file: &mut File) -> io::Result<()> {
        // As in the writer: what the header claims is there before it is claimed.
        if let Some(at) = self.pad_at {
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&[0])?;
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&self.header)?;
        file.sync_data()
    }
}

/// Where in a header the sizes stand; offsets of chunks, all within it.
struct Fields {
    ds64: Option<usize>,
    /// The room for one.
    junk: Option<usize>,
    fact: Option<usize>,
    data: usize,
}

impl Fields {
    /// Of a header that could be parsed and ends with the head of its data chunk.
    fn of(header: &[u8]) -> Self {
        let mut fields = Self { ds64: None, junk: None, fact: None, data: header.len() - 8 };
        let mut at = 12;
        while at + 8 <= fields.data {
            let size = u32_at(header, at + 4) as usize;
            match &header[at..at + 4] {
                b"ds64" if size >= DS64_BYTES as usize => fields.ds64 = Some(at),
                b"JUNK" if at == 12 && size >= DS64_BYTES as usize => fields.junk = Some(at),
                b"fact" if size >= 4 => fields.fact = Some(at),
                _ => {}
            }
            at += 8 + size + size % 2;
        }
        fields
    }

    /// The sizes of `RIFF` and of `data`, as the header has them.
    fn sizes(&self, header: &[u8]) -> (u64, u64) {
        let (riff, data) = (u32_at(header, 4), u32_at(header, self.data + 4));
        match self.ds64.filter(|_| header.starts_with(b"RF64")) {
            Some(ds64) if data == SIZE_IN_DS64 => (u64_at(header, ds64 + 8), u64_at(header, ds64 + 16)),
            Some(ds64) => (u64_at(header, ds64 + 8), data.into()),
            None => (riff.into(), data.into()),
        }
    }

    fn put(
        &self,
        header: &mut [u8],
        riff_bytes: u64,
        data_bytes: u64,
        frames: u64,
        riff_limit: u64,
    ) -> Result<(), Refusal> {
        let had_ds64 = self.ds64.filter(|_| header.starts_with(b"RF64"));
        let large = had_ds64.is_some() || riff_bytes > riff_limit;
        if self.sizes(header) == (riff_bytes, data_bytes) && header.starts_with(b"RF64") == large {
            return Ok(()); // A count of frames alone is nobody's business.
        }
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        let size_32 = |size: u64| if large { SIZE_IN_DS64 } else { size as u32 }.to_le_bytes();
        if large {
            let Some(ds64) = had_ds64.or(self.junk) else {
                return Err("it holds more than 4 GiB, and its header has no room to say so".into());
            };
            put(ds64, b"ds64");
            for (n, size) in [riff_bytes, data_bytes, frames].into_iter().enumerate() {
                put(ds64 + 8 + 8 * n, &size.to_le_bytes());
            }
            if had_ds64.is_none() {
                put(ds64 + 8 + 24, &0_u32.to_le_bytes()); // The length of its table.
            }
        }
        put(0, if large { b"RF64" } else { b"RIFF" });
        put(4, &size_32(riff_bytes));
        put(self.data + 4, &size_32(data_bytes));
        if let Some(fact) = self.fact {
            put(fact + 8, &size_32(frames));
        }
        Ok(())
    }
}

/// Whether other chunks lie from `at` to the end, as far as they were written.
fn is_chunks(file: &mut File, mut at: u64, len: u64) -> io::Result<bool> {
    let mut first_is_known = None;
    // The last one may lack its pad byte.
    while at < len {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        let is_whole = fill(file, &mut head)? == head.len();
        let known = *first_is_known.get_or_insert(BEHIND_DATA.iter().any(|known| head[..4] == known[..]));
        if !is_whole || !head[..4].iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return Ok(known);
        }
        let size = u64::from(u32_at(&head, 4));
        at += 8 + size + size % 2;
        if at > len + 1 {
            return Ok(known);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ErrorKind;
    use crate::wav::{Encoding, WavReader, WavWriter};

    fn temp() -> (tempfile::TempDir, std::path::PathBuf) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("take.wav");
        (dir, path)
    }

    /// A whole file of `frames` frames, and where its audio starts.
    fn whole(path: &Path, format: WavFormat, frames: usize, riff_limit: u64) -> (Vec<u8>, usize) {
        let mut writer =
            WavWriter::with_riff_limit(crate::wav::open(path).expect("a new file"), path, format, riff_limit)
                .expect("a new file");
        let bytes: Vec<u8> = (0..frames * format.frame_bytes()).map(|n| n as u8 | 0x80).collect();
        writer.write(&bytes).expect("room");
        writer.finish().expect("an end");
        let file = fs::read(path).expect("the file");
        let start = file.windows(4).position(|name| name == b"data").expect("data") + 8;
        (file, start)
    }

    /// Repairs `bytes` and checks what holds for every file: the audio is as it was, somebody else reads it all, and
    /// a second run finds nothing to do.
    fn repaired(path: &Path, bytes: &[u8], start: usize, riff_limit: u64) -> Recovered {
        fs::write(path, bytes).expect("room");
        let found = with_riff_limit(path, riff_limit).expect("a repair");
        let after = fs::read(path).expect("the file");
        assert!(after[start..].starts_with(&bytes[start..]) && after.len() <= bytes.len() + 1);
        assert!(found.changed || after == bytes);
        assert_eq!(WavReader::open(path).expect("a WAV").frames(), found.frames);
        if after.starts_with(b"RIFF") {
            let theirs = hound::WavReader::open(path).expect("hound reads it");
            assert_eq!(u64::from(theirs.duration()), found.frames);
        }
        let again = with_riff_limit(path, riff_limit).expect("a repair");
        assert!(!again.changed, "{found:?} {again:?}");
        assert_eq!((again.frames, again.claimed_frames), (found.frames, found.frames));
        found
    }

    #[test]
    fn a_file_cut_at_any_byte_keeps_every_whole_frame() {
        for (encoding, channels, riff_limit) in [
            (Encoding::I16, 1, u64::MAX),
            (Encoding::I24, 1, 0),
            (Encoding::F32, 2, 0),
            (Encoding::U8, 1, u64::MAX),
        ] {
            let (_dir, path) = temp();
            let format = WavFormat { rate_hz: 8_000, channels, encoding };
            let (file, start) = whole(&path, format, 11, riff_limit);
            for cut in 0..=file.len() {
                if cut < start {
                    fs::write(&path, &file[..cut]).expect("room");
                    let error = with_riff_limit(&path, riff_limit).expect_err("no audio");
                    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
                    assert!(fs::read(&path).expect("the file") == file[..cut], "it is as it was");
                    continue;
                }
                let found = repaired(&path, &file[..cut], start, riff_limit);
                let there = (cut - start).min(11 * format.frame_bytes());
                assert_eq!(found.frames as usize, there / format.frame_bytes());
                assert_eq!(found.left_over_bytes as usize, there % format.frame_bytes());
                assert_eq!((found.format, found.claimed_frames), (format, 11));
            }
        }
    }

    #[test]
    fn what_a_killed_recorder_did_not_claim_is_claimed() {
        let (_dir, path) = temp();
        let format = WavFormat { rate_hz: 8_000, channels: 1, encoding: Encoding::I16 };
        for (limit_before, limit) in [(u64::MAX, u64::MAX), (0, 0), (u64::MAX, 3_000)] {
            let (mut file, start) = whole(&path, format, 1_000, limit_before);
            file.extend([0x90; 999]);
            let found = repaired(&path, &file, start, limit);
            assert_eq!((found.claimed_frames, found.frames, found.left_over_bytes), (1_000, 1_499, 1));
            let after = fs::read(&path).expect("the file");
            assert_eq!(after.starts_with(b"RF64"), limit < u64::MAX, "past its limit it becomes RF64");
        }
    }

    #[test]
    fn sizes_as_other_recorders_leave_them_become_true() {
        let (_dir, path) = temp();
        let audio = [0x81; 2 * 500 + 1];
        let mut header =
            b"RIFF????WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3E\0\0\0\x7D\0\0\x02\0\x10\0data????".to_vec();
        for (riff, data) in [
            (0, 0),                          // Never updated.
            (36, 0),                         // hound, before its first flush.
            (0x7FFF_FFFF, 0x7FFF_FFFF - 36), // sox into a pipe.
            (u32::MAX, u32::MAX),            // ffmpeg into a pipe.
            (136, 100),                      // Some while ago.
            (0, 1_000),                      // Only one of the two.
        ] {
            header[4..8].copy_from_slice(&u32::to_le_bytes(riff));
            header[40..44].copy_from_slice(&u32::to_le_bytes(data));
            let found = repaired(&path, &[&header, &audio[..]].concat(), 44, u64::MAX);
            assert_eq!((found.frames, found.changed, found.left_over_bytes), (500, true, 1), "{riff} {data}");
            assert_eq!(found.claimed_frames, u64::from(data) / 2);
        }
        // More than RIFF can say, and no room to say it otherwise.
        let bytes = [&header, &audio[..]].concat();
        fs::write(&path, &bytes).expect("room");
        let error = with_riff_limit(&path, 500).expect_err("no room");
        assert!(error.to_string().contains("no room to say so"), "{error}");
        assert!(fs::read(&path).expect("the file") == bytes);
    }

    #[test]
    fn chunks_behind_the_audio_stay_what_they_are() {
        let (_dir, path) = temp();
        let format = WavFormat { rate_hz: 8_000, channels: 1, encoding: Encoding::I16 };
        let (mut file, start) = whole(&path, format, 100, u64::MAX);
        let sound = file.len();
        file.extend(b"LIST\x06\0\0\0INFOab");
        let found = repaired(&path, &file, start, u64::MAX);
        assert_eq!((found.frames, found.changed), (100, true), "the size of the whole did not count it");
        let after = fs::read(&path).expect("the file");
        assert!(!repaired(&path, &after, start, u64::MAX).changed);
        let found = repaired(&path, &after[..sound + 11], start, u64::MAX);
        assert_eq!(found.frames, 100, "a chunk that was cut is no audio");
        // No chunk, though it looks like the start of one.
        file.truncate(sound);
        file.extend(b"abcd\xFF\xFF\0\0");
        assert_eq!(repaired(&path, &file, start, u64::MAX).frames, 104);
    }
}

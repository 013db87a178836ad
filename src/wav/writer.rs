//! Frames into a file that is valid whenever it is cut.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::WavFormat;
use super::header::{Header, RIFF_LIMIT};
use crate::Error;

/// The data that one system call writes at most, unless [`PART_SECONDS`] are more.
const MIN_PART_BYTES: usize = 64 * 1024;
/// What a disk that takes seconds over every call must get with one, so that it falls behind no further.
const PART_SECONDS: usize = 5;

/// Writes a WAV file that is valid at any moment, whether the program ends, is killed or the disk is full.
///
/// Data goes to the system in the call that brings it, and the header follows in one write, with the first
/// frames and then before a quarter of a second of audio is left unclaimed. So the sizes in a file are right or too
/// small, never 0 once there is audio, never too large. Past 4 GiB the same write makes the file RF64.
/// There is no buffer of its own: hand over blocks of some 10 ms and more.
#[derive(Debug)]
pub struct WavWriter {
    file: File,
    path: PathBuf,
    format: WavFormat,
    /// Where the data starts: the length of the header.
    data_start: u64,
    /// Whole frames that the system has taken, each byte of them.
    frames: u64,
    /// Whole frames that the header claims, `0..=frames`.
    claimed: u64,
    /// Bytes at the file's end that are no whole frame: a write that failed midway left them.
    torn: bool,
    /// The largest `riff` size before the file becomes RF64.
    riff_limit: u64,
    finished: bool,
    /// A disk that takes so long over every system call.
    #[cfg(test)]
    stall: std::time::Duration,
}

impl WavWriter {
    /// Creates the file and writes the header of an empty take; over a regular file that is there, which then loses
    /// what it held.
    ///
    /// On Unix only its owner can read the file (mode 0600, also where it was there before), as far as the
    /// file system knows modes.
    ///
    /// # Errors
    /// `BadArgument` when channels or rate are out of range or the path is a pipe; `NotFound` when its
    /// directory is missing; `PermissionDenied`; `Io` for the rest, a full disk for one. What is at `path` is
    /// untouched; where there was nothing, `Io` may leave an empty file.
    pub fn create(path: impl AsRef<Path>, format: WavFormat) -> Result<Self, Error> {
        format.check()?;
        Self::over(open(path.as_ref())?, path.as_ref(), format)
    }

    /// As `create`, over a file that is open already, whoever has moved or deleted it since.
    pub(crate) fn over(file: File, path: &Path, format: WavFormat) -> Result<Self, Error> {
        Self::with_riff_limit(file, path, format, RIFF_LIMIT)
    }

    /// As `over`, with another limit, so that a test reaches RF64 without 4 GiB.
    pub(super) fn with_riff_limit(
        file: File,
        path: &Path,
        format: WavFormat,
        riff_limit: u64,
    ) -> Result<Self, Error> {
        format.check()?;
        keep_to_owner(&file);
        let data_start = Header::bytes_for(format);
        let path = path.to_owned();
        let (frames, claimed, torn, finished) = (0, 0, false, false);
        let mut writer = Self {
            file,
            path,
            format,
            data_start,
            frames,
            claimed,
            torn,
            riff_limit,
            finished,
            #[cfg(test)]
            stall: std::time::Duration::ZERO,
        };
        // What was there goes once it is a take that claims nothing: the file is valid in between.
        if let Err(error) = writer.claim(false).and_then(|()| writer.cut_off(data_start)) {
            writer.finished = true; // Nothing is worth another try when it drops.
            return Err(Error::io("cannot write", &writer.path, &error));
        }
        Ok(writer)
    }

    /// How the file lays its samples out.
    pub fn format(&self) -> WavFormat {
        self.format
    }

    /// Whole frames that are in the file so far; after an error too.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Appends whole frames, already in the file's encoding.
    ///
    /// When it returns, a kill of the program costs none of the bytes and leaves less than 0.25 s unclaimed.
    ///
    /// # Errors
    /// `BadArgument` when `frame_bytes` ends within a frame: nothing was written. `Io` (or
    /// `PermissionDenied`) when the system refuses, for a full disk say: the frames that the message and
    /// [`frames`](Self::frames) count are safe and claimed, the rest of the call is not in the file. The
    /// writer stays usable: a later call goes on where the safe frames end.
    pub fn write(&mut self, frame_bytes: &[u8]) -> Result<(), Error> {
        if !frame_bytes.len().is_multiple_of(self.format.frame_bytes()) {
            let (len, whole) = (frame_bytes.len(), self.format.frame_bytes());
            return Err(Error::bad_argument(format!("{len} bytes are no whole frames of {whole} bytes")));
        }
        let quarter = u64::from(self.format.rate_hz.div_ceil(4));
        let enough = PART_SECONDS * self.format.rate_hz as usize;
        let part_frames = (MIN_PART_BYTES / self.format.frame_bytes()).max(enough);
        for part in frame_bytes.chunks(part_frames * self.format.frame_bytes()) {
            // The next part comes as late as this one: is that after the quarter of a second?
            let frames = (part.len() / self.format.frame_bytes()) as u64;
            let due = self.claimed == 0 || self.frames - self.claimed + 2 * frames > quarter;
            self.append(part)
                .and_then(|()| if due { self.claim(false) } else { Ok(()) })
                .map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Claims every frame and has all of it put on the disk itself, so that it survives a power failure. It takes as
    /// long as the disk likes.
    ///
    /// # Errors
    /// `Io` when the disk refuses: what it holds is not known.
    pub fn sync(&mut self) -> Result<(), Error> {
        if self.claimed < self.frames {
            self.claim(false).map_err(|error| self.failed(&error))?;
        }
        match self.file.sync_data() {
            // What is no disk has nothing to put there.
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
            {
                Err(Error::io("cannot put on the disk", &self.path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody has deleted the file, so that nobody will ever read it. A file that was moved is not deleted.
    pub fn is_deleted(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            self.file.metadata().is_ok_and(|there| there.nlink() == 0)
        }
        // Elsewhere a file that is open cannot be deleted.
        #[cfg(not(unix))]
        false
    }

    /// The same on a disk that takes so long over every system call.
    #[cfg(test)]
    pub(crate) fn stalling(mut self, stall: std::time::Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Goes on `frames` later, as if they had been written: the file has a hole that takes no room.
    #[cfg(all(test, unix))]
    pub(super) fn skip(&mut self, frames: u64) {
        self.frames += frames;
        self.file.set_len(self.data_end()).expect("a file may have holes");
        self.claim(false).expect("room");
    }

    /// Ends the file: exact sizes, and the pad byte after odd data. Returns the frames that it holds.
    ///
    /// # Errors
    /// `Io` when the system refuses the last writes: the file is valid, its sizes may be up to 0.5 s short.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.end().map_err(|error| self.failed(&error))?;
        Ok(self.frames)
    }

    /// Makes a regular file no longer than `len`; others have no length.
    fn cut_off(&self, len: u64) -> io::Result<()> {
        let there = self.file.metadata()?;
        if there.is_file() && there.len() > len { self.file.set_len(len) } else { Ok(()) }
    }

    fn append(&mut self, part: &[u8]) -> io::Result<()> {
        #[cfg(test)]
        std::thread::sleep(self.stall);
        let (written, result) = write_at(&self.file, part, self.data_end());
        self.frames += (written / self.format.frame_bytes()) as u64;
        if written > 0 {
            self.torn = !written.is_multiple_of(self.format.frame_bytes());
        }
        result
    }

    /// Claims every frame that is in the file, in one write.
    fn claim(&mut self, padded: bool) -> io::Result<()> {
        #[cfg(test)]
        std::thread::sleep(self.stall);
        let data_bytes = self.data_end() - self.data_start;
        let header = Header::new(self.format, data_bytes, padded, self.riff_limit);
        write_at(&self.file, header.bytes(), 0).1?;
        self.claimed = self.frames;
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.finished = true;
        let end = self.data_end();
        if self.torn {
            self.file.set_len(end)?;
        }
        let odd = !(end - self.data_start).is_multiple_of(2);
        let padded = if odd { write_at(&self.file, &[0], end).1 } else { Ok(()) };
        // A pad byte that finds no room costs no frame.
        self.claim(odd && padded.is_ok())?;
        padded
    }

    fn data_end(&self) -> u64 {
        self.data_start + self.frames * self.format.frame_bytes() as u64
    }

    fn failed(&mut self, error: &io::Error) -> Error {
        // Overwriting needs no room on most file systems; where it fails too, the older sizes stand.
        let claimed = self.claimed == self.frames || self.claim(false).is_ok();
        let safe = if claimed { self.frames } else { self.claimed };
        Error::io(&format!("{safe} frames are safe, but the rest cannot be written to"), &self.path, error)
    }
}

impl Drop for WavWriter {
    fn drop(&mut self) {
        if !self.finished {
            // Nobody is left to tell; the file is valid as it stands.
            let _ = self.end();
        }
    }
}

/// Opens the file, creating it if it is not there, and leaves what it holds.
pub(crate) fn open(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
        // Opening a pipe would wait for its reader, and sizes cannot be written into it afterwards.
        if std::fs::metadata(path).is_ok_and(|there| there.file_type().is_fifo()) {
            return Err(Error::bad_argument(format!("{} is a pipe; a WAV needs a file", path.display())));
        }
        options.mode(0o600);
    }
    options.open(path).map_err(|error| Error::io("cannot create", path, &error))
}

/// The mode at the opening is for new files only. Where a file system has no modes, a take is still wanted.
fn keep_to_owner(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if file.metadata().is_ok_and(|there| there.is_file()) {
            let _ = file.set_permissions(std::fs::Permissions::from_mode(0o600));
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// Writes `bytes` at `offset`; returns how many of them the system took, whatever came after.
fn write_at(file: &File, bytes: &[u8], offset: u64) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < bytes.len() {
        match write_some_at(file, &bytes[written..], offset + written as u64) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(unix)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use nix::sys::resource::{Resource, setrlimit};
    use nix::sys::signal::{SigSet, Signal};

    use super::*;
    use crate::ErrorKind;
    use crate::wav::{Encoding, WavReader};

    const FORMAT: WavFormat = WavFormat { rate_hz: 16_000, channels: 1, encoding: Encoding::I24 };

    #[test]
    fn only_its_owner_reads_a_take() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("take.wav");
        std::fs::write(&path, [1; 5_000]).expect("room");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("a mode");
        for _ in 0..2 {
            drop(WavWriter::create(&path, FORMAT).expect("a file"));
            let there = std::fs::metadata(&path).expect("the file");
            assert_eq!((there.permissions().mode() & 0o777, there.len()), (0o600, 96 + 8));
            std::fs::remove_file(&path).expect("gone");
        }
    }

    #[test]
    fn a_full_disk_is_told_when_the_file_is_created() {
        let error = WavWriter::create("/dev/full", FORMAT).expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        let error = WavWriter::create(&path, FORMAT).expect_err("a pipe");
        assert_eq!(error.kind(), ErrorKind::BadArgument);
    }

    /// The limit holds for a whole process, so this test starts itself again in one of its own.
    #[test]
    fn a_disk_that_fills_up_costs_only_what_does_not_fit() {
        const MARK: &str = "HEARKEN_TEST_FILE_LIMIT";
        if std::env::var_os(MARK).is_none() {
            let name = "wav::writer::tests::a_disk_that_fills_up_costs_only_what_does_not_fit";
            let itself = std::env::current_exe().expect("this test");
            let run = Command::new(itself).args([name, "--exact"]).env(MARK, "1").output().expect("a run");
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(run.status.success() && said.contains("1 passed"), "{said}");
            return;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("take.wav");
        // Ends within a frame: 104 bytes of header, 16,665 frames, and 1 byte.
        let limit = 104 + 3 * 16_665 + 1;
        SigSet::from(Signal::SIGXFSZ).thread_block().expect("a blocked signal");
        // No room at all: what was there stays.
        std::fs::write(&path, [1; 5_000]).expect("room");
        setrlimit(Resource::RLIMIT_FSIZE, 0, nix::sys::resource::RLIM_INFINITY).expect("a limit");
        WavWriter::create(&path, FORMAT).expect_err("no room");
        assert!(std::fs::read(&path).expect("the file") == [1; 5_000]);
        setrlimit(Resource::RLIMIT_FSIZE, limit, nix::sys::resource::RLIM_INFINITY).expect("a limit");

        let mut writer = WavWriter::create(&path, FORMAT).expect("a new file");
        for _ in 0..6 {
            writer.write(&[7; 3 * 2_560]).expect("room");
        }
        for _ in 0..2 {
            let error = writer.write(&[7; 3 * 2_560]).expect_err("no room");
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().starts_with("16665 frames are safe"), "{error}");
            assert_eq!(writer.frames(), 16_665);
            assert_eq!(WavReader::open(&path).expect("a valid file").frames(), 16_665);
        }
        // Room again: the frames that did not fit can be written behind the safe ones.
        let infinity = nix::sys::resource::RLIM_INFINITY;
        setrlimit(Resource::RLIMIT_FSIZE, infinity, infinity).expect("a limit");
        writer.write(&[7; 30]).expect("room");
        assert_eq!(writer.finish().expect("an end"), 16_675);
        let file = std::fs::read(&path).expect("the file");
        assert_eq!(file.len(), 104 + 3 * 16_675 + 1);
        assert!(file[104..file.len() - 1].iter().all(|&byte| byte == 7));
    }
}

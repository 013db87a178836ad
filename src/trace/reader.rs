//! A trace, entry by entry.

use super::{CHECK, EMPTY, Entry, HEAD, LONGEST, MAGIC, SAMPLES, TraceContent, VERSION, checksum};
use crate::error::{Error, ErrorKind};
use std::fs::File;
use std::io::{BufReader, ErrorKind as IoErrorKind, Read};
use std::path::{Path, PathBuf};

/// Reads a trace from its beginning.
#[derive(Debug)]
pub(crate) struct Reader {
    path: PathBuf,
    file: BufReader<File>,
    pub content: TraceContent,
    /// Where the entry begins that was read last.
    at: u64,
    /// Where the next one does.
    next: u64,
    bytes: Vec<u8>,
}

impl Reader {
    /// # Errors
    /// `NotFound`, `PermissionDenied` or `Io` from the file; `UnsupportedFormat` for what is no trace, or a newer one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let cannot = |error: std::io::Error| Error::io("cannot read", path, &error);
        let mut file = BufReader::new(File::open(path).map_err(cannot)?);
        let mut head = [0; MAGIC.len() + 5];
        let refuse =
            |what: &str| Error::new(ErrorKind::UnsupportedFormat, format!("{} is {what}", path.display()));
        file.read_exact(&mut head).map_err(|error| match error.kind() {
            IoErrorKind::UnexpectedEof => refuse("no trace: it is too short"),
            _ => cannot(error),
        })?;
        let (magic, rest) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(refuse("no trace"));
        }
        let version = u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]);
        if version != VERSION {
            let what = format!("a trace of version {version}; this program reads version {VERSION}");
            return Err(refuse(&what));
        }
        let content = match rest[4] {
            0 => TraceContent::WithoutAudio,
            SAMPLES => TraceContent::WithAudio,
            other if other <= 2 => return Err(refuse("a trace of a machine with another byte order")),
            _ => return Err(refuse("a damaged trace")),
        };
        let next = head.len() as u64;
        Ok(Self { path: path.to_owned(), file, content, at: next, next, bytes: Vec::new() })
    }

    /// The next entry.
    ///
    /// # Errors
    /// `Io` where the trace is cut or damaged: nothing that comes behind can be read.
    pub fn next(&mut self) -> Result<Entry<'_>, Error> {
        self.at = self.next;
        let mut head = [0; HEAD];
        self.file.read_exact(&mut head).map_err(|error| self.ends(&error))?;
        let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if len > LONGEST {
            return Err(self.damaged());
        }
        self.bytes.resize(len + CHECK, 0);
        self.file.read_exact(&mut self.bytes).map_err(|error| self.ends(&error))?;
        let (content, check) = self.bytes.split_at(len);
        if check != checksum(checksum(EMPTY, &head), content).to_le_bytes() {
            return Err(self.damaged());
        }
        self.next += (HEAD + len + CHECK) as u64;
        Entry::take(head[0], &self.bytes[..len]).ok_or_else(|| damaged(&self.path, self.at))
    }

    fn ends(&self, error: &std::io::Error) -> Error {
        if error.kind() == IoErrorKind::UnexpectedEof {
            let message = format!("the trace {} ends early, at byte {}", self.path.display(), self.at);
            return Error::new(ErrorKind::Io, message);
        }
        Error::io("cannot read", &self.path, error)
    }

    /// What to say of the last entry if it cannot be meant.
    pub fn damaged(&self) -> Error {
        damaged(&self.path, self.at)
    }
}

fn damaged(path: &Path, at: u64) -> Error {
    Error::new(ErrorKind::Io, format!("the trace {} is damaged at byte {at}", path.display()))
}

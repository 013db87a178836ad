//! What the engine was given, in a file: enough to give it again, at any time, to the same result.
//!
//! A file begins with [`MAGIC`], the [`VERSION`] (4 bytes) and what is kept (1 byte: 0 no audio, 1 and 2 samples in
//! little- and big-endian order, as the machine had them). Entries follow, each as its kind (1 byte), the length of what
//! it says (4 bytes), that, and a checksum of all three (4 bytes). Numbers are little-endian. A file that was cut is read
//! up to its last whole entry.
//!
//! - [`entry`]: what an entry says; [`wire`] its bytes, [`told`] those of events.
//! - [`writer`]: the worker's end, and the thread that writes.
//! - [`reader`]: entry by entry.

mod entry;
mod reader;
mod told;
mod wire;
mod writer;

pub(crate) use entry::{Entry, Tick};
pub(crate) use reader::Reader;
pub use writer::TraceFile;
pub(crate) use writer::{Writer, create};

/// The first bytes of a trace.
const MAGIC: [u8; 8] = *b"hearktrc";
/// Raised whenever an older reader would misread.
const VERSION: u32 = 2;
/// The longest that an entry's content may be; a longer one is damage. The largest block has 4 MiB.
const LONGEST: usize = 16 << 20;
/// Bytes of kind and length, and of the checksum.
const HEAD: usize = 5;
const CHECK: usize = 4;

/// What is kept in a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TraceContent {
    /// When what came, how much of it, and what was told: no audio. A replay has silence in its place, and everything
    /// else as it was.
    #[default]
    WithoutAudio,
    /// The device's own samples as well: as private as a recording, and as large.
    WithAudio,
}

/// How the head of a file says that this machine's samples are kept.
const SAMPLES: u8 = if cfg!(target_endian = "big") { 2 } else { 1 };

/// FNV-1a of 32 bits, on top of `hash`: no single byte changes unseen.
fn checksum(hash: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619))
}

/// What the checksum of nothing is.
const EMPTY: u32 = 2_166_136_261;

//! What is compared: a callback, as cpal would call it, and the consumer's end of it.

use crate::contenders::{channels, copy, deque, engine, mutex4, rings};
use crate::workload::Shape;
use cpal::{Data, InputCallbackInfo};

/// The way cpal calls it: through a trait object.
pub type Callback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;

/// The consumer's end.
pub trait Drain: Send {
    /// Gives everything that waits to `sink`, then runs `work` while holding what this design holds meanwhile.
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut());

    /// The end of the stream, after the last callback: everything that is left.
    fn end(&mut self, sink: &mut Sink) {
        self.drain(sink, &mut || ());
    }

    /// Frames that the design says it lost, where it says so.
    fn reported_lost(&mut self) -> Option<u64> {
        None
    }
}

/// What comes out for what goes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivers {
    /// The very bytes.
    Same,
    /// The samples as f32.
    Floats,
    /// 16 kHz mono.
    Resampled,
    /// Nothing: a base.
    Nothing,
}

pub struct Contender {
    pub callback: Callback,
    pub consumer: Box<dyn Drain>,
    pub delivers: Delivers,
}

/// A row of the tables.
#[derive(Clone, Copy)]
pub struct Rival {
    pub name: &'static str,
    pub build: fn(Shape) -> Contender,
}

pub const COPY: Rival = Rival { name: "copy", build: copy::private };
pub const COPY_X: Rival = Rival { name: "copy-x", build: copy::crossing };
pub const MUTEX4: Rival = Rival { name: "mutex4", build: mutex4::plain };
pub const MUTEX4_RESAMPLE: Rival = Rival { name: "mutex4+resample", build: mutex4::resampling };
pub const ENGINE: Rival = Rival { name: "hearken", build: engine::engine };

/// Everybody who hands audio over, in the tables' order.
pub const RIVALS: [Rival; 9] = [
    MUTEX4_RESAMPLE,
    MUTEX4,
    Rival { name: "parking_lot deque", build: deque::parking_lot },
    Rival { name: "mpsc of Vec", build: channels::mpsc },
    Rival { name: "crossbeam of Vec", build: channels::crossbeam },
    Rival { name: "ArrayQueue of Vec", build: channels::array_queue },
    Rival { name: "ringbuf", build: rings::ringbuf },
    Rival { name: "rtrb", build: rings::rtrb },
    ENGINE,
];

/// Where the consumer copies what it gets.
pub struct Sink {
    area: Vec<u8>,
    at: usize,
    sums: bool,
    /// Bytes that came.
    pub bytes: u64,
    /// Sum of the 32-bit words that came.
    pub sum: u64,
    /// Everything that came, where that is wanted.
    pub kept: Option<Vec<u8>>,
}

impl Sink {
    pub fn new() -> Self {
        Self { area: vec![1; 1 << 18], at: 0, sums: true, bytes: 0, sum: 0, kept: None }
    }

    /// One that only copies.
    pub fn plain() -> Self {
        Self { sums: false, ..Self::new() }
    }

    pub fn keeping() -> Self {
        Self { kept: Some(Vec::new()), ..Self::new() }
    }

    /// Copies `bytes`, whole words, out.
    pub fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.area.len()) {
            if self.at + piece.len() > self.area.len() {
                self.at = 0;
            }
            let copy = &mut self.area[self.at..][..piece.len()];
            copy.copy_from_slice(piece);
            self.at += piece.len();
            if self.sums {
                self.sum += sum(copy);
            }
        }
        self.bytes += bytes.len() as u64;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(bytes);
        }
    }
}

/// Sum of the 32-bit words in `bytes`.
pub fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "whole words");
    words.iter().map(|&word| u64::from(u32::from_ne_bytes(word))).sum()
}

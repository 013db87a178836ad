//! The bases: a copy of the callback's bytes, and nothing else.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::Shape;
use cpal::{Data, InputCallbackInfo};
use crossbeam_utils::CachePadded;
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Into the same warm memory each time, which no other core ever sees.
pub fn private(shape: Shape) -> Contender {
    let mut area = vec![1_u8; shape.samples() * shape.sample.bytes()];
    Contender {
        callback: Box::new(move |data: &Data, _: &InputCallbackInfo| area.copy_from_slice(data.bytes())),
        consumer: Box::new(Nothing),
        delivers: Delivers::Nothing,
    }
}

struct Nothing;

impl Drain for Nothing {
    fn drain(&mut self, _: &mut Sink, work: &mut dyn FnMut()) {
        work();
    }
}

/// Into an area whose lines the other core has read, and one release store: the least that any handoff by copy does.
///
/// It looks at nothing before it writes, so it is no handoff: it leans on whoever drives it to let the consumer read
/// before the area has gone round, which the consumer asserts.
pub fn crossing(shape: Shape) -> Contender {
    let size = shape.capacity() * shape.sample.bytes();
    let shared = Arc::new(Shared {
        published: CachePadded::new(AtomicUsize::new(0)),
        area: UnsafeCell::new(vec![1; size].into()),
    });
    let consumer = Reader { shared: shared.clone(), read: 0 };
    let mut written = 0;
    let callback = move |data: &Data, _: &InputCallbackInfo| {
        let bytes = data.bytes();
        shared.write(written % size, bytes);
        written += bytes.len();
        // Release: pairs with the Acquire in `Reader::drain`.
        shared.published.store(written, Ordering::Release);
    };
    Contender { callback: Box::new(callback), consumer: Box::new(consumer), delivers: Delivers::Same }
}

struct Shared {
    /// Bytes written since the start.
    published: CachePadded<AtomicUsize>,
    /// Whole callbacks.
    area: UnsafeCell<Box<[u8]>>,
}

#[allow(unsafe_code)]
// SAFETY: one thread writes and one reads, each bytes that the other does not touch: the reader those before
// `published`, the writer those after it, and the area is larger than what the scenarios send between two drains.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline]
    #[allow(unsafe_code)]
    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: see `Sync`. The pointer is made a slice for these bytes alone.
        let area = unsafe { &raw mut (**self.area.get())[at..at + bytes.len()] };
        // SAFETY: in bounds as the line above has checked, and not being read.
        unsafe { area.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }

    #[allow(unsafe_code)]
    fn read(&self, from: usize, to: usize) -> &[u8] {
        // SAFETY: see `Sync`: published, and not written again before the next drain.
        unsafe { &(&(*self.area.get()))[from..to] }
    }
}

struct Reader {
    shared: Arc<Shared>,
    read: usize,
}

impl Drain for Reader {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let published = self.shared.published.load(Ordering::Acquire);
        let size = self.size();
        assert!(published - self.read <= size, "copy-x has no checks, so it must not be driven over its area");
        while self.read < published {
            let from = self.read % size;
            let to = size.min(from + published - self.read);
            sink.take(self.shared.read(from, to));
            self.read += to - from;
        }
        work();
    }
}

impl Reader {
    #[allow(unsafe_code)]
    fn size(&self) -> usize {
        // SAFETY: the length is never written.
        unsafe { (&(*self.shared.area.get())).len() }
    }
}

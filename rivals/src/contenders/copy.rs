//! The bases: a copy of the callback's bytes, and nothing else.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{CAPACITY_FRAMES, FRAMES, Shape};
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

/// Into places whose lines the other core has read, in turn, and one release store: the least that any handoff by copy
/// does.
///
/// It looks at nothing before it writes, so it is no handoff: it leans on whoever drives it to let the consumer read
/// before the places have gone round, which the consumer asserts.
pub fn crossing(shape: Shape) -> Contender {
    let size = shape.samples() * shape.sample.bytes();
    let shared = Arc::new(Shared {
        published: CachePadded::new(AtomicUsize::new(0)),
        places: (0..PLACES).map(|_| UnsafeCell::new(Place::new(size))).collect(),
    });
    let consumer = Reader { shared: shared.clone(), read: 0 };
    let mut written = 0;
    let callback = move |data: &Data, _: &InputCallbackInfo| {
        shared.write(written, data.bytes());
        written += 1;
        // Release: pairs with the Acquire in `Reader::drain`.
        shared.published.store(written, Ordering::Release);
    };
    Contender { callback: Box::new(callback), consumer: Box::new(consumer), delivers: Delivers::Same }
}

/// Callbacks until a place is written again.
const PLACES: usize = CAPACITY_FRAMES / FRAMES;

struct Shared {
    /// Callbacks written since the start.
    published: CachePadded<AtomicUsize>,
    places: Box<[UnsafeCell<Place>]>,
}

/// Room for a callback on cache lines of its own.
struct Place {
    memory: Vec<u8>,
    at: usize,
    size: usize,
}

impl Place {
    fn new(size: usize) -> Self {
        let memory = vec![1; size + 128];
        let at = memory.as_ptr().align_offset(128);
        Self { memory, at, size }
    }

    fn bytes(&self) -> &[u8] {
        &self.memory[self.at..][..self.size]
    }
}

#[allow(unsafe_code)]
// SAFETY: one thread writes and one reads. The reader reads what is published; the writer comes back to a place only
// after the reader has read it, since the scenarios send fewer callbacks between two drains than there are places.
unsafe impl Sync for Shared {}

impl Shared {
    #[inline]
    #[allow(unsafe_code)]
    fn write(&self, callback: usize, bytes: &[u8]) {
        // SAFETY: see `Sync`: not published, or read already.
        let place = unsafe { &mut *self.places[callback % PLACES].get() };
        place.memory[place.at..][..place.size].copy_from_slice(bytes);
    }

    #[allow(unsafe_code)]
    fn read(&self, callback: usize) -> &[u8] {
        // SAFETY: see `Sync`: published, and not written again before the next drain.
        unsafe { &*self.places[callback % PLACES].get() }.bytes()
    }
}

struct Reader {
    shared: Arc<Shared>,
    /// Callbacks read since the start.
    read: usize,
}

impl Drain for Reader {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let published = self.shared.published.load(Ordering::Acquire);
        assert!(
            published - self.read <= PLACES,
            "copy-x has no checks: it must not be driven round its places"
        );
        while self.read < published {
            sink.take(self.shared.read(self.read));
            self.read += 1;
        }
        work();
    }
}

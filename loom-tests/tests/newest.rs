//! The protocol of a triple buffer, written out: three cells, one byte, two swaps.
//!
//! This models, and does not link, the `triple_buffer` crate behind `handoff::newest`: that crate uses the standard
//! atomics, which loom cannot see. The stress test runs the real one.
#![cfg(loom)]
#![allow(unsafe_code, reason = "the payload lies in loom's cells, so that loom judges every access")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU8, Ordering};
use loom::thread;
use loom_tests::{Seen, model};

/// Low two bits: the buffer that lies between the two ends. `DIRTY`: it has not been read.
const INDEX: u8 = 0b011;
const DIRTY: u8 = 0b100;

struct Shared {
    buffers: [UnsafeCell<[u64; 2]>; 3],
    back: AtomicU8,
}

struct Input(Arc<Shared>, u8);

struct Output(Arc<Shared>, u8);

fn triple_buffer() -> (Input, Output) {
    let shared = Arc::new(Shared {
        buffers: std::array::from_fn(|_| UnsafeCell::new([0, !0])),
        back: AtomicU8::new(0),
    });
    (Input(shared.clone(), 1), Output(shared, 2))
}

impl Input {
    /// Whether an unread value was overwritten.
    fn publish(&mut self, value: u64, ordering: Ordering) -> bool {
        self.0.buffers[self.1 as usize].with_mut(|buffer| {
            // SAFETY: the model's claim, checked by loom: this buffer is the input's.
            unsafe { *buffer = [value, !value] };
        });
        // Release: what was written; Acquire: the reader is done with the buffer that comes back.
        let back = self.0.back.swap(self.1 | DIRTY, ordering);
        self.1 = back & INDEX;
        back & DIRTY != 0
    }
}

impl Output {
    fn read(&mut self, ordering: Ordering) -> u64 {
        if self.0.back.load(Ordering::Relaxed) & DIRTY != 0 {
            // Acquire: what was written; Release: we are done with the buffer that goes back.
            self.1 = self.0.back.swap(self.1, ordering) & INDEX;
        }
        self.0.buffers[self.1 as usize].with(|buffer| {
            // SAFETY: the model's claim, checked by loom: this buffer is the output's.
            let [value, check] = unsafe { *buffer };
            assert_eq!(value, !check, "torn");
            value
        })
    }
}

/// Three publications against three reads.
fn protocol(floor: usize, publish: Ordering, read: Ordering) {
    let (overwritten, newest, stale) = (Seen::default(), Seen::default(), Seen::default());
    let notes = (overwritten.clone(), newest.clone(), stale.clone());
    model("triple buffer protocol, 3 publications, 3 reads", floor, None, move || {
        let (mut input, mut output) = triple_buffer();
        let writing = thread::spawn({
            let overwritten = notes.0.clone();
            move || (1..=3).filter(|&value| input.publish(value, publish)).for_each(|_| overwritten.note())
        });
        let mut last = 0;
        for _ in 0..3 {
            let value = output.read(read);
            assert!(value >= last, "time does not go back for the reader");
            last = value;
        }
        if last == 3 {
            notes.1.note()
        } else {
            notes.2.note()
        }
        writing.join().unwrap();
        assert_eq!(output.read(read), 3, "at rest the newest is read");
    });
    overwritten.demand("an unread value was overwritten");
    newest.demand("the newest was read while it was written");
    stale.demand("an older one was read");
}

#[test]
fn a_value_is_whole_and_never_older_than_the_last() {
    protocol(400, Ordering::AcqRel, Ordering::AcqRel);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_publication_that_does_not_release_is_caught() {
    protocol(0, Ordering::Acquire, Ordering::AcqRel);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_publication_that_does_not_acquire_is_caught() {
    protocol(0, Ordering::Release, Ordering::AcqRel);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_read_that_does_not_release_is_caught() {
    protocol(0, Ordering::AcqRel, Ordering::Acquire);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_read_that_does_not_acquire_is_caught() {
    protocol(0, Ordering::AcqRel, Ordering::Release);
}

//! Pictures and verdicts take memory once and never again: counted by an allocator of this test's own.
#![cfg(not(loom))]
#![allow(unsafe_code)] // The global allocator's trait is unsafe.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use hearken::signal::painter::Painter;
use hearken::signal::sound_check::SoundCheck;
use hearken::{Picture, SoundVerdict};

thread_local! {
    /// Calls that took or gave back memory on this thread.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        // SAFETY: as above; the pointer came from `alloc`, so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A day on the device's axis: of each hour twenty seconds are heard, and the rest is missing or muted. Every picture is
/// made and sent.
#[test]
fn a_day_of_reading_allocates_nothing_behind_the_first_block() {
    const RATE: u64 = 8_000;
    let mut painter = Painter::new(RATE as u32, 2);
    let mut check = SoundCheck::new(RATE as u32, 2);
    let (mut picture, mut pictures) = (Picture::default(), 0);
    let block: Vec<f32> = (0..2 * 160).map(|i| (i as f32 * 0.1).sin()).collect();
    painter.add(&block, 0);
    let before = CALLS.get();
    let mut position = 160;
    for hour in 1..=24_u64 {
        for _ in 0..1_000 {
            painter.add(&block, position);
            check.audio(&block);
            position += 160;
            if painter.due(&check.live()) {
                painter.paint(&mut picture, check.live(), 0, 0);
                std::hint::black_box(picture.to_bytes());
                pictures += 1;
            }
        }
        let end = hour * 3_600 * RATE;
        painter.hole(position, end, hour.is_multiple_of(2));
        check.missing(end - position);
        position = end;
    }
    assert_eq!(CALLS.get() - before, 0, "calls of the allocator");
    assert_eq!((picture.sequence, picture.rate_hz), (pictures, 8_000));
    assert!(pictures > 24 * 20 * 29, "{pictures} pictures");
    // The counter counts: the painter gives its memory back, and takes it again.
    painter.rest();
    painter.add(&block, position);
    painter.add(&block, position + 160);
    assert!(CALLS.get() - before > 4);
    painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
    assert_eq!(picture.sequence, pictures + 1, "and the numbers go on");
}

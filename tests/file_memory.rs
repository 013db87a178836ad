//! How much memory a long take holds: counted by an allocator of this test's own, which needs a process of its own.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "a global allocator")]

use hearken::{Capture, Config, FileFormat, FileTap, Input, Pace, Synthetic, Tap, WhenFull};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes held now, and the most that were.
static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(held, Ordering::Relaxed);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn ten_minutes_into_a_file_hold_no_more_than_8_mib() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    let capture = Capture::new(Config {
        input: Input::Synthetic(Synthetic::Noise),
        pace: Pace::Fast,
        length: Some(Duration::from_secs(600)),
        ..Config::default()
    })
    .expect("a capture");
    let tap = Tap::new().queue(64, WhenFull::Wait);
    let file = FileTap::new(folder.path().join("take.wav"), tap, FileFormat::I16).dither(true);
    let file = capture.file(file).expect("a file");
    capture.start().expect("a start");
    let report = capture.wait().expect("an end");
    assert_eq!(file.finish().expect("a file").frames, 9_600_000);
    let held = MOST.load(Ordering::Relaxed) - before;
    println!("at most {:.2} MiB were held", held as f64 / f64::from(1 << 20));
    assert!(report.stats.ledger.balanced() && held > 64 * 2_560 * 4 && held <= 8 << 20, "{held}");
}

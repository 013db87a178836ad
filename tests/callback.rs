//! What the data callback does not do: allocate, free, fault. Measured around the very closure that cpal gets.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "a global allocator")]

mod support;

use hearken::testkit::pattern;
use hearken::{SampleFormat, Tap};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;
use support::{Mic, capture_from};

/// The system's allocator, which counts what each thread asks of it.
struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // While a thread is being torn down there is nothing left to count in.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's contract is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's contract is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's contract is passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and frees on this thread while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = CALLS.get();
    work();
    CALLS.get() - before
}

/// Callbacks in each of twelve formats: more than a million in all.
const CALLBACKS: u32 = 84_000;

/// A small generator of numbers that look random: xorshift.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn the_counter_sees_a_planted_allocation() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1_u8]))), 2);
}

#[test]
fn the_data_callback_neither_allocates_nor_frees() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for sample in [SampleFormat::F32, SampleFormat::I16, SampleFormat::I24, SampleFormat::I32] {
        for channels in [1, 2, 6] {
            let mic = Mic::new(48_000, channels, sample);
            let capture = capture_from(&mic);
            capture.each(Tap::default(), |_| {}).unwrap();
            capture.start().unwrap();
            let mut bytes = pattern(capture.input().expect("it runs").format, 0, 4096);
            let frame_bytes = bytes.len() / 4096;
            let mut made = 0;
            for callback in 0..CALLBACKS {
                capture.mute(callback % 100 > 90);
                // Mostly sizes as devices have them, and one in sixteen of any size.
                let largest = if callback % 16 == 0 { 4096 } else { 512 };
                let frames = (random(&mut state) % (largest + 1)) as usize;
                made += mic.callback(&mut bytes[..frames * frame_bytes], |call| allocations(call));
            }
            // A format that was not announced ends the capture, and must be just as quiet.
            let other = if sample == SampleFormat::I16 { SampleFormat::F32 } else { SampleFormat::I16 };
            made += mic.callback_as(other, &mut bytes[..16], |call| allocations(call));
            let report = capture.wait_timeout(Duration::from_secs(5)).expect("it ends").unwrap();
            assert!(report.stats.ledger.balanced());
            assert_eq!(
                (made, report.stats.callbacks),
                (0, u64::from(CALLBACKS) + 1),
                "{channels} channels of {sample}"
            );
        }
    }
}

#[test]
fn callbacks_after_the_stop_neither_allocate_nor_free() {
    let mic = Mic::new(48_000, 2, SampleFormat::F32).lingering();
    let capture = capture_from(&mic);
    capture.start().unwrap();
    let mut bytes = pattern(capture.input().expect("it runs").format, 0, 480);
    capture.stop().unwrap();
    let made: u64 = (0..1_000).map(|_| mic.callback(&mut bytes, |call| allocations(call))).sum();
    assert_eq!(made + allocations(|| mic.fail(cpal::ErrorKind::Xrun)), 0);
}

#[test]
fn the_error_callback_frees_the_message_of_cpals_error_and_nothing_else() {
    let mic = Mic::new(48_000, 1, SampleFormat::F32);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    let made = allocations(|| (0..100_000).for_each(|_| mic.fail(cpal::ErrorKind::Xrun)));
    assert_eq!(made, 0, "errors without a message");
    let message = "a message that lies on the heap".to_owned();
    let error = cpal::Error::with_message(cpal::ErrorKind::Xrun, message);
    assert_eq!(allocations(|| mic.fail(error)), 1, "the message, which must be dropped somewhere");
}

#[cfg(target_os = "linux")]
fn minor_faults() -> i64 {
    use nix::sys::resource::{UsageWho, getrusage};
    getrusage(UsageWho::RUSAGE_THREAD).expect("the system tells").minor_page_faults()
}

/// Page faults of the callbacks in the first two laps of a new pool. The capture is returned so that its pool is not
/// the next one's memory.
#[cfg(target_os = "linux")]
fn faults_of_two_laps() -> (hearken::Capture, i64) {
    use std::time::Instant;
    let mic = Mic::new(48_000, 2, SampleFormat::F32);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    let mut bytes = pattern(capture.input().expect("it runs").format, 0, 480);
    // The stack and this test's own buffers.
    mic.callback(&mut bytes, |call| call());
    let mut taken = 0;
    let since = Instant::now();
    // Two laps of 2 s, and what the worker is not in time for is no lap.
    while capture.stats().ledger.delivered < 4 * 48_000 + 2 * 48_000 / 10 {
        assert!(since.elapsed() < Duration::from_secs(20), "the laps take too long");
        if capture.stats().ledger.pending < 48_000 {
            taken += mic.callback(&mut bytes, |call| {
                let before = minor_faults();
                call();
                minor_faults() - before
            });
        }
    }
    (capture, taken)
}

#[cfg(target_os = "linux")]
#[test]
fn two_laps_of_the_pool_take_no_page_fault() {
    // The first capture brings the callback's code into memory.
    let laps: Vec<_> = (0..4).map(|_| faults_of_two_laps()).collect();
    let faults: Vec<_> = laps.iter().map(|(_, faults)| *faults).collect();
    assert_eq!(faults[1..], [0, 0, 0]);
    // The counter bites: memory that nobody has written to faults when it is.
    let before = minor_faults();
    let mut fresh = Vec::<u8>::with_capacity(16 << 20);
    fresh.resize(16 << 20, 1);
    std::hint::black_box(&fresh);
    assert!(minor_faults() - before > 3);
}

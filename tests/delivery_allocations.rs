//! Chunks go round: behind the first of them nobody takes memory for another, however they are listened to. Counted by
//! an allocator of this test's own, on every thread but the test's.
#![cfg(not(loom))]
#![allow(unsafe_code)] // The global allocator's trait is unsafe.

use hearken::testkit::Stage;
use hearken::{Capture, Chunk, Config, SampleFormat, StreamFormat, TakePlan, Tap};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Calls that took memory, on threads that do not look.
static TAKEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static LOOKS: Cell<bool> = const { Cell::new(false) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counters need no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !LOOKS.get() {
            TAKEN.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `alloc`, so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const FORMAT: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::I16 };

/// Plays for so long; `receive` takes what has come.
fn play(stage: &Stage, length: Duration, mut receive: impl FnMut()) {
    for _ in 0..length.as_millis() / 10 {
        stage.run(Duration::from_millis(10));
        receive();
    }
}

#[test]
fn no_chunk_takes_memory_however_it_is_listened_to() {
    LOOKS.set(true);
    let stage = Stage::real_time();
    // The system's default would be watched, which takes memory.
    let input = stage.mic("usb", FORMAT).input();
    let config = Config { host: stage.host(), clock: stage.clock(), input, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let mut events = capture.events();
    let (counted, held) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let tap = Tap::new().chunk_ms(20);
    let overlapping = Tap::new().chunk_ms(25).hop_ms(10);
    let count = |counted: &Arc<AtomicU64>| {
        let counted = counted.clone();
        move |chunk: Chunk| {
            std::hint::black_box(chunk.samples());
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    capture.each(tap.clone(), count(&counted)).unwrap();
    capture.each(tap.clone().hold_back_ms(250), count(&held)).unwrap();
    capture.each(overlapping, |chunk| drop(std::hint::black_box(chunk))).unwrap();
    let mut receiver = capture.receiver(tap.clone()).unwrap();
    #[cfg(feature = "async")]
    let mut stream = capture.receiver(tap.clone()).unwrap();
    stage.start(&capture).unwrap();
    let mut plan = TakePlan::default();
    let mut of_take = plan.receiver(tap.clone()).unwrap();
    plan.each(tap.clone().hold_back_ms(250), |chunk| drop(std::hint::black_box(chunk))).unwrap();
    plan.each(tap.clone(), |chunk| drop(std::hint::black_box(chunk))).unwrap();
    let take = capture.take(plan).unwrap();
    let mut received = [0_u64; 3];
    let mut receive = || {
        received[0] += std::iter::from_fn(|| receiver.try_recv()).count() as u64;
        received[1] += std::iter::from_fn(|| of_take.try_recv()).count() as u64;
        #[cfg(feature = "async")]
        {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            while let std::task::Poll::Ready(Some(chunk)) = stream.poll_recv(&mut context) {
                drop(chunk);
                received[2] += 1;
            }
        }
    };
    play(&stage, Duration::from_secs(1), &mut receive);
    while events.try_recv().is_some() {}
    let before = TAKEN.load(Ordering::Relaxed);
    play(&stage, Duration::from_secs(4), &mut receive);
    let taken = TAKEN.load(Ordering::Relaxed) - before;
    // What is told, of a machine that stood still for example, is kept for the report.
    let told = std::iter::from_fn(|| events.try_recv()).count() as u64;
    println!("{taken} allocations in 4 s of every listener, {told} events");
    assert!(taken <= told, "{taken} allocations, {told} events");
    // One that keeps its chunks costs what it keeps.
    let kept = Arc::new(std::sync::Mutex::new(Vec::with_capacity(64)));
    let keep = kept.clone();
    capture.each(tap, move |chunk| keep.lock().unwrap().push(chunk)).unwrap();
    play(&stage, Duration::from_millis(500), &mut receive);
    assert!(TAKEN.load(Ordering::Relaxed) - before > 20, "the counter counts");
    drop(take);
    capture.stop().unwrap();
    receive();
    let few = received.iter().filter(|received| **received < 220).count();
    assert!(counted.load(Ordering::Relaxed) > 220 && held.load(Ordering::Relaxed) > 220);
    assert_eq!(few, usize::from(!cfg!(feature = "async")), "{received:?}");
    assert!(kept.lock().unwrap().len() > 15);
}

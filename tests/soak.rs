//! Hours of virtual time: not a frame unaccounted for, no memory that grows, no loss that was none.
//!
//! `HEARKEN_SOAK_HOURS` and `HEARKEN_SOAK_FRAMES` say how long (`cargo xtask soak`: a day, and 10^9 frames); what
//! `cargo test` does by itself is short.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "a global allocator")]

use hearken::testkit::{Fault, Stage, Stamps};
use hearken::{
    Capture, Cause, Channels, Chunk, Config, Event, LossState, Recovery, Report, SampleFormat, StreamFormat,
    Tap,
};
use std::alloc::{GlobalAlloc, Layout, System};
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes that are allocated at present, by all threads.
static HELD: AtomicI64 = AtomicI64::new(0);
/// One at a time: memory is counted for all.
static ALONE: Mutex<()> = Mutex::new(());

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counter needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size() as i64, Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size() as i64, Relaxed);
        // SAFETY: as above; the pointer came from `alloc`, so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
const HOUR: Duration = Duration::from_secs(3600);
/// Growth of memory from the first tenth to the end.
const MOST_GROWTH: i64 = 64 * 1024;

fn asked<T: FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn hours() -> Duration {
    HOUR.mul_f64(asked("HEARKEN_SOAK_HOURS", 0.1))
}

/// What a tap has learned about losses.
#[derive(Default)]
struct Losses {
    provisional: AtomicU64,
    revoked: AtomicU64,
    settled: AtomicU64,
    /// Where the last provisional one was told, and the longest that one stood, in frames.
    since: AtomicU64,
    longest: AtomicU64,
}

impl Losses {
    fn hear(&self, chunk: &Chunk) {
        let now = chunk.position() + u64::from(chunk.frames());
        for loss in chunk.losses() {
            match loss.state {
                // One is told again when it is known better.
                LossState::Provisional if loss.id < self.provisional.load(Relaxed) => {}
                LossState::Provisional => {
                    self.provisional.fetch_add(1, Relaxed);
                    self.since.store(now, Relaxed);
                }
                LossState::Revoked => {
                    self.revoked.fetch_add(1, Relaxed);
                    self.longest.fetch_max(now - self.since.load(Relaxed), Relaxed);
                }
                LossState::Settled => drop(self.settled.fetch_add(1, Relaxed)),
            }
        }
    }
}

/// Hours with a device whose stamps are late, and one callback in a hundred by up to `most`.
fn hours_with_stalls(most: Duration) -> (Report, Arc<Losses>) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (stage, since, length) = (Stage::new(), Instant::now(), hours());
    let mic = stage.mic("usb", MONO);
    mic.ppm(53.0).stamps(Stamps::Late).late(Duration::from_micros(300)).stalls(0.01, most);
    let capture =
        Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() }).unwrap();
    let losses = Arc::new(Losses::default());
    let hear = losses.clone();
    capture.each(Tap::new().device_rate().chunk_ms(10), move |chunk| hear.hear(&chunk)).unwrap();
    capture.each(Tap::new(), drop).unwrap();
    stage.start(&capture).unwrap();
    stage.run(length / 10);
    let held = HELD.load(Relaxed);
    stage.run(length - length / 10);
    let grown = HELD.load(Relaxed) - held;
    let report = capture.stop().unwrap();
    let (ledger, clock) = (report.stats.ledger, report.stats.clock);
    println!(
        "{:.2} virtual hours in {:.1} s, stalls up to {most:?}: {ledger:?}; {:.3} ppm, bound {:?}, {} bad stamps; \
         {grown} bytes more; losses: {} provisional, {} revoked, {} settled; {} wake-ups",
        length.as_secs_f64() / 3600.0,
        since.elapsed().as_secs_f64(),
        clock.ppm(),
        clock.bound,
        clock.bad_stamps,
        losses.provisional.load(Relaxed),
        losses.revoked.load(Relaxed),
        losses.settled.load(Relaxed),
        report.stats.wakeups,
    );
    // A report keeps 1,024 events, which long stalls are.
    let events = if most > Duration::from_millis(100) { 1024 * size_of::<Event>() as i64 } else { 0 };
    assert!(grown <= MOST_GROWTH + events, "{grown} bytes more");
    assert!(ledger.balanced() && (ledger.dropped, ledger.discarded, ledger.pending) == (0, 0, 0));
    assert!((report.epochs.len(), report.gaps.len()) == (1, 0), "{:?}", report.gaps);
    let whole = length.as_secs_f64() * 48_000.0 * (1.0 + 53e-6);
    assert!((ledger.captured as f64 - whole).abs() < 48_000.0, "{ledger:?}");
    assert!((clock.ppm() - 53.0).abs() < 1.0, "{clock:?}");
    (report, losses)
}

#[test]
fn hours_with_short_stalls_have_no_loss() {
    let (report, losses) = hours_with_stalls(Duration::from_millis(15));
    assert_eq!((report.stats.ledger.lost, losses.settled.load(Relaxed)), (0, 0));
}

#[test]
fn hours_with_long_stalls_have_no_loss_that_is_not_revoked() {
    let (report, losses) = hours_with_stalls(Duration::from_millis(250));
    assert_eq!((report.stats.ledger.lost, losses.settled.load(Relaxed)), (0, 0));
    assert_eq!(losses.provisional.load(Relaxed), losses.revoked.load(Relaxed));
    // The stall itself, and one block behind it.
    assert!(losses.longest.load(Relaxed) <= 48 * 260, "{:?}", losses.longest);
}

/// Follows the pattern through a tap that fills: every sample is the next frame's, or is in a hole that is told.
#[derive(Default)]
struct Follower {
    next: u16,
    hole_end: u64,
    frames: u64,
    violations: u64,
}

impl Follower {
    fn follow(&mut self, chunk: &Chunk) {
        let (start, end) = (chunk.position(), chunk.position() + u64::from(chunk.frames()));
        let samples = |from: u64, to: u64| &chunk.samples()[(from - start) as usize..(to - start) as usize];
        // A hole may be longer than a chunk.
        let mut at = self.hole_end.clamp(start, end);
        for gap in chunk.gaps() {
            assert_eq!(gap.cause, Cause::Dropped);
            self.run(samples(at, gap.position));
            self.next = self.next.wrapping_add(gap.frames as u16);
            self.hole_end = gap.position + gap.frames;
            at = self.hole_end.min(end);
        }
        self.run(samples(at, end));
    }

    fn run(&mut self, samples: &[f32]) {
        let mut next = self.next;
        let mut wrong = 0;
        for sample in samples {
            wrong += u64::from((sample * 32768.0) as i32 as u16 != next);
            next = next.wrapping_add(1);
        }
        (self.next, self.violations) = (next, self.violations + wrong);
        self.frames += samples.len() as u64;
    }
}

#[test]
fn no_frame_is_lost_or_made_up_whatever_the_callbacks_sizes_and_stalls() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let frames = asked("HEARKEN_SOAK_FRAMES", 20_000_000);
    let dropped: u64 = (1..=10).map(|seed| follow_a_device(seed, frames / 10)).sum();
    assert!(dropped > 0, "no stall was longer than the pool");
}

/// Frames that were dropped of so many of a device whose callbacks are of all sizes, and late by up to 4 s every now and
/// then. Not so often that it is always late: that is what a loss looks like.
fn follow_a_device(seed: u64, frames: u64) -> u64 {
    let (stage, since) = (Stage::seeded(seed), Instant::now());
    let mic = stage.mic("usb", MONO);
    let recovery = Recovery { stall_patience: Some(Duration::from_secs(30)), ..Recovery::default() };
    let config = Config { host: stage.host(), clock: stage.clock(), recovery, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    stage.run(Duration::from_millis(seed * 7));
    let next = mic.frame() as u16;
    let follower = Arc::new(Mutex::new(Follower { next, ..Follower::default() }));
    let follow = follower.clone();
    let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(1000);
    capture.each(tap, move |chunk| follow.lock().unwrap().follow(&chunk)).unwrap();
    stage.start(&capture).unwrap();
    let mut random = seed;
    while mic.frame() < frames {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let period = 1 + (random >> 33) as u32 % 16_384;
        mic.period(period).fault(Fault::Size(period * 4));
        let every = Duration::from_secs(20);
        mic.stalls(f64::from(period) / (48_000.0 * every.as_secs_f64()), Duration::from_secs(4));
        stage.run(every);
    }
    let report = capture.stop().unwrap();
    let (ledger, follower) = (report.stats.ledger, follower.lock().unwrap());
    println!(
        "seed {seed}: {} frames in {:.1} s: {ledger:?}, {} followed, {} violations",
        ledger.captured,
        since.elapsed().as_secs_f64(),
        follower.frames,
        follower.violations
    );
    assert!(ledger.balanced() && ledger.pending == 0, "{ledger:?}");
    assert_eq!((follower.violations, ledger.lost, report.epochs.len()), (0, 0, 1));
    assert_eq!(follower.frames, ledger.delivered);
    let given: u64 = mic.delivered().iter().map(|range| range.end - range.start).sum();
    assert_eq!(ledger.captured, given);
    ledger.dropped
}

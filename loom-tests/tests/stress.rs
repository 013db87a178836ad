//! The real types, and the real triple buffer, on real threads for a bounded time. Meant for the sanitizers, which see
//! what loom does not (the library as it is compiled, and the triple buffer), and true without them.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer" \
//!   TSAN_OPTIONS="suppressions=$PWD/loom-tests/tsan.supp" \
//!   cargo test -p loom-tests --test stress --target x86_64-unknown-linux-gnu --target-dir target/tsan
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address" ASAN_OPTIONS= \
//!   cargo test -p loom-tests --test stress --target x86_64-unknown-linux-gnu --target-dir target/asan
//! ```
//!
//! Either variable also asks for the planted fault that this sanitizer must report: a sanitizer that is not there
//! reports nothing.
#![cfg(not(loom))]
#![allow(unsafe_code, reason = "the planted faults")]

use hearken::handoff::gate::Gate;
use hearken::handoff::newest::newest;
use hearken::handoff::pool::pool;
use hearken::handoff::seqlock::seqlock;
use std::cell::UnsafeCell;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long each test keeps its threads busy.
const TIME: Duration = Duration::from_millis(400);

/// Runs `step` for a while.
fn for_a_while(mut step: impl FnMut()) {
    let start = Instant::now();
    while start.elapsed() < TIME {
        (0..100).for_each(|_| step());
    }
}

/// Runs both on threads of their own. Not scoped ones: their end synchronizes inside the standard library, which is not
/// instrumented. And not on the test's own thread: the harness's frames are suppressed, and whatever runs in them.
/// What both share is dropped by the caller, after the joins: the sanitizer does not know the fence in `Arc`'s drop.
fn side_by_side<A: Send + 'static, B: Send + 'static>(
    one: impl FnOnce() -> A + Send + 'static,
    other: impl FnOnce() -> B + Send + 'static,
) -> (A, B) {
    let (one, other) = (thread::spawn(one), thread::spawn(other));
    (one.join().unwrap(), other.join().unwrap())
}

#[test]
fn blocks_arrive_whole_in_order_and_every_drop_is_counted() {
    let (mut producer, mut consumer) = pool::<u64>(8, 200);
    let over = Arc::new(AtomicBool::new(false));
    let (no_more, is_over) = (over.clone(), over.clone());
    let callback = move || {
        let (mut captured, mut dropped) = (0_u64, 0_u64);
        for_a_while(|| {
            if producer.acquire() {
                assert!(producer.append(&[captured as u8; 200]));
                producer.commit(captured);
            } else {
                dropped += 1;
                thread::yield_now();
            }
            captured += 1;
        });
        no_more.store(true, Ordering::Release);
        (captured, dropped, producer)
    };
    let worker = move || {
        let (mut next, mut delivered, mut kept) = (0, 0, Vec::new());
        loop {
            // Read before the pop: what was handed over by then is popped below.
            let last_look = is_over.load(Ordering::Acquire);
            while let Some(block) = consumer.pop() {
                let number = *block.header();
                assert!(number >= next, "in order");
                assert_eq!(consumer.bytes(&block), [number as u8; 200], "whole");
                next = number + 1;
                delivered += 1;
                kept.push(block);
                if kept.len() == 3 {
                    kept.drain(..).rev().for_each(|block| consumer.give_back(block));
                }
            }
            if last_look {
                return (delivered, consumer);
            }
            thread::yield_now();
        }
    };
    let ((captured, dropped, _producer), (delivered, _consumer)) = side_by_side(callback, worker);
    assert!(delivered > 0);
    assert_eq!(captured, delivered + dropped);
}

#[test]
fn a_gate_is_claimed_once_and_sees_every_callback_that_entered() {
    let start = Instant::now();
    while start.elapsed() < TIME {
        let gate = Arc::new(Gate::new(0_u64));
        let (callbacks, claims) = (gate.clone(), gate.clone());
        let callback = move || (0..50).filter(|_| callbacks.enter(|visits| *visits += 1).is_some()).count();
        let worker = move || {
            loop {
                match claims.claim(|visits| *visits) {
                    Some(visits) => break visits,
                    None => thread::yield_now(),
                }
            }
        };
        let (entered, seen) = side_by_side(callback, worker);
        assert_eq!((seen, gate.bounced()), (entered as u64, 50 - entered as u64));
    }
}

#[test]
fn two_callbacks_on_two_threads_are_never_inside_together() {
    let gate = Arc::new(Gate::new(0_u64));
    let callback = |gate: Arc<Gate<u64>>| {
        move || {
            let mut entered = 0;
            for_a_while(|| entered += u64::from(gate.enter(|visits| *visits += 1).is_some()));
            entered
        }
    };
    let (one, other) = side_by_side(callback(gate.clone()), callback(gate.clone()));
    assert_eq!(gate.claim(|visits| *visits), Some(one + other));
}

#[test]
fn two_readers_never_see_a_mixture() {
    let (mut writer, mut reader) = seqlock::<8>();
    let over = Arc::new(AtomicBool::new(false));
    let readers = [reader.clone(), reader.clone()].map(|mut reader| {
        let over = over.clone();
        thread::spawn(move || {
            let mut last = 0;
            while !over.load(Ordering::Relaxed) {
                let words = reader.read();
                assert_eq!(words, std::array::from_fn(|word| words[0] * (word as u64 + 1)), "torn");
                assert!(words[0] >= last, "time does not go back");
                last = words[0];
            }
        })
    });
    let mut number = 0;
    for_a_while(|| {
        number += 1;
        writer.publish(std::array::from_fn(|word| number * (word as u64 + 1)));
    });
    over.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert_eq!(reader.try_read().expect("nobody writes")[0], number);
}

#[test]
fn the_newest_value_is_whole_and_never_older_than_the_last() {
    let (mut writer, mut reader) = newest(&vec![0_u64; 200]);
    let over = Arc::new(AtomicBool::new(false));
    let (no_more, is_over) = (over.clone(), over.clone());
    let worker = move || {
        let mut number = 0;
        for_a_while(|| {
            number += 1;
            writer.publish(|picture| picture.fill(number));
        });
        no_more.store(true, Ordering::Relaxed);
        writer
    };
    let window = move || {
        let mut last = 0;
        while !is_over.load(Ordering::Relaxed) {
            let picture = reader.read(Duration::from_secs(1));
            assert!(picture.iter().all(|&word| word == picture[0]), "torn");
            assert!(picture[0] >= last, "time does not go back");
            last = picture[0];
        }
        (last, reader)
    };
    let (_writer, (last, _reader)) = side_by_side(worker, window);
    assert!(last > 0);
}

/// A queue of one number whose publication does not release: what ThreadSanitizer must report.
struct Racy {
    tail: AtomicUsize,
    slot: UnsafeCell<usize>,
}

// SAFETY: none; that is the point.
unsafe impl Sync for Racy {}

impl Racy {
    fn push(&self, item: usize) {
        // SAFETY: planted.
        unsafe { *self.slot.get() = item };
        self.tail.store(1, Ordering::Relaxed);
    }

    fn pop(&self) -> Option<usize> {
        // SAFETY: planted.
        (self.tail.load(Ordering::Acquire) != 0).then(|| unsafe { *self.slot.get() })
    }
}

#[test]
#[ignore = "run by the test below"]
fn planted_race() {
    for _ in 0..100 {
        let racy = Arc::new(Racy { tail: AtomicUsize::new(0), slot: UnsafeCell::new(0) });
        let (push, pop) = (racy.clone(), racy.clone());
        let popped = move || {
            while pop.pop().is_none() {
                thread::yield_now();
            }
        };
        side_by_side(move || push.push(1), popped);
        drop(racy);
    }
}

#[test]
#[ignore = "run by the test below"]
fn planted_read_after_free() {
    let freed = std::hint::black_box(Box::into_raw(Box::new(1_u64)));
    // SAFETY: planted.
    unsafe {
        drop(Box::from_raw(freed));
        println!("{}", std::hint::black_box(freed).read_volatile());
    }
}

#[test]
fn a_planted_fault_is_reported() {
    let planted = [
        ("TSAN_OPTIONS", "planted_race", "ThreadSanitizer: data race"),
        ("ASAN_OPTIONS", "planted_read_after_free", "AddressSanitizer: heap-use-after-free"),
    ];
    for (variable, test, report) in planted {
        if std::env::var_os(variable).is_none() {
            println!("{variable} is not set: `{test}` is left out");
            continue;
        }
        let this = std::env::current_exe().unwrap();
        let child = Command::new(this).args(["--exact", test, "--ignored", "--nocapture"]).output().unwrap();
        let text = String::from_utf8_lossy(&child.stderr);
        assert!(text.contains(report), "not reported: {report}\n{text}");
        assert!(!child.status.success());
    }
}

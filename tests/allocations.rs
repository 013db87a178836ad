//! No allocation and bounded memory: counted by an allocator of this test's own.
#![allow(unsafe_code)] // The global allocator's trait is unsafe.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use hearken::signal::resample::{Quality, Resampler, run_frames};
use hearken::{Detector, Voice};

thread_local! {
    /// Calls that took or gave back memory, and bytes held, on this thread.
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; the counters need no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.set(CALLS.get() + 1);
        HELD.set(HELD.get() + layout.size() as i64);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        CALLS.set(CALLS.get() + 1);
        HELD.set(HELD.get() - layout.size() as i64);
        // SAFETY: as above; the pointer came from `alloc`, so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RATES: [(u32, u32); 9] = [
    (48_000, 16_000),
    (44_100, 16_000),
    (96_000, 16_000),
    (16_000, 48_000),
    (8_000, 16_000),
    (48_000, 48_000),
    (44_099, 16_000),
    (16_001, 47_999),
    (768_000, 1),
];

#[test]
fn pushing_finishing_and_starting_again_allocate_nothing() {
    let input = vec![0.25; 2 * 1_500];
    for (rate_in, rate_out) in RATES {
        for quality in Quality::ALL {
            let mut resampler = Resampler::new(rate_in, rate_out, 2, quality).unwrap();
            let mut heard = 0;
            let before = CALLS.get();
            for run in [1_500_usize, 7, 0, 1_499] {
                for piece in input[..2 * run].chunks(2 * 113) {
                    resampler.push(piece, &mut |out| heard += out.len());
                }
                let total = run_frames(0, run as u64, rate_in, rate_out);
                resampler.finish(total, &mut |out| heard += out.len());
            }
            assert_eq!(CALLS.get() - before, 0, "{rate_in}->{rate_out} {quality}");
            assert!(heard > 0 || rate_out == 1);
        }
    }
}

#[test]
fn memory_is_bounded_at_any_pair_of_rates() {
    let extreme =
        [(44_099, 16_000), (47_999, 16_001), (768_000, 1), (1, 768_000), (767_999, 8_000), (8_000, 767_999)];
    for (rate_in, rate_out) in RATES.into_iter().chain(extreme) {
        for quality in Quality::ALL {
            let before = HELD.get();
            let resampler = Resampler::new(rate_in, rate_out, 1, quality).unwrap();
            let held = (HELD.get() - before) / 1024;
            println!("{rate_in:>6}->{rate_out:<6} {quality:>12} {held:>6} KiB");
            assert!(held <= 16 * 1024, "{rate_in}->{rate_out} {quality} holds {held} KiB");
            drop(resampler);
        }
    }
}

#[test]
fn the_counter_counts() {
    let before = CALLS.get();
    drop(std::hint::black_box(vec![1_u8]));
    assert_eq!(CALLS.get() - before, 2);
}

#[test]
fn the_voice_gate_allocates_nothing_while_it_runs() {
    let loud: Vec<f32> = (0..113).map(|at| (at as f32 * 0.4).sin() * 0.2).collect();
    let quiet: Vec<f32> = loud.iter().map(|sample| sample * 0.001).collect();
    for &detector in Detector::ALL.iter().filter(|detector| detector.name() != "silero") {
        let voice =
            Voice::new().detector(detector).trailing_silence_ms(800).no_speech_ms(100).max_len_ms(1_000);
        let mut gate = voice.gate().unwrap();
        let (mut events, mut position) = (0, 0);
        let before = CALLS.get();
        for at in 0..4_000 {
            gate.push(if at % 1_000 < 500 { &quiet } else { &loud }, position, &mut |_| events += 1);
            // And a hole here and there.
            position += if at % 700 == 0 { 6_000 } else { 113 };
        }
        gate.finish(&mut |_| events += 1);
        assert_eq!(CALLS.get() - before, 0, "{}", detector.name());
        assert!(events > 2 || detector.name() != "energy", "{} told {events} events", detector.name());
    }
}

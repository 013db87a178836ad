//! What arrives, in which shape: windows that overlap, frames for detectors, and closures that hold the others up.
#![cfg(not(loom))]

mod support;

use hearken::{
    Capture, Chunk, Clock, Config, EventKind, GapPolicy, Input, Pace, Receiver, Synthetic, TakePlan, Tap,
    WhenFull,
};
use std::time::Duration;
use support::{bare_tap, play, staged};

/// 100 s of speech as fast as possible, through `taps`, which wait for their listeners.
fn fast(taps: [Tap; 3]) -> (Capture, [Receiver; 3]) {
    let length = Some(Duration::from_secs(100));
    let input = Input::Synthetic(Synthetic::Speech);
    let capture = Capture::new(Config { input, length, pace: Pace::Fast, ..Config::default() }).unwrap();
    let taps = taps.map(|tap| capture.receiver(tap.queue(20_000, WhenFull::Wait)).unwrap());
    capture.start().unwrap();
    (capture, taps)
}

/// Each chunk begins `hop` behind the one before it and holds what `whole` holds there. How many there were.
fn covers(chunks: Receiver, whole: &[f32], len: usize, hop: usize) -> usize {
    let chunks: Vec<Chunk> = chunks.collect();
    for (k, chunk) in chunks.iter().enumerate() {
        let (start, frames) = (k * hop, chunk.frames() as usize);
        assert_eq!(chunk.position(), start as u64);
        assert_eq!(frames, len.min(whole.len() - start), "chunk {k}");
        assert!(chunk.samples() == &whole[start..start + frames], "chunk {k} holds something else");
    }
    chunks.len()
}

#[test]
fn windows_and_frames_overlap_as_asked_and_hold_the_same_audio() {
    let windows = Tap::new().chunk_ms(30_000).hop_ms(25_000);
    let frames = Tap::new().chunk_ms(25).hop_ms(10);
    let (capture, [whole, windows, frames]) = fast([Tap::new(), windows, frames]);
    let whole: Vec<f32> = whole.flat_map(|chunk| chunk.samples().to_vec()).collect();
    assert_eq!(whole.len(), 1_600_000);
    // 0 to 30, 25 to 55, 50 to 80, and what is left: 75 to 100.
    assert_eq!(covers(windows, &whole, 480_000, 400_000), 4);
    // Of the last frame only what no other covers is there to come: 5 ms of 25.
    assert_eq!(covers(frames, &whole, 400, 160), 9_999);
    assert!(capture.wait().unwrap().stats.ledger.balanced());
}

#[test]
fn frames_that_overlap_keep_their_length_behind_a_hole() {
    let (stage, _, capture) = staged();
    let frames = bare_tap().chunk_frames(400).hop_frames(160);
    let marked = capture.receiver(frames.clone().gaps(GapPolicy::Mark)).unwrap();
    let filled = capture.receiver(frames).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 1_000);
    capture.mute(true);
    play(&stage, 100);
    capture.mute(false);
    play(&stage, 1_000);
    capture.stop().unwrap();
    // The number of a frame, as the microphone counts, and silence where it was muted.
    let expected = |at: u64| if (1_000..1_100).contains(&at) { 0.0 } else { at as f32 / 32_768.0 };
    let right = |chunk: &Chunk| {
        let heard = chunk.samples()[..(chunk.frames() - chunk.padding()) as usize].iter();
        heard.zip(chunk.position()..).all(|(sample, at)| *sample == expected(at))
    };
    let filled: Vec<Chunk> = filled.collect();
    assert!(filled.iter().all(right));
    assert!(filled.iter().enumerate().all(|(k, chunk)| chunk.position() == k as u64 * 160));
    let marked: Vec<Chunk> = marked.collect();
    assert!(marked.iter().all(right) && marked.iter().all(|chunk| chunk.frames() == 400));
    assert!(marked.iter().any(|chunk| chunk.position() == 1_100), "the grid starts anew behind the hole");
}

/// Five seconds in virtual time, with a closure that takes `slow_ms` for the chunks 2 and 3 of 20 ms each, and for the one
/// at 4 s. How many were counted, and what was told.
fn with_a_closure(slow_ms: u64) -> (u64, Vec<Duration>) {
    let clock = Clock::virtual_time();
    let (input, length) = (Input::Synthetic(Synthetic::Tone), Some(Duration::from_secs(5)));
    let capture = Capture::new(Config { input, length, clock: clock.clone(), ..Config::default() }).unwrap();
    let closure = move |chunk: Chunk| {
        if [640, 960, 64_000].contains(&chunk.position()) {
            clock.sleep(Duration::from_millis(slow_ms));
        }
    };
    capture.each(Tap::new().chunk_ms(20), closure).unwrap();
    capture.start().unwrap();
    let report = capture.wait().unwrap();
    let told = report.events.into_iter().filter_map(|event| match event.kind {
        EventKind::Overloaded(length) => Some(length),
        _ => None,
    });
    (report.stats.slow_closures, told.collect())
}

#[test]
fn a_slow_closure_is_counted_and_told_once_while_it_lasts() {
    let long = Duration::from_millis(51);
    assert_eq!(with_a_closure(51), (3, vec![long, long]));
    assert_eq!(with_a_closure(50), (0, vec![]));
}

#[test]
fn a_slow_closure_of_a_take_is_counted_as_well() {
    let (stage, _, capture) = staged();
    stage.start(&capture).unwrap();
    let (mut plan, clock) = (TakePlan::default(), stage.clock());
    let slow = move |chunk: Chunk| {
        if chunk.position() == 0 {
            clock.sleep(Duration::from_millis(60));
        }
    };
    plan.each(bare_tap().chunk_frames(160), slow).unwrap();
    let take = capture.take(plan).unwrap();
    stage.run(Duration::from_millis(500));
    assert_eq!(capture.stats().slow_closures, 1);
    drop(take);
    capture.stop().unwrap();
}

//! What arrives, in which shape: windows that overlap, frames for detectors, and closures that hold the others up.
#![cfg(not(loom))]

mod support;

use hearken::{
    Capture, Chunk, Config, EventKind, GapPolicy, Input, Pace, Receiver, SampleFormat, Synthetic, TakePlan,
    Tap, WhenFull,
};
use std::time::Duration;
use support::{Mic, bare_tap, capture_from, eventually};

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
    let mic = Mic::new(16_000, 1, SampleFormat::I16);
    let capture = capture_from(&mic);
    let frames = bare_tap().chunk_frames(400).hop_frames(160);
    let marked = capture.receiver(frames.clone().gaps(GapPolicy::Mark)).unwrap();
    let filled = capture.receiver(frames).unwrap();
    capture.start().unwrap();
    mic.play(1_000);
    capture.mute(true);
    mic.play(100);
    capture.mute(false);
    mic.play(1_000);
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

#[test]
fn a_slow_closure_is_counted_and_told_whether_of_a_capture_or_of_a_take() {
    let input = Input::Synthetic(Synthetic::Tone);
    let capture = Capture::new(Config { input, ..Config::default() }).unwrap();
    let mut events = capture.events();
    let tap = Tap::new().chunk_ms(20);
    let slow = |chunk: Chunk| {
        // Two of them, one after the other, and one of the take.
        let is_slow = [640, 960].contains(&chunk.position());
        std::thread::sleep(Duration::from_millis(if is_slow { 70 } else { 0 }));
    };
    capture.each(tap.clone(), slow).unwrap();
    capture.start().unwrap();
    eventually("both calls are counted", || capture.stats().slow_closures == 2);
    let mut plan = TakePlan::default();
    plan.each(tap, move |chunk| {
        std::thread::sleep(Duration::from_millis(if chunk.position() == 0 { 70 } else { 0 }))
    })
    .unwrap();
    let take = capture.take(plan).unwrap();
    eventually("the take's is counted", || capture.stats().slow_closures == 3);
    take.finish().unwrap();
    let report = capture.stop().unwrap();
    assert_eq!(report.stats.slow_closures, 3);
    let told = std::iter::from_fn(|| events.try_recv()).filter_map(|event| match event.kind {
        EventKind::Overloaded(length) => Some(length),
        _ => None,
    });
    let told: Vec<Duration> = told.collect();
    assert!((1..=2).contains(&told.len()), "told once while it lasts: {told:?}");
    assert!(told.iter().all(|length| (70..500).contains(&length.as_millis())), "{told:?}");
}

#[test]
fn a_closure_that_is_quick_is_never_called_slow() {
    let mic = Mic::new(16_000, 1, SampleFormat::I16);
    let capture = capture_from(&mic);
    capture.each(bare_tap().chunk_frames(160), |_| std::thread::sleep(Duration::from_millis(2))).unwrap();
    capture.start().unwrap();
    (0..10).for_each(|_| mic.play(160));
    assert_eq!(capture.stop().unwrap().stats.slow_closures, 0);
}

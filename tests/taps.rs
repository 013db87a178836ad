//! What taps and their receivers promise, on the public API, with a microphone that does what the test says.
#![cfg(not(loom))]

mod support;

use hearken::{
    Cause, Channels, ErrorKind, FileTap, Gap, GapPolicy, SampleFormat, StopReason, TakePlan, Tap, WhenFull,
};
use std::time::Duration;
use support::{Mic, bare_tap, capture_from, play, staged};

#[test]
fn mute_lets_time_run_on_and_takes_no_byte() {
    let (stage, _, capture) = staged();
    let mut filled = capture.receiver(bare_tap().chunk_frames(160)).unwrap();
    let mut split = capture.receiver(bare_tap().chunk_frames(160).gaps(GapPolicy::Split)).unwrap();
    let mut marked = capture.receiver(bare_tap().chunk_frames(160).gaps(GapPolicy::Mark)).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 200);
    capture.mute(true);
    play(&stage, 100);
    play(&stage, 100);
    capture.mute(false);
    play(&stage, 300);
    let report = capture.stop().unwrap();
    let ledger = report.stats.ledger;
    assert_eq!((ledger.captured, ledger.delivered, ledger.discarded), (700, 500, 200));
    let hole = Gap { position: 200, frames: 200, error_frames: 0, cause: Cause::Muted };
    assert_eq!(report.gaps, [hole]);
    let shape = |chunks: &mut hearken::Receiver| -> Vec<(u64, u32, u32)> {
        chunks.map(|chunk| (chunk.position(), chunk.frames(), chunk.padding())).collect()
    };
    assert_eq!(shape(&mut filled), [(0, 160, 0), (160, 160, 0), (320, 160, 0), (480, 160, 0), (640, 60, 0)]);
    // The grid is kept: the pieces beside the hole are short.
    assert_eq!(shape(&mut split), [(0, 160, 0), (160, 40, 0), (400, 80, 0), (480, 160, 0), (640, 60, 0)]);
    // The length is kept: the grid starts anew.
    assert_eq!(shape(&mut marked), [(0, 160, 0), (160, 160, 120), (400, 160, 0), (560, 160, 20)]);
}

#[test]
fn a_receiver_that_does_not_keep_up_loses_counted_chunks_and_is_told() {
    for (when_full, first, last) in [(WhenFull::DropNew, 0, 300), (WhenFull::KeepNewest, 600, 900)] {
        let (stage, _, capture) = staged();
        let mut chunks = capture.receiver(bare_tap().chunk_frames(100).queue(4, when_full)).unwrap();
        stage.start(&capture).unwrap();
        play(&stage, 1050);
        let ledger = chunks.ledger();
        assert_eq!(ledger.offered, 1000);
        assert_eq!((ledger.behind, ledger.pending, ledger.received), (600, 400, 0));
        let positions: Vec<u64> =
            (0..4).filter_map(|_| chunks.try_recv()).map(|chunk| chunk.position()).collect();
        assert_eq!((positions[0], positions[3]), (first, last));
        play(&stage, 100);
        capture.stop().unwrap();
        let chunk = chunks.recv().unwrap();
        let missed = Gap { position: 400, frames: 600, error_frames: 0, cause: Cause::Behind };
        let told = if when_full == WhenFull::DropNew { vec![missed] } else { vec![] };
        assert_eq!((chunk.position(), chunk.gaps().to_vec()), (1000, told));
        assert_eq!(chunks.ledger().received, 500);
        assert!(chunks.recv().is_none() && chunks.is_ended());
    }
}

#[test]
fn a_closure_that_panics_ends_its_own_tap_only() {
    let (stage, _, capture) = staged();
    capture.each(bare_tap().chunk_frames(10), |_| panic!("on purpose, by a test")).unwrap();
    let chunks = capture.receiver(bare_tap().chunk_frames(10)).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 100);
    play(&stage, 100);
    assert_eq!(capture.stop().unwrap().stats.ledger.delivered, 200);
    assert_eq!(chunks.count(), 20);
}

#[test]
fn stop_from_a_closure_only_requests() {
    let (stage, _, capture) = staged();
    let capture = std::sync::Arc::new(capture);
    let inside = std::sync::Arc::downgrade(&capture);
    let stop = move |_| {
        if let Some(capture) = inside.upgrade() {
            capture.stop().expect("a request does not fail");
        }
    };
    capture.each(bare_tap().chunk_frames(10), stop).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 1_000);
    let report = capture.wait_timeout(Duration::from_secs(5)).expect("it ends").unwrap();
    let delivered = report.stats.ledger.delivered;
    assert!(report.reason == StopReason::Requested && (100..1_000).contains(&delivered), "{delivered}");
}

#[test]
fn a_tap_may_join_later_and_begins_there() {
    let (stage, _, capture) = staged();
    let mut early = capture.receiver(bare_tap().chunk_frames(100)).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 1_050);
    early.try_recv().expect("a chunk");
    let mut late = capture.receiver(bare_tap().chunk_frames(100)).unwrap();
    play(&stage, 100);
    assert!(late.format().is_some(), "the tap has joined");
    play(&stage, 1_000);
    let chunk = late.try_recv().expect("a chunk");
    let joined = chunk.samples()[0] * 32768.0;
    assert!(chunk.position() == 0 && (900.0..=1_100.0).contains(&joined), "{joined}");
    capture.stop().unwrap();
    let mut too_late = capture.receiver(bare_tap()).unwrap();
    assert!(too_late.recv().is_none() && too_late.is_ended());
}

#[test]
fn chunks_overlap_or_leave_out_as_their_hop_says() {
    let (stage, _, capture) = staged();
    let overlapping = capture.receiver(bare_tap().chunk_frames(400).hop_frames(160)).unwrap();
    let sparse = capture.receiver(bare_tap().chunk_frames(100).hop_frames(300)).unwrap();
    stage.start(&capture).unwrap();
    play(&stage, 1_000);
    capture.stop().unwrap();
    let shape = |chunks: hearken::Receiver| -> Vec<(u64, u32)> {
        chunks
            .inspect(|chunk| {
                let first = chunk.position();
                let expected = (first..).map(|frame| frame as f32 / 32768.0);
                assert!(chunk.samples().iter().copied().eq(expected.take(chunk.frames() as usize)));
            })
            .map(|chunk| (chunk.position(), chunk.frames()))
            .collect()
    };
    assert_eq!(shape(overlapping), [(0, 400), (160, 400), (320, 400), (480, 400), (640, 360)]);
    assert_eq!(shape(sparse), [(0, 100), (300, 100), (600, 100), (900, 100)]);
}

#[test]
fn a_gain_may_be_turned_while_the_capture_runs() {
    let (stage, _, capture) = staged();
    let gain = hearken::Gain::default();
    let mut chunks = capture.receiver(bare_tap().chunk_frames(100).gain(gain.clone())).unwrap();
    stage.start(&capture).unwrap();
    let peak = |chunks: &mut hearken::Receiver| {
        let chunk = std::iter::from_fn(|| chunks.try_recv()).last().expect("a chunk");
        (chunk.samples()[99], f32::from(chunk.position() as u16 as i16 + 99) / 32768.0)
    };
    play(&stage, 1_000);
    let (sample, played) = peak(&mut chunks);
    assert_eq!(sample, played, "0 dB touches nothing");
    gain.set_db(20.0);
    play(&stage, 1_000);
    let (sample, played) = peak(&mut chunks);
    assert!((sample / played - 10.0).abs() < 1e-4, "20 dB is ten times, faded in by the end of the block");
    capture.stop().unwrap();
}

#[test]
fn a_file_that_was_there_survives_a_capture_that_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("earlier.wav");
    std::fs::write(&path, "an earlier take").unwrap();
    let (stage, _, capture) = staged();
    let file = capture.file(FileTap::native(&path)).unwrap();
    // A later tap does not fit the device.
    let _misfit = capture.receiver(Tap::new().channels(Channels::List(vec![7]))).unwrap();
    stage.start(&capture).unwrap_err();
    assert_eq!(file.finish().unwrap_err().kind(), ErrorKind::NoDevice);
    assert_eq!(std::fs::read(&path).unwrap(), b"an earlier take");
}

#[test]
fn a_tap_that_joins_late_and_does_not_fit_says_why() {
    let (stage, _, capture) = staged();
    stage.start(&capture).unwrap();
    let mut chunks = capture.receiver(Tap::new().channels(Channels::List(vec![3]))).unwrap();
    assert!(chunks.recv().is_none());
    assert_eq!(chunks.error().expect("a reason").kind(), ErrorKind::BadArgument);
}

#[test]
fn a_size_beyond_its_range_is_refused() {
    let (_stage, _, capture) = staged();
    let absurd = [
        // 2^32 frames and 160 at 16 kHz.
        Tap::new().chunk_ms(268_435_466),
        Tap::new().chunk_ms(600_001),
        Tap::new().hop_ms(u32::MAX),
        Tap::new().chunk_frames(u32::MAX),
        Tap::new().device_rate().chunk_frames(u32::MAX),
        Tap::new().queue(usize::MAX, WhenFull::DropNew),
    ];
    for tap in absurd {
        let what = format!("{tap:?}");
        assert_eq!(capture.receiver(tap).unwrap_err().kind(), ErrorKind::BadArgument, "{what}");
    }
    capture.receiver(Tap::new().chunk_ms(600_000)).unwrap();
    let forever = TakePlan::default().post_roll(Duration::MAX);
    assert_eq!(capture.take(forever).unwrap_err().kind(), ErrorKind::BadArgument);
}

#[test]
fn a_high_pass_takes_an_offset_away_and_starts_anew_behind_a_hole() {
    let mic = Mic::new(16_000, 1, SampleFormat::F32);
    let capture = capture_from(&mic);
    let mut chunks = capture.receiver(bare_tap().chunk_frames(1_600).high_pass_hz(80)).unwrap();
    let refused = capture.receiver(bare_tap().high_pass_hz(0)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BadArgument);
    capture.start().unwrap();
    for is_muted in [false, true, false] {
        capture.mute(is_muted);
        mic.callback(&mut 0.5_f32.to_ne_bytes().repeat(1_600), |call| call());
    }
    capture.stop().unwrap();
    let mut next = || chunks.recv().expect("a chunk").samples().to_vec();
    let first = next();
    assert!(first[0] > 0.48 && first[1_599].abs() < 1e-4, "{} {}", first[0], first[1_599]);
    assert_eq!(next(), [0.0; 1_600]);
    assert_eq!(next(), first);
}

//! What the engine promises, on the public API, with a microphone that does what the test says.
#![cfg(not(loom))]

mod support;

use hearken::testkit::pattern;
use hearken::{
    Capture, Cause, Channels, Config, ErrorKind, FileTap, Gap, Input, Pace, SampleFormat, StopReason,
    Synthetic, Tap, WhenFull,
};
use std::sync::mpsc;
use std::time::Duration;
use support::{Mic, bare_tap, capture_from, eventually};

#[test]
fn stop_delivers_every_callback_that_returned_before_it_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for (round, sample) in
        [SampleFormat::I16, SampleFormat::F32, SampleFormat::I32, SampleFormat::I24].into_iter().enumerate()
    {
        let mic = Mic::new(48_000, 2, sample);
        let capture = capture_from(&mic);
        let path = folder.path().join(format!("{round}.wav"));
        let file = capture.file(FileTap::native(&path)).unwrap();
        let mut chunks =
            capture.receiver(bare_tap().chunk_frames(100).queue(300, WhenFull::DropNew)).unwrap();
        capture.start().unwrap();
        let sizes = [480, 1, 0, 1024, 4096, 7, 480, 20_000, 333];
        sizes.into_iter().for_each(|frames| mic.play(frames));
        let total: usize = sizes.iter().sum();
        let report = capture.stop().unwrap();
        let ledger = report.stats.ledger;
        assert_eq!((ledger.captured, ledger.delivered), (total as u64, total as u64));
        assert!(ledger.balanced() && ledger.pending == 0);
        assert_eq!((report.stats.callbacks, report.stats.max_callback_frames), (9, 20_000));
        assert_eq!(file.finish().unwrap().frames, total as u64);
        let mut written = hearken::wav::WavReader::open(&path).unwrap();
        let mut bytes = Vec::new();
        written.read(&mut bytes, total + 1).unwrap();
        assert!(bytes == pattern(report.input.format, 0, total), "{sample}: the file is bit-exact");
        let mut position = 0;
        while let Some(chunk) = chunks.recv() {
            assert_eq!(chunk.position(), position);
            let expected = (position..).map(|frame| f32::from(frame as u16 as i16) / 32768.0);
            assert!(chunk.samples().iter().copied().eq(expected.take(chunk.frames() as usize)));
            position += u64::from(chunk.frames());
        }
        assert_eq!(position, total as u64);
    }
}

#[test]
fn a_worker_that_is_away_loses_nothing_up_to_the_pools_depth_and_is_told_exactly_beyond() {
    let mic = Mic::new(48_000, 1, SampleFormat::I16);
    let config =
        Config { pool: Duration::from_millis(500), input: Input::Cpal(mic.device()), ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let (holding, held) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let mut first = true;
    let hold = move |_| {
        if std::mem::take(&mut first) {
            holding.send(()).unwrap();
            let _ = released.recv_timeout(Duration::from_secs(10));
        }
    };
    capture.each(bare_tap().chunk_frames(1), hold).unwrap();
    let mut chunks = capture.receiver(bare_tap().chunk_frames(480).queue(1000, WhenFull::DropNew)).unwrap();
    capture.start().unwrap();
    mic.play(480);
    held.recv_timeout(Duration::from_secs(5)).expect("the worker serves the first callback");
    // 500 ms: none may be lost, whatever the sizes are.
    (0..50).for_each(|_| mic.play(480));
    // Far more than the pool holds.
    (0..100).for_each(|_| mic.play(480));
    release.send(()).unwrap();
    eventually("the backlog is drained", || capture.stats().ledger.delivered > 24_000);
    mic.play(480);
    // A closure for each frame takes a debug build on a busy machine longer than a stop waits.
    let report = capture.stop().or_else(|_| capture.wait()).unwrap();
    let ledger = report.stats.ledger;
    assert!(ledger.balanced() && ledger.pending == 0, "{ledger:?}");
    assert_eq!(ledger.captured, 152 * 480);
    // The first callback is in the worker's hands; the pool holds 500 ms whatever the callbacks' sizes are, and so a
    // little more of this size.
    let kept = ledger.delivered - 2 * 480;
    assert!((24_000..24_000 * 7 / 6 + 3 * 1024).contains(&kept), "{ledger:?}");
    let [gap] = report.gaps[..] else { panic!("one hole, not {:?}", report.gaps) };
    assert_eq!((gap.frames, gap.cause, gap.error_frames), (ledger.dropped, Cause::Dropped, 0));
    assert_eq!(gap.position, ledger.delivered - 480);
    // The tap filled the hole: its time runs on, and the chunk with the hole says so.
    let all: Vec<_> = chunks.by_ref().collect();
    assert_eq!(all.iter().map(|chunk| u64::from(chunk.frames())).sum::<u64>(), 152 * 480);
    let gaps: Vec<Gap> = all.iter().flat_map(|chunk| chunk.gaps().to_vec()).collect();
    assert_eq!(gaps, [gap]);
    let samples: Vec<f32> = all.iter().flat_map(|chunk| chunk.samples().to_vec()).collect();
    for (frame, sample) in samples.iter().enumerate() {
        let silent = (gap.position..gap.position + gap.frames).contains(&(frame as u64));
        let played = f32::from(frame as u16 as i16) / 32768.0;
        assert_eq!(*sample, if silent { 0.0 } else { played }, "frame {frame}");
    }
}

#[test]
fn a_callback_after_the_end_bounces_off_and_is_counted() {
    let mic = Mic::new(48_000, 2, SampleFormat::F32).lingering();
    let capture = capture_from(&mic);
    capture.start().unwrap();
    mic.play(480);
    let report = capture.stop().unwrap();
    assert!(mic.is_closed() && report.released);
    mic.play(480);
    assert_eq!((report.stats.ledger.captured, report.late_callbacks), (480, 0));
    assert_eq!(capture.stop().unwrap(), report, "a second stop tells the same");
}

#[test]
fn a_format_that_was_not_announced_is_not_decoded() {
    let mic = Mic::new(48_000, 2, SampleFormat::F32);
    let capture = capture_from(&mic);
    let mut chunks = capture.receiver(bare_tap().chunk_frames(480)).unwrap();
    capture.start().unwrap();
    mic.play(480);
    mic.callback_as(SampleFormat::I16, &mut [1; 400], |call| call());
    let report = capture.wait_timeout(Duration::from_secs(5)).expect("the capture ends").unwrap();
    let StopReason::Failed(error) = &report.reason else { panic!("{:?}", report.reason) };
    assert_eq!(error.kind(), ErrorKind::UnsupportedFormat);
    let ledger = report.stats.ledger;
    assert_eq!((ledger.captured, ledger.delivered, ledger.discarded), (580, 480, 100));
    assert_eq!(report.gaps[0].cause, Cause::Mismatched);
    assert!(chunks.recv().unwrap().samples().len() == 480 && mic.is_closed());
}

#[test]
fn a_lost_device_ends_the_capture_with_everything_before_delivered() {
    let mic = Mic::new(44_100, 1, SampleFormat::I16);
    let capture = capture_from(&mic);
    let chunks = capture.receiver(Tap::default()).unwrap();
    capture.start().unwrap();
    (0..100).for_each(|_| mic.play(441));
    mic.fail(cpal::ErrorKind::Xrun);
    mic.play(441);
    mic.fail(cpal::ErrorKind::DeviceNotAvailable);
    let report = capture.wait_timeout(Duration::from_secs(5)).expect("the capture ends").unwrap();
    let StopReason::Failed(error) = &report.reason else { panic!("{:?}", report.reason) };
    assert_eq!(error.kind(), ErrorKind::DeviceLost);
    assert_eq!((report.stats.errors, report.stats.xruns), (2, 1));
    let frames: u64 = chunks.map(|chunk| u64::from(chunk.frames())).sum();
    assert_eq!(frames, (101 * 441 * 16_000 + 22_050) / 44_100);
    assert!(mic.is_closed());
}

#[test]
fn a_picture_may_be_looked_at_while_there_is_no_device() {
    let mic = Mic::new(48_000, 1, SampleFormat::I16);
    let capture = capture_from(&mic);
    capture.start().unwrap();
    mic.play(4_800);
    eventually("a picture", || {
        mic.play(480);
        capture.picture().sequence > 0
    });
    capture.suspend();
    eventually("no device is open", || capture.picture().sequence > 0 && capture.input().is_none());
    for _ in 0..20 {
        capture.picture();
        capture.suspend();
        std::thread::sleep(Duration::from_millis(2));
    }
    capture.resume();
    eventually("a device is open", || capture.input().is_some());
    let before = capture.picture().sequence;
    eventually("a picture again", || {
        mic.play(480);
        capture.picture().sequence > before
    });
    let report = capture.stop().unwrap();
    assert_eq!((report.reason, report.epochs.len()), (StopReason::Requested, 2));
}

#[test]
fn any_callback_size_any_channel_count_and_any_float_are_survived() {
    let mic = Mic::new(48_000, 32, SampleFormat::F32);
    let capture = capture_from(&mic);
    let chunks = capture.receiver(Tap::default().quality(hearken::Quality::Best)).unwrap();
    capture.start().unwrap();
    let strange = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE / 2.0, 1e30, -0.0];
    for frames in [0, 1, 65_536, 3, 480, 31] {
        let samples = (0..frames * 32).map(|index| strange[index % strange.len()]);
        let mut bytes: Vec<u8> = samples.flat_map(f32::to_ne_bytes).collect();
        mic.callback(&mut bytes, |call| call());
        eventually("room for the next", || capture.stats().ledger.pending < 48_000);
    }
    // A stop has 500 ms, and 32 channels are much for a debug build on a busy machine.
    eventually("all but the open block is served", || capture.stats().ledger.pending <= 1024);
    let report = capture.stop().unwrap();
    let ledger = report.stats.ledger;
    assert!(ledger.balanced() && ledger.captured == 66_051, "{ledger:?}");
    assert!(report.stats.repaired_samples > 0);
    assert!(chunks.flat_map(|chunk| chunk.samples().to_vec()).all(|sample| sample.is_finite()));
}

#[test]
fn a_fast_source_drops_nothing_and_ends_exactly() {
    let input = Input::Synthetic(Synthetic::Noise);
    let config =
        Config { input, pace: Pace::Fast, length: Some(Duration::from_millis(60_001)), ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let chunks = capture.receiver(Tap::default().queue(1000, WhenFull::DropNew)).unwrap();
    capture.start().unwrap();
    let report = capture.wait().unwrap();
    assert_eq!(report.reason, StopReason::Finished);
    assert_eq!((report.stats.ledger.delivered, report.stats.ledger.dropped), (2_880_048, 0));
    let frames: u64 = chunks.map(|chunk| u64::from(chunk.frames())).sum();
    assert_eq!(frames, 960_016);
}

#[test]
fn bad_configurations_are_refused_before_anything_is_opened() {
    let refused = |result: Result<(), hearken::Error>| {
        assert_eq!(result.expect_err("must be refused").kind(), ErrorKind::BadArgument);
    };
    let config = Config { pool: Duration::from_millis(1), ..Config::default() };
    refused(Capture::new(config).map(drop));
    let mut config = Config::default();
    config.format.channels = Some(33);
    refused(Capture::new(config).map(drop));
    let mic = Mic::new(16_000, 2, SampleFormat::I16);
    for tap in [
        Tap::new().rate_hz(0),
        Tap::new().rate_hz(768_001),
        Tap::new().chunk_frames(0),
        Tap::new().hop_frames(0),
        Tap::new().queue(0, WhenFull::DropNew),
    ] {
        refused(capture_from(&mic).receiver(tap).map(drop));
    }
    let capture = capture_from(&mic);
    let mut chunks = capture.receiver(Tap::new().channels(Channels::List(vec![2]))).unwrap();
    refused(capture.start().map(drop));
    assert!(chunks.recv().is_none(), "the receiver is not left waiting");
    eventually("the device is released", || mic.is_closed());
    refused(capture.start().map(drop));
}

#[test]
fn a_capture_can_start_muted() {
    let mic = Mic::new(16_000, 1, SampleFormat::I16);
    let capture = capture_from(&mic);
    capture.mute(true);
    capture.start().unwrap();
    mic.play(100);
    let ledger = capture.stop().unwrap().stats.ledger;
    assert_eq!((ledger.captured, ledger.delivered, ledger.discarded), (100, 0, 100));
}

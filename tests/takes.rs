//! Takes: exact at both ends, for every tap.
#![cfg(not(loom))]

mod support;

use hearken::testkit::{Fault, Mic, Stage};
use hearken::{
    Capture, Cause, Clock, Config, FileTap, Input, Pace, SampleFormat, StreamFormat, Synthetic, TakeEnd,
    TakePlan, TakeReport, Tap, WhenFull,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use support::bare_tap;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A capture of a microphone that plays while `test` runs, which takes part in the stage's time; each sample is its frame's
/// number.
fn with_a_microphone(config: Config, test: impl FnOnce(&Capture, &Mic, &Clock) + Send + 'static) {
    let stage = Stage::seeded(1);
    let mic = stage.mic("usb", StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 });
    let clock = stage.clock();
    let capture = Capture::new(Config { host: stage.host(), clock: clock.clone(), ..config }).unwrap();
    play(&stage, move || {
        capture.start().unwrap();
        test(&capture, &mic, &clock);
        capture.stop().unwrap();
    });
}

/// Runs the stage until `test` has returned.
fn play(stage: &Stage, test: impl FnOnce() + Send + 'static) {
    let mut test = stage.call("test", test);
    for _ in 0..6_000 {
        stage.run(ms(10));
        if let Some(outcome) = test.result() {
            return outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    }
    panic!("it goes on after a minute");
}

/// The frame numbers that a bare tap heard, each the successor of the one before; the first.
fn numbers(samples: &[f32]) -> u16 {
    let number = |sample: &f32| (sample * 32_768.0) as i16 as u16;
    for pair in samples.windows(2) {
        assert_eq!(number(&pair[1]), number(&pair[0]).wrapping_add(1));
    }
    number(&samples[0])
}

fn check_length(report: &TakeReport, expected: Duration) {
    let length = report.frames as f64 / f64::from(report.rate_hz);
    assert!((length - expected.as_secs_f64()).abs() < 0.005, "{length} s for {expected:?}");
}

#[test]
fn a_pre_roll_is_spliced_to_the_frame_for_every_tap() {
    let config = Config { history: ms(1000), ..Config::default() };
    with_a_microphone(config, |capture, _, clock| {
        let folder = tempfile::tempdir().unwrap();
        clock.sleep(ms(1300));
        let mut plan = TakePlan::new(ms(700));
        let exact = plan.memory(bare_tap().chunk_ms(20)).unwrap();
        let resampled = plan.receiver(Tap::new().chunk_ms(20).queue(1, WhenFull::DropNew)).unwrap();
        let file = plan.file(FileTap::native(folder.path().join("take.wav"))).unwrap();
        let (asked, began) = (clock.now(), capture.first_open().unwrap().instant);
        let take = capture.take(plan).unwrap();
        let mut heard = resampled.take(4).collect::<Vec<_>>();
        assert_eq!((heard[0].position(), heard.len()), (0, 4), "the pre-roll was there at once");
        clock.sleep(ms(300));
        let ended = clock.now();
        let report = take.finish().unwrap();
        assert!((clock.now() - ended) < ms(150), "{:?}", (clock.now() - ended));
        assert_eq!((report.end, report.missing, report.gaps.len()), (TakeEnd::Finished, 0, 0));
        check_length(&report, ended - asked + ms(700));
        let started = report.started.at.as_secs_f64();
        assert!((started - (asked - began - ms(700)).as_secs_f64()).abs() < 0.005, "{started}");
        let samples = exact.into_samples();
        assert_eq!(samples.len() as u64, report.frames);
        // The frame's number is its time.
        let first = numbers(&samples);
        assert_eq!(heard.remove(0).captured_at().at, report.started.at);
        assert_eq!(file.finish().unwrap().frames, report.frames);
        let mut reader = hearken::wav::WavReader::open(folder.path().join("take.wav")).unwrap();
        let mut bytes = Vec::new();
        reader.read(&mut bytes, 1).unwrap();
        assert_eq!(u16::from_ne_bytes([bytes[0], bytes[1]]), first);
    });
}

#[test]
fn takes_overlap_and_pauses_are_cut_to_the_frame() {
    with_a_microphone(Config { history: ms(500), ..Config::default() }, |capture, _, clock| {
        clock.sleep(ms(600));
        let mut plans = [ms(0), ms(400)].map(TakePlan::new);
        let heard = plans.each_mut().map(|plan| plan.memory(bare_tap().chunk_ms(10)).unwrap());
        let started = clock.now();
        let [long, short] = plans.map(|plan| capture.take(plan).unwrap());
        clock.sleep(ms(100));
        let paused = clock.now();
        long.pause();
        clock.sleep(ms(200));
        let pause = clock.now() - paused;
        long.resume();
        let ended = clock.now() - started;
        let short = short.finish().unwrap();
        clock.sleep(ms(100));
        let last = clock.now() - started;
        let long = long.finish().unwrap();
        check_length(&short, ended + ms(400));
        check_length(&long, last);
        let [in_long, in_short] = heard.map(hearken::Memory::into_samples);
        assert_eq!((in_short.len() as u64, short.missing), (short.frames, 0));
        numbers(&in_short);
        let [gap] = long.gaps[..] else { panic!("{:?}", long.gaps) };
        assert_eq!((gap.cause, gap.frames), (Cause::Paused, long.missing));
        assert!((gap.frames as f64 / 48e3 - pause.as_secs_f64()).abs() < 0.005);
        // The pause is left out.
        assert_eq!(in_long.len() as u64 + gap.frames, long.frames);
        let (before, after) = in_long.split_at(gap.position as usize);
        assert_eq!(numbers(after).wrapping_sub(numbers(before)), (gap.position + gap.frames) as u16);
    });
}

#[test]
fn a_cold_capture_opens_for_each_take_and_lets_go_of_its_input() {
    let (stage, input) = (Stage::seeded(1), Input::Synthetic(Synthetic::Tone));
    let clock = stage.clock();
    let config =
        Config { input, pace: Pace::RealTime, idle: ms(300), clock: clock.clone(), ..Config::default() };
    let capture = Capture::new(config).unwrap();
    play(&stage, move || {
        for round in 0..2 {
            let mut plan = TakePlan::default().post_roll(ms(50));
            let heard = plan.memory(Tap::default()).unwrap();
            let asked = clock.now();
            let take = capture.take(plan).unwrap();
            let opened = clock.now();
            clock.sleep(ms(200));
            let (most, least) = (clock.now() - asked + ms(50), clock.now() - opened + ms(50));
            let report = take.finish().unwrap();
            assert_eq!(report.end, TakeEnd::Finished);
            assert!(report.latency.opened.unwrap() < ms(10) && report.latency.first_frame.unwrap() < ms(50));
            let length = Duration::from_secs_f64(report.frames as f64 / f64::from(report.rate_hz));
            assert!((least - ms(5)..most + ms(5)).contains(&length), "{length:?}, {least:?} to {most:?}");
            let expected = (report.frames * 16_000 + 24_000) / 48_000;
            assert_eq!(heard.into_samples().len() as u64, expected);
            assert!(capture.input().is_some(), "it stays open for a while, round {round}");
            clock.sleep(ms(290));
            assert!(capture.input().is_some(), "for 300 ms after its end");
            clock.sleep(ms(100));
            assert!(capture.input().is_none(), "and is let go of then");
        }
        let report = capture.stop().unwrap();
        assert_eq!((report.epochs.len(), report.stats.ledger.balanced()), (2, true));
    });
}

#[test]
fn a_cancelled_take_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    with_a_microphone(Config::default(), move |capture, _, clock| {
        let mut plan = TakePlan::default();
        let heard = plan.memory(bare_tap().chunk_ms(10)).unwrap();
        let file = plan.file(FileTap::native(&path)).unwrap();
        let take = capture.take(plan).unwrap();
        clock.sleep(ms(200));
        assert!(!heard.is_empty());
        take.cancel();
        assert_eq!(file.finish().unwrap_err().kind(), hearken::ErrorKind::Cancelled);
        assert!(heard.is_empty());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "neither a file nor its account");
    });
}

#[test]
fn what_a_cancelled_take_held_back_is_heard_by_nobody() {
    with_a_microphone(Config::default(), |capture, _, clock| {
        let heard = Arc::new(AtomicU64::new(0));
        let count = heard.clone();
        let mut plan = TakePlan::default();
        let tap = bare_tap().chunk_ms(10).hold_back_ms(5_000);
        plan.each(tap, move |chunk| {
            count.fetch_add(chunk.frames().into(), Relaxed);
        })
        .unwrap();
        let take = capture.take(plan).unwrap();
        clock.sleep(ms(200));
        take.cancel();
        clock.sleep(ms(100));
        assert_eq!(heard.load(Relaxed), 0);
    });
}

#[test]
fn the_end_of_a_take_waits_for_what_was_captured_and_not_for_a_dead_device() {
    with_a_microphone(Config::default(), |capture, mic, clock| {
        mic.fault_at(33_600, Fault::Unplugged { reported: false });
        let mut plan = TakePlan::default();
        let heard = plan.memory(bare_tap().chunk_ms(100)).unwrap();
        let take = capture.take(plan).unwrap();
        let mut quick = Vec::new();
        for _ in 0..5 {
            clock.sleep(ms(30));
            let short = capture.take(TakePlan::default()).unwrap();
            clock.sleep(ms(33));
            let asked = clock.now();
            let report = short.finish().unwrap();
            quick.push(clock.now() - asked);
            assert_eq!(report.end, TakeEnd::Finished);
        }
        quick.sort();
        println!("a healthy device: median {:?}, at most {:?}", quick[2], quick[4]);
        // One period of 10 ms, an age of 10 ms, and 50 ms.
        assert!(quick[2] < ms(70), "{quick:?}");
        clock.sleep(ms(600));
        let asked = clock.now();
        let report = take.finish().unwrap();
        println!("a dead device: {:?}", (clock.now() - asked));
        assert!((clock.now() - asked) < ms(500));
        assert_eq!(report.end, TakeEnd::Waited);
        let samples = heard.into_samples();
        assert_eq!(samples.len() as u64, report.frames);
        // All that was captured before it died, to the last frame.
        assert_eq!(numbers(&samples) as usize + samples.len(), 33_600);
    });
}

/// A take with a post-roll whose device dies in it, and is opened anew; paused for a second as well behind that.
#[test]
fn a_post_roll_and_a_pause_are_over_when_they_are_due_whichever_epoch_that_is_in() {
    with_a_microphone(Config::default(), |capture, mic, clock| {
        let mut plan = TakePlan::default().post_roll(ms(5_000));
        let heard = plan.memory(bare_tap().chunk_ms(10)).unwrap();
        let take = capture.take(plan).unwrap();
        clock.sleep(ms(3_000));
        take.end();
        clock.sleep(ms(500));
        mic.unplug();
        clock.sleep(ms(500));
        mic.plug_in();
        clock.sleep(ms(2_000));
        take.pause();
        clock.sleep(ms(1_000));
        take.resume();
        let report = take.wait_timeout(ms(10_000)).expect("it ends by itself").unwrap();
        assert_eq!(report.end, TakeEnd::Finished);
        check_length(&report, ms(8_000));
        let [away, paused] = report.gaps[..] else { panic!("{:?}", report.gaps) };
        assert!(matches!(away.cause, Cause::Away(_)), "{away:?}");
        assert_eq!((paused.cause, paused.frames.abs_diff(48_000) < 240), (Cause::Paused, true), "{paused:?}");
        assert_eq!(report.missing, away.frames + paused.frames);
        assert_eq!(heard.into_samples().len() as u64 + paused.frames, report.frames, "the hole is filled");
    });
}

//! When chunks were captured and what the device lost, on the public API.
#![cfg(not(loom))]

use hearken::testkit::{Fault, Stage};
use hearken::{
    Capture, Cause, Channels, Chunk, Config, Gap, GapPolicy, Input, LossState, Pace, Receiver, SampleFormat,
    StampClass, StreamFormat, Synthetic, Tap, WhenFull,
};
use std::time::{Duration, Instant};

/// Chunks of 10 ms of the first channel, `rate_hz` a second.
fn tap(rate_hz: u32) -> Tap {
    Tap::new().rate_hz(rate_hz).channels(Channels::First).chunk_ms(10).queue(2000, WhenFull::DropNew)
}

fn chunks(receiver: &mut Receiver) -> Vec<Chunk> {
    std::iter::from_fn(|| receiver.recv()).collect()
}

#[test]
fn every_chunk_knows_when_it_was_captured_at_any_rate() {
    let input = Input::Synthetic(Synthetic::Tone);
    let length = Some(Duration::from_secs(3));
    let config = Config { input, pace: Pace::Fast, length, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let rates = [48_000_u32, 16_000, 44_100];
    let mut taps = rates.map(|rate| (rate, capture.receiver(tap(rate)).unwrap()));
    assert!(capture.first_open().is_none());
    capture.start().unwrap();
    assert!(capture.first_open().unwrap().instant <= Instant::now());
    capture.wait().unwrap();
    let clock = capture.stats().clock;
    assert!(clock.class == StampClass::Device && clock.ppm().abs() < 0.1 && clock.bad_stamps == 0);
    assert!(clock.bound < Duration::from_micros(10), "{clock:?}");
    let mut starts = Vec::new();
    for (rate, receiver) in &mut taps {
        let chunks = chunks(receiver);
        assert_eq!(chunks.len(), 300);
        let start = chunks[0].captured_at().at;
        starts.push(start);
        for chunk in &chunks {
            let expected = start.as_secs_f64() + chunk.position() as f64 / f64::from(*rate);
            let off = (chunk.captured_at().at.as_secs_f64() - expected).abs();
            assert!(
                off < 2e-6,
                "{off} s off at {} of {rate} Hz: {:?}",
                chunk.position(),
                chunk.captured_at()
            );
        }
        assert!(chunks[250].captured_at().bound < Duration::from_micros(50));
    }
    // Apart from the fraction of a frame by which a resampler may be off its grid, which it knows.
    assert!(starts.iter().all(|start| start.abs_diff(starts[0]) < Duration::from_micros(32)), "{starts:?}");
}

#[test]
fn what_the_device_lost_is_found_told_and_moves_the_axis_once_it_is_settled() {
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::F32 });
    mic.fault_at(192_000, Fault::Lose { frames: 4800, reported: false });
    let capture =
        Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() }).unwrap();
    let mut split = capture.receiver(tap(16_000).gaps(GapPolicy::Split)).unwrap();
    let mut fill = capture.receiver(tap(48_000)).unwrap();
    stage.start(&capture).unwrap();
    stage.run(Duration::from_millis(5100));
    let report = capture.stop().unwrap();
    let ledger = report.stats.ledger;
    assert_eq!((ledger.captured, ledger.lost, ledger.lost_provisional), (240_000, 4800, 0));
    assert!(ledger.balanced());
    let [Gap { position, frames: 4800, error_frames: 0, cause: Cause::Lost }] = report.gaps[..] else {
        panic!("{:?}", report.gaps)
    };
    assert!((192_000..192_000 + 2048).contains(&position), "{position}");

    let chunks_16 = chunks(&mut split);
    let losses: Vec<_> = chunks_16.iter().flat_map(|chunk| chunk.losses()).copied().collect();
    assert_eq!(losses.first().map(|loss| (loss.id, loss.state)), Some((0, LossState::Provisional)));
    assert_eq!(losses.last().map(|loss| (loss.id, loss.state)), Some((0, LossState::Settled)));
    assert!(losses.iter().all(|loss| loss.frames == 1600 && loss.position.abs_diff(position / 3) < 2));
    let hole = chunks_16.iter().position(|chunk| !chunk.gaps().is_empty()).expect("a chunk behind the hole");
    let gap = chunks_16[hole].gaps()[0];
    assert_eq!((gap.frames, gap.cause), (1600, Cause::Lost));
    assert_eq!(gap.position, chunks_16[hole - 1].position() + u64::from(chunks_16[hole - 1].frames()));
    // Delivered positions stay what they were; what came after the verdict has its true time.
    let time = |chunk: &Chunk, rate: f64| {
        (chunk.captured_at().at.as_secs_f64() - chunks_16[0].captured_at().at.as_secs_f64())
            - (chunk.position() - chunks_16[0].position()) as f64 / rate
    };
    for (number, chunk) in chunks_16.iter().enumerate() {
        let late = chunk.captured_at().at.as_secs_f64();
        assert!(number == 0 || late > chunks_16[number - 1].captured_at().at.as_secs_f64());
        let is_open = chunk.position() >= position / 3 && number < hole;
        let (off, bound) = (time(chunk, 16_000.0).abs(), chunk.captured_at().bound.as_secs_f64());
        assert!(off < 35e-6 || (is_open && off < 0.101), "{number}: {off} s off, bound {bound}");
    }
    let filled: u64 = chunks(&mut fill).iter().map(|chunk| u64::from(chunk.frames())).sum();
    assert_eq!(filled, 244_800, "the file keeps its time");
}

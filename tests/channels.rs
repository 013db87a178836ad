//! A channel that carries nothing is told, and left out of a mono mix: on taps, files, takes and in a replay.
#![cfg(not(loom))]

use hearken::testkit::{Mic, Signal, Stage};
use hearken::{
    Capture, Channels, Chunk, Config, EventKind, FileFormat, FileTap, Replay, SampleFormat, StreamFormat,
    Synthetic, TakePlan, Tap, TraceContent,
};
use std::sync::mpsc;
use std::time::Duration;

const RATE: u32 = 48_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A microphone of two channels that hears a tone on the first.
fn staged(history: Duration) -> (Stage, Mic, Capture) {
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: RATE, channels: 2, sample: SampleFormat::F32 });
    mic.signal(Signal::Only(0, Synthetic::Tone));
    let config = Config { host: stage.host(), clock: stage.clock(), history, ..Config::default() };
    (stage, mic, Capture::new(config).expect("in range"))
}

fn tap(channels: Channels) -> Tap {
    Tap::new().device_rate().channels(channels).chunk_ms(20)
}

/// What a tap hears, sample by sample, in the end.
struct Heard(mpsc::Receiver<Vec<f32>>);

impl Heard {
    fn by(listen: impl FnOnce(Box<dyn FnMut(Chunk) + Send>)) -> Self {
        let (told, heard) = mpsc::channel();
        listen(Box::new(move |chunk| drop(told.send(chunk.samples().to_vec()))));
        Self(heard)
    }

    fn samples(self) -> Vec<f32> {
        self.0.iter().flatten().collect()
    }
}

/// From frame `from` on, `mixed` is `share` of `only`.
fn check(mixed: &[f32], only: &[f32], from: usize, share: f32) {
    assert_eq!(mixed.len(), only.len());
    assert!(mixed.len() > from + 4_800);
    let off = (from..mixed.len()).find(|&i| mixed[i] != only[i] * share);
    assert_eq!(off, None, "of {} frames, x{share}", mixed.len());
    assert!(only[from..].iter().any(|sample| sample.abs() > 0.1));
}

#[test]
fn a_microphone_on_one_of_two_channels_keeps_its_level_and_is_told() {
    let (stage, mic, capture) = staged(Duration::ZERO);
    let [mono, average, first] = [Channels::Mono, Channels::Average, Channels::First]
        .map(|channels| Heard::by(|hear| capture.each(tap(channels), hear).expect("in range")));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("take.wav");
    let file = FileTap::new(&path, tap(Channels::Mono), FileFormat::F32);
    let file = capture.file(file).expect("a file");
    stage.start(&capture).expect("it opens");
    stage.run(ms(1_000));
    mic.signal(Signal::Synthetic(Synthetic::Tone));
    stage.run(ms(1_000));
    let report = capture.stop().expect("it ends");
    file.finish().expect("it is written");
    drop(capture);
    let [mono, average, first] = [mono, average, first].map(Heard::samples);
    // A window of 20 ms and the fade over the next; from 1 s on both carry the tone, which is heard 100 ms later.
    check(&mono[..48_000], &first[..48_000], 1_920, 1.0);
    check(&average[..47_000], &first[..47_000], 0, 0.5);
    check(&mono[60_000..], &average[60_000..], 0, 1.0);
    let told = |kind: &EventKind| match kind {
        EventKind::DeadChannels(channels) => Some(channels.clone()),
        _ => None,
    };
    let told: Vec<_> = report.events.iter().filter_map(|event| told(&event.kind)).collect();
    assert_eq!((told, report.dead_channels()), (vec![vec![1], vec![]], &[][..]));
    let mut written = Vec::new();
    let mut reader = hearken::wav::WavReader::open(&path).expect("it is there");
    reader.read(&mut written, usize::MAX / 64).expect("it is read");
    let written = written.as_chunks::<4>().0.iter().map(|bytes| f32::from_ne_bytes(*bytes));
    assert!(written.eq(mono));
}

#[test]
fn a_take_that_begins_in_the_past_is_mixed_alike() {
    let (stage, _, capture) = staged(ms(1_000));
    stage.start(&capture).expect("it opens");
    stage.run(ms(2_000));
    let mut plan = TakePlan::new(ms(700));
    let [mono, first] =
        [Channels::Mono, Channels::First].map(|channels| plan.memory(tap(channels)).expect("in range"));
    let take = capture.take(plan).expect("it begins");
    stage.run(ms(500));
    capture.stop().expect("it ends");
    drop(take);
    check(&mono.into_samples(), &first.into_samples(), 1_920, 1.0);
}

#[test]
fn a_replay_mixes_alike_and_tells_alike() {
    for content in [TraceContent::WithAudio, TraceContent::WithoutAudio] {
        let (stage, mic, capture) = staged(Duration::ZERO);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("it.trace");
        let trace = capture.trace(&path, content).expect("it begins");
        let heard = Heard::by(|hear| capture.each(tap(Channels::Mono), hear).expect("in range"));
        stage.start(&capture).expect("it opens");
        stage.run(ms(1_000));
        mic.signal(Signal::Synthetic(Synthetic::Tone));
        stage.run(ms(1_000));
        let report = capture.stop().expect("it ends");
        trace.finish().expect("it is written");
        drop(capture);
        let mut replay = Replay::open(&path).expect("it is there");
        let again = Heard::by(|hear| replay.each(tap(Channels::Mono), hear).expect("in range"));
        assert_eq!(replay.run().expect("it runs"), report);
        if content == TraceContent::WithAudio {
            assert_eq!(heard.samples(), again.samples());
        }
    }
}

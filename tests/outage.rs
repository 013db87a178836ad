//! What comes in one go behind an outage finds room, and a native file goes on when its device is back. In virtual time.
#![cfg(not(loom))]

use hearken::testkit::{Mic, Stage};
use hearken::{
    Capture, Cause, Channels, Chunk, Config, FileTap, Receiver, SampleFormat, StreamFormat, Tap, WhenFull,
};
use std::path::Path;
use std::time::Duration;

const RATE: u32 = 48_000;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn format(channels: u16) -> StreamFormat {
    StreamFormat { rate_hz: RATE, channels, sample: SampleFormat::I16 }
}

/// The number that a frame's sample says it has.
fn number(sample: f32) -> u16 {
    (sample * 32_768.0) as i16 as u16
}

/// Checks that it is what the microphone delivered, stretch after stretch, with silence of any length between.
fn check(samples: &[f32], mic: &Mic) -> Vec<usize> {
    let mut rest = samples;
    let mut silences = Vec::new();
    for stretch in mic.delivered() {
        // A frame may itself have the number 0.
        let silent = rest.iter().take_while(|sample| number(**sample) == 0).count();
        let silent = silent - usize::from(silent > 0 && stretch.start as u16 == 0);
        let (heard, behind) = rest[silent..].split_at((stretch.end - stretch.start) as usize);
        assert!(heard.iter().zip(stretch).all(|(sample, frame)| number(*sample) == frame as u16));
        silences.push(silent);
        rest = behind;
    }
    silences.push(rest.iter().take_while(|sample| number(**sample) == 0).count());
    assert_eq!(rest.len(), silences[silences.len() - 1]);
    silences
}

/// A receiver of 20 ms chunks that takes nothing until the capture has ended: 200 ms, an outage of 3.5 s, and so much behind
/// it.
fn waits(tap: impl Fn(Tap) -> Tap, behind: Duration) -> (Receiver, Mic) {
    let stage = Stage::new();
    let mic = stage.mic("usb", format(1));
    let config = Config { host: stage.host(), clock: stage.clock(), ..Config::default() };
    let capture = Capture::new(config).expect("in range");
    let bare = Tap::new().device_rate().channels(Channels::First).chunk_ms(20);
    let receiver = capture.receiver(tap(bare)).expect("in range");
    stage.start(&capture).expect("it opens");
    stage.run(ms(200));
    mic.unplug();
    stage.run(ms(3_500));
    mic.plug_in();
    stage.run(behind);
    capture.stop().expect("it ends");
    (receiver, mic)
}

#[test]
fn no_real_audio_is_lost_to_silence_that_is_made_up() {
    for (queue, behind) in [(None, ms(1_500)), (Some(40), ms(400))] {
        let tap = |tap: Tap| match queue {
            Some(chunks) => tap.queue(chunks, WhenFull::DropNew),
            None => tap,
        };
        let (mut receiver, mic) = waits(tap, behind);
        let ledger = receiver.ledger();
        assert_eq!((ledger.behind, ledger.received), (0, 0), "{queue:?}");
        assert_eq!(ledger.pending, ledger.offered);
        let chunks: Vec<Chunk> = receiver.by_ref().collect();
        assert!(receiver.is_ended() && receiver.ledger().received == ledger.offered);
        let mut position = 0;
        for (chunk, before) in chunks.iter().zip([None].into_iter().chain(chunks.iter().map(Some))) {
            assert_eq!(chunk.position(), position);
            assert!(before.is_none_or(|before| before.captured_at().at < chunk.captured_at().at));
            position += u64::from(chunk.frames());
        }
        let gaps: Vec<_> = chunks.iter().flat_map(|chunk| chunk.gaps()).collect();
        assert!(gaps.len() == 1 && matches!(gaps[0].cause, Cause::Away(_)), "{gaps:?}");
        let samples: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.samples().to_vec()).collect();
        let silences = check(&samples, &mic);
        assert_eq!(silences, [0, gaps[0].frames as usize, 0]);
        assert!((3.4..5.0).contains(&(gaps[0].frames as f64 / f64::from(RATE))));
    }
}

#[test]
fn who_keeps_the_newest_keeps_real_audio() {
    let (mut receiver, mic) = waits(|tap| tap.queue(8, WhenFull::KeepNewest), ms(400));
    let chunks: Vec<Chunk> = receiver.by_ref().collect();
    // What the queue had no room for is one gap, told with the first.
    let ledger = receiver.ledger();
    assert_eq!(ledger.behind + ledger.received, ledger.offered);
    assert_eq!((chunks[0].gaps()[0].cause, chunks[0].gaps()[0].frames), (Cause::Behind, ledger.behind));
    let samples: Vec<f32> = chunks.iter().flat_map(|chunk| chunk.samples().to_vec()).collect();
    let end = mic.delivered()[1].end;
    let from = end - samples.len() as u64;
    assert!(samples.iter().zip(from..end).all(|(sample, frame)| number(*sample) == frame as u16));
}

/// The samples of a mono file of 16 bits.
fn samples(path: &Path) -> Vec<f32> {
    let mut reader = hearken::wav::WavReader::open(path).expect("it is there");
    let mut bytes = Vec::new();
    reader.read(&mut bytes, 1 << 24).expect("it is read");
    let samples = bytes.as_chunks::<2>().0.iter();
    samples.map(|sample| f32::from(i16::from_ne_bytes(*sample)) / 32_768.0).collect()
}

#[test]
fn a_native_file_goes_on_when_its_device_is_back() {
    for comes_back in [true, false] {
        let stage = Stage::new();
        let usb = stage.mic("usb", format(1));
        let other = stage.mic("built-in", StreamFormat { rate_hz: 44_100, ..format(2) });
        let config =
            Config { host: stage.host(), clock: stage.clock(), input: usb.input(), ..Config::default() };
        let capture = Capture::new(config).expect("in range");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("take.wav");
        let file = capture.file(FileTap::native(&path)).expect("a file");
        stage.start(&capture).expect("it opens");
        stage.run(ms(2_000));
        usb.unplug();
        stage.run(ms(5_000));
        assert!(other.is_open());
        if comes_back {
            usb.plug_in();
            stage.run(ms(5_000));
        }
        let report = capture.stop().expect("it ends");
        assert_eq!(report.epochs.len(), if comes_back { 3 } else { 2 });
        let written = file.finish().expect("it is whole");
        let samples = samples(&path);
        assert_eq!((written.format.channels, written.frames), (1, samples.len() as u64));
        let silences = check(&samples, &usb);
        let seconds = samples.len() as f64 / f64::from(RATE);
        // The hole is as long as what lies between, whatever the other device's rate.
        let expected = if comes_back { 12.0 } else { 7.0 };
        assert!((seconds - expected).abs() < 0.1, "{seconds} s, silences {silences:?}");
        assert!(silences.iter().filter(|frames| **frames > 0).count() == 1, "{silences:?}");
    }
}

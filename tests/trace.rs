//! What a trace promises, on the public API: a replay is the capture again.
#![cfg(not(loom))]

mod support;

use hearken::testkit::{Fault, Stage, Stamps};
use hearken::{
    Capture, CapturedAt, Cause, Channels, Config, ErrorKind, EventKind, Gap, Input, Pace, Replay, Report,
    SampleFormat, StopReason, StreamFormat, Synthetic, Tap, TraceContent, Verdict,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Mic, bare_tap, eventually};
use tempfile::TempDir;

/// All that a chunk tells.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    position: u64,
    samples: Vec<f32>,
    captured_at: CapturedAt,
    gaps: Vec<Gap>,
    losses: Vec<Verdict>,
}

type Chunks = Arc<Mutex<Vec<Heard>>>;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Bare, resampled, with a hop, and with late holes in place.
fn taps() -> [Tap; 4] {
    [
        bare_tap().chunk_frames(480),
        Tap::new().chunk_ms(20),
        Tap::new().rate_hz(44_100).channels(Channels::First).chunk_ms(100).hop_ms(30),
        Tap::new().chunk_ms(20).hold_back_ms(400),
    ]
}

/// Listens by every tap.
fn listen(mut each: impl FnMut(Tap, Box<dyn FnMut(hearken::Chunk) + Send>)) -> Vec<Chunks> {
    let by = |tap: Tap| {
        let chunks = Chunks::default();
        let heard = chunks.clone();
        let note = move |chunk: hearken::Chunk| {
            heard.lock().unwrap().push(Heard {
                position: chunk.position(),
                samples: chunk.samples().to_vec(),
                captured_at: chunk.captured_at(),
                gaps: chunk.gaps().to_vec(),
                losses: chunk.losses().to_vec(),
            });
        };
        each(tap, Box::new(note));
        chunks
    };
    taps().map(by).into()
}

/// A take with all that can happen to one, and its trace.
struct Scripted {
    /// Keeps the trace.
    _folder: TempDir,
    trace: PathBuf,
    chunks: Vec<Chunks>,
    report: Report,
}

fn scripted(content: TraceContent) -> Scripted {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("take.trace");
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::I16 });
    let (host, clock) = (stage.host(), stage.clock());
    let capture = Capture::new(Config { host, clock, pool: ms(1000), ..Config::default() }).unwrap();
    let file = capture.trace(&trace, content).unwrap();
    let chunks = listen(|tap, note| capture.each(tap, note).unwrap());
    stage.start(&capture).unwrap();
    stage.run(ms(3000));
    mic.fault(Fault::Lose { frames: 4800, reported: true });
    stage.run(ms(1500));
    capture.mute(true);
    stage.run(ms(200));
    capture.mute(false);
    stage.run(ms(200));
    // More in one burst than the pool holds.
    mic.fault(Fault::Late(ms(1500)));
    stage.run(ms(1900));
    capture.suspend();
    stage.run(ms(100));
    capture.resume();
    stage.run(ms(600));
    let report = capture.stop().unwrap();
    file.finish().unwrap();
    // The script did what it says.
    let causes: Vec<Cause> = report.gaps.iter().map(|gap| gap.cause).collect();
    for cause in [Cause::Lost, Cause::Muted, Cause::Dropped] {
        assert!(causes.contains(&cause), "{causes:?}");
    }
    assert_eq!((report.epochs.len(), report.stats.xruns), (2, 1));
    assert!(report.stats.wakeups > 0 && report.stats.ledger.balanced());
    Scripted { _folder: folder, trace, chunks, report }
}

/// What a replay makes of a trace.
fn replay(trace: &Path) -> (Vec<Vec<Heard>>, Report) {
    let mut replay = Replay::open(trace).unwrap();
    let chunks = listen(|tap, note| replay.each(tap, note).unwrap());
    let report = replay.run().unwrap();
    (chunks.iter().map(|chunks| chunks.lock().unwrap().clone()).collect(), report)
}

/// A fast synthetic take of a fifth of a second, and its trace.
fn short(content: TraceContent) -> (TempDir, PathBuf, Report) {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("short.trace");
    let (input, length) = (Input::Synthetic(Synthetic::Speech), Some(Duration::from_millis(200)));
    let config = Config { input, pace: Pace::Fast, length, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let file = capture.trace(&trace, content).unwrap();
    capture.start().unwrap();
    let report = capture.wait().unwrap();
    file.finish().unwrap();
    (folder, trace, report)
}

#[test]
fn with_audio_a_replay_is_bit_identical() {
    let take = scripted(TraceContent::WithAudio);
    let (chunks, report) = replay(&take.trace);
    assert_eq!(report, take.report);
    for (replayed, heard) in chunks.iter().zip(&take.chunks) {
        let heard = heard.lock().unwrap();
        assert!(heard.len() > 100 && heard.iter().any(|chunk| !chunk.losses.is_empty()));
        assert!(*replayed == *heard, "some chunk differs");
    }
}

#[test]
fn without_audio_a_replay_is_silent_and_otherwise_the_same() {
    let take = scripted(TraceContent::WithoutAudio);
    let (chunks, report) = replay(&take.trace);
    assert_eq!(report, take.report);
    let named = |name| report.events.iter().any(|event| event.kind.name() == name);
    assert!(named("first signal") && named("first callback") && named("gap") && named("lost"));
    for (replayed, heard) in chunks.iter().zip(&take.chunks) {
        let mut heard = heard.lock().unwrap().clone();
        assert!(heard.iter().any(|chunk| chunk.samples.iter().any(|sample| *sample != 0.0)));
        heard.iter_mut().for_each(|chunk| chunk.samples.fill(0.0));
        assert!(*replayed == heard, "some chunk differs");
    }
}

#[test]
fn a_replay_is_as_unsure_at_first_as_the_capture_was() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("take.trace");
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 });
    // Its blocks arrive long after they were captured.
    mic.stamps(Stamps::Late).period(4_096);
    let capture =
        Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() }).unwrap();
    let file = capture.trace(&trace, TraceContent::WithAudio).unwrap();
    let chunks = listen(|tap, note| capture.each(tap, note).unwrap());
    stage.start(&capture).unwrap();
    stage.run(ms(1500));
    let report = capture.stop().unwrap();
    file.finish().unwrap();
    let first = chunks[0].lock().unwrap()[20].captured_at;
    assert!(first.bound > ms(30), "{first:?}");
    let (replayed, again) = replay(&trace);
    assert_eq!(again, report);
    assert!(replayed.iter().zip(&chunks).all(|(replayed, heard)| *replayed == *heard.lock().unwrap()));
}

#[test]
fn the_default_trace_holds_no_audio_and_nobody_else_reads_it() {
    let words = |content| {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("take.trace");
        let mic = Mic::new(48_000, 1, SampleFormat::I32);
        let input = Input::Cpal(mic.device());
        let config = Config { input, pool: Duration::from_millis(200), ..Config::default() };
        let capture = Capture::new(config).unwrap();
        let file = capture.trace(&trace, content).unwrap();
        capture.start().unwrap();
        // Each sample is a word that stands nowhere else.
        let word = 0x5EC2_E7A5_u32.to_ne_bytes();
        for round in 0..6 {
            capture.mute(round % 2 == 1);
            (0..10).for_each(|_| mic.callback(&mut word.repeat(480), |call| call()));
            // Every block has been in use, and the muted ones lie where audio lay.
            eventually("the worker keeps up", || {
                capture.stats().ledger.captured - capture.stats().ledger.pending >= round * 4800
            });
        }
        capture.stop().unwrap();
        file.finish().unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&trace).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::read(&trace).unwrap().windows(4).filter(|window| **window == word).count()
    };
    assert_eq!(words(TraceContent::default()), 0);
    // What is played while muted is not in the other one either.
    assert_eq!(words(TraceContent::WithAudio), 3 * 10 * 480);
}

/// Where the entries of a trace begin, and its end.
fn boundaries(bytes: &[u8]) -> Vec<usize> {
    let (mut at, mut boundaries) = (13, vec![13]);
    while at < bytes.len() {
        let len = u32::from_le_bytes(bytes[at + 1..at + 5].try_into().unwrap());
        at += 5 + len as usize + 4;
        boundaries.push(at);
    }
    assert_eq!(at, bytes.len());
    boundaries
}

/// A replay of `bytes`: refused, or an account that balances.
fn survives(path: &Path, bytes: &[u8]) -> Option<Report> {
    std::fs::write(path, bytes).unwrap();
    let mut replay = Replay::open(path).ok()?;
    replay.each(Tap::new(), drop).unwrap();
    let report = replay.run().ok()?;
    assert!(report.stats.ledger.balanced(), "{report:?}");
    Some(report)
}

#[test]
fn a_trace_that_was_cut_is_replayed_up_to_its_last_whole_entry() {
    for content in [TraceContent::WithoutAudio, TraceContent::WithAudio] {
        let (folder, trace, whole) = short(content);
        let (bytes, cut) = (std::fs::read(trace).unwrap(), folder.path().join("cut.trace"));
        assert_eq!(survives(&cut, &bytes), Some(whole.clone()));
        let boundaries = boundaries(&bytes);
        let mut captured = 0;
        for (number, at) in boundaries.iter().enumerate().take(boundaries.len() - 1) {
            let report = survives(&cut, &bytes[..*at]);
            // In the middle of the next entry it is the same but for the place that is named.
            let inside = survives(&cut, &bytes[..(at + boundaries[number + 1]) / 2]);
            assert_eq!(
                report.as_ref().map(|report| (report.stats, report.gaps.clone())),
                inside.map(|report| (report.stats, report.gaps))
            );
            let Some(report) = report else { continue };
            assert!(report.stats.ledger.captured >= captured, "more of it is never less");
            captured = report.stats.ledger.captured;
            if !report.events.iter().any(|event| event.kind == EventKind::Stopped(whole.reason.clone())) {
                let StopReason::TraceEnded(error) = report.reason else { panic!("{:?}", report.reason) };
                assert!(error.kind() == ErrorKind::Io && error.to_string().contains("ends early"), "{error}");
            }
        }
        assert_eq!(captured, whole.stats.ledger.captured);
        (0..13).for_each(|at| assert_eq!(survives(&cut, &bytes[..at]), None));
    }
}

#[test]
fn a_damaged_trace_is_told_from_a_whole_one_and_never_a_panic() {
    let (folder, trace, _) = short(TraceContent::WithoutAudio);
    let (whole, damaged) = (std::fs::read(trace).unwrap(), folder.path().join("damaged.trace"));
    let (boundaries, mut seed) = (boundaries(&whole), 7);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        let at = 13 + (support::random(&mut seed) * (bytes.len() - 13) as f64) as usize;
        bytes[at] ^= 1 << (support::random(&mut seed) * 8.0) as u32;
        if let Some(report) = survives(&damaged, &bytes) {
            let told =
                matches!(&report.reason, StopReason::TraceEnded(error) if error.kind() == ErrorKind::Io);
            // The last entry comes after the reason was told.
            assert!(told || at >= boundaries[boundaries.len() - 2], "byte {at}: {:?}", report.reason);
        }
    }
    // Also where the checksum was made to fit: what cannot have been is refused, whatever is said.
    for entry in boundaries.windows(2) {
        for _ in 0..5 {
            let mut bytes = whole.clone();
            let at = entry[0] + (support::random(&mut seed) * (entry[1] - entry[0] - 4) as f64) as usize;
            bytes[at] ^= 1 << (support::random(&mut seed) * 8.0) as u32;
            let fnv = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(16_777_619);
            let check = bytes[entry[0]..entry[1] - 4].iter().fold(2_166_136_261, fnv);
            bytes[entry[1] - 4..entry[1]].copy_from_slice(&check.to_le_bytes());
            survives(&damaged, &bytes);
        }
    }
}

#[test]
fn what_is_no_trace_or_a_newer_one_is_refused_by_name() {
    let (folder, trace, _) = short(TraceContent::WithoutAudio);
    let other = folder.path().join("other");
    let mut bytes = std::fs::read(trace).unwrap();
    bytes[8] = 3;
    for (bytes, what) in [(&bytes[..], "version 3"), (&[b'x'; 100], "no trace"), (b"", "too short")] {
        std::fs::write(&other, bytes).unwrap();
        let error = Replay::open(&other).expect_err("must be refused");
        assert!(error.kind() == ErrorKind::UnsupportedFormat && error.to_string().contains(what), "{error}");
    }
    assert_eq!(Replay::open(folder.path().join("none")).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_trace_begins_before_its_capture_and_ends_with_one_that_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("late.trace");
    let mic = Mic::new(48_000, 1, SampleFormat::F32);
    let capture = support::capture_from(&mic);
    capture.start().unwrap();
    let late = capture.trace(&trace, TraceContent::default()).expect_err("too late");
    assert!(late.kind() == ErrorKind::BadArgument && !trace.exists());
    let input = Input::File(folder.path().join("none.wav"));
    let capture = Capture::new(Config { input, ..Config::default() }).unwrap();
    let file = capture.trace(&trace, TraceContent::default()).unwrap();
    capture.start().unwrap_err();
    file.finish().unwrap();
    assert_eq!(Replay::open(&trace).unwrap().run().unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_replay_waits_for_a_receiver_if_asked() {
    let (_folder, trace, whole) = short(TraceContent::WithAudio);
    let mut replay = Replay::open(&trace).unwrap();
    assert_eq!(replay.content(), TraceContent::WithAudio);
    let tap = bare_tap().chunk_frames(100).queue(1, hearken::WhenFull::Wait);
    let chunks = replay.receiver(tap).unwrap();
    let running = std::thread::spawn(move || replay.run());
    let frames: u64 = chunks.map(|chunk| u64::from(chunk.frames())).sum();
    assert_eq!((frames, running.join().unwrap().unwrap()), (9600, whole));
}

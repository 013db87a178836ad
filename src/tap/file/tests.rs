//! What a file holds when audio is missing, when the disk is slow, and when somebody deletes it.

use super::writing::Job;
use super::*;
use crate::format::{SampleFormat, StreamFormat};
use crate::tap::assembler::{Assembler, Grid};
use crate::tap::chunk::Recycler;
use crate::timeline::{Cause, Gap};
use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const RATE_HZ: u32 = 1_000;
const CHUNK: u32 = 100;

/// The worker's end of a file of 1 kHz mono i16, and its writer.
struct Line {
    assembler: Assembler<f32>,
    queue: Arc<Queue<f32>>,
    writer: JoinHandle<Result<Written, Error>>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Line {
    fn new(queue: usize, stall: Duration) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("take.wav");
        let format = StreamFormat { rate_hz: RATE_HZ, channels: 1, sample: SampleFormat::F32 };
        let grid = Grid { len: CHUNK, hop: CHUNK, policy: GapPolicy::Split };
        let home = Recycler::new(queue + 4, CHUNK as usize);
        let assembler = Assembler::new(grid, format, vec![0.0], home);
        let queue = Queue::new(queue, WhenFull::DropNew);
        queue.begin(format);
        let receiver = Receiver::new(queue.clone());
        let (sidecar, durable, is_new) = (true, true, true);
        let (file, path) = (crate::wav::open(&path).expect("a file"), path.clone());
        let job =
            Job { file, path: path.clone(), is_new, sidecar, durable, first_open: Box::new(|| None), stall };
        let encode = |_, samples: &[f32], bytes: &mut Vec<u8>| {
            encode::encode_f32(samples, Encoding::I16, bytes);
        };
        let writer = thread::spawn(move || job.run(receiver, |_| Ok(Encoding::I16), encode));
        Self { assembler, queue, writer, path, _folder: folder }
    }

    /// `frames` that count up from `first`.
    fn play(&mut self, first: i16, frames: i16) {
        let samples: Vec<f32> = (first..first + frames).map(|n| f32::from(n) / 32_768.0).collect();
        self.assembler.push(&samples, &mut |chunk| self.queue.offer(chunk));
    }

    fn hole(&mut self, frames: u64, cause: Cause) {
        let gap = Gap { position: self.assembler.position(), frames, error_frames: 0, cause };
        self.assembler.hole(gap, &mut |chunk| self.queue.offer(chunk));
    }

    /// What the file holds, and the sidecar.
    fn end(mut self) -> (Result<Written, Error>, Vec<i16>, String) {
        self.assembler.finish(&mut |chunk| self.queue.offer(chunk));
        self.queue.end();
        let written = self.writer.join().expect("no panic");
        let reader = hound::WavReader::open(&self.path).expect("a valid file");
        let samples = reader.into_samples().map(|sample| sample.expect("a sample")).collect();
        let account = std::fs::read_to_string(sidecar::beside(&self.path, ".json")).expect("an account");
        (written, samples, account)
    }
}

#[test]
fn a_file_keeps_the_time_of_holes_up_to_a_minute_and_cuts_longer_ones() {
    let mut line = Line::new(64, Duration::ZERO);
    line.play(1, 250);
    line.hole(30_050, Cause::Dropped);
    line.play(301, 130);
    line.hole(60_001, Cause::Lost);
    line.play(501, 5);
    line.hole(40, Cause::Paused);
    line.play(506, 5);
    line.hole(70_000, Cause::Muted);
    let (written, samples, account) = line.end();
    let written = written.expect("a file");
    assert_eq!((written.frames, written.behind, written.cut), (250 + 30_050 + 140 + 70_000, 0, 60_041));
    let count = |first: i16, frames: i16| first..first + frames;
    let expected: Vec<i16> = count(1, 250)
        .chain([0; 30_050])
        .chain(count(301, 130))
        .chain(count(501, 10))
        .chain([0; 70_000])
        .collect();
    assert!(samples == expected, "{} samples", samples.len());
    let gaps = concat!(
        r#""gaps":[{"position":250,"frames":30050,"error_frames":0,"filled":30050,"cause":"dropped"},"#,
        r#"{"position":30430,"frames":60001,"error_frames":0,"filled":0,"cause":"lost"},"#,
        r#"{"position":30435,"frames":40,"error_frames":0,"filled":0,"cause":"paused"},"#,
        r#"{"position":30440,"frames":70000,"error_frames":0,"filled":70000,"cause":"muted"}]"#
    );
    assert!(account.contains(gaps) && account.contains(r#""state":"complete""#), "{account}");
    assert!(account.contains(r#""frames":100440,"behind":0"#), "{account}");
}

#[test]
fn a_disk_that_takes_2_s_over_a_write_costs_nothing() {
    // Once for the audio and once for the header. The queue lasts for 3 s: what waits has to be written together.
    let mut line = Line::new(30, Duration::from_secs(1));
    let mut longest = Duration::ZERO;
    // At the pace of a device, for two writes: 4 s in 40 chunks.
    for n in 0..40 {
        thread::sleep(Duration::from_millis(100));
        let since = Instant::now();
        line.play(n * 100, 100);
        longest = longest.max(since.elapsed());
    }
    let (written, samples, _) = line.end();
    assert_eq!(written.map(|written| (written.frames, written.behind)), Ok((4_000, 0)));
    assert!(samples.into_iter().eq(0..4_000));
    assert!(longest < Duration::from_millis(500), "the worker waited for {longest:?}");
}

#[test]
fn what_a_disk_is_too_slow_for_is_silence_and_told() {
    let mut line = Line::new(2, Duration::from_millis(250));
    for n in 0..10 {
        line.play(n * 100 + 1, 100);
        // The first is being written, two wait.
        thread::sleep(Duration::from_millis(if n == 0 { 100 } else { 10 }));
    }
    thread::sleep(Duration::from_millis(700));
    line.play(1_001, 100);
    let (written, samples, account) = line.end();
    assert_eq!(written.map(|written| (written.frames, written.behind)), Ok((1_100, 700)));
    let expected: Vec<i16> = (1..301).chain([0; 700]).chain(1_001..1_101).collect();
    assert!(samples == expected);
    let gap = r#""gaps":[{"position":300,"frames":700,"error_frames":0,"filled":700,"cause":"behind"}]"#;
    assert!(account.contains(gap), "{account}");
}

#[cfg(unix)]
#[test]
fn a_file_that_is_deleted_is_told_within_seconds_and_one_that_is_moved_goes_on() {
    for deleted in [true, false] {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, moved) = (folder.path().join("take.wav"), folder.path().join("moved.wav"));
        let input = crate::Input::Synthetic(crate::Synthetic::Tone);
        let capture = crate::Capture::new(crate::Config { input, ..Default::default() }).expect("a capture");
        let file = capture.file(FileTap::native(&path)).expect("a file");
        capture.start().expect("a start");
        // Before the first chunk, which is held back.
        thread::sleep(Duration::from_millis(50));
        if deleted { std::fs::remove_file(&path) } else { std::fs::rename(&path, &moved) }
            .expect("it is there");
        let since = Instant::now();
        while !file.is_finished() && since.elapsed() < Duration::from_secs(if deleted { 20 } else { 2 }) {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(file.is_finished(), deleted);
        let before = capture.stats().ledger.delivered;
        thread::sleep(Duration::from_millis(500));
        assert!(capture.stats().ledger.delivered > before, "the capture goes on");
        let captured = capture.stop().expect("an account").stats.ledger.captured;
        match file.finish() {
            Ok(written) => assert!(!deleted && written.frames == captured),
            Err(error) => assert!(deleted && error.to_string().contains("deleted"), "{error}"),
        }
    }
}

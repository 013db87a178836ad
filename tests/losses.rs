//! What is missing is told, on streams as audio servers make them, whose stamps may say nothing of it. Virtual time.
#![cfg(not(loom))]

use hearken::testkit::{Fault, Mic, Stage, Stamps};
use hearken::{
    Capture, Cause, Channels, Config, FileTap, Gap, Ledger, Recovery, Report, SampleFormat, StreamFormat,
    TakePlan, TakeReport, Tap, WhenFull,
};
use std::path::Path;
use std::time::Duration;

const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
/// Where the source stands still, and for how many frames: 700 ms.
const AT: u64 = 480_000;
const LOST: u64 = 33_600;
/// A loss is to be placed and sized so exactly: 25 ms.
const NEAR: u64 = 1_200;
/// After so long any loss is known, and so long a file holds back by itself at most.
const KNOWN_MS: u32 = 2_500;
const USUAL_MS: u64 = 500;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How a server hands out what it has: frames of a callback, how many of them come at once, and what its stamps are.
const SERVERS: [(u32, u32, Stamps); 4] = [
    (480, 1, Stamps::Smoothed),
    (1024, 2, Stamps::Smoothed),
    (512, 4, Stamps::Late),
    (1024, 1, Stamps::Late),
];

struct Heard {
    /// The microphone's frame that the capture began with.
    first: u64,
    report: Report,
    take: TakeReport,
    /// Of a file of the device's own samples that holds back until any loss is known.
    samples: Vec<i16>,
    /// Of one that holds back as files do.
    usual: Vec<i16>,
}

/// A take from a server that loses `LOST` frames at `AT`, until `length` after the start; `shape` sets the rest.
fn take((frames, pieces, stamps): (u32, u32, Stamps), length: u64, shape: impl FnOnce(&Mic, u64)) -> Heard {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["patient.wav", "usual.wav"].map(|name| folder.path().join(name));
    let stage = Stage::new();
    let mic = stage.mic("server", MONO);
    mic.period(frames).pieces(pieces, pieces).stamps(stamps).late(Duration::from_micros(200)).ppm(30.0);
    let recovery = Recovery { stall_patience: Some(ms(60_000)), ..Recovery::default() };
    let config = Config { host: stage.host(), clock: stage.clock(), recovery, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    capture.each(Tap::new().device_rate().channels(Channels::First).chunk_ms(20), drop).unwrap();
    // The stage's time runs faster than a disk.
    let [patient, usual] = paths.each_ref().map(|path| FileTap::native(path).when_full(WhenFull::Wait));
    let files = [patient.hold_back_ms(KNOWN_MS), usual].map(|file| capture.file(file).unwrap());
    stage.start(&capture).unwrap();
    // On a busy machine the opening has taken some of the stage's time.
    while mic.delivered().is_empty() {
        stage.run(ms(10));
    }
    let first = mic.delivered()[0].start;
    shape(&mic, first);
    let taken = capture.take(TakePlan::default()).unwrap();
    let end = mic.captured_at(first) + ms(length);
    stage.run(end - (mic.captured_at(0) + stage.elapsed()));
    let report = capture.stop().unwrap();
    for file in files {
        file.finish().unwrap();
    }
    let take = taken.finish().unwrap();
    let [samples, usual] = paths.map(|path| read(&path));
    Heard { first, report, take, samples, usual }
}

fn read(path: &Path) -> Vec<i16> {
    hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect()
}

impl Heard {
    /// How many frames a sample of the file is off its place; it says where it was.
    fn off(&self, at: usize) -> u64 {
        self.off_in(&self.samples, at)
    }

    fn off_in(&self, samples: &[i16], at: usize) -> u64 {
        let number = (self.first + at as u64) as u16 as i16;
        u64::from(samples[at].wrapping_sub(number).unsigned_abs())
    }
}

/// Where the only silence begins that is longer than a block.
fn hole(samples: &[i16]) -> u64 {
    let silent = |at: usize| samples[at..at + 960].iter().all(|sample| *sample == 0);
    (0..samples.len() - 960).find(|at| silent(*at)).expect("a hole") as u64
}

fn lost(gaps: &[Gap]) -> Vec<&Gap> {
    gaps.iter().filter(|gap| gap.cause == Cause::Lost).collect()
}

#[test]
fn a_source_that_stands_still_is_a_hole_as_long_in_its_place_also_where_stamps_hide_it() {
    for server in SERVERS {
        let heard = take(server, 16_000, |mic, first| {
            mic.fault_at(first + AT, Fault::Lose { frames: LOST, reported: false });
        });
        let (ledger, gaps) = (heard.report.stats.ledger, lost(&heard.report.gaps));
        println!("{server:?}: {ledger:?} {gaps:?}");
        assert!(gaps.len() == 1 && ledger.lost_provisional == 0, "{server:?}: {:#?}", heard.report.events);
        assert!(ledger.lost.abs_diff(LOST) <= gaps[0].error_frames.min(NEAR), "{server:?}: {gaps:?}");
        assert!(ledger.balanced() && ledger.clock_agrees(), "{server:?}: {ledger:?}");
        // In the file that waits for it all but the hole is where it was.
        let period = u64::from(server.0 * server.1);
        let place = hole(&heard.samples);
        assert!(place.abs_diff(AT) <= NEAR + period, "{server:?}: the hole is at {place}");
        let behind = (AT + LOST + 2 * NEAR + period) as usize;
        let most = (behind..heard.samples.len()).map(|at| heard.off(at)).max();
        assert!(most.is_some_and(|most| most <= NEAR), "{server:?}: {most:?} frames off behind it");
        assert!(heard.take.missing.abs_diff(LOST) <= NEAR && heard.take.provisional.is_empty());
        // In the usual one it stands where it was found, and what lies behind that is where it was.
        let place = hole(&heard.usual);
        let known = AT + LOST + u64::from(KNOWN_MS) * 48 - USUAL_MS * 48;
        assert!((AT + NEAR + period..known + NEAR + period).contains(&place), "{server:?}: it is at {place}");
        assert_eq!(heard.usual.len(), heard.samples.len(), "{server:?}");
        let behind = (place + LOST + 2 * NEAR + period) as usize;
        let most = (behind..heard.usual.len()).map(|at| heard.off_in(&heard.usual, at)).max();
        assert!(most.is_some_and(|most| most <= NEAR), "{server:?}: {most:?} frames off behind it");
    }
}

#[test]
fn a_source_that_stands_still_and_catches_up_has_lost_nothing() {
    for server in SERVERS {
        let heard = take(server, 16_000, |mic, first| {
            mic.fault_at(first + AT, Fault::Late(ms(700)));
        });
        let ledger = heard.report.stats.ledger;
        assert!(heard.report.gaps.is_empty() && ledger.clock_agrees(), "{server:?}: {ledger:?}");
        assert_eq!((ledger.lost, ledger.lost_provisional), (0, 0), "{server:?}");
        assert!((0..heard.samples.len()).all(|at| heard.off(at) == 0), "{server:?}");
    }
}

#[test]
fn a_ring_that_loses_half_of_every_period_is_no_take_of_half_the_length_without_a_word() {
    let server = (512, 4, Stamps::Late);
    let heard = take(server, 12_000, |mic, _| {
        mic.pieces(4, 2);
    });
    let Ledger { captured, lost, lost_provisional, unaccounted, unaccounted_error, .. } =
        heard.report.stats.ledger;
    let told = captured + lost + lost_provisional + unaccounted;
    println!("{:?}", heard.report.stats.ledger);
    assert!(told.abs_diff(12 * 48_000) <= unaccounted_error, "{told}: {:#?}", heard.report.events);
    assert!(lost > 4 * 48_000 && heard.report.gaps.len() > 2, "{lost}");
    assert_eq!(heard.report.stats.clock.actual_rate_hz, None, "it is no other rate");
    assert!(heard.samples.len() as u64 > 10 * 48_000, "{} frames", heard.samples.len());
}

#[test]
fn what_is_in_doubt_at_the_end_is_told_as_that() {
    let server = (1024, 1, Stamps::Smoothed);
    let lose = |mic: &Mic, first: u64| {
        mic.fault_at(first + AT, Fault::Lose { frames: LOST, reported: false });
    };
    // A second and a half behind it, which is too soon to settle it.
    let heard = take(server, 12_200, lose);
    let ledger = heard.report.stats.ledger;
    let [gap] = heard.report.provisional[..] else { panic!("{:?}", heard.report) };
    assert!(ledger.lost == 0 && ledger.lost_provisional == gap.frames, "{ledger:?} {gap:?}");
    assert!(gap.frames.abs_diff(LOST) <= gap.error_frames.min(NEAR) && gap.position.abs_diff(AT) <= 2_048);
    assert!(gap.cause == Cause::Lost && heard.report.gaps.is_empty() && ledger.clock_agrees());
    let [in_take] = heard.take.provisional[..] else { panic!("{:?}", heard.take) };
    assert!(in_take.frames == gap.frames && heard.take.missing == 0, "{in_take:?}");
    // At once behind it: nothing looks lost yet, and the clock says what is missing.
    let heard = take(server, 10_900, lose);
    let ledger = heard.report.stats.ledger;
    assert!((ledger.lost, ledger.lost_provisional) == (0, 0) && !ledger.clock_agrees(), "{ledger:?}");
    assert!(ledger.unaccounted.abs_diff(LOST) <= ledger.unaccounted_error, "{ledger:?}");
    // A device that says nothing at the end has not delivered that either.
    let heard = take(server, 12_000, |mic, first| {
        mic.fault_at(first + AT, Fault::Dies);
    });
    let ledger = heard.report.stats.ledger;
    assert!(ledger.balanced() && !ledger.clock_agrees(), "{ledger:?}");
    assert!(ledger.unaccounted.abs_diff(2 * 48_000) <= ledger.unaccounted_error, "{ledger:?}");
}

#[test]
fn a_file_waits_for_as_long_as_it_takes_until_a_loss_is_known_but_no_longer_than_half_a_second() {
    // Periods of which ten are longer than a quarter of a second, and longer than a half.
    for period in [1_920, 4_096, 8_192] {
        let server = (period, 1, Stamps::Device(Duration::from_micros(5)));
        // Behind the 128 callbacks that it takes to know such stamps.
        let at = 30 * 48_000;
        let heard = take(server, 38_000, |mic, first| {
            mic.late(Duration::ZERO).fault_at(first + at, Fault::Lose { frames: LOST, reported: false });
        });
        let place = hole(&heard.samples);
        assert!(place.abs_diff(at) <= 960, "{period}: the hole is at {place}");
        // Ten blocks tell, of which the loss may be in the first, and the bound has two more.
        let [soonest, latest] =
            [9, 12].map(|blocks| at + (blocks * u64::from(period)).saturating_sub(USUAL_MS * 48));
        let place = hole(&heard.usual);
        assert!((soonest..=latest + 960).contains(&place), "{period}: in the usual file it is at {place}");
        let ledger = heard.report.stats.ledger;
        assert!(ledger.lost.abs_diff(LOST) <= 1 && ledger.clock_agrees(), "{period}: {ledger:?}");
    }
}

//! Every fault of a device, with every kind of stamps, at three callback sizes: the books balance, what is dropped is
//! counted to the frame, and every other frame arrives, once and in its place. Virtual time.
#![cfg(not(loom))]

use hearken::testkit::{Fault, Mic, Signal, Stage, Stamps};
use hearken::{
    Capture, CapturedAt, Cause, Channels, Chunk, Config, Recovery, Report, SampleFormat, StampClass,
    StreamFormat, Tap,
};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
/// Where the fault is, in frames, and how long a run lasts.
const AT: u64 = 144_000;
const LENGTH: Duration = Duration::from_secs(8);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// What a fault may do to a capture.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    /// Nothing: not a frame is missing.
    None,
    /// So many frames are lost before they get to us, which we may find out.
    Lost(u64),
    /// The device runs at another rate than it says.
    Lie,
    /// It was opened anew.
    Away,
    /// The pool was too small for a burst.
    Dropped,
}

type Case = (&'static str, Vec<Fault>, Harm);

fn cases() -> Vec<Case> {
    let late = |ms| Fault::Late(Duration::from_millis(ms));
    let f32 = StreamFormat { sample: SampleFormat::F32, ..MONO };
    vec![
        ("nothing", vec![], Harm::None),
        ("a burst", vec![late(60)], Harm::None),
        ("a stall", vec![late(900)], Harm::None),
        ("a burst larger than the pool", vec![late(3000)], Harm::Dropped),
        ("lost frames", vec![Fault::Lose { frames: 9600, reported: false }], Harm::Lost(9600)),
        ("lost frames, reported", vec![Fault::Lose { frames: 9600, reported: true }], Harm::Lost(9600)),
        ("a callback that comes twice", vec![Fault::Repeat], Harm::None),
        ("an empty callback", vec![Fault::Size(0)], Harm::None),
        ("an oversized callback", vec![Fault::Size(65_536)], Harm::None),
        ("one frame at a time", vec![Fault::Size(1)], Harm::None),
        ("44.1 labelled as 48", vec![Fault::Runs(44_100.0)], Harm::Lie),
        ("from 48 to 44.1 while it runs", vec![Fault::Runs(44_100.0)], Harm::Lie),
        ("another sample format", vec![Fault::Becomes(f32)], Harm::Away),
        ("zeros", vec![Fault::Hears(Signal::Silence)], Harm::None),
        ("a silent death", vec![Fault::Dies], Harm::Away),
        ("a storm of errors", vec![Fault::Errors(100_000)], Harm::None),
        ("stamps that stand still", vec![Fault::Stamped(Stamps::Frozen)], Harm::None),
        ("stamps of zero", vec![Fault::Stamped(Stamps::Zero)], Harm::None),
        ("stamps that run backward", vec![Fault::Stamped(Stamps::Backward)], Harm::None),
        ("stamps that jump", vec![Fault::Stamped(Stamps::Jumping)], Harm::None),
        ("stamps in whole milliseconds", vec![Fault::Stamped(Stamps::Milliseconds)], Harm::None),
    ]
}

struct Run {
    what: String,
    mic: Mic,
    report: Report,
    chunks: Vec<Chunk>,
}

fn run(stamps: Stamps, late: Duration, period: u32, (name, faults, _): &Case) -> Run {
    let stage = Stage::new();
    let mic = stage.mic("usb", MONO);
    mic.stamps(stamps).late(late).period(period).ppm(35.0);
    for fault in faults {
        mic.fault_at(if *name == "44.1 labelled as 48" { 0 } else { AT }, *fault);
    }
    let recovery = Recovery { stall_patience: Some(ms(1500)), ..Recovery::default() };
    // A stall of three seconds is not to be taken for a death here.
    let recovery = if *name == "a burst larger than the pool" {
        Recovery { stall_patience: Some(ms(5000)), ..recovery }
    } else {
        recovery
    };
    let config = Config { host: stage.host(), clock: stage.clock(), recovery, ..Config::default() };
    let capture = Capture::new(config).unwrap();
    let chunks = Arc::new(Mutex::new(Vec::new()));
    let keep = chunks.clone();
    let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(20);
    capture.each(tap, move |chunk| keep.lock().unwrap().push(chunk)).unwrap();
    stage.start(&capture).unwrap();
    stage.run(if name.contains("while it runs") { LENGTH + ms(4000) } else { LENGTH });
    let report = capture.stop().unwrap();
    let chunks = std::mem::take(&mut *chunks.lock().unwrap());
    Run { what: format!("{name}, {stamps:?}, {period} frames"), mic, report, chunks }
}

impl Run {
    /// Every frame that the device gave is in the output or in a hole, in its place.
    fn check_frames(&self) {
        let Self { what, mic, report, chunks } = self;
        let ledger = report.stats.ledger;
        assert!(ledger.balanced() && ledger.pending == 0, "{what}: {ledger:?}");
        let given: u64 = mic.delivered().iter().map(|range| range.end - range.start).sum();
        assert_eq!(ledger.captured - ledger.discarded, given, "{what}");
        // The tap's axis without what stands for holes.
        let gaps: Vec<_> = chunks.iter().flat_map(|chunk| chunk.gaps().to_vec()).collect();
        let total: u64 = chunks.iter().map(|chunk| u64::from(chunk.frames())).sum();
        let filled: u64 = gaps.iter().map(|gap| gap.frames).sum();
        assert_eq!(total, ledger.delivered + filled, "{what}: {gaps:?}");
        let mut position = 0;
        let mut got = Vec::with_capacity(total as usize);
        for chunk in chunks {
            assert_eq!(chunk.position(), position, "{what}");
            position += u64::from(chunk.frames());
            let real = (chunk.position()..).zip(chunk.samples());
            let in_hole =
                |at: u64| gaps.iter().any(|gap| (gap.position..gap.position + gap.frames).contains(&at));
            let touched = gaps
                .iter()
                .any(|gap| gap.position < position && gap.position + gap.frames > chunk.position());
            got.extend(real.filter(|(at, _)| !touched || !in_hole(*at)).map(|(_, sample)| number(*sample)));
        }
        // What was dropped was dropped where the report says, which counts frames from the first on.
        let mut expected: Vec<u16> =
            mic.delivered().into_iter().flatten().map(|frame| frame as u16).collect();
        let drops = report.gaps.iter().filter(|gap| gap.cause == Cause::Dropped);
        let dropped: u64 = drops.clone().map(|gap| gap.frames).sum();
        assert_eq!(dropped, ledger.dropped, "{what}");
        for gap in drops {
            expected.drain(gap.position as usize..(gap.position + gap.frames) as usize);
        }
        if what.starts_with("zeros") {
            assert!(got[AT as usize..].iter().all(|number| *number == 0), "{what}");
            got.truncate(AT as usize);
            expected.truncate(AT as usize);
        }
        assert!(got == expected, "{what}: {} of {} frames", got.len(), expected.len());
    }

    /// Capture times run forward, and where nothing is wrong with clock and stamps they are true.
    fn check_times(&self, harm: Harm) {
        let Self { what, mic, report, chunks } = self;
        for pair in chunks.windows(2) {
            let [earlier, later] = [&pair[0], &pair[1]].map(|chunk| chunk.captured_at().at);
            assert!(later > earlier, "{what}: {earlier:?} then {:?}", pair[1]);
        }
        // A stamp that is reckoned back over 1.4 s at the nominal rate is early.
        let untrue = ["stamps", "twice", "oversized"];
        if harm != Harm::None || untrue.iter().any(|word| what.contains(word)) {
            return;
        }
        let origin = mic.captured_at(0);
        for chunk in &chunks[50..] {
            let CapturedAt { at, bound } = chunk.captured_at();
            let off = at.abs_diff(mic.captured_at(chunk.position()) - origin);
            assert!(off <= bound + Duration::from_micros(1), "{what}: {off:?} off, {chunk:?}");
        }
        assert!(report.stats.clock.class != StampClass::Observed, "{what}");
    }

    fn check_harm(&self, harm: Harm) {
        let Self { what, report, .. } = self;
        let ledger = report.stats.ledger;
        let epochs = if harm == Harm::Away { 2 } else { 1 };
        assert_eq!(report.epochs.len(), epochs, "{what}: {:#?}", report.events);
        assert_eq!(ledger.dropped > 0, harm == Harm::Dropped, "{what}: {ledger:?}");
        match harm {
            Harm::Lost(frames) => {
                let least = if what.contains("Device") { frames - 480 } else { 0 };
                assert!((least..=frames + 960).contains(&ledger.lost), "{what}: {ledger:?}");
            }
            Harm::Lie => {
                assert_eq!((report.stats.clock.actual_rate_hz, ledger.lost), (Some(44_100), 0), "{what}");
            }
            _ => assert_eq!(ledger.lost, 0, "{what}: {:#?}", report.events),
        }
    }
}

fn number(sample: f32) -> u16 {
    (sample * 32768.0) as i16 as u16
}

fn every_fault(stamps: Stamps, late: Duration) {
    let mut failed = 0;
    for case in cases() {
        for period in [128, 480, 2048] {
            // All of them are of interest.
            let outcome = catch_unwind(|| {
                let run = run(stamps, late, period, &case);
                run.check_frames();
                run.check_times(case.2);
                run.check_harm(case.2);
            });
            failed += u32::from(outcome.is_err());
        }
    }
    assert_eq!(failed, 0, "so many runs of {}", 3 * cases().len());
}

#[test]
fn every_fault_with_stamps_of_the_device() {
    every_fault(Stamps::Device(Duration::from_micros(10)), Duration::ZERO);
}

#[test]
fn every_fault_with_stamps_that_are_late() {
    every_fault(Stamps::Late, Duration::from_micros(300));
}

#[test]
fn every_fault_with_stamps_in_whole_milliseconds() {
    every_fault(Stamps::Milliseconds, Duration::from_micros(100));
}

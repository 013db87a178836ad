//! What a tap that holds back promises: what is found late is in its place, and nothing else is different.
#![cfg(not(loom))]

use hearken::testkit::{Fault, Mic, Stage, Stamps};
use hearken::{
    Capture, CapturedAt, Cause, Channels, Chunk, Config, FileFormat, FileTap, Gap, GapPolicy, Report,
    SampleFormat, StreamFormat, TakePlan, Tap,
};
use proptest::prelude::*;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
/// Where the device loses frames, and how many.
const AT: u64 = 144_240;
const LOST: u64 = 9_600;
/// A loss is placed at the block behind it.
const BLOCK: u64 = 960;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Every frame of the only channel as it is, 20 ms at a time.
fn bare() -> Tap {
    Tap::new().device_rate().channels(Channels::First).chunk_ms(20)
}

fn config(stage: &Stage) -> Config {
    Config { host: stage.host(), clock: stage.clock(), ..Config::default() }
}

/// All that a chunk tells.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    position: u64,
    padding: u32,
    samples: Vec<f32>,
    gaps: Vec<Gap>,
    captured_at: CapturedAt,
}

type Chunks = Arc<Mutex<Vec<Heard>>>;

/// Keeps what it gets there.
fn keep() -> (Chunks, impl FnMut(Chunk) + Send + 'static) {
    let chunks = Chunks::default();
    let kept = chunks.clone();
    let keep = move |chunk: Chunk| {
        let (position, padding, samples) = (chunk.position(), chunk.padding(), chunk.samples().to_vec());
        let (gaps, captured_at) = (chunk.gaps().to_vec(), chunk.captured_at());
        kept.lock().unwrap().push(Heard { position, padding, samples, gaps, captured_at });
    };
    (chunks, keep)
}

/// A device that loses frames in its fourth second, as `taps` hear it.
fn with_a_loss<const N: usize>(taps: [Tap; N]) -> (Mic, [Vec<Heard>; N]) {
    with_losses(&[AT], taps)
}

fn with_losses<const N: usize>(at: &[u64], taps: [Tap; N]) -> (Mic, [Vec<Heard>; N]) {
    let stage = Stage::new();
    let mic = stage.mic("usb", MONO);
    mic.stamps(Stamps::Device(Duration::from_micros(10)));
    for &at in at {
        mic.fault_at(at, Fault::Lose { frames: LOST, reported: false });
    }
    let capture = Capture::new(config(&stage)).unwrap();
    let heard = taps.map(|tap| {
        let (chunks, keep) = keep();
        capture.each(tap, keep).unwrap();
        chunks
    });
    stage.start(&capture).unwrap();
    stage.run(ms(at[at.len() - 1] / 48 + 2000));
    let report = capture.stop().unwrap();
    // Each to the frame or so.
    let (lost, losses) = (report.stats.ledger.lost, at.len() as u64);
    assert!(lost.abs_diff(LOST * losses) < losses, "{lost}");
    (mic, heard.map(|chunks| std::mem::take(&mut *chunks.lock().unwrap())))
}

fn gaps(chunks: &[Heard]) -> Vec<Gap> {
    chunks.iter().flat_map(|chunk| chunk.gaps.clone()).collect()
}

fn only_gap(chunks: &[Heard]) -> Gap {
    let gaps = gaps(chunks);
    assert!(gaps.len() == 1 && gaps[0].cause == Cause::Lost, "{gaps:?}");
    gaps[0]
}

/// How many frames are not where their numbers say, of a tap with one frame for `step` of the device's.
fn misplaced(chunks: &[Heard], step: u64) -> u64 {
    let gap = only_gap(chunks);
    let mut misplaced = 0;
    for Heard { position, padding, samples, .. } in chunks {
        let real = samples.len() - *padding as usize;
        for (at, sample) in (*position..).zip(&samples[..real]) {
            // At its edges a resampler rings, and where the numbers start anew.
            let edge = if step == 1 { 0 } else { 100 };
            let is_missing =
                (gap.position.saturating_sub(edge)..gap.position + gap.frames + edge).contains(&at);
            let number = (at * step) as u16 as i16;
            if is_missing || at < edge || (step > 1 && number.unsigned_abs() > 32_000) {
                continue;
            }
            let off = sample * 32_768.0 - f32::from(number);
            misplaced += u64::from(off.abs() > if step == 1 { 0.0 } else { 3.0 });
        }
    }
    misplaced
}

#[test]
fn a_loss_that_settles_in_time_is_where_it_happened_at_any_rate_and_gap_policy() {
    let policies = [GapPolicy::Fill, GapPolicy::Split, GapPolicy::Mark];
    for (tap, step) in [(bare(), 1), (Tap::new().chunk_ms(20), 3)] {
        let (mic, heard) = with_a_loss(policies.map(|policy| tap.clone().gaps(policy).hold_back_ms(400)));
        for (policy, chunks) in policies.into_iter().zip(&heard) {
            let gap = only_gap(chunks);
            assert!((AT..=AT + BLOCK).contains(&(gap.position * step)), "{policy:?}: {gap:?}");
            assert!(gap.frames.abs_diff(LOST / step) <= gap.error_frames, "{policy:?}: {gap:?}");
            assert!(misplaced(chunks, step) <= BLOCK / step, "{policy:?}: {}", misplaced(chunks, step));
            let padding = chunks.iter().any(|chunk| chunk.padding > 0);
            let whole = &chunks[..chunks.len() - 1];
            let short = whole.iter().any(|chunk| chunk.samples.len() as u64 != 960 / step);
            assert_eq!(
                (padding, short),
                (policy == GapPolicy::Mark, policy == GapPolicy::Split),
                "{policy:?}"
            );
            // And every chunk knows when it was, also right behind the hole; but not within the block of the loss.
            let mut known = 0;
            for Heard { position, captured_at: CapturedAt { at, bound }, .. } in &chunks[50..] {
                if !(AT / step..gap.position + gap.frames).contains(position) {
                    let off = at.abs_diff(mic.captured_at(position * step) - mic.captured_at(0));
                    assert!(
                        off <= *bound + Duration::from_micros(40),
                        "{policy:?} {position}: {off:?} {bound:?}"
                    );
                    known += 1;
                }
            }
            assert!(known > 180, "{policy:?}: {known}");
        }
        // What it is good for.
        let (_, [prompt]) = with_a_loss([tap]);
        let late = only_gap(&prompt).position * step - AT;
        println!("one frame in {step}: not held back, the hole is {late} frames late");
        assert!(misplaced(&prompt, step) > 5_000 / step, "{}", misplaced(&prompt, step));
    }
}

#[test]
fn each_of_several_losses_is_in_its_place() {
    let at = [AT, AT + 80_000, AT + 160_000];
    let (mic, [chunks]) = with_losses(&at, [bare().hold_back_ms(2000)]);
    let gaps = gaps(&chunks);
    assert_eq!(gaps.len(), 3, "{gaps:?}");
    for (at, gap) in at.into_iter().zip(&gaps) {
        assert!((at..=at + BLOCK).contains(&gap.position), "{at}: {gap:?}");
    }
    for Heard { position, captured_at: CapturedAt { at: heard, bound }, .. } in &chunks[50..] {
        if !at.iter().any(|at| (*at..at + LOST + BLOCK).contains(position)) {
            let off = heard.abs_diff(mic.captured_at(*position) - mic.captured_at(0));
            assert!(off <= *bound + Duration::from_micros(1), "{position}: {off:?} {bound:?}");
        }
    }
}

#[test]
fn a_loss_that_settles_too_late_is_as_near_to_its_place_as_what_was_heard_allows() {
    let (mic, heard) = with_a_loss([bare(), bare().hold_back_ms(100), bare().hold_back_ms(400)]);
    let [prompt, between, exact] = heard.map(|chunks| (only_gap(&chunks).position, chunks));
    assert!(between.0 > exact.0 + BLOCK && between.0 < prompt.0, "{} {} {}", prompt.0, between.0, exact.0);
    assert!((prompt.0 - between.0).abs_diff(4_800) <= BLOCK, "{} {}", prompt.0, between.0);
    for Heard { position, captured_at: CapturedAt { at, bound }, .. } in &between.1[50..] {
        if *position > between.0 + LOST {
            let off = at.abs_diff(mic.captured_at(*position) - mic.captured_at(0));
            assert!(off <= *bound + Duration::from_micros(1), "{position}: {off:?} {bound:?}");
        }
    }
}

#[test]
fn a_file_has_late_holes_in_place_without_being_asked_and_a_take_that_begins_in_the_past_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let stage = Stage::new();
    let mic = stage.mic("usb", MONO);
    mic.stamps(Stamps::Device(Duration::from_micros(5)));
    mic.fault_at(AT, Fault::Lose { frames: LOST, reported: false });
    let capture = Capture::new(Config { history: ms(2000), ..config(&stage) }).unwrap();
    let tap = FileTap::new(path("tap.wav"), bare(), FileFormat::I16);
    let files = [tap, FileTap::native(path("native.wav"))].map(|file| capture.file(file).unwrap());
    stage.start(&capture).unwrap();
    stage.run(ms(4000));
    // The loss is a second old, and known.
    let mut plan = TakePlan::new(ms(1500));
    let (chunks, keep) = keep();
    plan.each(bare().hold_back_ms(300), keep).unwrap();
    let first = stage.elapsed().as_millis() as u64 * 48 - 72_000;
    let take = capture.take(plan).unwrap();
    stage.run(ms(1000));
    drop(take);
    stage.run(ms(500));
    capture.stop().unwrap();
    for (name, file) in ["tap.wav", "native.wav"].into_iter().zip(files) {
        let written = file.finish().unwrap();
        let samples = hound::WavReader::open(path(name)).unwrap().into_samples().map(Result::unwrap);
        let samples: Vec<i16> = samples.collect();
        assert_eq!(samples.len() as u64, written.frames);
        // Silence stands for the hole: everything else is what it was.
        let wrong =
            samples.iter().enumerate().filter(|(at, sample)| **sample != *at as u16 as i16).count() as u64;
        assert!((LOST..=LOST + BLOCK).contains(&wrong), "{name}: {wrong}");
    }
    let mut heard = std::mem::take(&mut *chunks.lock().unwrap());
    let begins = (heard[0].samples[0] * 32_768.0) as i16 as u16;
    assert!(u64::from(begins).abs_diff(first % 65_536) <= 2, "{begins} {first}");
    let begins = first - first % 65_536 + u64::from(begins);
    heard.iter_mut().for_each(|chunk| chunk.position += begins);
    heard.iter_mut().flat_map(|chunk| &mut chunk.gaps).for_each(|gap| gap.position += begins);
    assert!((AT..=AT + BLOCK).contains(&only_gap(&heard).position), "{:?}", only_gap(&heard));
    assert!(misplaced(&heard, 1) <= BLOCK, "{}", misplaced(&heard, 1));
}

#[test]
fn an_end_waits_for_nothing_and_brings_all_that_was_held() {
    let stage = Stage::new();
    stage.mic("usb", MONO);
    let capture = Capture::new(config(&stage)).unwrap();
    let mut prompt = capture.receiver(bare()).unwrap();
    // A queue that has room for no more than what comes by and by.
    let mut held = capture.receiver(bare().hold_back_ms(2000).queue(50, Default::default())).unwrap();
    stage.start(&capture).unwrap();
    let mut count = 0;
    for _ in 0..20 {
        stage.run(ms(250));
        count += std::iter::from_fn(|| held.try_recv()).count();
        std::iter::from_fn(|| prompt.try_recv()).for_each(drop);
        let ledger = held.ledger();
        assert_eq!(ledger.offered, ledger.received + ledger.behind + ledger.pending);
    }
    assert_eq!(prompt.ledger().offered - held.ledger().offered, 96_000);
    let before = stage.elapsed();
    let report = capture.stop().unwrap();
    assert_eq!(stage.elapsed(), before);
    count += held.by_ref().count();
    assert_eq!((count, held.ledger().received, held.ledger().behind), (250, 240_000, 0));
    assert_eq!(report.stats.ledger.delivered, 240_000);
}

#[test]
fn who_holds_back_costs_no_wake_up() {
    let wakeups = |hold_back_ms: u32| {
        let stage = Stage::new();
        stage.mic("usb", MONO);
        let capture = Capture::new(config(&stage)).unwrap();
        capture.each(Tap::new(), drop).unwrap();
        capture.each(Tap::new().hold_back_ms(hold_back_ms), drop).unwrap();
        capture.each(bare().chunk_ms(100).hold_back_ms(hold_back_ms), drop).unwrap();
        stage.start(&capture).unwrap();
        stage.run(ms(20_000));
        capture.stop().unwrap().stats.wakeups
    };
    let [without, with] = [0, 250].map(wakeups);
    println!("{without} wake-ups in 20 s, {with} if two taps hold back");
    assert!(with <= without + 5, "{without} {with}");
}

#[test]
fn a_hold_back_beyond_its_range_is_refused() {
    let capture = Capture::new(Config::default()).unwrap();
    assert!(capture.receiver(bare().hold_back_ms(5_000)).is_ok());
    assert!(capture.receiver(bare().hold_back_ms(5_001)).is_err());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.wav");
    assert!(capture.file(FileTap::native(&path).hold_back_ms(5_001)).is_err());
    assert!(!path.exists());
}

/// What a device or an application may do, besides losing frames.
#[derive(Clone, Debug)]
enum Deed {
    Play(u64),
    /// Perhaps with a callback of no frames.
    Mute(u64, bool),
    Pause(u64),
    /// The worker is away: the pool drops.
    Burst(u64),
    Size(u32),
    /// In place of the device comes one of another rate and as many channels.
    Reopen(u32, u16),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        (1..700_u64).prop_map(Deed::Play),
        (1..500_u64, any::<bool>()).prop_map(|(length, empty)| Deed::Mute(length, empty)),
        (1..500_u64).prop_map(Deed::Pause),
        (1..900_u64).prop_map(Deed::Burst),
        prop_oneof![Just(0), 1..5000_u32].prop_map(Deed::Size),
        (
            prop_oneof![Just(44_100_u32), Just(16_000), Just(48_000)],
            prop_oneof![Just(1_u16), Just(2), Just(6)]
        )
            .prop_map(|(rate_hz, channels)| Deed::Reopen(rate_hz, channels)),
    ];
    proptest::collection::vec(deed, 1..12)
}

/// What two taps hear of a capture and two of a take, one of each held back; without what is said about time.
fn twice(tap: &Tap, hold_back_ms: u32, deeds: &[Deed]) -> (Report, [Vec<Heard>; 4]) {
    let stage = Stage::new();
    let mic = stage.mic("usb", MONO);
    let capture = Capture::new(Config { pool: ms(300), history: ms(700), ..config(&stage) }).unwrap();
    let both = [tap.clone(), tap.clone().hold_back_ms(hold_back_ms)];
    let of_capture = both.clone().map(|tap| {
        let (chunks, keep) = keep();
        capture.each(tap, keep).unwrap();
        chunks
    });
    stage.start(&capture).unwrap();
    stage.run(ms(800));
    let mut plan = TakePlan::new(ms(500));
    let of_take = both.map(|tap| {
        let (chunks, keep) = keep();
        plan.each(tap, keep).unwrap();
        chunks
    });
    let take = capture.take(plan).unwrap();
    for deed in deeds {
        match *deed {
            Deed::Play(length) => stage.run(ms(length)),
            Deed::Mute(length, empty) => {
                capture.mute(true);
                if empty {
                    mic.fault(Fault::Size(0));
                }
                stage.run(ms(length));
                capture.mute(false);
            }
            Deed::Pause(length) => {
                take.pause();
                stage.run(ms(length));
                take.resume();
            }
            Deed::Burst(length) => drop(mic.fault(Fault::Late(ms(length)))),
            Deed::Size(frames) => drop(mic.fault(Fault::Size(frames))),
            Deed::Reopen(rate_hz, channels) => {
                mic.fault(Fault::Becomes(StreamFormat { rate_hz, channels, ..MONO }));
                stage.run(ms(300));
            }
        }
        stage.run(ms(20));
    }
    take.end();
    stage.run(ms(100));
    // A busy machine may take longer than a stop waits.
    let report = capture.stop().or_else(|_| capture.stop()).unwrap();
    let [a, b] = of_capture;
    let [c, d] = of_take;
    let heard = [a, b, c, d].map(|chunks| {
        let mut chunks = std::mem::take(&mut *chunks.lock().unwrap());
        chunks.iter_mut().for_each(|chunk| chunk.captured_at = CapturedAt::default());
        chunks
    });
    (report, heard)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn without_a_loss_what_is_heard_is_the_same_to_the_bit(
        deeds in deeds(),
        hold_back_ms in prop_oneof![Just(1_u32), 2..400_u32, 400..5000_u32],
        policy in prop_oneof![Just(GapPolicy::Fill), Just(GapPolicy::Split), Just(GapPolicy::Mark)],
        is_bare in any::<bool>(),
    ) {
        let tap = if is_bare { bare() } else { Tap::new().chunk_ms(25).hop_ms(20) };
        let (report, [prompt, held, in_take, held_in_take]) = twice(&tap.gaps(policy), hold_back_ms, &deeds);
        let ledger = report.stats.ledger;
        let counts = [prompt.len(), held.len(), in_take.len(), held_in_take.len()];
        prop_assert!(ledger.lost == 0 && counts[0] > 30 && counts[2] > 20, "{counts:?} {ledger:?}");
        for (prompt, held) in prompt.iter().chain(&in_take).zip(held.iter().chain(&held_in_take)) {
            prop_assert!(prompt == held, "{counts:?}: {:?} {:?}", prompt.gaps, held.gaps);
        }
        prop_assert!(counts[0] == counts[1] && counts[2] == counts[3], "{counts:?}");
    }
}

//! What is in the chunks and files on both sides of the hole.

use crate::scene::{Ear, Heard, MONO, Scene, at, bare, check_books, frame, ms, names, number};
use hearken::signal::resample::Resampler;
use hearken::testkit::{Fault, pattern};
use hearken::{
    Away, Cause, Channels, ErrorKind, EventKind, FileTap, Gap, GapPolicy, Quality, Recovery, SampleFormat,
    StreamFormat, TakePlan, Tap, WhenFull,
};

/// The hole that a device's absence has left, if it is the only one.
fn hole(heard: &[Heard]) -> Gap {
    let gaps: Vec<Gap> = heard.iter().flat_map(|chunk| chunk.gaps.clone()).collect();
    let [gap] = gaps[..] else { panic!("one hole, not {gaps:?}") };
    gap
}

/// The samples on the tap's axis, and which of them are real.
fn axis(heard: &[Heard], gap: &Gap) -> Vec<(u64, f32)> {
    let samples = heard.iter().flat_map(|chunk| {
        let real = chunk.samples.len() - chunk.padding as usize;
        (chunk.position..).zip(chunk.samples[..real].iter().copied())
    });
    samples.filter(|(at, _)| !(gap.position..gap.position + gap.frames).contains(at)).collect()
}

/// Checks a tap of the bare device across a hole: every frame in its place, every time true. Where the tap's 0 lies, in
/// frames of the microphone.
fn check(heard: &[Heard], policy: GapPolicy) {
    let gap = hole(heard);
    let samples = axis(heard, &gap);
    let start = frame(number(samples[0].1), 0.0);
    // The true length of the hole, from the numbers of the frames on both sides.
    let last = samples.iter().rposition(|(at, _)| *at < gap.position).expect("audio before the hole");
    let [(before, sample), (after, first)] = samples[last..last + 2] else { panic!("audio behind it") };
    assert_eq!((before + 1, after), (gap.position, gap.position + gap.frames), "{policy:?}");
    let end = frame(number(sample), (start + before) as f64 / 48e3) + 1;
    let next = frame(number(first), (start + after) as f64 / 48e3);
    let off = (next - end).abs_diff(gap.frames);
    assert!(off <= gap.error_frames + 1, "{policy:?}: {off} frames off, {gap:?}");
    assert!(gap.error_frames < 48 * 60, "{gap:?}");
    // Nothing is missing on either side.
    for &(at, sample) in &samples {
        let expected = if at < gap.position { start + at } else { next + at - after };
        assert_eq!(number(sample), expected as u16, "{policy:?}: at {at}, hole {gap:?}");
    }
    // Neither time nor position ever runs backwards, and times are true.
    for (number, chunk) in heard.iter().enumerate() {
        if let Some(earlier) = number.checked_sub(1).map(|earlier| &heard[earlier]) {
            let frames = (earlier.samples.len() - earlier.padding as usize) as u64;
            let jump = if policy == GapPolicy::Fill { 0 } else { gap.frames };
            let step = chunk.position - earlier.position - frames;
            assert!(step == 0 || step == jump, "{policy:?}: {step} frames between chunks");
            assert!(chunk.captured.at > earlier.captured.at, "{policy:?}: {chunk:?}");
        }
        let position = chunk.position;
        if (gap.position..gap.position + gap.frames).contains(&position) {
            continue;
        }
        let truth = if position < gap.position { start + position } else { next + position - after };
        let off = (chunk.captured.at.as_secs_f64() - truth as f64 / 48e3).abs();
        assert!(off <= chunk.captured.bound.as_secs_f64() + 1e-6, "{policy:?}: {off} s off, {chunk:?}");
    }
}

#[test]
fn a_lost_device_leaves_a_hole_of_the_right_length_and_nothing_else() {
    for is_back in [false, true] {
        let scene = Scene::new();
        let capture = scene.capture(Recovery { fall_back: !is_back, ..Recovery::default() });
        scene.spare.slow_to_play(ms(40));
        let policies = [GapPolicy::Fill, GapPolicy::Split, GapPolicy::Mark];
        let ears = policies.map(|policy| Ear::new(&capture, bare().gaps(policy)));
        let file = tempfile::NamedTempFile::new().unwrap();
        let written = capture.file(FileTap::native(file.path()).when_full(WhenFull::Wait)).unwrap();
        scene.stage.start(&capture).unwrap();
        scene.run(5003);
        scene.usb.unplug();
        scene.run(300);
        if is_back {
            scene.usb.plug_in();
        }
        scene.run(4000);
        let report = capture.stop().unwrap();
        check_books(&report);
        assert_eq!(names(&report), if is_back { ["usb", "usb"] } else { ["usb", "spare"] });
        for (ear, policy) in ears.iter().zip(policies) {
            check(&ear.take(), policy);
        }
        let [gap] = report.gaps[..] else { panic!("{:?}", report.gaps) };
        assert_eq!(gap.cause, Cause::Away(Away::Failed(ErrorKind::DeviceLost)));
        // One second and the time that the device itself takes to come back or to open.
        let most = 48 * (1000 + if is_back { 300 } else { 40 });
        assert!(gap.frames <= most, "{gap:?}");
        // Everything up to the last whole callback, and the file has all of it bit for bit.
        assert_eq!(report.epochs[0].ledger.captured, 240_000);
        let written = written.finish().unwrap();
        assert_eq!(
            (written.frames, written.behind),
            (gap.position + gap.frames + report.epochs[1].ledger.captured, 0)
        );
        let bytes = std::fs::read(file.path()).unwrap();
        let data = &bytes[bytes.len() - written.frames as usize * 2..];
        assert!(data[..480_000] == pattern(MONO, 0, 240_000));
        let next =
            u16::from_ne_bytes(data[2 * (gap.position + gap.frames) as usize..][..2].try_into().unwrap());
        let right = pattern(MONO, next.into(), report.epochs[1].ledger.captured as usize);
        assert!(data[2 * (gap.position + gap.frames) as usize..] == right);
    }
}

#[test]
fn a_new_rate_channel_count_or_format_is_never_decoded_as_the_old_one() {
    let formats = [
        StreamFormat { rate_hz: 44_100, ..MONO },
        StreamFormat { rate_hz: 16_000, ..MONO },
        StreamFormat { channels: 2, ..MONO },
        StreamFormat { sample: SampleFormat::F32, ..MONO },
        StreamFormat { rate_hz: 96_000, channels: 3, sample: SampleFormat::I24 },
    ];
    for new in formats {
        let scene = Scene::new();
        let capture = scene.capture(Recovery::default());
        let ears = [48_000, 16_000].map(|rate| (rate, Ear::new(&capture, bare().rate_hz(rate))));
        scene.stage.start(&capture).unwrap();
        scene.run(2000);
        scene.usb.fault(Fault::Becomes(new));
        let flipped = scene.usb.frame();
        scene.run(2000);
        let report = capture.stop().unwrap();
        check_books(&report);
        let [old, now] = &report.epochs[..] else { panic!("{new}: {:#?}", report.epochs) };
        assert_eq!((old.input.format, now.input.format), (MONO, new));
        // One callback came in the new format under the old name.
        let mismatched = if new.sample == MONO.sample { 0 } else { old.ledger.discarded };
        assert_eq!(old.ledger.discarded, mismatched, "{new}");
        assert!(old.ledger.delivered == 96_000 && now.ledger.discarded == 0, "{new}: {report:#?}");
        let epochs = [(MONO, 0, 96_000), (new, flipped, now.ledger.delivered)];
        for (rate, ear) in &ears {
            let heard = ear.take();
            let mut got: Vec<f32> = heard.iter().flat_map(|chunk| chunk.samples.clone()).collect();
            let all: Vec<Gap> = heard.iter().flat_map(|chunk| chunk.gaps.clone()).collect();
            let (first, last) = (all[0], all[all.len() - 1]);
            let right = got.split_off((last.position + last.frames) as usize);
            got.truncate(first.position as usize);
            let (format, from, frames) = epochs[0];
            assert!(got == resampled(format, from, frames, *rate), "{new}: the left side at {rate}");
            let (format, from, frames) = epochs[1];
            // Its first frame, by the time at which that was captured.
            let since = now.started_at.as_secs_f64() - 2.0;
            let about = from + (since * f64::from(format.rate_hz)).round() as u64;
            let found =
                (about - 2..about + 3).find(|start| right == resampled(format, *start, frames, *rate));
            assert!(found.is_some(), "{new}: the right side at {rate}");
        }
    }
}

/// The pattern's first channel at another rate.
fn resampled(format: StreamFormat, from: u64, frames: u64, rate_hz: u32) -> Vec<f32> {
    let bytes =
        pattern(StreamFormat { channels: 1, sample: SampleFormat::F32, ..format }, from, frames as usize);
    let samples: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
    if format.rate_hz == rate_hz {
        return samples;
    }
    let mut resampler = Resampler::new(format.rate_hz, rate_hz, 1, Quality::default()).unwrap();
    let mut output = Vec::new();
    resampler.push(&samples, &mut |samples| output.extend_from_slice(samples));
    let total = hearken::signal::resample::run_frames(0, frames, format.rate_hz, rate_hz);
    resampler.finish(total, &mut |samples| output.extend_from_slice(samples));
    output
}

#[test]
fn a_server_that_stands_still_and_catches_up_is_left_alone() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery::default());
    let ear = Ear::new(&capture, bare());
    scene.usb.fault_at(96_000, Fault::Late(ms(1500)));
    scene.stage.start(&capture).unwrap();
    scene.run(5000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((report.epochs.len(), scene.usb.opened(), report.gaps.len()), (1, 1, 0), "{report:#?}");
    let stalled = at(&report, |kind| matches!(kind, EventKind::Stalled(_)));
    let resumed = at(&report, |kind| matches!(kind, EventKind::Resumed));
    // The late callback was due at 2.01 s.
    assert!(stalled >= ms(2240) && stalled <= ms(2300), "{stalled:?}");
    assert!(resumed >= ms(3510) && resumed <= ms(3530), "{resumed:?}");
    assert_eq!((report.stats.ledger.captured, report.stats.ledger.lost), (240_000, 0));
    let samples: Vec<u16> = ear.take().iter().flat_map(|chunk| chunk.samples.clone()).map(number).collect();
    assert!(samples == Vec::from_iter((0..240_000_u32).map(|frame| frame as u16)));
}

#[test]
fn zeros_are_not_silence_of_the_device() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.usb.fault(Fault::Hears(hearken::testkit::Signal::Silence));
    scene.run(120_000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((report.epochs.len(), report.gaps.len(), report.stats.ledger.captured), (1, 0, 5_760_000));
}

#[test]
fn a_tap_that_joins_while_nothing_is_open_begins_with_the_next_device() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(1000);
    capture.suspend();
    scene.run(1000);
    let ear = Ear::new(&capture, Tap::new().device_rate().channels(Channels::First).chunk_ms(10));
    scene.run(1000);
    capture.resume();
    scene.run(1000);
    let report = capture.stop().unwrap();
    check_books(&report);
    let heard = ear.take();
    let frames: usize = heard.iter().map(|chunk| chunk.samples.len()).sum();
    assert_eq!((heard[0].position, frames as u64), (0, report.epochs[1].ledger.delivered));
    let off = heard[0].captured.at.as_secs_f64() - frame(number(heard[0].samples[0]), 3.0) as f64 / 48e3;
    assert!(off.abs() < 1e-3, "{off}");
}

#[test]
fn a_file_of_the_devices_own_samples_has_a_hole_where_the_device_has_others() {
    let stereo = StreamFormat { channels: 2, sample: SampleFormat::F32, ..MONO };
    for hold_back_ms in [0, 250] {
        let scene = Scene::with(stereo);
        let capture = scene.capture(Recovery::default());
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let file = FileTap::native(folder.path().join(name)).hold_back_ms(hold_back_ms);
            file.when_full(WhenFull::Wait)
        };
        let of_capture = capture.file(file("capture.wav")).unwrap();
        let mut plan = TakePlan::default();
        let of_take = plan.file(file("take.wav")).unwrap();
        scene.stage.start(&capture).unwrap();
        let take = capture.take(plan).unwrap();
        scene.run(2000);
        // Callbacks whose bytes are no whole frames of the format before.
        scene.usb.fault(Fault::Size(441));
        scene.usb.fault(Fault::Becomes(StreamFormat { channels: 1, ..stereo }));
        scene.run(2000);
        take.end();
        scene.run(200);
        let report = capture.stop().unwrap();
        check_books(&report);
        assert_eq!(report.epochs.len(), 2);
        // Both are as long as their time, with silence from where the others are.
        for (written, seconds) in [(of_capture, 4.2), (of_take, 4.0)] {
            let written = written.finish().expect("it is whole");
            assert_eq!(written.format.channels, 2);
            let length = written.frames as f64 / f64::from(stereo.rate_hz);
            assert!((length - seconds).abs() < 0.1, "{length} s");
        }
    }
}

#[test]
fn frames_that_are_held_back_stay_whole_on_a_device_of_more_channels() {
    let scene = Scene::with(StreamFormat { rate_hz: 44_100, channels: 2, ..MONO });
    let capture = scene.capture(Recovery::default());
    // As much as a file: a ring that grew for the one would cut a frame of the other where it wraps.
    let ears = [0, 250].map(|ms| Ear::new(&capture, Tap::new().chunk_ms(125).hold_back_ms(ms)));
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.fault(Fault::Becomes(StreamFormat { rate_hz: 16_000, channels: 6, ..MONO }));
    scene.run(8000);
    check_books(&capture.stop().unwrap());
    let [plain, held] =
        ears.map(|ear| ear.take().into_iter().flat_map(|chunk| chunk.samples).collect::<Vec<_>>());
    assert!(plain.len() > 100_000 && plain == held);
}

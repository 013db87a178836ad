//! Recovery together with everything else.

use crate::scene::{Ear, MONO, Scene, at, bare, check_books, ms, names, number};
use hearken::testkit::{Fault, Stamps};
use hearken::{Away, Capture, Cause, Config, ErrorKind, EventKind, Input, Recovery, StopReason};

#[test]
fn what_is_muted_stays_muted_in_the_next_device() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery::default());
    let ear = Ear::new(&capture, bare());
    scene.stage.start(&capture).unwrap();
    scene.run(1000);
    capture.mute(true);
    scene.run(1000);
    scene.usb.unplug();
    scene.run(2000);
    capture.mute(false);
    scene.run(1000);
    let report = capture.stop().unwrap();
    check_books(&report);
    let [before, muted] = &report.epochs[..] else { panic!("{:#?}", report.epochs) };
    assert_eq!((before.ledger.delivered, before.ledger.discarded), (48_000, 48_000));
    assert_eq!(muted.ledger.delivered, 48_000);
    let causes: Vec<Cause> = report.gaps.iter().map(|gap| gap.cause).collect();
    let away = Cause::Away(Away::Failed(ErrorKind::DeviceLost));
    assert_eq!(causes, [Cause::Muted, away, Cause::Muted]);
    // Not a sample of the muted seconds: those are zeros, for which one number stands.
    let heard: Vec<u16> = ear.take().iter().flat_map(|chunk| chunk.samples.clone()).map(number).collect();
    let silent = heard.iter().filter(|number| **number == 0).count();
    assert!((48 * 2950..48 * 3050).contains(&silent), "{silent}");
}

#[test]
fn a_switch_to_a_device_that_is_not_there_falls_back_until_it_is() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.spare.fault(Fault::Unplugged { reported: false });
    scene.run(1000);
    capture.switch_device(scene.spare.input()).unwrap();
    scene.run(5000);
    assert_eq!(capture.input().unwrap().name, "usb");
    scene.spare.plug_in();
    scene.run(5000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "usb", "spare"]);
    assert!(report.gaps.iter().all(|gap| gap.frames < 48 * 200), "{:?}", report.gaps);
}

#[test]
fn a_default_device_that_is_pulled_out_and_put_back_is_the_default_again() {
    let scene = Scene::new();
    let capture = Capture::new(Config { input: Input::Default, ..scene.config() }).unwrap();
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(3000);
    assert_eq!(capture.input().unwrap().name, "spare");
    scene.usb.plug_in();
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "spare", "usb"]);
    assert_eq!(report.epochs[1].ended, Some(Away::Switched));
}

#[test]
fn stop_works_while_nothing_is_open() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery { fall_back: false, ..Recovery::default() });
    let ear = Ear::new(&capture, bare().chunk_ms(160));
    scene.stage.start(&capture).unwrap();
    scene.run(1000);
    scene.usb.unplug();
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((&report.reason, names(&report)), (&StopReason::Requested, vec!["usb"]));
    // The chunk that was being filled is not lost.
    let frames: usize = ear.take().iter().map(|chunk| chunk.samples.len()).sum();
    assert_eq!(frames, 48_000);
}

#[test]
fn a_device_that_fails_again_and_again_is_not_opened_a_hundred_times_a_second() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery { fall_back: false, ..Recovery::default() });
    // Twenty streams in a row fail as soon as they play.
    for number in 0..20 {
        scene.usb.fault_at(48_000 + number, Fault::Becomes(MONO));
    }
    scene.stage.start(&capture).unwrap();
    scene.run(5000);
    assert!((5..12).contains(&scene.usb.opened()), "{}", scene.usb.opened());
    scene.run(35_000);
    let report = capture.stop().unwrap();
    check_books(&report);
    // In the end it works.
    assert_eq!((scene.usb.opened(), report.epochs.len()), (21, 21));
    assert!(report.epochs[20].ledger.captured > 48 * 15_000, "{:?}", report.epochs[20]);
}

#[test]
fn stamps_that_are_of_no_use_leave_a_hole_that_says_how_unsure_it_is() {
    for stamps in [Stamps::Zero, Stamps::Milliseconds, Stamps::Late] {
        let scene = Scene::new();
        scene.usb.stamps(stamps).late(ms(2));
        scene.spare.stamps(stamps).late(ms(2));
        let capture = scene.capture(Recovery::default());
        let ear = Ear::new(&capture, bare());
        scene.stage.start(&capture).unwrap();
        scene.run(4000);
        scene.usb.unplug();
        scene.run(4000);
        let report = capture.stop().unwrap();
        check_books(&report);
        let [gap] = report.gaps[..] else { panic!("{:?}", report.gaps) };
        let [end, start] = [&scene.usb, &scene.spare].map(|mic| mic.delivered()[0].clone());
        let off = gap.frames.abs_diff(start.start - end.end);
        assert!(off <= gap.error_frames + 1, "{stamps:?}: {off} frames off, {gap:?}");
        // Of what use they are is known after eight blocks.
        for pair in ear.take()[20..].windows(2) {
            let [earlier, later] = [&pair[0], &pair[1]].map(|chunk| (chunk.captured, chunk.position));
            assert!(later.0.at > earlier.0.at, "{stamps:?}: {earlier:?} then {later:?}");
        }
        at(&report, |kind| matches!(kind, EventKind::Reopened(_)));
    }
}

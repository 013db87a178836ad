//! Which device is open.

use crate::scene::{Ear, Scene, at, bare, check_books, ms, names, told};
use hearken::testkit::Fault;
use hearken::{Away, Capture, Cause, Config, ErrorKind, EventKind, Input, LossRates, Recovery, StopReason};

const FAILED: Away = Away::Failed(ErrorKind::DeviceLost);

/// Why each epoch ended.
fn ends(report: &hearken::Report) -> Vec<Option<Away>> {
    report.epochs.iter().map(|epoch| epoch.ended).collect()
}

#[test]
fn a_device_that_dies_without_a_word_is_opened_anew_after_its_patience() {
    for patience in [None, Some(ms(600))] {
        let scene = Scene::new();
        let recovery = Recovery { stall_patience: patience, fall_back: false, ..Recovery::default() };
        let capture = scene.capture(recovery);
        scene.stage.start(&capture).unwrap();
        scene.run(3000);
        scene.usb.fault(Fault::Dies);
        scene.run(5000);
        let report = capture.stop().unwrap();
        check_books(&report);
        assert_eq!(ends(&report), [Some(Away::Stalled), None]);
        let patience = patience.unwrap_or(ms(2000));
        let closed = at(&report, |kind| matches!(kind, EventKind::Closed(Away::Stalled))) - ms(3000);
        assert!(closed >= patience && closed < patience + ms(300), "{closed:?} for {patience:?}");
        assert!(told(&report).contains(&"stalled"));
    }
}

#[test]
fn a_device_that_is_gone_from_the_list_is_replaced_as_soon_as_its_silence_is_noticed() {
    let scene = Scene::new();
    let capture = scene.running();
    let _ear = Ear::new(&capture, bare());
    scene.run(3000);
    scene.usb.fault(Fault::Unplugged { reported: false });
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((names(&report), ends(&report)), (vec!["usb", "spare"], vec![Some(FAILED), None]));
    let closed = at(&report, |kind| matches!(kind, EventKind::Closed(_))) - ms(3000);
    assert!(closed < ms(350), "{closed:?}");
    assert!(report.gaps[0].frames < 48 * 400, "{:?}", report.gaps);
}

#[test]
fn another_takes_the_place_of_a_lost_device_until_it_is_back() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(10_000);
    assert_eq!(capture.input().unwrap().name, "spare");
    scene.usb.plug_in();
    scene.run(5000);
    assert_eq!(capture.input().unwrap().name, "usb");
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "spare", "usb"]);
    assert_eq!(ends(&report), [Some(FAILED), Some(Away::Switched), None]);
    // The way back costs next to nothing.
    assert!(report.gaps[1].frames < 48 * 100, "{:?}", report.gaps);
}

#[test]
fn a_pinned_device_is_waited_for_and_nothing_else_is_opened() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery { fall_back: false, ..Recovery::default() });
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(10_000);
    assert!(capture.input().is_none() && scene.spare.opened() == 0);
    scene.usb.plug_in();
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((names(&report), ends(&report)), (vec!["usb", "usb"], vec![Some(FAILED), None]));
    assert!((48 * 10_000..48 * 11_100).contains(&report.gaps[0].frames), "{:?}", report.gaps);
}

#[test]
fn a_capture_of_the_default_device_follows_it() {
    let scene = Scene::new();
    let capture = Capture::new(Config { input: Input::Default, ..scene.config() }).unwrap();
    let ear = Ear::new(&capture, bare());
    scene.stage.start(&capture).unwrap();
    scene.run(3000);
    scene.stage.make_default(&scene.spare);
    scene.run(3000);
    assert_eq!(capture.input().unwrap().name, "spare");
    scene.stage.make_default(&scene.usb);
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "spare", "usb"]);
    assert_eq!(ends(&report), [Some(Away::Switched), Some(Away::Switched), None]);
    assert!(report.gaps.iter().all(|gap| gap.frames < 48 * 100), "{:?}", report.gaps);
    let frames: usize = ear.take().iter().map(|chunk| chunk.samples.len()).sum();
    assert!(frames.abs_diff(48 * 9000) <= 48 * 20, "{frames}");
}

#[test]
fn another_device_is_chosen_in_mid_take() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(2000);
    capture.switch_device(scene.spare.input()).unwrap();
    scene.run(2000);
    // It is the preferred one from now on, so nobody goes back.
    assert_eq!(capture.input().unwrap().name, "spare");
    scene.run(5000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((names(&report), ends(&report)), (vec!["usb", "spare"], vec![Some(Away::Switched), None]));
    assert!(report.gaps[0].frames < 48 * 50, "{:?}", report.gaps);
    assert!(!scene.usb.is_open() && !scene.spare.is_open());
}

#[test]
fn a_suspended_capture_lets_go_and_comes_back() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(2000);
    capture.suspend();
    scene.run(20);
    assert!(!scene.usb.is_open() && capture.input().is_none());
    scene.stage.clock().machine_sleeps(ms(3_600_000));
    scene.run(60_000);
    assert_eq!((scene.usb.opened(), scene.spare.opened()), (1, 0));
    capture.resume();
    scene.run(2000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!((names(&report), ends(&report)), (vec!["usb", "usb"], vec![Some(Away::Suspended), None]));
    assert_eq!(report.gaps[0].cause, Cause::Away(Away::Suspended));
    assert!(report.gaps[0].frames.abs_diff(48 * 60_020) < 48 * 50, "{:?}", report.gaps);
}

#[test]
fn a_machine_that_sleeps_is_told_and_its_device_goes_on() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(2000);
    scene.stage.clock().machine_sleeps(ms(3_600_000));
    scene.run(2000);
    let report = capture.stop().unwrap();
    check_books(&report);
    at(&report, |kind| *kind == EventKind::Slept(ms(3_600_000)));
    assert_eq!((report.epochs.len(), report.stats.ledger.captured), (1, 192_000));
}

#[test]
fn a_device_that_never_comes_back_is_given_up_in_time() {
    let scene = Scene::new();
    let recovery = Recovery { give_up: ms(10_000), fall_back: false, ..Recovery::default() };
    let capture = scene.capture(recovery);
    let ear = Ear::new(&capture, bare());
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(20_000);
    let report = capture.wait_timeout(ms(5000)).expect("it has ended").unwrap();
    check_books(&report);
    let StopReason::Failed(error) = &report.reason else { panic!("{:?}", report.reason) };
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let frames: usize = ear.take().iter().map(|chunk| chunk.samples.len()).sum();
    assert_eq!(frames, 96_000);
    // Each attempt waits a little longer, up to a second.
    let tries: Vec<_> =
        report.events.iter().filter(|event| matches!(event.kind, EventKind::CannotOpen(_))).collect();
    let waits: Vec<u128> = tries.windows(2).map(|pair| (pair[1].at - pair[0].at).as_millis()).collect();
    assert!((10..25).contains(&tries.len()), "{waits:?}");
    assert!(waits.is_sorted() && waits[0] <= 100 && waits[waits.len() - 1] == 1000, "{waits:?}");
    let ended = at(&report, |kind| matches!(kind, EventKind::Stopped(_)));
    assert!(ended >= ms(12_000) && ended <= ms(13_100), "{ended:?}");
}

#[test]
fn a_device_that_fails_to_open_a_few_times_is_tried_again() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery { fall_back: false, ..Recovery::default() });
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.fail_to_open(5);
    scene.usb.fault(Fault::Unplugged { reported: true }).plug_in();
    scene.run(5000);
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "usb"]);
    assert_eq!(told(&report).iter().filter(|name| **name == "cannot open").count(), 5);
}

#[test]
fn without_recovery_the_capture_ends_with_its_device() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery::NONE);
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(2000);
    let report = capture.wait_timeout(ms(5000)).expect("it has ended").unwrap();
    check_books(&report);
    let StopReason::Failed(error) = &report.reason else { panic!("{:?}", report.reason) };
    assert_eq!((error.kind(), report.epochs.len()), (ErrorKind::DeviceLost, 1));
    assert_eq!((report.stats.ledger.captured, scene.spare.opened()), (96_000, 0));
}

#[test]
fn a_device_that_lies_about_its_rate_is_taken_at_the_real_one_if_asked() {
    for correct_rate in [false, true] {
        let scene = Scene::new();
        scene.usb.fault_at(0, Fault::Runs(44_100.0));
        let capture = scene.capture(Recovery { correct_rate, ..Recovery::default() });
        scene.stage.start(&capture).unwrap();
        scene.run(20_000);
        let report = capture.stop().unwrap();
        check_books(&report);
        let rates: Vec<u32> = report.epochs.iter().map(|epoch| epoch.input.format.rate_hz).collect();
        if correct_rate {
            assert_eq!((rates, ends(&report)), (vec![48_000, 44_100], vec![Some(Away::RateCorrected), None]));
            assert_eq!(report.stats.clock.actual_rate_hz, None, "at that rate there is no lie");
        } else {
            assert_eq!((rates, report.stats.clock.actual_rate_hz), (vec![48_000], Some(44_100)));
        }
    }
}

#[test]
fn frames_that_come_late_but_whole_are_a_rate_of_their_own_for_ten_seconds() {
    let scene = Scene::new();
    let capture = scene.running();
    let _ear = Ear::new(&capture, bare());
    scene.run(3000);
    assert_eq!(capture.stats().rates, LossRates::default());
    scene.usb.fault(Fault::Late(ms(100)));
    scene.run(1000);
    let rates = capture.stats().rates;
    assert!(rates.late_ppm > 0 && (rates.dropped_ppm, rates.lost_ppm) == (0, 0), "{rates:?}");
    scene.run(12_000);
    assert_eq!(capture.stats().rates, LossRates::default());
    capture.stop().unwrap();
}

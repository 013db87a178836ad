//! Hosts that hang, and complain.

use crate::scene::{Scene, at, check_books, ms, names, told};
use hearken::testkit::Fault;
use hearken::{ErrorKind, EventKind, Recovery, StopReason};
use std::time::{Duration, Instant};

#[test]
fn a_first_opening_that_hangs_is_given_up_after_ten_seconds() {
    let scene = Scene::new();
    scene.usb.slow_to_play(ms(19_000));
    let capture = scene.capture(Recovery::NONE);
    let error = scene.stage.start(&capture).expect_err("it hangs");
    assert_eq!(error.kind(), ErrorKind::DeviceBusy);
    assert!((ms(10_000)..ms(10_100)).contains(&scene.stage.elapsed()), "{:?}", scene.stage.elapsed());
    // The thread that hangs lets go of the stream as soon as it can.
    scene.run(10_000);
    assert!(!scene.usb.is_open());
}

#[test]
fn stop_returns_in_time_while_an_opening_hangs() {
    let scene = Scene::new();
    let capture = scene.capture(Recovery { fall_back: false, ..Recovery::default() });
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    scene.usb.slow_to_play(ms(19_000)).fault(Fault::Unplugged { reported: true }).plug_in();
    scene.run(5000);
    let since = Instant::now();
    let report = capture.stop().unwrap();
    assert!(since.elapsed() < ms(500), "{:?}", since.elapsed());
    check_books(&report);
    assert_eq!((names(&report), &report.reason), (vec!["usb"], &StopReason::Requested));
    scene.run(20_000);
    assert!(!scene.usb.is_open());
}

#[test]
fn stop_returns_in_time_while_a_drop_hangs() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.usb.slow_to_drop(ms(19_000));
    scene.run(2000);
    let since = Instant::now();
    let report = capture.stop().unwrap();
    assert!(since.elapsed() < ms(500), "{:?}", since.elapsed());
    check_books(&report);
    assert!(!report.released && scene.usb.is_open());
    assert_eq!(report.stats.ledger.captured, 96_000);
    scene.run(20_000);
    assert!(!scene.usb.is_open());
}

#[test]
fn a_drop_that_hangs_holds_nobody_up() {
    let scene = Scene::new();
    scene.usb.slow_to_drop(ms(19_000));
    let capture = scene.running();
    scene.run(2000);
    scene.usb.unplug();
    scene.run(3000);
    assert_eq!(capture.input().unwrap().name, "spare");
    let report = capture.stop().unwrap();
    check_books(&report);
    assert_eq!(names(&report), ["usb", "spare"]);
    assert!(report.gaps[0].frames < 48 * 1000, "{:?}", report.gaps);
}

#[test]
fn at_most_three_threads_hang_at_a_time() {
    let scene = Scene::new();
    let recovery = Recovery { give_up: ms(600_000), fall_back: false, ..Recovery::default() };
    let capture = scene.capture(recovery);
    scene.stage.start(&capture).unwrap();
    scene.run(2000);
    // Each attempt is given up after ten seconds, and its thread stays for ten minutes.
    scene.usb.slow_to_play(ms(600_000)).fault(Fault::Unplugged { reported: true }).plug_in();
    scene.run(300_000);
    let report = capture.stop().unwrap();
    check_books(&report);
    let failed = told(&report).iter().filter(|name| **name == "cannot open").count();
    assert_eq!(failed, 3, "{:?}", told(&report));
    scene.run(700_000);
    assert!(!scene.usb.is_open());
}

#[test]
fn a_storm_of_errors_costs_little_and_is_told_once() {
    let scene = Scene::new();
    let capture = scene.running();
    scene.run(1000);
    let before = thread_time();
    scene.usb.fault(Fault::Errors(100_000));
    let cost = thread_time() - before;
    scene.run(3000);
    let report = capture.stop().unwrap();
    check_books(&report);
    println!("100,000 errors: {cost:?} of CPU");
    assert!(cost <= ms(50), "{cost:?}");
    at(&report, |kind| *kind == EventKind::ErrorStorm);
    assert_eq!((report.epochs.len(), report.stats.ledger.captured), (1, 192_000));
    assert_eq!((report.stats.errors, report.stats.xruns), (100_000, 100_000));
    assert!(report.stats.wakeups < 100, "{}", report.stats.wakeups);
}

/// What the calling thread has used of a processor.
#[cfg(target_os = "linux")]
fn thread_time() -> Duration {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID);
    time.expect("it is known").into()
}

#[cfg(not(target_os = "linux"))]
fn thread_time() -> Duration {
    static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    START.elapsed()
}

#[test]
fn callbacks_after_the_end_bounce_off() {
    let scene = Scene::new();
    scene.usb.lingers();
    let capture = scene.running();
    scene.run(2000);
    let report = capture.stop().unwrap();
    scene.run(100);
    check_books(&report);
    assert!(!scene.usb.is_open());
    assert_eq!(capture.stats().ledger, report.stats.ledger);
}

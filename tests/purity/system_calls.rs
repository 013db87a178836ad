//! No system call: the callbacks run on a thread whose every system call kills the process.
//!
//! Each case is a child, this program again, so that what is killed is not the test. The thread is locked down by a
//! filter that allows nothing at all: it says that it is done by storing to memory, and ends with its process.

use super::microphone::{Given, Taken, host};
use super::support::Mic;
use hearken::faults::{Fault, Faults};
use hearken::{Capture, Config, Input, SampleFormat};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::hint::{black_box, spin_loop};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, exit};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// Names the child's case; also what makes a child of it.
const CASE: &str = "HEARKEN_PURITY_CASE";
const CALLBACKS: u64 = 1_000_000;
const ERRORS: u64 = 100_000;
/// No child runs longer.
const LIMIT: Duration = Duration::from_secs(120);

/// Runs this program again as one case of [`child`].
fn run(case: &str) -> Output {
    let this = std::env::current_exe().expect("the test knows its own file");
    let words = ["--exact", "linux::system_calls::child", "--ignored", "--nocapture"];
    Command::new(this).args(words).env(CASE, case).output().expect("the child starts")
}

fn finishes(case: &str) {
    let output = run(case);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("done: "), "{}\n{out}{err}", output.status);
    println!("{out}");
}

#[test]
fn a_million_data_callbacks_make_no_system_call() {
    finishes("data");
}

#[test]
fn a_hundred_thousand_error_callbacks_make_no_system_call() {
    finishes("error");
}

#[test]
fn planted_system_calls_kill() {
    for case in ["allocation", "print", "sleep", "contended mutex"] {
        let output = run(case);
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.signal(), Some(Signal::SIGSYS as i32), "{case}: {}\n{text}", output.status);
        assert!(text.contains("locked down") && !text.contains("done: "), "{case}\n{text}");
    }
}

/// A filter that allows no system call. Made beforehand, because making it takes some.
fn nothing_allowed() -> BpfProgram {
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that the filter knows");
    // The second action belongs to the rules, of which there are none.
    SeccompFilter::new(Default::default(), SeccompAction::KillProcess, SeccompAction::Allow, arch)
        .and_then(BpfProgram::try_from)
        .expect("an empty filter is one")
}

/// Runs `work` on a thread that is locked down first, and meanwhile `beside` on this one, again and again.
fn locked_down<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static, mut beside: impl FnMut()) -> R {
    let filter = nothing_allowed();
    let locked = Arc::new(AtomicBool::new(false));
    let (begun, is_locked) = (locked.clone(), locked);
    let said = Arc::new(AtomicBool::new(false));
    let is_said = said.clone();
    // A slot and a flag, because a channel's or a lock's waiting would be a system call.
    let (done, is_done) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(None)));
    let (finished, result) = (done.clone(), is_done.clone());
    thread::spawn(move || {
        // This thread's alone, and for good.
        seccompiler::apply_filter(&filter).expect("the system takes the filter");
        begun.store(true, Ordering::Release);
        while !is_said.load(Ordering::Acquire) {
            spin_loop();
        }
        let made = work();
        *result.lock().expect("nobody else holds it yet") = Some(made);
        finished.store(true, Ordering::Release);
        loop {
            spin_loop();
        }
    });
    let since = Instant::now();
    while !done.load(Ordering::Acquire) {
        if is_locked.swap(false, Ordering::Acquire) {
            println!("locked down");
            said.store(true, Ordering::Release);
        }
        beside();
        if since.elapsed() > LIMIT {
            eprintln!("not done within {LIMIT:?}");
            exit(3);
        }
    }
    is_done.lock().expect("its owner is done with it").take().expect("it is done")
}

#[test]
#[ignore = "run by the tests above"]
fn child() {
    let case = std::env::var(CASE).expect("a case");
    setrlimit(Resource::RLIMIT_CORE, 0, 0).expect("no core file is wanted");
    match case.as_str() {
        "data" => data_callbacks(),
        "error" => error_callbacks(),
        planted => plant(planted),
    }
    // The locked thread cannot end by itself, nor can it be joined.
    exit(0);
}

fn data_callbacks() {
    let (mut host, mut epochs) = host();
    let mut taken = Taken::default();
    let since = Instant::now();
    let rounds = Arc::new(AtomicU64::new(0));
    let drained = rounds.clone();
    let work = move || {
        for callback in 0..CALLBACKS {
            host.callback();
            // Half of the time faster than the other thread can drain, half of the time at its pace.
            if callback / 4096 % 2 == 0 && callback % 32 == 0 {
                wait_for_another(&drained);
            }
        }
        host.given
    };
    let given = locked_down(work, || {
        // Away for a while at the start and now and then, so that pools run full.
        if rounds.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_000_000) {
            thread::sleep(Duration::from_millis(10));
        }
        taken.drain(&mut epochs);
        thread::yield_now();
    });
    let time = since.elapsed();
    let ended = epochs.pop().expect("there is one");
    let (mut callbacks, mut captured, mut dropped, mut discarded) = (0, 0, 0, 0);
    for epoch in &mut epochs {
        let record = epoch.claim().expect("no callback is running");
        callbacks += epoch.record.read().callbacks;
        captured += record.captured;
        dropped += record.dropped;
        discarded += record.discarded;
        assert!(epoch.faults.count() > 0, "some were mismatched");
    }
    taken.drain(&mut epochs);
    let Given { bounced, frames, refused, .. } = given;
    assert_eq!(callbacks + ended.bounced(), CALLBACKS);
    assert_eq!(
        (callbacks, captured, discarded, ended.bounced()),
        (given.callbacks, frames, refused, bounced)
    );
    // Every frame that was not dropped came out as audio, and some did: the other thread was at work.
    assert_eq!(taken.frames, captured - dropped - discarded);
    assert!(
        taken.frames > captured / 100 && dropped > 0 && taken.refused > 0 && bounced > 0,
        "{taken:?}, {given:?}"
    );
    println!(
        "done: {CALLBACKS} data callbacks in {time:.1?}: {captured} frames, {dropped} dropped, {discarded} refused, \
         {} in {} blocks of audio",
        taken.frames, taken.blocks
    );
}

/// Waits for a whole round of the other thread's, but not for long: it may have been preempted.
fn wait_for_another(rounds: &AtomicU64) {
    let before = rounds.load(Ordering::Relaxed);
    for _ in 0..3_000 {
        if rounds.load(Ordering::Relaxed) > before + 1 {
            break;
        }
        spin_loop();
    }
}

fn error_callbacks() {
    let mic = Mic::new(48_000, 1, SampleFormat::F32);
    let input = Input::Cpal(mic.device());
    let capture = Capture::new(Config { input, ..Config::default() }).expect("the configuration is in range");
    capture.start().expect("it starts");
    let stats = move || capture.stats();
    let faults = Arc::new(Faults::default());
    let reported = faults.clone();
    let work = move || {
        for _ in 0..ERRORS {
            // The very closure that cpal got, and what it calls; its locks are the test's own, and free.
            mic.fail(cpal::ErrorKind::Xrun);
            reported.report(Fault::Xrun);
            reported.report(Fault::Backend);
        }
    };
    let mut kinds = Vec::new();
    locked_down(work, || {
        kinds.extend(faults.take());
        thread::yield_now();
    });
    kinds.extend(faults.take());
    assert_eq!((faults.count(), faults.xruns()), (2 * ERRORS, ERRORS));
    assert!(kinds.contains(&Fault::Xrun) && kinds.contains(&Fault::Backend));
    let since = Instant::now();
    // The worker says so when it next wakes.
    while stats().xruns < ERRORS && since.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(stats().xruns, ERRORS);
    println!("done: {ERRORS} error callbacks, {} times looked at", kinds.len());
}

/// A thread that is as clean as the others for a while, and then is not.
fn plant(violation: &str) {
    let mutex = Arc::new(Mutex::new(0));
    let contended = mutex.clone();
    let violation = violation.to_owned();
    let (held, is_held) = mpsc::channel();
    if violation == "contended mutex" {
        thread::spawn(move || {
            let _guard = mutex.lock().expect("it is free");
            held.send(()).expect("the test waits");
            thread::sleep(LIMIT);
        });
        is_held.recv().expect("the holder lives");
    }
    let (mut host, mut epochs) = host();
    let mut taken = Taken::default();
    let work = move || {
        (0..1_000).for_each(|_| host.callback());
        match violation.as_str() {
            // More than any allocator keeps at hand.
            "allocation" => drop(black_box(vec![0_u8; 64 << 20])),
            "print" => println!("printed"),
            "sleep" => thread::sleep(Duration::from_micros(1)),
            _ => *contended.lock().expect("it is free") += 1,
        }
    };
    locked_down(work, || taken.drain(&mut epochs));
    println!("done: it did not kill");
}

//! Under RealtimeSanitizer, which knows the functions of the C library that may wait or allocate, and reports the
//! first one that is called in real time. See `cargo xtask sanitizers`.

use super::microphone::{Host, Taken, host};
use std::hint::black_box;
use std::process::Command;

/// One callback, as real time.
#[sanitize(realtime = "nonblocking")]
#[inline(never)]
fn in_real_time(host: &mut Host) {
    host.callback();
}

#[sanitize(realtime = "nonblocking")]
#[inline(never)]
fn allocate_in_real_time() {
    black_box(Vec::<u8>::with_capacity(64));
}

#[test]
fn data_callbacks_call_nothing_that_may_wait() {
    let (mut host, mut epochs) = host();
    let mut taken = Taken::default();
    for round in 0..100_000 {
        in_real_time(&mut host);
        if round % 32 == 0 {
            taken.drain(&mut epochs);
        }
    }
    assert!(taken.frames > 0 && taken.refused > 0);
}

#[test]
#[ignore = "run by the test below"]
fn planted_allocation() {
    allocate_in_real_time();
}

#[test]
fn a_planted_allocation_is_reported() {
    let this = std::env::current_exe().expect("the test knows its own file");
    let words = ["--exact", "linux::realtime::planted_allocation", "--ignored", "--nocapture"];
    let child = Command::new(this).args(words).output().expect("the child starts");
    let text = String::from_utf8_lossy(&child.stderr);
    assert!(text.contains("RealtimeSanitizer: unsafe-library-call"), "not reported\n{text}");
    assert!(!child.status.success());
}

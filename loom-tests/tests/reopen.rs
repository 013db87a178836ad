//! Re-open: the old intake is claimed and drained before the new one is read, while the old device may still call.
#![cfg(loom)]

use loom::sync::{Arc, Mutex};
use loom::thread;
use loom_tests::intake::open;
use loom_tests::{Seen, model};

#[test]
fn the_old_epoch_ends_exactly_before_the_new_one_is_read() {
    let (late, waiting, running) = (Seen::default(), Seen::default(), Seen::default());
    let notes = (late.clone(), waiting.clone(), running.clone());
    model("re-open, 2 callbacks of the old device, 2 of the new", 4_000, None, move || {
        let (old_gate, mut old) = open(2);
        // The way by which an opener hands the new consumer to the worker: on the control side, so with a lock.
        let handed = Arc::new(Mutex::new(None));
        let old_device = thread::spawn({
            let gate = old_gate.clone();
            move || {
                [2, 1].iter().filter(|&&frames| gate.enter(|intake| intake.capture(frames)).is_some()).count()
            }
        });
        let opener = thread::spawn({
            let handed = handed.clone();
            move || {
                let (gate, worker) = open(2);
                *handed.lock().unwrap() = Some((gate.clone(), worker));
                for frames in [2, 1] {
                    let entered = gate.enter(|intake| intake.capture(frames));
                    assert!(entered.is_some(), "the new gate is open");
                }
            }
        });
        let mut totals = None;
        for _ in 0..2 {
            totals = old.stop(&old_gate);
            if totals.is_some() {
                break;
            }
            notes.2.note();
            thread::yield_now();
        }
        // From here on the worker reads the new epoch, if it is there already.
        let early = handed.lock().unwrap().take();
        let early = early.map(|(gate, mut worker)| {
            if worker.deliver() {
                notes.1.note();
            }
            (gate, worker)
        });
        let entered = old_device.join().unwrap();
        opener.join().unwrap();
        match totals {
            Some(totals) => {
                assert_eq!(totals, ([0, 2, 3][entered], 0));
                assert_eq!(old.delivered, totals.0);
                assert!(!old.deliver(), "the old epoch is over");
            }
            None => assert_eq!(old.stop(&old_gate).map(|totals| totals.0), Some(old.delivered)),
        }
        if entered < 2 {
            notes.0.note();
        }
        let (gate, mut new) = early.or_else(|| handed.lock().unwrap().take()).expect("it was handed over");
        assert_eq!(new.stop(&gate), Some((3, 0)));
        assert_eq!(
            (new.delivered, gate.bounced()),
            (3, 0),
            "late callbacks of the old device do not reach the new"
        );
        assert_eq!(old_gate.bounced(), 2 - entered as u64);
    });
    late.demand("a callback of the old device came late");
    waiting.demand("a block of the new epoch waited until the old one was over");
    running.demand("the old device's callback was running");
}

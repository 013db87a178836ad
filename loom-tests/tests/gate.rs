//! The gate: callbacks that come late, that are running, that move to another thread; and a claim that is final.
#![cfg(loom)]

use hearken::handoff::gate::Gate;
use loom::sync::Arc;
use loom::thread;
use loom_tests::{Seen, model};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Not atomic, and in the gate's cell: loom reports any two visits that are not ordered.
type Visits = Vec<&'static str>;

#[test]
fn a_late_callback_bounces_and_is_counted() {
    let (early, late, running) = (Seen::default(), Seen::default(), Seen::default());
    let notes = (early.clone(), late.clone(), running.clone());
    model("gate, 2 callbacks against a claim that is tried 3 times", 18, None, move || {
        let gate = Arc::new(Gate::new(Visits::new()));
        let callback = thread::spawn({
            let gate = gate.clone();
            move || (0..2).filter(|_| gate.enter(|visits| visits.push("callback")).is_some()).count()
        });
        // As the worker does it, but for the time between the attempts.
        let mut seen = None;
        for attempt in 0..3 {
            seen = gate.claim(|visits| visits.len());
            if seen.is_some() {
                break;
            }
            notes.2.note();
            if attempt < 2 {
                thread::yield_now();
            }
        }
        let entered = callback.join().unwrap();
        // A worker that gave up finds the gate idle now.
        let seen =
            seen.or_else(|| gate.claim(|visits| visits.len())).expect("no callback is inside any more");
        assert_eq!(seen, entered, "the claim sees every callback that got in, and none gets in later");
        assert_eq!(gate.bounced(), 2 - entered as u64);
        if entered == 2 {
            notes.0.note()
        } else {
            notes.1.note()
        }
        assert!(gate.enter(|_| ()).is_none(), "closed");
        assert!(gate.claim(|_| ()).is_none(), "claimed once");
        assert_eq!(gate.bounced(), 3 - entered as u64);
    });
    early.demand("the claim came after both callbacks");
    late.demand("a callback came late");
    running.demand("a claim failed because a callback was running");
}

#[test]
fn a_callback_sees_what_the_last_one_left_on_another_thread() {
    let (second, bounced) = (Seen::default(), Seen::default());
    let notes = (second.clone(), bounced.clone());
    model("gate, callbacks on two threads", 10, None, move || {
        let gate = Arc::new(Gate::new(Visits::new()));
        let other = thread::spawn({
            let gate = gate.clone();
            move || gate.enter(|visits| visits.push("other"))
        });
        // Nothing but the gate orders this visit after the other thread's.
        let found = gate.enter(|visits| {
            visits.push("this");
            visits.len()
        });
        let others = other.join().unwrap();
        match (found, others) {
            (Some(2), Some(())) => notes.0.note(),
            (Some(1), Some(())) => {}
            (Some(1), None) | (None, Some(())) => notes.1.note(),
            outcome => panic!("{outcome:?}"),
        }
        let entered = usize::from(found.is_some()) + usize::from(others.is_some());
        assert_eq!(gate.claim(|visits| visits.len()), Some(entered));
        assert_eq!(gate.bounced(), 2 - entered as u64);
    });
    second.demand("a callback came second");
    bounced.demand("two callbacks at once, one bounced");
}

#[test]
fn one_of_two_claims_is_granted() {
    model("gate, two claims and a callback", 400, None, || {
        let gate = Arc::new(Gate::new(0));
        let callback = thread::spawn({
            let gate = gate.clone();
            move || gate.enter(|visits| *visits += 1).is_some()
        });
        let other = thread::spawn({
            let gate = gate.clone();
            move || gate.claim(|visits| *visits += 10).is_some()
        });
        let mine = gate.claim(|visits| *visits += 10).is_some();
        let (entered, theirs) = (callback.join().unwrap(), other.join().unwrap());
        assert!(!(mine && theirs));
        let visits = gate.claim(|visits| *visits);
        assert_eq!(visits.is_none(), mine || theirs, "a refused claim leaves the gate as it was");
        assert!(visits.is_none() || (entered && visits == Some(1)), "only a running callback refuses");
    });
}

#[test]
fn a_visit_within_a_visit_bounces() {
    model("gate, nested visits", 1, None, || {
        let gate = Gate::new(());
        let inner = gate.enter(|()| (gate.enter(|()| ()), gate.claim(|()| ())));
        assert_eq!(inner, Some((None, None)));
        assert_eq!(gate.claim(|()| (gate.enter(|()| ()), gate.claim(|()| ()))), Some((None, None)));
        assert_eq!(gate.bounced(), 2);
    });
}

#[test]
fn a_callback_that_panics_leaves_the_gate() {
    model("gate, a panic inside", 1, None, || {
        let gate = Gate::new(0);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            gate.enter(|visits| {
                *visits += 1;
                std::panic::resume_unwind(Box::new("planted"));
            })
        }));
        assert!(panicked.is_err());
        assert_eq!(gate.claim(|visits| *visits), Some(1));
    });
}

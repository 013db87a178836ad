//! The exact stop: every callback that returned before the claim is delivered, in order, with the drops counted; one
//! that comes later bounces; one that is running is waited for a bounded number of times.
#![cfg(loom)]

use hearken::handoff::gate::Gate;
use hearken::handoff::pool::pool;
use loom::cell::Cell;
use loom::sync::Arc;
use loom::thread;
use loom_tests::intake::open;
use loom_tests::{Seen, model};

/// The worker looks `looks` times and then stops, trying 3 times, while `callbacks` of these sizes, in frames, come
/// from the device's thread.
fn stop(
    name: &str,
    floor: usize,
    bound: Option<usize>,
    blocks: usize,
    callbacks: &'static [usize],
    looks: usize,
) -> Outcomes {
    let outcomes = Outcomes::default();
    let notes = outcomes.clone();
    model(name, floor, bound, move || {
        let (gate, mut worker) = open(blocks);
        let device = thread::spawn({
            let gate = gate.clone();
            move || {
                let entered = |&&frames: &&usize| gate.enter(|intake| intake.capture(frames)).is_some();
                let frames: Vec<_> = callbacks.iter().filter(entered).collect();
                (frames.len(), frames.into_iter().sum::<usize>())
            }
        });
        for _ in 0..looks {
            worker.deliver();
        }
        let mut totals = None;
        for attempt in 0..3 {
            totals = worker.stop(&gate);
            if totals.is_some() {
                break;
            }
            notes.running.note();
            if attempt < 2 {
                thread::yield_now();
            }
        }
        if totals.is_none() {
            notes.given_up.note();
        }
        let before_the_join = worker.delivered;
        let (entered, frames) = device.join().unwrap();
        // A worker that gave up closes the epoch; here it may look again, so that the ledger can be checked.
        let (captured, dropped) = match totals {
            Some(totals) => {
                assert!(!worker.deliver(), "nothing comes after the claim");
                assert_eq!(worker.delivered, before_the_join);
                totals
            }
            None => worker.stop(&gate).expect("no callback is inside any more"),
        };
        assert_eq!(captured, frames, "each callback that got in counts, and no other");
        assert_eq!(captured, worker.delivered + dropped, "nothing is pending after a stop");
        assert_eq!(gate.bounced(), (callbacks.len() - entered) as u64);
        notes.dropped.add(dropped);
        notes.bounced.add(callbacks.len() - entered);
        if entered == callbacks.len() {
            notes.all.note();
        }
        if captured > 0 && worker.delivered % 2 == 1 {
            notes.partial.note();
        }
    });
    outcomes
}

/// What a model of stop may show.
#[derive(Clone, Default)]
struct Outcomes {
    all: Seen,
    bounced: Seen,
    dropped: Seen,
    partial: Seen,
    running: Seen,
    given_up: Seen,
}

#[test]
fn every_frame_before_the_claim_is_delivered_or_counted_as_dropped() {
    let seen = stop("stop, 2 blocks, 4 callbacks", 42_000, Some(5), 2, &[2, 1, 2, 1], 1);
    seen.all.demand("all callbacks came before the claim");
    seen.bounced.demand("callbacks bounced");
    seen.dropped.demand("frames dropped");
    seen.partial.demand("a partial block was taken from the callback's hands");
    seen.running.demand("a claim failed because a callback was running");
}

#[test]
fn a_single_block_drops_and_stops_as_exactly() {
    let seen = stop("stop, 1 block, 4 callbacks", 120_000, None, 1, &[1, 1, 1, 1], 1);
    seen.bounced.demand("callbacks bounced");
    seen.dropped.demand("frames dropped");
    seen.partial.demand("a partial block was taken from the callback's hands");
}

#[test]
fn a_callback_that_is_running_is_waited_for_but_not_for_ever() {
    let seen = stop("stop, a long callback", 1_500, None, 2, &[5], 0);
    seen.all.demand("the callback came before the claim");
    seen.bounced.demand("the callback came late");
    seen.running.demand("a claim failed because the callback was running");
    seen.given_up.demand("the callback was still running at the last attempt");
}

#[test]
fn a_pool_is_wiped_whole_after_the_claim_and_races_nobody() {
    let (all_free, some_filled) = (Seen::default(), Seen::default());
    let notes = (all_free.clone(), some_filled.clone());
    model("wiping after a stop", 50, None, move || {
        let (producer, mut consumer) = pool::<u8>(3, 3);
        let gate = Arc::new(Gate::new(producer));
        let device = thread::spawn({
            let gate = gate.clone();
            move || {
                for number in 1..=2 {
                    gate.enter(|producer| {
                        assert!(producer.acquire() && producer.append(&[number; 3]));
                        producer.commit(number);
                    });
                }
            }
        });
        if let Some(block) = consumer.pop() {
            assert_eq!(consumer.bytes(&block), [*block.header(); 3]);
            consumer.give_back(block);
        }
        if let Some(mut wiped) = gate.claim(|producer| producer.wipe()) {
            if wiped == 3 {
                notes.0.note()
            } else {
                notes.1.note()
            }
            while let Some(mut block) = consumer.pop() {
                assert_eq!(
                    consumer.bytes(&block),
                    [*block.header(); 3],
                    "what was handed over is not touched before"
                );
                consumer.wipe(&mut block);
                assert_eq!(consumer.bytes(&block), [0; 3]);
                wiped += 1;
                consumer.give_back(block);
            }
            assert_eq!(wiped, 3, "every block is wiped once");
        }
        device.join().unwrap();
    });
    all_free.demand("all blocks were free");
    some_filled.demand("some blocks were still to be read");
}

/// Reports its own drop, and touches memory in it that only its owner may touch.
struct Probe {
    cell: Cell<usize>,
    drops: Seen,
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.cell.set(self.cell.get() + 1);
        self.drops.note();
    }
}

#[test]
fn whoever_lets_go_last_drops_the_state_once() {
    let (drops, by_the_callback) = (Seen::default(), Seen::default());
    let notes = (drops.clone(), by_the_callback.clone());
    let executions = model("stop racing drop", 25, None, move || {
        let gate = Arc::new(Gate::new(Probe { cell: Cell::new(0), drops: notes.0.clone() }));
        let device = thread::spawn({
            let gate = gate.clone();
            move || {
                gate.enter(|probe| probe.cell.set(probe.cell.get() + 1));
                gate.enter(|probe| probe.cell.set(probe.cell.get() + 1));
                // The backend drops the closure, and with it the gate, on this thread.
                drop(gate);
            }
        });
        gate.claim(|probe| probe.cell.set(probe.cell.get() + 1));
        if Arc::strong_count(&gate) == 1 {
            notes.1.note();
        }
        drop(gate);
        device.join().unwrap();
    });
    drops.demand("drops");
    by_the_callback.demand("the callback's side let go first");
    assert_eq!(drops.times(), executions, "one drop in each execution");
}

#[test]
fn a_pool_outlives_its_first_half_to_go() {
    model("stop, halves dropped on two threads", 160, None, || {
        let (gate, mut worker) = open(2);
        let device = thread::spawn(move || {
            gate.enter(|intake| intake.capture(3));
            drop(gate);
        });
        worker.deliver();
        drop(worker);
        device.join().unwrap();
    });
}

//! The index queue alone, and two of them passing tokens round as a pool does.
#![cfg(loom)]
#![allow(unsafe_code, reason = "a push alone has a contract; the pool keeps it by its types")]

use hearken::handoff::index_queue::index_queue;
use loom::thread;
use loom_tests::{Seen, model};

/// Two short of the wrap, so that the counters pass it within the model.
const NEAR_THE_END: usize = usize::MAX - 1;

#[test]
fn what_is_pushed_is_popped_whole_and_in_order() {
    let (caught_up, behind) = (Seen::default(), Seen::default());
    let (all, some) = (caught_up.clone(), behind.clone());
    model("index queue, 4 pushes, 4 pops", 3_000, None, move || {
        let (mut producer, mut consumer) = index_queue::<[usize; 2]>(4, NEAR_THE_END);
        let pusher = thread::spawn(move || {
            for item in 0..4 {
                // SAFETY: four items for four slots.
                unsafe { producer.push([item, !item]) };
            }
        });
        let mut popped = 0;
        for _ in 0..4 {
            if let Some(item) = consumer.pop() {
                assert_eq!(item, [popped, !popped]);
                popped += 1;
            }
        }
        if popped == 4 {
            all.note()
        } else {
            some.note()
        }
        pusher.join().unwrap();
        assert_eq!(consumer.refresh(), 4 - popped, "the rest waits");
        while let Some(item) = consumer.pop() {
            assert_eq!(item, [popped, !popped]);
            popped += 1;
        }
        assert_eq!((popped, consumer.refresh()), (4, 0));
    });
    caught_up.demand("the consumer kept up");
    behind.demand("the consumer was ahead of the producer");
}

/// One item was seen, two more are on their way; the consumer pops `pops` items and then looks. Gives the executions.
fn seen_and_popped(pops: usize) -> usize {
    let name = format!("index queue, {pops} of 1 seen item popped");
    model(&name, 3, None, move || {
        let (mut producer, mut consumer) = index_queue::<usize>(3, NEAR_THE_END);
        // SAFETY: three items for four slots.
        unsafe { producer.push(0) };
        assert_eq!(consumer.refresh(), 1);
        let pusher = thread::spawn(move || {
            for item in 1..3 {
                // SAFETY: as above.
                unsafe { producer.push(item) };
            }
        });
        (0..pops).for_each(|item| assert_eq!(consumer.pop(), Some(item), "what was seen is there"));
        let waiting = consumer.refresh();
        (pops..pops + waiting).for_each(|item| assert_eq!(consumer.pop(), Some(item), "what waits is there"));
        pusher.join().unwrap();
    })
}

#[test]
fn a_pop_of_an_item_that_was_seen_does_not_touch_the_tail() {
    assert_eq!(seen_and_popped(1), seen_and_popped(0), "a load of the tail would have split the executions");
}

/// `items` tokens go round through two queues of `items` slots, `laps` times at most: each queue's slots are used
/// again and again, and no queue ever knows the other side's head.
fn circle(name: &str, floor: usize, bound: Option<usize>, items: usize, laps: usize) {
    let (reused, empty) = (Seen::default(), Seen::default());
    let (note_reuse, note_empty) = (reused.clone(), empty.clone());
    model(name, floor, bound, move || {
        let (mut filled_in, mut filled_out) = index_queue::<(usize, usize)>(items, NEAR_THE_END);
        let (mut free_in, mut free_out) = index_queue::<usize>(items, NEAR_THE_END);
        for token in 0..items {
            // SAFETY: as many tokens as slots.
            unsafe { free_in.push(token) };
        }
        let note = note_empty.clone();
        let filler = thread::spawn(move || {
            let mut filled = 0;
            for _ in 0..laps {
                let Some(token) = free_out.pop() else {
                    note.note();
                    continue;
                };
                // SAFETY: the token came round through the free queue.
                unsafe { filled_in.push((token, filled)) };
                filled += 1;
            }
            filled
        });
        let mut read = 0;
        for _ in 0..laps {
            if let Some((token, number)) = filled_out.pop() {
                assert_eq!((token, number), (read % items, read), "tokens and items keep their order");
                // SAFETY: the token came round through the filled queue.
                unsafe { free_in.push(token) };
                read += 1;
            }
        }
        let filled = filler.join().unwrap();
        if filled > items {
            note_reuse.note();
        }
        while let Some((token, number)) = filled_out.pop() {
            assert_eq!((token, number), (read % items, read));
            read += 1;
        }
        assert_eq!(read, filled);
    });
    reused.demand("a slot was used again");
    empty.demand("no token was free");
}

#[test]
fn slots_are_used_again_only_when_they_were_left() {
    circle("two index queues, 2 tokens, 4 laps", 15_000, None, 2, 4);
}

#[test]
fn one_slot_is_a_queue_too() {
    circle("two index queues, 1 token, 3 laps", 350, None, 1, 3);
}

#[test]
fn more_slots_than_tokens_wrap_as_well() {
    circle("two index queues, 3 tokens in 4 slots, 6 laps", 1_000, Some(2), 3, 6);
}

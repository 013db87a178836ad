//! The block pool: bytes written by one thread and read by another, blocks returned in and out of order.
#![cfg(loom)]

use hearken::handoff::pool::{Block, Consumer, Producer, pool, pool_from};
use loom::thread;
use loom_tests::{Seen, model};

/// Two short of the wrap, so that the queues' counters pass it within the model.
const NEAR_THE_END: usize = usize::MAX - 1;

/// Bytes per block; few, so that one block is one cell.
const BYTES: usize = 3;

/// What the header says of its block.
type Header = [u8; 2];

/// Tries `captures` times to fill and hand over a block; gives how many were handed over and dropped.
fn capture(producer: &mut Producer<Header>, captures: u8) -> (u8, usize) {
    let (mut handed_over, mut dropped) = (0, 0);
    for _ in 0..captures {
        if producer.acquire() {
            assert!(producer.append(&[handed_over; BYTES]));
            producer.commit([handed_over, !handed_over]);
            handed_over += 1;
        } else {
            assert!(!producer.append(&[]) && producer.room() == 0, "no block, no bytes");
            dropped += 1;
        }
    }
    (handed_over, dropped)
}

/// The block is the next one, whole.
fn check(consumer: &Consumer<Header>, block: &Block<Header>, expected: u8) {
    assert_eq!(block.header(), &[expected, !expected]);
    assert_eq!(consumer.bytes(block), [expected; BYTES]);
}

/// `captures` tries against `polls` looks; up to `keep` blocks are held and then returned, the newest first.
fn model_pool(
    name: &str,
    floor: usize,
    bound: Option<usize>,
    blocks: usize,
    captures: u8,
    polls: usize,
    keep: usize,
) {
    let (drops, reuse) = (Seen::default(), Seen::default());
    let (note_drops, note_reuse) = (drops.clone(), reuse.clone());
    model(name, floor, bound, move || {
        let (mut producer, mut consumer) = pool_from::<Header>(blocks, BYTES, NEAR_THE_END);
        let callback = thread::spawn(move || capture(&mut producer, captures));
        let (mut read, mut kept) = (0, Vec::new());
        for _ in 0..polls {
            if let Some(block) = consumer.pop() {
                kept.push(block);
            }
            if kept.len() == keep {
                for block in &kept {
                    check(&consumer, block, read);
                    read += 1;
                }
                kept.drain(..).rev().for_each(|block| consumer.give_back(block));
            }
        }
        let (handed_over, dropped) = callback.join().unwrap();
        note_drops.add(dropped);
        if usize::from(handed_over) > blocks {
            note_reuse.note();
        }
        while let Some(block) = consumer.pop() {
            kept.push(block);
        }
        for block in kept {
            check(&consumer, &block, read);
            read += 1;
            consumer.give_back(block);
        }
        assert_eq!(read, handed_over, "what was handed over is read once");
        assert_eq!(handed_over as usize + dropped, captures.into(), "the rest was dropped, and known");
    });
    drops.demand("captures without a free block");
    reuse.demand("a block went round and was filled again");
}

#[test]
fn two_blocks_go_round() {
    model_pool("pool, 2 blocks, 3 captures", 800, None, 2, 3, 3, 1);
}

#[test]
fn two_blocks_go_round_out_of_order() {
    model_pool("pool, 2 blocks, 4 captures, returned out of order", 5_300, None, 2, 4, 4, 2);
}

#[test]
fn one_block_goes_round() {
    model_pool("pool, 1 block, 3 captures", 350, None, 1, 3, 3, 1);
}

#[test]
fn three_blocks_in_four_slots_go_round_out_of_order() {
    model_pool("pool, 3 blocks, 6 captures, returned out of order", 9_000, Some(3), 3, 6, 5, 2);
}

#[test]
fn a_block_is_free_or_current_or_waiting_or_in_hand() {
    model("pool, counts", 100, None, || {
        let (mut producer, mut consumer) = pool_from::<Header>(2, BYTES, NEAR_THE_END);
        assert_eq!((producer.free_blocks(), producer.block_bytes()), (2, BYTES));
        let callback = thread::spawn(move || {
            let (handed_over, _) = capture(&mut producer, 2);
            assert_eq!(handed_over, 2);
            assert!(producer.free_blocks() <= 2);
            producer
        });
        let mut read = 0;
        for _ in 0..2 {
            if let Some(block) = consumer.pop() {
                check(&consumer, &block, read as u8);
                consumer.give_back(block);
                read += 1;
            }
        }
        let mut producer = callback.join().unwrap();
        let in_hand: Vec<_> = std::iter::from_fn(|| consumer.pop()).collect();
        let current = usize::from(producer.room() > 0);
        assert_eq!((in_hand.len(), producer.free_blocks() + current), (2 - read, read));
    });
}

#[test]
fn the_current_block_stays_current_until_it_is_handed_over() {
    model("pool, current block", 1, None, || {
        let (mut producer, mut consumer) = pool::<Header>(1, BYTES);
        producer.commit([9, 9]);
        assert!(!producer.append(&[]) && consumer.pop().is_none(), "nothing is taken or handed over");
        assert!(producer.acquire());
        assert!(producer.is_empty() && producer.append(&[7]) && !producer.is_empty());
        assert!(producer.acquire(), "a second time is no second block");
        assert_eq!(producer.room(), BYTES - 1);
        assert!(!producer.append(&[9; BYTES]), "what does not fit is not begun");
        assert!(producer.append(&[8; BYTES - 1]) && producer.room() == 0);
        producer.commit([1, 2]);
        assert!(!producer.acquire() && !producer.append(&[]), "the only block is on its way");
        let block = consumer.pop().expect("a block waits");
        assert_eq!((block.header(), consumer.bytes(&block)), (&[1, 2], &[7, 8, 8][..]));
    });
}

/// A block whose pool is gone: the next pool may lie where that one lay.
fn filled_block() -> Block<Header> {
    let (mut producer, mut consumer) = pool::<Header>(1, BYTES);
    capture(&mut producer, 1);
    consumer.pop().expect("a block waits")
}

#[test]
#[should_panic(expected = "another pool")]
fn a_block_of_another_pool_cannot_be_given_back() {
    model("pool, foreign block given back", 1, None, || {
        let block = filled_block();
        pool::<Header>(1, BYTES).1.give_back(block);
    });
}

#[test]
#[should_panic(expected = "another pool")]
fn a_block_of_another_pool_cannot_be_read() {
    model("pool, foreign block read", 1, None, || {
        let block = filled_block();
        let _ = pool::<Header>(1, BYTES).1.bytes(&block);
    });
}

#[test]
#[should_panic(expected = "another pool")]
fn a_block_of_another_pool_cannot_be_wiped() {
    model("pool, foreign block wiped", 1, None, || {
        let mut block = filled_block();
        pool::<Header>(1, BYTES).1.wipe(&mut block);
    });
}

#[test]
#[should_panic(expected = "1 to 2^32 - 1")]
fn a_pool_has_blocks() {
    model("pool, no blocks", 1, None, || drop(pool::<Header>(0, BYTES)));
}

#[test]
#[should_panic(expected = "1 to 2^32 - 1")]
fn a_pool_has_no_more_blocks_than_tokens_can_number() {
    model("pool, too many blocks", 1, None, || drop(pool::<Header>(usize::MAX, 0)));
}

//! The seqlock: words that belong together are read together, or not at all.
#![cfg(loom)]

use hearken::handoff::seqlock::{Reader, seqlock};
use loom::thread;
use loom_tests::{Seen, model};

/// The words of publication `number`: each differs from each, within a publication and between them.
fn words<const N: usize>(number: u64) -> [u64; N] {
    std::array::from_fn(|word| if number == 0 { 0 } else { number * 100 + word as u64 })
}

/// The number of the publication that `read` is, all of it, and that `reader` says it is.
fn number<const N: usize>(reader: &Reader<N>, read: [u64; N]) -> u64 {
    let number = read[0] / 100;
    assert_eq!(read, words(number), "torn");
    assert_eq!(reader.publication(), number, "the words of one publication, the number of another");
    number
}

/// One writer with `publications`, `readers` of which one is the main thread, each with `attempts`.
fn model_seqlock<const N: usize>(
    name: &str,
    floor: usize,
    bound: Option<usize>,
    publications: u64,
    readers: usize,
    attempts: usize,
) {
    let (new, old, refused) = (Seen::default(), Seen::default(), Seen::default());
    let notes = (new.clone(), old.clone(), refused.clone());
    model(name, floor, bound, move || {
        let (mut writer, mut reader) = seqlock::<N>();
        let writing =
            thread::spawn(move || (1..=publications).for_each(|number| writer.publish(words(number))));
        let mut look = {
            let (mut reader, notes) = (reader.clone(), notes.clone());
            move || {
                let mut newest = 0;
                for _ in 0..attempts {
                    match reader.try_read().map(|read| number(&reader, read)) {
                        None => notes.2.note(),
                        Some(found) => {
                            assert!(found >= newest, "time does not go back for a reader");
                            newest = found;
                            if found == publications { notes.0.note() } else { notes.1.note() }
                        }
                    }
                }
            }
        };
        let others: Vec<_> = (1..readers).map(|_| thread::spawn(look.clone())).collect();
        look();
        writing.join().unwrap();
        others.into_iter().for_each(|other| other.join().unwrap());
        let last = reader.try_read().map(|read| number(&reader, read));
        assert_eq!(last, Some(publications), "at rest every read succeeds");
    });
    new.demand("the newest words were read");
    old.demand("older words were read, whole");
    refused.demand("a read was refused");
}

#[test]
fn two_words_one_reader() {
    model_seqlock::<2>("seqlock, 2 words, 1 reader", 660, None, 1, 1, 1);
}

#[test]
fn two_words_published_twice() {
    model_seqlock::<2>("seqlock, 2 words, 2 publications", 9_600, None, 2, 1, 1);
}

#[test]
fn one_word_two_readers() {
    model_seqlock::<1>("seqlock, 1 word, 2 readers", 290_000, None, 1, 2, 1);
}

/// Without the bound it has 6,766,401 executions; they take five minutes, and pass.
#[test]
fn two_words_two_readers() {
    model_seqlock::<2>("seqlock, 2 words, 2 readers", 22_000, Some(3), 1, 2, 1);
}

#[test]
fn eight_words() {
    model_seqlock::<8>("seqlock, 8 words", 4_600, Some(2), 1, 1, 1);
}

#[test]
fn six_words_two_readers() {
    model_seqlock::<6>("seqlock, 6 words, 2 readers", 52_000, Some(1), 1, 2, 1);
}

#[test]
fn a_reader_that_cannot_read_keeps_its_last_copy() {
    let (fresh, kept) = (Seen::default(), Seen::default());
    let notes = (fresh.clone(), kept.clone());
    model("seqlock, read with its retries", 1_200, None, move || {
        let (mut writer, mut reader) = seqlock::<2>();
        writer.publish(words(1));
        let mut look = || {
            let read = reader.read();
            number(&reader, read)
        };
        assert_eq!(look(), 1);
        let writing = thread::spawn(move || writer.publish(words(2)));
        match look() {
            1 => notes.1.note(),
            2 => notes.0.note(),
            other => panic!("publication {other}"),
        }
        writing.join().unwrap();
        assert_eq!(look(), 2);
    });
    fresh.demand("the new words");
    kept.demand("the words from before");
}

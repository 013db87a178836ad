//! What crosses threads, and how: no lock, no allocation, no wake-up on the callback's side. Knows no audio.
//!
//! | file | what it hands over | from, to | when the other side is slow |
//! |---|---|---|---|
//! | [`pool`] | blocks of bytes, each with a header | callback, worker | no block is free: the producer knows at once |
//! | [`gate`] | the producer's own state, once | callback, worker | a claim fails while a callback runs |
//! | [`seqlock`] | a few words that belong together | one writer, any readers | a reader keeps its last copy |
//! | [`newest`] | one large value | one writer, one reader | older values are overwritten |
//!
//! ## The ordering pairs
//! | Release | Acquire | what it carries |
//! |---|---|---|
//! | `index_queue`: tail store in `push` (filled) | tail load in `pop` | the slot (token, header) and the block's bytes |
//! | `index_queue`: tail store in `push` (free) | tail load in `pop` | the reader is done with the block and its slot |
//! | `gate`: store IDLE on leaving | exchange in `claim` | the producer's whole state |
//! | `gate`: store IDLE on leaving | exchange in `enter` | the same, to a callback on another thread |
//! | `seqlock`: fence after the odd store | fence after the words | "a newer word implies the odd number" |
//! | `seqlock`: even store | first load | all words of the publication |
//!
//! Everything else is Relaxed: counters, and the demand flag of `newest`, which decide when, never what.
//!
//! `cargo xtask loom` checks the pairs in every interleaving, and `cargo xtask mutants` checks the check: weaken any of
//! them, and a model fails.

#[allow(unsafe_code, reason = "one cell access per function")]
pub mod gate;
#[allow(unsafe_code, reason = "one cell access per function")]
pub mod index_queue;
#[allow(unsafe_code, reason = "one cell access per function")]
pub mod pool;
pub mod seqlock;
mod sync;

#[cfg(not(loom))]
pub mod newest;

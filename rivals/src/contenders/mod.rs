//! One file per family.

pub mod channels;
pub mod copy;
pub mod deque;
pub mod engine;
pub mod mutex4;
pub mod rings;

//! One file per question.

pub mod allocations;
pub mod away;
pub mod bursts;
pub mod crossing;
pub mod pipeline;
pub mod verify;

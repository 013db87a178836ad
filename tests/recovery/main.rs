//! What becomes of a capture whose device fails, in virtual time: nothing that was captured is lost, what was missed is
//! a hole of the right length, and the take goes on.
#![cfg(not(loom))]

mod content;
mod corners;
mod hangs;
mod list;
mod policy;
mod scene;

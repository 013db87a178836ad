//! Where frames come from.

mod speech;
pub mod synthetic;

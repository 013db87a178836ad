//! What is known to be broken, and where it stands.

use crate::oracle::Broken;

/// A fault: the promise and the cause as the oracle tells them, and what it is.
#[derive(Debug)]
pub struct Known {
    pub promise: &'static str,
    pub cause: &'static str,
    pub what: &'static str,
}

/// Every one. Each has a life in `corpus/` that shows it; who mends one deletes its line.
pub const KNOWN: &[Known] = &[];

/// The entry of what is broken.
pub fn known(broken: &Broken) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.promise == broken.promise && known.cause == broken.cause)
}

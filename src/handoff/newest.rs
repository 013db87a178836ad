//! The newest value of something large, for one reader that looks when it likes: [`triple_buffer`], and a demand
//! flag so that nothing is computed while nobody looks.
//!
//! Not loom-aware, hence absent under loom; the models check its protocol, the stress tests the real crate.

use super::sync::{Arc, AtomicU64, Ordering};
use std::fmt;
use std::time::Duration;

/// How long after a look the reader still counts as looking.
const PATIENCE: Duration = Duration::from_millis(500);

/// The writing end.
pub struct Writer<T: Send> {
    input: triple_buffer::Input<T>,
    /// When the reader last looked, in nanoseconds of the caller's clock; 0 = never.
    looked: Arc<AtomicU64>,
}

/// The reading end.
pub struct Reader<T: Send> {
    output: triple_buffer::Output<T>,
    looked: Arc<AtomicU64>,
}

/// Both ends; readers see `initial` until the first publication.
pub fn newest<T: Clone + Send>(initial: &T) -> (Writer<T>, Reader<T>) {
    let (input, output) = triple_buffer::triple_buffer(initial);
    let looked = Arc::new(AtomicU64::new(0));
    (Writer { input, looked: looked.clone() }, Reader { output, looked })
}

impl<T: Send> Writer<T> {
    /// Whether somebody looked within the last 500 ms before `now`.
    pub fn wanted(&self, now: Duration) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        looked != 0 && (now.as_nanos() as u64).saturating_sub(looked) <= PATIENCE.as_nanos() as u64
    }

    /// Lets `fill` overwrite an older value, whichever it is, and publishes it. Wait-free.
    pub fn publish(&mut self, fill: impl FnOnce(&mut T)) {
        fill(self.input.input_buffer_mut());
        self.input.publish();
    }
}

impl<T: Send> Reader<T> {
    /// The newest value, and word to the writer that somebody looks. Wait-free.
    pub fn read(&mut self, now: Duration) -> &T {
        self.looked.store((now.as_nanos() as u64).max(1), Ordering::Relaxed);
        self.output.read()
    }
}

impl<T: Send> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("looked", &self.looked).finish_non_exhaustive()
    }
}

impl<T: Send> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("looked", &self.looked).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wanted_until_somebody_looks_and_500_ms_after() {
        let ms = Duration::from_millis;
        let (mut writer, mut reader) = newest(&0);
        assert!(!writer.wanted(ms(0)));
        assert_eq!(*reader.read(ms(100)), 0);
        assert!(writer.wanted(ms(600)) && !writer.wanted(ms(601)));
        writer.publish(|value| *value = 7);
        assert_eq!(*reader.read(ms(601)), 7);
    }
}

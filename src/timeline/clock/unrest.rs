//! Stamps that stray together: an audio server's estimate of its own delay drifts and steps by milliseconds.
//!
//! No line predicts those. What is measured is how far the earliest stamp of each stretch was from where the line
//! said it would be.

/// Seconds of a stretch, and seconds after which a stray stretch is forgotten.
const STRETCH: f64 = 0.4;
const MEMORY: f64 = 60.0;
/// So much is no straying, in nanoseconds.
const CALM_NS: f64 = 100e3;

#[derive(Debug, Default)]
pub struct Unrest {
    /// How far the stamps have strayed, less with time; in nanoseconds.
    pub ns: f64,
    /// The end of the present stretch, and how late its earliest stamp is.
    end: f64,
    least: f64,
}

impl Unrest {
    /// A stamp that is `late` nanoseconds later than predicted, where `usual` is no wonder for the earliest of many.
    #[inline]
    pub fn push(&mut self, x: f64, late: f64, usual: f64) {
        if x < self.end {
            self.least = self.least.min(late);
            return;
        }
        self.ns *= 1.0 - (STRETCH / MEMORY);
        if self.least.abs() > usual.max(CALM_NS) {
            self.raise(self.least);
        } else if self.ns < CALM_NS {
            self.ns = 0.0;
        }
        (self.end, self.least) = (x + STRETCH, late);
    }

    /// All stamps moved by so much.
    pub fn raise(&mut self, ns: f64) {
        self.ns = self.ns.max(ns.abs());
    }
}

//! How much comes at once: a device calls back once for each of its periods, a server's client several times.

use crate::record::Record;
use std::time::Duration;

/// Looks that follow each other this soon tell callbacks apart, as a part of the time that one's frames take.
const SOON: f64 = 0.5;
/// The last of them count; each look forgets this part of the largest.
const VOTES: i32 = 16;
const FORGETS: f64 = 0.02;

/// What the worker's looks say of it.
#[derive(Debug, Default)]
pub struct Pieces {
    last: (Duration, Record),
    /// More than 0: several callbacks come at once.
    votes: i32,
    frames: f64,
    largest: u32,
}

impl Pieces {
    /// What the callbacks had brought at `now`, of at most `largest` frames each, at a rate of `rate` frames per second.
    pub fn look(&mut self, now: Duration, record: &Record, largest: u32, rate: f64) {
        let (before, last) = std::mem::replace(&mut self.last, (now, *record));
        self.largest = largest;
        let callbacks = record.callbacks.saturating_sub(last.callbacks);
        let frames = record.captured.saturating_sub(last.captured) as f64;
        if callbacks == 0 || last.callbacks == 0 {
            return;
        }
        let is_soon = now.saturating_sub(before).as_secs_f64() < SOON * frames / (callbacks as f64 * rate);
        if is_soon {
            let vote = if callbacks > 1 { 1 } else { -1 };
            self.votes = (self.votes + vote).clamp(-VOTES, VOTES);
        }
        let at_once = if is_soon { frames } else { frames / callbacks as f64 };
        self.frames = at_once.max(self.frames * (1.0 - FORGETS));
    }

    /// Whether several callbacks come at once.
    pub fn is_pieced(&self) -> bool {
        self.votes > 0
    }

    /// How many frames come at once, as far as was seen.
    pub fn frames(&self) -> f64 {
        if self.frames > 0.0 { self.frames } else { self.largest.into() }
    }
}

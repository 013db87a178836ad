//! From a tap's frames to the epoch's: which moment of the input each stands for.

use crate::timeline::{CapturedAt, Span, Timing};
use std::time::Duration;

/// Where a tap's frames lie on the epoch's axis, for the present run of audio.
#[derive(Debug)]
pub(super) struct Axis {
    /// Where in this epoch the tap's frames start.
    pub origin: u64,
    /// The tap's frame there.
    pub origin_position: u64,
    /// Where the present run of audio started.
    pub run: u64,
    /// The tap's frame there.
    pub run_position: u64,
    /// Epoch frames per tap frame.
    pub ratio: f64,
    /// How far the resampler's output is off its grid, in tap frames.
    pub shift: f64,
    /// The end of the epoch before this one, if the tap was there.
    pub before: Option<Before>,
    /// Holes that are elsewhere than on the epoch's axis, in order.
    moved: Vec<Moved>,
}

/// A hole of so many frames at `place`, which the epoch's axis has at `start`, further behind.
#[derive(Clone, Copy, Debug)]
struct Moved {
    place: u64,
    start: u64,
    frames: u64,
}

/// As many as a chunk may begin before.
const MOST_MOVED: usize = 64;

/// A tap's frame at the end of an epoch, and when that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub position: u64,
    pub captured: CapturedAt,
    pub ns_per_frame: f64,
}

impl Axis {
    /// For a tap that starts, or goes on, with this epoch's frame `origin`.
    pub fn new(origin: u64, origin_position: u64, ratio: f64, shift: f64) -> Self {
        let (run, run_position) = (origin, origin_position);
        Self { origin, origin_position, run, run_position, ratio, shift, before: None, moved: Vec::new() }
    }

    /// The tap has a hole at `place`, before the epoch's axis has it.
    pub fn move_hole(&mut self, hole: &Span, place: u64) {
        if self.moved.len() == MOST_MOVED {
            self.moved.remove(0);
        }
        self.moved.push(Moved { place, start: hole.start, frames: hole.end - hole.start });
    }

    /// When the frame at `at` was captured, on the tap's own axis.
    fn time(&self, timing: &Timing, at: f64, error_frames: f64) -> CapturedAt {
        let end = |moved: &&Moved| at < (moved.start + moved.frames) as f64;
        let Some(moved) = self.moved.iter().find(end) else { return timing.captured(at, error_frames) };
        let (place, frames) = (moved.place as f64, moved.frames as f64);
        if at < place {
            timing.captured(at, error_frames)
        } else if at < place + frames {
            // Silence has no time of its own but that of the frame before it, as on the epoch's axis.
            timing.captured(place - 1.0 + (at - place) / frames, error_frames + frames)
        } else {
            timing.captured(at - frames, error_frames)
        }
    }

    /// When the tap's frame at `position` was captured.
    pub fn captured(&self, timing: &Timing, position: u64) -> CapturedAt {
        if position >= self.run_position {
            let since = (position - self.run_position) as f64 + self.shift;
            self.time(timing, self.run as f64 + since * self.ratio, 0.0)
        } else if position >= self.origin_position {
            // Runs before this one started up to half a frame off the grid, and were shifted like this one.
            let error = (0.5 + self.shift.abs()) * self.ratio;
            let since = (position - self.origin_position) as f64;
            self.time(timing, self.origin as f64 + since * self.ratio, error)
        } else {
            self.before.map_or_else(CapturedAt::default, |before| before.captured(position))
        }
    }

    /// This epoch ends with the tap's frame `position`.
    pub fn leave(&mut self, timing: &Timing, position: u64) {
        let ns_per_frame = self.ratio * timing.frame_ns();
        self.before = Some(Before { position, captured: self.captured(timing, position), ns_per_frame });
    }
}

impl Before {
    fn captured(&self, position: u64) -> CapturedAt {
        let frames = position as f64 - self.position as f64;
        let ns = self.captured.at.as_nanos() as f64 + frames * self.ns_per_frame;
        CapturedAt { at: Duration::from_nanos(ns as u64), ..self.captured }
    }
}

//! From a tap's frames to the epoch's: which moment of the input each stands for.

use crate::timeline::{CapturedAt, Timing};

/// Where a tap's frames lie on the epoch's axis, for the present run of audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Where the tap's axis starts in this epoch.
    pub origin: u64,
    /// Where the present run of audio started.
    pub run: u64,
    /// The tap's frame there.
    pub run_position: u64,
    /// Epoch frames per tap frame.
    pub ratio: f64,
    /// How far the resampler's output is off its grid, in tap frames.
    pub shift: f64,
}

impl Axis {
    /// When the tap's frame at `position` was captured.
    pub fn captured(&self, timing: &Timing, position: u64) -> CapturedAt {
        if position >= self.run_position {
            let since = (position - self.run_position) as f64 + self.shift;
            timing.captured(self.run as f64 + since * self.ratio, 0.0)
        } else {
            // Runs before this one started up to half a frame off the grid, and were shifted like this one.
            let error = (0.5 + self.shift.abs()) * self.ratio;
            timing.captured(self.origin as f64 + position as f64 * self.ratio, error)
        }
    }
}

//! What goes out of one run.

use super::plan::Plan;

/// The output side of one run.
#[derive(Debug)]
pub(super) struct Run {
    /// Frames of head delay still to drop.
    skip: u64,
    delivered: u64,
    /// Frames after which the run is over; unknown until `finish`.
    total: u64,
    /// With `hold`, the one frame that waits for the next.
    held: Vec<f32>,
    hold: bool,
}

impl Run {
    pub(super) fn new(plan: &Plan, channels: usize) -> Self {
        let held = Vec::with_capacity(channels);
        Self { skip: plan.trim(), delivered: 0, total: u64::MAX, held, hold: plan.hold }
    }

    pub(super) fn restart(&mut self, plan: &Plan) {
        self.skip = plan.trim();
        self.delivered = 0;
        self.total = u64::MAX;
        self.held.clear();
    }

    pub(super) fn end_at(&mut self, total: u64) {
        self.total = total;
    }

    pub(super) fn is_over(&self) -> bool {
        self.delivered >= self.total
    }

    /// Gives what the engine made out of the run to `sink`, without the head and what is over.
    pub(super) fn give(&mut self, frames: &[f32], channels: usize, sink: &mut impl FnMut(&[f32])) {
        let count = (frames.len() / channels) as u64;
        let skipped = self.skip.min(count);
        self.skip -= skipped;
        let frames = &frames[skipped as usize * channels..];
        if !self.hold {
            return self.deliver(frames, channels, sink);
        }
        for frame in frames.chunks_exact(channels) {
            let mut held = std::mem::take(&mut self.held);
            self.deliver(&held, channels, sink);
            held.clear();
            held.extend_from_slice(frame);
            self.held = held;
        }
    }

    fn deliver(&mut self, frames: &[f32], channels: usize, sink: &mut impl FnMut(&[f32])) {
        let count = (frames.len() / channels) as u64;
        let given = count.min(self.total.saturating_sub(self.delivered));
        self.delivered += given;
        if given > 0 {
            sink(&frames[..given as usize * channels]);
        }
    }
}

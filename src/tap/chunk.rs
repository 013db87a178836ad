//! What a receiver gets.

use crate::format::StreamFormat;
use crate::timeline::{CapturedAt, Gap, Verdict};
use crossbeam_queue::ArrayQueue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A stretch of audio of one tap, owned. Dropping it, on any thread, gives its buffer back for reuse.
pub struct Chunk<T: Copy = f32> {
    pub(super) body: Body<T>,
    pub(super) format: StreamFormat,
    pub(super) position: u64,
    pub(super) frames: u32,
    pub(super) padding: u32,
    pub(super) captured: CapturedAt,
    /// It stands for the inside of a hole, and says nothing else.
    pub(super) is_filler: bool,
    /// Frames that the tap had offered before this chunk, from which the receiver knows what it missed.
    pub(super) offered: u64,
    pub(super) home: Arc<Recycler<T>>,
}

/// The parts of a chunk that are allocated, and therefore go round.
#[derive(Debug)]
pub(super) struct Body<T> {
    pub samples: Vec<T>,
    pub gaps: Vec<Gap>,
    pub losses: Vec<Verdict>,
}

/// Without memory.
impl<T> Default for Body<T> {
    fn default() -> Self {
        Self { samples: Vec::new(), gaps: Vec::new(), losses: Vec::new() }
    }
}

impl<T: Copy> Chunk<T> {
    /// Interleaved samples, `frames * channels` of them; for f32 nominally `-1.0..=1.0`.
    pub fn samples(&self) -> &[T] {
        &self.body.samples
    }

    /// The tap's frame number of the first frame: frame `n` is `n / rate` seconds into the tap, by the device's clock.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Frames in the chunk, padding included.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// Silent frames at the end that stand for nothing: there because the tap keeps its chunk length and the audio
    /// ended here.
    pub fn padding(&self) -> u32 {
        self.padding
    }

    /// How the samples are laid out. Constant for the life of a tap.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// When the first frame was captured. Later chunks are later; the times of a capture's taps agree.
    pub fn captured_at(&self) -> CapturedAt {
        self.captured
    }

    /// When the frame at `position`, one of the chunk's, was captured.
    pub(super) fn captured_within(&self, position: u64) -> CapturedAt {
        let frames = position.saturating_sub(self.position) as f64;
        let at = self.captured.at + Duration::from_secs_f64(frames / f64::from(self.format.rate_hz));
        CapturedAt { at, ..self.captured }
    }

    /// What became known, since the chunk before this one, about frames that the device lost; in tap frames, on the
    /// axis as it was when the audio there was delivered. A loss that is settled moves the axis and shows among the
    /// [`gaps`](Self::gaps) as well, at the place where the axis moves: where it happened, if the tap
    /// [holds back](crate::Tap::hold_back_ms) for long enough, in this chunk or a later one.
    pub fn losses(&self) -> &[Verdict] {
        &self.body.losses
    }

    /// The holes between the chunk before this one and the end of this one, in tap frames. A hole inside the
    /// chunk's own stretch was filled with silence.
    pub fn gaps(&self) -> &[Gap] {
        &self.body.gaps
    }
}

impl<T: Copy> Drop for Chunk<T> {
    fn drop(&mut self) {
        let body = Body {
            samples: std::mem::take(&mut self.body.samples),
            gaps: std::mem::take(&mut self.body.gaps),
            losses: std::mem::take(&mut self.body.losses),
        };
        self.home.give_back(body);
    }
}

impl<T: Copy> fmt::Debug for Chunk<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("position", &self.position)
            .field("frames", &self.frames)
            .field("format", &self.format)
            .field("captured", &self.captured)
            .field("gaps", &self.body.gaps)
            .finish_non_exhaustive()
    }
}

/// Where used buffers wait for their next chunk.
#[derive(Debug)]
pub(super) struct Recycler<T> {
    spare: ArrayQueue<Body<T>>,
    /// Samples that a full chunk takes.
    samples: usize,
}

impl<T> Recycler<T> {
    /// `count` buffers of `samples` samples each.
    pub fn new(count: usize, samples: usize) -> Arc<Self> {
        let recycler = Self { spare: ArrayQueue::new(count), samples };
        for _ in 0..count {
            recycler.give_back(recycler.fresh());
        }
        Arc::new(recycler)
    }

    /// An empty buffer; a new one only while the receiver holds more chunks than its queue does.
    pub fn take(&self) -> Body<T> {
        self.spare.pop().unwrap_or_else(|| self.fresh())
    }

    pub fn give_back(&self, mut body: Body<T>) {
        body.samples.clear();
        body.gaps.clear();
        body.losses.clear();
        // A full queue means that buffers were added meanwhile; this one is freed here.
        let _ = self.spare.push(body);
    }

    fn fresh(&self) -> Body<T> {
        Body {
            samples: Vec::with_capacity(self.samples),
            gaps: Vec::with_capacity(4),
            losses: Vec::with_capacity(4),
        }
    }
}

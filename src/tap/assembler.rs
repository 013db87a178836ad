//! Cuts a tap's timeline into chunks: chunk k covers `[grid + k * hop, grid + k * hop + len)`.

use super::chunk::{Body, Chunk, Recycler};
use crate::format::StreamFormat;
use crate::timeline::{CapturedAt, Cause, Gap, Verdict};
use std::sync::Arc;
use std::time::Duration;

/// What a tap does with a hole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum GapPolicy {
    /// Fill it with silence: length and grid are kept. A hole of more than 60 s is split unless it is a mute, and a pause
    /// always.
    #[default]
    Fill,
    /// End the chunk short at the hole; the grid is kept, so the chunk after it may be short as well. A hole at the
    /// very end comes with a last chunk of 0 frames.
    Split,
    /// Chunks keep their length: what is missing at the hole is padded (see [`Chunk::padding`]), and the grid
    /// starts anew behind it. For consumers that take nothing but whole frames.
    Mark,
}

/// The shape of a tap's chunks, in frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub len: u32,
    pub hop: u32,
    pub policy: GapPolicy,
}

/// Longer holes are not filled: a laptop that slept overnight must not wake up to 8 hours of silence.
const LONGEST_FILL: Duration = Duration::from_secs(60);

/// Assembles chunks of `T`, of which `silence.len()` make a frame.
#[derive(Debug)]
pub(super) struct Assembler<T: Copy> {
    grid: Grid,
    format: StreamFormat,
    /// One silent frame.
    silence: Vec<T>,
    /// Position of the next frame to come.
    position: u64,
    /// Where the grid starts.
    origin: u64,
    /// Number of the open chunk on the grid.
    index: u64,
    /// No chunk reaches back beyond this position: the end of the last split.
    base: u64,
    /// Frames before this one have been in a chunk.
    covered: u64,
    /// The hole that is being filled began here.
    hole: Option<u64>,
    /// The open chunk's content from its start to `position`.
    open: Body<T>,
    /// Frames offered so far, overlaps counted each time.
    offered: u64,
    home: Arc<Recycler<T>>,
}

impl<T: Copy> Assembler<T> {
    pub fn new(grid: Grid, format: StreamFormat, silence: Vec<T>, home: Arc<Recycler<T>>) -> Self {
        let open = home.take();
        Self {
            grid,
            format,
            silence,
            position: 0,
            origin: 0,
            index: 0,
            base: 0,
            covered: 0,
            hole: None,
            open,
            offered: 0,
            home,
        }
    }

    /// How the chunks' samples are laid out.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Position of the next frame.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Frames that are missing until the open chunk is complete; at least 1.
    pub fn missing(&self) -> u64 {
        self.end() - self.position
    }

    fn start(&self) -> u64 {
        (self.origin + self.index * u64::from(self.grid.hop)).max(self.base)
    }

    fn end(&self) -> u64 {
        self.origin + self.index * u64::from(self.grid.hop) + u64::from(self.grid.len)
    }

    /// Appends whole frames.
    pub fn push(&mut self, mut samples: &[T], emit: &mut impl FnMut(Chunk<T>)) {
        let unit = self.silence.len();
        while !samples.is_empty() {
            let frames = (samples.len() / unit) as u64;
            let start = self.start();
            if self.position < start {
                // Between chunks, when the hop is longer than the chunk.
                let skip = frames.min(start - self.position);
                self.position += skip;
                samples = &samples[skip as usize * unit..];
                continue;
            }
            let take = frames.min(self.missing());
            let (now, later) = samples.split_at(take as usize * unit);
            self.open.samples.extend_from_slice(now);
            self.position += take;
            samples = later;
            if self.position == self.end() {
                self.emit(0, emit);
                self.index += 1;
            }
        }
    }

    /// A hole of `gap.frames` at the present position.
    pub fn hole(&mut self, gap: Gap, emit: &mut impl FnMut(Chunk<T>)) {
        let longest = LONGEST_FILL.as_secs() * u64::from(self.format.rate_hz);
        match self.grid.policy {
            // Mute is silence for as long as it takes; a pause is left out.
            GapPolicy::Fill
                if gap.cause == Cause::Muted || (gap.frames <= longest && gap.cause != Cause::Paused) =>
            {
                self.note(gap);
                self.hole = Some(self.position);
                self.push_silence(gap.frames, emit);
                self.hole = None;
                return;
            }
            GapPolicy::Fill | GapPolicy::Split => {
                self.flush(emit);
                self.position += gap.frames;
                // The first chunk of the grid that still has something to cover.
                let behind = (self.position - self.origin + 1).saturating_sub(u64::from(self.grid.len));
                self.index = behind.div_ceil(u64::from(self.grid.hop));
            }
            GapPolicy::Mark => {
                self.flush(emit);
                self.position += gap.frames;
                (self.origin, self.index) = (self.position, 0);
            }
        }
        self.base = self.position;
        self.note(gap);
    }

    /// A hole that comes in pieces is one record, within a chunk.
    fn note(&mut self, gap: Gap) {
        match self.open.gaps.last_mut() {
            Some(last) if last.cause == gap.cause && last.position + last.frames == gap.position => {
                last.frames += gap.frames;
            }
            _ => self.open.gaps.push(gap),
        }
    }

    /// News about a loss, for the next chunk.
    pub fn loss(&mut self, loss: Verdict) {
        self.open.losses.push(loss);
    }

    /// The end of the tap: what is left becomes the last chunk.
    pub fn finish(&mut self, emit: &mut impl FnMut(Chunk<T>)) {
        self.flush(emit);
        self.base = self.position;
        if self.grid.policy == GapPolicy::Split && !(self.open.gaps.is_empty() && self.open.losses.is_empty())
        {
            self.emit(0, emit);
        }
    }

    fn push_silence(&mut self, mut frames: u64, emit: &mut impl FnMut(Chunk<T>)) {
        const PIECE: u64 = 256;
        let piece = self.silence.repeat(PIECE.min(frames) as usize);
        while frames > 0 {
            let now = frames.min(PIECE);
            self.push(&piece[..now as usize * self.silence.len()], emit);
            frames -= now;
        }
    }

    /// Emits what no chunk has covered yet, short or padded.
    fn flush(&mut self, emit: &mut impl FnMut(Chunk<T>)) {
        if self.position > self.covered.max(self.start()) {
            let padding = if self.grid.policy == GapPolicy::Mark { self.missing() as u32 } else { 0 };
            for _ in 0..padding {
                self.open.samples.extend_from_slice(&self.silence);
            }
            self.emit(padding, emit);
        }
        self.open.samples.clear();
    }

    /// Hands the open chunk over and opens the next, with the frames that both cover.
    fn emit(&mut self, padding: u32, emit: &mut impl FnMut(Chunk<T>)) {
        let unit = self.silence.len();
        let frames = (self.open.samples.len() / unit) as u32;
        let start = self.start();
        let next_start = (self.origin + (self.index + 1) * u64::from(self.grid.hop)).max(self.base);
        let shared = if padding == 0 { self.position.saturating_sub(next_start) as usize * unit } else { 0 };
        // Nothing to keep: the next buffer is taken when this one may be back.
        let mut next = if shared > 0 { self.home.take() } else { Body::default() };
        next.samples.extend_from_slice(&self.open.samples[self.open.samples.len() - shared..]);
        let body = std::mem::replace(&mut self.open, next);
        let is_filler =
            self.hole.is_some_and(|hole| start >= hole) && body.gaps.is_empty() && body.losses.is_empty();
        let offered = self.offered;
        self.offered += u64::from(frames);
        self.covered = self.covered.max(self.position);
        let (format, home) = (self.format, self.home.clone());
        // When that was, the pipe knows.
        let captured = CapturedAt::default();
        emit(Chunk { body, format, position: start, frames, padding, captured, is_filler, offered, home });
        if shared == 0 {
            self.open = self.home.take();
        }
    }
}

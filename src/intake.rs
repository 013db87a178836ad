//! The real-time half: native bytes in, blocks out. Runs inside the device's callback.
//!
//! It copies, counts and hands over; it takes no lock, allocates nothing, makes no system call and asks no clock.

use crate::faults::{Fault, Faults};
use crate::format::StreamFormat;
use crate::handoff::gate::Gate;
use crate::handoff::{pool, seqlock};
use crate::record::{RecordReader, word};
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// When a callback's first frame was captured, in nanoseconds of the device's own stream clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Any origin; as the system says it, so neither exact nor certain to grow.
    pub capture_ns: u64,
}

/// What a block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Content {
    /// `frames` frames of native audio.
    Audio,
    /// No bytes: `frames` frames went by while muted.
    Muted,
    /// No bytes: `frames` frames came in another format than the epoch's and cannot be read.
    Mismatched,
}

/// What travels with a block: with its token one cache line. All positions and counts are frames since the epoch
/// began.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Frames given to the callback up to this block's end: its end position.
    pub captured: u64,
    /// Of these, frames for which no block was free.
    pub dropped: u64,
    /// Of these, frames refused on purpose, this block's included.
    pub discarded: u64,
    /// Capture time of the block's first frame, stream clock.
    pub stamp_ns: u64,
    /// Frames that this block covers.
    pub frames: u32,
    /// Whether there are bytes, and if not, why.
    pub content: Content,
}

/// What the callback and the other threads tell each other in single words. Each has one writer; none decides what is
/// true, only when.
#[derive(Debug)]
pub struct Controls {
    /// Hand over what there is at the end of the callback that reaches this position. Written by the worker.
    want: CachePadded<AtomicU64>,
    /// The largest callback so far, in frames. Written by the callback.
    largest: CachePadded<AtomicU32>,
}

impl Controls {
    /// Asks for a hand-over at `position` (frames since the epoch began). A hint: it decides when, never what.
    pub fn want(&self, position: u64) {
        self.want.store(position, Relaxed);
    }

    /// The largest callback so far, in frames.
    pub fn largest(&self) -> u32 {
        self.largest.load(Relaxed)
    }
}

/// The figures that the timeline must come to at the end.
#[derive(Clone, Copy, Debug)]
pub struct Final {
    /// Frames given to the callback.
    pub captured: u64,
    /// Of these, frames for which no block was free.
    pub dropped: u64,
    /// Of these, frames refused on purpose.
    pub discarded: u64,
}

/// When a block of so many frames counts as full: a seventh is enough for two callbacks of 10 ms in a block of 1,024
/// frames at 44.1 kHz.
pub(crate) fn least_room(block_frames: u32) -> u32 {
    (block_frames / 7).max(1)
}

/// The state behind the gate: the callback's, until the worker claims it.
#[derive(Debug)]
pub struct Intake {
    blocks: pool::Producer<Header>,
    controls: Arc<Controls>,
    /// Take no byte, let time pass. Written by the control side.
    muted: Arc<AtomicBool>,
    publisher: seqlock::Writer<{ word::COUNT }>,
    format: StreamFormat,
    frame_bytes: usize,
    /// Frames that fit in a block.
    block_frames: u32,
    /// A block with less room than this is full: the next callback would have to be split over two blocks, which
    /// costs more than the room is worth.
    least_room: u32,
    /// Frames of audio for which there is room in the current block, or would be in a fresh one: in
    /// `1..=block_frames`, or 0 while a block without bytes is open.
    room: u32,
    /// Capture time of the open block's first frame.
    stamp_ns: u64,
    /// Frames in the open block without bytes, and why it has none.
    refused: u32,
    content: Content,
    /// The largest callback so far, in frames.
    largest: u32,
    /// The newest [`Controls::want`] that was served.
    served: u64,
    callbacks: u64,
    captured: u64,
    dropped: u64,
    discarded: u64,
}

impl Intake {
    /// An intake that fills `blocks`, and the reader of its record. Serves the first callback at once.
    pub fn new(
        blocks: pool::Producer<Header>,
        format: StreamFormat,
        muted: Arc<AtomicBool>,
    ) -> (Self, Arc<Controls>, RecordReader) {
        let controls = Arc::new(Controls {
            want: CachePadded::new(AtomicU64::new(1)),
            largest: CachePadded::new(AtomicU32::new(0)),
        });
        let (publisher, reader) = seqlock::seqlock();
        let frame_bytes = format.frame_bytes();
        let block_frames = (blocks.block_bytes() / frame_bytes) as u32;
        let intake = Self {
            blocks,
            controls: controls.clone(),
            muted,
            publisher,
            format,
            frame_bytes,
            block_frames,
            least_room: least_room(block_frames),
            room: block_frames,
            stamp_ns: 0,
            refused: 0,
            content: Content::Muted,
            largest: 0,
            served: 0,
            callbacks: 0,
            captured: 0,
            dropped: 0,
            discarded: 0,
        };
        (intake, controls, RecordReader::new(reader))
    }

    /// One callback: `frames` interleaved frames in `bytes`, in the epoch's format. Wait-free, O(frames).
    #[inline]
    fn callback(&mut self, bytes: &[u8], frames: u32, stamp: Stamp) {
        if self.muted.load(Relaxed) {
            self.refuse(Content::Muted, frames, stamp);
        } else {
            self.copy(bytes, frames, stamp);
        }
        self.end(frames, stamp);
    }

    /// One callback in a format that is not the epoch's.
    #[cold]
    fn mismatch(&mut self, frames: u32, stamp: Stamp) {
        self.refuse(Content::Mismatched, frames, stamp);
        self.end(frames, stamp);
    }

    /// The hand-over rule: once for every position the worker asked for, at the end of the callback that reaches it.
    /// And the record.
    #[inline]
    fn end(&mut self, frames: u32, stamp: Stamp) {
        let want = self.controls.want.load(Relaxed);
        if self.captured >= want && want != self.served {
            self.served = want;
            self.close();
        }
        if frames > self.largest {
            self.largest = frames;
            self.controls.largest.store(frames, Relaxed);
        }
        self.callbacks += 1;
        self.publisher.update([
            (word::CALLBACKS, self.callbacks),
            (word::CAPTURED, self.captured),
            (word::STAMP_NS, stamp.capture_ns),
            (word::POSITION, self.captured - u64::from(frames)),
        ]);
    }

    /// Time passes without audio; what was lost to whom is published at once, since it is rare.
    #[cold]
    fn pass(&mut self, frames: u32, dropped: bool) {
        let frames = u64::from(frames);
        self.captured += frames;
        *(if dropped { &mut self.dropped } else { &mut self.discarded }) += frames;
        self.publisher.update([
            (word::CAPTURED, self.captured),
            (word::DROPPED, self.dropped),
            (word::DISCARDED, self.discarded),
        ]);
    }

    #[inline]
    fn copy(&mut self, bytes: &[u8], frames: u32, stamp: Stamp) {
        // Neither no frames nor more than there is room for.
        let fits = frames.wrapping_sub(1) < self.room;
        let fresh = self.room == self.block_frames;
        // The common case, in a straight line: everything goes into the current block, or into a fresh one.
        if fits && (!fresh || self.blocks.acquire()) {
            if fresh {
                self.stamp_ns = stamp.capture_ns;
            }
            self.append(bytes, frames);
        } else {
            self.copy_in_pieces(bytes, frames, stamp);
        }
    }

    /// Over block boundaries, after a mute, or with no block free.
    #[inline(never)]
    fn copy_in_pieces(&mut self, mut bytes: &[u8], mut frames: u32, stamp: Stamp) {
        if self.room == 0 {
            self.close();
        }
        let start = self.captured;
        while frames > 0 {
            if self.room == self.block_frames {
                if !self.blocks.acquire() {
                    return self.pass(frames, true);
                }
                let ns = (self.captured - start) * 1_000_000_000 / u64::from(self.format.rate_hz);
                self.stamp_ns = stamp.capture_ns.saturating_add(ns);
            }
            let here = frames.min(self.room);
            let (now, later) = bytes.split_at(here as usize * self.frame_bytes);
            self.append(now, here);
            (bytes, frames) = (later, frames - here);
        }
    }

    /// Appends what fits into the current block, and hands the block over when it is full.
    #[inline]
    fn append(&mut self, bytes: &[u8], frames: u32) {
        let at = (self.block_frames - self.room) as usize * self.frame_bytes;
        self.blocks.bytes_mut()[at..][..bytes.len()].copy_from_slice(bytes);
        self.captured += u64::from(frames);
        self.room -= frames;
        if self.room < self.least_room {
            self.hand_over(self.block_frames - self.room, Content::Audio);
        }
    }

    /// Lets time pass without taking a byte; consecutive refusals share one block.
    #[cold]
    fn refuse(&mut self, content: Content, frames: u32, stamp: Stamp) {
        // A shared block's count of frames must not wrap: after half a day of mute it is closed.
        if self.room > 0 || self.content != content || self.refused > u32::MAX / 2 {
            self.close();
        }
        self.pass(frames, false);
        if frames > 0 && self.blocks.acquire() {
            if self.room > 0 {
                (self.room, self.content, self.stamp_ns) = (0, content, stamp.capture_ns);
            }
            self.refused += frames;
        }
    }

    /// Hands the open block over, if there is one.
    #[inline]
    fn close(&mut self) {
        if self.room == 0 {
            self.hand_over(self.refused, self.content);
            self.refused = 0;
        } else if self.room < self.block_frames {
            self.hand_over(self.block_frames - self.room, Content::Audio);
        }
    }

    #[inline]
    fn hand_over(&mut self, frames: u32, content: Content) {
        let Self { captured, dropped, discarded, stamp_ns, .. } = *self;
        self.blocks.commit(Header { captured, dropped, discarded, stamp_ns, frames, content });
        self.room = self.block_frames;
    }

    /// The worker's part of a stop, once it has claimed the gate: hands over what is left and returns the final
    /// figures.
    pub fn finish(&mut self) -> Final {
        self.close();
        Final { captured: self.captured, dropped: self.dropped, discarded: self.discarded }
    }
}

/// The data callback's way in. Never waits: a callback that comes after the end bounces off and is counted.
#[derive(Clone, Debug)]
pub struct DataCallback {
    gate: Arc<Gate<Intake>>,
    faults: Arc<Faults>,
    format: StreamFormat,
    frame_bytes: u64,
    /// 2^32 / `frame_bytes`, rounded up.
    frames_per_byte: u64,
}

impl DataCallback {
    /// The callback's end of `gate`, for a stream of `format`.
    pub fn new(gate: Arc<Gate<Intake>>, faults: Arc<Faults>, format: StreamFormat) -> Self {
        let frame_bytes = format.frame_bytes() as u64;
        Self { gate, faults, format, frame_bytes, frames_per_byte: (1_u64 << 32).div_ceil(frame_bytes) }
    }

    /// One callback: `bytes` are whole interleaved frames of the epoch's format in the machine's byte order, less than
    /// 4 GiB. Anything else counts as [`mismatch`](Self::mismatch). Wait-free, never allocates. `false` once the epoch
    /// has ended.
    #[inline]
    pub fn call(&self, bytes: &[u8], stamp: Stamp) -> bool {
        // A product instead of a quotient: exact for whole frames, and the check below refuses the rest.
        let frames = (bytes.len() as u64).wrapping_mul(self.frames_per_byte) >> 32;
        if frames * self.frame_bytes == bytes.len() as u64 {
            self.gate.enter(|intake| intake.callback(bytes, frames as u32, stamp)).is_some()
        } else {
            self.mismatch(frames as u32, stamp)
        }
    }

    /// One callback of `frames` frames in another format than the epoch's: counted as discarded, and reported as a
    /// fault. Wait-free, never allocates. `false` once the epoch has ended.
    #[cold]
    pub fn mismatch(&self, frames: u32, stamp: Stamp) -> bool {
        self.faults.report(Fault::Mismatch);
        self.gate.enter(|intake| intake.mismatch(frames, stamp)).is_some()
    }

    /// The epoch's format.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Frames that certainly fit now, or `None` once the epoch has ended. For sources that can wait.
    pub fn room(&self) -> Option<u64> {
        self.gate.enter(|intake| {
            let free = intake.blocks.free_blocks() as u64 * u64::from(intake.block_frames);
            let open = if intake.room < intake.block_frames { intake.room } else { 0 };
            free + u64::from(open)
        })
    }
}

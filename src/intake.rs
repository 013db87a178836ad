//! The real-time half: native bytes in, blocks out. Runs inside the device's callback.
//!
//! It copies, counts and hands over; it takes no lock, allocates nothing, makes no system call and asks no clock.

use crate::faults::{Fault, Faults};
use crate::format::StreamFormat;
use crate::handoff::gate::Gate;
use crate::handoff::{pool, seqlock};
use crate::record::{RecordReader, word};
use crossbeam_utils::CachePadded;
use std::hint::cold_path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// When a callback's first frame was captured, and when it was called, in nanoseconds of the device's own stream clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Any origin; as the system says it, so neither exact nor certain to grow.
    pub capture_ns: u64,
    /// When the callback was called, by the same clock or another of the host's; 0 where it does not say. It decides when
    /// the worker looks, never what is true.
    pub called_ns: u64,
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
    /// Hand over what there is at the end of the callback that reaches one of these positions. Written by the worker.
    wants: CachePadded<[AtomicU64; 2]>,
    /// The largest callback so far, in frames. Written by the callback.
    largest: CachePadded<AtomicU32>,
}

impl Controls {
    /// Asks for a hand-over at `position` (frames since the epoch began). A hint: it decides when, never what.
    pub fn want(&self, position: u64) {
        self.want_each([position; 2]);
    }

    /// The same for two positions, each of which is served once. For a burst of callbacks whose end is not certain.
    pub fn want_each(&self, positions: [u64; 2]) {
        self.wants.iter().zip(positions).for_each(|(want, position)| want.store(position, Relaxed));
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

/// More frames than this make a block of `block_frames` count as full: the next callback would have to be split over
/// two blocks, which costs more than the room is worth. A seventh is enough for two callbacks of 10 ms in a block of
/// 1,024 frames at 44.1 kHz.
pub(crate) fn enough(block_frames: u64) -> u64 {
    block_frames - (block_frames / 7).max(1)
}

/// No callback has so many bytes.
const UNKNOWN: usize = usize::MAX;

/// The state behind the gate: the callback's, until the worker claims it.
#[derive(Debug)]
pub struct Intake {
    /// The current block is taken in advance, where one is free.
    blocks: pool::Producer<Header>,
    controls: Arc<Controls>,
    /// Take no byte, let time pass. Written by the control side.
    muted: Arc<AtomicBool>,
    publisher: seqlock::Writer<{ word::COUNT }>,
    faults: Arc<Faults>,
    rate_hz: u64,
    frame_bytes: usize,
    /// A block with more frames than this is full.
    enough: u64,
    /// What the last callback brought, as the next one most likely will: bytes, always whole frames, or [`UNKNOWN`]
    /// while a block without bytes is open.
    usual_bytes: usize,
    /// The same in frames.
    usual_frames: u64,
    /// Capture time of the open block's first frame.
    stamp_ns: u64,
    /// Position of the open block's first frame: everything before it was handed over, or is in a hole. A block is
    /// open while this is less than `captured`.
    start: u64,
    /// What the open block holds.
    content: Content,
    /// The largest callback so far, in frames.
    largest: u32,
    captured: u64,
    dropped: u64,
    discarded: u64,
}

impl Intake {
    /// An intake that fills `blocks`, and the reader of its record. Serves the first callback at once.
    pub fn new(
        mut blocks: pool::Producer<Header>,
        format: StreamFormat,
        muted: Arc<AtomicBool>,
        faults: Arc<Faults>,
    ) -> (Self, Arc<Controls>, RecordReader) {
        let controls = Arc::new(Controls {
            wants: CachePadded::new([const { AtomicU64::new(1) }; 2]),
            largest: CachePadded::new(AtomicU32::new(0)),
        });
        let (publisher, reader) = seqlock::seqlock();
        let frame_bytes = format.frame_bytes();
        blocks.acquire();
        let intake = Self {
            controls: controls.clone(),
            muted,
            publisher,
            faults,
            rate_hz: format.rate_hz.into(),
            frame_bytes,
            enough: enough((blocks.block_bytes() / frame_bytes) as u64),
            usual_bytes: UNKNOWN,
            usual_frames: 0,
            stamp_ns: 0,
            start: 0,
            content: Content::Audio,
            largest: 0,
            captured: 0,
            dropped: 0,
            discarded: 0,
            blocks,
        };
        (intake, controls, RecordReader::new(reader))
    }

    /// One callback with `bytes` of the epoch's format. Wait-free, O(bytes).
    #[inline]
    fn callback(&mut self, bytes: &[u8], stamp: Stamp) {
        // The common case, in a straight line: as much as last time, and it fits into the current block.
        if bytes.len() == self.usual_bytes && !self.muted.load(Relaxed) {
            if self.blocks.is_empty() {
                self.stamp_ns = stamp.capture_ns;
            }
            if self.blocks.append(bytes) {
                self.captured += self.usual_frames;
                if self.is_due() {
                    self.hand_over(Content::Audio);
                }
                return self.publisher.update([
                    (word::CAPTURED, self.captured),
                    (word::STAMP_NS, stamp.capture_ns),
                    (word::CALLED_NS, stamp.called_ns),
                ]);
            }
        }
        cold_path();
        self.unusual(bytes, stamp);
    }

    /// One callback of another size than the last one's, over block boundaries, while muted, or with no block free.
    #[inline(never)]
    fn unusual(&mut self, bytes: &[u8], stamp: Stamp) {
        let frames = bytes.len() / self.frame_bytes;
        let Ok(counted) = u32::try_from(frames) else { return self.mismatch(u32::MAX, stamp) };
        if frames * self.frame_bytes != bytes.len() {
            return self.mismatch(counted, stamp);
        }
        if self.muted.load(Relaxed) {
            self.refuse(Content::Muted, counted, stamp);
        } else {
            self.copy_in_pieces(bytes, stamp);
            if frames > 0 {
                (self.usual_bytes, self.usual_frames) = (bytes.len(), frames as u64);
            }
        }
        self.end(counted, stamp);
    }

    /// One callback in a format that is not the epoch's.
    #[cold]
    fn mismatch(&mut self, frames: u32, stamp: Stamp) {
        self.faults.report(Fault::Mismatch);
        self.refuse(Content::Mismatched, frames, stamp);
        self.end(frames, stamp);
    }

    /// The hand-over rule: when the block is full, or reaches a position that the worker asked for. Asking for what
    /// was handed over already changes nothing, so each position is served once.
    #[inline]
    fn is_due(&self) -> bool {
        let frames = self.captured - self.start;
        // Whether `start < want <= captured`, in one comparison.
        let asked = |want: &AtomicU64| want.load(Relaxed).wrapping_sub(self.start + 1) < frames;
        let [first, second] = &*self.controls.wants;
        asked(first) || asked(second) || frames > self.enough
    }

    /// The end of an unusual callback. There is one publication for each callback: its number is theirs.
    fn end(&mut self, frames: u32, stamp: Stamp) {
        // One that was cut over blocks is handed over whole, or its rest would wait for the next.
        let is_asked = |want: &AtomicU64| {
            let want = want.load(Relaxed);
            want <= self.captured && want > self.captured - u64::from(frames)
        };
        if self.is_due() || self.controls.wants.iter().any(is_asked) {
            self.close();
        }
        if frames > self.largest {
            self.largest = frames;
            self.controls.largest.store(frames, Relaxed);
        }
        self.publisher.update([
            (word::CAPTURED, self.captured),
            (word::DROPPED, self.dropped),
            (word::DISCARDED, self.discarded),
            (word::STAMP_NS, stamp.capture_ns),
            (word::CALLED_NS, stamp.called_ns),
        ]);
    }

    /// Over block boundaries, after a mute, or with no block free.
    fn copy_in_pieces(&mut self, mut bytes: &[u8], stamp: Stamp) {
        if self.content != Content::Audio {
            self.close();
        }
        let first = self.captured;
        while !bytes.is_empty() {
            if !self.blocks.acquire() {
                let frames = (bytes.len() / self.frame_bytes) as u64;
                self.captured += frames;
                self.dropped += frames;
                self.start = self.captured;
                return;
            }
            if self.blocks.is_empty() {
                let ns = (self.captured - first) * 1_000_000_000 / self.rate_hz;
                self.stamp_ns = stamp.capture_ns.saturating_add(ns);
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.blocks.room()));
            self.blocks.append(now);
            self.captured += (now.len() / self.frame_bytes) as u64;
            if self.captured - self.start > self.enough {
                self.close();
            }
            bytes = later;
        }
    }

    /// Lets time pass without taking a byte; consecutive refusals share one block.
    #[cold]
    fn refuse(&mut self, content: Content, frames: u32, stamp: Stamp) {
        // A shared block's count of frames must not wrap: after half a day of mute it is closed.
        if self.content != content || self.captured - self.start > u64::from(u32::MAX / 2) {
            self.close();
        }
        let frames = u64::from(frames);
        self.captured += frames;
        self.discarded += frames;
        if !self.blocks.acquire() {
            self.start = self.captured;
        } else if self.content != content && frames > 0 {
            (self.content, self.usual_bytes, self.stamp_ns) = (content, UNKNOWN, stamp.capture_ns);
        }
    }

    /// Hands the open block over, if there is one.
    fn close(&mut self) {
        if self.start < self.captured {
            self.hand_over(self.content);
            self.content = Content::Audio;
        }
    }

    /// Hands the open block over.
    #[inline]
    fn hand_over(&mut self, content: Content) {
        let Self { captured, dropped, discarded, stamp_ns, start, .. } = *self;
        let frames = (captured - start) as u32;
        self.blocks.commit(Header { captured, dropped, discarded, stamp_ns, frames, content });
        self.start = captured;
    }

    /// The worker's part of a stop, once it has claimed the gate: hands over what is left, wipes the rest of
    /// the pool and returns the final figures.
    pub fn finish(&mut self) -> Final {
        self.close();
        self.blocks.wipe();
        Final { captured: self.captured, dropped: self.dropped, discarded: self.discarded }
    }
}

/// The data callback's way in. Never waits: a callback that comes after the end bounces off and is counted.
#[derive(Clone, Debug)]
pub struct DataCallback {
    gate: Arc<Gate<Intake>>,
    format: StreamFormat,
}

impl DataCallback {
    /// The callback's end of `gate`, for a stream of `format`.
    pub fn new(gate: Arc<Gate<Intake>>, format: StreamFormat) -> Self {
        Self { gate, format }
    }

    /// One callback: `bytes` are whole interleaved frames of the epoch's format in the machine's byte order, fewer than
    /// 2^32 frames. Anything else counts as [`mismatch`](Self::mismatch). Wait-free, never allocates. `false` once the
    /// epoch has ended.
    #[inline]
    pub fn call(&self, bytes: &[u8], stamp: Stamp) -> bool {
        self.gate.enter(|intake| intake.callback(bytes, stamp)).is_some()
    }

    /// One callback of `frames` frames in another format than the epoch's: counted as discarded, and reported as a
    /// fault. Wait-free, never allocates. `false` once the epoch has ended.
    #[cold]
    pub fn mismatch(&self, frames: u32, stamp: Stamp) -> bool {
        self.gate.enter(|intake| intake.mismatch(frames, stamp)).is_some()
    }

    /// The epoch's format.
    pub fn format(&self) -> StreamFormat {
        self.format
    }

    /// Frames that certainly fit now, or `None` once the epoch has ended. For sources that can wait.
    pub fn room(&self) -> Option<u64> {
        self.gate.enter(|intake| {
            let free = intake.blocks.free_blocks() * intake.blocks.block_bytes();
            let open = if intake.content == Content::Audio { intake.blocks.room() } else { 0 };
            ((free + open) / intake.frame_bytes) as u64
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::epoch::epoch;
    use crate::format::SampleFormat;
    use std::time::Duration;

    #[test]
    fn a_callback_that_is_cut_over_blocks_is_handed_over_whole_where_it_is_waited_for() {
        let format = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
        let (inlet, mut epoch) = epoch(format, Duration::from_secs(1), Arc::default());
        let mut handed = |want: u64| {
            epoch.controls.want(want);
            assert!(inlet.data.call(&[0; 2 * 1440], Stamp::default()));
            let mut end = 0;
            while let Some(block) = epoch.pop() {
                end = block.header().captured;
                epoch.give_back(block);
            }
            end
        };
        // A block has 960 frames. Waited for in the first part, in the second, and not at all.
        assert_eq!(handed(700), 1440);
        assert_eq!(handed(1440 + 1200), 2880);
        assert_eq!(handed(1_000_000), 2880 + 960);
    }
}

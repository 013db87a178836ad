//! A tap that passes on only what holds a voice. The gate runs on the listener's thread.

use super::Tap;
use super::chunk::{Body, Chunk, Recycler};
use super::receiver::{Receiver, TapLedger};
use crate::error::Error;
use crate::signal::channels::Channels;
use crate::signal::voice::{EndPoint, Voice, VoiceEvent, VoiceGate};
use crate::tap::GapPolicy;
use crate::time::Clock;
use crate::timeline::CapturedAt;
use std::collections::VecDeque;
use std::sync::Arc;
#[cfg(feature = "async")]
use std::task::{Context, Poll};
use std::time::Duration;

/// What a [`SpeechReceiver`] gets, in order. Positions are the tap's: what was not passed on is still counted.
#[derive(Debug)]
#[non_exhaustive]
pub enum Speech {
    /// A segment begins with the chunk that follows.
    Started {
        /// Its first frame, padding included.
        position: u64,
        /// When that was captured.
        captured_at: CapturedAt,
    },
    /// Audio of the segment: as long as the tap's chunks, but shorter where the segment begins and ends.
    Chunk(Chunk),
    /// The segment has ended.
    Ended {
        /// One behind its last frame.
        position: u64,
    },
    /// Somebody should act: the speaker has finished, went on for too long, or said nothing.
    EndPoint {
        /// Where.
        position: u64,
        /// Which of the three.
        why: EndPoint,
    },
}

/// Frames that may still belong to a segment's end when they have been pushed: a detector's frame.
const UNSURE: u64 = 512;

/// The listening end of a tap that voices open. Dropping it ends the tap.
#[derive(Debug)]
pub struct SpeechReceiver {
    chunks: Receiver,
    gate: VoiceGate,
    /// Chunks that a segment may still start in, or that are not passed on yet.
    held: VecDeque<Chunk>,
    /// Of an open segment, the first frame that was not passed on.
    next: Option<u64>,
    ready: VecDeque<Speech>,
    home: Arc<Recycler<f32>>,
    is_finished: bool,
}

impl SpeechReceiver {
    pub(super) fn new(chunks: Receiver, voice: Voice, chunk_frames: u32) -> Result<Self, Error> {
        let gate = voice.gate()?;
        let home = Recycler::new(8, chunk_frames as usize);
        let (held, ready) = (VecDeque::new(), VecDeque::new());
        Ok(Self { chunks, gate, held, next: None, ready, home, is_finished: false })
    }

    /// What comes next, if it is there. Never waits.
    pub fn try_recv(&mut self) -> Option<Speech> {
        self.next_with(|chunks| chunks.try_recv())
    }

    /// What comes next; waits for it. `None` after the last, when the capture has ended.
    pub fn recv(&mut self) -> Option<Speech> {
        self.next_with(Receiver::recv)
    }

    /// What comes next, waited for no longer than `patience`.
    pub fn recv_timeout(&mut self, patience: Duration) -> Option<Speech> {
        let clock = Clock::here();
        let deadline = clock.now().checked_add(patience);
        self.next_with(|chunks| match deadline {
            Some(deadline) => chunks.recv_timeout(deadline.saturating_duration_since(clock.now())),
            None => chunks.recv(),
        })
    }

    /// [`recv`](Self::recv) for a task, which is woken when there is news.
    #[cfg(feature = "async")]
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Speech>> {
        let mut is_pending = false;
        let next = self.next_with(|chunks| {
            let chunk = chunks.poll_recv(context);
            is_pending = chunk.is_pending();
            if let Poll::Ready(chunk) = chunk { chunk } else { None }
        });
        if next.is_none() && is_pending { Poll::Pending } else { Poll::Ready(next) }
    }

    /// Where the tap's frames went; what holds no voice counts as received.
    pub fn ledger(&self) -> TapLedger {
        self.chunks.ledger()
    }

    fn next_with(&mut self, mut receive: impl FnMut(&mut Receiver) -> Option<Chunk>) -> Option<Speech> {
        loop {
            if let Some(speech) = self.ready.pop_front() {
                return Some(speech);
            }
            match receive(&mut self.chunks) {
                Some(chunk) => self.hear(chunk),
                None if self.chunks.is_ended() && !std::mem::replace(&mut self.is_finished, true) => {
                    let mut events = Vec::new();
                    self.gate.finish(&mut |event| events.push(event));
                    self.follow(&events);
                }
                None => return None,
            }
        }
    }

    fn hear(&mut self, chunk: Chunk) {
        let end = chunk.position() + u64::from(chunk.frames());
        let mut events = Vec::new();
        self.gate.push(chunk.samples(), chunk.position(), &mut |event| events.push(event));
        self.held.push_back(chunk);
        self.follow(&events);
        let sure = end.saturating_sub(UNSURE);
        if self.next.is_some() {
            self.pass_on(sure);
        }
        let kept = self.next.unwrap_or(end.saturating_sub(self.gate.history_frames()));
        while self.held.front().is_some_and(|chunk| chunk.position() + u64::from(chunk.frames()) <= kept) {
            self.held.pop_front();
        }
    }

    fn follow(&mut self, events: &[VoiceEvent]) {
        for event in events {
            match *event {
                VoiceEvent::Started { position } => {
                    self.next = Some(position);
                    let captured_at = self.captured_at(position);
                    self.ready.push_back(Speech::Started { position, captured_at });
                }
                VoiceEvent::Ended { position } => {
                    self.pass_on(position);
                    self.next = None;
                    self.ready.push_back(Speech::Ended { position });
                }
                VoiceEvent::EndPoint { position, why } => {
                    self.ready.push_back(Speech::EndPoint { position, why });
                }
            }
        }
    }

    fn captured_at(&self, position: u64) -> CapturedAt {
        let within = |chunk: &&Chunk| position < chunk.position() + u64::from(chunk.frames());
        self.held
            .iter()
            .find(within)
            .map_or_else(CapturedAt::default, |chunk| chunk.captured_within(position))
    }

    /// The open segment's audio before `end`.
    fn pass_on(&mut self, end: u64) {
        let Some(next) = &mut self.next else { return };
        for chunk in &self.held {
            let (first, last) = (chunk.position(), chunk.position() + u64::from(chunk.frames()));
            let (from, to) = (first.max(*next), last.min(end));
            if from >= to {
                continue;
            }
            let mut body: Body<f32> = self.home.take();
            body.samples.extend_from_slice(&chunk.samples()[(from - first) as usize..(to - first) as usize]);
            // What lies before the chunk is told with its first piece.
            let gaps = chunk.gaps().iter().filter(|gap| from == first || gap.position >= from);
            body.gaps.extend(gaps.filter(|gap| gap.position < to).copied());
            if to == last {
                body.losses.extend_from_slice(chunk.losses());
            }
            let piece = Chunk {
                is_filler: false,
                body,
                format: chunk.format(),
                position: from,
                frames: (to - from) as u32,
                padding: 0,
                captured: chunk.captured_within(from),
                offered: 0,
                home: self.home.clone(),
            };
            *next = to;
            self.ready.push_back(Speech::Chunk(piece));
        }
    }
}

impl Iterator for SpeechReceiver {
    type Item = Speech;

    /// [`recv`](SpeechReceiver::recv).
    fn next(&mut self) -> Option<Speech> {
        self.recv()
    }
}

/// A tap as a gate needs it: holes are told by positions.
///
/// # Errors
/// `BadArgument` unless it is mono at 16 kHz without overlap.
pub(super) fn for_voice(tap: Tap) -> Result<Tap, Error> {
    let is_mono = match &tap.channels {
        Channels::Mono | Channels::Average | Channels::MonoOf(_) | Channels::First => true,
        Channels::List(list) => list.len() == 1,
        Channels::All => false,
    };
    if !is_mono || tap.rate_hz != Some(16_000) || tap.hop.is_some() {
        return Err(Error::bad_argument(
            "voice is found in mono at 16 kHz, chunk after chunk; nothing was started",
        ));
    }
    Ok(tap.gaps(GapPolicy::Split))
}

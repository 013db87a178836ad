//! One thing that the engine was given.

use super::wire::{Put, Take};
use super::{CHECK, EMPTY, HEAD, TraceContent, checksum, told};
use crate::event::EventKind;
use crate::intake::{Content, Final, Header};
use crate::record::{Live, Record};
use crate::source::InputInfo;
use crate::timeline::Away;
use std::time::Duration;

/// What the engine was given; times count from the capture's first open where nothing else is said.
#[derive(Clone, Debug)]
pub(crate) enum Entry<'a> {
    /// A device is open. `at`, `stream_ns`, `error` and `is_own` are its anchor's.
    Begin { info: InputInfo, at: Duration, stream_ns: u64, error: Duration, is_own: bool },
    /// A block; `native` is empty where there is no audio, or none is kept.
    Block { header: Header, seen: Duration, xruns: u64, native: &'a [u8] },
    /// The statistics were brought up to date; `now` counts from the capture's making.
    Look { live: Live, now: Duration },
    /// The device is not open any more.
    Leave { last: Option<Final>, live: Live, why: Option<Away> },
    /// Another turn of the worker.
    Tick(Tick),
    /// The worker told something, or the sound did and the sound is not kept.
    Told(EventKind),
    /// The end of the capture, and what only the worker knows of it.
    End { tick: Tick, late_callbacks: u64, released: bool },
    /// The disk was too slow, so many entries are missing, and the trace ends.
    Lost { entries: u64 },
}

/// The time, and the figures that a replay cannot count itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tick {
    pub now: Duration,
    pub wakeups: u64,
    pub slow_closures: u64,
    pub repaired_samples: u64,
}

const BEGIN: u8 = 1;
const BLOCK: u8 = 2;
const LOOK: u8 = 3;
const LEAVE: u8 = 4;
const TICK: u8 = 5;
const TOLD: u8 = 6;
const END: u8 = 7;
const LOST: u8 = 8;

impl<'a> Entry<'a> {
    /// Appends the whole entry to `bytes`, unless it says nothing.
    pub(super) fn put(&self, content: TraceContent, bytes: &mut Vec<u8>) -> bool {
        let start = bytes.len();
        bytes.extend([0; HEAD]);
        let put = &mut Put(bytes);
        let kind = match self {
            Self::Begin { info, at, stream_ns, error, is_own } => {
                put.info(info);
                put.duration(*at);
                put.u64(*stream_ns);
                put.duration(*error);
                put.bool(*is_own);
                BEGIN
            }
            Self::Block { header, seen, xruns, native } => {
                let &Header { captured, dropped, discarded, stamp_ns, frames, content: kind } = header;
                put.u64s([captured, dropped, discarded, stamp_ns]);
                put.u32(frames);
                put.u8(kind as u8);
                put.duration(*seen);
                put.u64(*xruns);
                // A block of refused frames holds what an earlier one left.
                if content == TraceContent::WithAudio && kind == Content::Audio {
                    put.0.extend(*native);
                }
                BLOCK
            }
            Self::Look { live, now } => {
                put_live(put, live);
                put.duration(*now);
                LOOK
            }
            Self::Leave { last, live, why } => {
                put_live(put, live);
                put.away(*why);
                put.bool(last.is_some());
                if let Some(Final { captured, dropped, discarded }) = *last {
                    put.u64s([captured, dropped, discarded]);
                }
                LEAVE
            }
            Self::Tick(tick) => {
                put_tick(put, tick);
                TICK
            }
            Self::Told(event) => {
                if !told::put(put, event) {
                    bytes.truncate(start);
                    return false;
                }
                TOLD
            }
            Self::End { tick, late_callbacks, released } => {
                put_tick(put, tick);
                put.u64(*late_callbacks);
                put.bool(*released);
                END
            }
            Self::Lost { entries } => {
                put.u64(*entries);
                LOST
            }
        };
        let len = bytes.len() - start - HEAD;
        bytes[start] = kind;
        bytes[start + 1..start + HEAD].copy_from_slice(&(len as u32).to_le_bytes());
        let check: [u8; CHECK] = checksum(EMPTY, &bytes[start..]).to_le_bytes();
        bytes.extend(check);
        true
    }

    /// What an entry of `kind` says; `None` if it cannot be meant.
    pub(super) fn take(kind: u8, content: &'a [u8]) -> Option<Self> {
        let take = &mut Take(content);
        let entry = match kind {
            BEGIN => Self::Begin {
                info: take.info()?,
                at: take.duration()?,
                stream_ns: take.u64()?,
                error: take.duration()?,
                is_own: take.bool()?,
            },
            BLOCK => {
                let (captured, dropped, discarded) = (take.count()?, take.count()?, take.count()?);
                let (stamp_ns, frames) = (take.u64()?, take.u32()?);
                let content = match take.u8()? {
                    0 => Content::Audio,
                    1 => Content::Muted,
                    2 => Content::Mismatched,
                    _ => return None,
                };
                let header = Header { captured, dropped, discarded, stamp_ns, frames, content };
                Self::Block { header, seen: take.duration()?, xruns: take.count()?, native: take.rest() }
            }
            LOOK => Self::Look { live: take_live(take)?, now: take.duration()? },
            LEAVE => {
                let (live, why) = (take_live(take)?, take.away()?);
                let last = if take.bool()? {
                    let (captured, dropped, discarded) = (take.count()?, take.count()?, take.count()?);
                    Some(Final { captured, dropped, discarded })
                } else {
                    None
                };
                Self::Leave { last, live, why }
            }
            TICK => Self::Tick(take_tick(take)?),
            TOLD => Self::Told(told::take(take)?),
            END => {
                let tick = take_tick(take)?;
                Self::End { tick, late_callbacks: take.u64()?, released: take.bool()? }
            }
            LOST => Self::Lost { entries: take.u64()? },
            _ => return None,
        };
        take.0.is_empty().then_some(entry)
    }
}

fn put_live(put: &mut Put<'_>, live: &Live) {
    let Live { record, late, largest, errors, xruns } = *live;
    // When a callback was called is the worker's business, and none of the engine's.
    let Record { callbacks, captured, dropped, discarded, stamp_ns, called_ns: _ } = record;
    put.u64s([callbacks, captured, dropped, discarded, stamp_ns, errors, xruns]);
    put.u32(largest);
    put.u64(late);
}

fn take_live(take: &mut Take<'_>) -> Option<Live> {
    let (callbacks, captured) = (take.count()?, take.count()?);
    let (dropped, discarded, stamp_ns) = (take.count()?, take.count()?, take.u64()?);
    let record = Record { callbacks, captured, dropped, discarded, stamp_ns, called_ns: 0 };
    Some(Live {
        record,
        errors: take.count()?,
        xruns: take.count()?,
        largest: take.u32()?,
        late: take.count()?,
    })
}

fn put_tick(put: &mut Put<'_>, tick: &Tick) {
    let Tick { now, wakeups, slow_closures, repaired_samples } = *tick;
    put.duration(now);
    put.u64s([wakeups, slow_closures, repaired_samples]);
}

fn take_tick(take: &mut Take<'_>) -> Option<Tick> {
    Some(Tick {
        now: take.duration()?,
        wakeups: take.u64()?,
        slow_closures: take.u64()?,
        repaired_samples: take.u64()?,
    })
}

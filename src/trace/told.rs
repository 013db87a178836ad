//! Events that the engine cannot find out again from the rest: those of the worker, and those of the sound itself.

use super::wire::{Put, Take};
use crate::event::{EventKind, StopReason};
use crate::signal::verdict::SoundVerdict;

/// Whether there is something to say; the others the engine tells by itself.
pub(super) fn put(put: &mut Put<'_>, kind: &EventKind) -> bool {
    match kind {
        EventKind::Opened(_)
        | EventKind::Reopened(_)
        | EventKind::Closed(_)
        | EventKind::Gap(_)
        | EventKind::Lost(_)
        | EventKind::Stopped(StopReason::TraceEnded(_)) => return false,
        EventKind::FirstCallback => put.u8(0),
        EventKind::FirstSignal => put.u8(1),
        EventKind::Verdict(verdict) => {
            put.u8(2);
            put_verdict(put, verdict);
        }
        EventKind::Stalled(length) => {
            put.u8(3);
            put.duration(*length);
        }
        EventKind::Resumed => put.u8(4),
        EventKind::CannotOpen(error) => {
            put.u8(5);
            put.error(error);
        }
        EventKind::Rerouted => put.u8(6),
        EventKind::RealtimeDenied => put.u8(7),
        EventKind::ErrorStorm => put.u8(8),
        EventKind::Slept(length) => {
            put.u8(9);
            put.duration(*length);
        }
        EventKind::Overloaded(length) => {
            put.u8(10);
            put.duration(*length);
        }
        EventKind::Stopped(StopReason::Requested) => put.u8(11),
        EventKind::Stopped(StopReason::Finished) => put.u8(12),
        EventKind::Stopped(StopReason::Failed(error)) => {
            put.u8(13);
            put.error(error);
        }
        EventKind::Stopped(StopReason::CallbackStuck) => put.u8(14),
        EventKind::DevicesChanged => put.u8(15),
        EventKind::DeadChannels(channels) => {
            put.u8(16);
            put.u32(
                channels.iter().filter(|channel| **channel < 32).fold(0, |bits, channel| bits | 1 << channel),
            );
        }
    }
    true
}

pub(super) fn take(take: &mut Take<'_>) -> Option<EventKind> {
    Some(match take.u8()? {
        0 => EventKind::FirstCallback,
        1 => EventKind::FirstSignal,
        2 => EventKind::Verdict(take_verdict(take)?),
        3 => EventKind::Stalled(take.duration()?),
        4 => EventKind::Resumed,
        5 => EventKind::CannotOpen(take.error()?),
        6 => EventKind::Rerouted,
        7 => EventKind::RealtimeDenied,
        8 => EventKind::ErrorStorm,
        9 => EventKind::Slept(take.duration()?),
        10 => EventKind::Overloaded(take.duration()?),
        11 => EventKind::Stopped(StopReason::Requested),
        12 => EventKind::Stopped(StopReason::Finished),
        13 => EventKind::Stopped(StopReason::Failed(take.error()?)),
        14 => EventKind::Stopped(StopReason::CallbackStuck),
        15 => EventKind::DevicesChanged,
        16 => {
            let bits = take.u32()?;
            EventKind::DeadChannels((0..32).filter(|channel| bits >> channel & 1 == 1).collect())
        }
        _ => return None,
    })
}

fn put_verdict(put: &mut Put<'_>, verdict: &SoundVerdict) {
    put.u8(verdict.severity());
    match *verdict {
        SoundVerdict::Ok => {}
        SoundVerdict::Muted { frames }
        | SoundVerdict::NoSignalYet { frames }
        | SoundVerdict::NeverHadSignal { frames } => put.u64(frames),
        SoundVerdict::TooQuiet { peak } | SoundVerdict::BelowNoiseFloor { peak } => put.u32(peak.to_bits()),
        SoundVerdict::OneChannelOnly { channel, others } => {
            put.u16(channel);
            put.u32(others.to_bits());
        }
        SoundVerdict::Clipped { channel, events, samples } => {
            put.u16(channel);
            put.u64s([events, samples]);
        }
        SoundVerdict::Lossy { frames, share } => {
            put.u64(frames);
            put.u32(share.to_bits());
        }
        SoundVerdict::RateMismatch { actual_hz } => put.u64(actual_hz.to_bits()),
        SoundVerdict::WentSilent { position, frames, returned } => {
            put.u64s([position, frames]);
            put.bool(returned);
        }
        SoundVerdict::DeviceLost { times, recovered } => {
            put.u32(times);
            put.bool(recovered);
        }
    }
}

fn take_verdict(take: &mut Take<'_>) -> Option<SoundVerdict> {
    Some(match take.u8()? {
        0 => SoundVerdict::Ok,
        1 => SoundVerdict::Muted { frames: take.u64()? },
        2 => SoundVerdict::NoSignalYet { frames: take.u64()? },
        3 => SoundVerdict::TooQuiet { peak: f32::from_bits(take.u32()?) },
        4 => SoundVerdict::OneChannelOnly { channel: take.u16()?, others: f32::from_bits(take.u32()?) },
        5 => SoundVerdict::Clipped { channel: take.u16()?, events: take.u64()?, samples: take.u64()? },
        6 => SoundVerdict::Lossy { frames: take.u64()?, share: f32::from_bits(take.u32()?) },
        7 => SoundVerdict::RateMismatch { actual_hz: f64::from_bits(take.u64()?) },
        8 => SoundVerdict::BelowNoiseFloor { peak: f32::from_bits(take.u32()?) },
        9 => SoundVerdict::WentSilent { position: take.u64()?, frames: take.u64()?, returned: take.bool()? },
        10 => SoundVerdict::DeviceLost { times: take.u32()?, recovered: take.bool()? },
        11 => SoundVerdict::NeverHadSignal { frames: take.u64()? },
        _ => return None,
    })
}

//! Sources of our own: a WAV file, a made-up microphone. A thread plays the part of the audio system's.

use super::synthetic::{Generator, Synthetic};
use super::{InputInfo, Pace, Running, Session, Stop, Wish, no_thread};
use crate::epoch::{Inlet, epoch};
use crate::error::Error;
use crate::faults::Fault;
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::Stamp;
use crate::time::{Closing, Sleeper, Waker};
use crate::timeline::Anchor;
use crate::wav::WavReader;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

/// Callbacks per second: a period of 10 ms, as most microphones have.
const PERIODS_HZ: u64 = 100;

/// Replaces the bytes by up to so many frames; how many there were, fewer only at the end.
type Player = Box<dyn FnMut(usize, &mut Vec<u8>) -> Result<usize, Error> + Send>;

pub(super) fn open_file(path: PathBuf, wish: &Wish) -> Result<Session, Error> {
    let mut reader = WavReader::open(&path)?;
    let format = reader.format();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let id = path.display().to_string();
    let info = InputInfo { host: "file".into(), id, name, format, server: None, period_frames: None };
    play(info, wish, Box::new(move |frames, bytes| reader.read(bytes, frames)))
}

pub(super) fn open_synthetic(kind: Synthetic, wish: &Wish) -> Result<Session, Error> {
    let format = StreamFormat {
        rate_hz: wish.format.rate_hz.unwrap_or(48_000),
        channels: wish.format.channels.unwrap_or(2),
        sample: wish.format.sample.unwrap_or(SampleFormat::F32),
    };
    let name = format!("synthetic {kind}");
    let id = kind.to_string();
    let info = InputInfo { host: "synthetic".into(), id, name, format, server: None, period_frames: None };
    let mut generator = Generator::new(kind, format.rate_hz, format.channels);
    let player = move |frames, bytes: &mut Vec<u8>| {
        generator.fill_native(format.sample, frames, bytes);
        Ok(frames)
    };
    play(info, wish, Box::new(player))
}

fn play(info: InputInfo, wish: &Wish, mut player: Player) -> Result<Session, Error> {
    let format = info.format;
    let (inlet, epoch) = epoch(format, wish.pool, wish.muted.clone());
    let limit = wish.length.map_or(u64::MAX, |length| frames_in(length, format.rate_hz));
    let pace = wish.pace;
    let (clock, worker) = (wish.clock.clone(), wish.worker.clone());
    let (stop, stopped) = mpsc::channel::<()>();
    let closing = Closing::default();
    let closed = closing.closed();
    let started = clock.now();
    let thread = wish
        .clock
        .spawn("hearken-source", move |sleeper| {
            let mut bytes = Vec::new();
            let mut played = 0;
            let is_over = || stopped.try_recv() == Err(TryRecvError::Disconnected);
            while played < limit {
                let next = period_end(played, format.rate_hz).min(limit);
                match pace {
                    Pace::RealTime => {
                        let due = started + at(next, format.rate_hz);
                        while !is_over() && clock.now() < due {
                            sleeper.park(due.saturating_duration_since(clock.now()));
                        }
                        if is_over() {
                            break;
                        }
                    }
                    Pace::Fast => {
                        if !wait_for_room(&inlet, next - played, &is_over, &sleeper, &worker) {
                            break;
                        }
                    }
                }
                // A file that fails in the middle is a device that is lost: what was read before counts.
                let Ok(frames) = player((next - played) as usize, &mut bytes) else {
                    inlet.faults.report(Fault::Lost);
                    break;
                };
                let frames = frames as u64;
                let [capture_ns, called_ns] = [
                    at(played, format.rate_hz).as_nanos() as u64,
                    clock.now().saturating_duration_since(started).as_nanos() as u64,
                ];
                let stamp = Stamp { capture_ns, called_ns };
                played += frames;
                if !inlet.data.call(&bytes, stamp) || played < next {
                    break;
                }
            }
            // Release: pairs with `Epoch::source_ended`; everything above happened before.
            inlet.ended.store(true, Ordering::Release);
            worker.wake();
            drop(closing);
        })
        .map_err(|error| no_thread(&error))?;
    let running = Running { stop: Some(Stop::Sleeper(thread.waker, Some(stop))), closed };
    let paced = pace == Pace::RealTime;
    let anchor = Anchor { at: started, stream_ns: 0, error: Duration::ZERO, is_own: true };
    Ok(Session { info, epoch, running, started, anchor, ends_itself: true, paced })
}

/// Waits until `frames` fit; `false` when the capture has ended instead.
fn wait_for_room(
    inlet: &Inlet,
    frames: u64,
    is_over: &impl Fn() -> bool,
    sleeper: &Sleeper,
    worker: &Waker,
) -> bool {
    loop {
        match inlet.data.room() {
            None => return false,
            Some(room) if room >= frames => return true,
            Some(_) => {
                worker.wake();
                if is_over() {
                    return false;
                }
                // The worker nudges after it has made room.
                sleeper.park(Duration::from_millis(1));
            }
        }
    }
}

/// When frame `position` is due after the start.
fn at(position: u64, rate_hz: u32) -> Duration {
    Duration::from_nanos((u128::from(position) * 1_000_000_000 / u128::from(rate_hz)) as u64)
}

/// Frames in `length`, rounded.
fn frames_in(length: Duration, rate_hz: u32) -> u64 {
    ((length.as_nanos() * u128::from(rate_hz) + 500_000_000) / 1_000_000_000) as u64
}

/// The end of the period that `position` lies in; periods differ by a frame where the rate is no multiple of 100.
fn period_end(position: u64, rate_hz: u32) -> u64 {
    let rate = u64::from(rate_hz);
    let mut period = position * PERIODS_HZ / rate + 1;
    while period * rate / PERIODS_HZ <= position {
        period += 1;
    }
    period * rate / PERIODS_HZ
}

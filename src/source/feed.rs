//! Sources of our own: a WAV file, a made-up microphone. A thread plays the part of the audio system's.

use super::synthetic::{Generator, Synthetic};
use super::{InputInfo, Pace, Running, Session, Wish, no_thread};
use crate::epoch::{Inlet, epoch};
use crate::error::Error;
use crate::faults::Fault;
use crate::format::{SampleFormat, StreamFormat};
use crate::intake::Stamp;
use crate::timeline::Anchor;
use crate::wav::WavReader;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// Callbacks per second: a period of 10 ms, as most microphones have.
const PERIODS_HZ: u64 = 100;

/// Replaces the bytes by up to so many frames; how many there were, fewer only at the end.
type Player = Box<dyn FnMut(usize, &mut Vec<u8>) -> Result<usize, Error> + Send>;

pub(super) fn open_file(path: PathBuf, wish: &Wish) -> Result<Session, Error> {
    let mut reader = WavReader::open(&path)?;
    let format = reader.format();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let info = InputInfo { host: "file".into(), id: path.display().to_string(), name, format };
    play(info, wish, Box::new(move |frames, bytes| reader.read(bytes, frames)))
}

pub(super) fn open_synthetic(kind: Synthetic, wish: &Wish) -> Result<Session, Error> {
    let format = StreamFormat {
        rate_hz: wish.format.rate_hz.unwrap_or(48_000),
        channels: wish.format.channels.unwrap_or(2),
        sample: wish.format.sample.unwrap_or(SampleFormat::F32),
    };
    let name = format!("synthetic {kind}");
    let info = InputInfo { host: "synthetic".into(), id: kind.to_string(), name, format };
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
    let worker = thread::current();
    let (stop, stopped) = mpsc::channel::<()>();
    let (closing, closed) = mpsc::channel::<()>();
    let started = Instant::now();
    let source = thread::Builder::new()
        .name("hearken-source".into())
        .spawn(move || {
            let mut bytes = Vec::new();
            let mut played = 0;
            let wait =
                |patience: Duration| matches!(stopped.recv_timeout(patience), Err(RecvTimeoutError::Timeout));
            while played < limit {
                let next = period_end(played, format.rate_hz).min(limit);
                match pace {
                    Pace::RealTime => {
                        let due = started + at(next, format.rate_hz);
                        if !wait(due.saturating_duration_since(Instant::now())) {
                            break;
                        }
                    }
                    Pace::Fast => {
                        if !wait_for_room(&inlet, next - played, &wait, &worker) {
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
                let stamp = Stamp { capture_ns: at(played, format.rate_hz).as_nanos() as u64 };
                played += frames;
                if !inlet.data.call(&bytes, stamp) || played < next {
                    break;
                }
            }
            // Release: pairs with `Epoch::source_ended`; everything above happened before.
            inlet.ended.store(true, Ordering::Release);
            worker.unpark();
            drop(closing);
        })
        .map_err(|error| no_thread(&error))?;
    let running = Running { thread: source.thread().clone(), stop: Some(stop), closed };
    let paced = pace == Pace::RealTime;
    let anchor = Anchor { at: started, stream_ns: 0, error: Duration::ZERO, is_own: true };
    Ok(Session { info, epoch, running, started, anchor, ends_itself: true, paced })
}

/// Waits until `frames` fit; `false` when the capture has ended instead.
fn wait_for_room(
    inlet: &Inlet,
    frames: u64,
    wait: &impl Fn(Duration) -> bool,
    worker: &thread::Thread,
) -> bool {
    loop {
        match inlet.data.room() {
            None => return false,
            Some(room) if room >= frames => return true,
            Some(_) => {
                worker.unpark();
                if !wait(Duration::ZERO) {
                    return false;
                }
                // The worker nudges after it has made room.
                thread::park_timeout(Duration::from_millis(1));
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

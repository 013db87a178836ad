//! The loop that takes a PCM's frames: waits, and hands over all that there is at each wake. In steady state it waits
//! for nothing but frames and the end, takes no memory and says nothing.

use super::by_alsa::{Card, Errno, now_ns, number};
use crate::faults::{Fault, Faults};
use crate::intake::{DataCallback, Stamp};
use alsa::pcm::{Frames, IO, PCM, State, Status};
use alsa::poll::{Descriptors, Flags, poll, pollfd};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for a wake before the PCM is asked whether it is still there: some plugins wake nobody when their
/// server dies.
const ASK: Duration = Duration::from_millis(250);
/// A PCM that wakes us for nothing is left alone for half a period, and for no less than this.
const LEAST_REST: Duration = Duration::from_millis(5);
/// More descriptors than any plugin has; they are the plugin's to change.
const MOST_DESCRIPTORS: usize = 32;

/// Why it does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Somebody asked for the end.
    Stopped,
    /// The PCM is of no more use.
    Gone,
}

/// What is known of a PCM when it has been opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ring {
    /// Frames that it holds.
    pub frames: usize,
    /// Frames after which it wakes us.
    pub period: usize,
    /// Bytes of a frame.
    pub frame_bytes: usize,
    /// Frames per second, as it was opened.
    pub rate_hz: u32,
}

/// Reads from a PCM that runs.
pub(super) struct AlsaReader<'a> {
    pcm: &'a PCM,
    reads: IO<'a, u8>,
    /// Whether its own stamps are those of the hardware.
    card: Card,
    ring: Ring,
    data: DataCallback,
    faults: Arc<Faults>,
    /// As long as the ring; no page of it is touched that was never needed.
    bytes: Vec<u8>,
    /// The end's, and behind it the PCM's.
    descriptors: Vec<pollfd>,
    /// Half a period.
    rest: Duration,
    /// Wakes in a row that brought nothing.
    idle: u32,
    /// Wakes in a row that found the ring full.
    full: u32,
}

impl<'a> AlsaReader<'a> {
    /// A reader of `pcm`, which ends when `end` can be read from.
    pub fn new(
        pcm: &'a PCM,
        card: Card,
        ring: Ring,
        data: DataCallback,
        faults: Arc<Faults>,
        end: BorrowedFd<'_>,
    ) -> Self {
        let end = pollfd { fd: end.as_raw_fd(), events: Flags::IN.bits(), revents: 0 };
        let period = Duration::from_secs_f64(ring.period as f64 / f64::from(ring.rate_hz));
        Self {
            pcm,
            reads: pcm.io_bytes(),
            card,
            ring,
            data,
            faults,
            bytes: vec![0; ring.frames * ring.frame_bytes],
            descriptors: vec![end; 1 + MOST_DESCRIPTORS],
            rest: (period / 2).max(LEAST_REST),
            idle: 0,
            full: 0,
        }
    }

    /// Reads until it is over.
    pub fn run(&mut self) -> Over {
        loop {
            let turn = self.wait().and_then(|()| self.take());
            if let Err(over) = turn {
                return over;
            }
        }
    }

    /// Waits until the PCM may have frames. Once it has woken us twice for nothing, it is given a rest first: a ring
    /// holds many times as much.
    fn wait(&mut self) -> Result<(), Over> {
        if self.idle >= 2 {
            self.pause(self.rest)?;
        } else if self.full >= 2 {
            // No device is so fast: it makes frames up, and would take all the time that there is.
            self.pause(Duration::from_secs_f64(
                self.ring.frames as f64 / f64::from(self.ring.rate_hz) / 2.0,
            ))?;
        }
        // Anew each time: the descriptors are the plugin's, and filling them tells it that somebody waits.
        let count = self.pcm.count();
        if count > MOST_DESCRIPTORS || self.pcm.fill(&mut self.descriptors[1..=count]) != Ok(count) {
            return Err(Over::Gone);
        }
        if !self.poll(1 + count, ASK)? {
            self.idle = 0;
        }
        // Some plugins take back here what woke us.
        let events = self.pcm.revents(&self.descriptors[1..=count]).map_err(|_| Over::Gone)?;
        if events.intersects(Flags::HUP | Flags::NVAL) { Err(Over::Gone) } else { Ok(()) }
    }

    /// Takes all that is there, in one call.
    fn take(&mut self) -> Result<(), Over> {
        let (frames, stamp) = match self.look() {
            Ok(found) => found,
            Err(error) => return self.recover(error),
        };
        self.idle = if frames == 0 { self.idle.saturating_add(1) } else { 0 };
        self.full = if frames == self.ring.frames { self.full + 1 } else { 0 };
        let room = self.room(frames);
        if frames.min(room) == 0 {
            // The worker has to be waited for as well.
            self.idle = self.idle.max(if frames > 0 { 2 } else { 0 });
            return Ok(());
        }
        let frames = frames.min(room);
        match self.reads.readi(&mut self.bytes[..frames * self.ring.frame_bytes]) {
            Ok(read) => {
                // An epoch that has ended is closed at once, which is told by the other end.
                self.data.call(&self.bytes[..read.min(frames) * self.ring.frame_bytes], stamp);
                Ok(())
            }
            Err(error) => self.recover(number(&error)),
        }
    }

    /// The frames that wait, and when the first of them was captured.
    fn look(&self) -> Result<(usize, Stamp), Errno> {
        let back = |ns: u64, frames: Frames| {
            let frames = u64::try_from(frames).unwrap_or(0);
            let capture_ns = ns.saturating_sub(frames * 1_000_000_000 / u64::from(self.ring.rate_hz));
            Stamp { capture_ns, called_ns: ns }
        };
        let whole = |frames: Frames| usize::try_from(frames).unwrap_or(0).min(self.ring.frames);
        if self.card == Card::Bare {
            let status = self.pcm.status().map_err(|error| number(&error))?;
            // A status does not fail where there was an overrun.
            match status.get_state() {
                State::XRun => return Err(Errno::EPIPE),
                State::Suspended => return Err(Errno::ESTRPIPE),
                State::Disconnected => return Err(Errno::ENODEV),
                _ => {}
            }
            let frames = status.get_avail();
            if let Some(ns) = hardware_ns(&status) {
                return Ok((whole(frames), back(ns, status.get_delay())));
            }
            return Ok((whole(frames), back(now_ns(), frames)));
        }
        // What a server says of its own delay strays by milliseconds, and asking for it may hang. When frames came is
        // known to a tenth of one, and they are late by no less than the server needs.
        let frames = self.pcm.avail_update().map_err(|error| number(&error))?;
        Ok((whole(frames), back(now_ns(), frames)))
    }

    /// How many of `waiting` frames may be taken now: what the pool has no room for is not lost while it is in the ring.
    fn room(&self, waiting: usize) -> usize {
        match self.data.room() {
            // Nothing waits in a ring that is about to overrun.
            Some(0) if waiting > self.ring.frames / 4 * 3 => waiting,
            Some(room) => usize::try_from(room).unwrap_or(usize::MAX),
            None => waiting,
        }
    }

    /// Goes on after an overrun or a suspend, in place.
    fn recover(&mut self, error: Errno) -> Result<(), Over> {
        self.idle = self.idle.saturating_add(1);
        match error {
            Errno::EAGAIN | Errno::EINTR => return Ok(()),
            Errno::EPIPE => {}
            Errno::ESTRPIPE => loop {
                match self.pcm.resume() {
                    Err(error) if number(&error) == Errno::EAGAIN => self.pause(self.rest)?,
                    // What the card did not keep begins anew.
                    _ => break,
                }
            },
            _ => return Err(Over::Gone),
        }
        // A server that died says the same as an overrun; only its descriptors know better.
        let count = self.pcm.count().min(MOST_DESCRIPTORS);
        if self.pcm.revents(&self.descriptors[1..=count]).is_err() {
            return Err(Over::Gone);
        }
        if self.pcm.state() != State::Running {
            self.pcm.prepare().and_then(|()| self.pcm.start()).map_err(|_| Over::Gone)?;
        }
        self.faults.report(Fault::Xrun);
        Ok(())
    }

    /// Waits for a while, unless the end comes.
    fn pause(&mut self, length: Duration) -> Result<(), Over> {
        self.poll(1, length).map(|_| ())
    }

    /// Waits for the first so many descriptors; whether it was woken.
    fn poll(&mut self, count: usize, patience: Duration) -> Result<bool, Over> {
        let ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
        let woken = poll(&mut self.descriptors[..count], ms);
        if woken.is_err() {
            // A signal came between, which is as good as a wake that brings nothing.
            self.descriptors.iter_mut().for_each(|descriptor| descriptor.revents = 0);
        }
        if self.descriptors[0].revents == 0 { Ok(woken != Ok(0)) } else { Err(Over::Stopped) }
    }
}

/// The moment of a card's status, in nanoseconds of the system's monotonic clock; none where it gives none.
fn hardware_ns(status: &Status) -> Option<u64> {
    let at = status.get_htstamp();
    let ns = (at.tv_sec as u64).checked_mul(1_000_000_000)?.checked_add(at.tv_nsec as u64)?;
    (ns > 0).then_some(ns)
}

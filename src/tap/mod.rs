//! A tap takes the capture's audio in a shape of its own: channels, rate, chunk length.
//!
//! [`pipe`] is the worker's end ([`native`] that of the device's own samples), [`assembler`] cuts chunks, [`receiver`]
//! carries them to the listener, [`file`] listens on a thread of its own and writes.

mod assembler;
mod axis;
mod chunk;
mod file;
mod hold_back;
mod native;
mod pipe;
mod receiver;
mod slow;
mod speech;

pub use assembler::GapPolicy;
pub use chunk::Chunk;
pub use file::{FileFormat, FileTap, WavFile, Written};
pub use receiver::{Receiver, TapLedger, WhenFull};
pub use speech::{Speech, SpeechReceiver};

pub(crate) use pipe::{Audio, Pipe};
pub(crate) use slow::SlowCalls;

use crate::error::Error;
use crate::format::StreamFormat;
use crate::signal::{
    channels::Channels,
    gain::Gain,
    resample::{Quality, run_frames},
    voice::Voice,
};
use assembler::Grid;
use hold_back::{Held, HeldBack};
use pipe::{AudioPipe, Sink};
use receiver::Queue;
use std::time::Duration;

/// The longest hold-back, in milliseconds.
const MOST_HELD_BACK_MS: u32 = 5_000;
/// More chunks wait for nobody.
const MOST_QUEUED: usize = 1_000_000;
/// A file waits no longer than this for what is found out late, unless it is asked to: a kill costs what is held, and at
/// most a second in all.
const MOST_FOLLOWED: Duration = Duration::from_millis(500);

/// Chunks that may wait for a receiver, unless something else is said or more comes in one go.
const QUEUE: usize = 64;

/// What a tap's closure is.
type Closure<T> = Box<dyn FnMut(Chunk<T>) + Send>;

/// A length: of time, or of exactly so many frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Ms(u32),
    Frames(u32),
}

impl Length {
    fn frames(self, rate_hz: u32) -> u32 {
        match self {
            Self::Ms(0) => 0,
            Self::Ms(ms) => {
                let frames = ((u64::from(ms) * u64::from(rate_hz) + 500) / 1000).max(1);
                u32::try_from(frames).unwrap_or(u32::MAX)
            }
            Self::Frames(frames) => frames,
        }
    }
}

/// What a listener wants to hear. The default is what speech recognisers take: 16 kHz, mono, 160 ms chunks.
#[derive(Clone, Debug)]
pub struct Tap {
    rate_hz: Option<u32>,
    channels: Channels,
    quality: Quality,
    gain: Gain,
    high_pass_hz: Option<u32>,
    len: Length,
    hop: Option<Length>,
    gaps: GapPolicy,
    /// None if nothing was said.
    hold_back_ms: Option<u32>,
    /// Longer, where it takes longer until a loss is known.
    follows: bool,
    /// None if nothing was said.
    queue: Option<usize>,
    when_full: WhenFull,
}

impl Default for Tap {
    fn default() -> Self {
        Self {
            rate_hz: Some(16_000),
            channels: Channels::default(),
            quality: Quality::default(),
            gain: Gain::default(),
            high_pass_hz: None,
            len: Length::Ms(160),
            hop: None,
            gaps: GapPolicy::default(),
            hold_back_ms: None,
            follows: false,
            queue: None,
            when_full: WhenFull::default(),
        }
    }
}

impl Tap {
    /// The default tap.
    pub fn new() -> Self {
        Self::default()
    }

    /// Frames per second, `1..=768_000`. Default 16,000.
    pub fn rate_hz(self, rate_hz: u32) -> Self {
        Self { rate_hz: Some(rate_hz), ..self }
    }

    /// The device's own rate: nothing is resampled.
    pub fn device_rate(self) -> Self {
        Self { rate_hz: None, ..self }
    }

    /// Which channels, and whether they are mixed. Default: the average of all that carry anything ([`Channels::Mono`]).
    pub fn channels(self, channels: Channels) -> Self {
        Self { channels, ..self }
    }

    /// The resampler's trade of delay against steepness. Default: balanced, 5 ms.
    pub fn quality(self, quality: Quality) -> Self {
        Self { quality, ..self }
    }

    /// A gain that may be turned while the capture runs. Default: 0 dB.
    pub fn gain(self, gain: Gain) -> Self {
        Self { gain, ..self }
    }

    /// Takes away what lies below `corner_hz`, by 12 dB per octave: 80 Hz spares speech and takes rumble. Starts anew
    /// behind a hole. The corner lies below half of the device's rate. Default: nothing is taken away.
    pub fn high_pass_hz(self, corner_hz: u32) -> Self {
        Self { high_pass_hz: Some(corner_hz), ..self }
    }

    /// Length of a chunk in milliseconds, `1..=600_000`. Default 160.
    pub fn chunk_ms(self, ms: u32) -> Self {
        Self { len: Length::Ms(ms), ..self }
    }

    /// Length of a chunk in frames of the tap, at least 1 and at most 600 s.
    pub fn chunk_frames(self, frames: u32) -> Self {
        Self { len: Length::Frames(frames), ..self }
    }

    /// From the start of a chunk to the start of the next, in milliseconds: shorter than the chunk and chunks
    /// overlap, longer and they leave frames out. Default: the chunk's length.
    pub fn hop_ms(self, ms: u32) -> Self {
        Self { hop: Some(Length::Ms(ms)), ..self }
    }

    /// The hop in frames of the tap.
    pub fn hop_frames(self, frames: u32) -> Self {
        Self { hop: Some(Length::Frames(frames)), ..self }
    }

    /// What happens at a hole. Default: filled with silence.
    pub fn gaps(self, gaps: GapPolicy) -> Self {
        Self { gaps, ..self }
    }

    /// Hears everything so much later, `0..=5_000` ms, to have in its place what is found out late. Default 0; for a file as
    /// long as that takes with the stream at hand, 250 to 500 ms.
    ///
    /// Frames that a device lost are known of when what follows has been late for a while: ten blocks where its stamps are
    /// exact, up to thirty where they stray (a block is 20 ms, or a callback if that is longer), 2.5 s where they are an
    /// audio server's. A loss that is settled within the hold-back is a hole like any other, where it happened; one that
    /// takes longer comes right behind what was heard by then, and its [`Verdict`](crate::Verdict) says where it happened.
    /// With 0 that is where the newest frame is.
    ///
    /// An end does not wait: what is held comes at once. It is rounded up to whole hops that are shorter, so that the
    /// worker wakes no more often for it. Memory: as much of the device's audio in f32 (in its own samples for
    /// [`FileTap::native`]), 96 KB for 250 ms of 48 kHz stereo.
    pub fn hold_back_ms(self, ms: u32) -> Self {
        Self { hold_back_ms: Some(ms), ..self }
    }

    /// Chunks that may wait for the receiver, `1..=1_000_000`, and what happens when there are more. The inside of a hole that
    /// is filled takes the place of one, however long it is. Default: 64, or as many as [`Config::pool`](crate::Config::pool)
    /// holds, which may come in one go; drop new ones.
    pub fn queue(self, chunks: usize, when_full: WhenFull) -> Self {
        Self { queue: Some(chunks), when_full, ..self }
    }

    /// Refuses what no device could make right.
    fn check(&self) -> Result<(), Error> {
        if let Some(rate) = self.rate_hz
            && !(1..=StreamFormat::MAX_RATE_HZ).contains(&rate)
        {
            return Err(Error::bad_argument(format!(
                "a tap's rate of {rate} Hz is outside of 1 to {} Hz; nothing was started",
                StreamFormat::MAX_RATE_HZ
            )));
        }
        if self.high_pass_hz == Some(0) {
            return Err(Error::bad_argument("a high-pass at 0 Hz takes nothing away; nothing was started"));
        }
        if let Some(ms) = self.hold_back_ms.filter(|ms| *ms > MOST_HELD_BACK_MS) {
            return Err(Error::bad_argument(format!(
                "a hold-back of {ms} ms is more than {MOST_HELD_BACK_MS} ms; nothing was started"
            )));
        }
        if self.queue.is_some_and(|chunks| !(1..=MOST_QUEUED).contains(&chunks)) {
            return Err(Error::bad_argument(format!(
                "a tap's queue holds 1 to {MOST_QUEUED} chunks; nothing was started"
            )));
        }
        self.grid(self.rate_hz.unwrap_or(StreamFormat::MAX_RATE_HZ)).map(drop)
    }

    /// Chunks that the queue has room for where a pool is so deep, and so much may come in one go besides.
    fn queue_for(&self, pool: Duration, pre_roll: Duration) -> usize {
        let rate = self.rate_hz.unwrap_or(StreamFormat::MAX_RATE_HZ);
        let hop = self.hop.unwrap_or(self.len).frames(rate).max(1);
        let held = Duration::from_millis(self.hold_back_ms.unwrap_or(0).into());
        let at_once = pre_roll + if self.follows { held.max(MOST_FOLLOWED) } else { held };
        let chunks =
            |length: Duration| (length.as_secs_f64() * f64::from(rate) / f64::from(hop)).ceil() as usize;
        // And what was there before, on both sides of a hole.
        let usual = || QUEUE.max(chunks(pool) + 4);
        (self.queue.unwrap_or_else(usual) + chunks(at_once)).min(MOST_QUEUED)
    }

    /// For how many device frames a tap of `tap_hz` hears nothing, where a loss is known within `settles`. In step with its
    /// chunks: its hold-back ends when another chunk is due, and one look serves both.
    fn hold_back_frames(&self, settles: Duration, device_hz: u32, tap_hz: u32) -> u64 {
        let frames = u64::from(Length::Ms(self.hold_back_ms.unwrap_or(0)).frames(device_hz));
        let settles = settles.min(MOST_FOLLOWED).as_secs_f64() * f64::from(device_hz);
        let frames = if self.follows { frames.max(settles.ceil() as u64) } else { frames };
        let hop = self.hop.unwrap_or(self.len).frames(tap_hz);
        let hop = run_frames(0, hop.into(), tap_hz, device_hz).max(1);
        if hop <= frames { frames.next_multiple_of(hop) } else { frames }
    }

    /// The chunk grid at `rate_hz`.
    fn grid(&self, rate_hz: u32) -> Result<Grid, Error> {
        let len = self.len.frames(rate_hz);
        let hop = self.hop.unwrap_or(self.len).frames(rate_hz);
        if len == 0 || hop == 0 || u64::from(len.max(hop)) > 600 * u64::from(rate_hz) {
            return Err(Error::bad_argument(format!(
                "chunks of {len} frames every {hop} frames: both are at least 1 and at most 600 s"
            )));
        }
        Ok(Grid { len, hop, policy: self.gaps })
    }
}

/// A tap that calls `closure` on the worker for every chunk.
pub(crate) fn closure(tap: Tap, closure: Closure<f32>) -> Result<Box<dyn Pipe>, Error> {
    tap.check()?;
    let pipe = AudioPipe::new(tap.clone(), Sink::Closure(Some(closure)));
    Ok(held_back::<f32>(tap, pipe))
}

/// A tap and the receiver of its chunks, whose queue has room for what a pool holds and for `pre_roll` besides.
pub(crate) fn receiver(
    tap: Tap,
    pool: Duration,
    pre_roll: Duration,
) -> Result<(Box<dyn Pipe>, Receiver), Error> {
    tap.check()?;
    let queue = Queue::new(tap.queue_for(pool, pre_roll), tap.when_full);
    let pipe = AudioPipe::new(tap.clone(), Sink::Queue(queue.clone()));
    Ok((held_back::<f32>(tap, pipe), Receiver::new(queue)))
}

/// The pipe, behind what it is held back by.
fn held_back<T: Held>(tap: Tap, pipe: impl Pipe + 'static) -> Box<dyn Pipe> {
    let pipe = Box::new(pipe);
    if tap.hold_back_ms.unwrap_or(0) > 0 { Box::new(HeldBack::<T>::new(tap, pipe)) } else { pipe }
}

pub(crate) use file::file;

/// A tap and the receiver of the speech in it.
pub(crate) fn speech(
    tap: Tap,
    voice: Voice,
    pool: Duration,
    pre_roll: Duration,
) -> Result<(Box<dyn Pipe>, SpeechReceiver), Error> {
    let tap = speech::for_voice(tap)?;
    let frames = tap.grid(16_000)?.len;
    let (pipe, chunks) = receiver(tap, pool, pre_roll)?;
    Ok((pipe, SpeechReceiver::new(chunks, voice, frames)?))
}

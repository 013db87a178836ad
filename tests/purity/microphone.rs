//! Epochs of many formats, each behind the very closure that cpal gets, fed at random.

use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, SampleFormat as Cpal, StreamInstant};
use hearken::epoch::{Epoch, epoch};
use hearken::intake::Controls;
use hearken::{SampleFormat, StreamFormat, data_closure};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// The largest callback.
pub const MAX_FRAMES: usize = 4096;

const FORMATS: [(SampleFormat, Cpal); 4] = [
    (SampleFormat::I16, Cpal::I16),
    (SampleFormat::I24, Cpal::I24),
    (SampleFormat::I32, Cpal::I32),
    (SampleFormat::F32, Cpal::F32),
];
const CHANNELS: [u16; 3] = [1, 2, 6];

type Callback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;

/// One stream as its host sees it.
struct Stream {
    callback: Callback,
    controls: Arc<Controls>,
    muted: Arc<AtomicBool>,
    format: StreamFormat,
    sample: Cpal,
}

/// What the callbacks were given, in frames where not said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Calls, those that bounced off an ended epoch not among them.
    pub callbacks: u64,
    pub frames: u64,
    /// Of these, muted or in a format that was not announced.
    pub refused: u64,
    /// Calls after the end.
    pub bounced: u64,
}

/// All the streams, and what their callbacks are given: everything that the callback's thread needs.
pub struct Host {
    streams: Vec<Stream>,
    /// One that has ended: its callbacks bounce.
    ended: Stream,
    /// Room for the largest callback, aligned for every format.
    memory: Vec<u32>,
    random: u64,
    position: u64,
    pub given: Given,
}

/// A stream of every format, and the other ends of their epochs. The last epoch has ended.
pub fn host() -> (Host, Vec<Epoch>) {
    let mut epochs = Vec::new();
    let mut open = |(sample, cpal), channels| {
        let format = StreamFormat { rate_hz: 48_000, channels, sample };
        let muted = Arc::new(AtomicBool::new(false));
        let (inlet, epoch) = epoch(format, Duration::from_millis(300), muted.clone());
        let controls = epoch.controls.clone();
        epochs.push(epoch);
        Stream { callback: Box::new(data_closure(inlet.data)), controls, muted, format, sample: cpal }
    };
    let streams =
        CHANNELS.into_iter().flat_map(|channels| FORMATS.map(|format| open(format, channels))).collect();
    let ended = open(FORMATS[0], 2);
    epochs.last_mut().expect("it was just opened").claim().expect("no callback is running");
    let memory = vec![0x0101_0101; MAX_FRAMES * 6];
    (
        Host { streams, ended, memory, random: 0x9e37_79b9_7f4a_7c15, position: 0, given: Given::default() },
        epochs,
    )
}

impl Host {
    /// One callback of one of the streams.
    pub fn callback(&mut self) {
        let random = self.random();
        let [which, size, mood, change, ..] = random.to_le_bytes().map(usize::from);
        // Mostly sizes as devices have them, and one in sixteen of any size.
        let frames = if size % 16 == 0 { (random >> 32) as usize % (MAX_FRAMES + 1) } else { size * 2 };
        if mood == 0 {
            call(&mut self.ended, &mut self.memory, FORMATS[0].1, frames, self.position);
            self.given.bounced += 1;
            return;
        }
        let index = which % self.streams.len();
        let stream = &mut self.streams[index];
        let muted = (8..16).contains(&mood);
        stream.muted.store(muted, Relaxed);
        if change < 16 {
            stream.controls.want(random >> 40);
        }
        let mismatched = (16..24).contains(&mood);
        let sample = match (mismatched, stream.sample) {
            (false, announced) => announced,
            (true, Cpal::I16) => Cpal::F32,
            (true, _) => Cpal::I16,
        };
        call(stream, &mut self.memory, sample, frames, self.position);
        self.position += frames as u64;
        self.given.callbacks += 1;
        self.given.frames += frames as u64;
        self.given.refused += if muted || mismatched { frames as u64 } else { 0 };
    }

    /// A number that looks random: xorshift.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[allow(unsafe_code, reason = "cpal makes its data of a pointer")]
fn call(stream: &mut Stream, memory: &mut [u32], sample: Cpal, frames: usize, position: u64) {
    let samples = frames * usize::from(stream.format.channels);
    assert!(samples <= memory.len());
    // SAFETY: the memory holds that many samples of four bytes, aligned for all of the formats, and outlives the data.
    let data = unsafe { Data::from_parts(memory.as_mut_ptr().cast(), samples, sample) };
    let capture = StreamInstant::from_nanos(position * 1_000_000_000 / 48_000);
    (stream.callback)(&data, &InputCallbackInfo::new(InputStreamTimestamp { callback: capture, capture }));
}

/// What came out at the other end, in frames where not said otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Blocks of audio.
    pub blocks: u64,
    /// Frames of audio in them.
    pub frames: u64,
    /// Frames of the blocks without audio.
    pub refused: u64,
}

impl Taken {
    /// Takes what is there of all `epochs`, and asks for more.
    pub fn drain(&mut self, epochs: &mut [Epoch]) {
        for epoch in epochs {
            while let Some(block) = epoch.pop() {
                let header = *block.header();
                if header.content == hearken::intake::Content::Audio {
                    self.blocks += 1;
                    self.frames += u64::from(header.frames);
                } else {
                    self.refused += u64::from(header.frames);
                }
                epoch.controls.want(header.captured + 480);
                epoch.give_back(block);
            }
        }
    }
}

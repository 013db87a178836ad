//! The same callbacks for everybody: 48 kHz, 480 frames, a ramp from which every sample's place can be told.

use bytemuck::Pod;
use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, SizedSample, StreamInstant};
use hearken::{SampleFormat, StreamFormat};

pub const RATE_HZ: u32 = 48_000;
/// Frames in a callback: 10 ms.
pub const FRAMES: usize = 480;
/// What everybody's buffer holds: 500 ms.
pub const CAPACITY_FRAMES: usize = 24_000;

/// How a contender is to be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub sample: SampleFormat,
    pub channels: u16,
    /// How often the consumer wants everything handed over, in frames. Only designs that can wait care.
    pub ask_frames: u64,
}

impl Shape {
    pub const STEREO: Self = Self { sample: SampleFormat::F32, channels: 2, ask_frames: 480 };

    pub fn format(self) -> StreamFormat {
        StreamFormat { rate_hz: RATE_HZ, channels: self.channels, sample: self.sample }
    }

    /// Samples that a callback brings.
    pub fn samples(self) -> usize {
        FRAMES * usize::from(self.channels)
    }

    /// Samples that a contender's buffer holds.
    pub fn capacity(self) -> usize {
        CAPACITY_FRAMES * usize::from(self.channels)
    }
}

/// A sample as the device has it.
pub trait Native: SizedSample + Pod + Default + Send + Sync {
    fn float(self) -> f32;
    /// The sample of a ramp at `place`.
    fn ramp(place: usize) -> Self;
}

impl Native for f32 {
    fn float(self) -> f32 {
        self
    }

    fn ramp(place: usize) -> Self {
        (place % (1 << 20)) as f32 / (1 << 20) as f32
    }
}

impl Native for i16 {
    fn float(self) -> f32 {
        f32::from(self) / 32_768.0
    }

    fn ramp(place: usize) -> Self {
        place as u16 as i16
    }
}

/// The samples of a callback. Every contender gets them this way.
#[inline]
pub fn samples<T: Native>(data: &Data) -> &[T] {
    data.as_slice().expect("contender and workload agree on the format")
}

/// A number of callbacks, ready made.
pub struct Source {
    pub info: InputCallbackInfo,
    callbacks: Vec<Data>,
    /// Where the callbacks' samples lie, from `at` on, one after the other.
    memory: Vec<u64>,
    /// On a cache line's border, as the pages of a device's buffer: otherwise who copies to another border pays for it.
    at: usize,
    /// Bytes of a callback.
    bytes: usize,
    next: usize,
}

impl Source {
    /// `count` callbacks of a ramp that runs on from one to the next.
    pub fn ramp(shape: Shape, count: usize) -> Self {
        match shape.sample {
            SampleFormat::I16 => Self::of(shape, &ramp::<i16>(shape, count)),
            _ => Self::of(shape, &ramp::<f32>(shape, count)),
        }
    }

    /// The callbacks that `samples` fills.
    pub fn of<T: Native>(shape: Shape, samples: &[T]) -> Self {
        let bytes = shape.samples() * size_of::<T>();
        let mut memory = vec![0_u64; size_of_val(samples) / size_of::<u64>() + 8];
        let at = memory.as_ptr().align_offset(64);
        let aligned = &mut memory[at..][..size_of_val(samples) / size_of::<u64>()];
        bytemuck::cast_slice_mut(aligned).copy_from_slice(samples);
        let callbacks = aligned
            .chunks_exact_mut(bytes / size_of::<u64>())
            .map(|callback| data::<T>(callback, shape.samples()))
            .collect();
        let capture = StreamInstant::from_nanos(123_456_789);
        let info = InputCallbackInfo::new(InputStreamTimestamp { callback: capture, capture });
        Self { info, callbacks, memory, at, bytes, next: 0 }
    }

    /// The next callback's data; after the last comes the first.
    #[inline]
    pub fn next(&mut self) -> &Data {
        let data = &self.callbacks[self.next];
        self.next = (self.next + 1) % self.callbacks.len();
        data
    }

    /// Every byte of every callback, in order.
    pub fn all(&self) -> &[u8] {
        let words = self.callbacks.len() * self.bytes / size_of::<u64>();
        bytemuck::cast_slice(&self.memory[self.at..][..words])
    }

    /// The callback's bytes, `times` callbacks from the start.
    pub fn callback_bytes(&self, times: usize) -> &[u8] {
        let at = times % self.callbacks.len() * self.bytes;
        &self.all()[at..at + self.bytes]
    }
}

fn ramp<T: Native>(shape: Shape, count: usize) -> Vec<T> {
    (0..shape.samples() * count).map(T::ramp).collect()
}

#[allow(unsafe_code)]
fn data<T: Native>(memory: &mut [u64], samples: usize) -> Data {
    assert_eq!(size_of_val(memory), samples * size_of::<T>());
    // SAFETY: pointer and length are those of `memory`, which its owner keeps beside the data and never writes again;
    // it is aligned for any sample, and any bits are a `T`.
    unsafe { Data::from_parts(memory.as_mut_ptr().cast(), samples, T::FORMAT) }
}

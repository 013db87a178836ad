//! Four mutexes, taken one after the other in the callback: a common design of applications.
//!
//! Kinder than those: the buffers keep their capacity, and the locks are held for the copies only.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{Native, Shape, samples};
use audioadapter_buffers::direct::InterleavedSlice;
use cpal::{Data, InputCallbackInfo};
use hearken::SampleFormat;
use rubato::{Fft, FixedSync, Resampler, WindowFunction};
use std::sync::{Arc, Mutex, MutexGuard};

/// Frames that the resampler takes at once.
const CHUNK: usize = 1024;

#[derive(Default)]
struct Stages {
    /// What the device brought.
    input: Mutex<Vec<f32>>,
    chunk: Mutex<Vec<f32>>,
    resampler: Mutex<Option<Fft<f32>>>,
    /// What the consumer takes.
    output: Mutex<Vec<f32>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics while holding it")
}

/// The callback passes the samples through the four buffers; resampling is the consumer's business.
pub fn plain(shape: Shape) -> Contender {
    match shape.sample {
        SampleFormat::I16 => build(shape, false, pass::<i16>, Delivers::Floats),
        _ => build(shape, false, pass::<f32>, Delivers::Same),
    }
}

/// The callback also mixes down and resamples to 16 kHz, with the library's allocating call.
pub fn resampling(shape: Shape) -> Contender {
    let callback = if shape.sample == SampleFormat::I16 { resample::<i16> } else { resample::<f32> };
    build(shape, true, callback, Delivers::Resampled)
}

type Pass = fn(&Stages, &Data, usize);

fn build(shape: Shape, resamples: bool, pass: Pass, delivers: Delivers) -> Contender {
    let stages = Arc::new(Stages::default());
    for buffer in [&stages.input, &stages.chunk, &stages.output] {
        // Written once, so that no page is touched for the first time in the callback.
        let mut buffer = lock(buffer);
        buffer.resize(shape.capacity(), 1.0);
        buffer.clear();
    }
    *lock(&stages.resampler) = resamples.then(resampler);
    let consumer = Consumer(stages.clone());
    let channels = usize::from(shape.channels);
    let callback = move |data: &Data, _: &InputCallbackInfo| pass(&stages, data, channels);
    Contender { callback: Box::new(callback), consumer: Box::new(consumer), delivers }
}

/// 48 to 16 kHz, mono, 1024 frames at a time.
pub fn resampler() -> Fft<f32> {
    Fft::new_custom(48_000, 16_000, CHUNK, 1, 1, WindowFunction::BlackmanHarris2, FixedSync::Input)
        .expect("a plain ratio")
}

fn pass<T: Native>(stages: &Stages, data: &Data, _channels: usize) {
    let mut input = lock(&stages.input);
    input.extend(samples::<T>(data).iter().map(|sample| sample.float()));
    let mut chunk = lock(&stages.chunk);
    chunk.append(&mut input);
    drop(input);
    let resampler = lock(&stages.resampler);
    debug_assert!(resampler.is_none());
    drop(resampler);
    lock(&stages.output).append(&mut chunk);
}

fn resample<T: Native>(stages: &Stages, data: &Data, channels: usize) {
    let share = 1.0 / channels as f32;
    let mut input = lock(&stages.input);
    let frames = samples::<T>(data).chunks_exact(channels);
    input.extend(frames.map(|frame| frame.iter().map(|sample| sample.float()).sum::<f32>() * share));
    while input.len() >= CHUNK {
        let mut chunk = lock(&stages.chunk);
        chunk.clear();
        chunk.extend(input.drain(..CHUNK));
        let mut resampler = lock(&stages.resampler);
        let block = InterleavedSlice::new(&chunk[..], 1, CHUNK).expect("one channel");
        let made = resampler.as_mut().expect("built with one").process(&block, None).expect("a whole chunk");
        lock(&stages.output).extend(made.take_data());
    }
}

struct Consumer(Arc<Stages>);

impl Drain for Consumer {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let mut output = lock(&self.0.output);
        sink.take(bytemuck::cast_slice(&output));
        output.clear();
        work();
    }
}

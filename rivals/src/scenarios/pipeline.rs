//! The whole way: 48 kHz stereo f32 to chunks of 160 ms at 16 kHz, mono. CPU time, best of several rounds.

use crate::contender::{Callback, Contender, MUTEX4_RESAMPLE, Sink};
use crate::machine::thread_ns;
use crate::workload::{Shape, Source};
use audioadapter_buffers::direct::InterleavedSlice;
use hearken::epoch::{Epoch, epoch};
use hearken::signal::channels::Mixer;
use hearken::signal::decode;
use hearken::signal::resample::Resampler;
use hearken::{Capture, Channels, Config, Input, Pace, Quality, Synthetic, Tap, data_closure};
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Samples of a chunk: 160 ms.
const CHUNK: usize = 2560;
/// The same in the device's frames.
const CHUNK_FRAMES: u64 = 7680;

/// Nanoseconds of CPU for a second of audio.
pub struct Figures {
    /// Four mutexes, resampling in the callback in pieces of 1024.
    pub mutex4: f64,
    /// This engine's stages, driven from one thread.
    pub stages: f64,
    /// A whole capture: its worker, with clock, ledger and wake-ups, and its callbacks.
    pub capture: f64,
    /// The resampling library in pieces of 480, as this engine uses it, on a mono signal that is there already.
    pub bare: f64,
}

pub fn run(rounds: usize, seconds: usize) -> Result<Figures, String> {
    let mut best = [f64::MAX; 5];
    let measures: [&dyn Fn(usize) -> Result<f64, String>; 5] = [&mutex4, &stages, &worker, &callbacks, &bare];
    for round in 0..rounds {
        for turn in 0..measures.len() {
            let index = (turn + round) % measures.len();
            best[index] = best[index].min(measures[index](seconds)?);
        }
    }
    let [mutex4, stages, worker, callbacks, bare] = best;
    Ok(Figures { mutex4, stages, capture: worker + callbacks, bare })
}

/// A tone's second, over and over.
fn source() -> Source {
    let value = |place: usize| ((place / 2) as f32 * 0.05).sin() * 0.5;
    let samples: Vec<f32> = (0..Shape::STEREO.samples() * 100).map(value).collect();
    Source::of(Shape::STEREO, &samples)
}

/// Calls back for `seconds` and lets `consume` look after each, on one thread.
fn drive(seconds: usize, callback: &mut Callback, consume: &mut dyn FnMut()) -> f64 {
    let mut source = source();
    let info = source.info;
    let before = thread_ns();
    for _ in 0..seconds * 100 {
        callback(source.next(), &info);
        consume();
    }
    (thread_ns() - before) as f64 / seconds as f64
}

fn whole(chunks: usize, seconds: usize) -> Result<(), String> {
    // The last one may wait for its resampler.
    let expected = seconds * 16_000 / CHUNK;
    if chunks + 1 < expected { Err(format!("pipeline: {chunks} chunks of {expected}")) } else { Ok(()) }
}

fn mutex4(seconds: usize) -> Result<f64, String> {
    let Contender { mut callback, mut consumer, .. } = (MUTEX4_RESAMPLE.build)(Shape::STEREO);
    let mut sink = Sink::plain();
    let mut chunks = 0;
    let ns = drive(seconds, &mut callback, &mut || {
        consumer.drain(&mut sink, &mut || ());
        let now = sink.bytes as usize / (CHUNK * size_of::<f32>());
        // The copy out is all that a chunk costs here.
        chunks = black_box(now);
    });
    whole(chunks, seconds)?;
    Ok(ns)
}

/// What the worker does with a block, without its clocks.
struct Stages {
    epoch: Epoch,
    decoded: Vec<f32>,
    mixer: Mixer,
    mixed: Vec<f32>,
    resampler: Resampler,
    chunk: Vec<f32>,
    sink: Sink,
    chunks: usize,
}

impl Stages {
    fn consume(&mut self) {
        let Self { epoch, decoded, mixer, mixed, resampler, chunk, sink, chunks } = self;
        while let Some(block) = epoch.pop() {
            let header = *block.header();
            let bytes = header.frames as usize * epoch.format.frame_bytes();
            let native = &epoch.bytes(&block)[..bytes];
            let (samples, repaired) = decode::samples(epoch.format.sample, native, decoded);
            black_box(repaired);
            mixer.mix(samples, mixed);
            resampler.push(mixed, &mut |mut ready| {
                while !ready.is_empty() {
                    let (now, later) = ready.split_at(ready.len().min(CHUNK - chunk.len()));
                    chunk.extend_from_slice(now);
                    ready = later;
                    if chunk.len() == CHUNK {
                        sink.take(bytemuck::cast_slice(chunk));
                        chunk.clear();
                        *chunks += 1;
                    }
                }
            });
            epoch.controls.want((header.captured / CHUNK_FRAMES + 1) * CHUNK_FRAMES);
            epoch.give_back(block);
        }
    }
}

fn stages(seconds: usize) -> Result<f64, String> {
    let format = Shape::STEREO.format();
    let (inlet, epoch) = epoch(format, Duration::from_millis(500), Default::default());
    let mut callback: Callback = Box::new(data_closure(inlet.data));
    let failed = |error: hearken::Error| error.to_string();
    let mut stages = Stages {
        decoded: Vec::new(),
        epoch,
        mixer: Mixer::new(&Channels::Mono, format.channels, format.rate_hz).map_err(failed)?,
        mixed: Vec::new(),
        resampler: Resampler::new(format.rate_hz, 16_000, 1, Quality::Balanced).map_err(failed)?,
        chunk: Vec::with_capacity(CHUNK),
        sink: Sink::plain(),
        chunks: 0,
    };
    let ns = drive(seconds, &mut callback, &mut || stages.consume());
    whole(stages.chunks, seconds)?;
    Ok(ns)
}

/// What a capture's worker uses, from a source as fast as it can serve.
fn worker(seconds: usize) -> Result<f64, String> {
    let failed = |error: hearken::Error| error.to_string();
    let input = Input::Synthetic(Synthetic::Noise);
    let length = Some(Duration::from_secs(seconds as u64));
    let capture =
        Capture::new(Config { input, length, pace: Pace::Fast, ..Config::default() }).map_err(failed)?;
    // The worker's time as of the latest chunk, and how many there were.
    let told = Arc::new((AtomicU64::new(0), AtomicU64::new(0)));
    let tell = told.clone();
    let mut sink = Sink::plain();
    capture
        .each(Tap::default(), move |chunk| {
            sink.take(bytemuck::cast_slice(chunk.samples()));
            tell.0.store(thread_ns(), Ordering::Relaxed);
            tell.1.fetch_add(1, Ordering::Relaxed);
        })
        .map_err(failed)?;
    capture.start().map_err(failed)?;
    let report = capture.wait().map_err(failed)?;
    if report.stats.ledger.delivered != seconds as u64 * 48_000 {
        return Err(format!("pipeline: {} frames of {seconds} s delivered", report.stats.ledger.delivered));
    }
    whole(told.1.load(Ordering::Relaxed) as usize, seconds)?;
    Ok(told.0.load(Ordering::Relaxed) as f64 / seconds as f64)
}

/// What the callbacks use, beside a consumer that only frees the blocks; its part is left out.
fn callbacks(seconds: usize) -> Result<f64, String> {
    let (inlet, mut epoch) = epoch(Shape::STEREO.format(), Duration::from_millis(500), Default::default());
    let mut callback: Callback = Box::new(data_closure(inlet.data));
    let mut source = source();
    let info = source.info;
    let mut ns = 0;
    for _ in 0..seconds * 4 {
        let before = thread_ns();
        for _ in 0..25 {
            callback(source.next(), &info);
        }
        ns += thread_ns() - before;
        while let Some(block) = epoch.pop() {
            epoch.controls.want((block.header().captured / CHUNK_FRAMES + 1) * CHUNK_FRAMES);
            epoch.give_back(block);
        }
    }
    let record = epoch.record.read();
    if record.dropped > 0 {
        return Err(format!("pipeline: {} frames dropped", record.dropped));
    }
    Ok(ns as f64 / seconds as f64)
}

fn bare(seconds: usize) -> Result<f64, String> {
    let window = WindowFunction::BlackmanHarris;
    let mut fft: Fft<f32> = Fft::new_custom(48_000, 16_000, 480, 1, 1, window, FixedSync::Both)
        .map_err(|error| error.to_string())?;
    let signal: Vec<f32> = (0..48_000).map(|frame| (frame as f32 * 0.05).sin() * 0.5).collect();
    let mut output = vec![0.0; 160];
    let before = thread_ns();
    for _ in 0..seconds {
        for block in signal.as_chunks::<480>().0 {
            let input = InterleavedSlice::new(&block[..], 1, 480).expect("one channel");
            let mut ready = InterleavedSlice::new_mut(&mut output, 1, 160).expect("one channel");
            let made = fft.process_into_buffer(&input, &mut ready, None).expect("a whole block");
            assert_eq!(made, (480, 160));
            black_box(&output);
        }
    }
    Ok((thread_ns() - before) as f64 / seconds as f64)
}

//! Before anything is timed: everybody delivers what went in, sample for sample and in order.

use crate::contender::{COPY_X, Contender, Delivers, ENGINE, RIVALS, Rival, Sink};
use crate::workload::{FRAMES, RATE_HZ, Shape, Source};
use cpal::{Data, InputCallbackInfo};
use hearken::SampleFormat;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

const CALLBACKS: usize = 400;
/// Callbacks between two drains, at most: what every buffer holds.
const LEAD: usize = 40;

pub fn run() -> Result<(), String> {
    let planted = Rival { name: "the planted loss", build: forgetful };
    if check(&planted, Shape::STEREO, alone).is_ok() {
        return Err("a design that loses a callback passes the check".into());
    }
    for sample in [SampleFormat::F32, SampleFormat::I16] {
        for channels in [1, 2] {
            let shape = Shape { sample, channels, ..Shape::STEREO };
            for rival in RIVALS.iter().chain([&COPY_X]) {
                check(rival, shape, alone)?;
                check(rival, shape, across)?;
            }
        }
    }
    Ok(())
}

/// A design that loses one callback in the middle.
fn forgetful(shape: Shape) -> Contender {
    let mut contender = (ENGINE.build)(shape);
    let mut number = 0;
    let callback = move |data: &Data, info: &InputCallbackInfo| {
        number += 1;
        if number != CALLBACKS / 2 {
            (contender.callback)(data, info);
        }
    };
    Contender { callback: Box::new(callback), ..contender }
}

fn check(rival: &Rival, shape: Shape, drive: fn(Contender, &mut Source) -> Vec<u8>) -> Result<(), String> {
    let contender = (rival.build)(shape);
    let delivers = contender.delivers;
    let mut source =
        if delivers == Delivers::Resampled { tone(shape) } else { Source::ramp(shape, CALLBACKS) };
    let got = drive(contender, &mut source);
    let right = match delivers {
        Delivers::Same => got == source.all(),
        Delivers::Floats => got == floats(shape, source.all()),
        Delivers::Resampled => is_the_tone(&got),
        Delivers::Nothing => true,
    };
    let (name, sample, channels) = (rival.name, shape.sample, shape.channels);
    if right { Ok(()) } else { Err(format!("{name} delivers something else than {sample}, {channels} ch")) }
}

/// On one thread, drained at uneven times.
fn alone(mut contender: Contender, source: &mut Source) -> Vec<u8> {
    let mut sink = Sink::keeping();
    let info = source.info;
    for callback in 0..CALLBACKS {
        (contender.callback)(source.next(), &info);
        if callback % 7 == 3 || callback % 31 == 0 {
            contender.consumer.drain(&mut sink, &mut || ());
        }
    }
    contender.consumer.end(&mut sink);
    sink.kept.unwrap_or_default()
}

/// On two threads at full speed, the callback never more than `LEAD` callbacks ahead.
fn across(contender: Contender, source: &mut Source) -> Vec<u8> {
    let Contender { mut callback, mut consumer, .. } = contender;
    let (sent, drained) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let info = source.info;
    let mut sink = Sink::keeping();
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            loop {
                let now = sent.load(Ordering::Acquire);
                consumer.drain(&mut sink, &mut || ());
                drained.store(now, Ordering::Release);
                if now == CALLBACKS {
                    return consumer.end(&mut sink);
                }
                thread::yield_now();
            }
        });
        for number in 1..=CALLBACKS {
            callback(source.next(), &info);
            sent.store(number, Ordering::Release);
            while number - drained.load(Ordering::Acquire) >= LEAD {
                thread::yield_now();
            }
        }
        worker.join().expect("the consumer's checks hold");
    });
    sink.kept.unwrap_or_default()
}

fn floats(shape: Shape, bytes: &[u8]) -> Vec<u8> {
    if shape.sample != SampleFormat::I16 {
        return bytes.to_vec();
    }
    let (samples, _) = bytes.as_chunks::<2>();
    samples
        .iter()
        .flat_map(|&sample| (f32::from(i16::from_ne_bytes(sample)) / 32_768.0).to_ne_bytes())
        .collect()
}

/// 1 kHz at half of full scale on every channel.
fn tone(shape: Shape) -> Source {
    let channels = usize::from(shape.channels);
    let value = |place: usize| {
        let turn = (place / channels) as f64 * 1000.0 / f64::from(RATE_HZ);
        (turn * std::f64::consts::TAU).sin() * 0.5
    };
    let places = 0..shape.samples() * CALLBACKS;
    if shape.sample == SampleFormat::I16 {
        let samples: Vec<i16> = places.map(|place| (value(place) * 32_767.0).round() as i16).collect();
        Source::of(shape, &samples)
    } else {
        let samples: Vec<f32> = places.map(|place| value(place) as f32).collect();
        Source::of(shape, &samples)
    }
}

/// A third of the frames, less what waits for its chunk, and in the middle the tone's power: half the square of 0.5.
fn is_the_tone(bytes: &[u8]) -> bool {
    let (words, _) = bytes.as_chunks::<4>();
    let samples: Vec<f32> = words.iter().map(|&word| f32::from_ne_bytes(word)).collect();
    let frames = CALLBACKS * FRAMES;
    let expected = frames / 1024 * 1024 / 3;
    let middle = &samples[samples.len() / 4..][..samples.len() / 2];
    let power = middle.iter().map(|x| f64::from(x * x)).sum::<f64>() / middle.len().max(1) as f64;
    samples.len().abs_diff(expected) <= 1024 && (power - 0.125).abs() < 0.002
}

//! One `Vec` per callback through a queue that is free of locks, or nearly so.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{CAPACITY_FRAMES, FRAMES, Native, Shape, samples};
use cpal::{Data, InputCallbackInfo};
use crossbeam_queue::ArrayQueue;
use hearken::SampleFormat;
use std::sync::{Arc, mpsc};

/// Callbacks that a bounded queue holds.
const CALLBACKS: usize = CAPACITY_FRAMES / FRAMES;

/// The standard channel, unbounded as it is commonly used.
pub fn mpsc(shape: Shape) -> Contender {
    fn queue<T: Native>() -> Contender {
        let (sender, receiver) = mpsc::channel();
        // Nobody receives any more: then nobody minds.
        build::<T>(move |samples| drop(sender.send(samples)), move || receiver.try_recv().ok())
    }
    if shape.sample == SampleFormat::I16 { queue::<i16>() } else { queue::<f32>() }
}

pub fn crossbeam(shape: Shape) -> Contender {
    fn queue<T: Native>() -> Contender {
        let (sender, receiver) = crossbeam_channel::bounded(CALLBACKS);
        // A full queue loses the callback.
        build::<T>(move |samples| drop(sender.try_send(samples)), move || receiver.try_recv().ok())
    }
    if shape.sample == SampleFormat::I16 { queue::<i16>() } else { queue::<f32>() }
}

pub fn array_queue(shape: Shape) -> Contender {
    fn queue<T: Native>() -> Contender {
        let queue = Arc::new(ArrayQueue::new(CALLBACKS));
        let other = queue.clone();
        // A full queue loses the callback.
        build::<T>(move |samples| drop(queue.push(samples)), move || other.pop())
    }
    if shape.sample == SampleFormat::I16 { queue::<i16>() } else { queue::<f32>() }
}

fn build<T: Native>(
    mut push: impl FnMut(Vec<T>) + Send + 'static,
    pop: impl FnMut() -> Option<Vec<T>> + Send + 'static,
) -> Contender {
    let callback = move |data: &Data, _: &InputCallbackInfo| push(samples::<T>(data).to_vec());
    Contender { callback: Box::new(callback), consumer: Box::new(Consumer(pop)), delivers: Delivers::Same }
}

struct Consumer<F>(F);

impl<T: Native, F: FnMut() -> Option<Vec<T>> + Send> Drain for Consumer<F> {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        while let Some(samples) = (self.0)() {
            sink.take(bytemuck::cast_slice(&samples));
        }
        work();
    }
}

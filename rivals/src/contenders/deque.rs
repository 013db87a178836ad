//! A deque behind one quick lock.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{Native, Shape, samples};
use cpal::{Data, InputCallbackInfo};
use hearken::SampleFormat;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

pub fn parking_lot(shape: Shape) -> Contender {
    if shape.sample == SampleFormat::I16 { build::<i16>(shape) } else { build::<f32>(shape) }
}

fn build<T: Native>(shape: Shape) -> Contender {
    let capacity = shape.capacity();
    // Written once, so that no page is touched for the first time in the callback.
    let mut deque = VecDeque::from(vec![T::ramp(1); capacity]);
    deque.clear();
    let deque = Arc::new(Mutex::new(deque));
    let consumer = Consumer(deque.clone());
    let callback = move |data: &Data, _: &InputCallbackInfo| {
        let samples = samples::<T>(data);
        let mut deque = deque.lock();
        if deque.len() + samples.len() <= capacity {
            deque.extend(samples);
        }
    };
    Contender { callback: Box::new(callback), consumer: Box::new(consumer), delivers: Delivers::Same }
}

struct Consumer<T>(Arc<Mutex<VecDeque<T>>>);

impl<T: Native> Drain for Consumer<T> {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let mut deque = self.0.lock();
        let (one, two) = deque.as_slices();
        sink.take(bytemuck::cast_slice(one));
        sink.take(bytemuck::cast_slice(two));
        deque.clear();
        work();
    }
}

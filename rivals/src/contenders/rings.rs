//! Rings of samples for one producer and one consumer.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{Native, Shape, samples};
use cpal::{Data, InputCallbackInfo};
use hearken::SampleFormat;
use ringbuf::HeapRb;
use ringbuf::traits::{Consumer as _, Observer as _, Producer as _, Split};

pub fn ringbuf(shape: Shape) -> Contender {
    if shape.sample == SampleFormat::I16 { of_ringbuf::<i16>(shape) } else { of_ringbuf::<f32>(shape) }
}

pub fn rtrb(shape: Shape) -> Contender {
    if shape.sample == SampleFormat::I16 { of_rtrb::<i16>(shape) } else { of_rtrb::<f32>(shape) }
}

fn of_ringbuf<T: Native>(shape: Shape) -> Contender {
    let (mut producer, mut consumer) = HeapRb::new(shape.capacity()).split();
    // Written once, so that no page is touched for the first time in the callback.
    producer.push_iter(std::iter::repeat_n(T::ramp(1), shape.capacity()));
    consumer.clear();
    let callback = move |data: &Data, _: &InputCallbackInfo| {
        let samples = samples::<T>(data);
        // All or nothing: half a callback would be a hole that nobody sees.
        if producer.vacant_len() >= samples.len() {
            producer.push_slice(samples);
        }
    };
    Contender {
        callback: Box::new(callback),
        consumer: Box::new(RingBuf(consumer)),
        delivers: Delivers::Same,
    }
}

struct RingBuf<T>(ringbuf::HeapCons<T>);

impl<T: Native> Drain for RingBuf<T> {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let (one, two) = self.0.as_slices();
        sink.take(bytemuck::cast_slice(one));
        sink.take(bytemuck::cast_slice(two));
        let taken = one.len() + two.len();
        self.0.skip(taken);
        work();
    }
}

fn of_rtrb<T: Native>(shape: Shape) -> Contender {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(shape.capacity());
    // Written once, as above.
    producer.write_chunk(shape.capacity()).expect("it is empty").commit_all();
    consumer.read_chunk(shape.capacity()).expect("it is full").commit_all();
    let callback = move |data: &Data, _: &InputCallbackInfo| {
        // `write_chunk_uninit` and a copy; a full ring loses the callback.
        let _ = producer.push_entire_slice(samples::<T>(data));
    };
    Contender { callback: Box::new(callback), consumer: Box::new(Rtrb(consumer)), delivers: Delivers::Same }
}

struct Rtrb<T>(rtrb::Consumer<T>);

impl<T: Native> Drain for Rtrb<T> {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let waiting = self.0.slots();
        let chunk = self.0.read_chunk(waiting).expect("so many wait");
        let (one, two) = chunk.as_slices();
        sink.take(bytemuck::cast_slice(one));
        sink.take(bytemuck::cast_slice(two));
        chunk.commit_all();
        work();
    }
}

//! How often the callback calls the allocator. Exact.

use crate::contender::{RIVALS, Sink};
use crate::workload::{Shape, Source};
use hearken::SampleFormat;

const CALLBACKS: usize = 1024;

pub struct Row {
    pub name: &'static str,
    /// Allocations and frees per callback of f32, then of i16.
    pub f32: [f64; 2],
    pub i16: [f64; 2],
}

pub fn run() -> Vec<Row> {
    let of = |sample| Shape { sample, ..Shape::STEREO };
    RIVALS
        .iter()
        .map(|rival| Row {
            name: rival.name,
            f32: count((rival.build)(of(SampleFormat::F32)), of(SampleFormat::F32)),
            i16: count((rival.build)(of(SampleFormat::I16)), of(SampleFormat::I16)),
        })
        .collect()
}

fn count(mut contender: crate::contender::Contender, shape: Shape) -> [f64; 2] {
    let mut source = Source::ramp(shape, 4);
    let info = source.info;
    let mut sink = Sink::new();
    let (mut allocations, mut frees) = (0, 0);
    for number in 0..CALLBACKS + 64 {
        let data = source.next();
        let memory = allocation_counter::measure(|| (contender.callback)(data, &info));
        // The first ones fill what is filled once.
        if number >= 64 {
            allocations += memory.count_total;
            frees += (memory.count_total as i64 - memory.count_current) as u64;
        }
        if number % 8 == 7 {
            contender.consumer.drain(&mut sink, &mut || ());
        }
    }
    [allocations, frees].map(|count| count as f64 / CALLBACKS as f64)
}

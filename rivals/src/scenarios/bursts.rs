//! What the callback costs while the consumer works in bursts, or is kept from its core.
//!
//! A callback of 10 ms of audio every millisecond, so that 500 ms of audio pass in 50 ms.

use crate::contender::{COPY, Contender, Delivers, RIVALS, Rival, Sink};
use crate::machine;
use crate::report::at;
use crate::workload::{FRAMES, Shape, Source};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CADENCE: Duration = Duration::from_millis(1);

/// What the consumer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consumer {
    /// Works 5 ms on what it took, holding its lock if it has one; then rests for 2 ms.
    Bursts,
    /// Works 0.2 ms, at the lowest priority, on a core that a busy thread wants too.
    Preempted,
}

pub struct Row {
    pub name: &'static str,
    /// Nanoseconds of every call, sorted.
    pub ns: Vec<f64>,
    pub frames: u64,
    /// Frames that never came; `None` where they cannot be counted.
    pub lost: Option<u64>,
}

impl Row {
    pub fn quantile(&self, quantile: f64) -> f64 {
        at(&self.ns, quantile)
    }

    /// Calls longer than their own cadence.
    pub fn late(&self) -> usize {
        self.ns.iter().filter(|&&ns| ns > CADENCE.as_nanos() as f64).count()
    }
}

pub fn run(consumer: Consumer, rounds: usize, calls: usize) -> Vec<Row> {
    let rivals: Vec<Rival> = [COPY].into_iter().chain(RIVALS).collect();
    let mut rows: Vec<Row> = rivals
        .iter()
        .map(|rival| Row { name: rival.name, ns: Vec::new(), frames: 0, lost: Some(0) })
        .collect();
    for round in 0..rounds {
        for turn in 0..rivals.len() {
            let index = (turn + round * 3) % rivals.len();
            measure(&mut rows[index], (rivals[index].build)(Shape::STEREO), consumer, calls);
        }
    }
    rows.iter_mut().for_each(|row| row.ns.sort_unstable_by(f64::total_cmp));
    rows
}

fn measure(row: &mut Row, contender: Contender, kind: Consumer, calls: usize) {
    let Contender { mut callback, mut consumer, delivers } = contender;
    let mut source = Source::ramp(Shape::STEREO, 4);
    let info = source.info;
    let mut sink = Sink::new();
    let over = AtomicBool::new(false);
    let (work, rest) = match kind {
        Consumer::Bursts => (Duration::from_millis(5), Duration::from_millis(2)),
        Consumer::Preempted => (Duration::from_micros(200), Duration::from_micros(500)),
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            machine::pin(false);
            if kind == Consumer::Preempted {
                machine::be_nice();
            }
            while !over.load(Ordering::Acquire) {
                consumer.drain(&mut sink, &mut || machine::spin(work));
                thread::sleep(rest);
            }
            consumer.end(&mut sink);
        });
        if kind == Consumer::Preempted {
            scope.spawn(|| {
                machine::pin(false);
                while !over.load(Ordering::Acquire) {
                    machine::spin(Duration::from_micros(100));
                }
            });
        }
        let mut due = Instant::now();
        for _ in 0..calls {
            due += CADENCE;
            machine::wait_until(due);
            let data = source.next();
            let start = Instant::now();
            callback(data, &info);
            row.ns.push(start.elapsed().as_nanos() as f64);
        }
        over.store(true, Ordering::Release);
    });
    let frames = (calls * FRAMES) as u64;
    row.frames += frames;
    let got = sink.bytes / Shape::STEREO.format().frame_bytes() as u64;
    row.lost = match (row.lost, delivers) {
        (Some(lost), Delivers::Same | Delivers::Floats) => Some(lost + frames - got),
        _ => None,
    };
}

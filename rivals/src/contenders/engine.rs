//! This engine: the very closure that cpal gets, and the epoch's other end.

use crate::contender::{Contender, Delivers, Drain, Sink};
use crate::workload::{CAPACITY_FRAMES, RATE_HZ, Shape};
use hearken::data_closure;
use hearken::epoch::{Epoch, epoch};
use std::time::Duration;

pub fn engine(shape: Shape) -> Contender {
    let depth = Duration::from_millis(CAPACITY_FRAMES as u64 * 1000 / u64::from(RATE_HZ));
    let (inlet, epoch) = epoch(shape.format(), depth, Default::default());
    epoch.controls.want(shape.ask_frames);
    Contender {
        callback: Box::new(data_closure(inlet.data)),
        consumer: Box::new(Worker { epoch, held: Vec::with_capacity(64), ask_frames: shape.ask_frames }),
        delivers: Delivers::Same,
    }
}

struct Worker {
    epoch: Epoch,
    held: Vec<hearken::handoff::pool::Block<hearken::intake::Header>>,
    ask_frames: u64,
}

impl Drain for Worker {
    fn drain(&mut self, sink: &mut Sink, work: &mut dyn FnMut()) {
        let frame_bytes = self.epoch.format.frame_bytes();
        let mut captured = None;
        while let Some(block) = self.epoch.pop() {
            let header = block.header();
            captured = Some(header.captured);
            sink.take(&self.epoch.bytes(&block)[..header.frames as usize * frame_bytes]);
            self.held.push(block);
        }
        // As the worker does: the next position at which somebody needs everything.
        if let Some(captured) = captured {
            self.epoch.controls.want((captured / self.ask_frames + 1) * self.ask_frames);
        }
        // The least kind moment to work: with every block in hand.
        work();
        for block in self.held.drain(..) {
            self.epoch.give_back(block);
        }
    }

    fn end(&mut self, sink: &mut Sink) {
        self.drain(sink, &mut || ());
        self.epoch.claim().expect("no callback is running");
        self.drain(sink, &mut || ());
    }

    fn reported_lost(&mut self) -> Option<u64> {
        let record = self.epoch.record.read();
        Some(record.dropped + record.discarded)
    }
}

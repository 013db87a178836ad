//! What is lost while the consumer is away, and what the waiting audio takes. Exact: no clock is involved.

use crate::contender::{Contender, Delivers, RIVALS, Rival, Sink};
use crate::workload::{CAPACITY_FRAMES, FRAMES, Shape, Source};

pub const ABSENCES_MS: [usize; 4] = [400, 500, 700, 1000];

pub struct Row {
    pub name: &'static str,
    /// Frames lost at each absence; `None` where the frames are not the device's.
    pub lost: [Option<u64>; 4],
    /// What the design itself says that it lost, where it says so.
    pub reported: [Option<u64>; 4],
    /// Most bytes that it held at the longest absence.
    pub peak_bytes: u64,
    /// Whether before and after the hole everything came, in order.
    pub in_order: bool,
}

pub fn run() -> Vec<Row> {
    RIVALS.iter().map(row).collect()
}

fn row(rival: &Rival) -> Row {
    let mut row =
        Row { name: rival.name, lost: [None; 4], reported: [None; 4], peak_bytes: 0, in_order: true };
    for (index, ms) in ABSENCES_MS.into_iter().enumerate() {
        // What is kept to be compared must not count as the design's memory.
        let mut sink = Sink::keeping();
        sink.kept.as_mut().expect("it keeps").reserve(4 << 20);
        let away = ms / 10;
        let mut source = Source::ramp(Shape::STEREO, BEFORE + away + AFTER);
        let memory = allocation_counter::measure(|| {
            let contender = (rival.build)(Shape::STEREO);
            let delivers = contender.delivers;
            row.reported[index] = drive(contender, &mut source, &mut sink, away);
            let frames = ((BEFORE + away + AFTER) * FRAMES) as u64;
            let got = sink.bytes / Shape::STEREO.format().frame_bytes() as u64;
            row.lost[index] = (delivers != Delivers::Resampled).then(|| frames - got);
        });
        row.peak_bytes = memory.bytes_max;
        if row.lost[index].is_some() {
            row.in_order &= has_one_hole(&sink.kept.unwrap_or_default(), source.all());
        }
    }
    row
}

/// Callbacks with a consumer that looks after each, before and after its absence. Odd, so that it leaves at the worst
/// moment for a design that hands over in blocks.
const BEFORE: usize = 7;
const AFTER: usize = 13;

fn drive(mut contender: Contender, source: &mut Source, sink: &mut Sink, away: usize) -> Option<u64> {
    let info = source.info;
    for number in 0..BEFORE + away + AFTER {
        (contender.callback)(source.next(), &info);
        // Back at once after the last callback of the absence.
        if !(BEFORE..BEFORE + away - 1).contains(&number) {
            contender.consumer.drain(sink, &mut || ());
        }
    }
    contender.consumer.end(sink);
    contender.consumer.reported_lost()
}

/// Whether `got` is `all` without one stretch of it, at most, and the stretch begins where a full buffer would.
fn has_one_hole(got: &[u8], all: &[u8]) -> bool {
    let head = got.iter().zip(all).take_while(|(one, other)| one == other).count();
    let head = head.min(got.len());
    let tail = got.len() - head;
    let frame = Shape::STEREO.format().frame_bytes();
    let full = got.len() == all.len() || head >= (BEFORE * FRAMES + CAPACITY_FRAMES) * frame;
    full && got[head..] == all[all.len() - tail..]
}

//! What the callback costs while a consumer on the other core copies everything out.
//!
//! Where cores share nothing near, the lines that change core decide, and how long one takes drifts by a factor of
//! four. So every figure is a ratio to `copy-x` within the same round, and the median over the rounds.

use crate::contender::{COPY, COPY_X, Callback, Delivers, Drain, ENGINE, RIVALS, Rival, Sink, sum};
use crate::machine;
use crate::report::{at, median};
use crate::workload::{Shape, Source};
use crossbeam_utils::CachePadded;
use hearken::SampleFormat;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the consumer looks.
const POLL: Duration = Duration::from_micros(20);

/// How callbacks come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 16 in a row, 160 ms of audio, for a consumer that wants a chunk of as much.
    Chunks,
    /// One, which the consumer has before the next.
    Singly,
}

impl Mode {
    fn calls(self) -> usize {
        if self == Self::Chunks { 16 } else { 1 }
    }
}

/// A table: one shape, one mode, everybody. The first row is the base of all ratios.
pub struct Group {
    pub mode: Mode,
    pub shape: Shape,
    pub rows: Vec<Row>,
}

pub struct Row {
    pub name: &'static str,
    pub sample: SampleFormat,
    /// Nanoseconds per call: each batch's mean, sorted.
    pub ns: Vec<f64>,
    /// Median over the rounds of the ratio within a round.
    pub ratio: f64,
    ratios: Vec<f64>,
    cell: usize,
}

/// What the producer has of a cell.
struct Cell {
    callback: Callback,
    source: Source,
    delivers: Delivers,
    calls: usize,
    sent: u64,
}

const IDLE: usize = usize::MAX;
const OVER: usize = usize::MAX - 1;

#[derive(Default)]
struct Shared {
    /// The cell whose consumer is to look.
    active: CachePadded<AtomicUsize>,
    /// Batches sent.
    sent: CachePadded<AtomicU64>,
    /// Batches that the consumer has everything of.
    drained: CachePadded<AtomicU64>,
}

pub fn run(rounds: usize, batches: usize) -> Result<Vec<Group>, String> {
    let mut cells = Vec::new();
    let mut consumers = Vec::new();
    let mut groups = Vec::new();
    for mode in [Mode::Chunks, Mode::Singly] {
        for (sample, channels) in [(SampleFormat::F32, 2), (SampleFormat::F32, 1), (SampleFormat::I16, 2)] {
            let shape = Shape { sample, channels, ask_frames: (mode.calls() * 480) as u64 };
            // The base is always the copy of floats.
            let base = Shape { sample: SampleFormat::F32, ..shape };
            let mut rows = Vec::new();
            for (rival, shape) in everybody(mode, shape, base) {
                let contender = (rival.build)(shape);
                let row = Row {
                    name: rival.name,
                    sample: shape.sample,
                    ns: Vec::new(),
                    ratio: 0.0,
                    ratios: Vec::new(),
                    cell: cells.len(),
                };
                rows.push(row);
                cells.push(Cell {
                    callback: contender.callback,
                    source: Source::ramp(shape, 4),
                    delivers: contender.delivers,
                    calls: mode.calls(),
                    sent: 0,
                });
                consumers.push((contender.consumer, Sink::new()));
            }
            groups.push(Group { mode, shape, rows });
        }
    }
    let shared = Shared::default();
    shared.active.store(IDLE, Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(|| consume(&shared, &mut consumers));
        for round in 0..rounds {
            for group in &mut groups {
                measure_group(&shared, &mut cells, group, round, batches);
            }
        }
        shared.active.store(OVER, Ordering::Release);
    });
    for row in groups.iter_mut().flat_map(|group| &mut group.rows) {
        row.ratio = median(&mut row.ratios);
        row.ns.sort_unstable_by(f64::total_cmp);
        delivered(&cells[row.cell], &consumers[row.cell].1)
            .map_err(|what| format!("{}: {what}", row.name))?;
    }
    Ok(groups)
}

fn everybody(mode: Mode, shape: Shape, base: Shape) -> Vec<(Rival, Shape)> {
    let mut list = vec![(COPY_X, base), (COPY, shape)];
    if shape != base {
        list.insert(1, (COPY_X, shape));
    }
    let few = mode == Mode::Singly;
    list.extend(
        RIVALS
            .iter()
            .filter(|rival| !few || ["rtrb", "ringbuf", ENGINE.name].contains(&rival.name))
            .map(|rival| (*rival, shape)),
    );
    list
}

fn measure_group(shared: &Shared, cells: &mut [Cell], group: &mut Group, round: usize, batches: usize) {
    let count = group.rows.len();
    let mut medians = vec![0.0; count];
    for turn in 0..count {
        let row = &mut group.rows[(turn + round) % count];
        let mut times = measure(shared, row.cell, &mut cells[row.cell], batches);
        medians[(turn + round) % count] = median(&mut times);
        // The first round warms up.
        if round > 0 {
            row.ns.extend(times);
        }
    }
    if round > 0 {
        for (row, median) in group.rows.iter_mut().zip(&medians) {
            row.ratios.push(median / medians[0]);
        }
    }
}

/// Nanoseconds per call of each batch.
fn measure(shared: &Shared, index: usize, cell: &mut Cell, batches: usize) -> Vec<f64> {
    shared.active.store(index, Ordering::Release);
    let info = cell.source.info;
    let clock = clock_ns();
    (0..batches)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..cell.calls {
                (cell.callback)(cell.source.next(), &info);
            }
            let ns = start.elapsed().as_nanos() as f64 - clock;
            cell.sent += cell.calls as u64;
            let sent = shared.sent.load(Ordering::Relaxed) + 1;
            shared.sent.store(sent, Ordering::Release);
            while shared.drained.load(Ordering::Acquire) < sent {
                spin_loop();
            }
            ns / cell.calls as f64
        })
        .collect()
}

/// What two looks at the clock cost by themselves.
fn clock_ns() -> f64 {
    let mut times: Vec<f64> = (0..15)
        .map(|_| {
            let start = Instant::now();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    median(&mut times)
}

fn consume(shared: &Shared, consumers: &mut [(Box<dyn Drain>, Sink)]) {
    machine::pin(false);
    loop {
        // First what was sent, then by whom: the producer stores them the other way round.
        let sent = shared.sent.load(Ordering::Acquire);
        match shared.active.load(Ordering::Acquire) {
            OVER => return,
            IDLE => (),
            index => {
                let (consumer, sink) = &mut consumers[index];
                consumer.drain(sink, &mut || ());
                shared.drained.store(sent, Ordering::Release);
            }
        }
        machine::spin(POLL);
    }
}

/// Nanoseconds that a cache line takes to the other core and back, median: what kind of machine this is now.
pub fn line_ns() -> f64 {
    const TURNS: usize = 4000;
    let (there, back) = (CachePadded::new(AtomicUsize::new(0)), CachePadded::new(AtomicUsize::new(0)));
    let wait = |line: &AtomicUsize, turn: usize| {
        while line.load(Ordering::Acquire) < turn {
            spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            machine::pin(false);
            for turn in 1..=TURNS {
                wait(&there, turn);
                back.store(turn, Ordering::Release);
            }
        });
        let mut times: Vec<f64> = (1..=TURNS)
            .map(|turn| {
                let start = Instant::now();
                there.store(turn, Ordering::Release);
                wait(&back, turn);
                start.elapsed().as_nanos() as f64
            })
            .collect();
        median(&mut times) - clock_ns()
    })
}

/// Whether what came is what was sent.
fn delivered(cell: &Cell, sink: &Sink) -> Result<(), String> {
    let per_callback = |number: u64| sum(cell.source.callback_bytes(number as usize));
    let callbacks = cell.sent;
    match cell.delivers {
        Delivers::Same => {
            let expected: u64 = (0..4).map(|k| per_callback(k) * ((callbacks + 3 - k) / 4)).sum();
            if sink.sum != expected {
                return Err(format!("the samples sum to {} instead of {expected}", sink.sum));
            }
            let bytes = callbacks * cell.source.callback_bytes(0).len() as u64;
            if sink.bytes != bytes {
                return Err(format!("{} bytes came of {bytes}", sink.bytes));
            }
        }
        // Its samples were compared one by one before; here something must have come.
        Delivers::Floats | Delivers::Resampled if sink.bytes == 0 => return Err("nothing came".into()),
        _ => (),
    }
    Ok(())
}

impl Row {
    pub fn quantile(&self, quantile: f64) -> f64 {
        at(&self.ns, quantile)
    }
}

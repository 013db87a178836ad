//! What the callback costs while a consumer on the other core copies everything out.
//!
//! Where cores share nothing near, the lines that change core decide, and how long one takes drifts by a factor of
//! four. So every figure is a ratio to `copy-x` within the same round, and the median over the rounds.

use crate::contender::{COPY, COPY_X, Callback, Delivers, Drain, RIVALS, Rival, Sink, sum};
use crate::machine;
use crate::report::{at, median};
use crate::workload::{Shape, Source};
use crossbeam_utils::CachePadded;
use hearken::SampleFormat;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::thread;
use std::time::{Duration, Instant};

/// How often the consumer looks.
const POLL: Duration = Duration::from_micros(20);

/// How callbacks come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// 16 in a row, 160 ms of audio, for a consumer that wants a chunk of as much.
    Chunks,
    /// The same, each followed by a full fence: the stores' way to their lines is waited for within each call, as
    /// between real callbacks, and an atomic exchange in the next call has nothing left to wait for.
    Fenced,
    /// One, which the consumer has before the next.
    Singly,
}

impl Mode {
    fn calls(self) -> usize {
        if self == Self::Singly { 1 } else { 16 }
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
    /// Ratios to the base within a round: of all rounds, and of those in which lines were near, and far.
    pub all: Ratios,
    pub near: Ratios,
    pub far: Ratios,
    cell: usize,
}

#[derive(Default)]
pub struct Ratios(Vec<f64>);

impl Ratios {
    /// The median, where there are rounds enough.
    pub fn median(&self) -> Option<f64> {
        (self.0.len() >= 5).then(|| median(&mut self.0.clone()))
    }
}

/// Round trip of a cache line below which the cores are near each other. On a virtual machine it is the host that
/// decides, and it changes its mind within a run.
pub const NEAR_NS: f64 = 200.0;

/// What was measured.
pub struct Crossing {
    pub groups: Vec<Group>,
    /// Round trip of a cache line in each round, sorted.
    pub line_ns: Vec<f64>,
}

/// What the producer has of a cell.
struct Cell {
    callback: Callback,
    source: Source,
    delivers: Delivers,
    calls: usize,
    fenced: bool,
    sent: u64,
}

const IDLE: usize = usize::MAX;
/// Answer at once, without a consumer.
const ECHO: usize = usize::MAX - 1;
const OVER: usize = usize::MAX - 2;

#[derive(Default)]
struct Shared {
    /// The cell whose consumer is to look.
    active: CachePadded<AtomicUsize>,
    /// Batches sent.
    sent: CachePadded<AtomicU64>,
    /// Batches that the consumer has everything of.
    drained: CachePadded<AtomicU64>,
}

pub fn run(rounds: usize, batches: usize) -> Result<Crossing, String> {
    let mut line = Vec::new();
    let mut cells = Vec::new();
    let mut consumers = Vec::new();
    let mut groups = Vec::new();
    let all = [(SampleFormat::F32, 2), (SampleFormat::F32, 1), (SampleFormat::I16, 2)];
    for (mode, shapes) in [(Mode::Chunks, &all[..]), (Mode::Fenced, &all[..]), (Mode::Singly, &all[..1])] {
        for &(sample, channels) in shapes {
            let shape = Shape { sample, channels, ask_frames: (mode.calls() * 480) as u64 };
            // The base is always the copy of floats.
            let base = Shape { sample: SampleFormat::F32, ..shape };
            let mut rows = Vec::new();
            for (rival, shape) in everybody(shape, base) {
                let contender = (rival.build)(shape);
                let row = Row {
                    name: rival.name,
                    sample: shape.sample,
                    ns: Vec::new(),
                    all: Ratios::default(),
                    near: Ratios::default(),
                    far: Ratios::default(),
                    cell: cells.len(),
                };
                rows.push(row);
                cells.push(Cell {
                    callback: contender.callback,
                    source: Source::ramp(shape, 4),
                    delivers: contender.delivers,
                    calls: mode.calls(),
                    fenced: mode == Mode::Fenced,
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
            // The first round warms up.
            let line_ns = (round > 0).then(|| line_ns(&shared));
            line.extend(line_ns);
            for group in &mut groups {
                measure_group(&shared, &mut cells, group, round, batches, line_ns);
            }
        }
        shared.active.store(OVER, Ordering::Release);
    });
    for row in groups.iter_mut().flat_map(|group| &mut group.rows) {
        row.ns.sort_unstable_by(f64::total_cmp);
        delivered(&cells[row.cell], &consumers[row.cell].1)
            .map_err(|what| format!("{}: {what}", row.name))?;
    }
    line.sort_unstable_by(f64::total_cmp);
    Ok(Crossing { groups, line_ns: line })
}

fn everybody(shape: Shape, base: Shape) -> Vec<(Rival, Shape)> {
    let mut list = vec![(COPY_X, base), (COPY, shape)];
    if shape != base {
        list.insert(1, (COPY_X, shape));
    }
    list.extend(RIVALS.map(|rival| (rival, shape)));
    list
}

fn measure_group(
    shared: &Shared,
    cells: &mut [Cell],
    group: &mut Group,
    round: usize,
    batches: usize,
    line_ns: Option<f64>,
) {
    let count = group.rows.len();
    let mut medians = vec![0.0; count];
    for turn in 0..count {
        let row = &mut group.rows[(turn + round) % count];
        let mut times = measure(shared, row.cell, &mut cells[row.cell], batches);
        medians[(turn + round) % count] = median(&mut times);
        if line_ns.is_some() {
            row.ns.extend(times);
        }
    }
    if let Some(line_ns) = line_ns {
        for (row, median) in group.rows.iter_mut().zip(&medians) {
            row.all.0.push(median / medians[0]);
            let regime = if line_ns < NEAR_NS { &mut row.near } else { &mut row.far };
            regime.0.push(median / medians[0]);
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
                if cell.fenced {
                    fence(Ordering::SeqCst);
                }
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
            ECHO => {
                shared.drained.store(sent, Ordering::Release);
                continue;
            }
            index => {
                let (consumer, sink) = &mut consumers[index];
                consumer.drain(sink, &mut || ());
                shared.drained.store(sent, Ordering::Release);
            }
        }
        machine::spin(POLL);
    }
}

/// Nanoseconds that a cache line takes to the other core and back, median.
fn line_ns(shared: &Shared) -> f64 {
    shared.active.store(ECHO, Ordering::Release);
    let mut times: Vec<f64> = (0..400)
        .map(|_| {
            let sent = shared.sent.load(Ordering::Relaxed) + 1;
            let start = Instant::now();
            shared.sent.store(sent, Ordering::Release);
            while shared.drained.load(Ordering::Acquire) < sent {
                spin_loop();
            }
            start.elapsed().as_nanos() as f64
        })
        .collect();
    shared.active.store(IDLE, Ordering::Release);
    median(&mut times) - clock_ns()
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

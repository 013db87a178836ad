//! What the scenarios found, as tables and gates.

use crate::contender::{ENGINE, MUTEX4};
use crate::report::{Gate, at, table, time};
use crate::scenarios::{allocations, away, bursts, crossing, pipeline};
use hearken::SampleFormat;

pub fn crossing(crossing: &crossing::Crossing, gates: &mut Vec<Gate>) {
    let near = crossing.line_ns.iter().filter(|&&ns| ns < crossing::NEAR_NS).count();
    println!(
        "\nA cache line to the other core and back: {} to {}, median {}; near in {near} rounds, far in {}.",
        time(at(&crossing.line_ns, 0.0)),
        time(at(&crossing.line_ns, 1.0)),
        time(at(&crossing.line_ns, 0.5)),
        crossing.line_ns.len() - near
    );
    for group in &crossing.groups {
        if group.mode == crossing::Mode::Singly { singly(group) } else { chunks(group, gates) }
    }
}

fn chunks(group: &crossing::Group, gates: &mut Vec<Gate>) {
    let (channels, sample) = (group.shape.channels, group.shape.sample);
    let gated = group.mode == crossing::Mode::Chunks;
    let how = if gated { "" } else { "\nA full fence after each call (for information)." };
    let title = format!(
        "Callback while the other core copies everything out: 480 frames, {channels} ch, {sample}; 16 in a row, then read.\n\
         Ratios are medians over rounds of the ratio to copy-x of f32 in the same round; times drift.{how}"
    );
    let cells = |row: &crossing::Row| {
        let name =
            if row.sample == sample { row.name.into() } else { format!("{} of {}", row.name, row.sample) };
        let mut cells = vec![name];
        let ratio =
            |ratios: &crossing::Ratios| ratios.median().map_or("-".into(), |ratio| format!("x{ratio:.3}"));
        cells.extend([&row.all, &row.near, &row.far].map(ratio));
        cells.extend([0.0, 0.5, 0.99].map(|quantile| time(row.quantile(quantile))));
        cells
    };
    let rows: Vec<_> = group.rows.iter().map(cells).collect();
    table(&title, &["", "/ copy-x", "near", "far", "min", "median", "p99"], &rows);
    if !gated {
        return;
    }
    let engine = group.rows.iter().find(|row| row.name == ENGINE.name).expect("everybody ran");
    let (what, limit) = match (sample, channels) {
        (SampleFormat::F32, 2) => ("crossing, 480x2 f32, / copy-x", 1.08),
        (SampleFormat::F32, _) => ("crossing, 480x1 f32, / copy-x", 1.18),
        _ => ("crossing, 480x2 i16 raw, / copy-x of f32", 0.60),
    };
    gates.push(Gate::at_most(what, engine.all.median().unwrap_or(f64::NAN), limit));
}

fn singly(group: &crossing::Group) {
    let title = "The same, 2 ch f32, each callback read before the next (for information: a call returns while its\n\
                 stores still wait for their lines, so this shows the lines that it must read).";
    let cells = |row: &crossing::Row| {
        let mut cells = vec![row.name.to_owned()];
        cells.extend([0.5, 0.9, 0.99].map(|quantile| time(row.quantile(quantile))));
        cells
    };
    table(title, &["", "median", "p90", "p99"], &group.rows.iter().map(cells).collect::<Vec<_>>());
}

fn calls(rows: &[bursts::Row]) -> Vec<Vec<String>> {
    let lost = |row: &bursts::Row| match row.lost {
        Some(lost) if row.name != "copy" => format!("{lost}"),
        _ => "-".into(),
    };
    rows.iter()
        .map(|row| {
            let mut cells = vec![row.name.to_owned()];
            cells.extend([0.5, 0.9, 0.99, 1.0].map(|quantile| time(row.quantile(quantile))));
            cells.extend([format!("{} of {}", row.late(), row.ns.len()), lost(row)]);
            cells
        })
        .collect()
}

const CALLS: [&str; 7] = ["", "median", "p90", "p99", "max", "> 1 ms", "lost frames"];

fn named<'a>(rows: &'a [bursts::Row], name: &str) -> &'a bursts::Row {
    rows.iter().find(|row| row.name == name).expect("everybody ran")
}

pub fn bursts(rows: &[bursts::Row], gates: &mut Vec<Gate>) {
    table("Callback every 1 ms while the consumer works in bursts of 5 ms.", &CALLS, &calls(rows));
    let [engine, mutex4] = [ENGINE.name, MUTEX4.name].map(|name| named(rows, name));
    let ratio = mutex4.quantile(0.99) / engine.quantile(0.99);
    gates.push(Gate::at_least("bursts, p99 of mutex4 / p99 of hearken", ratio, 500.0, 0));
    let lost = engine.lost.unwrap_or(u64::MAX);
    gates.push(Gate::exact("bursts, frames lost", format!("{lost} of {}", engine.frames), lost == 0));
}

pub fn preempted(rows: &[bursts::Row]) {
    let title = "Callback every 1 ms while the consumer, last in line, shares its core with a busy thread\n\
                 (for information: what is lost here says how long the consumer was kept away).";
    table(title, &CALLS, &calls(rows));
}

pub fn away(rows: &[away::Row], gates: &mut Vec<Gate>) {
    let count = |count: Option<u64>| count.map_or("-".into(), |count| count.to_string());
    let cells = |row: &away::Row| {
        let mut cells = vec![row.name.to_owned()];
        cells.extend(row.lost.map(count));
        cells.push(count(row.reported[3]));
        cells.push(format!("{:.0} KiB", row.peak_bytes as f64 / 1024.0));
        cells.push(if row.in_order { "yes" } else { "NO" }.into());
        cells
    };
    let title = "Consumer away, 500 ms of capacity: frames lost, what the design itself reports of the longest, and the\n\
                 most memory it held. Exact.";
    let heading = ["", "400 ms", "500 ms", "700 ms", "1000 ms", "reported", "peak", "rest whole"];
    table(title, &heading, &rows.iter().map(cells).collect::<Vec<_>>());
    let engine = rows.iter().find(|row| row.name == ENGINE.name).expect("everybody ran");
    let [at_400, at_500, ..] = engine.lost;
    let kept = at_400 == Some(0) && at_500 == Some(0);
    gates.push(Gate::exact(
        "away 400 and 500 ms, frames lost",
        format!("{} and {}", count(at_400), count(at_500)),
        kept,
    ));
    let counted = engine.lost == engine.reported && engine.in_order && engine.lost[3] > Some(0);
    let counts = format!("{} = {}", count(engine.lost[3]), count(engine.reported[3]));
    gates.push(Gate::exact("away, captured = delivered + reported lost", counts, counted));
}

pub fn pipeline(figures: &pipeline::Figures, gates: &mut Vec<Gate>) {
    let pipeline::Figures { mutex4, stages, capture, bare } = *figures;
    let row = |name: &str, ns: f64| {
        let times = format!("{:.0}", 1e9 / ns);
        vec![
            name.into(),
            format!("{:.1}", ns / 1e3),
            times,
            format!("x{:.2}", mutex4 / ns),
            format!("x{:.3}", ns / bare),
        ]
    };
    let rows = [
        row("mutex4+resample, 1024", mutex4),
        row("hearken, stages on one thread", stages),
        row("hearken, a whole capture", capture),
        row("resampler alone, 480", bare),
    ];
    let title = "48 kHz stereo f32 to 16 kHz mono in chunks of 160 ms: CPU time, best round.";
    let heading = ["", "us per s", "x real time", "speed / mutex4", "time / resampler"];
    table(title, &heading, &rows);
    gates.push(Gate::at_least("pipeline, one thread, speed / mutex4+resample", mutex4 / stages, 1.8, 2));
    gates.push(Gate::at_least("pipeline, whole capture, speed / mutex4+resample", mutex4 / capture, 1.8, 2));
    gates.push(Gate::at_most("pipeline, one thread, time / resampler alone", stages / bare, 1.15));
    gates.push(Gate::at_most("pipeline, whole capture, time / resampler alone", capture / bare, 1.15));
}

pub fn allocations(rows: &[allocations::Row], gates: &mut Vec<Gate>) {
    let cells = |row: &allocations::Row| {
        let mut cells = vec![row.name.to_owned()];
        cells.extend([row.f32[0], row.f32[1], row.i16[0], row.i16[1]].map(|count| format!("{count:.2}")));
        cells
    };
    let heading = ["", "f32: allocations", "frees", "i16: allocations", "frees"];
    table("Per callback. Exact.", &heading, &rows.iter().map(cells).collect::<Vec<_>>());
    let engine = rows.iter().find(|row| row.name == ENGINE.name).expect("everybody ran");
    let none = [engine.f32, engine.i16] == [[0.0; 2]; 2];
    gates.push(Gate::exact(
        "allocations and frees in the callback",
        if none { "0" } else { "some" }.into(),
        none,
    ));
}

/// Prints the gates; whether all are met.
pub fn gates(gates: &[Gate]) -> bool {
    let cells = |gate: &Gate| {
        let met = if gate.met { "met" } else { "NOT MET" };
        vec![gate.what.into(), gate.measured.clone(), gate.limit.clone(), met.into()]
    };
    table("Gates", &["", "measured", "must", ""], &gates.iter().map(cells).collect::<Vec<_>>());
    gates.iter().all(|gate| gate.met)
}

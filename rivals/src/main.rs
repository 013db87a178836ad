//! hearken's callback beside the other ways to hand audio over: the same workload, interleaved in one run.
//!
//! `cargo xtask rivals` builds and runs it; `--quick` for a short look, `--plot FILE` for the picture. Ratios within
//! the run and exact counts are gates; times by themselves drift with the machine and are printed for information.

mod contender;
mod contenders;
mod machine;
mod plot;
mod report;
mod scenarios;
mod tables;
mod workload;

use scenarios::{allocations, away, bursts, crossing, pipeline, verify};
use std::process::ExitCode;

fn main() -> ExitCode {
    // A check that fails on the consumer's thread must end the run, not leave the callback waiting for it.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(101);
    }));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("rivals: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every gate is met.
fn run(arguments: &[String]) -> Result<bool, String> {
    let mut quick = false;
    let mut libc = "plain";
    let mut plot = None;
    let mut only = None;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--libc-copies" => libc = "own",
            "--quick" => quick = true,
            "--plot" => plot = Some(rest.next().ok_or("--plot wants a file")?),
            "--only" => only = Some(rest.next().ok_or("--only wants a scenario")?.as_str()),
            other => return Err(format!("unexpected argument `{other}`")),
        }
    }
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let pick = |short: usize, long: usize| if quick { short } else { long };
    let mut gates = Vec::new();

    if libc != "own"
        && let Some(ended) = machine::again_with_plain_copies(arguments)?
    {
        return Ok(ended);
    }
    machine::pin(true);
    verify::run()?;
    println!(
        "Everybody delivers what went in, sample for sample: f32 and i16, one and two channels, one thread and two."
    );
    let mut crossing = None;
    let mut bursts = Vec::new();
    if wanted("crossing") {
        let found = crossing::run(pick(30, 400), 40)?;
        tables::crossing(&found, &mut gates);
        crossing = found.groups.into_iter().next();
    }
    if wanted("bursts") {
        bursts = bursts::run(bursts::Consumer::Bursts, pick(1, 4), pick(600, 1200));
        tables::bursts(&bursts, &mut gates);
    }
    if wanted("preempted") {
        let rows = bursts::run(bursts::Consumer::Preempted, 1, pick(400, 1000));
        tables::preempted(&rows);
    }
    if wanted("away") {
        tables::away(&away::run(), &mut gates);
    }
    if wanted("pipeline") {
        tables::pipeline(&pipeline::run(pick(4, 9), pick(30, 60))?, &mut gates);
    }
    if wanted("allocations") {
        tables::allocations(&allocations::run(), &mut gates);
    }
    if let Some(file) = plot
        && let Some(svg) = plot::svg(&bursts, crossing.as_ref())
    {
        std::fs::write(file, svg).map_err(|error| format!("{file} cannot be written: {error}"))?;
    }
    Ok(tables::gates(&gates))
}

//! The verb `instructions`: what a callback costs beside a copy of the same bytes, counted exactly by callgrind.
//!
//! Times drift from run to run and from machine to machine; these counts do not, so they can be held to a limit.

use crate::workspace::Workspace;
use crate::{Outcome, child, no_arguments};
use cargo_metadata::Message;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Instructions per callback over a copy of the same bytes: 480 frames, stereo, every format.
const LIMIT: f64 = 100.0;
/// Calls per count; what only some callbacks do, such as taking a new block, is spread over them.
const CALLS: u64 = 1_000;
/// No count takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// One row: what is counted, and whether the limit holds for it.
struct Cell {
    sample: &'static str,
    channels: u16,
    frames: u32,
    gates: bool,
}

const fn cell(sample: &'static str, channels: u16, frames: u32, gates: bool) -> Cell {
    Cell { sample, channels, frames, gates }
}

const CELLS: &[Cell] = &[
    cell("f32", 2, 480, true),
    cell("i16", 2, 480, true),
    cell("i24", 2, 480, true),
    cell("i32", 2, 480, true),
    cell("f32", 2, 64, false),
    cell("f32", 2, 1024, false),
    cell("f32", 2, 4096, false),
    cell("f32", 1, 480, false),
    cell("f32", 8, 480, false),
];

/// Prints the table; red when a row that gates is above the limit.
pub fn run(workspace: &Workspace, arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    if child::ask(Command::new("valgrind").arg("--version")).is_none() {
        println!("instructions: left out, there is no valgrind here to count them");
        return Ok(());
    }
    let bench = build(workspace)?;
    println!("instructions per callback, {CALLS} calls each; limit of the rows with a *: copy + {LIMIT}");
    println!("  {:<22} {:>9} {:>9} {:>11}", "", "engine", "copy", "difference");
    let mut above = Vec::new();
    for cell in CELLS {
        let Cell { sample, channels, frames, gates } = cell;
        let name = format!("{sample} {channels} ch {frames} frames");
        let [engine, copy] = ["engine", "copy"].map(|kind| count(&bench, kind, cell));
        let (engine, copy) = (engine?, copy?);
        let mark = if *gates { '*' } else { ' ' };
        println!("{mark} {name:<22} {engine:>9.1} {copy:>9.1} {:>+11.1}", engine - copy);
        if *gates && !within(engine, copy) {
            above.push(format!("{name}: {:+.1}", engine - copy));
        }
    }
    if above.is_empty() { Ok(()) } else { Err(format!("above {LIMIT}: {}", above.join(", "))) }
}

/// Whether the difference keeps to the limit and is one: an engine that costs less than a copy was not counted.
fn within(engine: f64, copy: f64) -> bool {
    copy > 0.0 && engine > copy && engine - copy <= LIMIT
}

/// Builds the bench and returns its file.
fn build(workspace: &Workspace) -> Result<PathBuf, String> {
    let mut cargo = workspace
        .cargo("bench --package hearken --bench callback --no-run --message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let output = cargo.stdout.take().ok_or("cargo has no output")?;
    let messages = Message::parse_stream(BufReader::new(output));
    let mut file = None;
    for message in messages {
        if let Message::CompilerArtifact(artifact) = message.map_err(|error| error.to_string())?
            && artifact.target.name == "callback"
        {
            file = artifact.executable.or(file);
        }
    }
    let status = cargo.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err("the bench does not build".into());
    }
    file.map(Into::into).ok_or_else(|| "cargo does not say where the bench is".into())
}

/// Instructions per call of the engine's callback or of the copy.
fn count(bench: &Path, kind: &str, cell: &Cell) -> Result<f64, String> {
    let Cell { sample, channels, frames, .. } = cell;
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*call_under_test*"])
        .arg("--callgrind-out-file=/dev/null")
        .arg(bench)
        .args([
            "--instructions",
            kind,
            sample,
            &channels.to_string(),
            &frames.to_string(),
            &CALLS.to_string(),
        ])
        // Or the C library copies large blocks with one instruction that repeats itself, which counts per repetition.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1000000")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind cannot be started: {error}"))?;
    let begun = Instant::now();
    // What it says is a few lines, which fit in the pipe.
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if begun.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("no count within {PATIENCE:?}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = collected(&text).filter(|collected| output.status.success() && *collected > 0);
    let collected = collected.ok_or_else(|| format!("callgrind counted nothing:\n{text}"))?;
    Ok(collected as f64 / CALLS as f64)
}

/// The number in callgrind's line `==123== Collected : 456`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_read_from_callgrinds_words() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 3723314\n==7== "), Some(3_723_314));
        assert_eq!(collected("==7== Collected : \n"), None);
        assert_eq!(collected("no such line"), None);
    }

    #[test]
    fn a_difference_above_the_limit_or_none_at_all_is_red() {
        assert!(within(1_000.0 + LIMIT, 1_000.0));
        assert!(!within(1_000.5 + LIMIT, 1_000.0));
        assert!(!within(1_000.0, 1_000.0));
        assert!(!within(100.0, 0.0));
    }
}

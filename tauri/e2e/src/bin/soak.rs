//! A long recording with the meter running: what it costs, and what is left of it in memory.

use e2e::{PulseServer, Recorder};
use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Before it is measured: caches fill, code is compiled.
const WARM_UP: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(20);
/// Clock ticks a second on Linux, whatever the kernel's own.
const TICKS: f64 = 100.0;

/// What is allowed: shares of a core, and growth in KiB.
const IDLE_MOST: f64 = 0.01;
const RECORDING_MOST: f64 = 0.12;
const PAGE_MOST: i64 = 15 * 1024;
const APPLICATION_MOST: i64 = 2 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let minutes = match arguments.as_slice() {
        [] => Some(10.0),
        [flag, minutes] if flag == "--minutes" => minutes.parse().ok().filter(|minutes| *minutes > 0.0),
        _ => None,
    };
    let Some(minutes) = minutes else {
        eprintln!("usage: soak [--minutes N]");
        return ExitCode::from(2);
    };
    let server = PulseServer::start();
    let recorder = Recorder::start(&server, false, Some("speech"));
    sleep(Duration::from_secs(5));
    let idle = busy(&recorder, IDLE);
    recorder.page.click("#record");
    recorder.wait_for_state("recording");
    sleep(WARM_UP);
    let before = memory(&recorder);
    let recording = busy(&recorder, Duration::from_secs_f64(60.0 * minutes));
    let after = memory(&recorder);
    recorder.page.click("#record");
    recorder.wait_for_takes(1);
    let (take, _) = recorder.newest();

    println!("idle {:.2} % of a core, recording {:.2} %", 100.0 * idle, 100.0 * recording);
    let grown = |name: &str| {
        let (before, after) = (before.get(name).copied().unwrap_or(0), after.get(name).copied().unwrap_or(0));
        println!("{name}: {before} KiB, after {minutes} minutes {:+} KiB", after - before);
        if before > 0 { after - before } else { i64::MAX }
    };
    let (page, application) = (grown("WebKitWebProces"), grown("hearken-recorde"));
    println!("a take of {} ms, gaps {}, verdict {}", take["lengthMs"], take["gaps"], take["verdict"]["name"]);
    let well = idle <= IDLE_MOST
        && recording <= RECORDING_MOST
        && page <= PAGE_MOST
        && application <= APPLICATION_MOST
        && take["gaps"].as_array().is_some_and(Vec::is_empty);
    println!("{}", if well { "within bounds" } else { "OUT OF BOUNDS" });
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The share of a core that the application and its web processes take.
fn busy(recorder: &Recorder, length: Duration) -> f64 {
    let (begun, before) = (Instant::now(), ticks(recorder));
    sleep(length);
    (ticks(recorder) - before) / TICKS / begun.elapsed().as_secs_f64()
}

fn ticks(recorder: &Recorder) -> f64 {
    let of =
        |stat: &[String]| stat[11].parse::<f64>().unwrap_or(0.0) + stat[12].parse::<f64>().unwrap_or(0.0);
    processes(recorder).iter().map(|(_, _, stat)| of(stat)).sum()
}

/// Resident memory by the process's name, in KiB.
fn memory(recorder: &Recorder) -> BTreeMap<String, i64> {
    let resident = |id: u32| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
    };
    processes(recorder).into_iter().map(|(id, name, _)| (name, resident(id))).collect()
}

/// The application and its web processes: those of the driver's group, but the driver. Of each its name (15 letters, as
/// the kernel keeps it) and what follows it in `/proc/ID/stat`.
fn processes(recorder: &Recorder) -> Vec<(u32, String, Vec<String>)> {
    let driver = recorder.page.id();
    let entries = fs::read_dir("/proc").expect("Linux");
    entries
        .filter_map(|entry| {
            let id: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
            let rest: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
            (rest.get(2)? == &driver.to_string() && id != driver).then(|| (id, name.to_owned(), rest))
        })
        .collect()
}

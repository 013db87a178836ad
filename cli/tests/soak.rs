//! Minutes on a real audio server: nothing is dropped, the books balance, memory does not grow.
//!
//! `HEARKEN_SOAK_MINUTES` says how many (`cargo xtask soak --minutes N`); by itself it is 10 s.
#![cfg(target_os = "linux")]

mod support;

use support::microphone::Microphone;
use support::recording::Recording;
use support::server::PulseServer;
use support::signal;

/// Growth of resident memory from the first tenth to the end: the page cache of a file is not in it.
const MOST_GROWTH_KB: i64 = 1024;

fn seconds() -> u64 {
    let minutes: Option<f64> =
        std::env::var("HEARKEN_SOAK_MINUTES").ok().and_then(|value| value.parse().ok());
    minutes.map_or(10, |minutes| (minutes * 60.0) as u64)
}

/// What a process holds in memory of its own, in kB.
fn resident_kb(process: u32) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("RssAnon")).expect("a line for it");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

#[test]
fn minutes_on_a_server_drop_nothing_and_hold_no_more_memory() {
    let (seconds, server) = (seconds(), PulseServer::start(48_000, 1));
    let arguments = format!("--rate 16000 --channels mono --seconds {seconds}");
    let recording =
        Recording::start(server.client(env!("CARGO_BIN_EXE_hearken")), &server.scratch(), &arguments);
    // A minute of noise again and again, and a little more than is asked for.
    let minute = signal::white_noise(60 * 48_000, 7);
    let noise = minute.iter().copied().cycle().take((seconds as usize + 5) * 48_000).collect();
    let speech = Microphone::of(&server).speak(noise);
    std::thread::sleep(std::time::Duration::from_secs(seconds) / 10);
    let before = resident_kb(recording.id());
    std::thread::sleep(std::time::Duration::from_secs(seconds) * 8 / 10);
    let grown = resident_kb(recording.id()) - before;
    let take = recording.finish(seconds);
    drop(speech);
    println!("{seconds} s on a server: ledger {}, clock {}", take.json["ledger"], take.json["clock"]);
    println!("{before} kB held after a tenth, {grown} kB more at the end");
    take.assert_whole();
    assert!(grown <= MOST_GROWTH_KB, "{grown} kB more");
    let captured = take.count("/ledger/captured") as f64 / 48_000.0;
    assert!((captured - seconds as f64).abs() < 2.0, "{captured} s captured in {seconds} s");
}

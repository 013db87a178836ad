//! Every way that audio takes to the program on people's systems, and what happens on it: paths times scenes, each on
//! private servers, with the system's own recorder beside it as the witness.
//!
//! `cargo test -p hearken-cli --features jack --test hosts` runs the short form as tests;
//! `cargo xtask hosts` the table.

#[cfg(target_os = "linux")]
mod expected;
#[cfg(target_os = "linux")]
mod figures;
#[cfg(target_os = "linux")]
mod listener;
#[cfg(target_os = "linux")]
mod microphone;
#[cfg(target_os = "linux")]
mod rig;
#[cfg(target_os = "linux")]
mod scenes;
#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod table;
#[cfg(target_os = "linux")]
mod take;
#[cfg(target_os = "linux")]
mod tests;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == microphone::FLAG => microphone::main(rest),
        Some((first, rest)) if first == listener::FLAG => listener::main(rest),
        Some((first, rest)) if first == table::FLAG => table::main(rest),
        _ => tests::main(),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("these servers are Linux's");
}

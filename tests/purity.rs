//! What the callbacks never do: enter the system, take a lock, ask a clock, allocate. Each check has its planted
//! violations, which it must catch; allocations are counted in `callback.rs`.
#![cfg(not(loom))]
#![cfg_attr(rtsan, feature(sanitize))]

#[path = "purity/lint.rs"]
mod lint;

#[cfg(target_os = "linux")]
#[path = "purity/microphone.rs"]
mod microphone;

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#[path = "purity/system_calls.rs"]
mod system_calls;

#[cfg(all(target_os = "linux", rtsan))]
#[path = "purity/realtime.rs"]
mod realtime;

#[cfg(target_os = "linux")]
#[path = "support/mod.rs"]
mod support;

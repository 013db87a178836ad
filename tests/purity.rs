//! What the callbacks never do: enter the system, take a lock, ask a clock, allocate. Each check has its planted
//! violations, which it must catch; allocations are counted in `callback.rs`.
#![cfg(not(loom))]
#![cfg_attr(rtsan, feature(sanitize))]

#[path = "purity/lint.rs"]
mod lint;

// Where there are filters for system calls.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
))]
#[path = "purity"]
mod linux {
    mod microphone;
    #[cfg(rtsan)]
    mod realtime;
    #[path = "../support/mod.rs"]
    mod support;
    mod system_calls;
}

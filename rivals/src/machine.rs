//! Cores, priorities and clocks. Elsewhere than on Linux threads run where the system puts them.

use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

/// Puts the calling thread on a core of its own: the first of those allowed for `first`, else the last.
pub fn pin(first: bool) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_setaffinity};
        let core = if first { allowed().first() } else { allowed().last() };
        let Some(&core) = core else { return };
        let mut set = CpuSet::new();
        set.set(core);
        // A refusal costs precision, nothing else.
        let _ = sched_setaffinity(None, &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = first;
}

/// The cores this process was started on; asked before the first thread is pinned.
#[cfg(target_os = "linux")]
fn allowed() -> &'static [usize] {
    use rustix::thread::{CpuSet, sched_getaffinity};
    static ALLOWED: std::sync::OnceLock<Vec<usize>> = std::sync::OnceLock::new();
    ALLOWED.get_or_init(|| {
        let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|&core| set.is_set(core)).collect()
    })
}

/// Puts the calling thread last in line on its core.
pub fn be_nice() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
}

/// CPU time that the calling thread has used, in nanoseconds; elsewhere than on Linux, time.
pub fn thread_ns() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
    #[cfg(not(target_os = "linux"))]
    {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed().as_nanos() as u64
    }
}

/// Keeps the core busy.
pub fn spin(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        spin_loop();
    }
}

/// Waits for a moment: asleep for most of it, awake for the last of it.
pub fn wait_until(moment: Instant) {
    const AWAKE: Duration = Duration::from_micros(200);
    if let Some(far) = moment.checked_duration_since(Instant::now() + AWAKE) {
        thread::sleep(far);
    }
    while Instant::now() < moment {
        spin_loop();
    }
}

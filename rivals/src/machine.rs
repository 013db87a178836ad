//! Cores, priorities and clocks. Elsewhere than on Linux threads run where the system puts them.

use std::hint::spin_loop;
use std::thread;
use std::time::{Duration, Instant};

/// glibc copies 2 KiB and more with one instruction, `rep movsb`, that writes lines without asking for them first; the
/// same bytes in two pieces are copied otherwise. The ratios would then compare instructions, not designs.
#[cfg(target_os = "linux")]
const PLAIN_COPIES: &str = "glibc.cpu.x86_rep_movsb_threshold=1000000000";

/// Runs this program anew, for everybody alike without `rep movsb`; whether that went well, or `None` where this is
/// that run already, or there is nothing to be changed.
pub fn again_with_plain_copies(arguments: &[String]) -> Result<Option<bool>, String> {
    #[cfg(target_os = "linux")]
    if std::env::var("GLIBC_TUNABLES").as_deref() != Ok(PLAIN_COPIES) {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let status = std::process::Command::new(program)
            .args(arguments)
            .env("GLIBC_TUNABLES", PLAIN_COPIES)
            .status()
            .map_err(|error| error.to_string())?;
        return Ok(Some(status.success()));
    }
    let _ = arguments;
    Ok(None)
}

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

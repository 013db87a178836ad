//! Loom models of hearken's handoff: every interleaving and every stale read that the memory model allows, within
//! bounds that each model states.
//!
//! They exist only under `--cfg loom`, which swaps the atomics and cells of `handoff` for loom's:
//!
//! ```text
//! cargo xtask loom
//! RUSTFLAGS="--cfg loom" cargo test -p loom-tests --release --target-dir target/loom -- --nocapture
//! ```
//!
//! Built any other way this package holds only the stress test with real threads, and a test that says so.
//!
//! What loom leaves out, and who looks instead: a load that is delayed past a later store (the payload lies in loom's
//! cells, whose race check sees the missing order); more than 7 stores to one atomic in an execution (the models stay
//! below); time (there is none in `handoff`); real processors (the stress test, under the sanitizers).
#![cfg(loom)]

pub mod intake;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `f` in every execution that loom finds, prints their number and returns it.
///
/// `bound` limits the preemptions of each execution; `None` explores all of them. The limits stand here and not in the
/// environment, so that the same models run for everybody.
///
/// # Panics
/// If `f` panics or races in any execution, or if there are fewer executions than `floor`: a model that has silently
/// shrunk proves nothing. `cargo xtask mutants` switches that off, for it wants mutants to break something.
pub fn model(name: &str, floor: usize, bound: Option<usize>, f: impl Fn() + Send + Sync + 'static) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let mut builder = loom::model::Builder::new();
    builder.max_threads = 5;
    builder.max_branches = 2_000;
    builder.max_permutations = None;
    builder.max_duration = None;
    builder.preemption_bound = bound;
    builder.checkpoint_file = None;
    builder.check({
        let count = count.clone();
        move || {
            count.fetch_add(1, Ordering::Relaxed);
            f();
        }
    });
    let count = count.load(Ordering::Relaxed);
    match bound {
        None => println!("{name}: {count} executions"),
        Some(bound) => println!("{name}: {count} executions (at most {bound} preemptions each)"),
    }
    let floor = if std::env::var_os("LOOM_TESTS_WITHOUT_FLOORS").is_some() { 0 } else { floor };
    assert!(count >= floor, "{name} has shrunk: {count} executions, {floor} expected");
    count
}

/// Counts an outcome over all the executions of a model, outside loom's view.
///
/// A model of a drop in which nothing is ever dropped would be green; so it demands to have seen one.
#[derive(Clone, Debug, Default)]
pub struct Seen(Arc<AtomicUsize>);

impl Seen {
    /// One more execution, or step of one, had this outcome.
    pub fn note(&self) {
        self.add(1);
    }

    /// `times` more of them.
    pub fn add(&self, times: usize) {
        self.0.fetch_add(times, Ordering::Relaxed);
    }

    /// How often it was seen.
    pub fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Prints how often it was seen.
    ///
    /// # Panics
    /// If the outcome was never seen.
    pub fn demand(&self, what: &str) {
        let times = self.times();
        println!("    {what}: {times}");
        assert!(times > 0, "never seen in any execution: {what}");
    }
}

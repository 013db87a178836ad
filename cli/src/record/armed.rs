//! A take that begins and ends at somebody's word: the device is open before, and what was heard then is kept.

use super::output::{Asked, Output};
use super::{Account, Recorded, announce, conclude, not_started};
use crate::args::RecordArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use hearken::{Capture, Error, Take, TakePlan, TakeReport};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Enter, or USR1: begin, and then end.
    Next,
    /// Ctrl-C: end.
    Stop,
}

/// Orders from the keyboard and by signals. To be called before other threads are started: they inherit which signals
/// wait for this one.
fn listen() -> Result<Receiver<Order>, Failure> {
    let (orders, ordered) = mpsc::channel();
    listen_to_signals(&orders)?;
    let stop = orders.clone();
    let stopping = move || {
        // Whoever does not listen any more is at the end already.
        let _ = stop.send(Order::Stop);
    };
    ctrlc::set_handler(stopping)
        .map_err(|error| Failure::run(format!("cannot listen for Ctrl-C: {error}; nothing was opened")))?;
    spawn("hearken-keys", move || {
        let lines = io::stdin().lines().map_while(Result::ok);
        for _ in lines {
            if orders.send(Order::Next).is_err() {
                break;
            }
        }
    })?;
    Ok(ordered)
}

#[cfg(unix)]
fn listen_to_signals(orders: &Sender<Order>) -> Result<(), Failure> {
    use nix::sys::signal::{SigSet, Signal};
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGUSR1);
    signals.thread_block().map_err(|error| Failure::run(format!("cannot listen for USR1: {error}")))?;
    let orders = orders.clone();
    spawn("hearken-signals", move || while signals.wait().is_ok() && orders.send(Order::Next).is_ok() {})
}

#[cfg(not(unix))]
fn listen_to_signals(_: &Sender<Order>) -> Result<(), Failure> {
    Ok(())
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = thread::Builder::new().name(name.into()).spawn(body);
    thread.map(drop).map_err(|error| Failure::run(format!("no thread could be started: {error}")))
}

/// A take that goes on, or has ended and is not complete.
struct Recording {
    take: Take,
    output: Output,
    ends_at: Option<Instant>,
    is_ending: bool,
}

impl Recording {
    fn begin(args: &RecordArgs, capture: &Capture) -> Result<Self, Failure> {
        let mut plan = TakePlan::new(args.pre_roll.unwrap_or_default()).post_roll(args.post_roll);
        let output = Output::open(args, Asked::Take(&mut plan))?;
        let take = match capture.take(plan) {
            Ok(take) => take,
            Err(error) => {
                // Waits until the file that was created is gone again.
                let _ = output.finish();
                return Err(error.into());
            }
        };
        let ends_at = args.seconds.and_then(|length| Instant::now().checked_add(length));
        Ok(Self { take, output, ends_at, is_ending: false })
    }

    fn end(&mut self) {
        self.take.end();
        self.is_ending = true;
    }
}

pub fn run(args: &RecordArgs, capture: &Arc<Capture>, mut account: Account) -> Result<(), Failure> {
    let orders = listen()?;
    let mut events = capture.events();
    let input = capture.start().map_err(|error| not_started(args.host.as_deref(), error))?;
    let mut progress = Progress::new(input.format, args.seconds);
    let mut recording = None;
    if let Some(pre_roll) = args.pre_roll {
        let kept = pre_roll.as_secs_f64();
        // A take does not fail because nobody listens to how it goes.
        let _ =
            writeln!(io::stderr(), "armed: Enter begins the take, with the {kept} s before; Ctrl-C leaves");
    } else {
        recording = Some(Recording::begin(args, capture)?);
        announce(args, &input, progress.is_shown());
    }
    let mut account_of_take: Option<Result<TakeReport, Error>> = None;
    let report = loop {
        if let Some(ended) = capture.wait_timeout(Duration::ZERO) {
            break ended;
        }
        let ends_at = recording.as_ref().and_then(|recording| recording.ends_at);
        let left = ends_at.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        // The handler of Ctrl-C never hangs up.
        let order = orders.recv_timeout(progress.interval().min(left)).ok();
        match (&mut recording, order) {
            (None, Some(Order::Next)) => {
                progress.clear();
                recording = Some(Recording::begin(args, capture)?);
                announce(args, &input, progress.is_shown());
            }
            // Nothing was begun, or somebody is in a hurry.
            (None, Some(Order::Stop)) => break capture.stop(),
            (Some(Recording { is_ending: true, .. }), Some(Order::Stop)) => break capture.stop(),
            (Some(recording), Some(_)) => recording.end(),
            (_, None) => {}
        }
        if let Some(recording) = &mut recording {
            if recording.ends_at.is_some_and(|end| Instant::now() >= end) {
                recording.end();
                recording.ends_at = None;
            }
            account_of_take = recording.take.wait_timeout(Duration::ZERO);
            if account_of_take.is_some() || recording.output.is_finished() {
                break capture.stop();
            }
        }
        while let Some(event) = events.try_recv() {
            progress.hear(&event);
        }
        account.follow();
        if progress.is_shown() {
            progress.look(&capture.picture(), &capture.stats());
        }
    };
    progress.clear();
    let Some(Recording { take, output, .. }) = recording else {
        report?;
        return Err(Failure::run("no take was begun; nothing was recorded"));
    };
    // The capture's end is every take's.
    let take = account_of_take.unwrap_or_else(|| take.finish());
    let said = output.finish();
    conclude(args, account, report?, Recorded { said, take: Some(take?) })
}

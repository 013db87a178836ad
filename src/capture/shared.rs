//! A capture's state, and its worker's thread.

use super::FirstOpen;
use crate::config::Config;
use crate::desk::{Desk, Times};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::handoff::newest;
use crate::mailbox::Mailbox;
use crate::report::Report;
use crate::signal::picture::Picture;
use crate::source::{InputInfo, Stop};
use crate::stats::{StatsReader, StatsWriter};
use crate::supervisor::Supervisor;
use crate::time::{Clock, News, Sleeper, Waker};
use crate::trace;
use crate::worker::Worker;
use parking_lot::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Where the worker publishes.
pub(super) type Ends = (StatsWriter, newest::Writer<Picture>);

pub(super) struct Shared {
    pub state: Mutex<State>,
    /// The state became `Ended`.
    pub ended: News,
    pub desk: Arc<Desk>,
    /// Until the worker takes it.
    pub trace: Mutex<Option<trace::Writer>>,
    pub clock: Clock,
    pub muted: Arc<AtomicBool>,
    pub stats: Mutex<StatsReader>,
    pub picture: Mutex<newest::Reader<Picture>>,
    pub origin: Instant,
    pub first_open: Arc<OnceLock<FirstOpen>>,
    /// The worker's thread.
    pub worker: OnceLock<ThreadId>,
    /// Ends the thread that looks for devices that come and go.
    pub watch: Mutex<Option<Stop>>,
}

pub(super) enum State {
    /// With the worker's ends, until it takes them.
    Idle(Box<Ends>),
    Starting,
    Running(Waker),
    Ended(Box<Result<Report, Error>>),
}

impl State {
    /// Tells the worker, if it runs, that there is something for it.
    pub fn wake(&self) {
        if let Self::Running(worker) = self {
            worker.wake();
        }
    }
}

impl Shared {
    pub fn elapsed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.origin)
    }

    pub fn end(&self, result: Result<Report, Error>) {
        *self.state.lock() = State::Ended(Box::new(result));
        // Who joined too late ends here, which they see.
        self.desk.taps.lock().clear();
        self.desk.takes.lock().clear();
        self.desk.tellers.lock().clear();
        self.ended.notify_all();
        self.watch.lock().take();
    }
}

/// The worker of a capture that starts now. Not in its thread's own frame, which stays for as long as the capture.
#[inline(never)]
fn hire(
    shared: &Arc<Shared>,
    config: Config,
    (stats, picture): Ends,
    sleeper: Sleeper,
) -> Result<Box<Worker>, Error> {
    let Config { recovery, length, idle, history, .. } = config;
    // However it goes from here on, the trace ends with it.
    let trace = shared.trace.lock().take();
    let first_open = shared.first_open.get_or_init(FirstOpen::now(&shared.clock)).instant;
    let wish = config.wish(shared.muted.clone(), shared.clock.clone(), sleeper.waker());
    let supervisor = Supervisor::start(wish, recovery)?;
    let times = Times { origin: shared.origin, first_open, length, idle };
    let mut engine = Engine::new(picture, history);
    engine.trace = trace;
    Ok(Worker::new(shared.desk.clone(), sleeper, supervisor, engine, stats, times))
}

/// The worker's thread.
pub(super) fn run(
    shared: Arc<Shared>,
    config: Config,
    ends: Ends,
    sleeper: Sleeper,
    opened: &Mailbox<Result<InputInfo, Error>>,
) {
    /// However this thread ends, nobody waits for it in vain.
    struct Ending {
        shared: Arc<Shared>,
        result: Result<Report, Error>,
    }
    impl Drop for Ending {
        fn drop(&mut self) {
            let died = Err(died());
            self.shared.end(std::mem::replace(&mut self.result, died));
        }
    }
    let mut ending = Ending { shared: shared.clone(), result: Err(died()) };
    *shared.state.lock() = State::Running(sleeper.waker());
    let _ = shared.worker.set(thread::current().id());
    let result = hire(&shared, config, ends, sleeper).and_then(|worker| {
        worker.run(|input| {
            let _ = opened.push(Ok(input.clone()));
        })
    });
    let failed = result.as_ref().err().cloned();
    ending.result = result;
    drop(ending);
    if let Some(error) = failed {
        // Too late for whoever heard of an opening already.
        let _ = opened.push(Err(error));
    }
}

pub(super) fn died() -> Error {
    let message = "the capture's thread panicked, which is a defect; files are valid as far as they go";
    Error::new(ErrorKind::Internal, message)
}

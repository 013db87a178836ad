//! What an application holds.

use crate::config::Config;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::event::{self, Events, StopReason};
use crate::handoff::newest;
use crate::report::Report;
use crate::signal::picture::Picture;
use crate::source::{Input, InputInfo};
use crate::stats::{Stats, StatsReader, StatsWriter};
use crate::supervisor::Supervisor;
use crate::tap::{self, Chunk, FileTap, Pipe, Receiver, Tap, WavFile};
use crate::time::{Clock, Sleeper, Waker};
use crate::worker::{Desk, Times, Worker};
use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant, SystemTime};

/// How long a stop waits for the worker.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// The moment just before a capture's input was opened for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOpen {
    /// For arithmetic.
    pub instant: Instant,
    /// For people.
    pub system: SystemTime,
}

/// A capture: configured, then started, then ended; once. Share it by reference or in an `Arc`.
///
/// Taps that are added before the start receive everything from the first frame on; later ones from the moment they
/// join. Dropping the capture stops it.
pub struct Capture {
    shared: Arc<Shared>,
    config: Config,
}

/// Where the worker publishes.
type Ends = (StatsWriter, newest::Writer<Picture>);

struct Shared {
    state: Mutex<State>,
    /// The state became `Ended`.
    ended: Condvar,
    desk: Arc<Desk>,
    clock: Clock,
    muted: Arc<AtomicBool>,
    stats: Mutex<StatsReader>,
    picture: Mutex<newest::Reader<Picture>>,
    origin: Instant,
    first_open: OnceLock<FirstOpen>,
    /// The worker's thread.
    worker: OnceLock<ThreadId>,
}

enum State {
    /// With the worker's ends, until it takes them.
    Idle(Box<Ends>),
    Starting,
    Running(Waker),
    Ended(Box<Result<Report, Error>>),
}

impl Capture {
    /// A capture that is not running. Opens nothing.
    ///
    /// # Errors
    /// `BadArgument` for a value outside of its documented range.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        let (stats_writer, stats) = crate::handoff::seqlock::seqlock();
        let (picture_writer, picture) = newest::newest(&Picture::default());
        let shared = Shared {
            state: Mutex::new(State::Idle(Box::new((stats_writer, picture_writer)))),
            ended: Condvar::new(),
            desk: Arc::default(),
            clock: config.clock.clone(),
            muted: Arc::default(),
            stats: Mutex::new(stats),
            picture: Mutex::new(picture),
            origin: config.clock.now(),
            first_open: OnceLock::new(),
            worker: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared), config })
    }

    /// Adds a tap whose chunks go to `closure`, on the worker's thread: it should return within a few milliseconds.
    /// If it panics, this tap ends and the others go on.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn each(&self, tap: Tap, closure: impl FnMut(Chunk) + Send + 'static) -> Result<(), Error> {
        self.join(tap::closure(tap, Box::new(closure))?);
        Ok(())
    }

    /// Adds a tap whose chunks wait in a queue: receive them blocking, by polling, or as an iterator.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn receiver(&self, tap: Tap) -> Result<Receiver, Error> {
        let (pipe, receiver) = tap::receiver(tap)?;
        self.join(pipe);
        Ok(receiver)
    }

    /// Creates a WAV file, readable by its owner only, and adds the tap that fills it. A file that is there already
    /// is checked to be writable; its content is replaced when the capture starts.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve; `Io`, `NotFound` or `PermissionDenied` when the file
    /// cannot be created.
    pub fn file(&self, file: FileTap) -> Result<WavFile, Error> {
        let (pipe, writer) = tap::file(file)?;
        self.join(pipe);
        Ok(writer)
    }

    /// Opens the input and returns once it plays, at the latest after 10 s.
    ///
    /// # Errors
    /// `NoDevice`, `NotFound`, `PermissionDenied`, `DeviceBusy`, `UnsupportedFormat` from the input; `BadArgument`
    /// when a tap asks for a channel that the device lacks, or the capture was started before; `Internal` when no
    /// thread could be started. Nothing is open afterwards, and receivers have ended.
    pub fn start(&self) -> Result<InputInfo, Error> {
        let ends = {
            let mut state = self.shared.state.lock();
            match std::mem::replace(&mut *state, State::Starting) {
                State::Idle(ends) => *ends,
                other => {
                    *state = other;
                    return Err(Error::bad_argument("a capture starts once; make a new one"));
                }
            }
        };
        let (told, opened) = mpsc::sync_channel(1);
        let part = self.shared.clock.take_part();
        let (shared, config) = (self.shared.clone(), self.config.clone());
        let spawned = thread::Builder::new().name("hearken-worker".into()).spawn(move || {
            let _part = part;
            run(shared, config, ends, told);
        });
        if let Err(error) = spawned {
            let error = Error::new(ErrorKind::Internal, format!("no thread could be started: {error}"));
            self.shared.end(Err(error.clone()));
            return Err(error);
        }
        opened.recv().unwrap_or_else(|_| Err(died()))
    }

    /// Ends the capture exactly: every callback that returned before is delivered, taps are flushed, files complete
    /// themselves, the device is released. Waits 500 ms at most. Called from a tap's closure it only requests the
    /// end and returns the account so far.
    ///
    /// # Errors
    /// `BadArgument` when it was never started; `DeviceBusy` when it is still opening; `Internal` when the worker died or does not answer (files are valid
    /// as far as they go); the error of the opening if that failed.
    pub fn stop(&self) -> Result<Report, Error> {
        self.shared.desk.stop.store(true, Ordering::Relaxed);
        let on_worker = match &*self.shared.state.lock() {
            State::Idle(_) => return Err(Error::bad_argument("the capture was never started")),
            State::Running(worker) => {
                worker.wake();
                self.shared.worker.get() == Some(&thread::current().id())
            }
            State::Starting | State::Ended(_) => false,
        };
        if on_worker && let Some(input) = self.input() {
            let (reason, stats) = (StopReason::Requested, self.stats());
            return Ok(Report {
                reason,
                input,
                stats,
                gaps: Vec::new(),
                epochs: Vec::new(),
                events: Vec::new(),
                late_callbacks: 0,
                released: false,
            });
        }
        self.wait_timeout(STOP_PATIENCE).unwrap_or_else(|| {
            let (kind, message) = match &*self.shared.state.lock() {
                State::Starting => {
                    (ErrorKind::DeviceBusy, "the device is still opening; it is closed when it has")
                }
                _ => (
                    ErrorKind::Internal,
                    "the worker does not answer (is a closure stuck?); it ends when it does",
                ),
            };
            Err(Error::new(kind, message))
        })
    }

    /// Waits for the end: the input's, the length's, or somebody else's [`stop`](Self::stop).
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub fn wait(&self) -> Result<Report, Error> {
        loop {
            if let Some(result) = self.wait_timeout(Duration::from_secs(3600)) {
                return result;
            }
        }
    }

    /// [`wait`](Self::wait) for no longer than `patience`; `None` while it runs.
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub fn wait_timeout(&self, patience: Duration) -> Option<Result<Report, Error>> {
        let mut state = self.shared.state.lock();
        if matches!(*state, State::Idle(_)) {
            return Some(Err(Error::bad_argument("the capture was never started")));
        }
        let running = |state: &mut State| !matches!(state, State::Ended(_));
        let _ = self.shared.ended.wait_while_for(&mut state, running, patience);
        match &*state {
            State::Ended(result) => Some(Result::clone(result)),
            _ => None,
        }
    }

    /// The figures as of the worker's last look, all of one moment. From any thread; never slows the capture.
    pub fn stats(&self) -> Stats {
        Stats::from_words(self.shared.stats.lock().read())
    }

    /// The newest levels. While somebody asks at least every 500 ms there are 30 new ones a second; otherwise none
    /// are made. From any thread; never slows the capture.
    pub fn picture(&self) -> Picture {
        *self.shared.picture.lock().read(self.shared.elapsed())
    }

    /// What is open now; `None` while nothing is.
    pub fn input(&self) -> Option<InputInfo> {
        self.shared.desk.input.lock().clone()
    }

    /// What happens to the capture, from now on.
    pub fn events(&self) -> Events {
        let (teller, events) = event::events();
        let state = self.shared.state.lock();
        if !matches!(*state, State::Ended(_)) {
            self.shared.desk.tellers.lock().push(teller);
            state.wake();
        }
        events
    }

    /// Captures from another input from now on, without an end: what is missed meanwhile is a hole. It is the preferred
    /// one from then on. A file or a synthetic microphone cannot take a device's place, nor be replaced.
    ///
    /// # Errors
    /// `BadArgument` for an input that is no device, or when the capture's is none. That the device cannot be opened is
    /// told by [`events`](Self::events).
    pub fn switch_device(&self, input: Input) -> Result<(), Error> {
        if !input.is_device() || !self.config.input.is_device() {
            return Err(Error::bad_argument(
                "only a device takes a device's place; the capture goes on as it was",
            ));
        }
        *self.shared.desk.switch.lock() = Some(input);
        self.shared.state.lock().wake();
        Ok(())
    }

    /// Lets go of the device and goes on with its time: for a system that is about to sleep. Taps see a hole.
    pub fn suspend(&self) {
        self.shared.desk.suspended.store(true, Ordering::Relaxed);
        self.shared.state.lock().wake();
    }

    /// Opens the device again after [`suspend`](Self::suspend).
    pub fn resume(&self) {
        self.shared.desk.suspended.store(false, Ordering::Relaxed);
        self.shared.state.lock().wake();
    }

    /// The moment that capture times count from; `None` before the start.
    pub fn first_open(&self) -> Option<FirstOpen> {
        self.shared.first_open.get().copied()
    }

    /// From the next callback on no byte of the microphone's enters the engine's memory, while time runs on: taps
    /// see a hole with the cause `Muted`. Before the start it says how the capture starts. Wait-free.
    pub fn mute(&self, muted: bool) {
        self.shared.muted.store(muted, Ordering::Relaxed);
    }

    fn join(&self, pipe: Box<dyn Pipe>) {
        let state = self.shared.state.lock();
        // A tap of a capture that has ended ends at once: dropping it tells its receiver.
        if !matches!(*state, State::Ended(_)) {
            self.shared.desk.taps.lock().push(pipe);
            state.wake();
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // Its errors were the caller's to ask for.
        let _ = self.stop();
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("config", &self.config).field("stats", &self.stats()).finish()
    }
}

impl State {
    /// Tells the worker, if it runs, that there is something for it.
    fn wake(&self) {
        if let Self::Running(worker) = self {
            worker.wake();
        }
    }
}

impl Shared {
    fn elapsed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.origin)
    }

    fn end(&self, result: Result<Report, Error>) {
        *self.state.lock() = State::Ended(Box::new(result));
        // Who joined too late ends here, which they see.
        self.desk.taps.lock().clear();
        self.desk.tellers.lock().clear();
        self.ended.notify_all();
    }
}

/// The worker of a capture that starts now. Not in its thread's own frame, which stays for as long as the capture.
#[inline(never)]
fn hire(
    shared: &Arc<Shared>,
    config: Config,
    (stats, picture): Ends,
    first: FirstOpen,
    sleeper: Sleeper,
) -> Result<Box<Worker>, Error> {
    let (recovery, length) = (config.recovery, config.length);
    let wish = config.wish(shared.muted.clone(), shared.clock.clone(), sleeper.waker());
    let supervisor = Supervisor::start(wish, recovery)?;
    let times = Times { origin: shared.origin, first_open: first.instant, length };
    Ok(Worker::new(shared.desk.clone(), sleeper, supervisor, Engine::new(picture), stats, times))
}

/// The worker's thread.
fn run(shared: Arc<Shared>, config: Config, ends: Ends, told: mpsc::SyncSender<Result<InputInfo, Error>>) {
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
    let sleeper = shared.clock.sleeper();
    *shared.state.lock() = State::Running(sleeper.waker());
    let _ = shared.worker.set(thread::current().id());
    let first = FirstOpen { instant: shared.clock.now(), system: SystemTime::now() };
    let _ = shared.first_open.set(first);
    let result = hire(&shared, config, ends, first, sleeper).and_then(|worker| {
        worker.run(|input| {
            let _ = told.send(Ok(input.clone()));
        })
    });
    let failed = result.as_ref().err().cloned();
    ending.result = result;
    drop(ending);
    if let Some(error) = failed {
        // Too late for whoever heard of an opening already.
        let _ = told.try_send(Err(error));
    }
}

fn died() -> Error {
    let message = "the capture's thread panicked, which is a defect; files are valid as far as they go";
    Error::new(ErrorKind::Internal, message)
}

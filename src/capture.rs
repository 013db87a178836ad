//! What an application holds.

#[cfg(feature = "async")]
mod futures;
mod shared;
mod watch;

use crate::config::Config;
use crate::error::{Error, ErrorKind};
use crate::event::{self, Events, StopReason};
use crate::handoff::{newest, seqlock};
use crate::mailbox::{self, Mailbox};
use crate::report::Report;
use crate::signal::picture::Picture;
use crate::signal::voice::Voice;
use crate::source::{Input, InputInfo};
use crate::stats::Stats;
use crate::take::{Take, TakePlan};
use crate::tap::{self, Chunk, FileTap, Pipe, Receiver, SpeechReceiver, Tap, WavFile};
use crate::time::{Clock, News};
use crate::trace::{self, TraceContent, TraceFile};
use parking_lot::Mutex;
use shared::{Ends, Shared, State, died, run};
use std::fmt;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// How long a stop waits for the worker.
const STOP_PATIENCE: Duration = Duration::from_millis(500);
/// How long a take waits for its device: a little longer than the opening itself.
const START_PATIENCE: Duration = Duration::from_millis(10_500);

/// The moment just before a capture's input was opened for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstOpen {
    /// For arithmetic.
    pub instant: Instant,
    /// For people.
    pub system: SystemTime,
}

impl FirstOpen {
    fn now(clock: &Clock) -> impl FnOnce() -> Self {
        || Self { instant: clock.now(), system: SystemTime::now() }
    }
}

/// A capture: configured, then started, then ended; once. Share it by reference or in an `Arc`.
///
/// Taps that are added before the start receive everything from the first frame on; later ones from the moment they
/// join. Dropping the capture stops it.
pub struct Capture {
    shared: Arc<Shared>,
    config: Config,
}

impl Capture {
    /// A capture that is not running. Opens nothing.
    ///
    /// # Errors
    /// `BadArgument` for a value outside of its documented range.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        let (stats_writer, stats) = seqlock::seqlock();
        let (picture_writer, picture) = newest::newest(&Picture::default());
        let shared = Shared {
            state: Mutex::new(State::Idle(Box::new((stats_writer, picture_writer)))),
            ended: News::default(),
            desk: Arc::default(),
            trace: Mutex::default(),
            clock: config.clock.clone(),
            muted: Arc::default(),
            stats: Mutex::new(stats),
            picture: Mutex::new(picture),
            origin: config.clock.now(),
            first_open: Arc::default(),
            worker: OnceLock::new(),
            watch: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared), config })
    }

    /// Adds a tap whose chunks go to `closure`, on the worker's thread: it should return within a few milliseconds.
    /// A call of more than 50 ms is counted in [`Stats::slow_closures`] and told as
    /// [`Overloaded`](crate::EventKind::Overloaded). If it panics, this tap ends and the others go on.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn each(&self, tap: Tap, mut closure: impl FnMut(Chunk) + Send + 'static) -> Result<(), Error> {
        let (slow, clock) = (self.shared.desk.slow.clone(), self.shared.clock.clone());
        self.join(tap::closure(tap, Box::new(move |chunk| slow.watch(&clock, || closure(chunk))))?);
        Ok(())
    }

    /// Adds a tap whose chunks wait in a queue: receive them blocking, by polling, or as an iterator.
    ///
    /// # Errors
    /// `BadArgument` for a tap that no device could serve.
    pub fn receiver(&self, tap: Tap) -> Result<Receiver, Error> {
        let (pipe, receiver) = tap::receiver(tap, self.config.pool, Duration::ZERO)?;
        self.join(pipe);
        Ok(receiver)
    }

    /// Adds a tap of which only speech is passed on: where `voice` finds some, from a little before it begins to a little
    /// after it ends. The tap is mono at 16 kHz; the detector works on the thread that receives.
    ///
    /// # Errors
    /// `BadArgument` for a tap of another rate, of several channels or with a hop, and for values out of their ranges.
    pub fn speech(&self, tap: Tap, voice: Voice) -> Result<SpeechReceiver, Error> {
        let (pipe, receiver) = tap::speech(tap, voice, self.config.pool, Duration::ZERO)?;
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
        let opened = self.shared.first_open.clone();
        let opened = move || opened.get().map(|first| first.system);
        let (pipe, writer) = tap::file(file, Duration::ZERO, opened)?;
        self.join(pipe);
        Ok(writer)
    }

    /// Writes down what the engine is given, so that a [`Replay`](crate::Replay) gives it again to the same result, in
    /// a file that only its owner can read. On a thread of its own, in place of a file that is there.
    ///
    /// # Errors
    /// `BadArgument` when the capture was started before; `Io`, `NotFound` or `PermissionDenied` when the file cannot
    /// be created.
    pub fn trace(&self, path: impl AsRef<Path>, content: TraceContent) -> Result<TraceFile, Error> {
        let state = self.shared.state.lock();
        if !matches!(*state, State::Idle(_)) {
            return Err(Error::bad_argument("a trace begins before its capture; nothing was written"));
        }
        let (writer, file) = trace::create(path.as_ref(), content, self.config.waits())?;
        *self.shared.trace.lock() = Some(writer);
        Ok(file)
    }

    /// Opens the input and returns once it plays, at the latest after 10 s.
    ///
    /// # Errors
    /// `NoDevice`, `NotFound`, `PermissionDenied`, `DeviceBusy`, `UnsupportedFormat` from the input; `BadArgument`
    /// when a tap asks for a channel that the device lacks, or the capture was started before; `Internal` when no
    /// thread could be started. Nothing is open afterwards, and receivers have ended.
    pub fn start(&self) -> Result<InputInfo, Error> {
        if self.shared.desk.held.swap(true, Ordering::Relaxed) {
            return Err(Error::bad_argument("a capture starts once; make a new one"));
        }
        let Some(ends) = self.claim()? else {
            // It runs for takes: another take that nobody hears waits for the device.
            drop(self.take(TakePlan::default())?);
            return self.input().ok_or_else(|| Error::new(ErrorKind::DeviceLost, "the device is gone again"));
        };
        self.spawn(ends)?.wait(None).unwrap_or_else(|| Err(died()))
    }

    /// Begins a take. A device that is not open is opened for it, and stays open until [`Config::idle`] after the last
    /// take unless the capture was [started](Self::start). Returns once it is open, at the latest after 10 s.
    ///
    /// # Errors
    /// As [`start`](Self::start): the take is over then, and the capture may be used again. `BadArgument` when the
    /// pre-roll is longer than the capture's history, or the capture has ended.
    pub fn take(&self, plan: TakePlan) -> Result<Take, Error> {
        if plan.pre_roll() > self.config.history {
            return Err(Error::bad_argument(
                "the pre-roll is longer than the capture's history; no take was begun",
            ));
        }
        let ends = self.claim()?;
        let first = *self.shared.first_open.get_or_init(FirstOpen::now(&self.shared.clock));
        let asked_at = self.shared.clock.now().saturating_duration_since(first.instant);
        let (pipe, desk, post_roll) =
            plan.begin(asked_at, first.system, (self.shared.desk.slow.clone(), self.shared.clock.clone()));
        self.shared.desk.takes.lock().push(pipe);
        match ends {
            Some(ends) => drop(self.spawn(ends)?),
            None => self.shared.state.lock().wake(),
        }
        let shared = self.shared.clone();
        let wake = Box::new(move || shared.state.lock().wake());
        let take = Take::new(desk, post_roll, self.shared.clock.clone(), first.instant, wake);
        take.wait_for_start(START_PATIENCE)?;
        Ok(take)
    }

    /// The worker's ends if it does not run yet.
    fn claim(&self) -> Result<Option<Ends>, Error> {
        let mut state = self.shared.state.lock();
        match std::mem::replace(&mut *state, State::Starting) {
            State::Idle(ends) => Ok(Some(*ends)),
            State::Ended(result) => {
                *state = State::Ended(result);
                Err(Error::bad_argument("the capture has ended; make a new one"))
            }
            other => {
                *state = other;
                Ok(None)
            }
        }
    }

    /// Starts the worker. What is returned hears what becomes of the first opening.
    fn spawn(&self, ends: Ends) -> Result<Arc<Mailbox<Result<InputInfo, Error>>>, Error> {
        self.shared.first_open.get_or_init(FirstOpen::now(&self.shared.clock));
        let (shared, config) = (self.shared.clone(), self.config.clone());
        let opened = Arc::new(Mailbox::new(1));
        let ending = mailbox::Ending(opened.clone());
        let worker = move |sleeper| run(shared, config, ends, sleeper, &ending.0);
        let spawned = self.shared.clock.spawn("hearken-worker", worker);
        if let Err(error) = spawned {
            let error = Error::new(ErrorKind::Internal, format!("no thread could be started: {error}"));
            self.shared.end(Err(error.clone()));
            return Err(error);
        }
        if self.config.watch_devices && self.config.input.is_device() {
            watch::watch_devices(&self.shared, self.config.host.clone());
        }
        Ok(opened)
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
                provisional: Vec::new(),
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
        self.shared.ended.wait_while(&mut state, Some(patience), running);
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

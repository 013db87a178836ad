//! What an application holds.

use crate::error::{Error, ErrorKind};
use crate::handoff::newest;
use crate::report::{Report, StopReason};
use crate::signal::picture::Picture;
use crate::source::{self, FormatWish, Input, InputInfo, Pace, Wish};
use crate::stats::{Stats, StatsReader};
use crate::tap::{self, Chunk, FileTap, Pipe, Receiver, Tap, WavFile};
use crate::worker::{Ends, Requests, Worker};
use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime};

/// How long a stop waits for the worker.
const STOP_PATIENCE: Duration = Duration::from_millis(500);

/// Longer than anybody waits, and short enough to count in frames.
const LONGEST: Duration = Duration::from_secs(1_000_000_000);

/// What to capture, and how.
#[derive(Clone, Debug)]
pub struct Config {
    /// The source.
    pub input: Input,
    /// The audio system, by cpal's name (see [`hosts`](crate::hosts)). Default: the one that is always there (ALSA,
    /// CoreAudio, WASAPI), whatever features are on.
    pub host: Option<String>,
    /// The format to open the source in.
    pub format: FormatWish,
    /// How a file or a synthetic microphone is played.
    pub pace: Pace,
    /// How long the worker may be away before audio is dropped, 20 ms to 60 s. Default 2 s.
    pub pool: Duration,
    /// When to end: for a device by the clock from the moment it plays, whatever it delivers; for a file or a
    /// synthetic microphone after exactly round(length * rate) frames. Default: never.
    pub length: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            input: Input::default(),
            host: None,
            format: FormatWish::default(),
            pace: Pace::default(),
            pool: Duration::from_secs(2),
            length: None,
        }
    }
}

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

struct Shared {
    state: Mutex<State>,
    /// The state became `Ended`.
    ended: Condvar,
    requests: Arc<Requests>,
    muted: Arc<AtomicBool>,
    stats: Mutex<StatsReader>,
    picture: Mutex<newest::Reader<Picture>>,
    origin: Instant,
    first_open: Arc<OnceLock<FirstOpen>>,
}

enum State {
    /// With the worker's ends, until it takes them.
    Idle(Box<Ends>),
    Opening,
    Running {
        worker: Thread,
        input: InputInfo,
    },
    Ended(Box<Result<Report, Error>>),
}

impl Capture {
    /// A capture that is not running. Opens nothing.
    ///
    /// # Errors
    /// `BadArgument` for a value outside of its documented range.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.format.check()?;
        if config.length.is_some_and(|length| length > LONGEST) {
            return Err(Error::bad_argument("a capture's length is at most 10^9 s; nothing was started"));
        }
        if !(Duration::from_millis(20)..=Duration::from_secs(60)).contains(&config.pool) {
            return Err(Error::bad_argument("the pool holds 20 ms to 60 s; nothing was started"));
        }
        let (stats_writer, stats) = crate::handoff::seqlock::seqlock();
        let (picture_writer, picture) = newest::newest(&Picture::default());
        let shared = Shared {
            state: Mutex::new(State::Idle(Box::new((stats_writer, picture_writer)))),
            ended: Condvar::new(),
            requests: Arc::default(),
            muted: Arc::default(),
            stats: Mutex::new(stats),
            picture: Mutex::new(picture),
            origin: Instant::now(),
            first_open: Arc::default(),
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
        let opened = self.shared.first_open.clone();
        let (pipe, writer) = tap::file(file, move || opened.get().map(|first| first.system))?;
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
            match std::mem::replace(&mut *state, State::Opening) {
                State::Idle(ends) => *ends,
                other => {
                    *state = other;
                    return Err(Error::bad_argument("a capture starts once; make a new one"));
                }
            }
        };
        let (told, opened) = mpsc::sync_channel(1);
        let (shared, config) = (self.shared.clone(), self.config.clone());
        let spawned = thread::Builder::new()
            .name("hearken-worker".into())
            .spawn(move || run(shared, config, ends, told));
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
        self.shared.requests.stop.store(true, Ordering::Relaxed);
        let on_worker = match &*self.shared.state.lock() {
            State::Idle(_) => return Err(Error::bad_argument("the capture was never started")),
            State::Running { worker, input } => {
                worker.unpark();
                (worker.id() == thread::current().id()).then(|| input.clone())
            }
            State::Opening | State::Ended(_) => None,
        };
        if let Some(input) = on_worker {
            let (stats, reason) = (self.stats(), StopReason::Requested);
            return Ok(Report { reason, input, stats, gaps: Vec::new(), late_callbacks: 0, released: false });
        }
        self.wait_timeout(STOP_PATIENCE).unwrap_or_else(|| {
            let (kind, message) = match &*self.shared.state.lock() {
                State::Opening => {
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
        *self.shared.picture.lock().read(self.shared.origin.elapsed())
    }

    /// What is being captured from; `None` unless the capture runs.
    pub fn input(&self) -> Option<InputInfo> {
        match &*self.shared.state.lock() {
            State::Running { input, .. } => Some(input.clone()),
            _ => None,
        }
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
        match &*state {
            // A tap of a capture that has ended ends at once: dropping it tells its receiver.
            State::Ended(_) => drop(pipe),
            _ => self.shared.requests.taps.lock().push(pipe),
        }
        if let State::Running { worker, .. } = &*state {
            worker.unpark();
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

impl Shared {
    fn end(&self, result: Result<Report, Error>) {
        *self.state.lock() = State::Ended(Box::new(result));
        // Taps that joined too late end here, which their receivers see.
        self.requests.taps.lock().clear();
        self.ended.notify_all();
    }
}

/// The worker's thread.
fn run(shared: Arc<Shared>, config: Config, ends: Ends, told: mpsc::SyncSender<Result<InputInfo, Error>>) {
    /// However this thread ends, nobody waits for it in vain.
    struct Ending {
        shared: Arc<Shared>,
        result: Option<Result<Report, Error>>,
    }
    impl Drop for Ending {
        fn drop(&mut self) {
            self.shared.end(self.result.take().unwrap_or_else(|| Err(died())));
        }
    }
    let mut ending = Ending { shared: shared.clone(), result: None };
    let length = config.length;
    let wish = Wish {
        input: config.input,
        host: config.host,
        format: config.format,
        pace: config.pace,
        pool: config.pool,
        muted: shared.muted.clone(),
        length,
    };
    let mut taps = std::mem::take(&mut *shared.requests.taps.lock());
    let first = FirstOpen { instant: Instant::now(), system: SystemTime::now() };
    let _ = shared.first_open.set(first);
    let opened = source::open(wish).and_then(|session| {
        taps.iter_mut().try_for_each(|tap| tap.begin(session.info.format, 0))?;
        taps.iter().for_each(|tap| tap.announce());
        Ok(session)
    });
    let session = match opened {
        Ok(session) => session,
        Err(error) => {
            drop(taps);
            ending.result = Some(Err(error.clone()));
            drop(ending);
            return drop(told.send(Err(error)));
        }
    };
    let input = session.info.clone();
    *shared.state.lock() = State::Running { worker: thread::current(), input: input.clone() };
    let _ = told.send(Ok(input));
    let requests = shared.requests.clone();
    let worker = Worker::new(requests, session, taps, shared.origin, first.instant, length, ends);
    ending.result = Some(Ok(worker.run()));
}

fn died() -> Error {
    let message = "the capture's thread panicked, which is a defect; files are valid as far as they go";
    Error::new(ErrorKind::Internal, message)
}

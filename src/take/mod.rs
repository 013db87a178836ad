//! A take: an interval of a capture's timeline, with taps and an account of its own.

mod pipe;
mod report;

pub use report::{Latency, TakeEnd, TakeReport};

pub(crate) use pipe::TakePipe;

use crate::error::{Error, ErrorKind};
use crate::signal::voice::Voice;
use crate::tap::{self, Chunk, FileTap, Pipe, Receiver, SlowCalls, SpeechReceiver, Tap, WavFile};
#[cfg(feature = "async")]
use crate::task;
use crate::time::{Clock, News};
use parking_lot::Mutex;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

/// How long the end of a take is waited for where the device has died.
const END_PATIENCE: Duration = Duration::from_millis(450);
/// How much longer than the post-roll [`Take::finish`] waits at most.
const FINISH_PATIENCE: Duration = Duration::from_millis(750);
/// A plan knows no capture yet, so receivers have room for what the usual pool holds.
const POOL: Duration = Duration::from_secs(2);

/// What a take is to be: where it begins and ends, and who hears it. Give it to
/// [`Capture::take`](crate::Capture::take).
#[derive(Debug)]
pub struct TakePlan {
    pre_roll: Duration,
    post_roll: Duration,
    taps: Vec<Box<dyn Pipe>>,
    memories: Vec<Arc<Mutex<Vec<f32>>>>,
    /// When the capture's input was first opened, once the plan is given to a capture.
    first_open: Arc<OnceLock<SystemTime>>,
    /// Who watches closures, from then on as well.
    watch: Arc<OnceLock<Watch>>,
}

/// Slow calls are noted here, by this clock.
type Watch = (Arc<SlowCalls>, Clock);

impl Default for TakePlan {
    fn default() -> Self {
        Self::new(Duration::ZERO)
    }
}

impl TakePlan {
    /// A take that begins so long before it is asked for; as much of it as the capture's
    /// [`history`](crate::Config::history) holds.
    pub fn new(pre_roll: Duration) -> Self {
        let (post_roll, first_open, watch) = (Duration::ZERO, Arc::default(), Arc::default());
        Self { pre_roll, post_roll, taps: Vec::new(), memories: Vec::new(), first_open, watch }
    }

    /// The take ends so long after its end is asked for. Default: at that moment.
    pub fn post_roll(self, post_roll: Duration) -> Self {
        Self { post_roll, ..self }
    }

    /// As [`Capture::each`](crate::Capture::each), for the take. What was before the take's start comes in one go.
    ///
    /// # Errors
    /// As there.
    pub fn each(&mut self, tap: Tap, mut closure: impl FnMut(Chunk) + Send + 'static) -> Result<(), Error> {
        let watch = self.watch.clone();
        let watched = move |chunk| match watch.get() {
            Some((slow, clock)) => slow.watch(clock, || closure(chunk)),
            None => closure(chunk),
        };
        self.taps.push(tap::closure(tap, Box::new(watched))?);
        Ok(())
    }

    /// As [`Capture::receiver`](crate::Capture::receiver), for the take. There is room for the pre-roll besides the queue.
    ///
    /// # Errors
    /// As there.
    pub fn receiver(&mut self, tap: Tap) -> Result<Receiver, Error> {
        let (pipe, receiver) = tap::receiver(tap, POOL, self.pre_roll)?;
        self.taps.push(pipe);
        Ok(receiver)
    }

    /// As [`Capture::speech`](crate::Capture::speech), for the take.
    ///
    /// # Errors
    /// As there.
    pub fn speech(&mut self, tap: Tap, voice: Voice) -> Result<SpeechReceiver, Error> {
        let (pipe, receiver) = tap::speech(tap, voice, POOL, self.pre_roll)?;
        self.taps.push(pipe);
        Ok(receiver)
    }

    /// As [`Capture::file`](crate::Capture::file), for the take.
    ///
    /// # Errors
    /// As there.
    pub fn file(&mut self, file: FileTap) -> Result<WavFile, Error> {
        let opened = self.first_open.clone();
        let (pipe, writer) = tap::file(file, self.pre_roll, move || opened.get().copied())?;
        self.taps.push(pipe);
        Ok(writer)
    }

    /// Keeps the take in memory: all of it, while it goes on and afterwards. 16 kHz mono is 3.8 MB a minute.
    ///
    /// # Errors
    /// As [`each`](Self::each).
    pub fn memory(&mut self, tap: Tap) -> Result<Memory, Error> {
        let memory = Memory(Arc::default());
        let kept = memory.0.clone();
        self.each(tap, move |chunk| kept.lock().extend_from_slice(chunk.samples()))?;
        self.memories.push(memory.0.clone());
        Ok(memory)
    }

    pub(crate) fn pre_roll(&self) -> Duration {
        self.pre_roll
    }

    /// The two ends of the take, asked for `at`, since `first_open`.
    pub(crate) fn begin(
        self,
        at: Duration,
        first_open: SystemTime,
        watch: Watch,
    ) -> (TakePipe, Arc<TakeDesk>, Duration) {
        let _ = self.first_open.set(first_open);
        let _ = self.watch.set(watch);
        let (desk, post_roll) = (Arc::new(TakeDesk::default()), self.post_roll);
        (TakePipe::new(desk.clone(), self, at), desk, post_roll)
    }
}

/// What a take has heard so far, in its tap's shape.
pub struct Memory(Arc<Mutex<Vec<f32>>>);

impl Memory {
    /// Samples so far, interleaved.
    pub fn len(&self) -> usize {
        self.0.lock().len()
    }

    /// Whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it, for a recogniser that works in batches; what is not there yet is left out.
    pub fn range(&self, samples: std::ops::Range<usize>) -> Vec<f32> {
        let kept = self.0.lock();
        let end = samples.end.min(kept.len());
        kept[samples.start.min(end)..end].to_vec()
    }

    /// All of it. What comes later is not kept.
    pub fn into_samples(self) -> Vec<f32> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Memory({} samples)", self.len())
    }
}

/// What the holder of a take asks of the worker. Times count from the first open.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    /// The moment at which the take ends, and when to wait no longer for what was captured before it.
    pub end: Option<(Duration, Duration)>,
    pub cancelled: bool,
    /// When it was paused, and went on.
    pub pauses: Vec<(Duration, bool)>,
}

#[derive(Debug, Default)]
pub(crate) enum Stage {
    /// The device is not open yet.
    #[default]
    Waiting,
    Running,
    Done(Box<Result<TakeReport, Error>>),
}

/// What both sides of a take share.
#[derive(Debug, Default)]
pub(crate) struct TakeDesk {
    pub orders: Mutex<Orders>,
    stage: Mutex<Stage>,
    news: News,
}

impl TakeDesk {
    pub fn enter(&self, stage: Stage) {
        let mut present = self.stage.lock();
        // The first end counts.
        if !matches!(*present, Stage::Done(_)) {
            *present = stage;
        }
        self.news.notify_all();
    }

    fn wait(
        &self,
        patience: Duration,
        is_enough: impl Fn(&Stage) -> bool,
    ) -> Option<Result<TakeReport, Error>> {
        let mut stage = self.stage.lock();
        self.news.wait_while(&mut stage, Some(patience), |stage| !is_enough(stage));
        match &*stage {
            Stage::Done(result) => Some(Result::clone(result)),
            _ => None,
        }
    }
}

/// A take that goes on. Dropping it ends it, as [`end`](Take::end) does.
pub struct Take {
    desk: Arc<TakeDesk>,
    post_roll: Duration,
    clock: Clock,
    first_open: Instant,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Take {
    pub(crate) fn new(
        desk: Arc<TakeDesk>,
        post_roll: Duration,
        clock: Clock,
        first_open: Instant,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self { desk, post_roll, clock, first_open, wake }
    }

    /// Waits until the device is open.
    pub(crate) fn wait_for_start(&self, patience: Duration) -> Result<(), Error> {
        let done = self.desk.wait(patience, |stage| !matches!(stage, Stage::Waiting));
        match (done, &*self.desk.stage.lock()) {
            (Some(Err(error)), _) => Err(error),
            (None, Stage::Waiting) => {
                let message = "the device is still opening; the take begins when it has";
                Err(Error::new(ErrorKind::DeviceBusy, message))
            }
            _ => Ok(()),
        }
    }

    /// Asks for the end: now, or the post-roll later. Everything captured before belongs to the take, also what the
    /// system has not delivered yet. Never waits.
    pub fn end(&self) {
        let now = self.clock.now().saturating_duration_since(self.first_open);
        let end = now + self.post_roll;
        self.desk.orders.lock().end.get_or_insert((end, end + END_PATIENCE));
        (self.wake)();
    }

    /// [`end`](Self::end), and waits for the account: on a healthy device the post-roll, one period and the age of its
    /// newest frames; at most 750 ms more than the post-roll.
    ///
    /// # Errors
    /// What ended the capture before the take had begun; `Internal` when the worker does not answer.
    pub fn finish(self) -> Result<TakeReport, Error> {
        self.end();
        self.wait_timeout(self.post_roll + FINISH_PATIENCE).unwrap_or_else(|| {
            let message = "the worker does not answer (is a closure stuck?); the take ends when it does";
            Err(Error::new(ErrorKind::Internal, message))
        })
    }

    /// [`finish`](Self::finish) as a future. The end is asked for at once, whether or not the future is awaited.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "async")]
    pub fn finish_async(self) -> impl Future<Output = Result<TakeReport, Error>> + Send + Unpin + 'static {
        self.end();
        task::on_a_thread(move || self.finish())
    }

    /// Ends the take at once and throws it away: its files are removed, its memory is overwritten, receivers end.
    pub fn cancel(self) {
        self.desk.orders.lock().cancelled = true;
        (self.wake)();
    }

    /// Leaves out what comes from now on: positions go on, a file is cut. The device stays open.
    pub fn pause(&self) {
        self.order_pause(true);
    }

    /// Goes on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.order_pause(false);
    }

    fn order_pause(&self, is_paused: bool) {
        let now = self.clock.now().saturating_duration_since(self.first_open);
        self.desk.orders.lock().pauses.push((now, is_paused));
        (self.wake)();
    }

    /// The account, if the take ends within `patience`; `None` while it goes on.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub fn wait_timeout(&self, patience: Duration) -> Option<Result<TakeReport, Error>> {
        self.desk.wait(patience, |stage| matches!(stage, Stage::Done(_)))
    }
}

impl fmt::Debug for Take {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Take").field("desk", &self.desk).finish_non_exhaustive()
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        self.end();
    }
}

//! Where scripted microphones play.

use super::device::MicHost;
use super::mic::Mic;
use crate::capture::Capture;
use crate::error::Error;
use crate::format::StreamFormat;
use crate::source::{CpalHost, Host, InputInfo};
use crate::time::{Clock, Part, Sleeper, Spawned};
use parking_lot::Mutex;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long an opening may take of real time before the stage's goes on without it.
const OPENING: Duration = Duration::from_millis(100);
/// By how much it then goes on.
const STEP: Duration = Duration::from_millis(10);

/// A clock, and microphones that play while it runs. The thread that makes it is the devices' own, and the only one on
/// which their callbacks come.
///
/// In virtual time no time passes but inside of [`run`](Self::run): between two runs everything stands still, whatever the
/// test does.
#[derive(Debug)]
pub struct Stage {
    clock: Clock,
    sleeper: Sleeper,
    origin: Instant,
    rack: Arc<Rack>,
    _part: Part,
    /// It stays with its thread.
    _thread: PhantomData<*const ()>,
}

/// What somebody called on a stage; dropping it lets that go on.
#[derive(Debug)]
pub struct Call<T>(Option<Spawned<T>>);

impl<T> Call<T> {
    /// What it returned, once; `None` while it goes on. `Err` is what it panicked with.
    pub fn result(&mut self) -> Option<thread::Result<T>> {
        self.0.take_if(|call| call.is_finished()).map(Spawned::join)
    }
}

/// The microphones of a stage, plugged in or not.
#[derive(Debug, Default)]
pub(super) struct Rack(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    mics: Vec<Mic>,
    /// The one that somebody made the default.
    default: Option<Mic>,
}

impl Rack {
    pub fn plugged(&self) -> Vec<Mic> {
        let shelf = self.0.lock();
        shelf.mics.iter().filter(|mic| mic.body.state.lock().is_plugged).cloned().collect()
    }

    /// The chosen one if it is there, or else the first that is.
    pub fn default(&self) -> Option<Mic> {
        let chosen = self.0.lock().default.clone();
        chosen.filter(|mic| mic.body.state.lock().is_plugged).or_else(|| self.plugged().into_iter().next())
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// A stage in virtual time.
    pub fn new() -> Self {
        Self::with(Clock::virtual_time())
    }

    /// A stage in virtual time on which only one thread runs at a time, of those that take part: which is next is drawn from
    /// `seed`, so that the same script gives the same life to the last wake-up. What may wait is asked for by
    /// [`call`](Self::call).
    pub fn seeded(seed: u64) -> Self {
        Self::with(Clock::in_turns(seed))
    }

    /// A stage in real time, with the device's thread as punctual as the system makes it.
    pub fn real_time() -> Self {
        Self::with(Clock::default())
    }

    fn with(clock: Clock) -> Self {
        let (part, sleeper, origin) = (clock.lead(), clock.sleeper(), clock.now());
        Self { clock, sleeper, origin, rack: Arc::default(), _part: part, _thread: PhantomData }
    }

    /// Another microphone, plugged in. The first is the default until [`make_default`](Self::make_default). The name is its
    /// identifier as well.
    pub fn mic(&self, name: &str, format: StreamFormat) -> Mic {
        let mic = Mic::new(name, format, self.clock.clone(), self.origin, self.sleeper.waker());
        self.rack.0.lock().mics.push(mic.clone());
        mic
    }

    /// From now on this is the system's default, while it is plugged in.
    pub fn make_default(&self, mic: &Mic) {
        self.rack.0.lock().default = Some(mic.clone());
    }

    /// For [`Config::host`](crate::Config).
    pub fn host(&self) -> Host {
        let host = MicHost(self.rack.clone());
        Host::Cpal(CpalHost::new(move || host.to_cpal()))
    }

    /// For [`Config::clock`](crate::Config).
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// For how long it has run.
    pub fn elapsed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.origin)
    }

    /// [`Capture::start`], on a thread of its own: the stage's time goes on where the opening needs some.
    ///
    /// # Errors
    /// As [`Capture::start`].
    pub fn start(&self, capture: &Capture) -> Result<InputInfo, Error> {
        let (told, outcome) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(move || told.send(capture.start()));
            let mut patience = OPENING;
            loop {
                match outcome.recv_timeout(patience) {
                    Ok(outcome) => return outcome,
                    Err(_) => self.run(STEP),
                }
                patience = Duration::from_millis(1);
            }
        })
    }

    /// Calls `closure` on a thread of that name which takes part in the stage's time: it goes on while the stage
    /// [runs](Self::run), and whatever it waits for in this crate, for a limit as well, is waited for in that time.
    ///
    /// # Panics
    /// Where the system gives no thread.
    pub fn call<T: Send + 'static>(
        &self,
        name: &str,
        closure: impl FnOnce() -> T + Send + 'static,
    ) -> Call<T> {
        Call(Some(self.clock.spawn(name, |_| closure()).expect("a thread")))
    }

    /// Threads whose names begin with `name` do not run for so long, but for this one: they are preempted.
    pub fn hold(&self, name: &str, length: Duration) {
        self.clock.hold(name, length);
    }

    /// The process stands still for so long, and comes back: no thread runs and no callback comes, while the devices go on.
    /// Of what each captures meanwhile the audio system keeps the first `kept`, which comes in one burst then, and the rest is
    /// lost.
    pub fn freeze(&self, length: Duration, kept: Duration) {
        self.hold("", length);
        self.rack.0.lock().mics.iter().for_each(|mic| mic.freeze(length, kept));
    }

    /// Lets `length` pass: every callback that is due comes when it is, on this thread, in the order of time.
    pub fn run(&self, length: Duration) {
        let end = self.elapsed() + length;
        loop {
            let mics = self.rack.0.lock().mics.clone();
            let dues =
                mics.iter().filter_map(|mic| Some((mic, Duration::from_nanos(mic.body.due()? as u64))));
            let next = dues.min_by_key(|(_, due)| *due).filter(|(_, due)| *due <= end);
            let until = next.map_or(end, |(_, due)| due);
            let now = self.elapsed();
            match next {
                Some((mic, due)) if due <= now => mic.body.play(),
                None if now >= end => return,
                // Somebody who opens a microphone meanwhile wakes us.
                _ => self.sleeper.park(until - now),
            }
        }
    }
}

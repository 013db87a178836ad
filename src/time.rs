//! The time that the engine lives by: the system's, or one that a test leads.
//!
//! In virtual time nothing waits for real: when everybody who takes part sleeps, the time is at once that of the first
//! who is to wake up. So a day passes in seconds, and the same script always gives the same day. One thread runs at a
//! time, unless one wakes another.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant, SystemTime};

/// Longer than anybody waits, and short enough to count in frames.
pub(crate) const LONGEST: Duration = Duration::from_secs(1_000_000_000);

const A_MOMENT: Duration = Duration::from_millis(1);

/// Some moment of this process.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

thread_local! {
    /// The time in turns that this thread takes part in, with all that it waits for.
    static HERE: RefCell<Clock> = const { RefCell::new(Clock(None)) };
}

/// Where a capture reads the time and sleeps. The default is the system's clock.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Virtual>>);

struct Virtual {
    /// What `now` counts from.
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    now: Duration,
    /// By how much the system's time has gone ahead of ours.
    slept: Duration,
    /// Threads that take part and do not sleep; while there is one, no time passes.
    awake: usize,
    sleepers: Vec<Sleep>,
    tickets: u64,
    /// One thread runs at a time, and of those that could the next is drawn: the generator's state.
    drawn: Option<u64>,
    /// Threads whose names begin so do not run until then.
    held: Vec<(String, Duration)>,
    /// Whom nobody holds: the thread that made the clock.
    lead: Option<ThreadId>,
}

struct Sleep {
    ticket: u64,
    /// None of one that has not begun.
    thread: Option<ThreadId>,
    name: String,
    until: Duration,
    is_over: bool,
    news: Arc<Condvar>,
}

impl Clock {
    /// A clock that stands still until all who take part in it sleep.
    pub fn virtual_time() -> Self {
        Self::with(State::default())
    }

    /// The same, and only one thread that takes part runs at a time: which is next is drawn from `seed`, so that all happens
    /// in the same order each time. Whoever takes part waits by this clock alone.
    #[cfg(feature = "testkit")]
    pub(crate) fn in_turns(seed: u64) -> Self {
        let lead = Some(thread::current().id());
        Self::with(State { drawn: Some(seed | 1), lead, ..State::default() })
    }

    fn with(state: State) -> Self {
        Self(Some(Arc::new(Virtual { start: Instant::now(), state: Mutex::new(state) })))
    }

    /// The calling thread's: that of the time [in turns](Self::in_turns) that it takes part in, or the system's.
    pub(crate) fn here() -> Self {
        HERE.with_borrow(Self::clone)
    }

    /// Whether time waits for whoever works.
    pub(crate) fn is_virtual(&self) -> bool {
        self.0.is_some()
    }

    /// The time.
    pub fn now(&self) -> Instant {
        self.0.as_ref().map_or_else(Instant::now, |time| time.start + time.state.lock().now)
    }

    /// How far the system's time is ahead of ours, by some offset that stays: only its changes mean anything.
    pub(crate) fn ahead(&self) -> Duration {
        let system = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match &self.0 {
            None => system.saturating_sub(START.elapsed()),
            Some(time) => time.state.lock().slept,
        }
    }

    /// In virtual time: the machine sleeps for so long, of which our time knows nothing.
    pub fn machine_sleeps(&self, length: Duration) {
        if let Some(time) = &self.0 {
            time.state.lock().slept += length;
        }
    }

    /// In virtual time: threads whose names begin with `name` do not run for so long, but for the one that made the clock.
    #[cfg(feature = "testkit")]
    pub(crate) fn hold(&self, name: &str, length: Duration) {
        if let Some(time) = &self.0 {
            let mut state = time.state.lock();
            let now = state.now;
            state.held.retain(|(_, until)| *until > now);
            state.held.push((name.to_owned(), now + length));
        }
    }

    /// Takes part from now on: until the part is dropped, no virtual time passes but while its thread sleeps.
    pub fn take_part(&self) -> Part {
        if let Some(time) = &self.0 {
            time.state.lock().awake += 1;
        }
        Part(self.clone())
    }

    /// [`take_part`](Self::take_part) for a clock [in turns](Self::in_turns), where whoever takes part also waits by it.
    #[cfg(feature = "testkit")]
    pub(crate) fn lead(&self) -> Part {
        self.be_here();
        self.take_part()
    }

    /// In turns the calling thread waits by this clock for whatever it waits for: everybody who runs holds all others up.
    fn be_here(&self) {
        if self.0.as_ref().is_some_and(|time| time.state.lock().drawn.is_some()) {
            HERE.set(self.clone());
        }
    }

    /// A thread that takes part, with a sleeper of its own.
    ///
    /// # Errors
    /// The system's, where it gives no thread.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(Sleeper) -> T + Send + 'static,
    ) -> io::Result<Spawned<T>> {
        let (called, done) = (Arc::new(AtomicBool::new(false)), Closing::default());
        let closed = done.closed();
        let bed = Arc::new(Mutex::new(Bed::default()));
        let entry = self.0.as_ref().map(|time| time.state.lock().enter(name, &bed));
        let (clock, theirs) = (self.clone(), (called.clone(), bed.clone(), done));
        let thread = thread::Builder::new().name(name.into()).spawn(move || {
            // Dropped last: in virtual time nobody sees a thread that has gone and still counts.
            let _part = Part(clock.clone());
            let (called, bed, _done) = theirs;
            clock.be_here();
            let alarm = match (&clock.0, entry) {
                (Some(time), Some(ticket)) => {
                    time.wait_for(ticket, &bed);
                    Alarm::Virtual(time.clone(), bed)
                }
                _ => Alarm::System(thread::current(), called),
            };
            work(Sleeper(alarm))
        });
        let thread = thread.inspect_err(|_| {
            if let (Some(time), Some(ticket)) = (&self.0, entry) {
                time.state.lock().leave(ticket);
            }
        })?;
        let alarm = match &self.0 {
            Some(time) => Alarm::Virtual(time.clone(), bed),
            None => Alarm::System(thread.thread().clone(), called),
        };
        Ok(Spawned { thread, waker: Waker(alarm), closed })
    }

    /// Sleeps, on a thread that takes part.
    pub fn sleep(&self, length: Duration) {
        match &self.0 {
            None => thread::sleep(length),
            Some(time) => time.sleep(&Arc::default(), length),
        }
    }

    /// Lets others go on for a moment: a millisecond, of real time unless all wait by this clock.
    pub(crate) fn rest(&self) {
        match &self.0 {
            Some(time) if time.state.lock().drawn.is_some() => time.sleep(&Arc::default(), A_MOMENT),
            _ => thread::sleep(A_MOMENT),
        }
    }

    /// A sleeper for the calling thread, which takes part.
    pub(crate) fn sleeper(&self) -> Sleeper {
        Sleeper(match &self.0 {
            None => Alarm::System(thread::current(), Arc::default()),
            Some(time) => Alarm::Virtual(time.clone(), Arc::default()),
        })
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(virtual)" } else { "Clock(system)" })
    }
}

/// A thread's part in virtual time; may be made on another thread before it starts.
#[derive(Debug)]
pub struct Part(Clock);

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(time) = &self.0.0 {
            let mut state = time.state.lock();
            state.awake -= 1;
            state.pass();
        }
    }
}

/// A thread of [`Clock::spawn`]; dropping this leaves it alone.
#[derive(Debug)]
pub(crate) struct Spawned<T> {
    thread: thread::JoinHandle<T>,
    pub waker: Waker,
    closed: Closed,
}

/// Tells, when it is dropped, that something has come to its end.
#[derive(Debug, Default)]
pub(crate) struct Closing(Arc<(Mutex<bool>, News)>);

/// Hears of it.
#[derive(Clone, Debug)]
pub(crate) struct Closed(Arc<(Mutex<bool>, News)>);

impl Closing {
    pub fn closed(&self) -> Closed {
        Closed(self.0.clone())
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }
}

impl Closed {
    /// Waits for the end, and no longer than `patience`; whether it has come.
    pub fn wait(&self, patience: Option<Duration>) -> bool {
        !self.0.1.wait_while(&mut self.0.0.lock(), patience, |is_closed| !*is_closed)
    }
}

impl<T> Spawned<T> {
    /// Waits for its end. `Err` if it panicked.
    pub fn join(self) -> thread::Result<T> {
        self.closed.wait(None);
        self.thread.join()
    }

    /// Whether it has done its work.
    pub fn is_finished(&self) -> bool {
        self.closed.wait(Some(Duration::ZERO))
    }
}

/// Where threads wait for a change of what some mutex holds: a condition variable that waits in the time of the thread
/// that waits.
#[derive(Debug, Default)]
pub(crate) struct News {
    condvar: Condvar,
    /// Who waits in virtual time.
    waiting: Mutex<Vec<Waker>>,
}

impl News {
    /// Waits until `goes_on` no longer holds, and no longer than `patience`; whether it still does.
    pub fn wait_while<T>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        patience: Option<Duration>,
        mut goes_on: impl FnMut(&mut T) -> bool,
    ) -> bool {
        let here = Clock::here();
        let deadline = patience.and_then(|patience| here.now().checked_add(patience));
        while goes_on(&mut *guard) {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(here.now()));
            match (&here.0, left) {
                (_, Some(Duration::ZERO)) => return true,
                (None, None) => self.condvar.wait(guard),
                (None, Some(left)) => drop(self.condvar.wait_for(guard, left)),
                (Some(time), left) => {
                    let bed = Arc::new(Mutex::new(Bed::default()));
                    self.waiting.lock().push(Waker(Alarm::Virtual(time.clone(), bed.clone())));
                    MutexGuard::unlocked(guard, || time.sleep(&bed, left.unwrap_or(Duration::MAX)));
                    let is_own =
                        |alarm: &Alarm| matches!(alarm, Alarm::Virtual(_, of) if Arc::ptr_eq(of, &bed));
                    self.waiting.lock().retain(|waker| !is_own(&waker.0));
                }
            }
        }
        false
    }

    /// Wakes all who wait. The mutex was held when the change was made.
    pub fn notify_all(&self) {
        self.condvar.notify_all();
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.iter().for_each(Waker::wake);
    }
}

/// Sleeps on behalf of one thread, and can be woken.
#[derive(Debug)]
pub(crate) struct Sleeper(Alarm);

/// Wakes a [`Sleeper`]; one that is awake does not fall asleep the next time.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Alarm);

#[derive(Clone)]
enum Alarm {
    /// With whether somebody called: the thread's own token may have gone to whoever else waits by it, as channels do.
    System(Thread, Arc<AtomicBool>),
    Virtual(Arc<Virtual>, Arc<Mutex<Bed>>),
}

/// Who sleeps in it, and whether somebody called.
#[derive(Default)]
struct Bed {
    ticket: Option<u64>,
    called: bool,
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alarm")
    }
}

impl Sleeper {
    /// Sleeps until it is woken, and no longer than `patience`.
    pub fn park(&self, patience: Duration) {
        match &self.0 {
            Alarm::System(_, called) => {
                // Acquire: what the caller did before is seen.
                if !called.swap(false, Ordering::Acquire) {
                    thread::park_timeout(patience);
                    called.swap(false, Ordering::Acquire);
                }
            }
            Alarm::Virtual(time, bed) => time.sleep(bed, patience),
        }
    }

    pub fn waker(&self) -> Waker {
        Waker(self.0.clone())
    }
}

impl Waker {
    /// Wakes the sleeper.
    pub fn wake(&self) {
        match &self.0 {
            Alarm::System(thread, called) => {
                called.store(true, Ordering::Release);
                thread.unpark();
            }
            Alarm::Virtual(time, bed) => time.wake(bed),
        }
    }
}

impl Virtual {
    fn sleep(&self, bed: &Mutex<Bed>, length: Duration) {
        let mut state = self.state.lock();
        if std::mem::take(&mut bed.lock().called) {
            return;
        }
        let until = state.now.saturating_add(length);
        let thread = thread::current();
        let ticket = state.lie_down(Some(thread.id()), thread.name().unwrap_or_default(), until);
        bed.lock().ticket = Some(ticket);
        state.awake -= 1;
        state.pass();
        self.wake_up(&mut state, ticket, bed);
    }

    /// Waits on a thread that has just begun until it is its turn.
    fn wait_for(&self, ticket: u64, bed: &Mutex<Bed>) {
        let mut state = self.state.lock();
        let thread = Some(thread::current().id());
        state
            .sleepers
            .iter_mut()
            .filter(|sleep| sleep.ticket == ticket)
            .for_each(|sleep| sleep.thread = thread);
        self.wake_up(&mut state, ticket, bed);
    }

    fn wake_up(&self, state: &mut MutexGuard<'_, State>, ticket: u64, bed: &Mutex<Bed>) {
        loop {
            let own = state.sleepers.iter().position(|sleep| sleep.ticket == ticket);
            let own = own.expect("it is removed here only");
            if state.sleepers[own].is_over {
                state.sleepers.swap_remove(own);
                bed.lock().ticket = None;
                return;
            }
            let news = state.sleepers[own].news.clone();
            news.wait(state);
        }
    }

    fn wake(&self, bed: &Mutex<Bed>) {
        let mut state = self.state.lock();
        let (now, in_turns) = (state.now, state.drawn.is_some());
        let mut bed = bed.lock();
        let sleeping = state.sleepers.iter_mut().find(|sleep| Some(sleep.ticket) == bed.ticket);
        match sleeping {
            // When it is its turn.
            Some(sleep) if !sleep.is_over && in_turns => {
                sleep.until = sleep.until.min(now);
                state.pass();
            }
            Some(sleep) if !sleep.is_over => {
                sleep.is_over = true;
                sleep.news.notify_all();
                state.awake += 1;
            }
            _ => bed.called = true,
        }
    }
}

impl State {
    fn lie_down(&mut self, thread: Option<ThreadId>, name: &str, until: Duration) -> u64 {
        self.tickets += 1;
        let (ticket, news) = (self.tickets, Arc::default());
        self.sleepers.push(Sleep { ticket, thread, name: name.to_owned(), until, is_over: false, news });
        ticket
    }

    /// A thread that is about to begin: it is awake, or has a turn to come.
    fn enter(&mut self, name: &str, bed: &Mutex<Bed>) -> u64 {
        let ticket = self.lie_down(None, name, self.now);
        bed.lock().ticket = Some(ticket);
        if self.drawn.is_none() {
            self.awake += 1;
            if let Some(sleep) = self.sleepers.last_mut() {
                sleep.is_over = true;
            }
        }
        ticket
    }

    /// The thread that was to begin does not.
    fn leave(&mut self, ticket: u64) {
        self.sleepers.retain(|sleep| sleep.ticket != ticket);
        if self.drawn.is_none() {
            self.awake -= 1;
            self.pass();
        }
    }

    /// When a sleeper may run again: whoever is held, not before.
    fn wakes(&self, sleep: &Sleep) -> Duration {
        let is_held = |name: &str| {
            sleep.name.starts_with(name) && (sleep.thread.is_none() || self.lead != sleep.thread)
        };
        let held = self.held.iter().filter(|(name, _)| is_held(name)).map(|(_, until)| *until);
        held.fold(sleep.until, Duration::max)
    }

    /// When all sleep, the time becomes that of the first to wake; of several, the one that slept first, or one that is
    /// drawn.
    fn pass(&mut self) {
        if self.awake > 0 {
            return;
        }
        let asleep = || self.sleepers.iter().enumerate().filter(|(_, sleep)| !sleep.is_over);
        let wakes = |(_, sleep): &(usize, &Sleep)| self.wakes(sleep).max(self.now);
        let Some(next) = asleep().filter(|(_, sleep)| sleep.until < Duration::MAX).map(|at| wakes(&at)).min()
        else {
            return;
        };
        let turns = || asleep().filter(|at| wakes(at) == next).map(|(index, sleep)| (sleep.ticket, index));
        let chosen = match self.drawn {
            None => turns().min(),
            Some(seed) => turns().min_by_key(|(ticket, _)| (mix(seed ^ *ticket), *ticket)),
        };
        self.drawn = self.drawn.map(mix);
        let (_, index) = chosen.expect("one wakes then");
        self.now = next;
        self.awake = 1;
        self.sleepers[index].is_over = true;
        self.sleepers[index].news.notify_all();
    }
}

/// A number that has nothing to do with `seed`: SplitMix64.
fn mix(seed: u64) -> u64 {
    let mut word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_day_passes_while_everybody_sleeps_in_the_order_of_waking() {
        let clock = Clock::virtual_time();
        let (lead, start, real) = (clock.take_part(), clock.now(), Instant::now());
        let (told, heard) = mpsc::channel();
        let threads = [7, 5].map(|hours| {
            let (clock, part, told) = (clock.clone(), clock.take_part(), told.clone());
            thread::spawn(move || {
                let _part = part;
                for _ in 0..3 {
                    clock.sleep(Duration::from_secs(3600 * hours));
                    told.send((hours, clock.now() - start)).expect("the test listens");
                }
            })
        });
        drop(told);
        clock.sleep(Duration::from_secs(24 * 3600));
        assert_eq!(clock.now() - start, Duration::from_secs(24 * 3600));
        drop(lead);
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        let heard: Vec<_> = heard.iter().map(|(hours, at)| (hours, at.as_secs() / 3600)).collect();
        assert_eq!(heard, [(5, 5), (7, 7), (5, 10), (7, 14), (5, 15), (7, 21)]);
        assert!(real.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_call_is_heard_by_a_thread_that_has_waited_for_something_else_since() {
        let sleeper = Clock::default().sleeper();
        sleeper.waker().wake();
        let (kept, nothing) = mpsc::channel::<()>();
        let _ = nothing.recv_timeout(Duration::from_millis(20));
        let since = Instant::now();
        sleeper.park(Duration::from_secs(5));
        assert!(since.elapsed() < Duration::from_secs(4));
        drop(kept);
    }

    #[test]
    fn a_sleeper_is_woken_and_time_waits_for_whoever_is_awake() {
        let clock = Clock::virtual_time();
        let (lead, start) = (clock.take_part(), clock.now());
        let (told, heard) = mpsc::channel();
        let part = clock.take_part();
        let sleeper = thread::spawn({
            let clock = clock.clone();
            move || {
                let _part = part;
                let sleeper = clock.sleeper();
                told.send(sleeper.waker()).expect("the test listens");
                // A call before it sleeps is not lost.
                thread::sleep(Duration::from_millis(5));
                sleeper.park(Duration::from_secs(60));
                assert_eq!(clock.now(), start);
                sleeper.park(Duration::from_secs(60));
                clock.now()
            }
        });
        heard.recv().expect("a waker").wake();
        clock.sleep(Duration::from_secs(10));
        drop(lead);
        assert_eq!(sleeper.join().expect("no panic") - start, Duration::from_secs(60));
    }

    /// What three threads did that work, wake each other and wait for each other, in order.
    #[cfg(feature = "testkit")]
    fn life(seed: u64) -> Vec<(u32, Duration)> {
        let clock = Clock::in_turns(seed);
        let (lead, start) = (clock.lead(), clock.now());
        let (done, desk) = (Arc::new((Mutex::new(Vec::new()), News::default())), clock.clone());
        let threads: Vec<_> = (0..3)
            .map(|number| {
                let (clock, done) = (desk.clone(), done.clone());
                let work = move |_| {
                    for round in 0..4 {
                        clock.sleep(Duration::from_millis(10));
                        let mut log = done.0.lock();
                        log.push((number, clock.now() - start));
                        let last = log.len();
                        done.1.notify_all();
                        // Real time must not matter to who comes next.
                        thread::sleep(Duration::from_micros(u64::from(number * round) * 50));
                        done.1.wait_while(&mut log, Some(Duration::from_millis(3)), |log| log.len() == last);
                    }
                };
                clock_thread(&desk, work)
            })
            .collect();
        clock.sleep(Duration::from_secs(1));
        assert!(threads.iter().all(Spawned::is_finished));
        drop(lead);
        HERE.take();
        std::mem::take(&mut *done.0.lock())
    }

    #[cfg(feature = "testkit")]
    fn clock_thread(clock: &Clock, work: impl FnOnce(Sleeper) + Send + 'static) -> Spawned<()> {
        clock.spawn("worker", work).expect("a thread")
    }

    #[cfg(feature = "testkit")]
    #[test]
    fn in_turns_a_seed_is_one_order_and_another_seed_another() {
        let first = life(1);
        assert_eq!(first.len(), 12);
        (0..20).for_each(|_| assert_eq!(life(1), first));
        assert!((2..20).any(|seed| life(seed) != first));
    }

    #[cfg(feature = "testkit")]
    #[test]
    fn who_is_held_does_not_run_before_its_time_and_others_do() {
        let clock = Clock::in_turns(1);
        let (lead, start) = (clock.lead(), clock.now());
        let (told, heard) = mpsc::channel();
        for name in ["slow", "quick"] {
            let (clock, told) = (clock.clone(), told.clone());
            drop(clock.clone().spawn(name, move |_| {
                clock.sleep(Duration::from_millis(10));
                told.send((name, clock.now() - start)).expect("the test listens");
            }));
        }
        clock.hold("sl", Duration::from_secs(3));
        clock.sleep(Duration::from_secs(10));
        drop(lead);
        HERE.take();
        let told: Vec<_> = heard.try_iter().collect();
        assert_eq!(told, [("quick", Duration::from_millis(10)), ("slow", Duration::from_millis(3010))]);
    }

    #[cfg(feature = "testkit")]
    #[test]
    fn news_is_waited_for_in_the_time_of_whoever_waits() {
        let clock = Clock::in_turns(1);
        let (lead, closing) = (clock.lead(), Closing::default());
        let closed = closing.closed();
        let waiting = clock.spawn("waiting", {
            let (clock, closed) = (clock.clone(), closed.clone());
            move |_| {
                let start = clock.now();
                let patience = Some(Duration::from_secs(60));
                [0; 2].map(|_| (closed.wait(patience), clock.now() - start))
            }
        });
        clock.sleep(Duration::from_secs(90));
        drop((closing, lead));
        HERE.take();
        assert!(closed.wait(None), "a thread of real time hears of it as well");
        let heard = waiting.expect("a thread").join().expect("no panic");
        assert_eq!(heard, [(false, Duration::from_secs(60)), (true, Duration::from_secs(90))]);
    }
}

//! The time that the engine lives by: the system's, or one that a test leads.
//!
//! In virtual time nothing waits for real: when everybody who takes part sleeps, the time is at once that of the first
//! who is to wake up. So a day passes in seconds, and the same script always gives the same day. One thread runs at a
//! time, unless one wakes another.

use parking_lot::{Condvar, Mutex};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::thread::{self, Thread};
use std::time::{Duration, Instant, SystemTime};

/// Some moment of this process.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Where a capture reads the time and sleeps. The default is the system's clock.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Virtual>>);

struct Virtual {
    /// What `now` counts from.
    start: Instant,
    state: Mutex<State>,
    news: Condvar,
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
}

struct Sleep {
    ticket: u64,
    until: Duration,
    is_over: bool,
}

impl Clock {
    /// A clock that stands still until all who take part in it sleep.
    pub fn virtual_time() -> Self {
        let (state, news) = (Mutex::default(), Condvar::new());
        Self(Some(Arc::new(Virtual { start: Instant::now(), state, news })))
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

    /// Takes part from now on: until the part is dropped, no virtual time passes but while its thread sleeps.
    pub fn take_part(&self) -> Part {
        if let Some(time) = &self.0 {
            time.state.lock().awake += 1;
        }
        Part(self.clone())
    }

    /// Sleeps, on a thread that takes part.
    pub fn sleep(&self, length: Duration) {
        match &self.0 {
            None => thread::sleep(length),
            Some(time) => time.sleep(&Arc::default(), length),
        }
    }

    /// A sleeper for the calling thread, which takes part.
    pub(crate) fn sleeper(&self) -> Sleeper {
        Sleeper(match &self.0 {
            None => Alarm::System(thread::current()),
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
            time.news.notify_all();
        }
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
    System(Thread),
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
            Alarm::System(_) => thread::park_timeout(patience),
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
            Alarm::System(thread) => thread.unpark(),
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
        state.tickets += 1;
        let (ticket, until) = (state.tickets, state.now.saturating_add(length));
        bed.lock().ticket = Some(ticket);
        state.sleepers.push(Sleep { ticket, until, is_over: false });
        state.awake -= 1;
        // Nobody is disturbed where the sleeper itself is the next to wake up.
        if state.pass().is_some_and(|next| next != ticket) {
            self.news.notify_all();
        }
        loop {
            let own = state.sleepers.iter().position(|sleep| sleep.ticket == ticket);
            let own = own.expect("it is removed here only");
            if state.sleepers[own].is_over {
                state.sleepers.swap_remove(own);
                bed.lock().ticket = None;
                return;
            }
            self.news.wait(&mut state);
        }
    }

    fn wake(&self, bed: &Mutex<Bed>) {
        let mut state = self.state.lock();
        let mut bed = bed.lock();
        let sleeping = state.sleepers.iter_mut().find(|sleep| Some(sleep.ticket) == bed.ticket);
        match sleeping {
            Some(sleep) if !sleep.is_over => {
                sleep.is_over = true;
                state.awake += 1;
                self.news.notify_all();
            }
            _ => bed.called = true,
        }
    }
}

impl State {
    /// When all sleep, the time becomes that of the first to wake; of several, the one that slept first. Who wakes up.
    fn pass(&mut self) -> Option<u64> {
        if self.awake > 0 {
            return None;
        }
        let next = self.sleepers.iter_mut().filter(|sleep| sleep.until < Duration::MAX);
        let next = next.min_by_key(|sleep| (sleep.until, sleep.ticket))?;
        next.is_over = true;
        self.now = self.now.max(next.until);
        self.awake = 1;
        Some(next.ticket)
    }
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
}

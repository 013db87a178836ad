//! A scripted microphone.

use super::fault::Fault;
use super::signal::{Signal, Source};
use super::stamps::{Random, Stamps};
use super::stream::{Plan, Stream};
use crate::format::StreamFormat;
use crate::source::Input;
use crate::time::{Clock, Waker};
use cpal::ErrorKind;
use parking_lot::Mutex;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A microphone on a [`Stage`](super::Stage). A clone is the same microphone.
///
/// Its frames are counted from the moment it was made, whether or not it is open or plugged in: the frame that it
/// delivers says when it was captured. What is set applies from the next callback on.
#[derive(Clone)]
pub struct Mic {
    pub(super) body: Arc<Body>,
}

pub(super) struct Body {
    pub name: String,
    pub clock: Clock,
    /// What the stage's times count from.
    pub origin: Instant,
    /// The stage's thread.
    pub stage: Waker,
    pub state: Mutex<State>,
}

/// A callback that a [`Mic`] has made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// When, since the stage began.
    pub at: Duration,
    /// The stream's number: each opening makes another.
    pub stream: u64,
    /// What it brought.
    pub frames: Range<u64>,
    /// When the first of them was captured, since the stage began.
    pub captured: Duration,
}

/// What a microphone is like at present.
pub(super) struct State {
    pub format: StreamFormat,
    pub is_plugged: bool,
    pub fails: u32,
    pub play_takes: Duration,
    pub drop_takes: Duration,
    pub lingers: bool,
    /// Streams built so far.
    built: u64,
    pub opened: u32,
    pub streams: Vec<Stream>,
    period: u32,
    quantum: u32,
    /// So many callbacks come at once, and so many of them are delivered.
    pieces: (u32, u32),
    ppm: f64,
    /// Frames per second in truth, but for `ppm`.
    rate: f64,
    /// A moment, in nanoseconds since the stage began, and the frame that was captured then.
    anchor: (f64, f64),
    stamps: Stamps,
    source: Source,
    /// Callbacks are late by so many nanoseconds on average; a share of them by up to so many.
    late: f64,
    stalls: (f64, f64),
    delivered: Vec<Range<u64>>,
    /// Every callback, if somebody asked for them.
    log: Option<Vec<Callback>>,
    /// Faults to come, by frame.
    faults: Vec<(u64, Fault)>,
    random: Random,
}

impl Mic {
    pub(super) fn new(name: &str, format: StreamFormat, clock: Clock, origin: Instant, stage: Waker) -> Self {
        let now = clock.now().saturating_duration_since(origin).as_nanos() as f64;
        let state = State {
            format,
            is_plugged: true,
            fails: 0,
            play_takes: Duration::ZERO,
            drop_takes: Duration::ZERO,
            lingers: false,
            built: 0,
            opened: 0,
            streams: Vec::new(),
            period: (format.rate_hz / 100).max(1),
            quantum: 1,
            pieces: (1, 1),
            ppm: 0.0,
            rate: format.rate_hz.into(),
            anchor: (now, 0.0),
            stamps: Stamps::Device(Duration::ZERO),
            source: Source::default(),
            late: 0.0,
            stalls: (0.0, 0.0),
            delivered: Vec::new(),
            log: None,
            faults: Vec::new(),
            random: Random::new(7),
        };
        let body = Body { name: name.to_owned(), clock, origin, stage, state: Mutex::new(state) };
        Self { body: Arc::new(body) }
    }

    /// What [`Config::input`](crate::Config) opens it with, whichever is the default.
    pub fn input(&self) -> Input {
        Input::Device(self.body.name.clone())
    }

    /// Frames per callback. Default: 10 ms.
    pub fn period(&self, frames: u32) -> &Self {
        self.change(|state, _| state.period = frames.max(1))
    }

    /// Stands behind a sound server that hands on so many frames at a time: then come all the callbacks that these make
    /// with what was left, at once. Default 1: each callback comes when it is full.
    pub fn quantum(&self, frames: u32) -> &Self {
        self.change(|state, _| state.quantum = frames.max(1))
    }

    /// An audio server's client: `pieces` callbacks come at once, when the last one's frames are there, and of each so many
    /// the first `kept`; the frames of the others are lost. Default: each by itself.
    pub fn pieces(&self, pieces: u32, kept: u32) -> &Self {
        let pieces = pieces.max(1);
        self.change(|state, _| state.pieces = (pieces, kept.clamp(1, pieces)))
    }

    /// How much faster than its label it runs, in parts per million. Default 0.
    pub fn ppm(&self, ppm: f64) -> &Self {
        self.change(|state, now| {
            state.anchor = (now, state.frame(now));
            state.ppm = ppm;
        })
    }

    /// What its stamps are like. Default: a device's, exact.
    pub fn stamps(&self, stamps: Stamps) -> &Self {
        self.change(|state, _| state.stamps = stamps)
    }

    /// What it hears. Default: [`Signal::Pattern`].
    pub fn signal(&self, signal: Signal) -> &Self {
        self.change(|state, _| state.source.hear(signal))
    }

    /// Callbacks are late, exponentially, by so much on average. Default: on time.
    pub fn late(&self, mean: Duration) -> &Self {
        self.change(|state, _| state.late = mean.as_nanos() as f64)
    }

    /// A share of the callbacks, `0.0..=1.0`, is late by up to `most` besides. Default: none.
    pub fn stalls(&self, share: f64, most: Duration) -> &Self {
        self.change(|state, _| state.stalls = (share, most.as_nanos() as f64))
    }

    /// The next `times` attempts to open it fail.
    pub fn fail_to_open(&self, times: u32) -> &Self {
        self.change(|state, _| state.fails = times)
    }

    /// cpal's `play` takes so long.
    pub fn slow_to_play(&self, length: Duration) -> &Self {
        self.change(|state, _| state.play_takes = length)
    }

    /// A stream's `drop` takes so long; callbacks come meanwhile.
    pub fn slow_to_drop(&self, length: Duration) -> &Self {
        self.change(|state, _| state.drop_takes = length)
    }

    /// A stream's last callback comes after it was dropped.
    pub fn lingers(&self) -> &Self {
        self.change(|state, _| state.lingers = true)
    }

    /// Something goes wrong now.
    pub fn fault(&self, fault: Fault) -> &Self {
        self.change(|state, now| state.apply(fault, now))
    }

    /// Something goes wrong just before a frame is captured; a callback ends there. If nobody has it open then, as
    /// soon as somebody has.
    pub fn fault_at(&self, frame: u64, fault: Fault) -> &Self {
        self.change(|state, _| {
            let place = state.faults.partition_point(|(at, _)| *at <= frame);
            state.faults.insert(place, (frame, fault));
        })
    }

    /// Pulls it out, which it reports.
    pub fn unplug(&self) -> &Self {
        self.fault(Fault::Unplugged { reported: true })
    }

    /// Puts it back.
    pub fn plug_in(&self) -> &Self {
        self.change(|state, _| state.is_plugged = true)
    }

    /// The frame that is captured now.
    pub fn frame(&self) -> u64 {
        self.body.state.lock().frame(self.body.now()).ceil() as u64
    }

    /// When a frame was captured, or will be.
    pub fn captured_at(&self, frame: u64) -> Instant {
        let ns = self.body.state.lock().time(frame as f64);
        self.body.origin + Duration::from_nanos(ns.max(0.0) as u64)
    }

    /// When the callback comes, or would come, that brings the frame before `frame` to a stream that began with `start`, if
    /// it is on time and none before it was of another size.
    pub fn called_at(&self, start: u64, frame: u64) -> Instant {
        let state = self.body.state.lock();
        let end = start + frame.saturating_sub(start).next_multiple_of(state.period.into());
        let ns = state.time(end.next_multiple_of(state.quantum.into()) as f64);
        self.body.origin + Duration::from_nanos(ns.max(0.0) as u64)
    }

    /// The frames that it gave to callbacks, in the format that it was opened in, one stretch after the other.
    pub fn delivered(&self) -> Vec<Range<u64>> {
        self.body.state.lock().delivered.clone()
    }

    /// From now on each callback is kept.
    pub fn log(&self) -> &Self {
        self.change(|state, _| state.log = Some(Vec::new()))
    }

    /// The callbacks that brought what is in [`delivered`](Self::delivered), since [`log`](Self::log).
    pub fn callbacks(&self) -> Vec<Callback> {
        self.body.state.lock().log.clone().unwrap_or_default()
    }

    /// How often it was opened and played.
    pub fn opened(&self) -> u32 {
        self.body.state.lock().opened
    }

    /// Whether somebody holds a stream of it.
    pub fn is_open(&self) -> bool {
        self.body.state.lock().streams.iter().any(|stream| !stream.is_dropped)
    }

    /// Nobody takes its frames for so long, of which the first `kept` wait.
    pub(super) fn freeze(&self, length: Duration, kept: Duration) {
        self.change(|state, now| {
            let end = state.frame(now + length.as_nanos() as f64) as u64;
            let kept = (kept.as_secs_f64() * state.rate) as u64;
            state.apply(Fault::Late(length), now);
            let next = state.streams.iter().filter(|stream| stream.lives()).map(|stream| stream.next).max();
            let Some(next) = next else { return };
            let lost = end.saturating_sub(next + kept);
            if lost > 0 {
                let place = state.faults.partition_point(|(at, _)| *at <= next + kept);
                state.faults.insert(place, (next + kept, Fault::Lose { frames: lost, reported: false }));
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut State, f64)) -> &Self {
        let now = self.body.now();
        let mut state = self.body.state.lock();
        change(&mut state, now);
        state.streams.iter_mut().for_each(|stream| stream.plan = None);
        self
    }
}

impl Body {
    /// Nanoseconds since the stage began.
    pub fn now(&self) -> f64 {
        self.clock.now().saturating_duration_since(self.origin).as_nanos() as f64
    }

    /// When the next callback is due, if one is.
    pub fn due(&self) -> Option<f64> {
        self.state.lock().next().map(|(_, plan)| plan.at)
    }

    /// The next callback.
    pub fn play(&self) {
        let gone = self.state.lock().play();
        // Whatever the closures hold is let go of without the lock.
        drop(gone);
    }
}

impl State {
    /// When a frame is captured, in nanoseconds since the stage began.
    fn time(&self, frame: f64) -> f64 {
        let (at, anchor) = self.anchor;
        at + (frame - anchor) / (self.rate * (1.0 + self.ppm * 1e-6)) * 1e9
    }

    /// The frame that is captured then.
    pub fn frame(&self, ns: f64) -> f64 {
        let (at, anchor) = self.anchor;
        anchor + (ns - at) * 1e-9 * self.rate * (1.0 + self.ppm * 1e-6)
    }

    /// The number of another stream.
    pub fn numbered(&mut self) -> u64 {
        self.built += 1;
        self.built
    }

    /// The next callback of any stream.
    fn next(&mut self) -> Option<(usize, Plan)> {
        for index in 0..self.streams.len() {
            if self.streams[index].plan.is_none() {
                self.plan(index);
            }
        }
        let plans = self.streams.iter().enumerate();
        let due = plans.filter_map(|(index, stream)| Some((index, stream.plan.filter(|_| stream.lives())?)));
        due.min_by(|(_, a), (_, b)| a.at.total_cmp(&b.at))
    }

    fn plan(&mut self, index: usize) {
        while let Some(&(frame, fault)) = self.faults.first()
            && self.streams[index].lives()
            && frame <= self.streams[index].next
        {
            self.faults.remove(0);
            let now = self.time(self.streams[index].next as f64);
            self.apply(fault, now);
        }
        if !self.streams[index].lives() {
            return;
        }
        let (next, twist) = (self.streams[index].next, self.streams[index].twist);
        let until_fault = self.faults.first().map_or(u64::MAX, |(frame, _)| frame - next);
        let frames = twist.size.unwrap_or((u64::from(self.period)).min(until_fault) as u32);
        let mut late = twist.late;
        if self.late > 0.0 {
            late += self.late * self.random.exponential();
        }
        if self.stalls.0 > 0.0 && self.random.uniform() < self.stalls.0 {
            late += self.stalls.1 * self.random.uniform();
        }
        let others = u64::from(self.pieces.0 - 1 - self.streams[index].piece.min(self.pieces.0 - 1));
        let end = next + u64::from(frames) + others * u64::from(self.period);
        let due = self.time(end.next_multiple_of(self.quantum.into()) as f64);
        let stream = &mut self.streams[index];
        stream.plan = Some(Plan { at: (due + late).max(stream.last_at), frames });
    }

    /// Notes what is given to a callback.
    fn deliver(&mut self, index: usize, plan: Plan) {
        let Stream { number, next, .. } = self.streams[index];
        let (frames, captured) = (next..next + u64::from(plan.frames), self.time(next as f64));
        if let Some(log) = &mut self.log {
            let [at, captured] = [plan.at, captured].map(|ns| Duration::from_nanos(ns.max(0.0) as u64));
            log.push(Callback { at, stream: number, frames: frames.clone(), captured });
        }
        match self.delivered.last_mut() {
            Some(last) if last.end == frames.start => last.end = frames.end,
            _ if frames.is_empty() => {}
            _ => self.delivered.push(frames),
        }
    }

    /// The next callback. The stream, if that was its last and nobody holds it.
    fn play(&mut self) -> Option<Stream> {
        let (index, plan) = self.next()?;
        let (next, twist) = (self.streams[index].next, self.streams[index].twist);
        if twist.farewell.is_none() && !self.streams[index].is_dropped {
            (0..=u8::from(twist.twice)).for_each(|_| self.deliver(index, plan));
        }
        let captured = self.time(next as f64);
        let Self { streams, source, stamps, random, pieces, period, .. } = self;
        streams[index].play(plan, captured, source, *stamps, random);
        let stream = &mut streams[index];
        (stream.plan, stream.piece) = (None, stream.piece + 1);
        if stream.piece >= pieces.1 {
            stream.piece = 0;
            stream.next += u64::from((pieces.0 - pieces.1) * *period);
        }
        streams[index].is_dropped.then(|| streams.remove(index))
    }

    fn apply(&mut self, fault: Fault, now: f64) {
        let frame = self.frame(now);
        let streams = self.streams.iter_mut().filter(|stream| stream.lives());
        match fault {
            Fault::Late(late) => streams.for_each(|stream| stream.twist.late += late.as_nanos() as f64),
            Fault::Lose { frames, reported } => streams.for_each(|stream| {
                stream.next += frames;
                if reported {
                    stream.fail(ErrorKind::Xrun);
                }
            }),
            Fault::Repeat => streams.for_each(|stream| stream.twist.twice = true),
            Fault::Size(frames) => streams.for_each(|stream| stream.twist.size = Some(frames)),
            Fault::Runs(rate) => (self.anchor, self.rate) = ((now, frame), rate),
            Fault::Becomes(format) => {
                streams.for_each(|stream| {
                    if format.sample == self.format.sample {
                        stream.is_dead = true;
                        stream.fail(ErrorKind::StreamInvalidated);
                    } else {
                        stream.twist.farewell = Some(format.sample);
                    }
                });
                (self.anchor, self.rate) = ((now, frame), format.rate_hz.into());
                (self.format, self.period) = (format, (format.rate_hz / 100).max(1));
            }
            Fault::Hears(signal) => self.source.hear(signal),
            Fault::Stamped(stamps) => self.stamps = stamps,
            Fault::Dies => streams.for_each(|stream| stream.is_dead = true),
            Fault::Errors(times) => streams.for_each(|stream| {
                (0..times).for_each(|_| stream.fail(ErrorKind::Xrun));
            }),
            Fault::Unplugged { reported } => {
                self.is_plugged = false;
                streams.for_each(|stream| {
                    stream.is_dead = true;
                    if reported {
                        stream.fail(ErrorKind::DeviceNotAvailable);
                    }
                });
            }
        }
    }
}

impl fmt::Debug for Mic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mic({})", self.body.name)
    }
}

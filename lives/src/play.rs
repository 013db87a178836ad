//! Plays a life, and writes down all that an application can see of it.

use crate::life::{Act, Call, Gaps, Life, Mishap, Reader, TakeSpec, TapSpec};
use hearken::testkit::{Callback, Fault, Mic, Stage, Stamps};
use hearken::{
    Capture, CapturedAt, Channels, Chunk, Clock, Config, Error, Event, Events, FirstOpen, Gap, GapPolicy,
    Input, Receiver, Recovery, Report, SampleFormat, Stats, StreamFormat, Take, TakePlan, TakeReport, Tap,
    TapLedger, WhenFull,
};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

/// How often the driver looks at what has come.
const SLICE: Duration = Duration::from_millis(100);
/// Between the beginnings of two microphones, so that the same frame number is never of the same time.
const APART: Duration = Duration::from_millis(1_037);
/// How long the end of every call is waited for.
const CALLS_PATIENCE: Duration = Duration::from_secs(40);

/// All that was seen. Times count from the stage's beginning.
#[derive(Debug, Default)]
pub struct Played {
    /// For each microphone.
    pub callbacks: Vec<Vec<Callback>>,
    pub calls: Vec<Made>,
    pub taps: Vec<HeardTap>,
    pub takes: Vec<HeardTake>,
    /// As a listener heard them who was there from the beginning.
    pub events: Vec<Event>,
    pub stats: Vec<(Duration, Stats)>,
    pub first_open: Option<Duration>,
    /// When the final stop was asked for.
    pub stopped: Duration,
    pub end: Duration,
    /// Names of microphones that somebody still holds.
    pub open: Vec<String>,
    /// Names of threads that are still there.
    pub threads: Vec<String>,
    pub panics: Vec<String>,
}

/// What happened, in short.
impl fmt::Display for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (mic, callbacks) in self.callbacks.iter().enumerate() {
            let mut rest = callbacks.as_slice();
            while let Some(first) = rest.first() {
                let goes_on = |pair: &&[Callback]| {
                    pair[0].frames.end == pair[1].frames.start && pair[0].stream == pair[1].stream
                };
                let last = rest.windows(2).take_while(goes_on).count();
                let (to, at) = (rest[last].frames.end, rest[last].at);
                let Callback { stream, frames, .. } = first;
                writeln!(f, "mic{mic} stream {stream}: {} to {to}, {:?} to {at:?}", frames.start, first.at)?;
                rest = &rest[last + 1..];
            }
        }
        writeln!(f, "first open {:?}, end {:?}", self.first_open, self.end)?;
        for made in &self.calls {
            let ended = made.ended.map(|(ended, _)| ended);
            let outcome = match &made.outcome {
                Outcome::Report(report) => {
                    format!("{:?}, {:?}, {:?}", report.reason, report.stats.ledger, report.gaps)
                }
                other => format!("{other:?}"),
            };
            let place = if made.on_worker { " on the worker" } else { "" };
            writeln!(f, "{:?}{place}: {:?} to {ended:?}: {outcome}", made.what, made.began)?;
        }
        for event in &self.events {
            writeln!(f, "{:?}: {:?}", event.at + self.first_open.unwrap_or_default(), event.kind)?;
        }
        for tap in &self.taps {
            writeln!(f, "{:?}: ended {}, {:?}, {:?}", tap.spec, tap.is_ended, tap.error, tap.ledger)?;
            pieces(f, &tap.pieces)?;
        }
        for take in &self.takes {
            writeln!(f, "{:?}: {:?}", take.spec, take.report)?;
            pieces(f, &take.pieces)?;
        }
        Ok(())
    }
}

/// Neighbours without a hole as one.
fn pieces(f: &mut fmt::Formatter<'_>, all: &[Piece]) -> fmt::Result {
    let mut rest = all;
    while let Some(first) = rest.first() {
        let goes_on = |pair: &&[Piece]| {
            pair[1].gaps.is_empty()
                && pair[0].padding == 0
                && pair[0].position + pair[0].frames == pair[1].position
        };
        let last = rest.windows(2).take_while(goes_on).count();
        let Piece { position, frames, padding, .. } = &rest[last];
        let ends = (first.numbers.first(), rest[last].numbers.last());
        let (from, to, at) = (first.position, position + frames, first.captured);
        writeln!(f, "  {from} to {to} ({padding} padded), {ends:?}, {at:?}, {:?}", first.gaps)?;
        rest = &rest[last + 1..];
    }
    Ok(())
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub what: What,
    pub on_worker: bool,
    pub began: Duration,
    /// The place of its beginning among all beginnings and ends.
    pub began_as: usize,
    pub ended: Option<(Duration, usize)>,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum What {
    Call(Call),
    Take(usize),
    Finish(usize),
    Tap(usize),
    DropTap(usize),
    End(usize),
    Cancel(usize),
    Pause(usize),
    Resume(usize),
    DropTake(usize),
    Listen,
    DropCapture,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    Runs,
    Done,
    /// It was waited for long enough.
    NotYet,
    Report(Box<Report>),
    Failed(Error),
    Panicked,
}

/// A tap, and what it got.
#[derive(Clone, Debug)]
pub struct HeardTap {
    pub spec: TapSpec,
    pub pieces: Vec<Piece>,
    /// Whether its receiver was told of the end.
    pub is_ended: bool,
    pub error: Option<Error>,
    pub ledger: Option<TapLedger>,
    /// When the listener left.
    pub left: Option<Duration>,
}

#[derive(Clone, Debug)]
pub struct HeardTake {
    pub spec: TakeSpec,
    pub pieces: Vec<Piece>,
    pub report: Option<Result<TakeReport, Error>>,
}

/// A chunk.
#[derive(Clone, Debug)]
pub struct Piece {
    pub position: u64,
    pub frames: u64,
    pub padding: u64,
    pub rate_hz: u32,
    /// Of the first channel, as the microphone made them; only of a bare tap.
    pub numbers: Vec<u16>,
    pub gaps: Vec<Gap>,
    pub captured: CapturedAt,
}

impl Piece {
    fn new(chunk: &Chunk, is_bare: bool) -> Self {
        let number = |sample: &f32| (sample * 32_768.0) as i32 as u16;
        Self {
            position: chunk.position(),
            frames: chunk.frames().into(),
            padding: chunk.padding().into(),
            rate_hz: chunk.format().rate_hz,
            numbers: if is_bare { chunk.samples().iter().map(number).collect() } else { Vec::new() },
            gaps: chunk.gaps().to_vec(),
            captured: chunk.captured_at(),
        }
    }
}

/// When a life's first step counts from.
pub fn apart(life: &Life) -> Duration {
    APART * life.mics.len() as u32
}

type Pieces = Arc<Mutex<Vec<Piece>>>;

/// What calls on all threads write down, and hand to each other.
struct Log {
    clock: Clock,
    origin: Instant,
    inputs: Vec<Input>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<Made>,
    moments: usize,
    takes: BTreeMap<usize, Take>,
    receivers: BTreeMap<usize, Receiver>,
    heard_taps: BTreeMap<usize, (HeardTap, Pieces)>,
    heard_takes: BTreeMap<usize, (HeardTake, Pieces)>,
    /// Takes whose end was asked for.
    ending: BTreeSet<usize>,
}

impl Log {
    fn now(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.origin)
    }

    /// Makes a call on this thread.
    fn make(&self, what: What, on_worker: bool, call: impl FnOnce() -> Outcome) {
        let number = {
            let (began, mut state) = (self.now(), self.state.lock());
            state.moments += 1;
            let began_as = state.moments;
            let outcome = Outcome::Runs;
            state.calls.push(Made { what, on_worker, began, began_as, ended: None, outcome });
            state.calls.len() - 1
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or(Outcome::Panicked);
        let (ended, mut state) = (self.now(), self.state.lock());
        state.moments += 1;
        let moment = state.moments;
        let made = &mut state.calls[number];
        (made.ended, made.outcome) = (Some((ended, moment)), outcome);
    }

    fn run(&self, capture: &Capture, call: Call) -> Outcome {
        let report = |result: Result<Report, Error>| match result {
            Ok(report) => Outcome::Report(report.into()),
            Err(error) => Outcome::Failed(error),
        };
        match call {
            Call::Start => capture.start().map_or_else(Outcome::Failed, |_| Outcome::Done),
            Call::Stop => report(capture.stop()),
            Call::WaitTimeout(ms) => {
                capture.wait_timeout(Duration::from_millis(ms)).map_or(Outcome::NotYet, report)
            }
            Call::BriefTake => {
                capture.take(TakePlan::default()).map_or_else(Outcome::Failed, |_| Outcome::Done)
            }
            Call::Mute(is_muted) => {
                capture.mute(is_muted);
                Outcome::Done
            }
            Call::Suspend => {
                capture.suspend();
                Outcome::Done
            }
            Call::Resume => {
                capture.resume();
                Outcome::Done
            }
            Call::Switch(mic) => {
                let input = self.inputs.get(mic).cloned().unwrap_or_default();
                capture.switch_device(input).map_or_else(Outcome::Failed, |()| Outcome::Done)
            }
            Call::Look => {
                let _ = (capture.stats(), capture.picture(), capture.input());
                Outcome::Done
            }
        }
    }

    /// A closure on the worker that keeps its chunks, and may make a call.
    fn closure(
        self: &Arc<Self>,
        capture: &Arc<Capture>,
        calls: Option<(usize, Call)>,
        is_bare: bool,
    ) -> (Pieces, impl FnMut(Chunk) + Send + 'static) {
        let (log, pieces, capture) = (self.clone(), Pieces::default(), Arc::downgrade(capture));
        let kept = pieces.clone();
        let closure = move |chunk: Chunk| {
            let number = {
                let mut kept = kept.lock();
                kept.push(Piece::new(&chunk, is_bare));
                kept.len() - 1
            };
            if let Some((at, call)) = calls
                && at == number
                && let Some(capture) = Weak::upgrade(&capture)
            {
                log.make(What::Call(call), true, || log.run(&capture, call));
            }
        };
        (pieces, closure)
    }

    fn take(self: &Arc<Self>, capture: &Arc<Capture>, spec: &TakeSpec) -> Outcome {
        let mut plan = TakePlan::new(Duration::from_millis(spec.pre_ms));
        plan = plan.post_roll(Duration::from_millis(spec.post_ms));
        let (pieces, closure) = self.closure(capture, spec.calls, true);
        if let Err(error) = plan.each(bare().chunk_ms(20).gaps(GapPolicy::Split), closure) {
            return Outcome::Failed(error);
        }
        let heard = HeardTake { spec: spec.clone(), pieces: Vec::new(), report: None };
        self.state.lock().heard_takes.insert(spec.id, (heard, pieces));
        match capture.take(plan) {
            Ok(take) => {
                self.state.lock().takes.insert(spec.id, take);
                Outcome::Done
            }
            Err(error) => Outcome::Failed(error),
        }
    }

    fn tap(self: &Arc<Self>, capture: &Arc<Capture>, spec: &TapSpec) -> Outcome {
        let mut tap = match spec.rate_hz {
            None => bare(),
            Some(rate_hz) => Tap::new().rate_hz(rate_hz),
        };
        let gaps = match spec.gaps {
            Gaps::Fill => GapPolicy::Fill,
            Gaps::Split => GapPolicy::Split,
            Gaps::Mark => GapPolicy::Mark,
        };
        tap = tap.chunk_ms(spec.chunk_ms).gaps(gaps).hold_back_ms(spec.hold_back_ms);
        if spec.reader == Reader::Lazy {
            tap = tap.queue(8, WhenFull::DropNew);
        }
        let calls = match spec.reader {
            Reader::Calling(at, call) => Some((at, call)),
            _ => None,
        };
        let (pieces, closure) = self.closure(capture, calls, spec.rate_hz.is_none());
        let receiver = match spec.reader {
            Reader::Eager | Reader::Lazy => capture.receiver(tap).map(Some),
            Reader::Closure | Reader::Calling(..) => capture.each(tap, closure).map(|()| None),
        };
        let spec = spec.clone();
        let heard =
            HeardTap { spec, pieces: Vec::new(), is_ended: false, error: None, ledger: None, left: None };
        match receiver {
            Ok(receiver) => {
                let (mut state, id) = (self.state.lock(), heard.spec.id);
                state.heard_taps.insert(id, (heard, pieces));
                state.receivers.extend(receiver.map(|receiver| (id, receiver)));
                Outcome::Done
            }
            Err(error) => Outcome::Failed(error),
        }
    }
}

/// Every frame of the first channel as it is.
fn bare() -> Tap {
    Tap::new().device_rate().channels(Channels::First)
}

/// Who plays. Its thread is the devices'.
struct Player<'a> {
    life: &'a Life,
    stage: Stage,
    mics: Vec<Mic>,
    log: Arc<Log>,
    capture: Option<Arc<Capture>>,
    events: Events,
    heard: Vec<Event>,
    stats: Vec<(Duration, Stats)>,
    first_open: Option<Duration>,
    /// Until then threads are held.
    held: Duration,
}

/// Plays it to the end.
pub fn play(life: &Life) -> Played {
    PANICS.lock().clear();
    let before = threads();
    let mut player = Player::new(life);
    let mut due = player.stage.elapsed();
    for (number, step) in life.steps.iter().enumerate() {
        due += Duration::from_millis(step.wait_ms);
        player.run_until(due);
        player.act(&step.act);
        if life.steps.get(number + 1).is_none_or(|next| next.wait_ms > 0) {
            player.settle();
        }
    }
    player.end(before)
}

impl<'a> Player<'a> {
    fn new(life: &'a Life) -> Self {
        let stage = Stage::seeded(life.seed);
        let mics: Vec<Mic> = life
            .mics
            .iter()
            .enumerate()
            .map(|(number, set)| {
                stage.run(APART);
                let format =
                    StreamFormat { rate_hz: set.rate_hz, channels: set.channels, sample: SampleFormat::I16 };
                let mic = stage.mic(&format!("mic{number}"), format);
                let stamps = if set.late_stamps { Stamps::Late } else { Stamps::Device(Duration::ZERO) };
                mic.period(set.period).stamps(stamps).log();
                mic
            })
            .collect();
        let ms = Duration::from_millis;
        let set = &life.capture;
        let config = Config {
            input: set.input.and_then(|mic| mics.get(mic)).map_or(Input::Default, Mic::input),
            host: stage.host(),
            clock: stage.clock(),
            history: ms(set.history_ms),
            idle: ms(set.idle_ms),
            pool: ms(set.pool_ms),
            length: set.length_ms.map(ms),
            recovery: Recovery {
                give_up: ms(set.give_up_ms),
                stall_patience: set.stall_ms.map(ms),
                fall_back: set.fall_back,
                correct_rate: false,
            },
            watch_devices: set.watch,
            ..Config::default()
        };
        let capture = Arc::new(Capture::new(config).expect("a life is drawn within the documented ranges"));
        let clock = stage.clock();
        let origin = clock.now() - stage.elapsed();
        let inputs = mics.iter().map(Mic::input).collect();
        let log = Arc::new(Log { clock, origin, inputs, state: Mutex::default() });
        let (events, capture) = (capture.events(), Some(capture));
        let (heard, stats, first_open, held) = (Vec::new(), Vec::new(), None, Duration::ZERO);
        Self { life, stage, mics, log, capture, events, heard, stats, first_open, held }
    }

    fn run_until(&mut self, due: Duration) {
        while self.stage.elapsed() < due {
            let left = due - self.stage.elapsed();
            self.stage.run(left.min(SLICE));
            self.look();
        }
    }

    /// Lets calls that do not wait come to their ends.
    fn settle(&mut self) {
        for _ in 0..10 {
            if !self.is_calling() {
                break;
            }
            self.stage.run(Duration::from_micros(100));
        }
        self.look();
    }

    fn is_calling(&self) -> bool {
        self.log.state.lock().calls.iter().any(|made| made.ended.is_none())
    }

    /// Takes what there is.
    fn look(&mut self) {
        self.heard.extend(std::iter::from_fn(|| self.events.try_recv()));
        let mut state = self.log.state.lock();
        let State { receivers, heard_taps, takes, heard_takes, ending, .. } = &mut *state;
        for (id, receiver) in receivers {
            let Some((heard, _)) = heard_taps.get_mut(id) else { continue };
            if heard.spec.reader == Reader::Eager {
                drain(receiver, heard);
            }
        }
        let mut over = Vec::new();
        for (id, take) in takes.iter() {
            let Some((heard, _)) = heard_takes.get_mut(id) else { continue };
            if let Some(result) = take.wait_timeout(Duration::ZERO) {
                heard.report = Some(result);
                over.push(*id);
            }
        }
        ending.retain(|id| !over.contains(id));
        drop(state);
        if let Some(capture) = &self.capture {
            let (now, stats) = (self.stage.elapsed(), capture.stats());
            let since = |first: FirstOpen| first.instant.saturating_duration_since(self.log.origin);
            self.first_open = self.first_open.or(capture.first_open().map(since));
            if self.stats.last().is_none_or(|(last, _)| now - *last >= Duration::from_secs(1)) {
                self.stats.push((now, stats));
            }
        }
    }

    /// A call on a thread of its own.
    fn call(&self, what: What, call: impl FnOnce(&Arc<Log>) -> Outcome + Send + 'static) {
        let (log, capture) = (self.log.clone(), self.capture.clone());
        drop(self.stage.call("call", move || {
            log.make(what, false, || call(&log));
            // If it is the last to hold the capture, the drop is none of the call's time.
            drop(capture);
        }));
    }

    fn act(&mut self, act: &Act) {
        let capture = self.capture.clone();
        match act {
            Act::Mic(mic, mishap) => self.mishap(*mic, *mishap),
            Act::Hold(name, ms) => {
                self.stage.hold(name, Duration::from_millis(*ms));
                self.held = self.held.max(self.stage.elapsed() + Duration::from_millis(*ms));
            }
            Act::Freeze { ms, kept_ms } => {
                self.stage.freeze(Duration::from_millis(*ms), Duration::from_millis(*kept_ms));
                self.held = self.held.max(self.stage.elapsed() + Duration::from_millis(*ms));
            }
            Act::DropCapture => {
                let capture = self.capture.take();
                self.call(What::DropCapture, move |_| {
                    drop(capture);
                    Outcome::Done
                });
            }
            Act::Call(call) => {
                let (Some(capture), call) = (capture, *call) else { return };
                self.call(What::Call(call), move |log| log.run(&capture, call));
            }
            Act::Take(spec) => {
                let (Some(capture), spec) = (capture, spec.clone()) else { return };
                self.call(What::Take(spec.id), move |log| log.take(&capture, &spec));
            }
            Act::Tap(spec) => {
                let (Some(capture), spec) = (capture, spec.clone()) else { return };
                self.call(What::Tap(spec.id), move |log| log.tap(&capture, &spec));
            }
            Act::DropTap(id) => {
                let (mut state, now) = (self.log.state.lock(), self.stage.elapsed());
                let State { receivers, heard_taps, .. } = &mut *state;
                let (Some(mut receiver), Some((heard, _))) = (receivers.remove(id), heard_taps.get_mut(id))
                else {
                    return;
                };
                drain(&mut receiver, heard);
                heard.left = Some(now);
                drop(state);
                self.call(What::DropTap(*id), move |_| {
                    drop(receiver);
                    Outcome::Done
                });
            }
            Act::Listen => {
                let Some(capture) = capture else { return };
                self.call(What::Listen, move |_| {
                    drop(capture.events());
                    Outcome::Done
                });
            }
            Act::End(id) => self.with_take(What::End(*id), *id, |take| take.end()),
            Act::Pause(id) => self.with_take(What::Pause(*id), *id, |take| take.pause()),
            Act::Resume(id) => self.with_take(What::Resume(*id), *id, |take| take.resume()),
            Act::Finish(id) => {
                let Some(take) = self.log.state.lock().takes.remove(id) else { return };
                let id = *id;
                self.call(What::Finish(id), move |log| {
                    let result = take.finish();
                    if let Some((heard, _)) = log.state.lock().heard_takes.get_mut(&id) {
                        heard.report = Some(result.clone());
                    }
                    result.map_or_else(Outcome::Failed, |_| Outcome::Done)
                });
            }
            Act::Cancel(id) => {
                let Some(take) = self.log.state.lock().takes.remove(id) else { return };
                self.call(What::Cancel(*id), move |_| {
                    take.cancel();
                    Outcome::Done
                });
            }
            Act::DropTake(id) => {
                let Some(take) = self.log.state.lock().takes.remove(id) else { return };
                self.call(What::DropTake(*id), move |_| {
                    drop(take);
                    Outcome::Done
                });
            }
        }
    }

    /// Calls that never wait, by the driver itself.
    fn with_take(&self, what: What, id: usize, call: impl FnOnce(&Take)) {
        let Some(take) = self.log.state.lock().takes.remove(&id) else { return };
        self.log.make(what, false, || {
            call(&take);
            Outcome::Done
        });
        let mut state = self.log.state.lock();
        state.takes.insert(id, take);
        if matches!(what, What::End(_)) {
            state.ending.insert(id);
        }
    }

    fn mishap(&mut self, mic: usize, mishap: Mishap) {
        let Some(mic) = self.mics.get(mic) else { return };
        let ms = Duration::from_millis;
        match mishap {
            Mishap::Late(late) => mic.fault(Fault::Late(ms(late))),
            Mishap::Lose { frames, reported } => mic.fault(Fault::Lose { frames, reported }),
            Mishap::Repeat => mic.fault(Fault::Repeat),
            Mishap::Size(frames) => mic.fault(Fault::Size(frames)),
            Mishap::Dies => mic.fault(Fault::Dies),
            Mishap::Errors(times) => mic.fault(Fault::Errors(times)),
            Mishap::Unplug { reported } => mic.fault(Fault::Unplugged { reported }),
            Mishap::PlugIn => mic.plug_in(),
            Mishap::FailToOpen(times) => mic.fail_to_open(times),
            Mishap::SlowToPlay(length) => mic.slow_to_play(ms(length)),
            Mishap::SlowToDrop(length) => mic.slow_to_drop(ms(length)),
            Mishap::Lingers => mic.lingers(),
            Mishap::Period(frames) => mic.period(frames),
            Mishap::MakeDefault => {
                self.stage.make_default(mic);
                mic
            }
        };
    }

    fn end(mut self, before: Vec<String>) -> Played {
        let half = Duration::from_millis(500);
        self.run_until(self.stage.elapsed() + half);
        let stopped = self.stage.elapsed();
        self.act(&Act::Call(Call::Stop));
        self.settle();
        let patience = self.stage.elapsed().max(self.held) + CALLS_PATIENCE;
        while self.is_calling() && self.stage.elapsed() < patience {
            self.run_until(self.stage.elapsed() + half / 2);
        }
        // A worker that was held has ended by then.
        self.run_until(self.held + half);
        self.act(&Act::Call(Call::WaitTimeout(0)));
        self.run_until(self.stage.elapsed() + half);
        let takes = std::mem::take(&mut self.log.state.lock().takes);
        drop(self.stage.call("call", move || drop(takes)));
        self.act(&Act::DropCapture);
        self.settle();
        let drops = self.life.steps.iter().filter_map(|step| match step.act {
            Act::Mic(_, Mishap::SlowToDrop(ms) | Mishap::SlowToPlay(ms)) => Some(ms),
            _ => None,
        });
        let slowest = Duration::from_millis(drops.max().unwrap_or(0));
        let rest = self.stage.elapsed().max(self.held) + Duration::from_secs(12) + 2 * slowest;
        self.run_until(rest);
        self.look();
        let mut state = self.log.state.lock();
        let State { receivers, heard_taps, heard_takes, calls, .. } = &mut *state;
        for (id, receiver) in receivers.iter_mut() {
            let Some((heard, _)) = heard_taps.get_mut(id) else { continue };
            drain(receiver, heard);
            (heard.is_ended, heard.error) = (receiver.is_ended(), receiver.error());
            heard.ledger = Some(receiver.ledger());
        }
        let taps = std::mem::take(heard_taps).into_values().map(|(mut heard, pieces)| {
            heard.pieces.append(&mut pieces.lock());
            heard
        });
        let takes = std::mem::take(heard_takes).into_values().map(|(mut heard, pieces)| {
            heard.pieces.append(&mut pieces.lock());
            heard
        });
        let (taps, takes, calls) = (taps.collect(), takes.collect(), std::mem::take(calls));
        drop(state);
        Played {
            callbacks: self.mics.iter().map(Mic::callbacks).collect(),
            calls,
            taps,
            takes,
            events: self.heard,
            stats: self.stats,
            first_open: self.first_open,
            stopped,
            end: self.stage.elapsed(),
            open: self.mics.iter().filter(|mic| mic.is_open()).map(|mic| format!("{mic:?}")).collect(),
            threads: left(before),
            panics: std::mem::take(&mut *PANICS.lock()),
        }
    }
}

fn drain(receiver: &mut Receiver, heard: &mut HeardTap) {
    let is_bare = heard.spec.rate_hz.is_none();
    let chunks = std::iter::from_fn(|| receiver.try_recv());
    heard.pieces.extend(chunks.map(|chunk| Piece::new(&chunk, is_bare)));
}

/// What threads of this life have said when they panicked.
pub static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Keeps what panics say, and prints nothing.
pub fn keep_panics() {
    panic::set_hook(Box::new(|info| {
        let thread = std::thread::current();
        PANICS.lock().push(format!("{}: {info}", thread.name().unwrap_or("a thread")));
    }));
}

/// The engine's threads of this process.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.map(|name| name.trim().to_owned()).filter(|name| name.starts_with("hearken-")).collect()
}

/// Those that were not there before; one that is about to go is given time.
fn left(before: Vec<String>) -> Vec<String> {
    for _ in 0..100 {
        if threads().len() <= before.len() {
            return Vec::new();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut now = threads();
    for name in before {
        if let Some(place) = now.iter().position(|other| *other == name) {
            now.swap_remove(place);
        }
    }
    now
}

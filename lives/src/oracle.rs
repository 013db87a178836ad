//! What must hold of any life, by the README's and the API's words alone. Slow and plain; it shares nothing with the engine.

use crate::life::{Act, Call, Gaps, Life, Mishap, Reader};
use crate::play::{HeardTake, HeardTap, Made, Outcome, Piece, Played, What};
use crate::truth::{Followed, Item, NOBODY_MADE, Truth, follow, items};
use hearken::{Cause, Error, ErrorKind, EventKind, Gap, Ledger, Report, StopReason, TakeEnd, TakeReport};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// Which, by its short name.
    pub promise: String,
    /// What it comes from, as far as can be told: the same words for the same fault.
    pub cause: String,
    pub particulars: String,
}

/// What a call may take longer than is documented.
const CALL_SLACK: Duration = Duration::from_millis(20);
/// What the end of a lost capture may be late: a back-off, and a look.
const END_SLACK: f64 = 3.0;
/// A take's ends are so exact, in seconds: the README's "tens of milliseconds" where the clock is not known yet.
const TAKE_SLACK: f64 = 0.12;

/// What a tap that joins may have of the time before, in seconds: what lies in the pool.
const REACH: f64 = 2.5;
const REFUSED: &str = ", behind a stop that was refused";

/// Everything that is wrong with it.
pub fn judge(life: &Life, played: &Played) -> Vec<Broken> {
    let rate_hz = life.mics.first().map_or(1, |mic| mic.rate_hz);
    let truth = Truth::new(played, rate_hz);
    let mut judge = Judge { life, played, truth, openings: Vec::new(), broken: Vec::new() };
    let first_open = judge.first_open();
    judge.openings = played
        .events
        .iter()
        .filter_map(|event| {
            let is_open = match event.kind {
                EventKind::Opened(_) | EventKind::Reopened(_) => true,
                EventKind::Closed(_) => false,
                _ => return None,
            };
            Some((first_open + event.at.as_secs_f64(), is_open))
        })
        .collect();
    judge.panics();
    judge.calls();
    judge.events();
    judge.ends();
    judge.give_up();
    judge.figures();
    judge.ledgers();
    judge.taps();
    judge.takes();
    judge.wakeups();
    judge.broken
}

struct Judge<'a> {
    life: &'a Life,
    played: &'a Played,
    truth: Truth,
    /// When openings began and ended, in seconds since the stage began, and which of both.
    openings: Vec<(f64, bool)>,
    broken: Vec<Broken>,
}

impl Judge<'_> {
    fn tell(&mut self, promise: &str, cause: impl Into<String>, particulars: impl Into<String>) {
        let (cause, particulars) = (cause.into(), particulars.into());
        self.broken.push(Broken { promise: promise.to_owned(), cause, particulars });
    }

    fn check(&mut self, holds: bool, promise: &str, cause: &str, particulars: impl FnOnce() -> String) {
        if !holds {
            self.tell(promise, cause, particulars());
        }
    }

    fn first_open(&self) -> f64 {
        self.played.first_open.unwrap_or_default().as_secs_f64()
    }

    /// The final account, if the capture came to have one.
    fn report(&self) -> Option<&Report> {
        let calls = self.played.calls.iter().filter(|made| !made.on_worker);
        calls.rev().find_map(|made| match &made.outcome {
            Outcome::Report(report) => Some(&**report),
            _ => None,
        })
    }

    /// Moments of the events that are such, in seconds since the stage began.
    fn moments(&self, is_it: impl Fn(&EventKind) -> bool) -> Vec<f64> {
        let first = self.first_open();
        let events = self.played.events.iter().filter(|event| is_it(&event.kind));
        events.map(|event| first + event.at.as_secs_f64()).collect()
    }

    fn ended_at(&self) -> Option<f64> {
        self.moments(|kind| matches!(kind, EventKind::Stopped(_))).first().copied()
    }

    /// When an end was asked for first.
    fn stop_asked_at(&self) -> f64 {
        let calls = self.played.calls.iter();
        let ends = calls.filter(|made| {
            let is_refused =
                matches!(&made.outcome, Outcome::Failed(error) if error.kind() == ErrorKind::BadArgument);
            matches!(made.what, What::Call(Call::Stop) | What::DropCapture) && !is_refused
        });
        ends.map(|made| made.began).min().unwrap_or(self.played.stopped).as_secs_f64()
    }

    /// For how long threads of ours were held within an interval, in all: those of such a name.
    fn held(&self, name: &str, from: Duration, to: Duration) -> Duration {
        let mut at = Duration::ZERO;
        let mut sum = Duration::ZERO;
        let begins = crate::play::apart(self.life);
        for step in &self.life.steps {
            at += Duration::from_millis(step.wait_ms);
            let (start, length) = match &step.act {
                Act::Hold(of, ms) if name.starts_with(of.as_str()) => (begins + at, *ms),
                Act::Freeze { ms, .. } => (begins + at, *ms),
                _ => continue,
            };
            let end = start + Duration::from_millis(length);
            sum += end.min(to).saturating_sub(start.max(from));
        }
        sum
    }

    fn longest_mishap(&self, of: impl Fn(&Mishap) -> Option<u64>) -> Duration {
        let all = self.life.steps.iter().filter_map(|step| match &step.act {
            Act::Mic(_, mishap) => of(mishap),
            _ => None,
        });
        Duration::from_millis(all.max().unwrap_or(0))
    }

    fn panics(&mut self) {
        for panic in &self.played.panics {
            let thread = panic.split(':').next().unwrap_or_default();
            self.tell("no panic", format!("on {thread}"), panic.clone());
        }
    }

    /// Each call returns in its time, with an error of its documentation.
    fn calls(&mut self) {
        let played = self.played;
        for made in &played.calls {
            let name = name(made.what);
            let place = if made.on_worker { " from a closure on the worker" } else { "" };
            let cause = format!("{name}{place}");
            let Some((ended, _)) = made.ended else {
                self.tell("every call returns", cause, format!("asked at {:?}", made.began));
                continue;
            };
            if matches!(made.outcome, Outcome::Panicked) {
                self.tell("no panic", cause, String::new());
                continue;
            }
            let took = ended - made.began;
            let allowed = self.documented(made) + self.held("call", made.began, ended) + CALL_SLACK;
            self.check(took <= allowed, "every call returns in its time", &cause, || {
                format!("{took:?} instead of {allowed:?}, asked at {:?}", made.began)
            });
            if let Outcome::Failed(error) = &made.outcome
                && let Some(why) = self.is_undocumented(made, error)
            {
                let cause = format!("{cause}: {}{why}", error.kind().name());
                self.tell("errors are the documented ones", cause, format!("at {:?}: {error}", made.began));
            }
        }
    }

    fn documented(&self, made: &Made) -> Duration {
        let ms = Duration::from_millis;
        match made.what {
            What::Call(Call::WaitTimeout(length)) => ms(length),
            _ if made.on_worker => Duration::ZERO,
            // A little longer than the opening itself.
            What::Call(Call::Start | Call::BriefTake) | What::Take(_) => ms(10_500),
            What::Call(Call::Stop) | What::DropCapture => ms(500),
            What::Finish(id) => {
                let takes = self.played.takes.iter();
                let post = takes.filter(|take| take.spec.id == id).map(|take| take.spec.post_ms).max();
                ms(post.unwrap_or(0) + 750)
            }
            _ => Duration::ZERO,
        }
    }

    /// Why an error is not one that the documentation allows here.
    fn is_undocumented(&self, made: &Made, error: &Error) -> Option<&'static str> {
        let kind = error.kind();
        let before = |what: &dyn Fn(&Made) -> bool| {
            self.played.calls.iter().any(|other| other.began_as < made.began_as && what(other))
        };
        let is_claim =
            |other: &Made| matches!(other.what, What::Call(Call::Start | Call::BriefTake) | What::Take(_));
        // What was refused does nothing.
        let is_refused = |other: &Made| matches!(&other.outcome, Outcome::Failed(error) if error.kind() == ErrorKind::BadArgument);
        let is_stop = |other: &Made| matches!(other.what, What::Call(Call::Stop));
        let is_end = |other: &Made| is_stop(other) && !is_refused(other);
        let was_refused = before(&is_stop);
        let opens_badly = self.life.has(|act| {
            matches!(act, Act::Hold(..) | Act::Freeze { .. })
                || matches!(
                    act,
                    Act::Mic(
                        _,
                        Mishap::FailToOpen(_)
                            | Mishap::SlowToPlay(_)
                            | Mishap::SlowToDrop(_)
                            | Mishap::Unplug { .. }
                    )
                )
        });
        let until = made.ended.map_or(self.played.end, |(ended, _)| ended);
        let is_held = self.held("hearken-worker", made.began.saturating_sub(Duration::from_secs(1)), until)
            > Duration::ZERO;
        let waits_in_closure = self.played.calls.iter().any(|other| {
            other.on_worker
                && other.began <= until
                && other.ended.is_none_or(|(ended, _)| ended >= made.began && ended > other.began)
        });
        let has_opened = self.moments(|kind| matches!(kind, EventKind::Opened(_)));
        let has_opened = has_opened.iter().any(|at| *at < made.began.as_secs_f64());
        match (made.what, kind) {
            (What::Call(Call::Start), ErrorKind::BadArgument) => {
                let starts = |other: &Made| matches!(other.what, What::Call(Call::Start)) || is_end(other);
                let has_ended = self.ended_at().is_some_and(|at| at <= until.as_secs_f64());
                (!before(&starts) && !has_ended).then_some(if was_refused {
                    REFUSED
                } else {
                    ", of a first start"
                })
            }
            (
                What::Call(Call::Start | Call::BriefTake) | What::Take(_),
                ErrorKind::DeviceBusy | ErrorKind::DeviceLost | ErrorKind::NoDevice | ErrorKind::NotFound,
            ) => {
                let is_suspended = self
                    .suspensions()
                    .iter()
                    .any(|(from, to)| *from <= until.as_secs_f64() && *to >= made.began.as_secs_f64());
                if opens_badly || is_suspended || before(&is_end) || self.ends_during(made) {
                    None
                } else {
                    Some(if was_refused { REFUSED } else { ", of a device that is there" })
                }
            }
            (What::Take(id), ErrorKind::BadArgument) => {
                let pre = self.life.steps.iter().find_map(|step| match &step.act {
                    Act::Take(spec) if spec.id == id => Some(spec.pre_ms),
                    _ => None,
                });
                let is_long = pre.is_some_and(|pre| pre > self.life.capture.history_ms);
                let has_ended = self.ended_at().is_some_and(|at| at <= until.as_secs_f64());
                let has_failed = before(&|other| {
                    matches!(other.what, What::Call(Call::Start))
                        && matches!(other.outcome, Outcome::Failed(_))
                });
                (!is_long && !has_ended && !before(&is_end) && !has_failed && !made.on_worker)
                    .then_some(if was_refused { REFUSED } else { ", of a capture that has not ended" })
            }
            (What::Call(Call::BriefTake | Call::Switch(_)), ErrorKind::BadArgument) => None,
            (What::Call(Call::Stop | Call::WaitTimeout(_)), ErrorKind::BadArgument) => (before(&|other| {
                is_claim(other) && !is_refused(other) && other.ended.is_some_and(|(at, _)| at < made.began)
            }) && !made
                .on_worker)
                .then_some(", of a capture that was started"),
            (What::Call(Call::Stop), ErrorKind::DeviceBusy) => {
                (has_opened && !opens_badly).then_some(", of a device that is open")
            }
            (What::Call(Call::Stop) | What::Finish(_), ErrorKind::Internal) => {
                match (is_held, waits_in_closure) {
                    (true, _) => None,
                    (false, true) => Some(", while a closure waits in a call of its own"),
                    (false, false) => Some(", with a worker that nothing holds"),
                }
            }
            // The opening's own.
            (What::Call(Call::Stop | Call::WaitTimeout(_)) | What::Finish(_), _) => {
                (!opens_badly && kind == ErrorKind::Internal).then_some("")
            }
            (_, ErrorKind::Internal) => Some(""),
            _ => None,
        }
    }

    fn ends_during(&self, made: &Made) -> bool {
        let until = made.ended.map_or(self.played.end, |(ended, _)| ended).as_secs_f64();
        self.stop_asked_at() <= until || self.ended_at().is_some_and(|at| at <= until)
    }

    /// Events are in order: each closed what it opened, and the end is the last.
    fn events(&mut self) {
        const PROMISE: &str = "events are in order";
        let played = self.played;
        let mut last = Duration::ZERO;
        let (mut has_opened, mut is_open, mut has_called, mut is_stalled, mut is_over) =
            (false, false, false, false, false);
        for event in &played.events {
            let name = event.kind.name();
            let at = format!("{name} at {:?}", event.at);
            self.check(event.at >= last, PROMISE, "their times run backwards", || at.clone());
            self.check(!is_over, PROMISE, "something comes behind the end", || at.clone());
            last = event.at;
            let fits = match &event.kind {
                EventKind::Opened(_) => {
                    let fits = !has_opened;
                    (has_opened, is_open, has_called, is_stalled) = (true, true, false, false);
                    fits
                }
                EventKind::Reopened(_) => {
                    let fits = has_opened && !is_open;
                    (is_open, has_called, is_stalled) = (true, false, false);
                    fits
                }
                EventKind::Closed(_) => std::mem::replace(&mut is_open, false),
                EventKind::FirstCallback => is_open && !std::mem::replace(&mut has_called, true),
                EventKind::FirstSignal => is_open && has_called,
                EventKind::CannotOpen(_) => !is_open,
                EventKind::Stalled(_) => is_open && !std::mem::replace(&mut is_stalled, true),
                EventKind::Resumed => std::mem::replace(&mut is_stalled, false),
                EventKind::Stopped(_) => {
                    is_over = true;
                    true
                }
                _ => true,
            };
            self.check(fits, PROMISE, &format!("{name} out of place"), || at);
        }
        if let Some(report) = self.report().cloned() {
            let told = &report.events;
            let heard = &played.events;
            let same = told.len() == heard.len() && told.iter().zip(heard).all(|(a, b)| a == b);
            // A listener's queue holds 256.
            if told.len() < 200 {
                let particulars = || format!("{} told, {} heard", told.len(), heard.len());
                let cause = "a listener hears what the report has";
                self.check(same, "events are in order", cause, particulars);
            }
            self.check(is_over, PROMISE, "an end that nobody was told", String::new);
        }
    }

    /// After an end nothing stays open, nobody waits, and no thread is left.
    fn ends(&mut self) {
        let played = self.played;
        if played.calls.iter().any(|made| made.ended.is_none()) {
            // Whoever does not return holds the capture, and that was told.
            return;
        }
        let open = played.open.join(", ");
        self.check(open.is_empty(), "everything is let go of", "a microphone stays open", || open.clone());
        let threads = played.threads.join(", ");
        let particulars = || threads.clone();
        self.check(threads.is_empty(), "everything is let go of", "a thread stays", particulars);
        for tap in &played.taps {
            let listens = matches!(tap.spec.reader, Reader::Eager | Reader::Lazy) && tap.left.is_none();
            self.check(
                !listens || tap.is_ended,
                "ends are told",
                "a receiver does not hear of the end",
                || format!("tap {}", tap.spec.id),
            );
            if let Some(ledger) = tap.ledger {
                let sum = ledger.received + ledger.behind + ledger.pending;
                self.check(ledger.offered == sum, "ledgers balance", "a tap's", || format!("{ledger:?}"));
                let keeps_up = ledger.behind == 0 || tap.spec.reader != Reader::Eager;
                let cause = "what the pool held does not fit";
                self.check(keeps_up, "a default queue holds what a pool does", cause, || {
                    format!("{ledger:?}")
                });
            }
        }
    }

    /// A capture that was started and whose device is lost ends by `give_up`.
    fn give_up(&mut self) {
        let starts = |made: &&Made| {
            matches!(made.what, What::Call(Call::Start)) && matches!(made.outcome, Outcome::Done)
        };
        let Some(started) = self.played.calls.iter().find(starts).and_then(|made| made.ended) else { return };
        let set = &self.life.capture;
        if set.give_up_ms == 0 {
            // Nothing is opened anew then, and a device that stands still may come back.
            return;
        }
        let patience = set.stall_ms.map_or(2.0, |ms| ms as f64 / 1e3);
        let period = self.life.longest_period().as_secs_f64();
        let allowed = patience.max(2.0 * period) + set.give_up_ms as f64 / 1e3 + END_SLACK + period;
        // What makes the clock run anew: a frame, a wish.
        let mut signs: Vec<f64> = self.truth.blocks.iter().map(|block| block.at.as_secs_f64()).collect();
        let wishes =
            self.played.calls.iter().filter(|made| {
                matches!(made.what, What::Call(Call::Resume | Call::Suspend | Call::Switch(_)))
            });
        signs.extend(wishes.map(|made| made.began.as_secs_f64()));
        signs.push(started.0.as_secs_f64());
        signs.retain(|sign| *sign >= started.0.as_secs_f64());
        signs.sort_by(f64::total_cmp);
        let end = self.ended_at().unwrap_or(f64::MAX).min(self.stop_asked_at());
        let suspended = self.suspensions();
        for (number, sign) in signs.iter().enumerate() {
            let next = signs.get(number + 1).copied().unwrap_or(f64::MAX).min(end);
            let (from, to) = (Duration::from_secs_f64(*sign), Duration::from_secs_f64(next.min(1e6)));
            let held = self.held("hearken-worker", from, to).as_secs_f64();
            let is_suspended = suspended.iter().any(|(from, to)| *from < next && *to > *sign);
            if next - sign > allowed + held && !is_suspended {
                let opens = |kind: &EventKind| matches!(kind, EventKind::Reopened(_));
                let opens = self.moments(opens).into_iter().filter(|at| (*sign..next).contains(at)).count();
                let cause = if opens > 1 {
                    "a device that opens each time and never delivers"
                } else {
                    "a device that cannot be opened"
                };
                let particulars =
                    format!("nothing from {sign:.3} to {next:.3} s, {opens} opens; allowed {allowed:.3} s");
                self.tell("a lost capture ends by give_up", cause, particulars);
                return;
            }
        }
    }

    /// When the capture was suspended.
    fn suspensions(&self) -> Vec<(f64, f64)> {
        let mut all = Vec::new();
        let mut since = None;
        for made in &self.played.calls {
            match made.what {
                What::Call(Call::Suspend) => since = since.or(Some(made.began.as_secs_f64())),
                What::Call(Call::Resume) => {
                    all.extend(since.take().map(|since| (since, made.began.as_secs_f64())));
                }
                _ => {}
            }
        }
        all.extend(since.map(|since| (since, f64::MAX)));
        all
    }

    /// No figure is nonsense.
    fn figures(&mut self) {
        const PROMISE: &str = "no figure is nonsense";
        let played = self.played;
        let rate = self.life.mics.iter().map(|mic| mic.rate_hz).max().unwrap_or(1).max(24_000);
        let most = (played.end.as_secs_f64() * f64::from(rate)) as u64 + 1;
        let taps = played.taps.iter().flat_map(|tap| &tap.pieces);
        let takes = played.takes.iter().flat_map(|take| &take.pieces);
        let mut gaps: Vec<(&str, Gap)> = Vec::new();
        let of = |pieces: &Piece| pieces.gaps.clone();
        gaps.extend(taps.clone().flat_map(of).map(|gap| ("a chunk", gap)));
        gaps.extend(takes.clone().flat_map(of).map(|gap| ("a take's chunk", gap)));
        let reports = played.takes.iter().filter_map(|take| take.report.as_ref()?.as_ref().ok());
        for report in reports {
            gaps.extend(report.gaps.iter().chain(&report.provisional).map(|gap| ("a take's report", *gap)));
            let latency = report.latency;
            let latest =
                [latency.opened, latency.first_frame, latency.first_signal].into_iter().flatten().max();
            self.check(latest.is_none_or(|at| at <= played.end), PROMISE, "a take's latency", || {
                format!("{latency:?}")
            });
        }
        let whole = self.report().cloned();
        if let Some(report) = &whole {
            gaps.extend(report.gaps.iter().chain(&report.provisional).map(|gap| ("the report", *gap)));
        }
        for (place, gap) in gaps {
            let particulars = || format!("in {place}: {gap:?}");
            self.check(gap.frames <= most, PROMISE, "a gap's length", particulars);
            self.check(gap.error_frames <= most, PROMISE, "how far off a gap's length may be", particulars);
        }
        for piece in taps.chain(takes) {
            let captured = piece.captured;
            self.check(captured.at <= played.end, PROMISE, "a time of capture", || format!("{captured:?}"));
            let fits = captured.bound <= played.end;
            self.check(fits, PROMISE, "the bound of a time of capture", || format!("{captured:?}"));
        }
        for event in &played.events {
            let last = played.end.as_secs_f64();
            self.check(event.at.as_secs_f64() <= last, PROMISE, "an event's time", || format!("{event:?}"));
        }
    }

    /// Every captured frame is delivered or counted, at every look and in the end.
    fn ledgers(&mut self) {
        let played = self.played;
        for (at, stats) in &played.stats {
            let ledger = stats.ledger;
            self.check(ledger.balanced(), "ledgers balance", "in mid-capture", || {
                format!("{at:?}: {ledger:?}")
            });
        }
        let Some(report) = self.report().cloned() else { return };
        let ledger = report.stats.ledger;
        let is_stuck = report.reason == StopReason::CallbackStuck;
        let fits = ledger.balanced() && (ledger.pending == 0 || is_stuck);
        self.check(fits, "ledgers balance", "at the end", || format!("{ledger:?}"));
        let epochs = report.epochs.iter().fold(Ledger::default(), |sum, epoch| sum + epoch.ledger);
        let figures = |ledger: &Ledger| [ledger.captured, ledger.delivered, ledger.dropped, ledger.discarded];
        if report.epochs.len() < 1_024 {
            let fits = figures(&epochs) == figures(&ledger);
            self.check(fits, "ledgers balance", "the epochs' sum", || format!("{epochs:?}, {ledger:?}"));
        }
        // Those that bounced off were given to callbacks as well.
        let (given, end) = (self.truth.numbers.len() as u64, self.certain_end());
        let certain = self
            .truth
            .blocks
            .iter()
            .filter(|block| block.at.as_secs_f64() < end && !self.is_bounced(block.places.start));
        let certain: u64 = certain.map(|block| block.places.len() as u64).sum();
        let fits = (certain..=given).contains(&ledger.captured);
        self.check(fits, "every frame is counted", "what callbacks were given", || {
            format!("{certain} to {given} given, {ledger:?}")
        });
        if report.gaps.len() < 4_096 && self.life.has_one_rate() {
            let sum = |is_it: &dyn Fn(Cause) -> bool| {
                report.gaps.iter().filter(|gap| is_it(gap.cause)).map(|gap| gap.frames).sum::<u64>()
            };
            let told = [
                sum(&|cause| cause == Cause::Dropped),
                sum(&|cause| matches!(cause, Cause::Muted | Cause::Mismatched)),
                sum(&|cause| cause == Cause::Lost),
            ];
            let counted = [ledger.dropped, ledger.discarded, ledger.lost];
            let particulars = || format!("gaps {told:?}, ledger {counted:?} (dropped, discarded, lost)");
            self.check(told == counted, "every hole is in the report", "sums of gaps", particulars);
        }
        let mut end = 0;
        for gap in &report.gaps {
            let fits = gap.position >= end;
            self.check(fits, "every hole is in the report", "gaps overlap", || format!("{end}, {gap:?}"));
            end = gap.position + gap.frames;
        }
    }

    fn taps(&mut self) {
        let played = self.played;
        for tap in &played.taps {
            if tap.error.is_some() {
                continue;
            }
            self.grid(&tap.pieces, tap);
            if tap.spec.rate_hz.is_none() && self.life.has_one_rate() {
                self.bare_tap(tap);
            }
        }
    }

    /// Positions go on from chunk to chunk, and a shaped tap is as long as the capture.
    fn grid(&mut self, pieces: &[Piece], tap: &HeardTap) {
        for pair in pieces.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let id = tap.spec.id;
            let fits = after.position >= before.position + before.frames - before.padding;
            let positions = || format!("tap {id}: {} behind {}", after.position, before.position);
            self.check(fits, "chunks are in order", "positions", positions);
            let fits = after.captured.at >= before.captured.at;
            let times =
                || format!("tap {id}, {}: {:?}, {:?}", after.position, before.captured, after.captured);
            self.check(fits, "chunks are in order", "times of capture", times);
        }
    }

    /// Whether a tap was there before the capture was opened.
    fn was_first(&self, tap: &HeardTap) -> bool {
        let is_own = |made: &&Made| made.what == What::Tap(tap.spec.id);
        let joined = self.played.calls.iter().find(is_own).and_then(|made| made.ended);
        let claims = |made: &&Made| {
            matches!(made.what, What::Call(Call::Start | Call::BriefTake) | What::Take(_))
                && !matches!(&made.outcome, Outcome::Failed(error) if error.kind() == ErrorKind::BadArgument)
        };
        let claimed = self.played.calls.iter().find(claims).map(|made| made.began_as);
        joined.is_some_and(|(_, moment)| claimed.is_none_or(|claimed| moment < claimed))
    }

    /// Whether two openings of one microphone went on at the same time, whose frames are the same.
    fn has_doubles(&self) -> bool {
        let pairs = self.truth.streams.windows(2);
        pairs.into_iter().any(|pair| pair[1].first_at <= pair[0].last_at)
    }

    fn bare_tap(&mut self, tap: &HeardTap) {
        if self.has_doubles() {
            return;
        }
        let (first, id) = (self.was_first(tap), tap.spec.id);
        let first_open = self.first_open();
        let items = items(&tap.pieces, first_open);
        let start = first.then_some(0);
        let joined = self.played.calls.iter().find(|made| made.what == What::Tap(id));
        let joined = joined.map_or(0.0, |made| made.began.as_secs_f64());
        let held = self.held("hearken-worker", Duration::ZERO, self.played.end).as_secs_f64();
        // Numbers come again after some seconds: it is right if it is right from where it may begin.
        let begins = [joined, joined - REACH - held, 0.0];
        let followed = begins.map(|begins| follow(&self.truth, &items, start, begins));
        let [first_try, ..] = &followed;
        let followed = followed.iter().find(|followed| followed.is_ok()).unwrap_or(first_try);
        let followed = match followed.clone() {
            Ok(followed) => followed,
            Err((cause, particulars)) => {
                let behind = |piece: &Piece| piece.gaps.iter().any(|gap| gap.cause == Cause::Behind);
                let is_behind =
                    tap.ledger.is_some_and(|ledger| ledger.behind > 0) || tap.pieces.iter().any(behind);
                return self.tell(
                    "every frame is in its place or told",
                    if is_behind {
                        "by a receiver that is behind".into()
                    } else if is_silence(&cause, &tap.pieces) {
                        "silence in a tap without a word".into()
                    } else {
                        self.misled(cause)
                    },
                    format!("tap {id}: {particulars}"),
                );
            }
        };
        self.axis(&followed, &format!("tap {id}"));
        self.tails(&followed, id);
        self.capture_times(&tap.pieces, &followed, &items, &format!("tap {id}"));
        let has_left = tap.left.is_some() || (!first && followed.start.is_none());
        if has_left || (tap.spec.reader == Reader::Lazy && tap.ledger.is_some_and(|ledger| ledger.behind > 0))
        {
            return;
        }
        // What came before the end is delivered.
        let end = self.certain_end();
        let missing = self.truth.blocks.iter().find(|block| {
            block.places.end > followed.end
                && block.at.as_secs_f64() < end
                && !self.is_bounced(block.places.start)
        });
        // What its queue had no room for is in no chunk that is still to come.
        let missing = missing.filter(|_| tap.ledger.is_none_or(|ledger| ledger.behind == 0));
        // A tap that marks tells of holes by what comes behind them.
        let ledger = self.report().map(|report| report.stats.ledger).unwrap_or_default();
        let left = self.truth.blocks.iter().filter(|block| {
            block.places.end > followed.end
                && block.at.as_secs_f64() < end
                && !self.is_bounced(block.places.start)
        });
        let left: usize = left.map(|block| block.places.end - block.places.start.max(followed.end)).sum();
        let is_hole = tap.spec.gaps == Gaps::Mark
            && (self.report().is_none() || left as u64 <= ledger.dropped + ledger.discarded);
        if let Some(block) = missing.filter(|_| !is_hole) {
            let what = match self.report().map(|report| &report.reason) {
                Some(StopReason::Requested) => "a stop",
                Some(StopReason::Finished) => "the length's end",
                Some(_) => "a loss for good",
                None => "an end without an account",
            };
            let given = self.truth.numbers.len();
            let particulars =
                format!("tap {id} ends at {} of {given}, {block:?}, end {end:.3}", followed.end);
            self.tell("an end delivers what came before it", format!("at {what}"), particulars);
        }
    }

    /// What callbacks brought before then must be there.
    fn certain_end(&self) -> f64 {
        let asked = self.stop_asked_at();
        // Between an epoch's end and its event the device is let go of, for 200 ms at most.
        let lets_go = self.life.has(|act| {
            matches!(act, Act::Hold(..) | Act::Freeze { .. } | Act::Mic(_, Mishap::SlowToDrop(_)))
        });
        let slack = if lets_go { 0.21 } else { 0.002 };
        self.ended_at().filter(|at| *at < asked).map_or(asked, |at| at - slack) - 0.001
    }

    /// Whether a frame came before its opening was told, or after it was over.
    fn is_bounced(&self, place: usize) -> bool {
        let (Some(block), Some(stream)) = (self.truth.block(place), self.truth.stream(place)) else {
            return true;
        };
        // What happens at the same moment may be told in any order.
        const MOMENT: f64 = 0.002;
        let (first, at) = (stream.first_at.as_secs_f64(), block.at.as_secs_f64());
        // Another opening at the same time: which of them counts?
        let is_other = |other: &crate::truth::Stream| {
            other.places != stream.places
                && other.first_at.as_secs_f64() <= at + MOMENT
                && other.last_at >= stream.first_at
        };
        let lingers = self.life.longest_period() > Duration::from_millis(300)
            && self.life.has(|act| matches!(act, Act::Mic(_, Mishap::SlowToDrop(_))));
        if lingers || self.truth.streams.iter().any(is_other) {
            return true;
        }
        let closes = |from: f64, to: f64| {
            self.openings.iter().any(|(when, is_open)| !is_open && (from..=to).contains(when))
        };
        let mut before = self.openings.iter().rev().skip_while(|(when, _)| *when > first + MOMENT);
        if before.next().is_some_and(|(_, is_open)| *is_open) {
            return closes(first - MOMENT, at + MOMENT);
        }
        // A worker that is held tells of an opening later.
        let told = self.openings.iter().find(|(when, is_open)| *is_open && *when > first);
        let told = told.map(|(told, _)| *told).filter(|told| *told <= stream.last_at.as_secs_f64());
        let held = |told: f64| self.held("hearken-worker", stream.first_at, Duration::from_secs_f64(told));
        told.is_none_or(|told| {
            held(told).is_zero() || closes(first - 2.0 * MOMENT, told) || closes(told, at + MOMENT)
        })
    }

    /// Where times of capture are far off behind a freeze, a tap that joins then is looked for in the wrong place.
    fn misled(&self, cause: String) -> String {
        let is_frozen = self.life.has(|act| matches!(act, Act::Freeze { .. }));
        let is_place = cause.starts_with("frames come again") || cause.starts_with("frames are missing");
        if is_frozen && is_place {
            "not where its time of capture says, behind a freeze".into()
        } else {
            cause
        }
    }

    /// Frames at the end of an opening may be missing only if they came when it was closed.
    fn tails(&mut self, followed: &Followed, id: usize) {
        for skipped in &followed.skipped {
            let first = skipped.clone().find(|place| !self.is_bounced(*place));
            if let Some(place) = first {
                let block = self.truth.block(place).cloned();
                let particulars = format!("tap {id}: {} frames, {block:?}", skipped.len());
                let cause = "at the end of an opening";
                return self.tell("every frame is in its place or told", cause, particulars);
            }
        }
    }

    /// The axis is that of time: holes are as long as what is missing.
    fn axis(&mut self, followed: &Followed, who: &str) {
        let Some(first) = followed.marks.first() else { return };
        let rate = self.truth.rate_hz;
        let period = self.life.longest_period().as_secs_f64() * rate;
        let bound = 0.03 * rate + 2.0 * period;
        let (mut unsettled, mut last_stream) = (0.0_f64, self.truth.stream_number(first.place));
        for mark in &followed.marks {
            let time = (self.truth.captured(mark.place) - self.truth.captured(first.place)) * rate;
            let axis = mark.position as f64 - first.position as f64;
            let lost = self.truth.lost_before(mark.place) - self.truth.lost_before(first.place);
            let open = lost as f64 - mark.told_lost as f64 + first.told_lost as f64;
            let stream = self.truth.stream_number(mark.place);
            let honest = (mark.error - first.error + 2 * (mark.holes - first.holes)) as f64 + 4.0;
            let off = axis - time + open;
            let allowed = honest + if mark.was_away { unsettled.max(open.abs()) } else { 0.0 };
            if off.abs() > allowed {
                let cause = if mark.was_away { "a hole between two openings" } else { "a hole" };
                let cause = format!("{cause} is too {}", if off > 0.0 { "long" } else { "short" });
                let is_late = self.life.has(|act| matches!(act, Act::Mic(_, Mishap::Late(_))));
                let cause = format!("{cause}{}", if is_late { ", with late callbacks" } else { "" });
                let particulars = format!("{who}: {off:.0} frames off, {allowed:.0} allowed, at {mark:?}");
                return self.tell("holes are as long as what is missing", cause, particulars);
            }
            // What was lost before its first frame and not settled by then may be in it or not.
            let held = self.held("hearken-worker", Duration::ZERO, self.played.end).as_secs_f64();
            let reach = ((4.0 + held) * rate) as usize;
            let before = self.truth.lost_before(first.place.saturating_sub(reach));
            let adjacent = (self.truth.lost_before(first.place) - before) as f64;
            if -open > honest + adjacent {
                // What came twice looks like less than nothing.
                let repeated = self.life.has(|act| matches!(act, Act::Mic(_, Mishap::Repeat)));
                if !repeated {
                    let particulars = format!("{who}: {:.0} frames, {mark:?}", -open);
                    return self.tell("no loss is told that was none", "a settled loss", particulars);
                }
            }
            if self.settled_loss(mark.place, first.place) - mark.told_lost as f64 + first.told_lost as f64
                > bound + honest
                && !mark.was_away
            {
                let particulars = format!("{who}: {open:.0} frames, {bound:.0} may be open, {mark:?}");
                return self.tell("what a device loses is told", "an untold loss", particulars);
            }
            if stream != last_stream {
                (unsettled, last_stream) = (unsettled.max(open.abs()), stream);
            }
        }
    }

    /// What was lost in the stream of `place` long enough before it to be settled, and not in the stream's first moments.
    fn settled_loss(&self, place: usize, from: usize) -> f64 {
        let (Some(block), Some(stream)) = (self.truth.block(place), self.truth.stream(place)) else {
            return 0.0;
        };
        // A worker that is away tells of nothing.
        let away = self.held("hearken-worker", stream.first_at, block.at);
        let waits = self.played.calls.iter().filter(|made| made.on_worker);
        let waited: Duration = waits.filter_map(|made| Some(made.ended?.0 - made.began)).sum();
        let settled = block.at.saturating_sub(Duration::from_secs(6) + away + waited);
        let begun = stream.first_at + Duration::from_secs(4);
        let blocks = &self.truth.blocks;
        let first = blocks.partition_point(|block| block.places.end <= stream.places.start.max(from));
        let of_stream = &blocks[first..blocks.partition_point(|block| block.places.end <= place)];
        let before = |at: Duration| of_stream.partition_point(|block| block.at <= at);
        let (early, late) = (before(begun), before(settled));
        if late <= early + 1 {
            return 0.0;
        }
        (of_stream[late - 1].lost - of_stream[early].lost) as f64
    }

    /// Times of capture are within their bounds.
    fn capture_times(&mut self, pieces: &[Piece], followed: &Followed, items: &[Item<'_>], who: &str) {
        if !followed.is_exact {
            return;
        }
        let first_open = self.first_open();
        let positions: Vec<_> = followed
            .marks
            .chunks(2)
            .map(|pair| (pair[0].position, pair[1].position, pair[0].place))
            .collect();
        debug_assert!(positions.len() <= items.len());
        for piece in pieces {
            let stretch = positions.partition_point(|(_, last, _)| *last < piece.position);
            let Some((start, _, place)) =
                positions.get(stretch).filter(|(start, ..)| *start <= piece.position)
            else {
                continue;
            };
            let place = place + (piece.position - start) as usize;
            let truth = self.truth.captured(place) - first_open;
            let (told, bound) = (piece.captured.at.as_secs_f64(), piece.captured.bound.as_secs_f64());
            // Times before 0 are 0.
            let off = told - truth.max(0.0);
            if off.abs() > bound + 0.002 {
                let cause = format!("off{}", self.behind(place));
                let particulars = format!(
                    "{who}: {off:.4} s off, bound {bound:.4}, at position {}, {truth:.3} s",
                    piece.position
                );
                return self.tell("times of capture are within their bounds", cause, particulars);
            }
        }
    }

    /// What the device did in the same opening before a frame, that a clock has to get over.
    fn behind(&self, place: usize) -> &'static str {
        let Some(stream) = self.truth.stream(place) else { return "" };
        let (now, then) = (self.truth.lost_before(place), self.truth.lost_before(stream.places.start));
        let has =
            |of: fn(&Mishap) -> bool| self.life.has(|act| matches!(act, Act::Mic(_, mishap) if of(mishap)));
        let waited = |made: &Made| made.on_worker && made.ended.is_none_or(|(ended, _)| ended > made.began);
        if self.played.calls.iter().any(waited) {
            ", behind a closure that waited"
        } else if self.life.has(|act| matches!(act, Act::Freeze { .. })) {
            ", behind a freeze"
        } else if has(|mishap| *mishap == Mishap::Repeat) {
            ", behind frames that came twice"
        } else if now != then {
            ", behind a loss"
        } else if has(|mishap| matches!(mishap, Mishap::Late(_))) {
            ", with late callbacks"
        } else {
            ""
        }
    }

    fn takes(&mut self) {
        if !self.life.has_one_rate() || self.has_doubles() {
            return;
        }
        let played = self.played;
        for take in &played.takes {
            let id = take.spec.id;
            let call = |what: What| played.calls.iter().find(|made| made.what == what);
            let Some(asked) = call(What::Take(id)).filter(|made| matches!(made.outcome, Outcome::Done))
            else {
                continue;
            };
            if call(What::Cancel(id)).is_some() {
                // It was thrown away.
                continue;
            }
            let items = items(&take.pieces, self.first_open());
            if let Some(Ok(report)) = &take.report {
                let end = take.pieces.last().map_or(0, |piece| piece.position + piece.frames - piece.padding);
                let cause = "its tap goes on behind its end";
                self.check(end <= report.frames, "a take's account adds up", cause, || {
                    format!("take {id}: {end}, {report:?}")
                });
                if end > report.frames {
                    continue;
                }
            }
            let rate = self.truth.rate_hz;
            let ends = [What::Finish(id), What::End(id), What::DropTake(id)];
            let ended = ends.into_iter().filter_map(call).map(|made| made.began).min();
            if let (None | Some(Err(_)), Some(ended)) = (&take.report, ended) {
                let asked =
                    (ended - asked.began).as_secs_f64() + (take.spec.pre_ms + take.spec.post_ms) as f64 / 1e3;
                let end = take.pieces.last().map_or(0, |piece| piece.position + piece.frames - piece.padding);
                if end as f64 / rate > asked + 0.5 + 2.0 * self.life.longest_period().as_secs_f64() {
                    let particulars = format!("take {id}: {:.3} of {asked:.3} s", end as f64 / rate);
                    self.tell("a take's account adds up", "its tap goes on behind its end", particulars);
                    continue;
                }
            }
            let begins = asked.began.as_secs_f64() - take.spec.pre_ms as f64 / 1e3 - REACH;
            let begins = [begins, 0.0].map(|begins| follow(&self.truth, &items, None, begins));
            let [first_try, ..] = &begins;
            let followed = begins.iter().find(|followed| followed.is_ok()).unwrap_or(first_try);
            let followed = match followed.clone() {
                Ok(followed) => followed,
                Err((cause, particulars)) => {
                    let silence = "silence in a take without a word";
                    let is_silence = is_silence(&cause, &take.pieces);
                    let cause = if is_silence { silence.into() } else { self.misled(cause) };
                    self.tell(
                        "every frame is in its place or told",
                        cause,
                        format!("take {id}: {particulars}"),
                    );
                    continue;
                }
            };
            self.axis(&followed, &format!("take {id}"));
            let ends = [What::Finish(id), What::End(id)].into_iter().filter_map(call).map(|made| made.began);
            if let (Some(Ok(report)), ended) = (&take.report, ends.min()) {
                self.take(take, asked, ended, report, &followed);
            }
        }
    }

    /// A take is as long as its interval.
    fn take(
        &mut self,
        take: &HeardTake,
        asked: &Made,
        ended: Option<Duration>,
        report: &TakeReport,
        followed: &Followed,
    ) {
        const PROMISE: &str = "a take is as long as its interval";
        let id = take.spec.id;
        let rate = f64::from(report.rate_hz);
        let length = report.frames as f64 / rate;
        let late = self.longest_mishap(|mishap| match mishap {
            Mishap::Late(ms) => Some(*ms),
            _ => None,
        });
        let period = self.life.longest_period().as_secs_f64();
        let lost = self.truth.lost_before(self.truth.numbers.len()).unsigned_abs() as f64 / rate;
        let errors: u64 = report.gaps.iter().map(|gap| gap.error_frames).sum();
        let slack = TAKE_SLACK + 2.0 * period + late.as_secs_f64() + lost + errors as f64 / rate;
        let told: u64 = report.gaps.iter().map(|gap| gap.frames).sum();
        let fits = told == report.missing || report.gaps.len() >= 4_096;
        self.check(fits, "a take's account adds up", "missing", || format!("take {id}: {report:?}"));
        let told: u64 = take.pieces.iter().map(|piece| piece.frames - piece.padding).sum::<u64>() + told;
        self.check(
            told == report.frames,
            "a take's account adds up",
            "frames of its tap and its holes",
            || format!("take {id}: {told}, {report:?}"),
        );
        // Its beginning.
        let began = asked.began.as_secs_f64();
        let returned = asked.ended.map_or(began, |(ended, _)| ended.as_secs_f64());
        let wanted = began - take.spec.pre_ms as f64 / 1e3;
        let reach = self.reach(began);
        let start = self.first_open() + report.started.at.as_secs_f64();
        let state = match reach {
            None => "of a capture that was cold",
            Some(_) if self.is_away(began) => "asked for while no device was open",
            Some(_) => "of an open capture",
        };
        if report.frames == 0 {
            // Nothing is right where nothing was there to be had.
            let until = ended.map_or(f64::MAX, |ended| ended.as_secs_f64() + take.spec.post_ms as f64 / 1e3);
            let from = reach.map_or(began, |oldest| wanted.max(oldest)) + slack;
            let until = until.min(self.certain_end()) - slack;
            let has = |block: &crate::truth::Block| (from..until).contains(&block.captured.as_secs_f64());
            let missed = self.truth.blocks.iter().any(has);
            let cause = format!("nothing at all, {state}");
            return self.check(!missed, PROMISE, &cause, || {
                format!("take {id}, {from:.3} to {until:.3} s: {report:?}")
            });
        }
        let (earliest, latest) = match reach {
            None => (began, self.first_captured_after(began).unwrap_or(returned).max(returned)),
            Some(oldest) => (wanted.max(oldest), wanted.max(oldest)),
        };
        let fits = (earliest - slack..=latest + slack).contains(&start);
        let what = if take.spec.pre_ms > 0 { "a start with a pre-roll" } else { "a start" };
        let cause = format!("{what}, {state}");
        self.check(fits, PROMISE, &cause, || {
            format!("take {id} starts at {start:.3}, not at {earliest:.3} to {latest:.3}: {report:?}")
        });
        if !fits {
            return;
        }
        // Its end.
        let capture_end = self.ended_at().unwrap_or(f64::MAX);
        let Some(ended) = ended.map(|ended| ended.as_secs_f64()).or(Some(capture_end)) else { return };
        let wanted_end = ended + take.spec.post_ms as f64 / 1e3;
        let end = start + length;
        let switches = self.moments(|kind| matches!(kind, EventKind::Closed(_)));
        let spans = switches.iter().any(|at| (began - 0.5..wanted_end + 0.5).contains(at));
        let kind = match (take.spec.post_ms > 0, spans) {
            (true, true) => "an end with a post-roll, over a re-open",
            (false, true) => "an end, over a re-open",
            (true, false) => "an end with a post-roll",
            (false, false) => "an end",
        };
        let particulars = || {
            format!(
                "take {id}: {start:.3} to {end:.3} s, not {start:.3} to {wanted_end:.3}; capture's end {capture_end:.3}; {report:?}"
            )
        };
        match report.end {
            TakeEnd::Finished => {
                let fits = (end - wanted_end).abs() <= slack;
                self.check(fits, PROMISE, kind, particulars);
            }
            TakeEnd::Waited => {
                let last = self.last_captured(wanted_end + 0.4).min(wanted_end);
                // Only an epoch's end brings what was dropped last, and without recovery there is none.
                let is_short = self.life.capture.give_up_ms > 0 && end < last - slack;
                let fits = end <= wanted_end + slack && !is_short;
                self.check(fits, PROMISE, &format!("{kind}, that was waited for"), particulars);
            }
            TakeEnd::CaptureEnded => {
                let last = self.last_captured(self.certain_end()).min(wanted_end).min(ended);
                let fits = end <= wanted_end.min(capture_end) + slack && end >= last - slack;
                self.check(fits, PROMISE, &format!("{kind}, at the capture's end"), particulars);
                let fits = capture_end <= wanted_end + 0.5 + slack;
                self.check(fits, PROMISE, "an end that is late", particulars);
            }
            _ => {}
        }
        // What it has is of its interval.
        if let (Some(first), true) = (followed.start, followed.end > 0) {
            let (from, to) = (self.truth.captured(first), self.truth.captured(followed.end - 1));
            let fits = from >= start - slack && to <= end + slack;
            self.check(fits, PROMISE, "frames of another time", || {
                format!("take {id}: {from:.3} to {to:.3}")
            });
        }
    }

    /// When the newest frame was captured that a callback had brought by then.
    fn last_captured(&self, at: f64) -> f64 {
        let mut blocks = self.truth.blocks.iter().rev();
        let last = blocks.find(|block| block.at.as_secs_f64() < at && !self.is_bounced(block.places.start));
        last.map_or(0.0, |block| self.truth.captured(block.places.end - 1))
    }

    /// The oldest moment that a take which is asked for then can have; `None` if the capture was not open.
    fn reach(&self, at: f64) -> Option<f64> {
        let first = self.truth.blocks.iter().find(|block| block.at.as_secs_f64() <= at)?;
        let mut oldest = first.captured.as_secs_f64();
        let first_open = self.first_open();
        let mut is_idle = false;
        for event in &self.played.events {
            let when = first_open + event.at.as_secs_f64();
            if when > at {
                break;
            }
            match &event.kind {
                EventKind::Closed(hearken::Away::Idle) => is_idle = true,
                EventKind::Reopened(_) if is_idle => {
                    is_idle = false;
                    oldest = when;
                }
                _ => {}
            }
        }
        (!is_idle).then_some(oldest)
    }

    fn is_away(&self, at: f64) -> bool {
        let first = self.first_open();
        let events = self.played.events.iter().filter(|event| first + event.at.as_secs_f64() <= at);
        let mut last = events.rev().filter(|event| {
            matches!(event.kind, EventKind::Closed(_) | EventKind::Opened(_) | EventKind::Reopened(_))
        });
        last.next().is_some_and(|event| matches!(event.kind, EventKind::Closed(_)))
    }

    fn first_captured_after(&self, at: f64) -> Option<f64> {
        let mut blocks = self.truth.blocks.iter().map(|block| block.captured.as_secs_f64());
        blocks.find(|captured| *captured >= at)
    }

    /// A worker wakes up for what somebody waits for, and little more.
    fn wakeups(&mut self) {
        let played = self.played;
        let looks = self.life.steps.iter().any(|step| matches!(step.act, Act::Call(Call::Look)));
        let taps = played.taps.iter().map(|tap| 1e3 / f64::from(tap.spec.chunk_ms));
        let takes = played.takes.len() as f64 * 50.0;
        // A quarter of the pool is handed over at the latest.
        let pool = 4e3 / self.life.capture.pool_ms as f64;
        let needed = taps.sum::<f64>() + takes + 1.0 + pool + if looks { 30.0 } else { 0.0 };
        let allowed = 2.5 * needed + 15.0;
        let mut busy = 0;
        for pair in played.stats.windows(2) {
            let ((from, before), (to, after)) = (&pair[0], &pair[1]);
            let rate = after.wakeups.saturating_sub(before.wakeups) as f64 / (*to - *from).as_secs_f64();
            // Steady: it delivers, and has for a while.
            let is_steady = self.is_steady(from.as_secs_f64() - 10.0, to.as_secs_f64());
            busy = if rate > allowed && is_steady { busy + 1 } else { 0 };
            if busy == 3 {
                let period = self.life.longest_period();
                let cause = if period > Duration::from_millis(80) {
                    "with periods over 80 ms"
                } else {
                    "with short periods"
                };
                let particulars = format!("{rate:.0} a second, {allowed:.0} allowed, at {to:?}, {period:?}");
                return self.tell("a worker rests", cause, particulars);
            }
        }
    }

    /// Whether nothing happens within an interval but callbacks on time.
    fn is_steady(&self, from: f64, to: f64) -> bool {
        let events = self.moments(|kind| !matches!(kind, EventKind::Verdict(_)));
        let calls = self.played.calls.iter().map(|made| made.began.as_secs_f64());
        let mut at = crate::play::apart(self.life).as_secs_f64();
        let steps = self.life.steps.iter().map(|step| {
            at += step.wait_ms as f64 / 1e3;
            at
        });
        let is_quiet = !events.into_iter().chain(calls).chain(steps).any(|at| (from..to).contains(&at));
        let within = |block: &&crate::truth::Block| (from..to).contains(&block.at.as_secs_f64());
        is_quiet && self.truth.blocks.iter().filter(within).count() >= 2
    }
}

/// Whether audio that nobody made is silence.
fn is_silence(cause: &str, pieces: &[Piece]) -> bool {
    let is_silent = |piece: &Piece| piece.numbers.len() > 8 && piece.numbers.ends_with(&[0; 9]);
    cause.starts_with(NOBODY_MADE) && pieces.iter().any(is_silent)
}

fn name(what: What) -> &'static str {
    match what {
        What::Call(Call::Start) => "start",
        What::Call(Call::Stop) => "stop",
        What::Call(Call::WaitTimeout(_)) => "wait_timeout",
        What::Call(Call::BriefTake) | What::Take(_) => "take",
        What::Call(Call::Mute(_)) => "mute",
        What::Call(Call::Suspend) => "suspend",
        What::Call(Call::Resume) | What::Resume(_) => "resume",
        What::Call(Call::Switch(_)) => "switch_device",
        What::Call(Call::Look) => "stats, picture or input",
        What::Finish(_) => "finish",
        What::Tap(_) => "receiver or each",
        What::DropTap(_) => "a receiver's drop",
        What::End(_) => "end",
        What::Cancel(_) => "cancel",
        What::Pause(_) => "pause",
        What::DropTake(_) => "a take's drop",
        What::Listen => "events",
        What::DropCapture => "the capture's drop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::life::{Microphone, Setup, Step, TakeSpec, TapSpec};
    use crate::play::play;
    use hearken::Away;
    use parking_lot::Mutex;

    /// Lives look at the threads of their process, so only one is played at a time.
    static ONE: Mutex<()> = Mutex::new(());

    /// Audio, a mute, a re-open, a take with a pre-roll: ordinary things, which are done well today.
    fn life() -> Life {
        let tap = |id, gaps, reader| {
            Act::Tap(TapSpec { id, rate_hz: None, chunk_ms: 160, gaps, hold_back_ms: 0, reader })
        };
        let steps = [
            (0, tap(0, Gaps::Split, Reader::Eager)),
            (10, tap(1, Gaps::Fill, Reader::Closure)),
            (10, Act::Call(Call::Start)),
            (3_005, Act::Call(Call::Mute(true))),
            (700, Act::Call(Call::Mute(false))),
            (1_300, Act::Take(TakeSpec { id: 0, pre_ms: 400, post_ms: 0, calls: None })),
            (900, Act::Finish(0)),
            (500, Act::Call(Call::Switch(1))),
            (1_500, Act::Call(Call::Look)),
        ];
        let mic = Microphone { rate_hz: 8_000, channels: 1, period: 80, late_stamps: false };
        Life {
            seed: 1,
            capture: Setup { input: Some(0), history_ms: 500, ..Setup::default() },
            mics: vec![mic.clone(), mic],
            steps: steps.into_iter().map(|(wait_ms, act)| Step { wait_ms, act }).collect(),
        }
    }

    /// The promises that are broken when `plant` has changed what was seen.
    fn broken(plant: impl FnOnce(&mut Played)) -> Vec<String> {
        let _one = ONE.lock();
        let life = life();
        let mut played = play(&life);
        plant(&mut played);
        let mut promises: Vec<_> = judge(&life, &played).into_iter().map(|broken| broken.promise).collect();
        promises.dedup();
        promises
    }

    fn report(played: &mut Played) -> &mut Report {
        let mut calls = played.calls.iter_mut();
        let report = calls.find_map(|made| match &mut made.outcome {
            Outcome::Report(report) => Some(report),
            _ => None,
        });
        report.expect("it was stopped")
    }

    #[test]
    fn an_ordinary_life_is_without_fault() {
        assert_eq!(broken(|_| ()), [""; 0]);
    }

    #[test]
    fn a_frame_that_is_not_there_or_is_another_is_told() {
        const PLACE: &str = "every frame is in its place or told";
        let dropped = broken(|played| {
            let piece = &mut played.taps[0].pieces[3];
            (piece.numbers.pop(), piece.frames -= 1).0.expect("a frame");
        });
        assert_eq!(dropped, [PLACE]);
        let swapped = broken(|played| played.taps[0].pieces[3].numbers.swap(7, 8));
        assert_eq!(swapped, [PLACE]);
        let again = broken(|played| {
            let pieces = &mut played.taps[1].pieces;
            pieces[4].numbers = pieces[3].numbers.clone();
        });
        assert_eq!(again, [PLACE]);
        let cut = broken(|played| drop(played.taps[0].pieces.pop()));
        assert_eq!(cut, ["an end delivers what came before it"]);
    }

    #[test]
    fn a_hole_of_another_length_or_place_is_told() {
        let gap = |played: &mut Played, of: fn(Cause) -> bool, change: fn(&mut Gap)| {
            let gaps = played.taps[0].pieces.iter_mut().flat_map(|piece| &mut piece.gaps);
            let gap = gaps.into_iter().find(|gap| of(gap.cause));
            change(gap.expect("there is one"));
        };
        let is_muted = |cause| cause == Cause::Muted;
        let is_away = |cause| matches!(cause, Cause::Away(Away::Switched));
        let shifted = broken(|played| gap(played, is_muted, |gap| gap.position += 1));
        assert_eq!(shifted, ["every frame is in its place or told"]);
        let short = broken(|played| gap(played, is_muted, |gap| gap.frames -= 1));
        assert_eq!(short, ["every frame is in its place or told"]);
        let long = broken(|played| {
            gap(played, is_away, |gap| gap.frames += 4_000);
            // And everything behind it so much later, as an engine would that is wrong.
            let mut is_behind = false;
            for piece in &mut played.taps[0].pieces {
                is_behind |= piece.gaps.iter().any(|gap| gap.cause == Cause::Away(Away::Switched));
                piece.position += if is_behind { 4_000 } else { 0 };
            }
        });
        assert!(long.contains(&"holes are as long as what is missing".to_owned()), "{long:?}");
        let nonsense = broken(|played| gap(played, is_away, |gap| gap.error_frames = 1 << 50));
        assert!(nonsense.contains(&"no figure is nonsense".to_owned()), "{nonsense:?}");
    }

    #[test]
    fn a_take_of_another_length_is_told() {
        const LENGTH: &str = "a take is as long as its interval";
        let take = |change: fn(&mut HeardTake)| broken(move |played| change(&mut played.takes[0]));
        fn report(take: &mut HeardTake) -> &mut TakeReport {
            take.report.as_mut().expect("an account").as_mut().expect("no error")
        }
        // A forgotten pre-roll; an end that comes early.
        let late = take(|take| report(take).started.at += Duration::from_millis(400));
        assert!(late.contains(&LENGTH.to_owned()), "{late:?}");
        let early = take(|take| {
            report(take).frames -= 1_600;
            let mut left = 1_600;
            while left > 0 {
                let piece = take.pieces.last_mut().expect("some are left");
                let cut = left.min(piece.frames);
                (piece.frames, left) = (piece.frames - cut, left - cut);
                piece.numbers.truncate(piece.frames as usize);
                if piece.frames == 0 {
                    take.pieces.pop();
                }
            }
        });
        assert_eq!(early, [LENGTH]);
        let missing = take(|take| report(take).missing += 1);
        assert_eq!(missing, ["a take's account adds up"]);
    }

    #[test]
    fn a_call_that_is_late_and_an_end_that_is_not_one_are_told() {
        let late = broken(|played| {
            let stop = played.calls.iter_mut().find(|made| made.what == What::Call(Call::Stop));
            let (ended, _) = stop.expect("it was stopped").ended.as_mut().expect("it returned");
            *ended += Duration::from_millis(600);
        });
        assert_eq!(late, ["every call returns in its time"]);
        let open = broken(|played| played.open.push("mic0".into()));
        assert_eq!(open, ["everything is let go of"]);
        let events =
            broken(|played| played.events.retain(|event| !matches!(event.kind, EventKind::Closed(_))));
        assert!(events.contains(&"events are in order".to_owned()), "{events:?}");
        let ledger = broken(|played| report(played).stats.ledger.delivered -= 1);
        assert_eq!(ledger, ["ledgers balance"]);
    }

    #[test]
    fn a_capture_that_goes_on_without_its_device_or_never_rests_is_told() {
        let _one = ONE.lock();
        let mut life = life();
        life.steps.truncate(3);
        life.steps.push(Step { wait_ms: 40_000, act: Act::Listen });
        let mut played = play(&life);
        assert_eq!(judge(&life, &played), []);
        let quiet = played.stats.clone();
        played.stats.iter_mut().for_each(|(at, stats)| stats.wakeups = at.as_millis() as u64 / 2);
        let loud = judge(&life, &played);
        assert!(loud.len() == 1 && loud[0].promise == "a worker rests", "{loud:?}");
        played.stats = quiet;
        // As if nothing had come for all that time.
        played.callbacks.iter_mut().for_each(|all| all.retain(|callback| callback.at.as_secs() < 4));
        let broken = judge(&life, &played);
        assert!(broken.iter().any(|broken| broken.promise == "a lost capture ends by give_up"), "{broken:?}");
    }
}

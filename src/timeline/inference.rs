//! Frames that the device lost, inferred from stamps: audio that follows a hole is late, all of it, for good.
//!
//! One late block says nothing; stalls are common, and what follows a stall arrives in a burst. A verdict takes
//! consecutive late blocks whose stamps advance as the audio does, more of them the less the stamps are worth, and
//! is provisional until there are many. A single block on time refutes it, unless the [arrivals] say otherwise: they
//! keep the account of time, which stamps may be wrong about, and settle alone what is long.

mod arrivals;
mod growth;
mod pieces;
mod rate_lie;
#[cfg(test)]
mod tests;

use super::clock::{Clock, StampClass};
use crate::record::Live;
use arrivals::{Arrivals, Arrived, held_ns};
use growth::Growth;
use pieces::Pieces;
pub use rate_lie::RateLie;
use std::time::Duration;

/// How sure a loss is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "snake_case"))]
pub enum LossState {
    /// It looks like one. Nothing is moved or filled.
    Provisional,
    /// It is one. What follows is that much later.
    Settled,
    /// It was none: a block came on time.
    Revoked,
}

impl LossState {
    /// The name in lower case, as JSON spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Settled => "settled",
            Self::Revoked => "revoked",
        }
    }
}

/// Frames that the device seems to have lost, in its own frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Verdict {
    /// The same in all that is said about one loss.
    pub id: u64,
    /// First frame of the first block behind the loss; it lies before that, by at most a block.
    pub position: u64,
    /// Frames lost.
    pub frames: u64,
    /// How far off `frames` may be, either way.
    pub error_frames: u64,
    /// How sure it is.
    pub state: LossState,
}

/// Late by less than this is on time, in nanoseconds; or by less than so many times the spread.
const LATE_NS: f64 = 0.9e6;
const LATE_SPREADS: f64 = 3.0;
/// Nor is what stamps stray by together, with room to spare.
const STRAYS: f64 = 3.0;
const PROVEN_STRAYS: f64 = 10.0;
const OFF_NS: f64 = 0.1e6;
const OFF_SIGMAS: f64 = 6.0;
/// Late blocks for a verdict: at least and at most where stamps are only ever late, where they are a device's, and
/// after an xrun.
const BLOCKS: (u64, u64) = (7, 20);
const BLOCKS_DEVICE: u64 = 3;
const BLOCKS_XRUN: u64 = 3;
/// How fast stamps must advance meanwhile, in parts of the nominal rate: a burst after a stall does not.
const ADVANCE: f64 = 0.8;
/// Late blocks until a verdict is settled, and seconds.
const SETTLED: (u64, f64) = (100, 0.9);
const SETTLED_DEVICE: (u64, u64) = (10, 30);
/// A loss that is longer, in nanoseconds, must show in when blocks arrive: by this part of it.
const ARRIVES_NS: f64 = 10e6;
const ARRIVES: f64 = 0.4;
/// Late blocks in a row, and seconds, that were no loss but an audio server that changed its mind, if on average they were
/// later than the least late one by less than this.
const STRAYED: (u64, f64) = (15, 0.6);
const STRAYED_SPREAD: f64 = 1.3;
/// It is flat, too, within this part of what is late; if that is not seen after so many seconds, it was none.
const FLAT: f64 = 0.5;
const FLAT_SECONDS: f64 = 4.0;
/// Seconds of stamps that must have been seen before the first verdict.
const BASELINE: f64 = 5.0;
const BASELINE_DEVICE: f64 = 1.0;
/// Sizes are this sure: sigmas of a mean, and mean latenesses of a least one.
const SURE_SIGMAS: f64 = 4.0;
const SURE_LATE: f64 = 9.0;
const EARLY: f64 = 3.5;

/// Late blocks in a row.
#[derive(Debug)]
struct Run {
    position: u64,
    newest: u64,
    first_ns: f64,
    frame_ns: f64,
    /// Late by less than this is on time, in nanoseconds, as it was when the run began.
    tolerance: f64,
    /// So were the stamps a device's own; and so they strayed, together or only ever towards late.
    is_exact: bool,
    spread: (f64, bool),
    is_smoothed: bool,
    count: u64,
    first_late: f64,
    second: (u64, f64),
    least: f64,
    sum: f64,
    /// Blocks since the least late one: the first, how many, and the least late of them.
    since: (u64, f64),
    since_count: u64,
    since_least: f64,
}

impl Run {
    fn new(position: u64, ns: f64, frame_ns: f64, tolerance: f64, clock: &Clock) -> Self {
        Self {
            position,
            newest: position,
            first_ns: ns,
            frame_ns,
            tolerance,
            is_exact: clock.is_exact(),
            spread: clock.spread(),
            is_smoothed: clock.class() == StampClass::Smoothed,
            count: 0,
            first_late: f64::INFINITY,
            second: (position, ns),
            least: f64::INFINITY,
            sum: 0.0,
            since: (position, ns),
            since_count: 0,
            since_least: f64::INFINITY,
        }
    }

    fn push(&mut self, position: u64, ns: f64, late: f64, spread: f64, only_late: bool) {
        self.newest = position;
        // The first late block may be a stall before the loss, as late as the loss is long by chance; and so may those that
        // it held up.
        let is_held_up = ns - self.first_ns < 0.5 * (position - self.position) as f64 * self.frame_ns;
        if only_late && (self.count == 0 || (self.count == 1 && is_held_up)) {
            self.count = 1;
            self.first_late = self.first_late.min(late);
            return;
        }
        self.count += 1;
        if self.count == 2 {
            self.second = (position, ns);
        }
        if late < self.least {
            (self.least, self.since_count, self.since_least) = (late, 0, f64::INFINITY);
        } else {
            if self.since_count == 0 {
                self.since = (position, ns);
            }
            self.since_count += 1;
            self.since_least = self.since_least.min(late);
        }
        // A stall of a device's stamps does not count with its full length.
        self.sum += late.min(self.least + spread);
    }

    /// The run begins behind its least late block.
    fn skip(&mut self) {
        (self.position, self.first_ns) = self.since;
        self.count = self.since_count;
        self.first_late = f64::INFINITY;
        self.least = self.since_least;
        self.sum = self.least * self.count as f64;
        (self.since_count, self.since_least) = (0, f64::INFINITY);
    }
}

/// Watches the blocks of one epoch.
#[derive(Debug)]
pub struct Inference {
    rate: f64,
    run: Option<Run>,
    /// What was told to look like a loss, and is neither settled nor revoked; and whether the arrivals say how long it is.
    told: Option<Verdict>,
    is_by_arrivals: bool,
    /// The longest run that one on-time block refuted.
    longest: u64,
    xruns: u64,
    /// An xrun was reported, and no block came on time since the one after it.
    hint: u32,
    ids: u64,
    arrivals: Arrivals,
    pieces: Pieces,
    growth: Growth,
    /// What looked like a loss was none.
    has_strayed: bool,
    has_other_rate: bool,
}

impl Inference {
    pub fn new(rate_hz: u32) -> Self {
        let rate = f64::from(rate_hz);
        let arrivals = Arrivals::new(rate);
        Self {
            rate,
            run: None,
            told: None,
            is_by_arrivals: false,
            longest: 0,
            xruns: 0,
            hint: 0,
            ids: 0,
            arrivals,
            pieces: Pieces::default(),
            growth: Growth::new(0.0),
            has_strayed: false,
            has_other_rate: false,
        }
    }

    /// What the callbacks tell, as of `now`: when they had told it, at the earliest.
    pub fn look(&mut self, live: &Live, now: Duration) {
        self.pieces.look(now, &live.record, live.largest, self.rate);
        let (captured, now_ns) = (live.record.captured, now.as_nanos() as f64);
        self.arrivals.came(captured, now_ns, self.pieces_ns(), self.run.is_some());
    }

    /// A block's first frame and its stamp: comes before it is judged.
    pub fn stamp(&mut self, start: u64, ns: f64) {
        self.arrivals.stamp(start, ns);
    }

    /// What the arrivals say at a block that begins with frame `start`, behind its stamp. `is_other_rate`: the device is
    /// known to run at another rate.
    pub fn conserve(&mut self, start: u64, is_other_rate: bool) -> Option<Verdict> {
        let pieces_ns = self.pieces_ns();
        let (missing, state) = match self.arrivals.judge(pieces_ns, is_other_rate, self.is_pieced()) {
            Arrived::Whole if self.arrivals.is_behind() => return None,
            // Neither witness says so any more.
            Arrived::Whole if self.run.is_none() => return self.take_back(),
            Arrived::Whole => return None,
            Arrived::Behind(missing) => (missing, LossState::Provisional),
            Arrived::Gone(missing) => (missing, LossState::Settled),
        };
        let in_frames = |ns: f64| ns * 1e-9 * self.rate;
        let (frames, error_frames) =
            (in_frames(missing.ns).round() as u64, in_frames(missing.unsure_ns).ceil() as u64);
        let is_settled = state == LossState::Settled;
        // Stamps that tell of it and are a device's own say it to the frame, unless what has come says otherwise.
        let is_by_stamps = !self.is_by_arrivals && self.run.as_ref().is_some_and(|run| run.is_exact);
        let held = in_frames(held_ns(pieces_ns)).ceil() as u64 + error_frames;
        if is_by_stamps
            && self.told.is_some_and(|told| told.frames.abs_diff(frames) <= told.error_frames + held)
        {
            return None;
        }
        let is_known =
            self.told.is_some_and(|told| told.frames.abs_diff(frames) <= told.error_frames.max(error_frames));
        if frames == 0 || (is_known && !is_settled) {
            return None;
        }
        let verdict = self.tell(missing.position.min(start), frames, error_frames, state);
        self.is_by_arrivals = !is_settled;
        if is_settled {
            (self.run, self.hint) = (None, 0);
            self.arrivals.settle(missing.ns);
        }
        Some(verdict)
    }

    /// What looks like a loss.
    pub fn told(&self) -> Option<Verdict> {
        self.told
    }

    /// Frames that should have come and are in no account, and how many may be held instead: by the last look, or by when
    /// the newest came.
    pub fn unaccounted(&self, until_now: bool) -> (u64, u64) {
        let frames = |ns: f64| (ns.max(0.0) * 1e-9 * self.rate).round() as u64;
        let told = self.told.map_or(0, |verdict| verdict.frames);
        (frames(self.arrivals.behind_ns(until_now)).saturating_sub(told), frames(held_ns(self.pieces_ns())))
    }

    /// Seconds from a loss until it is settled, where stamps come every `step` frames.
    pub fn settles_within(&self, clock: &Clock, step: f64) -> f64 {
        let arrivals = Arrivals::SETTLES_WITHIN;
        if !clock.is_exact() {
            return arrivals;
        }
        // So many until the size is exact; and the block that is lost in, and the one that is late.
        let (spread, _) = clock.spread();
        let exact = (2.0 * SURE_SIGMAS * spread * self.rate * 1e-9).powi(2).ceil() as u64;
        let blocks = exact.clamp(SETTLED_DEVICE.0, SETTLED_DEVICE.1) + 2;
        blocks as f64 * step / self.rate
    }

    /// Whether what comes, comes in pieces at once.
    pub fn is_pieced(&self) -> bool {
        self.pieces.is_pieced()
    }

    /// Stamps are of no use any more.
    pub fn forget_stamps(&mut self) {
        self.run = None;
    }

    fn pieces_ns(&self) -> f64 {
        self.pieces.frames() / self.rate * 1e9
    }

    /// Says it of the loss that was told of, if one was, or of another.
    fn tell(&mut self, position: u64, frames: u64, error_frames: u64, state: LossState) -> Verdict {
        let id = self.told.map_or(self.ids, |told| told.id);
        self.ids = self.ids.max(id + 1);
        let verdict = Verdict { id, position, frames, error_frames, state };
        self.told = (state == LossState::Provisional).then_some(verdict);
        self.is_by_arrivals &= self.told.is_some();
        verdict
    }

    /// Whether, just now, what looked like a loss was found to be an audio server's changed mind about its own delay.
    pub fn has_strayed(&mut self) -> bool {
        std::mem::take(&mut self.has_strayed)
    }

    /// Whether the last block was late: what it says must not be learned yet.
    pub fn is_in_doubt(&self) -> bool {
        self.run.is_some()
    }

    /// Whether, just now, what looked like a loss was found to be another rate.
    pub fn has_other_rate(&mut self) -> bool {
        std::mem::take(&mut self.has_other_rate)
    }

    /// A block's first frame, its stamp, and the xruns that the device has reported so far, before `clock` learns of
    /// it. What is new about a loss, if anything is.
    pub fn push(&mut self, clock: &Clock, position: u64, ns: f64, xruns: u64) -> Option<Verdict> {
        let is_exact = match &self.run {
            Some(run) => run.is_exact,
            None => clock.is_exact(),
        };
        let baseline = if is_exact { BASELINE_DEVICE } else { BASELINE };
        if clock.class() == StampClass::Learning || clock.baseline_seconds() < baseline {
            return None;
        }
        if xruns > std::mem::replace(&mut self.xruns, xruns) {
            self.hint = 3;
        }
        let late = clock.lateness(position as f64, ns);
        // Of stamps behind a loss nothing is learned.
        let (spread, only_late) = self.run.as_ref().map_or_else(|| clock.spread(), |run| run.spread);
        let tolerance = match &self.run {
            Some(run) => run.tolerance,
            None if only_late => f64::max(LATE_NS, LATE_SPREADS * spread).max(STRAYS * clock.unrest()),
            None => f64::max(OFF_NS, OFF_SIGMAS * spread).max(STRAYS * clock.unrest()),
        };
        if late <= tolerance {
            self.hint = self.hint.saturating_sub(1);
            return self.on_time();
        }
        let at = position as f64 / self.rate;
        if self.run.is_none() {
            self.growth = Growth::new(at);
        }
        // What comes in pieces of which some are missing comes at a steady rate too.
        if self.growth.push(at, late) && !self.is_pieced() {
            self.has_other_rate = true;
            return self.revoke();
        }
        let least = if only_late { (self.longest + 2).clamp(BLOCKS.0, BLOCKS.1) } else { BLOCKS_DEVICE };
        let needed = if self.hint > 0 { least.min(BLOCKS_XRUN) } else { least };
        let frame_ns = 1e9 / (self.rate * (1.0 + clock.ppm() * 1e-6));
        let held_ns = held_ns(self.pieces_ns());
        let is_seen = self.arrivals.later_by().is_some();
        let run = self.run.get_or_insert_with(|| Run::new(position, ns, frame_ns, tolerance, clock));
        run.push(position, ns, late, 8.0 * spread, only_late);
        // Median to mean of an exponential distribution.
        let mean = spread / std::f64::consts::LN_2;
        let sure = if self.told.is_some() { 2.0 * SURE_LATE } else { SURE_LATE };
        let is_smoothed = run.is_smoothed;
        let apart = if only_late && !is_smoothed { sure * mean / run.since_count as f64 } else { tolerance };
        if run.since_count > 0 && run.since_least - run.least > apart.min(tolerance) {
            // The least late block was a stall before the loss; or those after it are stalls.
            if run.since_count < needed {
                return None;
            }
            run.skip();
        }
        let seconds = (position - run.position) as f64 / self.rate;
        if (ns - run.first_ns) * 1e-9 < ADVANCE * seconds {
            return None;
        }
        if run.count < needed {
            return None;
        }
        let count = run.count as f64;
        let (lost_ns, unsure_ns) = if is_smoothed {
            // Both sides of it stray.
            (run.sum / count, 2.0 * spread)
        } else if only_late {
            // A little more than the mean of a least one: so the worst that the size may be off is less.
            (run.least - (1.0 + EARLY / count) * mean / count, SURE_LATE * mean / count)
        } else {
            (run.sum / count, SURE_SIGMAS * spread / count.sqrt())
        };
        let frames = (lost_ns / frame_ns).round().max(1.0) as u64;
        let error_frames = (unsure_ns / frame_ns - 0.5).ceil().max(0.0) as u64;
        // Stamps that an audio server made up, in steps as long as its periods, settle nothing sooner than late ones do.
        let is_settled = if !is_exact {
            run.count >= SETTLED.0 && seconds >= SETTLED.1
        } else {
            run.count >= SETTLED_DEVICE.1 || (run.count >= SETTLED_DEVICE.0 && error_frames == 0)
        };
        // Another rate is no series of losses, and what an audio server is wrong by does not stay either.
        let is_flat =
            if is_exact { late - run.least <= tolerance } else { self.growth.is_flat(FLAT * tolerance) };
        // Arrivals are reckoned at the nominal rate.
        let later_by = self.arrivals.later_by().filter(|_| clock.ppm().abs() < 1e4);
        let is_refuted = match later_by {
            _ if !is_flat => seconds >= FLAT_SECONDS,
            // Nothing comes before it was captured: such stamps are of a time that has not come yet.
            Some(later) if is_exact => lost_ns > later + held_ns,
            None if is_exact => false,
            Some(later) => lost_ns > ARRIVES_NS && later < ARRIVES * lost_ns,
            None => is_smoothed,
        };
        // A server that is starved keeps what it has, and hands it on one day; its stamps are when it did. The arrivals
        // know how long to wait.
        let may_be_held = is_seen && !is_exact && lost_ns > held_ns;
        let (is_due, is_settled) = (is_settled, is_settled && is_flat && !may_be_held);
        if is_due && is_refuted {
            self.has_strayed = true;
            return self.on_time();
        }
        if is_settled && !is_smoothed && run.least < PROVEN_STRAYS * clock.unrest() {
            // Such stamps prove nothing short: they have strayed.
            return self.on_time();
        }
        let state = if is_settled { LossState::Settled } else { LossState::Provisional };
        let known = self.told;
        let is_news = known.is_none_or(|known| {
            3 * known.error_frames > 4 * error_frames || known.frames.abs_diff(frames) > known.error_frames
        });
        if !is_settled && (!is_news || self.is_by_arrivals) {
            return None;
        }
        if only_late && run.first_late < run.least {
            (run.position, run.first_ns) = run.second;
            run.first_late = f64::INFINITY;
        }
        let position = run.position;
        let verdict = self.tell(position, frames, error_frames, state);
        if is_settled {
            (self.run, self.hint) = (None, 0);
            self.arrivals.settle(frames as f64 * frame_ns);
        }
        Some(verdict)
    }

    /// It was nothing: the late blocks were stalls.
    fn on_time(&mut self) -> Option<Verdict> {
        let run = self.run.as_ref()?;
        // Stalls are of all lengths; a server's drift keeps together.
        let seconds = (run.newest - run.position) as f64 / self.rate;
        let keeps = run.sum < STRAYED_SPREAD * run.least * run.count as f64;
        self.has_strayed |= run.count >= STRAYED.0 && seconds >= STRAYED.1 && keeps;
        self.revoke()
    }

    /// The stamps do not speak of a loss any more. If the arrivals do, it stays in doubt.
    fn revoke(&mut self) -> Option<Verdict> {
        let run = self.run.take()?;
        if self.told.is_some() {
            self.longest = self.longest.max(run.count);
        }
        if self.arrivals.is_behind() {
            self.is_by_arrivals = self.told.is_some();
            return None;
        }
        self.take_back()
    }

    fn take_back(&mut self) -> Option<Verdict> {
        self.is_by_arrivals = false;
        let told = self.told.take()?;
        Some(Verdict { state: LossState::Revoked, ..told })
    }
}

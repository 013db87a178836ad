//! From positions to time: what the stamps of an epoch's blocks say about when any of its frames was captured.
//!
//! Everything is measured as a deviation: how much later a stamp is than the nominal rate makes it. Two estimators
//! follow the deviations, one for noise that goes both ways and one for stamps that are only ever late, and what
//! the stamps look like decides which is believed. The map that goes out follows the believed one by turning its
//! slope, so it is continuous and never runs backwards; only a settled hole moves it.

mod class;
mod grain;
mod hull;
mod lock;
mod middle;
mod review;
mod strikes;
#[cfg(test)]
mod tests;
mod track;
mod unrest;

pub use class::StampClass;
use grain::Grain;
use hull::{Hull, Line};
use lock::Lock;
use std::collections::VecDeque;
use strikes::Strikes;
use track::Track;
use unrest::Unrest;

/// A time, in nanoseconds of the stamps' clock, and how far off it may be either way.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    pub ns: f64,
    pub bound_ns: f64,
}

/// Stamps that are looked at as a whole.
const RECENT: usize = 256;
/// Until then the first stamps may turn out to be wrong, in seconds.
const START: f64 = 5.0;
/// Less lateness than this is none, in nanoseconds.
const EXACT_NS: f64 = 2e3;
/// Seconds after which the line is good.
const STEADY_SECONDS: f64 = 8.0;
/// Farther off is no lateness but nonsense, or a sleep.
const FAR_NS: f64 = 2e9;
/// A stamp that comes again more often than this stands still.
const STANDS: u32 = 8;
/// So many early stamps in a row that agree with each other are a new clock; so many that are far too late.
const EARLY_STRIKES: u32 = 8;
const FAR_STRIKES: u32 = 500;
/// Stamps that advance by less than this part of their audio come in a burst.
const CAUGHT_UP: f64 = 0.5;
/// What the stamps say of a loss is true if they say so much of it.
const FOLLOWED: f64 = 0.5;
/// Seconds of stamps that say where a loss has left them.
const NEWEST: f64 = 0.1;

/// A stamp: `d` nanoseconds later than the nominal rate makes it at `x`, nominal seconds since the base. It has no
/// position, which `x` stands for: every capture keeps hundreds.
#[derive(Clone, Copy, Debug)]
struct Sample {
    x: f64,
    d: f64,
}

/// The clock map of one epoch. Positions are frames since the epoch began; they may be fractions.
#[derive(Debug)]
pub struct Clock {
    rate: f64,
    /// Position and stamp that the deviations are counted from.
    base: Option<(f64, f64)>,
    /// What the stamps' clock has jumped by since, in nanoseconds.
    jumped: f64,
    /// Frames lost up to the newest hole, where it is, and frames lost before it.
    lost: f64,
    hole: f64,
    lost_before: f64,
    class: StampClass,
    /// Reviews in a row that saw another class.
    doubts: u32,
    hull: Hull,
    lock: Lock,
    recent: VecDeque<Sample>,
    /// Half of the recent stamps are later than the lower edge by more than this, in nanoseconds.
    lateness: f64,
    grain: Grain,
    track: Track,
    unrest: Unrest,
    /// So much of a loss, in nanoseconds, stamps that have hidden the rest may hide as well.
    telling: f64,
    last_ns: f64,
    last_x: f64,
    /// How often in a row the last stamp came again.
    stands: u32,
    blocks: u64,
    bad: u64,
    strikes: Strikes,
}

impl Clock {
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate: f64::from(rate_hz),
            base: None,
            jumped: 0.0,
            lost: 0.0,
            hole: 0.0,
            lost_before: 0.0,
            class: StampClass::Learning,
            doubts: 0,
            hull: Hull::new(),
            lock: Lock::new(),
            recent: VecDeque::with_capacity(RECENT),
            lateness: f64::INFINITY,
            grain: Grain::default(),
            track: Track::new(f64::from(rate_hz)),
            unrest: Unrest::default(),
            telling: 0.0,
            last_ns: f64::NAN,
            last_x: 0.0,
            stands: 0,
            blocks: 0,
            bad: 0,
            strikes: Strikes::default(),
        }
    }

    /// A block's first frame and its stamp.
    pub fn push(&mut self, position: f64, ns: f64) {
        if let Some(sample) = self.judge(position, ns) {
            let (spread, only_late) = self.spread();
            let usual = if only_late { spread } else { 5.0 * spread };
            // Before that it is the line that strays.
            if self.baseline_seconds() > STEADY_SECONDS && self.class != StampClass::Smoothed {
                self.unrest.push(sample.x, sample.d - self.line().at(sample.x), usual);
            }
            self.learn(sample);
            self.note(sample, true);
            if self.hull.elapsed() < START {
                self.cut_false_start();
            }
        }
        self.advance(position);
    }

    /// The same for a block that may come after a hole: nothing is learned from it until that is settled.
    pub fn hold(&mut self, position: f64, ns: f64) {
        if let Some(sample) = self.judge(position, ns) {
            self.note(sample, false);
        }
        self.advance(position);
    }

    /// What looked like a hole was none: the stamps stray together.
    pub fn strayed(&mut self) {
        self.become_class(StampClass::Smoothed);
        let known = self.hull.end();
        for index in 0..self.recent.len() {
            let sample = self.recent[index];
            if sample.x > known {
                self.learn(sample);
            }
        }
    }

    /// A callback's own stamp, which tells how fine the stamps are.
    pub fn observe_quantum(&mut self, stamp_ns: u64) {
        self.grain.push(stamp_ns);
    }

    /// How much later a stamp is than the believed line, in nanoseconds.
    pub fn lateness(&self, position: f64, ns: f64) -> f64 {
        self.sample(position, ns).map_or(0.0, |sample| sample.d - self.line().at(sample.x))
    }

    /// `frames` were lost before `position`: a settled hole. What follows moves; nothing before does.
    pub fn reanchor(&mut self, position: f64, frames: f64) {
        let seconds = frames / self.rate;
        let (shift, slope) = (seconds * 1e9, self.line().slope);
        // Positions are whole frames, and rounding is less than half of one.
        let behind = self.x(position) - 0.5 / self.rate;
        (self.lost_before, self.hole) = (self.lost, position);
        self.lost += frames;
        self.hull.clear();
        for sample in &mut self.recent {
            if sample.x >= behind {
                sample.x += seconds;
                sample.d -= shift;
                let Sample { x, d } = *sample;
                self.hull.push(x, d);
                self.lock.push(x, d);
            }
        }
        self.track.shift(position, shift + slope * seconds);
    }

    /// The same, as the arrivals of blocks up to `end` say, whatever the stamps do: these may have told of it, have hidden
    /// it, or have been followed already.
    pub fn reanchor_by_arrivals(&mut self, position: f64, frames: f64, end: f64) {
        let lost_ns = frames / self.rate * 1e9;
        let late = |position: f64| self.track.at(position).map_or(0.0, |ns| ns - position / self.rate * 1e9);
        let missing = lost_ns - (late(end) - late(position));
        // It has been followed, or the map was begun anew behind it.
        if missing < FOLLOWED * lost_ns || position < self.track.start {
            return;
        }
        let behind = self.x(position) - 0.5 / self.rate;
        let Some(&Sample { x, d }) = self.recent.back().filter(|sample| sample.x >= behind) else {
            return self.reanchor(position, frames);
        };
        let told = d - self.line().at(x);
        let hidden = lost_ns - told;
        if hidden.abs() > FOLLOWED * lost_ns {
            // The stamps' clock is that much behind from now on; and what it still tells of it, it may hide yet.
            self.jumped -= hidden;
            self.telling = told.max(0.0);
            self.recent.retain(|sample| sample.x < behind);
            self.recent.push_back(Sample { x, d: d + hidden });
            return self.reanchor(position, frames);
        }
        // Meanwhile more was lost, perhaps.
        self.recent.retain(|sample| sample.x < behind || sample.x >= x - NEWEST);
        self.reanchor(position, frames);
        // Or they stray, by what they say of it too little or too much.
        self.unrest.raise(hidden);
    }

    /// When the frame at `position` was captured.
    pub fn time_of(&self, position: f64) -> Estimate {
        let Some(ns) = self.track.at(position) else {
            return Estimate { ns: 0.0, bound_ns: f64::INFINITY };
        };
        let off = (ns - self.target(position)).abs();
        Estimate { ns, bound_ns: off + self.bound(self.x(position)) }
    }

    /// The stamps are useless: what comes from now on is the time at which a block was seen, now `ns`. The map goes
    /// on where it is, unless that is far off.
    pub fn observe_instead(&mut self, ns: f64) {
        let fresh = Self::new(self.rate as u32);
        let is_near = self.track.end().is_some_and(|end| (end - ns).abs() < FAR_NS);
        let track =
            if is_near { std::mem::replace(&mut self.track, Track::new(self.rate)) } else { fresh.track };
        let class = StampClass::Observed;
        *self = Self { class, track, blocks: self.blocks, bad: self.bad, ..fresh };
    }

    /// The device's rate is another one: all is learned anew but the map, which goes on where it is.
    pub fn restart(&mut self) {
        let fresh = Self::new(self.rate as u32);
        let track = std::mem::replace(&mut self.track, Track::new(self.rate));
        *self = Self { track, blocks: self.blocks, bad: self.bad, ..fresh };
    }

    pub fn class(&self) -> StampClass {
        self.class
    }

    /// Whether the stamps are a device's own: half of them keep to the line within a third of a millisecond.
    pub fn is_exact(&self) -> bool {
        self.class == StampClass::Device && self.lateness < 0.3e6
    }

    /// How much faster than nominal the device runs, in parts per million.
    pub fn ppm(&self) -> f64 {
        let slope = self.line().slope * 1e-9;
        -slope / (1.0 + slope) * 1e6
    }

    /// Stamps that were far from all others, backwards, or standing still.
    pub fn bad_stamps(&self) -> u64 {
        self.bad
    }

    /// Whether most stamps are bad, or the clock has stopped.
    pub fn is_useless(&self) -> bool {
        let is_bad = self.stands > 50 || (self.blocks >= 50 && self.bad * 2 > self.blocks);
        is_bad && self.class != StampClass::Observed
    }

    /// The spread of stamps that are on time, in nanoseconds, and whether it is only ever towards late.
    pub fn spread(&self) -> (f64, bool) {
        match self.class {
            StampClass::Device => (self.lock.sigma.max(EXACT_NS / 4.0), false),
            StampClass::Smoothed => (self.hull.middle.bound(), true),
            _ => (self.lateness.max(EXACT_NS), true),
        }
    }

    /// How far the stamps have lately strayed from the line, all of them, in nanoseconds; 0 where they keep to it.
    pub fn unrest(&self) -> f64 {
        if self.class == StampClass::Smoothed { self.hull.middle.bound() } else { self.unrest.ns }
    }

    /// Seconds on which the estimates rest.
    pub fn baseline_seconds(&self) -> f64 {
        if self.hull.is_steady() { f64::INFINITY } else { self.hull.elapsed() }
    }

    /// Nominal seconds since the base, lost frames included.
    fn x(&self, position: f64) -> f64 {
        let lost = if position >= self.hole { self.lost } else { self.lost_before };
        (position - self.base.map_or(0.0, |(base, _)| base) + lost) / self.rate
    }

    fn sample(&self, position: f64, ns: f64) -> Option<Sample> {
        let (_, base_ns) = self.base?;
        let x = self.x(position);
        Some(Sample { x, d: ns - self.jumped - base_ns - x * 1e9 })
    }

    /// The line that is believed.
    fn line(&self) -> Line {
        let line = self.hull.line;
        match self.class {
            StampClass::Device => self.lock.line,
            StampClass::Smoothed => self.hull.middle.line,
            StampClass::Quantised => Line { d: line.d + self.grain.ns(), ..line },
            _ => line,
        }
    }

    fn bound(&self, x: f64) -> f64 {
        self.unrest.ns
            + self.telling
            + match self.class {
                StampClass::Device => self.lock.bound(x),
                StampClass::Smoothed => self.hull.middle.bound(),
                StampClass::Quantised => self.hull.bound(x) + 1.1 * self.grain.ns(),
                // A long period of a device, until there is something to go by; nor is it known whether they stray.
                StampClass::Learning => self.hull.bound(x) + (3.0 * self.lateness).clamp(5e6, 50e6),
                _ => self.hull.bound(x),
            }
    }

    /// Where the map should be at `position`.
    fn target(&self, position: f64) -> f64 {
        let x = self.x(position);
        self.base.map_or(0.0, |(_, base_ns)| base_ns + x * 1e9 + self.line().at(x))
    }

    /// The sample, unless the stamp is bad.
    fn judge(&mut self, position: f64, ns: f64) -> Option<Sample> {
        self.blocks += 1;
        self.base.get_or_insert((position, ns));
        let sample = self.sample(position, ns)?;
        let late = sample.d - self.line().at(sample.x);
        let step_ns = ns - std::mem::replace(&mut self.last_ns, ns);
        self.stands = if step_ns == 0.0 { self.stands + 1 } else { 0 };
        let pace_ns = (sample.x - std::mem::replace(&mut self.last_x, sample.x)) * 1e9;
        let early: f64 = match self.class {
            StampClass::Learning => 500e6,
            StampClass::Device => f64::max(10.0 * self.lock.sigma, 1e6),
            StampClass::Quantised => 20e6,
            StampClass::Smoothed => 100e6,
            _ => (4.0 * self.lateness).max(2e6),
        };
        // Handed out together, blocks may have one stamp; not more of them than that.
        if self.stands > STANDS {
            self.bad += 1;
            return None;
        }
        if -early <= late && late <= FAR_NS {
            self.strikes.count = 0;
            return Some(sample);
        }
        if late > 0.0 && step_ns < CAUGHT_UP * pace_ns {
            // What comes in a burst, behind a stall, says nothing of a clock.
            return None;
        }
        self.bad += 1;
        self.strikes.push(sample.d, late);
        if self.strikes.count >= if late < 0.0 { EARLY_STRIKES } else { FAR_STRIKES } {
            self.strikes.count = 0;
            if self.blocks - self.bad < 32 {
                // The first stamps were the wrong ones.
                let fresh = Self::new(self.rate as u32);
                *self = Self { blocks: self.blocks, bad: self.bad, base: Some((position, ns)), ..fresh };
            } else if late < 0.0 && self.strikes.runs_away(sample.x) {
                self.restart();
            } else {
                self.jumped += self.strikes.least;
                self.unrest.raise(self.strikes.least);
            }
        }
        None
    }

    fn learn(&mut self, sample: Sample) {
        self.hull.push(sample.x, sample.d);
        self.lock.push(sample.x, sample.d);
    }

    /// The first stamps may have been the wrong ones.
    fn cut_false_start(&mut self) {
        let Some(start) = self.hull.cut_false_start() else { return };
        while self.recent.front().is_some_and(|sample| sample.x < start) {
            self.recent.pop_front();
        }
        self.lock = Lock::new();
        self.recent.iter().for_each(|sample| self.lock.push(sample.x, sample.d));
        self.unrest = Unrest::default();
        self.review(true);
    }

    /// Leads the map up to `position`, towards the target.
    fn advance(&mut self, position: f64) {
        let (target, slope) = (self.target(position), self.line().slope);
        self.track.advance(position, target, slope, self.recent.len() < RECENT);
    }
}

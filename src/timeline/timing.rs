//! When frames were captured and which were lost, for one epoch: the clock map and the inference at work.

#[cfg(test)]
mod servers;
#[cfg(test)]
mod tests;

use super::clock::{Clock, Estimate, StampClass};
use super::inference::{Inference, RateLie, Verdict};
use crate::intake::Header;
use crate::record::Live;
use std::time::{Duration, Instant};

/// When something was captured, and how far off that may be either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct CapturedAt {
    /// Since the capture's [`first_open`](crate::Capture::first_open). Before it is 0.
    #[cfg_attr(feature = "serde", serde(rename = "at_ms", with = "crate::serial::ms"))]
    pub at: Duration,
    /// How far off `at` may be, either way. A driver's constant delay is outside of it.
    #[cfg_attr(feature = "serde", serde(rename = "bound_ms", with = "crate::serial::ms"))]
    pub bound: Duration,
}

/// What is known about an epoch's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ClockStats {
    /// What its stamps are like.
    pub class: StampClass,
    /// How much faster than nominal the device runs, in parts per billion.
    pub ppb: i64,
    /// How far off the newest frame's capture time may be.
    #[cfg_attr(feature = "serde", serde(rename = "bound_ms", with = "crate::serial::ms"))]
    pub bound: Duration,
    /// Stamps that were backwards, far from the others, or standing still.
    pub bad_stamps: u64,
    /// The standard rate at which the device really runs, if it is off its label by more than 1 %.
    pub actual_rate_hz: Option<u32>,
}

impl ClockStats {
    pub(crate) const WORDS: usize = 5;

    /// How much faster than nominal the device runs, in parts per million.
    pub fn ppm(&self) -> f64 {
        self.ppb as f64 / 1e3
    }

    pub(crate) fn to_words(self) -> [u64; Self::WORDS] {
        let Self { class, ppb, bound, bad_stamps, actual_rate_hz } = self;
        let rate = actual_rate_hz.unwrap_or(0).into();
        [class as u64, ppb.cast_unsigned(), saturated_ns(bound), bad_stamps, rate]
    }

    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let [class, ppb, bound, bad_stamps, rate] = words;
        Self {
            class: StampClass::from_word(class),
            ppb: ppb.cast_signed(),
            bound: Duration::from_nanos(bound),
            bad_stamps,
            actual_rate_hz: u32::try_from(rate).ok().filter(|rate| *rate > 0),
        }
    }
}

/// One moment on the stream's clock and on ours.
#[derive(Clone, Copy, Debug)]
pub struct Anchor {
    /// The moment.
    pub at: Instant,
    /// What the stream's clock said.
    pub stream_ns: u64,
    /// How far apart the two may have been read.
    pub error: Duration,
    /// There is no clock but the frames themselves, as in a file: they are on time by definition.
    pub is_own: bool,
}

/// Frames by which a tap's axis was moved, and where on it that was.
#[derive(Clone, Copy, Debug)]
struct Shift {
    axis: u64,
    frames: u64,
}

/// Blocks that decide whether the stream's clock can be related to ours; how far ahead of our own time a stamp may
/// be, and how far behind, which is more than the deepest pool.
const TRIAL: u64 = 8;
const AHEAD_NS: f64 = 0.2e9;
const BEHIND_NS: f64 = 120e9;
/// How exactly a stamp is reckoned from a callback's, in nanoseconds.
const REPEATED_NS: f64 = 2.5;
/// Capture times that may be off by more say less than what has been delivered.
const UNKNOWN: Duration = Duration::from_millis(30);
/// Until then, in seconds, first stamps may turn out to have been too early, as an audio server's are.
const YOUNG: f64 = 2.5;
/// Settled losses whose place on the axis is remembered.
const SHIFTS: usize = 64;

/// The clock of one epoch. Its axis counts device frames, settled losses included.
#[derive(Debug)]
pub struct Timing {
    clock: Clock,
    inference: Inference,
    lie: RateLie,
    actual_rate_hz: Option<u32>,
    rate: f64,
    /// To be added to a stamp for the time since the first open, in nanoseconds, and how far off that may be.
    offset_ns: f64,
    offset_error_ns: f64,
    is_own: bool,
    is_observed: bool,
    blocks: u64,
    /// Of these, with a stamp that cannot be.
    absurd: u64,
    /// The end of the newest block, in device frames.
    end: u64,
    /// Frames that the callback had been given, and when that was.
    delivered: (u64, Duration),
    /// The end of the newest block, and when it was seen.
    arrived: (u64, Duration),
    /// Frames of the largest callback: the stamp of a block that began inside of one was reckoned.
    largest: f64,
    /// The last block whose stamp was news: its first frame, and the stamp; and how many frames lie between two, usually.
    news: (u64, f64),
    step: f64,
    lost: u64,
    /// The arrivals alone have settled the newest loss.
    is_by_arrivals: bool,
    shifts: Vec<Shift>,
}

impl Timing {
    /// For an epoch at `rate_hz`; times count from `opened`.
    pub fn new(rate_hz: u32, anchor: &Anchor, opened: Instant) -> Self {
        let since_open = anchor.at.saturating_duration_since(opened).as_nanos() as f64;
        Self {
            clock: Clock::new(rate_hz),
            inference: Inference::new(rate_hz),
            lie: RateLie::new(rate_hz),
            actual_rate_hz: None,
            rate: rate_hz.into(),
            offset_ns: since_open - anchor.stream_ns as f64,
            offset_error_ns: anchor.error.as_nanos() as f64,
            is_own: anchor.is_own,
            is_observed: false,
            blocks: 0,
            absurd: 0,
            end: 0,
            delivered: (0, Duration::ZERO),
            arrived: (0, Duration::ZERO),
            largest: 0.0,
            news: (0, f64::NEG_INFINITY),
            step: 0.0,
            lost: 0,
            is_by_arrivals: false,
            shifts: Vec::with_capacity(SHIFTS),
        }
    }

    /// What the callbacks tell, as of `now`: what blocks do not.
    pub fn look(&mut self, live: &Live, now: Duration) {
        self.clock.observe_quantum(live.record.stamp_ns);
        self.largest = live.largest.into();
        self.inference.look(live, now);
    }

    /// A block that was seen so long after the first open, and the xruns until then. What is new about a loss.
    pub fn block(&mut self, header: &Header, seen: Duration, xruns: u64) -> Option<Verdict> {
        let start = header.captured - u64::from(header.frames);
        let seen_ns = seen.as_nanos() as f64;
        let mut ns = header.stamp_ns as f64 + self.offset_ns;
        (self.blocks, self.end, self.arrived) = (self.blocks + 1, header.captured, (header.captured, seen));
        if self.is_own {
            return None;
        }
        if !self.is_observed {
            let is_absurd = ns > seen_ns + AHEAD_NS || ns < seen_ns - BEHIND_NS;
            self.absurd += u64::from(is_absurd);
            if is_absurd && self.blocks <= TRIAL {
                // Until it is known what the stamps are worth, when it was seen says more.
                ns = seen_ns - f64::from(header.frames) / self.rate * 1e9;
            }
            if (self.blocks == TRIAL && self.absurd == TRIAL) || self.clock.is_useless() {
                self.clock.observe_instead(seen_ns);
                (self.is_observed, self.offset_error_ns) = (true, 0.0);
                self.inference.forget_stamps();
            }
        }
        self.inference.stamp(start, ns);
        let verdict = if self.is_observed {
            // Its last frame had been captured by then.
            self.clock.push(header.captured as f64, seen_ns);
            None
        } else {
            self.stamped(start, ns, xruns)
        };
        self.is_by_arrivals = verdict.is_none();
        verdict.or_else(|| self.inference.conserve(start, self.actual_rate_hz.is_some()))
    }

    /// The stamp of a block that begins with frame `start`.
    fn stamped(&mut self, start: u64, ns: f64, xruns: u64) -> Option<Verdict> {
        // A block that began inside of the last one's callback says nothing new, error included.
        let (since, stamped) = (start - self.news.0, ns - self.news.1);
        if (since as f64) < self.largest && (stamped - since as f64 / self.rate * 1e9).abs() < REPEATED_NS {
            return None;
        }
        self.news = (start, ns);
        self.step += (since as f64 - self.step) / if self.step > 0.0 { 16.0 } else { 1.0 };
        let verdict = self.inference.push(&self.clock, start, ns, xruns);
        if self.inference.has_strayed() {
            self.clock.strayed();
        }
        if self.inference.has_other_rate() {
            self.clock.restart();
        }
        if self.inference.is_in_doubt() {
            self.clock.hold(start as f64, ns);
        } else {
            self.clock.push(start as f64, ns);
        }
        // Where pieces are missing, a rate says how many.
        let actual_rate_hz = self.lie.look(&self.clock, self.end as f64);
        self.actual_rate_hz = actual_rate_hz.filter(|_| !self.inference.is_pieced());
        verdict
    }

    /// A loss is settled: the axis moves at `axis`, where the next frame would have been.
    pub fn settle(&mut self, verdict: &Verdict, axis: u64) {
        self.lost += verdict.frames;
        if self.shifts.len() == SHIFTS {
            self.shifts.remove(0);
        }
        self.shifts.push(Shift { axis, frames: verdict.frames });
        let (position, frames) = (verdict.position as f64, verdict.frames as f64);
        if self.is_by_arrivals {
            self.clock.reanchor_by_arrivals(position, frames, self.end as f64);
        } else {
            self.clock.reanchor(position, frames);
        }
    }

    /// Frames lost by the device, settled.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Frames that look lost.
    pub fn lost_provisional(&self) -> u64 {
        self.provisional().map_or(0, |verdict| verdict.frames)
    }

    /// What looks like a loss and is not settled.
    pub fn provisional(&self) -> Option<Verdict> {
        self.inference.told()
    }

    /// Frames by which what came, what is lost and what looks lost are fewer than our own clock says, at a rate that a
    /// device may have; and as many as may be on their way, held by the device or a server. Of the time until the last look,
    /// or until the newest frame came.
    pub fn unaccounted(&self, until_now: bool) -> (u64, u64) {
        if self.is_own { (0, 0) } else { self.inference.unaccounted(until_now) }
    }

    /// When the frame at `axis` was captured, where that place is known to within `error_frames`.
    pub fn captured(&self, axis: f64, error_frames: f64) -> CapturedAt {
        let later = self.shifts.iter().rev().take_while(|shift| shift.axis as f64 > axis);
        let mut lost = self.lost - later.map(|shift| shift.frames).sum::<u64>();
        let mut unsure = error_frames;
        let inside = self
            .shifts
            .iter()
            .find(|shift| (shift.axis as f64..(shift.axis + shift.frames) as f64).contains(&axis));
        let mut position = axis - lost as f64;
        if let Some(shift) = inside {
            // Silence that stands for lost frames has no time of its own but the last frame's before it, so that
            // later is later.
            lost -= shift.frames;
            let share = (axis - shift.axis as f64) / shift.frames as f64;
            position = (shift.axis - lost) as f64 - 1.0 + share;
            unsure += shift.frames as f64;
        }
        let estimate = if self.is_own {
            let ns = position / self.rate * 1e9 + self.offset_ns;
            // Rounding.
            Estimate { ns, bound_ns: 1.0 }
        } else {
            self.clock.time_of(position)
        };
        let doubtful = self.provisional().filter(|verdict| position >= verdict.position as f64);
        unsure += doubtful.map_or(0.0, |verdict| (verdict.frames + verdict.error_frames) as f64);
        // What was reckoned inside of a callback was so at the nominal rate.
        unsure += self.largest * (self.clock.ppm() * 1e-6).abs();
        let bound_ns =
            estimate.bound_ns.max(self.doubt_ns()) + self.offset_error_ns + unsure / self.rate * 1e9;
        // Float to integer saturates, also from infinity.
        CapturedAt {
            at: Duration::from_nanos(estimate.ns as u64),
            bound: Duration::from_nanos(bound_ns.ceil() as u64),
        }
    }

    /// At first, unless the stamps are a device's: how much later than its estimate the newest frame may have been
    /// captured, as it had been by the time it was seen.
    fn doubt_ns(&self) -> f64 {
        let (captured, seen) = self.arrived;
        let is_old = self.end as f64 > YOUNG * self.rate;
        if is_old || captured == 0 || self.is_own || self.clock.class() == StampClass::Device {
            return 0.0;
        }
        seen.as_nanos() as f64 - self.clock.time_of(captured as f64).ns
    }

    /// So many frames had been given to the callback, as seen so long after the first open.
    pub fn delivered(&mut self, captured: u64, seen: Duration) {
        self.delivered = (captured, seen);
    }

    /// How long it takes until a loss is settled, from when it happened; 0 while nothing would be, or nothing can be lost.
    pub fn settles_within(&self) -> Duration {
        // Long periods are learned slowly, while the arrivals tell already.
        let is_young = (self.end as f64) < 2.0 * YOUNG * self.rate;
        if self.is_own || (is_young && self.clock.class() == StampClass::Learning) {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(self.inference.settles_within(&self.clock, self.step))
    }

    /// Which frame of the axis was captured at `at`; 0 for whatever was before the first. While the clock is not known
    /// well, what had been delivered by then stands for what had been captured.
    pub fn position_at(&self, at: Duration) -> u64 {
        let end = (self.end + self.lost) as f64;
        if self.captured(end, 0.0).bound > UNKNOWN {
            let (captured, seen) = self.delivered;
            let since = at.as_secs_f64() - seen.as_secs_f64();
            return ((captured + self.lost) as f64 + since * self.rate).round().max(0.0) as u64;
        }
        // Rates are off by so little that one step from a place nearby finds it, and a second removes what is left.
        let mut position = end;
        for _ in 0..2 {
            let there = self.captured(position, 0.0).at.as_nanos() as f64;
            position = (position + (at.as_nanos() as f64 - there) / self.frame_ns()).max(0.0);
        }
        position.round() as u64
    }

    /// How long a device frame lasts, in nanoseconds, as far as is known.
    pub fn frame_ns(&self) -> f64 {
        1e9 / self.rate / (1.0 + self.clock.ppm() * 1e-6)
    }

    /// The figures.
    pub fn stats(&self) -> ClockStats {
        ClockStats {
            class: if self.is_own { StampClass::Device } else { self.clock.class() },
            ppb: (self.clock.ppm() * 1e3).round() as i64,
            bound: self.captured((self.end + self.lost) as f64, 0.0).bound,
            bad_stamps: self.clock.bad_stamps(),
            actual_rate_hz: self.actual_rate_hz,
        }
    }
}

fn saturated_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

//! When the worker should look next.
//!
//! Waking the worker costs more than the audio it then handles, and a callback must not wake anybody. So the worker
//! learns the device's rhythm from its own looks, and sleeps until the callback that completes what it waits for is
//! due. The estimate decides when, never what: a wrong one costs a wake-up or a little lateness.

use std::time::Duration;

/// Looks while the rhythm is being learned.
const LEARNING: Duration = Duration::from_millis(2);
/// Looks before the first callback.
const OPENING: Duration = Duration::from_millis(5);
/// Looks after one that came too early; the last is repeated.
const RETRIES_US: [u64; 6] = [200, 300, 500, 1_000, 2_000, 5_000];
/// Retries after which the device is taken for stalled and looked at less often.
const STALLED_AFTER: usize = 40;
const STALLED: Duration = Duration::from_millis(10);
/// Aim this much earlier with every hit, as a part of the time since the last: more than any two clocks drift apart.
const EARLIER_PPM: f64 = 150.0;
/// Aim at most this much later after a miss, in seconds: one late callback is no news about the next.
const LATER: f64 = 0.000_15;
/// So many misses in a row mean that the rhythm has shifted.
const SHIFTED_AFTER: u32 = 3;
/// How many steps between callbacks must agree, out of how many, for a rhythm.
const AGREE: usize = 4;
const STEPS: usize = 6;
/// Without a rhythm, try again to learn it after so many wishes.
const RELEARN_AFTER: u32 = 300;

/// Learns when positions are reached, and says when to look. All times are since the epoch began.
#[derive(Debug)]
pub(crate) struct Rhythm {
    rate: f64,
    /// Position at the last look.
    reached: u64,
    /// The position that the next look hopes for; 0 before the first.
    want: u64,
    /// The latest steps of the position from look to look.
    steps: [u64; STEPS],
    step_count: usize,
    learned: Learned,
    /// Looks in vain since the last one that found what it wanted.
    retries: usize,
    /// Hits since the last miss are 0; misses since the last hit.
    missed: u32,
    /// Least lateness among those misses, as a phase.
    missed_phase: f64,
    last_hit: f64,
    /// Steps in a row that were no multiple of the learned period.
    off_beat: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Learned {
    /// Not enough steps seen.
    Nothing,
    /// Positions arrive `period` frames at a time, `position / rate + phase` seconds after the start. `not_yet` is
    /// the latest phase known to be too early.
    Regular { period: u64, phase: f64, not_yet: f64 },
    /// Positions arrive in steps of all sizes, no earlier than `position / rate + phase`.
    Irregular { phase: f64, wishes: u32 },
}

impl Rhythm {
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate: f64::from(rate_hz),
            reached: 0,
            want: 0,
            steps: [0; STEPS],
            step_count: 0,
            learned: Learned::Nothing,
            retries: 0,
            missed: 0,
            missed_phase: f64::INFINITY,
            last_hit: 0.0,
            off_beat: 0,
        }
    }

    /// Whether the worker should ask for every callback, so that there is something to learn from.
    pub fn is_learning(&self) -> bool {
        self.learned == Learned::Nothing
    }

    /// A look at `now` that found the device at `position`, while the next thing waited for is complete at `want`.
    /// How long to sleep.
    pub fn look(&mut self, now: Duration, position: u64, want: u64) -> Duration {
        let now = now.as_secs_f64();
        let phase = now - position as f64 / self.rate;
        if position != self.reached {
            self.step(position - self.reached);
            self.reached = position;
            if self.is_learning() {
                self.learn(phase);
            }
        }
        if position >= self.want {
            self.hit(now, phase);
            self.retries = 0;
            self.want = want;
            self.until_due(now, position)
        } else {
            self.miss(now);
            self.want = want;
            self.retries += 1;
            self.patience()
        }
    }

    fn step(&mut self, frames: u64) {
        self.steps[self.step_count % STEPS] = frames;
        self.step_count += 1;
        if let Learned::Regular { period, .. } = self.learned {
            self.off_beat = if frames.is_multiple_of(period) { 0 } else { self.off_beat + 1 };
            if self.off_beat >= SHIFTED_AFTER {
                self.forget();
            }
        }
    }

    fn forget(&mut self) {
        self.learned = Learned::Nothing;
        self.step_count = 0;
        self.off_beat = 0;
    }

    /// The time from `now` until `want` is due.
    fn until_due(&self, now: f64, position: u64) -> Duration {
        let due = match self.learned {
            Learned::Nothing if self.step_count == 0 => return OPENING,
            Learned::Nothing => return LEARNING,
            Learned::Regular { period, phase, .. } => {
                let periods = self.want.saturating_sub(position).div_ceil(period);
                (position + periods * period) as f64 / self.rate + phase
            }
            Learned::Irregular { phase, .. } => self.want as f64 / self.rate + phase,
        };
        Duration::from_secs_f64((due - now).clamp(0.000_05, 3600.0))
    }

    fn patience(&self) -> Duration {
        match self.learned {
            Learned::Nothing if self.step_count == 0 => OPENING,
            Learned::Nothing => LEARNING,
            _ if self.retries > STALLED_AFTER => STALLED,
            _ => Duration::from_micros(RETRIES_US[(self.retries - 1).min(RETRIES_US.len() - 1)]),
        }
    }

    /// Enough equal steps make a rhythm; enough unequal ones make none.
    fn learn(&mut self, phase: f64) {
        // The first step is what was there at the first look.
        let seen = (self.step_count - 1).min(STEPS);
        if seen < AGREE {
            return;
        }
        let latest = |back: usize| self.steps[(self.step_count - 1 - back) % STEPS];
        let agreed = (0..seen)
            .map(latest)
            .find(|step| (0..seen).filter(|back| latest(*back) == *step).count() >= AGREE);
        self.learned = match agreed {
            Some(period) => Learned::Regular { period, phase, not_yet: phase - LEARNING.as_secs_f64() },
            None if seen == STEPS => Learned::Irregular { phase, wishes: 0 },
            None => Learned::Nothing,
        };
    }

    fn hit(&mut self, now: f64, seen: f64) {
        let since = (now - self.last_hit).max(0.0);
        self.last_hit = now;
        let at_once = self.retries == 0;
        match &mut self.learned {
            Learned::Nothing => {}
            Learned::Irregular { phase, wishes } => {
                // The lower envelope, leaking upwards.
                *phase = seen.min(*phase + since * EARLIER_PPM * 1e-6);
                *wishes += 1;
                if *wishes > RELEARN_AFTER {
                    self.forget();
                }
            }
            Learned::Regular { phase, not_yet, .. } if at_once => {
                // It was there already: aim earlier, by half of what is unknown or by the drift.
                *phase = phase.min(seen);
                *not_yet -= since * EARLIER_PPM * 1e-6;
                let unknown = (*phase - *not_yet).max(0.0);
                let halved = if unknown > 2.0 * LATER { unknown / 2.0 } else { 0.0 };
                *phase -= halved.max(since * EARLIER_PPM * 1e-6);
                self.missed = 0;
                self.missed_phase = f64::INFINITY;
            }
            Learned::Regular { phase, .. } => {
                // It came while we retried.
                self.missed += 1;
                self.missed_phase = self.missed_phase.min(seen);
                if self.missed >= SHIFTED_AFTER {
                    *phase = self.missed_phase;
                    self.missed = 0;
                    self.missed_phase = f64::INFINITY;
                } else {
                    *phase = seen.clamp(*phase, *phase + LATER);
                }
            }
        }
    }

    /// What was due has not come.
    fn miss(&mut self, now: f64) {
        if let Learned::Regular { period, phase, not_yet } = &mut self.learned {
            // The callback that completes `want` ends here at the earliest.
            let end = self.reached + (self.want.saturating_sub(self.reached)).div_ceil(*period) * *period;
            let early = now - end as f64 / self.rate;
            // A device that is merely late says nothing about the phase.
            if early <= *phase + LATER {
                *not_yet = not_yet.max(early);
            } else if self.retries == STALLED_AFTER {
                self.forget();
            }
        }
    }
}

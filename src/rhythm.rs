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
/// Retries after which the device is taken for stalled, is looked at less often, and comes back anew.
const STALLED_AFTER: usize = 40;
const STALLED: Duration = Duration::from_millis(10);
/// A look that comes so many seconds before it is due was not ours.
const EARLY: f64 = 0.000_05;
/// Two clocks drift apart by less than this part of the time.
const DRIFT: f64 = 150e-6;
/// Aim this many steps later after a look that came too early, for each step earlier after one that did not: nine
/// looks in ten find what they want.
const LATER: f64 = 9.0;
/// So many hits in a row are more than chance: the steps grow until one misses.
const TOO_GOOD: u32 = 15;
/// A callback that comes so many seconds after the aim is late itself, which is no news about the next one.
const LATE: f64 = 0.000_6;
/// And so late it counts as late.
const TOO_LATE: f64 = 0.02;
/// But so many in a row are.
const SHIFTED_AFTER: u32 = 3;
/// How many steps between callbacks must agree, out of how many, for a rhythm.
const AGREE: usize = 4;
const STEPS: usize = 6;
/// Without a rhythm, try again to find one after so many wishes.
const RELEARN_AFTER: u32 = 300;

/// Learns when positions are reached, and says when to look. All times are seconds since some start.
#[derive(Debug)]
pub(crate) struct Rhythm {
    rate: f64,
    /// Position at the last look.
    reached: u64,
    /// The position that the next look hopes for; 0 before the first.
    want: u64,
    /// When that look is due.
    due: f64,
    /// Looks in vain since the last one that found what it wanted.
    retries: usize,
    last_hit: f64,
    /// How long after it was due the last hit was there, and the frames it brought.
    late: (f64, u64),
    /// The latest steps of the position from look to look, and how many there were.
    steps: [u64; STEPS],
    step_count: usize,
    /// The least phase at which a step was seen while learning: looks are up to their distance late.
    phase: f64,
    beat: Option<Beat>,
}

/// What was learned.
#[derive(Debug)]
struct Beat {
    /// Positions arrive so many frames at a time; 1 if in steps of all sizes.
    period: u64,
    /// Expect a position `position / rate + aim` after the start.
    aim: f64,
    /// How much earlier the last hit made us aim.
    step: f64,
    /// Hits in a row.
    hits: u32,
    /// Hits and misses so far.
    wishes: u32,
    /// Late callbacks in a row, and the least of their phases.
    late: u32,
    late_phase: f64,
    /// Steps in a row that were no multiple of the period.
    off: u32,
}

impl Rhythm {
    pub fn new(rate_hz: u32) -> Self {
        Self {
            rate: f64::from(rate_hz),
            reached: 0,
            want: 0,
            due: 0.0,
            retries: 0,
            last_hit: 0.0,
            late: (0.0, 0),
            steps: [0; STEPS],
            step_count: 0,
            phase: f64::INFINITY,
            beat: None,
        }
    }

    /// Whether the worker should ask for every callback, so that there is something to learn from.
    pub fn is_learning(&self) -> bool {
        self.beat.is_none()
    }

    /// A look at `now` that found the device at `position`, while the next thing waited for is complete at `want`.
    /// How long to sleep.
    pub fn look(&mut self, now: Duration, position: u64, want: u64) -> Duration {
        let now = now.as_secs_f64();
        self.late = (0.0, 0);
        // Somebody else woke the worker, which is no news about the device.
        if now < self.due - EARLY && position < self.want && want >= self.want {
            return Duration::from_secs_f64(self.due - now);
        }
        let patience = self.judge(now, position, want);
        self.due = now + patience.as_secs_f64();
        patience
    }

    fn judge(&mut self, now: f64, position: u64, want: u64) -> Duration {
        let phase = now - position as f64 / self.rate;
        // By what was waited for: what came after it in a burst may be on time.
        let beat = self.beat.as_ref().filter(|beat| beat.period > 1 && self.retries > 0);
        let late = beat.map_or(0.0, |beat| now - self.want as f64 / self.rate - beat.aim);
        self.late = (late, position - self.reached);
        if position != self.reached {
            self.step(position - self.reached, phase);
            self.reached = position;
        }
        let hit = position >= self.want;
        if hit {
            self.hit(now, phase);
            self.retries = 0;
        } else {
            self.retries += 1;
            if self.retries == STALLED_AFTER {
                self.forget();
            }
        }
        // After a miss the same is hoped for, even if the wish has moved on meanwhile.
        self.want = if hit { want } else { want.min(self.want) };
        match &self.beat {
            None if self.step_count == 0 && self.reached == 0 => OPENING,
            None if self.retries > STALLED_AFTER => STALLED,
            None => LEARNING,
            Some(beat) if hit => {
                let periods = want.saturating_sub(position).div_ceil(beat.period);
                let due = (position + periods * beat.period) as f64 / self.rate + beat.aim;
                Duration::from_secs_f64((due - now).clamp(0.000_05, 3600.0))
            }
            Some(beat) => {
                // Without a rhythm there is nothing fine to find out.
                let skipped = if beat.period == 1 { 3 } else { 0 };
                Duration::from_micros(RETRIES_US[(self.retries - 1 + skipped).min(RETRIES_US.len() - 1)])
            }
        }
    }

    /// Frames that this look found, and that came more than 20 ms after they were due.
    pub fn late_frames(&self) -> u64 {
        if self.late.0 > TOO_LATE { self.late.1 } else { 0 }
    }

    fn forget(&mut self) {
        self.beat = None;
        self.step_count = 0;
        self.phase = f64::INFINITY;
    }

    /// The position has moved.
    fn step(&mut self, frames: u64, phase: f64) {
        self.steps[self.step_count % STEPS] = frames;
        self.step_count += 1;
        if let Some(beat) = &mut self.beat {
            beat.off = if frames.is_multiple_of(beat.period) { 0 } else { beat.off + 1 };
            if beat.off >= SHIFTED_AFTER {
                self.forget();
            }
            return;
        }
        self.phase = self.phase.min(phase);
        // The first step is what was there at the first look.
        let seen = (self.step_count - 1).min(STEPS);
        let latest = |back: usize| self.steps[(self.step_count - 1 - back) % STEPS];
        let agreed = (0..seen)
            .map(latest)
            .find(|step| (0..seen).filter(|back| latest(*back) == *step).count() >= AGREE);
        let period = agreed.or((seen == STEPS).then_some(1));
        self.beat = period.map(|period| Beat {
            period,
            aim: self.phase,
            step: 0.0,
            // The looks were far apart: start with growing steps.
            hits: TOO_GOOD,
            wishes: 0,
            late: 0,
            late_phase: f64::INFINITY,
            off: 0,
        });
    }

    /// What was wanted is there, and was seen at `phase`.
    fn hit(&mut self, now: f64, phase: f64) {
        let drift = (now - self.last_hit).max(0.0) * DRIFT;
        self.last_hit = now;
        let Some(beat) = &mut self.beat else { return };
        // Without a rhythm every other look hits, and steps are large.
        let irregular = beat.period == 1;
        let (unit, later) = if irregular { (20.0 * drift, 1.0) } else { (drift, LATER) };
        beat.wishes += 1;
        if self.retries == 0 {
            beat.hits += 1;
            beat.step = if beat.hits > TOO_GOOD { (2.0 * beat.step).max(unit) } else { unit };
            beat.aim = beat.aim.min(phase) - beat.step;
            (beat.late, beat.late_phase) = (0, f64::INFINITY);
        } else if phase - beat.aim < LATE || irregular {
            // We were too early: take the last step back, and some.
            // But not beyond the moment at which it was there: that would be late by what is known.
            let back = beat.aim + beat.step.max(later * unit);
            beat.aim = if irregular { back } else { back.min(phase) };
            (beat.hits, beat.late, beat.late_phase) = (0, 0, f64::INFINITY);
        } else {
            beat.late += 1;
            beat.late_phase = beat.late_phase.min(phase);
            if beat.late >= SHIFTED_AFTER {
                beat.aim = beat.late_phase;
                (beat.hits, beat.late, beat.late_phase) = (0, 0, f64::INFINITY);
            }
        }
        if irregular && beat.wishes > RELEARN_AFTER {
            self.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device in virtual time: when each position is reached.
    struct Device {
        arrivals: Vec<(f64, u64)>,
    }

    /// xorshift, in `0.0..1.0`.
    fn random(state: &mut u64) -> f64 {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    impl Device {
        /// Callbacks of `size(number)` frames for 60 s, each `jitter(random)` seconds late.
        fn new(ppm: f64, mut size: impl FnMut(u64) -> u64, mut jitter: impl FnMut(&mut u64) -> f64) -> Self {
            let (mut arrivals, mut position, mut last, mut state) = (vec![], 0, 0.0, 1234567);
            for number in 0.. {
                position += size(number);
                let due = position as f64 / 48_000.0 * (1.0 + ppm * 1e-6) + 0.037;
                last = f64::max(last, due + jitter(&mut state));
                arrivals.push((last, position));
                if due > 60.0 {
                    return Self { arrivals };
                }
            }
            unreachable!()
        }

        fn position(&self, now: f64) -> u64 {
            let count = self.arrivals.partition_point(|(time, _)| *time <= now);
            if count == 0 { 0 } else { self.arrivals[count - 1].1 }
        }

        /// Wishes every 7,680 frames. Lateness in ms, sorted, from `start` to `end` seconds, and looks per second.
        fn run(&self, start: f64, end: f64) -> (Vec<f64>, f64) {
            let mut rhythm = Rhythm::new(48_000);
            let (mut now, mut want, mut looks, mut state) = (0.0, 7680, 0, 99);
            let mut lateness = Vec::new();
            while now < end {
                let position = self.position(now);
                while position >= want {
                    let reached = self.arrivals.partition_point(|(_, position)| *position < want);
                    if now > start {
                        lateness.push((now - self.arrivals[reached].0) * 1e3);
                    }
                    want += 7680;
                }
                let ask = if rhythm.is_learning() { position + 1 } else { want };
                let sleep = rhythm.look(Duration::from_secs_f64(now), position, ask);
                looks += u32::from(now > start);
                // A sleeper wakes up a little late.
                now += sleep.as_secs_f64() + 0.000_06 + 0.000_04 * random(&mut state);
            }
            lateness.sort_by(f64::total_cmp);
            (lateness, f64::from(looks) / (end - start))
        }

        fn check(&self, name: &str, p50: f64, p99: f64, looks_hz: f64) {
            self.check_between(3.0, 60.0, name, p50, p99, looks_hz);
        }

        fn check_between(&self, start: f64, end: f64, name: &str, p50: f64, p99: f64, looks_hz: f64) {
            let (lateness, looks) = self.run(start, end);
            let at = |quantile: f64| lateness[((lateness.len() - 1) as f64 * quantile) as usize];
            println!(
                "{name}: p50 {:.2} p99 {:.2} max {:.2} ms, {looks:.1} looks/s",
                at(0.5),
                at(0.99),
                at(1.0)
            );
            assert!(at(0.5) <= p50 && at(0.99) <= p99 && looks <= looks_hz, "{name}");
        }
    }

    fn mild(state: &mut u64) -> f64 {
        let rare = random(state);
        let extra = if rare < 0.001 {
            0.002
        } else if rare < 0.01 {
            0.000_5
        } else {
            0.0
        };
        extra - 0.000_03 * random(state).max(1e-12).ln()
    }

    #[test]
    fn a_regular_device_is_met_within_a_fraction_of_a_millisecond() {
        for ppm in [-100.0, 0.0, 100.0] {
            Device::new(ppm, |_| 480, mild).check(&format!("480 frames, {ppm} ppm"), 0.35, 0.7, 8.0);
        }
        Device::new(20.0, |_| 1024, mild).check("1024 frames", 0.35, 0.7, 8.0);
    }

    #[test]
    fn looks_for_other_reasons_and_wishes_that_move_on_cost_no_retries() {
        let device = Device::new(0.0, |_| 480, mild);
        let mut rhythm = Rhythm::new(48_000);
        let (mut now, mut looks, mut own) = (0.0, 0, 0.0);
        while now < 60.0 {
            let position = device.position(now);
            // Half a second ahead of what was served, which is what was there at any look.
            let ask = if rhythm.is_learning() { position + 1 } else { position / 1024 * 1024 + 24_000 };
            let sleep = rhythm.look(Duration::from_secs_f64(now), position, ask).as_secs_f64();
            looks += u32::from(now > 5.0);
            // And somebody looks each 0.2 s.
            own = f64::max(own, now) + if own <= now { 0.2 } else { 0.0 };
            now += sleep.min(own - now) + 0.000_06;
        }
        assert!(looks < 55 * 20, "{looks} looks in 55 s");
    }

    #[test]
    fn a_rhythm_is_learned_within_a_second() {
        for phase in 0..8 {
            let shift = f64::from(phase) * 0.000_27;
            let device = Device::new(50.0, |_| 480, move |state| shift + mild(state));
            device.check_between(0.6, 5.0, &format!("from 0.6 to 5 s, phase {phase}"), 0.45, 1.0, 9.0);
        }
    }

    #[test]
    fn a_period_handed_out_in_pieces_is_one_period() {
        Device::new(0.0, |_| 2048, mild).check("2048 frames", 0.35, 0.7, 8.0);
    }

    #[test]
    fn heavy_jitter_costs_looks_but_does_not_lead_astray() {
        let heavy = |state: &mut u64| if random(state) < 0.2 { 0.004 * random(state) } else { mild(state) };
        Device::new(0.0, |_| 480, heavy).check("heavy jitter", 0.5, 3.0, 14.0);
    }

    #[test]
    fn a_new_rhythm_is_learned() {
        let mut changed = |number: u64| if number < 1500 { 480 } else { 1024 };
        Device::new(0.0, &mut changed, mild).check("480, then 1024 frames", 0.35, 5.0, 10.0);
    }

    #[test]
    fn a_phase_that_jumps_is_found_again() {
        let mut callbacks = 0;
        let jumps = move |state: &mut u64| {
            callbacks += 1;
            mild(state) + if (callbacks / 1000) % 2 == 1 { 0.003_3 } else { 0.0 }
        };
        Device::new(0.0, |_| 480, jumps).check("phase jumps", 0.4, 4.0, 9.0);
    }

    #[test]
    fn callbacks_of_all_sizes_are_met_by_retries() {
        let mut state = 5;
        let sizes = move |_| 1 + (random(&mut state) * 479.0) as u64;
        let jitter = |state: &mut u64| -0.001_5 * random(state).max(1e-4).ln();
        Device::new(0.0, sizes, jitter).check("all sizes", 1.5, 5.2, 25.0);
    }
}

//! Conservation of time: what has come, and what is missing, is as long as the time that has passed.
//!
//! The witness is our own clock when it saw what the callbacks had been given, which nobody can talk round: nothing is there before it was
//! captured, and the earliest arrivals of a while say how far the stream has come. A device or a server holds some of
//! it, about as much at all times; more than that it may hold for a while, and then it catches up. A stream that falls
//! behind by more and does not catch up has lost what lies between, whatever its stamps say.

/// A stretch of which the earliest arrival counts, in nanoseconds; so many tell of a loss, and so many settle it.
const STRETCH_NS: f64 = 0.25e9;
const TOLD: usize = 4;
const SETTLED: usize = 8;
/// What may be held more than before, in nanoseconds: so much, and so many times what comes at once. Besides what a busy
/// machine makes late for seconds, it is what a server holds more or less when it changes its periods.
const HELD_NS: f64 = 30e6;
const HELD_PIECES: f64 = 2.0;
/// The same for how far off the length of a loss may be.
const UNSURE_NS: f64 = 10e6;
/// A crystal is off by less, as a part of the time.
const CRYSTAL: f64 = 500e-6;
/// What falls behind faster than by this part of the time does not stand: a loss goes on, or the rate is another one.
const GROWS: f64 = 0.01;
/// Which of them is known after so many seconds of audio.
const RATE_SECONDS: f64 = 4.0;
/// So early, in nanoseconds, a stream may come in a burst and wait then; but it does not fall behind as fast as this.
const YOUNG_NS: f64 = 2.5e9;
const YOUNG_GROWS: f64 = 0.05;

/// What the arrivals say.
#[derive(Clone, Copy, Debug)]
pub enum Arrived {
    /// All that there should be, or it is not known.
    Whole,
    /// It is behind, and may catch up.
    Behind(Missing),
    /// It is behind for good.
    Gone(Missing),
}

/// Frames that should have come.
#[derive(Clone, Copy, Debug)]
pub struct Missing {
    /// What came before this was on time.
    pub position: u64,
    /// How long they take, and how far off that may be, in nanoseconds.
    pub ns: f64,
    pub unsure_ns: f64,
}

/// The time since the last arrival on time, whose end is `position`, or since much came at once.
#[derive(Clone, Copy, Debug)]
struct Late {
    position: u64,
    /// When nothing came on time any more.
    since_ns: f64,
    /// Stretches of it.
    stretches: usize,
}

/// The earliest arrivals, each against the nominal rate, in nanoseconds.
#[derive(Debug)]
pub struct Arrivals {
    frame_ns: f64,
    /// How late they are while nothing is missing: at once what is earlier, and later by what a crystal may be off.
    base: f64,
    /// When that was last looked at, and when the first came.
    based_ns: f64,
    first_ns: f64,
    /// The earliest of this stretch, and where that ends; of the last stretches, the newest at the end.
    least: f64,
    end_ns: f64,
    stretches: [f64; SETTLED],
    /// The end of what came last on time, and of what came last.
    position: u64,
    newest: u64,
    /// When that was seen, and when the last look was.
    newest_ns: f64,
    now_ns: f64,
    late: Option<Late>,
    /// The earliest since a loss is suspected.
    since: f64,
    /// The deviation of the last stamp from the nominal rate; the largest step of it since then or soon behind it, and the
    /// block behind that.
    stamp: f64,
    step: (f64, u64),
    /// Another rate than the nominal one explains it.
    is_excused: bool,
}

impl Arrivals {
    /// Seconds from a loss until it is settled, while looks are frequent.
    pub const SETTLES_WITHIN: f64 = (SETTLED as f64 + 2.0) * STRETCH_NS * 1e-9;

    pub fn new(rate: f64) -> Self {
        Self {
            frame_ns: 1e9 / rate,
            base: f64::INFINITY,
            based_ns: 0.0,
            first_ns: f64::NAN,
            least: f64::INFINITY,
            end_ns: f64::NEG_INFINITY,
            stretches: [f64::INFINITY; SETTLED],
            position: 0,
            newest: 0,
            newest_ns: 0.0,
            now_ns: 0.0,
            late: None,
            since: f64::INFINITY,
            stamp: f64::NAN,
            step: (0.0, 0),
            is_excused: false,
        }
    }

    /// The stamp `ns` of a block that begins with frame `start`, which may tell where a loss was.
    pub fn stamp(&mut self, start: u64, ns: f64) {
        let stamp = ns - start as f64 * self.frame_ns;
        let step = stamp - std::mem::replace(&mut self.stamp, stamp);
        if step > self.step.0 && self.late.is_none_or(|run| run.stretches == 0) {
            self.step = (step, start);
        }
    }

    /// The callbacks had been given frames up to `end` by `now_ns`, of which `pieces_ns` of audio come at once.
    /// `is_in_doubt`: by their stamps the newest are behind a loss perhaps.
    pub fn came(&mut self, end: u64, now_ns: f64, pieces_ns: f64, is_in_doubt: bool) {
        let passed_ns = now_ns - std::mem::replace(&mut self.now_ns, now_ns);
        if end == self.newest {
            return;
        }
        let at_once_ns = end.saturating_sub(self.newest) as f64 * self.frame_ns - passed_ns;
        let late = now_ns - end as f64 * self.frame_ns;
        if self.first_ns.is_nan() {
            (self.first_ns, self.based_ns, self.end_ns) = (now_ns, now_ns, now_ns + STRETCH_NS);
        }
        self.since = if is_in_doubt { self.since.min(late) } else { f64::INFINITY };
        self.base = self.base.min(late);
        (self.newest, self.newest_ns) = (end, now_ns);
        if late - self.base <= held_ns(pieces_ns) {
            (self.position, self.late, self.step) = (end, None, (0.0, 0));
        } else if self.late.is_none() || at_once_ns > held_ns(pieces_ns) {
            // What catches up, be it in part, was held and may be so still. Stretches are those since then.
            let (position, since_ns) =
                self.late.map_or((self.position, now_ns), |run| (run.position, run.since_ns));
            self.late = Some(Late { position, since_ns, stretches: 0 });
            (self.least, self.end_ns) = (f64::INFINITY, now_ns + STRETCH_NS);
        }
        self.least = self.least.min(late);
        if now_ns >= self.end_ns {
            self.stretches.rotate_left(1);
            self.stretches[SETTLED - 1] = self.least;
            let most = self.base + CRYSTAL * (now_ns - self.based_ns).max(0.0);
            self.base = self.earliest(TOLD).min(most);
            // Looks are seldom: the next stretch ends when it would have, unless that is over as well.
            let end_ns = self.end_ns + STRETCH_NS;
            self.end_ns = if end_ns > now_ns { end_ns } else { now_ns + STRETCH_NS };
            (self.based_ns, self.least) = (now_ns, f64::INFINITY);
            if let Some(run) = &mut self.late {
                run.stretches += 1;
            }
        }
    }

    /// The earliest of the last `count` stretches and the present one.
    fn earliest(&self, count: usize) -> f64 {
        self.stretches[SETTLED - count..].iter().copied().fold(self.least, f64::min)
    }

    /// What should have come and has not, in nanoseconds: by the last look, or by when the newest came.
    pub fn behind_ns(&self, until_now: bool) -> f64 {
        let until_ns = if until_now { self.now_ns } else { self.newest_ns };
        let late = until_ns - self.newest as f64 * self.frame_ns;
        if self.base.is_finite() { late - self.base } else { 0.0 }
    }

    /// Whether nothing has come on time for a while, and another rate is no reason.
    pub fn is_behind(&self) -> bool {
        !self.is_excused && self.late.is_some_and(|run| run.stretches > 0)
    }

    /// What they say. `is_other_rate`: the rate is known to be another one, which explains it; `is_pieced`: what comes,
    /// comes in pieces at once, and tells nothing of a rate.
    pub fn judge(&mut self, pieces_ns: f64, is_other_rate: bool, is_pieced: bool) -> Arrived {
        let older = self.stretches[..SETTLED - TOLD].iter().copied().fold(f64::INFINITY, f64::min);
        let grows = (self.earliest(TOLD) - older) / (STRETCH_NS * TOLD as f64);
        let is_steady = older.is_finite() && grows < GROWS;
        if is_other_rate || (self.is_excused && !is_steady) {
            self.is_excused = true;
            return Arrived::Whole;
        }
        if std::mem::take(&mut self.is_excused) {
            self.forgive();
        }
        let Some(run) = self.late.filter(|run| run.stretches >= TOLD) else { return Arrived::Whole };
        let behind_ns = self.earliest(if is_steady { TOLD } else { 1 }) - self.base;
        let (step, position) = self.step;
        let position = if 2.0 * step > behind_ns { position } else { run.position };
        let missing = Missing { position, ns: behind_ns, unsure_ns: UNSURE_NS + pieces_ns };
        let audio_ns = (self.newest - run.position) as f64 * self.frame_ns;
        let is_known = is_steady || is_pieced || audio_ns >= RATE_SECONDS * 1e9;
        if run.stretches < SETTLED || !is_known {
            return Arrived::Behind(missing);
        }
        if run.since_ns - self.first_ns < YOUNG_NS && grows < YOUNG_GROWS {
            self.forgive();
            return Arrived::Whole;
        }
        Arrived::Gone(missing)
    }

    /// Nothing was missing: it has come like this from now on.
    fn forgive(&mut self) {
        (self.base, self.position, self.late) = (self.earliest(TOLD), self.newest, None);
    }

    /// By how much later blocks arrive than before the loss that the stamps speak of, in nanoseconds; `None` if that is
    /// not known.
    pub fn later_by(&self) -> Option<f64> {
        let later = self.since - self.base;
        later.is_finite().then_some(later)
    }

    /// So much was lost.
    pub fn settle(&mut self, lost_ns: f64) {
        self.base += lost_ns;
        (self.position, self.late, self.step) = (self.newest, None, (0.0, 0));
        // What came before lies on the other side of it.
        (self.least, self.stretches) = (f64::INFINITY, [f64::INFINITY; SETTLED]);
    }
}

/// What may be held more than before, in nanoseconds, where `pieces_ns` of audio come at once.
pub fn held_ns(pieces_ns: f64) -> f64 {
    HELD_NS + HELD_PIECES * pieces_ns
}

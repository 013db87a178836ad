//! Conservation of time: what has come, and what is missing, is as long as the time that has passed.
//!
//! The witness is our own clock when it saw a block, which nobody can talk round: nothing is there before it was
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

/// The time since the last arrival on time, whose end is `position`.
#[derive(Clone, Copy, Debug)]
struct Late {
    position: u64,
    /// When it began.
    since_ns: f64,
    /// Stretches since then.
    stretches: usize,
    /// The largest step of the stamps within the first of them, and the block behind it.
    step: (f64, u64),
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
    /// How late that was.
    last: f64,
    late: Option<Late>,
    /// The earliest since a loss is suspected.
    since: f64,
    /// The deviation of the last stamp from the nominal rate.
    stamp: f64,
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
            last: 0.0,
            late: None,
            since: f64::INFINITY,
            stamp: f64::NAN,
            is_excused: false,
        }
    }

    /// A block of frames `[start, end)` was seen at `seen_ns` and has the stamp `ns`; at once come `pieces_ns` of audio.
    /// `is_in_doubt`: its stamp is behind a loss perhaps.
    pub fn push(
        &mut self,
        (start, end): (u64, u64),
        ns: f64,
        seen_ns: f64,
        pieces_ns: f64,
        is_in_doubt: bool,
    ) {
        let late = seen_ns - end as f64 * self.frame_ns;
        if self.first_ns.is_nan() {
            (self.first_ns, self.based_ns, self.end_ns) = (seen_ns, seen_ns, seen_ns + STRETCH_NS);
        }
        self.since = if is_in_doubt { self.since.min(late) } else { f64::INFINITY };
        self.base = self.base.min(late);
        (self.newest, self.last) = (end, late);
        let stamp = ns - start as f64 * self.frame_ns;
        let step = stamp - std::mem::replace(&mut self.stamp, stamp);
        if late - self.base <= held_ns(pieces_ns) {
            (self.position, self.late) = (end, None);
        } else if let Some(run) = &mut self.late {
            if run.stretches == 0 && step > run.step.0 {
                run.step = (step, start);
            }
        } else {
            let (position, since_ns) = (self.position, seen_ns);
            self.late = Some(Late { position, since_ns, stretches: 0, step: (step, start) });
            // Stretches are those of it.
            (self.least, self.end_ns) = (f64::INFINITY, seen_ns + STRETCH_NS);
        }
        self.least = self.least.min(late);
        if seen_ns >= self.end_ns {
            self.stretches.rotate_left(1);
            self.stretches[SETTLED - 1] = self.least;
            let most = self.base + CRYSTAL * (seen_ns - self.based_ns).max(0.0);
            self.base = self.earliest(TOLD).min(most);
            // Looks are seldom: the next stretch ends when it would have, unless that is over as well.
            let end_ns = self.end_ns + STRETCH_NS;
            self.end_ns = if end_ns > seen_ns { end_ns } else { seen_ns + STRETCH_NS };
            (self.based_ns, self.least) = (seen_ns, f64::INFINITY);
            if let Some(run) = &mut self.late {
                run.stretches += 1;
            }
        }
    }

    /// The earliest of the last `count` stretches and the present one.
    fn earliest(&self, count: usize) -> f64 {
        self.stretches[SETTLED - count..].iter().copied().fold(self.least, f64::min)
    }

    /// What should have come by `now_ns` and has not, in nanoseconds.
    pub fn behind_ns(&self, now_ns: f64) -> f64 {
        let late = self.last.max(now_ns - self.newest as f64 * self.frame_ns);
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
        let (step, position) = run.step;
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
        (self.position, self.late) = (self.newest, None);
        // What came before lies on the other side of it.
        (self.least, self.stretches) = (f64::INFINITY, [f64::INFINITY; SETTLED]);
    }
}

/// What may be held more than before, in nanoseconds, where `pieces_ns` of audio come at once.
pub fn held_ns(pieces_ns: f64) -> f64 {
    HELD_NS + HELD_PIECES * pieces_ns
}

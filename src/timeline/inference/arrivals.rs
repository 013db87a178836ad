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
/// So many more from when something that was held came, be it a part of it: whoever keeps frames back may do so once more.
const CAUGHT_UP: usize = 8;
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
/// Which of them is known after so many seconds of audio, if it is not faster than this either: so falls whoever is starved.
const RATE_SECONDS: f64 = 4.0;
const FALLS: f64 = 0.05;
/// A stretch falls behind evenly if it does so by as much as the others within this part of it.
const EVEN: f64 = 0.3;
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
    /// Stretches of it, and how many of the last it did not fall behind any further in.
    stretches: usize,
    steady: usize,
    /// Nothing that was held had come for a while when it began.
    is_calm: bool,
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
    /// The latest since then, also while nothing came, and when what was held came last.
    most: f64,
    caught_ns: f64,
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
            most: f64::NEG_INFINITY,
            caught_ns: f64::NEG_INFINITY,
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
            self.most = self.most.max(now_ns - self.newest as f64 * self.frame_ns);
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
        let has_caught_up = at_once_ns.max(self.most - late) > held_ns(pieces_ns);
        self.most = self.most.max(late);
        if has_caught_up {
            self.caught_ns = now_ns;
        }
        if late - self.base <= held_ns(pieces_ns) {
            (self.position, self.late, self.step, self.most) = (end, None, (0.0, 0), late);
        } else if self.late.is_none() || has_caught_up {
            // What catches up, be it in part and little by little, was held and may be so still. Stretches are those since
            // then.
            let (position, since_ns) =
                self.late.map_or((self.position, now_ns), |run| (run.position, run.since_ns));
            let is_calm = now_ns - self.caught_ns > CAUGHT_UP as f64 * STRETCH_NS;
            self.late = Some(Late { position, since_ns, stretches: 0, steady: 0, is_calm });
            (self.least, self.end_ns, self.most) = (f64::INFINITY, now_ns + STRETCH_NS, late);
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
            let is_steady = self.is_steady();
            if let Some(run) = &mut self.late {
                run.stretches += 1;
                run.steady = if is_steady { run.steady + 1 } else { 0 };
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

    /// By how much it falls behind, as a part of the time.
    fn grows(&self) -> f64 {
        let older = self.stretches[..SETTLED - TOLD].iter().copied().fold(f64::INFINITY, f64::min);
        if older.is_finite() {
            (self.earliest(TOLD) - older) / (STRETCH_NS * TOLD as f64)
        } else {
            f64::NEG_INFINITY
        }
    }

    /// Whether it falls behind no further.
    fn is_steady(&self) -> bool {
        let grows = self.grows();
        grows.is_finite() && grows < GROWS
    }

    /// Whether it fell behind at once, and nothing has caught up since then or shortly before.
    fn is_calm(&self) -> bool {
        self.late.is_some_and(|run| run.is_calm && run.stretches - run.steady <= SETTLED + 1)
    }

    /// Whether it has been behind for so long, and nothing has caught up, that what is missing will not come.
    fn is_for_good(&self, is_pieced: bool) -> bool {
        let Some(run) = self.late.filter(|_| !self.is_excused) else { return false };
        if self.is_steady() {
            return run.stretches >= SETTLED && (self.is_calm() || run.steady > CAUGHT_UP);
        }
        if is_pieced && run.is_calm && self.is_even() {
            return run.stretches >= SETTLED;
        }
        let audio_ns = (self.newest - run.position) as f64 * self.frame_ns;
        let is_long = audio_ns >= RATE_SECONDS * 1e9 && self.grows() < FALLS;
        run.stretches >= SETTLED + CAUGHT_UP && is_long
    }

    /// What they say. `is_other_rate`: the rate is known to be another one, which explains it; `is_pieced`: what comes,
    /// comes in pieces at once, and tells nothing of a rate.
    pub fn judge(&mut self, pieces_ns: f64, is_other_rate: bool, is_pieced: bool) -> Arrived {
        let is_steady = self.is_steady();
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
        if !self.is_for_good(is_pieced) {
            return Arrived::Behind(missing);
        }
        if run.since_ns - self.first_ns < YOUNG_NS && self.grows() < YOUNG_GROWS {
            self.forgive();
            return Arrived::Whole;
        }
        Arrived::Gone(missing)
    }

    /// Whether it falls behind evenly: so does what lacks a piece of each period, and not who is starved.
    fn is_even(&self) -> bool {
        let mean = (self.stretches[SETTLED - 1] - self.stretches[0]) / (SETTLED - 1) as f64;
        self.stretches.windows(2).all(|pair| (pair[1] - pair[0] - mean).abs() <= EVEN * mean)
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

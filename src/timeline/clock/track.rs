//! The map that goes out: a chain of straight pieces, continuous except at holes, that never runs backwards.

use std::collections::VecDeque;

/// Knots that are kept: those of the last 12 s and more.
const KNOTS: usize = 256;
const KNOT_SECONDS: f64 = 0.05;
/// What the map is off, it makes good within about so many seconds, and it turns by no more than this, in parts of the
/// rate; at first it does so sooner.
const FOLLOW_SECONDS: f64 = 1.0;
const FOLLOW_SECONDS_YOUNG: f64 = 0.2;
const TURN: f64 = 0.02;
const TURN_YOUNG: f64 = 0.1;

/// Where a piece begins, which runs on from there at `slope` nanoseconds per frame.
#[derive(Clone, Copy, Debug)]
struct Knot {
    position: f64,
    ns: f64,
    slope: f64,
}

impl Knot {
    fn at(&self, position: f64) -> f64 {
        self.ns + self.slope * (position - self.position)
    }
}

#[derive(Debug)]
pub struct Track {
    rate: f64,
    knots: VecDeque<Knot>,
    /// Where the first one was.
    pub start: f64,
}

impl Track {
    pub fn new(rate: f64) -> Self {
        Self { rate, knots: VecDeque::with_capacity(KNOTS + 2), start: 0.0 }
    }

    /// The time of a position, in nanoseconds; `None` before the first.
    pub fn at(&self, position: f64) -> Option<f64> {
        let index = self.knots.partition_point(|knot| knot.position <= position);
        self.knots.get(index.saturating_sub(1)).map(|knot| knot.at(position))
    }

    /// The time of the last knot.
    pub fn end(&self) -> Option<f64> {
        self.knots.back().map(|knot| knot.ns)
    }

    /// Goes on to `position`, and turns towards `target` where time goes by with `slope` nanoseconds per second more
    /// than nominally.
    pub fn advance(&mut self, position: f64, target: f64, slope: f64, is_young: bool) {
        let nominal = 1e9 / self.rate;
        let Some(&last) = self.knots.back() else {
            self.knots.push_back(Knot { position, ns: target, slope: nominal });
            self.start = position;
            return;
        };
        let seconds = (position - last.position) / self.rate;
        if seconds <= 0.0 || (seconds < KNOT_SECONDS && !is_young) {
            return;
        }
        let ns = last.at(position);
        let (follow, most) =
            if is_young { (FOLLOW_SECONDS_YOUNG, TURN_YOUNG) } else { (FOLLOW_SECONDS, TURN) };
        let turn = ((target - ns) * 1e-9 / follow.max(2.0 * seconds)).clamp(-most, most);
        // Whatever the stamps say, time goes forwards.
        let slope = nominal * (1.0 + slope * 1e-9 + turn).max(0.01);
        self.push(Knot { position, ns, slope });
    }

    /// What lies behind `position` was that much later.
    pub fn shift(&mut self, position: f64, shift_ns: f64) {
        let at = self.knots.partition_point(|knot| knot.position < position);
        let Some(&before) = self.knots.get(at.saturating_sub(1)) else { return };
        let hole = Knot { position, ns: before.at(position), slope: before.slope };
        self.knots.insert(at, hole);
        self.knots.iter_mut().skip(at).for_each(|knot| knot.ns += shift_ns);
        self.limit();
    }

    fn push(&mut self, knot: Knot) {
        self.knots.push_back(knot);
        self.limit();
    }

    fn limit(&mut self) {
        while self.knots.len() > KNOTS {
            self.knots.pop_front();
        }
    }
}

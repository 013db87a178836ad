//! Makes a failing life short, while it fails in the same way.

use crate::life::{Act, Life, Mishap, Reader, Setup};
use crate::oracle::Broken;
use std::time::{Duration, Instant};

/// Real time for one life.
const PATIENCE: Duration = Duration::from_secs(20);

/// The shortest that was found which `judge` finds broken by the same promise and cause.
pub fn shrink(life: &Life, of: &Broken, mut judge: impl FnMut(&Life) -> Vec<Broken>) -> Life {
    let since = Instant::now();
    let mut best = life.clone();
    let mut fails = |life: &Life| {
        since.elapsed() < PATIENCE
            && judge(life).iter().any(|broken| broken.promise == of.promise && broken.cause == of.cause)
    };
    loop {
        let before = best.clone();
        fewer_steps(&mut best, &mut fails);
        simpler(&mut best, &mut fails);
        if best == before || since.elapsed() >= PATIENCE {
            return best;
        }
    }
}

/// Leaves out stretches of steps, long ones first. What they waited is waited by the step behind them, or not.
fn fewer_steps(best: &mut Life, fails: &mut impl FnMut(&Life) -> bool) {
    let mut length = best.steps.len();
    while length > 0 {
        let mut from = 0;
        while from < best.steps.len() {
            let to = (from + length).min(best.steps.len());
            let mut shorter = best.clone();
            let waited: u64 = shorter.steps.drain(from..to).map(|step| step.wait_ms).sum();
            let mut later = shorter.clone();
            if let Some(next) = later.steps.get_mut(from) {
                next.wait_ms += waited;
            }
            if fails(&shorter) {
                *best = shorter;
            } else if later != shorter && fails(&later) {
                *best = later;
            } else {
                from += length;
            }
        }
        length /= 2;
    }
}

/// Shortens times, and makes everything ordinary that may be.
fn simpler(best: &mut Life, fails: &mut impl FnMut(&Life) -> bool) {
    let mut attempt = |best: &mut Life, change: &dyn Fn(&mut Life)| {
        let mut other = best.clone();
        change(&mut other);
        if other != *best && fails(&other) {
            *best = other;
            return true;
        }
        false
    };
    for number in 0..best.steps.len() {
        for round in [1_000, 100, 10] {
            attempt(best, &|life| {
                let wait = &mut life.steps[number].wait_ms;
                *wait = *wait / round * round;
            });
        }
        while attempt(best, &|life| life.steps[number].wait_ms /= 2) {}
        attempt(best, &|life| match &mut life.steps[number].act {
            Act::Tap(tap) => (tap.hold_back_ms, tap.rate_hz) = (0, None),
            Act::Take(take) => take.calls = None,
            Act::Mic(_, mishap) => ordinary(mishap),
            Act::Freeze { kept_ms, .. } => *kept_ms = 0,
            _ => {}
        });
        attempt(best, &|life| match &mut life.steps[number].act {
            Act::Tap(tap) => tap.reader = Reader::Eager,
            Act::Take(take) => take.pre_ms = 0,
            _ => {}
        });
        attempt(best, &|life| match &mut life.steps[number].act {
            Act::Tap(tap) => tap.chunk_ms = 160,
            Act::Take(take) => take.post_ms = 0,
            Act::Mic(mic, _) => *mic = 0,
            Act::Hold(_, ms) => *ms = *ms / 200 * 100,
            _ => {}
        });
    }
    while best.mics.len() > 1
        && attempt(best, &|life| {
            life.mics.pop();
        })
    {}
    for number in 0..best.mics.len() {
        attempt(best, &|life| life.mics[number].rate_hz = 8_000);
        attempt(best, &|life| life.mics[number].channels = 1);
        attempt(best, &|life| life.mics[number].late_stamps = false);
        attempt(best, &|life| life.mics[number].period = life.mics[number].rate_hz / 100);
    }
    let usual = Setup::default();
    attempt(best, &|life| life.capture = usual.clone());
    attempt(best, &|life| life.capture.input = usual.input);
    attempt(best, &|life| life.capture.history_ms = usual.history_ms);
    attempt(best, &|life| life.capture.idle_ms = usual.idle_ms);
    attempt(best, &|life| life.capture.pool_ms = usual.pool_ms);
    attempt(best, &|life| life.capture.length_ms = usual.length_ms);
    attempt(best, &|life| life.capture.give_up_ms = usual.give_up_ms);
    attempt(best, &|life| life.capture.stall_ms = usual.stall_ms);
    attempt(best, &|life| life.capture.fall_back = usual.fall_back);
    attempt(best, &|life| life.capture.watch = usual.watch);
    attempt(best, &|life| life.seed = 0);
}

fn ordinary(mishap: &mut Mishap) {
    match mishap {
        Mishap::Lose { reported, .. } => *reported = false,
        Mishap::Unplug { reported } => *reported = true,
        Mishap::Late(ms) | Mishap::SlowToPlay(ms) | Mishap::SlowToDrop(ms) => *ms = *ms / 200 * 100,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::draw;
    use crate::life::Call;

    #[test]
    fn what_does_not_matter_goes() {
        let matters = |act: &Act| matches!(act, Act::Mic(_, Mishap::Dies));
        let starts = |act: &Act| *act == Act::Call(Call::Start);
        let fault = Broken { promise: "p".into(), cause: "c".into(), particulars: String::new() };
        let judge = |life: &Life| {
            let start = life.steps.iter().position(|step| starts(&step.act));
            let fails = start.is_some_and(|start| life.steps[start..].iter().any(|step| matters(&step.act)));
            if fails { vec![fault.clone()] } else { Vec::new() }
        };
        let life = (0..).map(draw).find(|life| !judge(life).is_empty()).expect("one in some dozens");
        let short = shrink(&life, &fault, judge);
        assert_eq!((short.steps.len(), short.mics.len(), short.capture), (2, 1, Setup::default()));
        assert!(short.steps.iter().all(|step| step.wait_ms == 0), "{:?}", short.steps);
    }
}

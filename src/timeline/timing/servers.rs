//! Streams as audio servers make them, and an oracle that counts frames: what is missing is told, and nothing else is.

use super::*;
use crate::intake::Content;
use crate::record::{Live, Record};
use crate::timeline::LossState;
use crate::timeline::simulation::{Call, Device, Server, Stamps, Starved, Told, Trouble};

const RATE: f64 = 48_000.0;
/// Frames of a block, as the intake cuts them.
const BLOCK: u32 = 960;

/// A worker that looks at a server's callbacks, and what it was told.
struct Listener {
    timing: Timing,
    server: Server,
    /// What has come and was not looked at.
    waiting: Vec<Call>,
    next: Call,
    record: Record,
    /// Up to where it has served, in device frames.
    position: u64,
    now_ns: f64,
    /// A share of the looks is late by up to so many milliseconds.
    stalls: (f64, f64),
    random: Device,
    verdicts: Vec<(f64, Verdict)>,
    /// Where on the axis settled losses were put, and how many frames they are.
    holes: Vec<(u64, Verdict)>,
    rate_told: Option<u32>,
}

impl Listener {
    fn new(mut server: Server) -> Self {
        let opened = Instant::now();
        let anchor = Anchor { at: opened, stream_ns: 0, error: Duration::ZERO, is_own: false };
        let next = server.next();
        Self {
            timing: Timing::new(RATE as u32, &anchor, opened),
            server,
            waiting: Vec::new(),
            next,
            record: Record::default(),
            position: 0,
            now_ns: 1e9,
            stalls: (0.0, 0.0),
            random: Device::new(Stamps::CALLBACK, 99),
            verdicts: Vec::new(),
            holes: Vec::new(),
            rate_told: None,
        }
    }

    /// What had come by now.
    fn look(&mut self) {
        while self.next.at_ns <= self.now_ns {
            let Call { frames, stamp_ns, .. } = self.next;
            self.record.callbacks += 1;
            self.record.captured += u64::from(frames);
            self.record.stamp_ns = stamp_ns.max(0.0) as u64;
            self.waiting.push(self.next);
            self.next = self.server.next();
        }
        let seen = Duration::from_nanos(self.now_ns as u64);
        let mut calls = std::mem::take(&mut self.waiting);
        let mut start = self.position;
        let (mut first, mut frames, mut stamp) = (start, 0, 0.0);
        for call in calls.drain(..) {
            let mut left = call.frames;
            while left > 0 {
                if frames == 0 {
                    first = start;
                    stamp = call.stamp_ns + f64::from(call.frames - left) / RATE * 1e9;
                }
                let part = left.min(BLOCK - frames);
                (frames, left, start) = (frames + part, left - part, start + u64::from(part));
                if frames == BLOCK {
                    self.block(first, std::mem::take(&mut frames), stamp, seen);
                }
            }
        }
        if frames > 0 {
            self.block(first, frames, stamp, seen);
        }
        self.waiting = calls;
        let live = Live { record: self.record, largest: self.server.frames, ..Live::default() };
        self.timing.look(&live, seen);
        self.rate_told = self.timing.stats().actual_rate_hz.or(self.rate_told);
    }

    fn block(&mut self, first: u64, frames: u32, stamp: f64, seen: Duration) {
        let captured = first + u64::from(frames);
        let (dropped, discarded, content) = (0, 0, Content::Audio);
        let header = Header { captured, dropped, discarded, stamp_ns: stamp as u64, frames, content };
        if let Some(verdict) = self.timing.block(&header, seen, 0) {
            self.verdicts.push((seen.as_secs_f64(), verdict));
            if verdict.state == LossState::Settled {
                let place = verdict.position + self.timing.lost();
                self.timing.settle(&verdict, self.position + self.timing.lost());
                self.holes.push((place, verdict));
            }
        }
        self.position = captured;
    }

    /// Lets it run until so many seconds after the first open.
    fn run(&mut self, seconds: f64) {
        while self.now_ns < seconds * 1e9 {
            // At first every 2 ms; then when the next period is due, or a little too early.
            let due = self.next.at_ns + 0.15e6;
            let is_early = self.random.uniform() < 0.1 && due - 0.4e6 > self.now_ns;
            let mut at = if self.now_ns < 1.3e9 {
                self.now_ns + 2e6
            } else if is_early {
                due - 0.4e6
            } else {
                due.max(self.now_ns + 0.2e6)
            };
            if self.random.uniform() < self.stalls.0 {
                at += self.random.uniform() * self.stalls.1 * 1e6;
            }
            // It looks once a second, whatever comes.
            self.now_ns = at.min(self.now_ns + 1e9);
            self.look();
        }
    }

    fn settled(&self) -> u64 {
        self.timing.lost()
    }

    /// Frames of the source that are neither here nor in a hole, by the oracle's own count; what came last may be on its
    /// way.
    fn missing(&self) -> i64 {
        let lost = self.server.missing.iter().filter(|(before, ..)| *before < self.position);
        lost.map(|(_, frames, _)| *frames as i64).sum()
    }
}

fn ms(frames: u64) -> f64 {
    frames as f64 / RATE * 1e3
}

const CALLBACK: Told = Told::Callback { less_ms: 1.0 };
const SMOOTHED: Told = Told::Smoothed { hides_s: 2.0 };
const HIDDEN: Told = Told::Smoothed { hides_s: 0.0 };
const EVERY: [Told; 3] = [CALLBACK, SMOOTHED, HIDDEN];

/// What is missing is told, there, as a hole of that length.
fn assert_hole(what: &str, listener: &Listener, most_ms: f64, unsure_ms: f64) {
    let Listener { holes, verdicts, .. } = listener;
    let (before, frames, _) = listener.server.missing[0];
    let settled = listener.settled();
    println!("{what}: {:.1} ms missing, told {holes:?}", ms(frames));
    assert!(!holes.is_empty(), "{what}: nothing settled: {verdicts:?}");
    let error: u64 = holes.iter().map(|(_, verdict)| verdict.error_frames).sum();
    let off = settled.abs_diff(frames);
    assert!(ms(off) <= most_ms, "{what}: {:.1} ms off: {verdicts:?}", ms(off));
    assert!(off <= error, "{what}: {off} frames off, said {error}");
    // What came at once may lie on either side of it.
    let place = ms(holes[0].0.abs_diff(before));
    assert!(place <= 25.0 + unsure_ms, "{what}: {place} ms from its place: {before} {holes:?}");
}

/// That, and nothing else; and the time of capture is known again, to within what came at once.
fn assert_one_hole(what: &str, listener: &Listener, most_ms: f64, unsure_ms: f64) {
    assert_hole(what, listener, most_ms, unsure_ms);
    let settled = listener.settled();
    let source = listener.position + listener.missing() as u64;
    let at = listener.timing.captured((listener.position + settled) as f64, 0.0);
    let late_ms = (at.at.as_nanos() as f64 - listener.server.time_ns(source as f64)) * 1e-6;
    let bound_ms = at.bound.as_secs_f64() * 1e3;
    println!("{what}: time {late_ms:.1} ms off, said {bound_ms:.1}");
    assert!(late_ms.abs() <= bound_ms + 50.0 && bound_ms < 250.0 + unsure_ms, "{what}: {late_ms} {bound_ms}");
    let ledger = listener.timing.unaccounted(true);
    assert!(ledger.0 <= ledger.1 && listener.timing.lost_provisional() == 0, "{what}: {ledger:?}");
}

#[test]
fn a_ring_that_loses_half_of_every_period_is_told_and_is_no_other_rate() {
    for (from, seed) in [(0.0, 1), (8.0, 2)] {
        let mut server = Server::new(CALLBACK, 512, 4, seed);
        (server.kept, server.losing_from) = (2, from);
        let mut listener = Listener::new(server);
        listener.run(30.0);
        let (missing, settled) = (listener.missing() as u64, listener.settled());
        let (open, error) = listener.timing.unaccounted(true);
        let provisional = listener.timing.lost_provisional();
        println!(
            "from {from} s: {missing} missing, {settled} settled, {provisional} provisional, {open} open"
        );
        // What is not settled yet is told to be open, and all of it together is what is missing.
        let told = settled + provisional + open;
        assert!(missing.abs_diff(told) <= error, "{missing} {told} {error}");
        assert!(ms(missing - settled) < 2_500.0, "{missing} {settled}: {:?}", listener.verdicts);
        assert_eq!(listener.rate_told, None, "it is no other rate");
    }
}

#[test]
fn a_server_that_stands_still_and_does_not_catch_up_has_lost_that_and_no_more() {
    for told in EVERY {
        for (away_s, kept_s) in [(1.5, 0.0), (0.7, 0.0), (20.0, 11.1), (1.5, 0.5)] {
            for (frames, pieces) in [(480, 1), (512, 4), (1024, 1)] {
                let mut server = Server::new(told, frames, pieces, 3);
                server.troubles.push(Trouble { at_s: 9.0, away_s, kept_s });
                let mut listener = Listener::new(server);
                listener.run(9.0 + away_s + 10.0);
                let what = format!("{told:?}, {frames} x {pieces}, away {away_s} s of which {kept_s} s came");
                let period_ms = ms(u64::from(frames * pieces));
                assert_one_hole(&what, &listener, 60.0, period_ms + kept_s * 1e3);
            }
        }
    }
}

#[test]
fn a_pause_that_the_stamps_swing_beyond_is_as_long_as_the_arrivals_say() {
    for (away_s, frames) in [(1.5, 1024), (1.5, 256), (0.7, 1024), (3.0, 1024), (0.3, 512)] {
        // A scene of seconds, and a stream that is known well.
        for at_s in [3.5, 9.0, 60.0] {
            let mut server = Server::new(Told::Loop, frames, 1, 3);
            server.late_ms = 0.02;
            server.troubles.push(Trouble { at_s, away_s, kept_s: 0.0 });
            let mut listener = Listener::new(server);
            listener.run(at_s + away_s + 12.0);
            let what = format!("{frames} frames, away {away_s} s after {at_s} s");
            assert_hole(&what, &listener, 40.0, ms(frames.into()));
        }
    }
}

#[test]
fn a_server_that_stands_still_and_catches_up_has_lost_nothing() {
    for told in EVERY {
        for away_s in [0.3, 0.7, 1.5, 5.0] {
            for (frames, pieces) in [(480, 1), (512, 4)] {
                let mut server = Server::new(told, frames, pieces, 3);
                server.troubles.push(Trouble { at_s: 9.0, away_s, kept_s: away_s });
                let mut listener = Listener::new(server);
                listener.run(9.0 + away_s + 12.0);
                let what = format!("{told:?}, {frames} x {pieces}, away {away_s} s");
                assert_eq!(listener.settled(), 0, "{what}: {:?}", listener.verdicts);
                let (open, error) = listener.timing.unaccounted(true);
                assert!(open <= error && listener.timing.lost_provisional() == 0, "{what}: {open}");
            }
        }
    }
}

#[test]
fn what_a_starved_server_has_not_handed_on_yet_is_not_lost_however_long_that_takes() {
    let seeds = if cfg!(debug_assertions) { 3 } else { 40 };
    for told in EVERY {
        for (frames, pieces) in [(480, 1), (512, 2), (1024, 1), (512, 4)] {
            for behind_s in [0.1, 0.3, 1.3] {
                for seed in 1..=seeds {
                    let mut server = Server::new(told, frames, pieces, seed);
                    server.starved = Some(Starved { from_s: 2.0, to_s: 17.0, behind_s });
                    let mut listener = Listener::new(server);
                    listener.run(22.0);
                    let what = format!("{told:?}, {frames} x {pieces}, {behind_s} s behind, seed {seed}");
                    assert_eq!(listener.settled(), 0, "{what}: {:?}", listener.verdicts);
                    let (open, error) = listener.timing.unaccounted(true);
                    assert!(open <= error && listener.timing.lost_provisional() == 0, "{what}: {open}");
                }
            }
        }
    }
}

#[test]
fn losses_that_are_short_are_told_when_they_come_to_more_than_a_server_holds() {
    // A busy machine: now and then a period is gone.
    for told in EVERY {
        let mut server = Server::new(told, 1024, 1, 5);
        server.troubles = (0..14)
            .map(|n| Trouble { at_s: 9.0 + f64::from(n) * 1.1, away_s: 0.0214, kept_s: 0.0 })
            .collect();
        let mut listener = Listener::new(server);
        listener.run(40.0);
        let (missing, settled) = (listener.missing() as u64, listener.settled());
        let (open, error) = listener.timing.unaccounted(true);
        println!("{told:?}: {missing} missing, {settled} settled, {open} open give or take {error}");
        assert!(missing.abs_diff(settled) <= error && settled > missing / 2, "{:?}", listener.verdicts);
    }
}

#[test]
fn a_source_at_another_rate_is_that_and_loses_nothing() {
    for (rate, frames) in [(24_000.0, 480), (44_100.0, 480), (16_000.0, 480), (44_100.0, 1024)] {
        let mut server = Server::new(Told::Callback { less_ms: 10.0 }, frames, 1, 4);
        server.rate = rate;
        let mut listener = Listener::new(server);
        listener.run(20.0);
        assert_eq!((listener.rate_told, listener.settled()), (Some(rate as u32), 0), "{rate}, {frames}");
        assert_eq!(listener.timing.lost_provisional(), 0);
        let (open, error) = listener.timing.unaccounted(true);
        assert!(open > error, "the ledger does not agree with the label: {open} {error}");
    }
}

#[test]
fn a_day_without_a_loss_has_none() {
    let hours = if cfg!(debug_assertions) { 0.25 } else { 24.0 };
    // An oracle of nothing: whatever is settled is false. Looks are late by up to 250 ms, periods by milliseconds.
    let streams = [
        (CALLBACK, 480, 1, 300.0, 0.3),
        (CALLBACK, 512, 4, -300.0, 3.0),
        (SMOOTHED, 1024, 2, 120.0, 5.0),
        (Told::Smoothed { hides_s: 1.0 }, 1024, 1, -300.0, 8.0),
    ];
    for (number, (told, frames, pieces, ppm, late_ms)) in streams.into_iter().enumerate() {
        let mut server = Server::new(told, frames, pieces, 20 + number as u64);
        (server.ppm, server.late_ms) = (ppm, late_ms);
        // The server is stopped as well, every ten minutes, and catches up.
        let troubles = 1..(hours * 6.0) as u32 + 1;
        server.troubles = troubles
            .map(|n| Trouble { at_s: f64::from(n) * 600.0 - 77.0, away_s: 0.9, kept_s: 0.9 })
            .collect();
        let mut listener = Listener::new(server);
        listener.stalls = (0.02, 250.0);
        let mut disagreed = 0;
        for minute in 1..=(hours * 60.0) as u32 {
            listener.run(f64::from(minute) * 60.0);
            let disagrees = |listener: &Listener| {
                let (open, error) = listener.timing.unaccounted(true);
                open > error
            };
            if disagrees(&listener) {
                // A period may be late by more than that, and comes then.
                listener.run(f64::from(minute) * 60.0 + 0.3);
                disagreed += u32::from(disagrees(&listener));
            }
        }
        println!("{told:?} {frames} x {pieces} {ppm} ppm: {} verdicts", listener.verdicts.len());
        assert_eq!((listener.settled(), disagreed), (0, 0), "{told:?}: {:?}", listener.holes);
    }
}

#[test]
fn a_stream_that_begins_with_a_burst_and_then_waits_has_lost_nothing() {
    for told in EVERY {
        for head_start_s in [0.2, 0.88, 1.8] {
            let mut server = Server::new(told, 512, 2, 6);
            server.head_start_s = head_start_s;
            let mut listener = Listener::new(server);
            listener.run(30.0);
            assert_eq!(listener.settled(), 0, "{told:?}, {head_start_s} s: {:?}", listener.verdicts);
            let (open, error) = listener.timing.unaccounted(true);
            assert!(open <= error, "{told:?}, {head_start_s} s: {open}");
        }
    }
}

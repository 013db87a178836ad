use super::*;
use crate::intake::Content;
use crate::record::{Live, Record};
use crate::timeline::LossState;
use crate::timeline::simulation::{Device, Stamps};

/// What a callback tells of its stamp, and of the largest.
fn live(stamp_ns: u64, largest: u32, captured: u64) -> Live {
    Live { record: Record { stamp_ns, captured, ..Record::default() }, largest, ..Live::default() }
}

/// A minute with a device of 48 kHz whose blocks hold 1,024 frames of callbacks of 480, as the intake cuts them:
/// stamps inside of a callback are reckoned. `stamp` makes the stream's time of the true one, in nanoseconds.
fn minute(stream_ns: u64, stamp: impl Fn(f64) -> f64, mut check: impl FnMut(&Timing, f64)) -> Timing {
    let opened = Instant::now();
    let anchor = Anchor { at: opened, stream_ns, error: Duration::from_micros(1), is_own: false };
    let mut timing = Timing::new(48_000, &anchor, opened);
    let mut device = Device::new(Stamps::Device { sigma_us: 10.0 }, 7);
    let (mut start, mut captured) = (0, 0);
    for _ in 0..6000 {
        let callback = device.next();
        // The simulation starts at 7 s of its own.
        let (stamp, seen) = (stamp(callback.stamp_ns as f64 - 7e9), callback.true_ns - 7e9 + 12e6);
        captured += 480;
        timing.look(&live(stamp as u64, 480, captured), Duration::from_nanos(seen as u64));
        while start + 1024 <= captured {
            let inside = start as f64 - callback.position as f64;
            let header = Header {
                captured: start + 1024,
                dropped: 0,
                discarded: 0,
                stamp_ns: (stamp + inside / 48_000.0 * 1e9) as u64,
                frames: 1024,
                content: Content::Audio,
            };
            assert_eq!(timing.block(&header, Duration::from_nanos(seen as u64), 0), None);
            start += 1024;
        }
        check(&timing, callback.true_ns - 7e9);
    }
    timing
}

#[test]
fn capture_times_count_from_the_first_open_whatever_the_streams_clock_says() {
    let mut number = 0;
    let timing = minute(
        5_000_000_000,
        |ns| ns + 5e9,
        |timing, true_ns| {
            number += 1;
            let position = f64::from(number - 1) * 480.0;
            let got = timing.captured(position, 0.0);
            let off = (got.at.as_nanos() as f64 - true_ns).abs();
            assert!(number < 200 || off <= got.bound.as_nanos() as f64, "{number}: {off} ns, {got:?}");
            assert!(number < 3000 || off < 10e3, "{number}: {off} ns, {got:?}");
        },
    );
    let stats = timing.stats();
    assert_eq!((stats.class, stats.bad_stamps), (StampClass::Device, 0));
    assert!((stats.ppm() - 53.0).abs() < 2.0 && stats.bound < Duration::from_micros(20), "{stats:?}");
}

#[test]
fn a_clock_that_says_nothing_is_replaced_by_what_the_worker_sees() {
    // A clock that has nothing to do with what `Stream::now` says, one that is always zero, and one that stops.
    for broken in [|_| 4e18, |_| 0.0, |ns: f64| ns.min(20e9)] {
        let mut number = 0;
        let timing = minute(0, broken, |timing, true_ns| {
            number += 1;
            let off = timing.captured(f64::from(number - 1) * 480.0, 0.0).at.as_secs_f64() - true_ns * 1e-9;
            assert!(number < 2200 || off.abs() < 0.03, "{number}: {off} s off");
        });
        assert_eq!(timing.stats().class, StampClass::Observed);
    }
}

#[test]
fn while_the_clock_is_vague_a_moment_is_where_delivery_stood() {
    let opened = Instant::now();
    let anchor = Anchor { at: opened, stream_ns: 0, error: Duration::from_millis(200), is_own: false };
    let mut timing = Timing::new(48_000, &anchor, opened);
    timing.delivered(9_600, Duration::from_millis(230));
    assert_eq!(timing.position_at(Duration::from_millis(250)), 9_600 + 960);
    assert_eq!(timing.position_at(Duration::from_millis(200)), 9_600 - 1_440);
    assert_eq!(timing.position_at(Duration::ZERO), 0);
}

/// What ALSA's plug-in for PulseAudio said of a real server's microphone, and nothing was lost: for each callback how many
/// times 1,024 frames it had, and by how many microseconds its stamp, and its arrival at the worker, were later than the
/// nominal rate.
struct Real {
    rate: u32,
    callbacks: &'static str,
}

/// 40 s from the first callback on, whose stamps were off; nothing else ran.
const IDLE: Real = Real { rate: 48_000, callbacks: include_str!("alsa-on-pulse.txt") };
/// 26 s while four busy loops shared two cores.
const BUSY: Real = Real { rate: 48_000, callbacks: include_str!("alsa-on-busy-pulse.txt") };

/// 15 s whose stamps are good for the first four, while six did.
const GOOD_AT_FIRST: Real = Real { rate: 48_000, callbacks: include_str!("alsa-on-drifting-pulse.txt") };

/// What was said of each block: seconds, by how much the estimate was later than the nominal rate and its bound, both in
/// milliseconds, and the class.
type Said = (f64, f64, f64, StampClass);

/// Plays them, and gives what was said.
fn play(real: &Real) -> Vec<Said> {
    let opened = Instant::now();
    let anchor = Anchor { at: opened, stream_ns: 0, error: Duration::ZERO, is_own: false };
    let mut timing = Timing::new(real.rate, &anchor, opened);
    let (mut captured, mut said) = (0, Vec::new());
    for word in real.callbacks.split_whitespace() {
        let mut numbers = word.split(',').map(|number| number.parse::<f64>().expect("a number"));
        let [frames, late_us, seen_us] = std::array::from_fn(|_| numbers.next().expect("three numbers"));
        let (start, frames) = (captured, frames as u32 * 1024);
        captured += u64::from(frames);
        let us = |frames: u64, late: f64| 1e6 + frames as f64 / f64::from(real.rate) * 1e6 + late;
        let stamp_ns = (us(start, late_us) * 1e3) as u64;
        let (dropped, discarded, content) = (0, 0, Content::Audio);
        let header = Header { captured, dropped, discarded, stamp_ns, frames, content };
        let seen = Duration::from_micros(us(captured, seen_us) as u64);
        timing.delivered(captured, seen);
        timing.look(&live(stamp_ns, frames, captured), seen);
        let verdict = timing.block(&header, seen, 0);
        assert!(verdict.is_none_or(|it| it.state != LossState::Settled), "at {start}: {verdict:?}");
        let got = timing.captured(start as f64, 0.0);
        let seconds = start as f64 / f64::from(real.rate);
        let late = got.at.as_secs_f64() - seconds;
        said.push((seconds, late * 1e3, got.bound.as_secs_f64() * 1e3, timing.stats().class));
    }
    said
}

/// What was said from 5 s on.
fn learned(said: &[Said]) -> impl Iterator<Item = &Said> {
    said.iter().filter(|(seconds, ..)| *seconds >= 5.0)
}

/// The bounds are true if the driver's delay, which is constant, has room within all of them: what was captured was a
/// file written at its nominal rate.
fn assert_true(name: &str, said: &[Said]) -> f64 {
    let least = said.iter().map(|(_, late, bound, _)| late - bound).fold(f64::NEG_INFINITY, f64::max);
    let most = said.iter().map(|(_, late, bound, _)| late + bound).fold(f64::INFINITY, f64::min);
    let widest = learned(said).map(|(_, _, bound, _)| *bound).fold(0.0, f64::max);
    println!(
        "{name}: the delay is within {least:.1} and {most:.1} ms, the bound at most {widest:.1} ms after 5 s"
    );
    assert!(least <= most, "no delay is within all bounds: {least} > {most}");
    widest
}

#[test]
fn stamps_that_an_audio_server_makes_up_are_known_for_that_within_5_s_and_the_bound_is_true() {
    let said = play(&IDLE);
    assert!(learned(&said).all(|(.., class)| *class == StampClass::Smoothed), "{said:?}");
    assert!(assert_true("idle", &said) <= 15.0);
}

#[test]
fn a_busy_audio_server_that_is_wrong_by_10_ms_for_seconds_has_lost_nothing() {
    let said = play(&BUSY);
    let classes: Vec<StampClass> = learned(&said).map(|(.., class)| *class).collect();
    let changes = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes <= 1 && said.last().is_some_and(|(.., class)| *class == StampClass::Smoothed));
    assert!(assert_true("busy", &said) <= 25.0);
}

#[test]
fn an_audio_server_whose_stamps_were_good_at_first_has_lost_nothing_either() {
    let said = play(&GOOD_AT_FIRST);
    assert!(said.last().is_some_and(|(.., class)| *class == StampClass::Smoothed));
    assert_true("good at first", &said);
}

/// The verdicts of half a minute whose stamps are later by 19 ms from the middle on, and the arrivals by so much.
fn steps(arrivals_later: Duration) -> (Vec<Verdict>, ClockStats) {
    let opened = Instant::now();
    let anchor = Anchor { at: opened, stream_ns: 7_000_000_000, error: Duration::ZERO, is_own: false };
    let mut timing = Timing::new(48_000, &anchor, opened);
    let mut device = Device::new(Stamps::CALLBACK, 5);
    let mut verdicts = Vec::new();
    for number in 1..=3000 {
        let block = device.next();
        let (later, stamp_later) =
            if number > 1500 { (arrivals_later, 19_000_000) } else { Default::default() };
        let stamp_ns = block.stamp_ns + stamp_later;
        let (dropped, discarded, content) = (0, 0, Content::Audio);
        let header = Header { captured: number * 480, dropped, discarded, stamp_ns, frames: 480, content };
        let seen = Duration::from_nanos(block.true_ns as u64 - 7_000_000_000) + later;
        let seen = seen + Duration::from_millis(11);
        timing.look(&live(stamp_ns, 480, number * 480), seen);
        if let Some(verdict) = timing.block(&header, seen, 0) {
            if verdict.state == LossState::Settled {
                timing.settle(&verdict, number * 480);
            }
            verdicts.push(verdict);
        }
    }
    (verdicts, timing.stats())
}

#[test]
fn a_loss_that_the_arrivals_deny_is_none() {
    let (told, stats) = steps(Duration::from_millis(19));
    let last = told.last().expect("a loss");
    assert!(last.state == LossState::Settled && last.frames.abs_diff(912) <= 1, "{last:?}");
    assert_eq!(stats.class, StampClass::LateOnly);
    let (told, stats) = steps(Duration::ZERO);
    assert!(told.last().is_some_and(|verdict| verdict.state == LossState::Revoked), "{told:?}");
    assert!(told.iter().all(|verdict| verdict.state != LossState::Settled), "{told:?}");
    assert!((5.0..40.0).contains(&(stats.bound.as_secs_f64() * 1e3)), "{stats:?}");
}

/// When another rate was told of, in seconds of the stream's clock since the device changed from `label` to `actual` after
/// 20 s; nothing may be called a loss.
fn change_of_rate(stamps: Stamps, label: u32, actual: u32) -> Option<(f64, u32)> {
    let opened = Instant::now();
    let anchor = Anchor { at: opened, stream_ns: 7_000_000_000, error: Duration::ZERO, is_own: false };
    let mut timing = Timing::new(label, &anchor, opened);
    let mut device = Device::new(stamps, 5);
    let mut told = None;
    let (changed, base) = (27e9, 7e9);
    // The simulation runs at 48 kHz: its stamps are stretched.
    let scale = |ns: f64, rate: u32| ns * 48_000.0 / f64::from(rate);
    for number in 1..=4000 {
        let block = device.next();
        let stretch = |ns: f64| {
            let before = scale((ns.min(changed)) - base, label);
            (before + scale((ns - changed).max(0.0), actual)) as u64
        };
        let stamp_ns = stretch(block.stamp_ns as f64) + 7_000_000_000;
        let (dropped, discarded, content) = (0, 0, Content::Audio);
        let header = Header { captured: number * 480, dropped, discarded, stamp_ns, frames: 480, content };
        let seen = Duration::from_nanos(stretch(block.true_ns + 12e6));
        timing.look(&live(stamp_ns, 480, number * 480), seen);
        let verdict = timing.block(&header, seen, 0);
        assert!(verdict.is_none_or(|it| it.state != LossState::Settled), "{stamps:?}: {verdict:?}");
        if let Some(rate) = timing.stats().actual_rate_hz {
            let since = (block.true_ns - changed) * 1e-9 * 48_000.0 / f64::from(actual);
            assert!(since > 0.0, "{stamps:?}: before it changed");
            told.get_or_insert((since, rate));
        }
        if number == 4000 {
            let off = timing.captured(f64::from(480 * (number as u32 - 1)), 0.0);
            let ms = (off.at.as_nanos() as f64 - stretch(block.true_ns) as f64) * 1e-6;
            let stats = timing.stats();
            // The map is led back to where it should be, which takes longer the farther it went astray meanwhile.
            let is_back = ms.abs() < 5.0 && off.bound < Duration::from_millis(20);
            let bound_ms = off.bound.as_secs_f64() * 1e3;
            assert!(ms.abs() <= bound_ms && (is_back || actual == 16_000), "{ms} {off:?} {stats:?}");
            assert_eq!((timing.lost(), timing.lost_provisional()), (0, 0));
        }
    }
    told
}

#[test]
fn a_rate_that_changes_in_mid_stream_is_told_within_seconds_and_is_no_loss() {
    for stamps in [Stamps::Device { sigma_us: 20.0 }, Stamps::CALLBACK, Stamps::Cut] {
        for (label, actual) in [(48_000, 44_100), (44_100, 48_000), (48_000, 16_000)] {
            let (seconds, rate) = change_of_rate(stamps, label, actual).expect("it is told");
            println!("{stamps:?}: {label} becomes {rate} Hz, told after {seconds:.2} s");
            // A slower one is seen after so many frames, which take three times as long at a third of the rate.
            let most = if actual < label { 3.0 * f64::from(label) / f64::from(actual) } else { 6.0 };
            assert!(rate == actual && seconds < most, "{stamps:?} {label} {actual}: {seconds}");
        }
    }
    assert_eq!(change_of_rate(Stamps::CALLBACK, 48_000, 48_000), None);
}

//! The verdict, in plain words and with advice.

use super::checkup::Checkup;
use crate::json::bound;
use crate::summary::dead_channels;
use hearken::{Permission, StampClass};

/// Below this there is no signal; a live microphone hisses louder.
const SILENT_DBFS: f64 = -90.0;
/// Speech in front of a microphone is louder.
const FAINT_DBFS: f64 = -50.0;
/// At full scale, or as good as.
const CLIPPED_DBFS: f64 = -0.1;
/// Audio older than this when it comes is late for anything live.
const OLD: f64 = 0.25;
/// Clocks of working devices are off by less, as far as can be told after so many seconds.
const MOST_PPM: f64 = 1000.0;
const KNOWN_AFTER: u64 = 20;
/// A time of capture that is this good, in seconds, is good enough for anybody.
const GOOD: f64 = 0.001;

/// Something that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In a few words.
    pub what: String,
    /// With the figures.
    pub detail: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Whether the device is not healthy for it. Otherwise it is good to know.
    pub is_fault: bool,
}

/// The figures that a verdict is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    pub failure: Option<String>,
    /// None where no device was opened.
    pub permission: Option<Permission>,
    pub captured: u64,
    pub stalls: usize,
    /// Seconds.
    pub quiet: f64,
    pub dropped: u64,
    pub lost: u64,
    pub lost_provisional: u64,
    /// Frames that the clock misses and no account has, more than may be on their way.
    pub unaccounted: u64,
    pub errors: u64,
    pub xruns: u64,
    pub class: StampClass,
    /// Seconds; none where nothing is known.
    pub bound: Option<f64>,
    pub ppm: f64,
    pub rate_hz: u32,
    pub actual_rate_hz: Option<u32>,
    pub peak_dbfs: f64,
    /// Counted from 0.
    pub dead_channels: Vec<u16>,
    /// Seconds, of which one in a hundred was older.
    pub age: Option<f64>,
}

impl From<&Checkup> for Facts {
    fn from(checkup: &Checkup) -> Self {
        let stats = &checkup.report.stats;
        Self {
            failure: checkup.failure(),
            permission: checkup.permission,
            captured: stats.ledger.captured,
            stalls: checkup.stalls,
            quiet: checkup.quiet,
            dropped: stats.ledger.dropped,
            lost: stats.ledger.lost,
            lost_provisional: stats.ledger.lost_provisional,
            unaccounted: if stats.ledger.clock_agrees() { 0 } else { stats.ledger.unaccounted },
            errors: stats.errors,
            xruns: stats.xruns,
            class: stats.clock.class,
            bound: bound(&stats.clock).map(|bound| bound.as_secs_f64()),
            ppm: stats.clock.ppm(),
            rate_hz: checkup.report.input.format.rate_hz,
            actual_rate_hz: stats.clock.actual_rate_hz,
            peak_dbfs: checkup.peak,
            dead_channels: checkup.report.dead_channels().to_vec(),
            age: checkup.age(0.99),
        }
    }
}

/// What is to be said, the worst first. Healthy is what has no fault among it.
pub fn findings(facts: &Facts) -> Vec<Finding> {
    let fault =
        |what: &str, detail: String, advice| Finding { what: what.into(), detail, advice, is_fault: true };
    let note =
        |what: &str, detail: String, advice| Finding { what: what.into(), detail, advice, is_fault: false };
    let mut found = Vec::new();
    if let Some(why) = &facts.failure {
        found.push(fault("the device failed", why.clone(), "look at the cable and at the audio service"));
    }
    let is_silent = facts.captured == 0 || facts.peak_dbfs < SILENT_DBFS;
    let refused = facts.permission.filter(|said| matches!(said, Permission::Denied | Permission::Restricted));
    if let Some(said) = refused.filter(|_| is_silent) {
        let detail = format!("the system says: {said}");
        let advice =
            "allow this program, or the terminal that it runs in, the microphone in the system's settings";
        found.push(fault("access to the microphone is refused", detail, advice));
        return found;
    }
    if facts.captured == 0 {
        let advice = "is another program holding it, is access to the microphone refused, is it suspended?";
        found.push(fault("the device delivers nothing", "no frame came".into(), advice));
        return found;
    }
    if facts.stalls > 0 {
        let detail = format!("{} it delivered nothing, for up to {:.2} s", times(facts.stalls), facts.quiet);
        let advice =
            "a busy machine, power saving of the port, or a source that is suspended may be the reason";
        found.push(fault("the device stalls", detail, advice));
    }
    if facts.dropped > 0 {
        let detail = format!("{} frames were dropped because no memory was free", facts.dropped);
        found.push(fault("the program was too slow", detail, "is the machine overloaded?"));
    }
    if facts.lost > 0 {
        let detail =
            format!("{} frames are missing", facts.lost + facts.lost_provisional + facts.unaccounted);
        let advice =
            "a busy machine, a weak cable or hub, or a driver with too small a buffer may be the reason";
        found.push(fault("the device loses audio", detail, advice));
    } else if facts.lost_provisional > 0 {
        let detail = format!("{} frames seem to be missing; it is not settled", facts.lost_provisional);
        found.push(note("the device may lose audio", detail, "run it again for longer, with --seconds 30"));
    } else if facts.unaccounted > 0 && facts.actual_rate_hz.is_none() {
        let detail =
            format!("as the clock says, {} frames are missing that are in no account", facts.unaccounted);
        let advice = "run it again for longer, with --seconds 30; is the machine very busy?";
        found.push(fault("audio is missing", detail, advice));
    }
    if facts.errors > 0 {
        let detail = format!("{} errors, {} of them lost data", facts.errors, facts.xruns);
        found.push(fault("the device reports errors", detail, "look at the audio service's log"));
    }
    if let Some(actual) = facts.actual_rate_hz {
        let detail = format!("it says {} Hz and runs at {actual} Hz", facts.rate_hz);
        let advice = "record with --device-rate and another rate, or update the driver";
        found.push(fault("the sample rate is wrong", detail, advice));
    }
    if facts.peak_dbfs < SILENT_DBFS {
        let detail = if facts.peak_dbfs.is_finite() && facts.peak_dbfs > -200.0 {
            format!("the loudest moment was {:.1} dBFS", facts.peak_dbfs)
        } else {
            "every sample was zero".into()
        };
        let advice = "a switch on the microphone, the system's mixer, or a refused permission may mute it";
        found.push(fault("no signal: is it muted?", detail, advice));
    } else if facts.peak_dbfs < FAINT_DBFS {
        let detail = format!("the loudest moment was {:.1} dBFS", facts.peak_dbfs);
        found.push(note("it is very quiet", detail, "speak while this runs; if you did, turn the gain up"));
    }
    if facts.peak_dbfs >= CLIPPED_DBFS {
        let detail = format!("it reached {:.1} dBFS", facts.peak_dbfs);
        found.push(note("it is too loud and clips", detail, "turn the microphone's gain down"));
    }
    if let Some(detail) = dead_channels(&facts.dead_channels) {
        let advice = "that is all right for one microphone on more inputs: a mono mix leaves it out; else look at the plug";
        found.push(note("not every channel carries sound", detail, advice));
    }
    if let Some(age) = facts.age.filter(|age| *age > OLD) {
        let detail = format!("one chunk in a hundred was older than {:.0} ms when it came", age * 1e3);
        found.push(note("audio comes late", detail, "for anything live, ask the system for smaller buffers"));
    }
    found.extend(clock(facts));
    // Stable: within each kind the order of above.
    found.sort_by_key(|finding| !finding.is_fault);
    found
}

fn times(count: usize) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

fn clock(facts: &Facts) -> Option<Finding> {
    let note = |what: &str, detail: String, advice| {
        Some(Finding { what: what.into(), detail, advice, is_fault: false })
    };
    let good = |bound: f64| format!("a time of capture is good to {:.1} ms", bound * 1e3);
    let within = facts.bound.map_or_else(|| "nothing is known about its times".to_owned(), good);
    let fine = "nothing to do: the times say how good they are";
    match facts.class {
        StampClass::Learning => {
            note("too short to judge the clock", within, "run it for longer, with --seconds 30")
        }
        StampClass::Quantised => note("stamps are coarse", within, fine),
        StampClass::Observed => note("the device's clock says nothing", within, fine),
        StampClass::Smoothed => note("stamps are an audio server's guess", within, fine),
        // What is exact needs no time to be known.
        _ if facts.bound.is_none_or(|bound| bound > GOOD)
            && facts.captured < u64::from(facts.rate_hz) * KNOWN_AFTER =>
        {
            note("too short to judge the clock", within, "run it for longer, with --seconds 30")
        }
        // Where frames are missing, a rate only says how many.
        _ if facts.ppm.abs() > MOST_PPM && facts.lost + facts.lost_provisional + facts.unaccounted == 0 => {
            let advice = "does the device belong to a virtual machine, or to a network?";
            note("the clock is far off", format!("{:+.0} ppm", facts.ppm), advice)
        }
        StampClass::LateOnly => note("stamps are late by turns", within, fine),
        _ => None,
    }
}

/// The one line: what is worst, or that all is well.
pub fn verdict(findings: &[Finding]) -> &str {
    findings.iter().find(|finding| finding.is_fault).map_or("healthy", |finding| &finding.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is done to a healthy device, and what is said then.
    type Case = (fn(&mut Facts), &'static str);

    fn healthy() -> Facts {
        Facts {
            failure: None,
            permission: Some(Permission::Granted),
            captured: 30 * 48_000,
            stalls: 0,
            quiet: 0.02,
            dropped: 0,
            lost: 0,
            lost_provisional: 0,
            unaccounted: 0,
            errors: 0,
            xruns: 0,
            class: StampClass::Device,
            bound: Some(0.000_05),
            ppm: 12.0,
            rate_hz: 48_000,
            actual_rate_hz: None,
            peak_dbfs: -20.0,
            dead_channels: Vec::new(),
            age: Some(0.03),
        }
    }

    #[test]
    fn a_device_without_a_fault_is_healthy() {
        assert_eq!(findings(&healthy()), []);
        let heard = Facts { permission: Some(Permission::Denied), ..healthy() };
        assert_eq!(findings(&heard), [], "what is heard is not refused");
        assert_eq!(verdict(&[]), "healthy");
    }

    #[test]
    fn each_fault_is_named_and_nothing_else() {
        let cases: [Case; 13] = [
            (|facts| facts.failure = Some("gone".into()), "the device failed"),
            (|facts| facts.captured = 0, "the device delivers nothing"),
            (|facts| facts.stalls = 1, "the device stalls"),
            (|facts| facts.dropped = 1, "the program was too slow"),
            (|facts| facts.lost = 1, "the device loses audio"),
            (|facts| facts.unaccounted = 9_600, "audio is missing"),
            (|facts| (facts.unaccounted, facts.ppm) = (72_000, -500_000.0), "audio is missing"),
            (|facts| (facts.lost, facts.ppm) = (72_000, -500_000.0), "the device loses audio"),
            (|facts| facts.errors = 1, "the device reports errors"),
            (|facts| facts.actual_rate_hz = Some(44_100), "the sample rate is wrong"),
            (|facts| facts.peak_dbfs = f64::NEG_INFINITY, "no signal: is it muted?"),
            (
                |facts| (facts.peak_dbfs, facts.permission) = (-300.0, Some(Permission::Denied)),
                "access to the microphone is refused",
            ),
            (
                |facts| (facts.captured, facts.permission) = (0, Some(Permission::Restricted)),
                "access to the microphone is refused",
            ),
        ];
        for (break_it, what) in cases {
            let mut facts = healthy();
            break_it(&mut facts);
            let found = findings(&facts);
            assert_eq!((found.len(), verdict(&found)), (1, what), "{found:?}");
        }
    }

    #[test]
    fn what_is_good_to_know_makes_nobody_ill() {
        let cases: [Case; 11] = [
            (|facts| facts.dead_channels = vec![1], "not every channel carries sound"),
            (|facts| facts.lost_provisional = 1, "the device may lose audio"),
            (|facts| facts.peak_dbfs = -60.0, "it is very quiet"),
            (|facts| facts.peak_dbfs = 0.0, "it is too loud and clips"),
            (|facts| facts.age = Some(0.4), "audio comes late"),
            (|facts| facts.class = StampClass::Learning, "too short to judge the clock"),
            (|facts| (facts.captured, facts.bound) = (48_000, Some(0.002)), "too short to judge the clock"),
            (|facts| facts.class = StampClass::Quantised, "stamps are coarse"),
            (|facts| facts.class = StampClass::Observed, "the device's clock says nothing"),
            (|facts| facts.class = StampClass::Smoothed, "stamps are an audio server's guess"),
            (|facts| facts.ppm = -2000.0, "the clock is far off"),
        ];
        for (change, what) in cases {
            let mut facts = healthy();
            change(&mut facts);
            let found = findings(&facts);
            assert_eq!((found.len(), found[0].what.as_str(), verdict(&found)), (1, what, "healthy"));
        }
    }

    #[test]
    fn faults_come_first() {
        let mut facts = healthy();
        (facts.peak_dbfs, facts.class, facts.lost) = (-60.0, StampClass::Quantised, 7);
        let found = findings(&facts);
        assert_eq!(found.iter().map(|finding| finding.is_fault).collect::<Vec<_>>(), [true, false, false]);
    }
}

//! A check-up for programs: the schema `hearken.doctor/1`.

use super::checkup::Checkup;
use super::health::{Finding, verdict};
use crate::failure::Failure;
use crate::json::{Clock, Event, Gap, Input, Ledger, ms};
use hearken::{Cadence, Permission};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct Diagnosis<'a> {
    schema: &'static str,
    healthy: bool,
    verdict: &'a str,
    findings: Vec<Told<'a>>,
    input: Input,
    permission: Option<&'static str>,
    first_callback_ms: Option<f64>,
    callback: Callback,
    age_ms: Age,
    clock: Clock,
    ledger: Ledger,
    gaps: Vec<Gap>,
    errors: u64,
    xruns: u64,
    peak_dbfs: Option<f64>,
    events: Vec<Event>,
}

#[derive(Debug, Serialize)]
struct Told<'a> {
    what: &'a str,
    detail: &'a str,
    advice: &'static str,
    fault: bool,
}

/// Sizes in frames, intervals in milliseconds; `null` where no callback was seen.
#[derive(Debug, Serialize)]
struct Callback {
    count: u64,
    min_frames: Option<u64>,
    median_frames: Option<u64>,
    max_frames: u64,
    interval_p50_ms: Option<f64>,
    interval_p99_ms: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Age {
    p50: Option<f64>,
    p99: Option<f64>,
}

impl<'a> Diagnosis<'a> {
    pub fn new(checkup: &Checkup, findings: &'a [Finding]) -> Self {
        let (report, verdict) = (&checkup.report, verdict(findings));
        let told = |finding: &'a Finding| {
            let Finding { what, detail, advice, is_fault } = finding;
            Told { what, detail, advice, fault: *is_fault }
        };
        let cadence = checkup.cadence();
        let interval = |share| cadence.and_then(|cadence| cadence.interval(share)).map(ms);
        let size = |share| cadence.and_then(|cadence: &Cadence| cadence.size(share));
        let age = |share| checkup.age(share).map(|age| (age * 1e6).round() / 1e3);
        Self {
            schema: "hearken.doctor/1",
            healthy: !findings.iter().any(|finding| finding.is_fault),
            verdict,
            findings: findings.iter().map(told).collect(),
            input: Input::from(&report.input),
            permission: checkup.permission.map(Permission::name),
            first_callback_ms: checkup.first_callback.map(ms),
            callback: Callback {
                count: report.stats.callbacks,
                min_frames: size(0.0),
                median_frames: size(0.5),
                max_frames: report.stats.max_callback_frames,
                interval_p50_ms: interval(0.5),
                interval_p99_ms: interval(0.99),
            },
            age_ms: Age { p50: age(0.5), p99: age(0.99) },
            clock: Clock::from(report.stats.clock),
            ledger: Ledger::from(report.stats.ledger),
            gaps: report.gaps.iter().map(Gap::from).collect(),
            errors: report.stats.errors,
            xruns: report.stats.xruns,
            // Infinity is no number in JSON.
            peak_dbfs: checkup.peak.is_finite().then_some((checkup.peak * 10.0).round() / 10.0),
            events: report.events.iter().map(Event::from).collect(),
        }
    }

    /// On one line.
    pub fn text(&self) -> Result<String, Failure> {
        let text = serde_json::to_string(self).map_err(|error| Failure::run(error.to_string()))?;
        Ok(text + "\n")
    }
}

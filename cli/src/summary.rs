//! The account of a take for people.

use crate::json::bound;
use crate::record::{Segment, one_line};
use hearken::{Away, Cause, ClockStats, EpochReport, Gap, Ledger, Report, TakeReport, Written};
use std::fmt::Write as _;
use std::path::Path;

/// Gaps that are listed; the others are counted.
const MOST_GAPS: usize = 20;

/// Opens that are listed.
const MOST_EPOCHS: usize = 20;

/// What was written, and where every frame of the input went.
pub fn summary(report: &Report, path: &Path, written: &Written) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = tell(&mut text, report, path, written);
    text
}

fn tell(text: &mut String, report: &Report, path: &Path, written: &Written) -> std::fmt::Result {
    let &Written { format, frames, behind, cut } = written;
    let seconds = frames as f64 / f64::from(format.rate_hz);
    writeln!(text, "wrote {}: {seconds:.3} s, {frames} frames ({format})", path.display())?;
    if behind > 0 {
        let lost = behind as f64 / f64::from(format.rate_hz);
        writeln!(
            text,
            "THE DISK WAS TOO SLOW: {behind} frames ({lost:.3} s) were lost; silence stands for them"
        )?;
    }
    if cut > 0 {
        let seconds = cut as f64 / f64::from(format.rate_hz);
        writeln!(
            text,
            "{cut} frames ({seconds:.3} s) of pauses and holes longer than a minute were left out"
        )?;
    }
    tell_input(text, report)
}

/// Where every frame of the input went.
pub fn account(report: &Report) -> String {
    let mut text = String::new();
    let _ = tell_input(&mut text, report);
    text
}

fn tell_input(text: &mut String, report: &Report) -> std::fmt::Result {
    let ledger = report.stats.ledger;
    // The first input's frames are what the account counts in.
    let input = report.epochs.first().map_or(report.input.format, |epoch| epoch.input.format);
    let rows = [
        ("captured", ledger.captured),
        ("delivered", ledger.delivered),
        ("dropped", ledger.dropped),
        ("discarded", ledger.discarded),
        ("pending", ledger.pending),
        ("lost", ledger.lost),
        ("may be lost", ledger.lost_provisional),
    ];
    writeln!(text, "frames of the input ({input}):")?;
    let width = rows.iter().map(|(_, frames)| frames.to_string().len()).max().unwrap_or(0);
    // Pending is 0 unless a callback is stuck, and then it should be seen; and so should what is in doubt.
    let is_always_told = |name: &str| !matches!(name, "pending" | "may be lost");
    for (name, frames) in rows.iter().filter(|(name, frames)| is_always_told(name) || *frames > 0) {
        writeln!(text, "  {name:9}  {frames:width$}")?;
    }
    writeln!(text, "  {}", if ledger.balanced() { "balanced" } else { "NOT BALANCED: this is a defect" })?;
    if let Some(said) = disagreement(&ledger, input.rate_hz) {
        writeln!(text, "  BUT {said}")?;
    }
    if let Some(said) = dead_channels(report.dead_channels()) {
        writeln!(text, "{said}: a mono mix goes without")?;
    }
    if report.epochs.len() > 1 {
        writeln!(text, "the microphone was opened {} times:", report.epochs.len())?;
        for epoch in report.epochs.iter().take(MOST_EPOCHS) {
            tell_epoch(text, epoch)?;
        }
        if report.epochs.len() > MOST_EPOCHS {
            writeln!(text, "  and {} times more", report.epochs.len() - MOST_EPOCHS)?;
        }
    }
    tell_gaps(text, "gaps", &report.gaps, input.rate_hz)?;
    tell_gaps(text, "looked lost at the end, and may be", &report.provisional, input.rate_hz)?;
    if report.stats.repaired_samples > 0 {
        let samples = report.stats.repaired_samples;
        writeln!(text, "{samples} samples were no finite numbers, or absurd, and count as silence")?;
    }
    Ok(())
}

/// Which channels of the input carry nothing while others do, if any.
pub fn dead_channels(channels: &[u16]) -> Option<String> {
    let named: Vec<_> = channels.iter().map(ToString::to_string).collect();
    match channels {
        [] => None,
        [only] => Some(format!("channel {only} carries nothing")),
        _ => Some(format!("channels {} carry nothing", named.join(", "))),
    }
}

fn tell_gaps(text: &mut String, what: &str, gaps: &[Gap], rate_hz: u32) -> std::fmt::Result {
    if !gaps.is_empty() {
        writeln!(text, "{what}:")?;
    }
    for gap in gaps.iter().take(MOST_GAPS) {
        let at = gap.position as f64 / f64::from(rate_hz);
        let length = gap.frames as f64 / f64::from(rate_hz);
        write!(text, "  at {at:.3} s: {length:.3} s ({} frames", gap.frames)?;
        if gap.error_frames > 0 {
            write!(text, ", give or take {}", gap.error_frames)?;
        }
        writeln!(text, ") {}", cause(gap.cause))?;
    }
    if gaps.len() > MOST_GAPS {
        writeln!(text, "  and {} more", gaps.len() - MOST_GAPS)?;
    }
    Ok(())
}

/// What the clock says against the ledger, if it does.
pub fn disagreement(ledger: &Ledger, rate_hz: u32) -> Option<String> {
    let &Ledger { unaccounted, unaccounted_error, .. } = ledger;
    let seconds = unaccounted as f64 / f64::from(rate_hz);
    let said = format!(
        "the clock says that {unaccounted} frames more ({seconds:.3} s, give or take {unaccounted_error}) are missing"
    );
    (!ledger.clock_agrees()).then_some(said)
}

/// Of a take within the capture its length and its sound; and how much speech is in the file, in frames of `rate_hz`.
pub fn of_the_take(take: Option<&TakeReport>, segments: Option<&[Segment]>, rate_hz: u32) -> String {
    let mut text = String::new();
    if let Some(take) = take {
        let seconds = take.frames as f64 / f64::from(take.rate_hz);
        let verdicts: Vec<_> = take.verdicts.iter().map(ToString::to_string).collect();
        text += &format!("the take: {seconds:.3} s, sound {}\n", verdicts.join(", "));
    }
    if let Some(segments) = segments {
        let frames: u64 = segments.iter().map(|segment| segment.end - segment.start).sum();
        let seconds = frames as f64 / f64::from(rate_hz);
        text += &format!("speech: {} stretches, {seconds:.3} s\n", segments.len());
    }
    text
}

fn tell_epoch(text: &mut String, epoch: &EpochReport) -> std::fmt::Result {
    let EpochReport { input, started_at, ledger, ended, .. } = epoch;
    let name = one_line(&input.name);
    write!(
        text,
        "  at {:.3} s: {name} ({}), {} frames",
        started_at.as_secs_f64(),
        input.format,
        ledger.captured
    )?;
    match ended {
        Some(why) => writeln!(text, ", ended: {}", cause(Cause::Away(*why))),
        None => writeln!(text),
    }
}

/// With what failed, if the device did.
pub fn cause(cause: Cause) -> String {
    match cause {
        Cause::Away(Away::Failed(kind)) => format!("{cause} ({})", kind.name()),
        _ => cause.to_string(),
    }
}

/// How good the newest time of capture is, in words.
pub fn within(clock: &ClockStats) -> String {
    let ms = |bound: std::time::Duration| format!("within {:.3} ms", bound.as_secs_f64() * 1e3);
    bound(clock).map_or_else(|| "not known yet".to_owned(), ms)
}

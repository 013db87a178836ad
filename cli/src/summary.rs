//! The account of a take for people.

use hearken::{Report, Written};
use std::fmt::Write as _;
use std::path::Path;

/// Gaps that are listed; the others are counted.
const MOST_GAPS: usize = 20;

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
    let ledger = report.stats.ledger;
    let input = report.input.format;
    let rows = [
        ("captured", ledger.captured),
        ("delivered", ledger.delivered),
        ("dropped", ledger.dropped),
        ("discarded", ledger.discarded),
        ("pending", ledger.pending),
        ("lost", ledger.lost),
    ];
    writeln!(text, "frames of the input ({input}):")?;
    let width = rows.iter().map(|(_, frames)| frames.to_string().len()).max().unwrap_or(0);
    // Pending is 0 unless a callback is stuck, and then it should be seen.
    for (name, frames) in rows.iter().filter(|(name, frames)| *name != "pending" || *frames > 0) {
        writeln!(text, "  {name:9}  {frames:width$}")?;
    }
    writeln!(text, "  {}", if ledger.balanced() { "balanced" } else { "NOT BALANCED: this is a defect" })?;
    if !report.gaps.is_empty() {
        writeln!(text, "gaps:")?;
    }
    for gap in report.gaps.iter().take(MOST_GAPS) {
        let at = gap.position as f64 / f64::from(input.rate_hz);
        let length = gap.frames as f64 / f64::from(input.rate_hz);
        write!(text, "  at {at:.3} s: {length:.3} s ({} frames", gap.frames)?;
        if gap.error_frames > 0 {
            write!(text, ", give or take {}", gap.error_frames)?;
        }
        writeln!(text, ") {}", gap.cause)?;
    }
    if report.gaps.len() > MOST_GAPS {
        writeln!(text, "  and {} more", report.gaps.len() - MOST_GAPS)?;
    }
    if report.stats.repaired_samples > 0 {
        let samples = report.stats.repaired_samples;
        writeln!(text, "{samples} samples were no finite numbers, or absurd, and count as silence")?;
    }
    Ok(())
}

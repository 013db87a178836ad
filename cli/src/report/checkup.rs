//! A device's check-up as a picture.

use super::plot::{Axis, Plot};
use super::{Page, clock, events};
use crate::doctor::{Checkup, Finding, Loudness, verdict};
use hearken::{Cadence, Gap};

const BOTTOM_DBFS: f64 = -90.0;

/// The page about a check-up and what was found.
pub fn page(checkup: &Checkup, findings: &[Finding]) -> String {
    let rows = checkup.rows();
    let device = rows.first().map_or("", |(_, device)| device);
    let mut page = Page::new(verdict(findings), device);
    if findings.is_empty() {
        page.paragraph("good", "nothing was found to be wrong");
    }
    for Finding { what, detail, advice, is_fault } in findings {
        page.paragraph(if *is_fault { "bad" } else { "dim" }, &format!("{what}: {detail}; {advice}"));
    }
    page.heading("Levels");
    page.plot(levels(checkup.levels.points(), &checkup.report.gaps, checkup.report.input.format.rate_hz));
    page.heading("From callback to callback");
    page.plot(intervals(checkup.cadence()));
    page.heading("Clock");
    page.plot(clock(checkup.clock.ticks.points()));
    page.heading("Figures");
    let rows: Vec<_> = rows.into_iter().map(|(name, value)| [name.to_owned(), value]).collect();
    page.table(&[], &rows);
    events(&mut page, &checkup.report.events);
    page.finish()
}

fn levels(levels: &[Loudness], gaps: &[Gap], rate_hz: u32) -> Plot {
    let end = levels.last().map_or(1.0, |level| level.at);
    let (x, y) = (Axis::new(0.0, end, "s"), Axis::new(BOTTOM_DBFS, 0.0, "dBFS: peak, and RMS below it"));
    let mut plot = Plot::new("The levels over time", x, y, 200.0);
    for gap in gaps {
        let (from, length) =
            (gap.position as f64 / f64::from(rate_hz), gap.frames as f64 / f64::from(rate_hz));
        plot.hole(from, from + length, &format!("{} {length:.3} s", gap.cause));
    }
    plot.line("thin", levels.iter().map(|level| (level.at, level.peak)));
    plot.line("line", levels.iter().map(|level| (level.at, level.rms)));
    plot
}

/// How often each interval came; the scale is the logarithm, so that the one that came once is seen.
fn intervals(cadence: Option<&Cadence>) -> Plot {
    let bars: Vec<(f64, f64)> = cadence
        .into_iter()
        .flat_map(Cadence::intervals)
        .map(|(interval, count)| (interval.as_secs_f64() * 1e3, count as f64))
        .collect();
    let longest = bars.last().map_or(1.0, |(ms, _)| *ms);
    let most = bars.iter().map(|(_, count)| count.log10()).fold(0.0, f64::max);
    let x = Axis::new(0.0, longest * 1.05, "ms between the stamps of two callbacks");
    let y = Axis::new(-0.2, most + 0.2, "how many, as a power of 10");
    let mut plot = Plot::new("How often each interval came", x, y, 200.0);
    plot.strokes("bar", bars.iter().map(|(ms, count)| (*ms, -0.2, count.log10())));
    plot
}

//! The take as a picture.

use super::plot::{Axis, Plot};
use super::{Page, clock, events};
use crate::json::bound;
use crate::record::one_line;
use crate::summary::{cause, disagreement, within};
use crate::trace::ClockTrace;
use crate::wave::Wave;
use hearken::{Cause, Gap, Report, Written};
use std::path::Path;
use std::time::Duration;

/// The bottom of the levels' picture.
const BOTTOM_DBFS: f64 = -90.0;

/// The page about a take that `path` holds.
pub fn page(report: &Report, path: &Path, written: &Written, wave: &Wave, ticks: &ClockTrace) -> String {
    let input = &report.input;
    let subtitle = format!(
        "{:.3} s, {} frames ({}) from {} ({}, {})",
        wave.seconds,
        written.frames,
        written.format,
        one_line(&input.name),
        input.host,
        input.format
    );
    let mut page = Page::new(&path.display().to_string(), &subtitle);
    let ledger = report.stats.ledger;
    let (class, word) = if ledger.balanced() {
        ("good", "every frame is accounted for")
    } else {
        ("bad", "NOT BALANCED: this is a defect")
    };
    page.paragraph(class, word);
    if let Some(said) = disagreement(&ledger, rate(report) as u32) {
        page.paragraph("bad", &format!("but {said}"));
    }
    if written.behind > 0 {
        page.paragraph("bad", &format!("the disk was too slow: {} frames are silence", written.behind));
    }
    page.heading("Waveform");
    page.plot(waveform(report, wave));
    page.heading("Levels");
    page.plot(levels(report, wave));
    page.heading("Clock");
    page.plot(clock(ticks.ticks.points()));
    let stats = report.stats.clock;
    let said =
        format!("{} stamps, {:+.2} ppm, at the end {}", stats.class.name(), stats.ppm(), within(&stats));
    page.paragraph("dim", &said);
    page.heading("Ledger, in frames of the input");
    let row = |name: &str, frames: u64| [name.to_owned(), frames.to_string()];
    page.table(
        &[],
        &[
            row("captured", ledger.captured),
            row("delivered", ledger.delivered),
            row("dropped", ledger.dropped),
            row("discarded", ledger.discarded),
            row("pending", ledger.pending),
            row("lost by the device", ledger.lost),
            row("may be lost besides", ledger.lost_provisional),
        ],
    );
    for (heading, gaps) in
        [("Gaps", &report.gaps), ("What looked lost at the end, and may be", &report.provisional)]
    {
        if !gaps.is_empty() {
            page.heading(heading);
            let rows: Vec<_> = gaps.iter().map(|gap| gap_row(report, gap)).collect();
            page.table(&["s", "length, s", "frames", "give or take", "why"], &rows);
        }
    }
    epochs(&mut page, report);
    events(&mut page, &report.events);
    page.finish()
}

/// Frames per second of the axis that gaps are counted on.
fn rate(report: &Report) -> f64 {
    report.epochs.first().map_or(report.input.format.rate_hz, |epoch| epoch.input.format.rate_hz).into()
}

fn gap_row(report: &Report, gap: &Gap) -> [String; 5] {
    let seconds = |frames: u64| format!("{:.3}", frames as f64 / rate(report));
    let (frames, error) = (gap.frames.to_string(), gap.error_frames.to_string());
    [seconds(gap.position), seconds(gap.frames), frames, error, cause(gap.cause)]
}

/// Holes, and where another epoch begins.
fn mark(plot: &mut Plot, report: &Report) {
    let rate = rate(report);
    for gap in &report.gaps {
        let from = gap.position as f64 / rate;
        plot.hole(from, from + gap.frames as f64 / rate, &name(gap, rate));
    }
    let first = report.epochs.first().map_or(Duration::ZERO, |epoch| epoch.started_at);
    for epoch in report.epochs.iter().skip(1) {
        let since = epoch.started_at.saturating_sub(first).as_secs_f64();
        plot.mark(since, &format!("open again: {}", one_line(&epoch.input.name)));
    }
}

fn name(gap: &Gap, rate: f64) -> String {
    let length = gap.frames as f64 / rate;
    match gap.cause {
        Cause::Away(why) => format!("{} {length:.2} s", why.name()),
        other => format!("{other} {length:.3} s"),
    }
}

fn waveform(report: &Report, wave: &Wave) -> Plot {
    let (x, y) = (Axis::new(0.0, wave.seconds, "s"), Axis::new(-1.0, 1.0, "full scale is 1"));
    let mut plot = Plot::new("The waveform", x, y, 240.0);
    mark(&mut plot, report);
    let strokes = columns(wave).map(|(at, column)| (at, f64::from(column.min), f64::from(column.max)));
    plot.strokes("wave", strokes);
    plot
}

fn levels(report: &Report, wave: &Wave) -> Plot {
    let (x, y) =
        (Axis::new(0.0, wave.seconds, "s"), Axis::new(BOTTOM_DBFS, 0.0, "dBFS: peak, and RMS below it"));
    let mut plot = Plot::new("The levels over time", x, y, 180.0);
    mark(&mut plot, report);
    let dbfs = |linear: f32| f64::from(20.0 * linear.max(1e-10).log10());
    plot.line("thin", columns(wave).map(|(at, column)| (at, dbfs(column.max.max(-column.min)))));
    plot.line("line", columns(wave).map(|(at, column)| (at, dbfs(column.rms))));
    plot
}

/// Each column and the middle of its stretch, in seconds.
fn columns(wave: &Wave) -> impl Iterator<Item = (f64, crate::wave::Column)> {
    let length = wave.seconds / wave.columns.len() as f64;
    wave.columns.iter().enumerate().map(move |(index, column)| ((index as f64 + 0.5) * length, *column))
}

fn epochs(page: &mut Page, report: &Report) {
    let rows: Vec<_> = report
        .epochs
        .iter()
        .map(|epoch| {
            let ended = epoch.ended.map_or("with the take".to_owned(), |why| cause(Cause::Away(why)));
            [
                format!("{:.3}", epoch.started_at.as_secs_f64()),
                one_line(&epoch.input.name),
                epoch.input.format.to_string(),
                epoch.ledger.captured.to_string(),
                epoch.clock.class.name().to_owned(),
                format!("{:.2}", epoch.clock.ppm()),
                bound(&epoch.clock).map_or("-".into(), |bound| format!("{:.3}", bound.as_secs_f64() * 1e3)),
                ended,
            ]
        })
        .collect();
    page.heading("Epochs: each open of a device");
    page.table(&["s", "device", "format", "frames", "stamps", "ppm", "within, ms", "ended"], &rows);
}

#[cfg(test)]
mod tests {
    use super::super::tests::assert_sound;
    use super::*;
    use crate::wave::Column;
    use hearken::wav::{Encoding, WavFormat};
    use hearken::{
        Away, ErrorKind, Event, EventKind, InputInfo, SampleFormat, Stats, StopReason, StreamFormat,
    };

    fn page_of(gaps: Vec<Gap>) -> String {
        let format = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };
        let input = InputInfo {
            host: "alsa".into(),
            id: "a".into(),
            name: "<Mic> & Söhne\nUSB".into(),
            format,
            server: None,
            period_frames: None,
        };
        let events = vec![Event { at: Duration::from_secs(2), kind: EventKind::Reopened(input.clone()) }];
        let report = Report {
            reason: StopReason::Finished,
            input,
            stats: Stats::default(),
            gaps,
            provisional: Vec::new(),
            epochs: Vec::new(),
            events,
            late_callbacks: 0,
            released: true,
        };
        let wav = WavFormat { rate_hz: 48_000, channels: 1, encoding: Encoding::I16 };
        let written = Written { format: wav, frames: 192_000, behind: 0, cut: 0 };
        let columns = vec![Column { min: -0.5, max: 0.25, rms: 0.1 }; 960];
        let wave = Wave { columns, seconds: 4.0 };
        page(&report, Path::new("a<b>.wav"), &written, &wave, &ClockTrace::default())
    }

    #[test]
    fn a_take_shows_its_wave_and_its_holes_by_name_where_they_are() {
        let cause = Cause::Away(Away::Failed(ErrorKind::DeviceLost));
        let gap = Gap { position: 48_000, frames: 24_000, error_frames: 480, cause };
        let page = page_of(vec![gap]);
        assert_sound(&page);
        assert!(page.contains("a&lt;b&gt;.wav") && page.contains("&lt;Mic&gt; &amp; Söhne, USB"), "{page}");
        // A quarter of the way, an eighth long, in both pictures.
        let hole = "<rect class=\"hole\" x=\"285.0\" y=\"22\" width=\"110.5\"";
        assert_eq!(page.matches(hole).count(), 2, "{page}");
        assert!(page.contains(">device failed 0.50 s</text>"), "{page}");
        assert!(page.contains("<td>device failed (device lost)</td>"), "{page}");
        assert_eq!(page.matches("<svg").count(), 3);
        // Half of full scale down from the middle, a quarter up.
        assert!(page.contains("M64.5 91.0V160.0"), "{page}");
    }

    #[test]
    fn a_take_without_a_hole_has_none_in_its_picture() {
        let page = page_of(Vec::new());
        assert_sound(&page);
        assert!(!page.contains("class=\"hole\"") && !page.contains("<h2>Gaps"), "{page}");
    }
}

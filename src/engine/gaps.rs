//! The holes, told and kept.

use super::line::Line;
use super::outlets::Outlets;
use crate::event::{Bulletin, EventKind};
use crate::timeline::{Cause, Gap, Span};

/// Gap records that are kept for the report; the ledger counts all of them.
const MOST_GAPS: usize = 4096;

/// A hole, for the taps and for the report.
pub(super) fn hole(
    span: Span,
    line: &Line,
    first_hz: u32,
    outlets: &mut Outlets,
    gaps: &mut Vec<Gap>,
    bulletin: &mut Bulletin,
) {
    outlets.hole(line.on_axis(span), line);
    let Some(cause) = span.missing else { return };
    let (position, end) = (line.place(span.start, first_hz), line.place(span.end, first_hz));
    note(Gap { position, frames: end - position, error_frames: 0, cause }, gaps, bulletin);
}

/// A gap for the report; neighbours of one cause are one.
pub(super) fn note(gap: Gap, gaps: &mut Vec<Gap>, bulletin: &mut Bulletin) {
    if let Some(last) = gaps.last_mut()
        && last.cause == gap.cause
        && last.cause != Cause::Lost
        && last.position + last.frames == gap.position
    {
        last.frames += gap.frames;
        return;
    }
    bulletin.tell(EventKind::Gap(gap));
    if gaps.len() < MOST_GAPS {
        gaps.push(gap);
    }
}

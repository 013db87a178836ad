//! What the microphones gave, and where a tap's frames are in it.

use crate::play::{Piece, Played};
use hearken::{Cause, Gap};
use std::ops::Range;
use std::time::Duration;

/// Every frame that was given to a callback, one opening after the other.
#[derive(Debug, Default)]
pub struct Truth {
    /// What the first channel's samples say.
    pub numbers: Vec<u16>,
    pub blocks: Vec<Block>,
    pub streams: Vec<Stream>,
    pub rate_hz: f64,
}

/// What one callback brought.
#[derive(Clone, Debug)]
pub struct Block {
    /// Places in [`Truth::numbers`].
    pub places: Range<usize>,
    pub at: Duration,
    /// When the first frame was captured.
    pub captured: Duration,
    /// Frames that the device made between blocks of one opening and gave to nobody, from the first block to this one;
    /// negative where it gave some twice.
    pub lost: i64,
}

/// One opening of a microphone.
#[derive(Clone, Debug)]
pub struct Stream {
    pub places: Range<usize>,
    pub first_at: Duration,
    pub last_at: Duration,
}

impl Truth {
    pub fn new(played: &Played, rate_hz: u32) -> Self {
        let mut streams = Vec::new();
        for callbacks in &played.callbacks {
            let mut numbers: Vec<u64> = callbacks.iter().map(|callback| callback.stream).collect();
            numbers.sort_unstable();
            numbers.dedup();
            for number in numbers {
                let of = callbacks.iter().filter(|callback| callback.stream == number);
                let of: Vec<_> = of.filter(|callback| !callback.frames.is_empty()).collect();
                streams.extend((!of.is_empty()).then_some(of));
            }
        }
        streams.sort_by_key(|callbacks| callbacks[0].at);
        let mut truth = Self { rate_hz: rate_hz.into(), ..Self::default() };
        let mut lost = 0;
        for callbacks in streams {
            let (start, mut next) = (truth.numbers.len(), callbacks[0].frames.start);
            for callback in &callbacks {
                let place = truth.numbers.len();
                lost += callback.frames.start as i64 - next as i64;
                truth.numbers.extend(callback.frames.clone().map(|frame| frame as u16));
                truth.blocks.push(Block {
                    places: place..truth.numbers.len(),
                    at: callback.at,
                    captured: callback.captured,
                    lost,
                });
                next = callback.frames.end;
            }
            let (first, last) = (callbacks[0], callbacks[callbacks.len() - 1]);
            let places = start..truth.numbers.len();
            truth.streams.push(Stream { places, first_at: first.at, last_at: last.at });
        }
        truth
    }

    /// The block that a frame came in.
    pub fn block(&self, place: usize) -> Option<&Block> {
        let block = self.blocks.partition_point(|block| block.places.end <= place);
        self.blocks.get(block)
    }

    pub fn stream(&self, place: usize) -> Option<&Stream> {
        self.streams.get(self.stream_number(place))
    }

    pub fn stream_number(&self, place: usize) -> usize {
        self.streams.partition_point(|stream| stream.places.end <= place)
    }

    /// When a frame was captured, in seconds.
    pub fn captured(&self, place: usize) -> f64 {
        match self.block(place) {
            Some(block) => block.captured.as_secs_f64() + (place - block.places.start) as f64 / self.rate_hz,
            None => f64::NAN,
        }
    }

    /// What the device lost within its streams, in what came before a frame: in all.
    pub fn lost_before(&self, place: usize) -> i64 {
        self.block(place).or(self.blocks.last()).map_or(0, |block| block.lost)
    }

    /// The place from which most of `numbers` is found; of equals, that which was captured nearest to a moment, or where
    /// that is not known, first behind another.
    fn find(&self, seconds: f64, not_before: f64, numbers: &[u16]) -> Option<usize> {
        let same = |place: usize| {
            let pairs = self.numbers[place..].iter().zip(numbers);
            pairs.take_while(|(own, other)| own == other).count()
        };
        let starts = (0..self.numbers.len()).filter(|place| self.numbers[*place] == numbers[0]);
        let found = starts.map(|place| (same(place), place));
        let found = found.filter(|(same, _)| *same >= numbers.len().min(16));
        let best = found.min_by_key(|(same, place)| {
            let captured = self.captured(*place);
            let distance = ((captured - seconds).abs() * 1e6) as u64;
            (std::cmp::Reverse(*same), seconds == 0.0 && captured < not_before, distance, *place)
        });
        best.map(|(_, place)| place)
    }
}

/// What a bare tap's pieces come to, in the order of its positions.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    Real { position: u64, numbers: &'a [u16], captured: f64 },
    Hole(Gap),
}

impl Item<'_> {
    pub fn range(&self) -> Range<u64> {
        match self {
            Self::Real { position, numbers, .. } => *position..position + numbers.len() as u64,
            Self::Hole(gap) => gap.position..gap.position + gap.frames,
        }
    }
}

/// Audio and holes, in order. `filled`: holes lie within chunks as silence.
pub fn items(pieces: &[Piece], first_open: f64) -> Vec<Item<'_>> {
    let gaps: Vec<Gap> = pieces.iter().flat_map(|piece| piece.gaps.iter().copied()).collect();
    let mut items: Vec<Item<'_>> = gaps.iter().map(|gap| Item::Hole(*gap)).collect();
    for piece in pieces {
        // What is left of it besides holes.
        let end = piece.position + piece.frames - piece.padding;
        let mut from = piece.position;
        let mut real = |from: u64, to: u64| {
            if from < to && !piece.numbers.is_empty() {
                let numbers =
                    &piece.numbers[(from - piece.position) as usize..(to - piece.position) as usize];
                let since = (from - piece.position) as f64 / f64::from(piece.rate_hz);
                let captured = first_open + piece.captured.at.as_secs_f64() + since;
                // One that may be off by seconds says nothing: numbers come again after some.
                let captured =
                    if piece.captured.bound > Duration::from_millis(1_500) { 0.0 } else { captured };
                items.push(Item::Real { position: from, numbers, captured });
            }
        };
        let first = gaps.partition_point(|gap| gap.position + gap.frames <= piece.position);
        for gap in &gaps[first.saturating_sub(8)..] {
            let (start, stop) = (gap.position.max(from), (gap.position + gap.frames).min(end));
            if gap.position >= end {
                break;
            }
            // One of no frames divides as well.
            if start <= stop && gap.position >= piece.position {
                real(from, start);
                from = stop;
            } else if start < stop {
                from = stop;
            }
        }
        real(from, end);
    }
    items.sort_by_key(|item| (item.range().start, item.range().end));
    items
}

/// The cause of audio that is not among what the microphones gave.
pub const NOBODY_MADE: &str = "audio that nobody made";

/// How far a tap was followed.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    /// Where its audio begins, if it has any.
    pub start: Option<usize>,
    /// Behind its last frame, or what its last hole stands for.
    pub end: usize,
    /// Positions of the first and last frames of stretches of audio, and their places.
    pub marks: Vec<Mark>,
    /// Frames at the ends of openings that are not in it.
    pub skipped: Vec<Range<usize>>,
    /// Whether nothing is unclear since its start.
    pub is_exact: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Mark {
    pub position: u64,
    pub place: usize,
    /// What was told until then: of the device's losses, frames; of how far off holes may be; whether a device was away.
    pub told_lost: u64,
    pub error: u64,
    pub holes: u64,
    pub was_away: bool,
}

/// Follows a bare tap through what the microphones gave. `start`: where it must begin, if that is known; `not_before`: when
/// its first frame was captured at the earliest.
///
/// # Errors
/// The first thing that is wrong: a cause, and the particulars.
pub fn follow(
    truth: &Truth,
    items: &[Item<'_>],
    start: Option<usize>,
    not_before: f64,
) -> Result<Followed, (String, String)> {
    let mut followed = Followed { is_exact: true, ..Followed::default() };
    let (mut place, mut is_known) = (start.unwrap_or(0), start.is_some());
    // As if there had been one before: an opening of which nothing came.
    let mut is_behind_absence = true;
    let (mut told_lost, mut error, mut holes, mut was_away) = (0, 0, 0, false);
    let mut before = Vec::new();
    let mut end = items.first().map_or(0, |item| item.range().start);
    for item in items {
        let range = item.range();
        if range.start > end {
            let cause = format!("frames are left out without a word{}", after(&before));
            return Err((cause, format!("positions {end} to {}", range.start)));
        }
        if range.start < end && !range.is_empty() {
            let cause = format!("a position comes twice{}", after(&before));
            return Err((cause, format!("{range:?} behind {end}: {item:?}")));
        }
        end = range.end.max(end);
        match item {
            Item::Hole(gap) => {
                let frames = gap.frames as usize;
                before.push(gap.cause);
                holes += 1;
                match gap.cause {
                    Cause::Lost => {
                        told_lost += gap.frames;
                        error += gap.error_frames;
                    }
                    Cause::Away(_) => {
                        error += gap.error_frames;
                        was_away = true;
                        if is_known && let Some(stream) = truth.stream(place) {
                            // At its very start, nothing of it came.
                            if place > stream.places.start {
                                followed.skipped.push(place..stream.places.end);
                                place = stream.places.end;
                            }
                        }
                        is_behind_absence = true;
                    }
                    Cause::Behind | Cause::Paused => is_known = false,
                    _ => place += frames,
                }
            }
            Item::Real { position, numbers, captured } => {
                let fits = |place: usize| truth.numbers.get(place..place + numbers.len()) == Some(*numbers);
                if is_known && is_behind_absence && !fits(place) {
                    // Openings of which nothing came.
                    let from = truth.stream_number(place);
                    let later = truth.streams.iter().skip(from + 1).map(|stream| stream.places.start);
                    if let Some(other) = later.into_iter().find(|place| fits(*place)) {
                        followed.skipped.push(place..other);
                        place = other;
                    }
                }
                if !is_known {
                    let last = followed.start.map_or(0.0, |_| truth.captured(place.saturating_sub(1)));
                    match truth.find(*captured, last.max(not_before), numbers) {
                        Some(near) => place = near,
                        None => {
                            let cause = format!("{NOBODY_MADE}{}", after(&before));
                            return Err((cause, format!("at {position}, captured at {captured:.3} s")));
                        }
                    }
                    followed.is_exact &= followed.start.is_none();
                }
                if !fits(place) {
                    return Err(differs(truth, item, place, &before));
                }
                followed.start.get_or_insert(place);
                let mark = |position, place| Mark { position, place, told_lost, error, holes, was_away };
                let last = numbers.len() - 1;
                followed.marks.push(mark(*position, place));
                followed.marks.push(mark(position + last as u64, place + last));
                place += numbers.len();
                (is_known, is_behind_absence) = (true, false);
                before.clear();
            }
        }
    }
    followed.end = place;
    Ok(followed)
}

fn after(holes: &[Cause]) -> String {
    match holes {
        [] => String::new(),
        holes => {
            let mut names: Vec<_> = holes.iter().map(|cause| cause.name()).collect();
            names.dedup();
            format!(" behind {}", names.join(", "))
        }
    }
}

/// What is wrong with audio that is not what must follow.
fn differs(truth: &Truth, item: &Item<'_>, place: usize, before: &[Cause]) -> (String, String) {
    let Item::Real { position, numbers, captured } = item else { return Default::default() };
    let same = numbers.iter().zip(truth.numbers.get(place..).unwrap_or_default());
    let same = same.take_while(|(own, truth)| own == truth).count();
    let rest = &numbers[same.min(numbers.len() - 1)..];
    let at = captured + same as f64 / truth.rate_hz;
    let (what, by) = match truth.find(at, 0.0, rest) {
        Some(found) if found > place + same => ("frames are missing without a word", found - place - same),
        Some(found) => ("frames come again", place + same - found),
        None => (NOBODY_MADE, 0),
    };
    let behind = if same == 0 { after(before) } else { " within a chunk".to_owned() };
    let expected = truth.numbers.get(place + same);
    let particulars = format!(
        "position {}: {:?} instead of {expected:?}, {by} frames off",
        position + same as u64,
        rest.first()
    );
    (format!("{what}{behind}"), particulars)
}

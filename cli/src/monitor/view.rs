//! What the screen shows, as plain data.

use hearken::{Cause, Column, EventKind, Level, Picture, Stats};
use std::collections::VecDeque;
use std::time::Duration;

/// Columns that are kept: 17 s, more than the widest terminals are wide.
const MOST_COLUMNS: usize = 512;
/// Lines that are kept of what happened.
const MOST_LINES: usize = 32;

/// Everything there is to draw.
#[derive(Debug, Default)]
pub struct View {
    /// What is open: name, host and format.
    pub device: String,
    /// Since the capture's start.
    pub elapsed: Duration,
    pub picture: Picture,
    pub shape: Shape,
    pub stats: Stats,
    pub is_muted: bool,
    /// Why nothing comes from the device at present.
    pub trouble: Option<&'static str>,
    /// The file and the length so far of a take that goes on.
    pub take: Option<(String, Duration)>,
    pub log: Log,
    pub menu: Option<Menu>,
}

impl View {
    /// Another look.
    pub fn see(&mut self, picture: Picture, stats: Stats) {
        if picture.sequence != self.picture.sequence {
            self.shape.append(&picture);
        }
        (self.picture, self.stats) = (picture, stats);
        if self.trouble.is_some() {
            // The last levels would stand still.
            self.picture.levels.fill(Level::default());
        }
    }

    /// Whether something comes from the device, as `event` tells.
    pub fn hear(&mut self, event: &EventKind) {
        if let EventKind::Gap(gap) = event
            && matches!(gap.cause, Cause::Away(_))
        {
            // A picture begins anew with its device and knows nothing of the time between.
            self.shape.miss(gap.frames * 30 / u64::from(self.picture.rate_hz.max(1)));
        }
        self.trouble = match event {
            EventKind::Closed(_) | EventKind::CannotOpen(_) => Some("THE DEVICE IS GONE; opening it again"),
            EventKind::Stalled(_) if self.trouble.is_none() => Some("NOTHING COMES from the device"),
            EventKind::Reopened(_) => Some("open again; waiting for the first sound"),
            EventKind::FirstCallback | EventKind::Resumed => None,
            _ => return,
        };
    }
}

/// The waveform as far back as a wide terminal shows it: a [`Picture`] alone has 4 s.
#[derive(Debug, Default)]
pub struct Shape {
    /// Oldest first.
    pub columns: VecDeque<Column>,
    newest: Option<u64>,
}

impl Shape {
    /// Appends what is new in `picture`.
    fn append(&mut self, picture: &Picture) {
        let there = picture.columns.len();
        let newer = match self.newest {
            // Only its verdict is new.
            _ if picture.columns.iter().all(|column| column.flags == 0) => return,
            Some(newest) if picture.column >= newest => picture.column - newest,
            // The device was opened anew and counts from 0.
            _ => picture.column + 1,
        };
        let new = usize::try_from(newer).unwrap_or(there).min(there);
        self.columns.extend(&picture.columns[there - new..]);
        self.newest = Some(picture.column);
        self.forget();
    }

    /// So many columns are missing altogether.
    fn miss(&mut self, columns: u64) {
        let missing = Column { flags: Column::MISSING, ..Column::default() };
        self.columns.extend(std::iter::repeat_n(missing, columns.min(MOST_COLUMNS as u64) as usize));
        self.newest = None;
        self.forget();
    }

    fn forget(&mut self) {
        let old = self.columns.len().saturating_sub(MOST_COLUMNS);
        self.columns.drain(..old);
    }
}

/// What happened, newest last.
#[derive(Debug, Default)]
pub struct Log(VecDeque<Said>);

/// A line of the log.
#[derive(Debug)]
pub struct Said {
    /// Since the capture's start.
    pub at: Duration,
    pub text: String,
    pub is_bad: bool,
}

impl Log {
    pub fn say(&mut self, at: Duration, text: impl Into<String>, is_bad: bool) {
        let text = text.into();
        // Attempt after attempt fails alike.
        if self.0.back().is_some_and(|last| last.text == text) {
            self.0.pop_back();
        }
        if self.0.len() == MOST_LINES {
            self.0.pop_front();
        }
        self.0.push_back(Said { at, text, is_bad });
    }

    /// The newest `lines`, in order.
    pub fn last(&self, lines: usize) -> impl Iterator<Item = &Said> {
        self.0.iter().skip(self.0.len().saturating_sub(lines))
    }
}

/// The list of devices to choose from.
#[derive(Debug)]
pub enum Menu {
    /// Asking the system takes a moment.
    Searching,
    Devices {
        devices: Vec<Choice>,
        /// At most the last of them.
        chosen: usize,
    },
}

/// A device of the list.
#[derive(Debug)]
pub struct Choice {
    pub id: String,
    pub text: String,
}

impl Menu {
    /// One up or down.
    pub fn step(&mut self, down: bool) {
        if let Self::Devices { devices, chosen } = self {
            let last = devices.len().saturating_sub(1);
            *chosen = if down { (*chosen + 1).min(last) } else { chosen.saturating_sub(1) };
        }
    }

    pub fn chosen(&self) -> Option<&Choice> {
        match self {
            Self::Searching => None,
            Self::Devices { devices, chosen } => devices.get(*chosen),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(sequence: u64, column: u64) -> Picture {
        let mut picture = Picture::default();
        (picture.sequence, picture.column) = (sequence, column);
        for (k, column) in picture.columns.iter_mut().enumerate() {
            *column = Column { min: 0, max: k as i16, flags: Column::HEARD };
        }
        picture
    }

    #[test]
    fn the_shape_has_each_column_once_also_across_a_device_that_counts_anew() {
        let mut view = View::default();
        let mut lengths = Vec::new();
        for (sequence, column) in [(1, 2), (2, 5), (2, 5), (3, 5), (9, 300), (10, 3), (11, 4)] {
            view.see(picture(sequence, column), Stats::default());
            lengths.push(view.shape.columns.len());
        }
        assert_eq!(lengths, [3, 6, 6, 6, 134, 138, 139]);
        // A picture without a column tells of a verdict only.
        let mut verdict = Picture::default();
        verdict.sequence = 12;
        view.see(verdict, Stats::default());
        assert_eq!(view.shape.columns.len(), 139);
        assert_eq!(view.shape.columns.back().map(|column| column.max), Some(127));
    }

    #[test]
    fn the_time_without_a_device_is_a_hole_in_the_shape() {
        let mut view = View::default();
        let mut heard = picture(1, 20);
        heard.rate_hz = 48_000;
        view.see(heard, Stats::default());
        let cause = Cause::Away(hearken::Away::Stalled);
        for frames in [24_000, u64::MAX / 64] {
            view.hear(&EventKind::Gap(hearken::Gap { position: 0, frames, error_frames: 0, cause }));
            let missing = view.shape.columns.iter().filter(|column| column.has(Column::MISSING)).count();
            assert_eq!(missing, if frames == 24_000 { 15 } else { MOST_COLUMNS });
        }
        view.see(picture(2, 3), Stats::default());
        assert_eq!(view.shape.columns.iter().rev().take_while(|column| column.has(Column::HEARD)).count(), 4);
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let mut view = View::default();
        for k in 0..100 {
            view.see(picture(k + 1, 100 * k), Stats::default());
            view.log.say(Duration::ZERO, k.to_string(), false);
        }
        assert_eq!(view.shape.columns.len(), MOST_COLUMNS);
        view.log.say(Duration::ZERO, "99", false);
        let last: Vec<_> = view.log.last(2).map(|said| said.text.as_str()).collect();
        assert_eq!((view.log.0.len(), last), (MOST_LINES, vec!["98", "99"]));
    }
}

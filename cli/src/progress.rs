//! The live line: how long, how loud, how much, and whether there is a microphone at all.

use crate::record::one_line;
use crate::summary::dead_channels;
use hearken::{Cause, Event, EventKind, Level, Picture, Stats, StreamFormat};
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Thrice per redraw: no peak of the 30 pictures a second is missed.
const LOOK: Duration = Duration::from_millis(33);
const REDRAW: Duration = Duration::from_millis(100);
/// Where nobody watches, only the end of the capture and of the writing is of interest.
const REST: Duration = Duration::from_millis(100);
/// How long the mark of the loudest moment stays.
const HOLD: Duration = Duration::from_millis(1500);
/// The bar's left end; the right one is full scale.
const BOTTOM_DBFS: f32 = -60.0;
/// Cells of 4 dB; the whole line fits into 80 columns.
const BAR: usize = 15;

/// How the device does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Device {
    Works,
    /// It delivers nothing, and is open.
    Stalled,
    /// Since then, as events count, none is open.
    Lost(Duration),
    /// Another is open since then, and brought nothing yet.
    Reopened(Duration),
}

/// Draws on stderr if that is a terminal; where it is not, it only says when the microphone is lost or back.
#[derive(Debug)]
pub struct Progress {
    device: Device,
    /// Frames that passed without a device.
    away: u64,
    is_shown: bool,
    rate_hz: u32,
    length: Option<Duration>,
    started: Instant,
    drawn: Option<Instant>,
    /// Loudest since the last redraw.
    peak_dbfs: f32,
    held_dbfs: f32,
    held_since: Instant,
    seen: u64,
}

impl Progress {
    pub fn new(format: StreamFormat, length: Option<Duration>) -> Self {
        let now = Instant::now();
        let silence = Level::default().peak_dbfs();
        Self {
            device: Device::Works,
            away: 0,
            is_shown: io::stderr().is_terminal(),
            rate_hz: format.rate_hz,
            length,
            started: now,
            drawn: None,
            peak_dbfs: silence,
            held_dbfs: silence,
            held_since: now,
            seen: 0,
        }
    }

    pub fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// How long to wait until the next look.
    pub fn interval(&self) -> Duration {
        if self.is_shown { LOOK } else { REST }
    }

    /// A look; redraws about ten times a second. To be called on a terminal only: the picture costs the capture
    /// something while somebody asks for it.
    pub fn look(&mut self, picture: &Picture, stats: &Stats) {
        let now = Instant::now();
        if picture.sequence != self.seen {
            self.seen = picture.sequence;
            self.peak_dbfs = self.peak_dbfs.max(picture.loudest().peak_dbfs());
        }
        if self.drawn.is_some_and(|drawn| now - drawn < REDRAW) {
            return;
        }
        if self.peak_dbfs >= self.held_dbfs || now - self.held_since > HOLD {
            (self.held_dbfs, self.held_since) = (self.peak_dbfs, now);
        }
        let text = self.line(now - self.started, stats);
        // One write, without wrapping: a narrow terminal cuts the line instead of scrolling.
        let _ = write!(io::stderr(), "\r\x1b[K\x1b[?7l{text}\x1b[?7h");
        self.drawn = Some(now);
        self.peak_dbfs = Level::default().peak_dbfs();
    }

    /// Something happened. What changes whether there is a microphone stays on the screen, above the line.
    pub fn hear(&mut self, event: &Event) {
        let lasting = match &event.kind {
            EventKind::Closed(why) => {
                self.device = Device::Lost(event.at);
                format!("the microphone is lost: {}; opening it again", why.name())
            }
            EventKind::CannotOpen(_) => return,
            EventKind::Reopened(input) => {
                let since = match self.device {
                    Device::Lost(since) | Device::Reopened(since) => since,
                    Device::Works | Device::Stalled => event.at,
                };
                self.device = Device::Reopened(since);
                let lost = event.at.saturating_sub(since).as_secs_f64();
                format!("open again after {lost:.1} s: {} ({})", one_line(&input.name), input.format)
            }
            EventKind::Stalled(_) => {
                if self.device == Device::Works {
                    self.device = Device::Stalled;
                }
                return;
            }
            EventKind::FirstCallback | EventKind::Resumed => {
                self.device = Device::Works;
                return;
            }
            EventKind::Gap(gap) => {
                if matches!(gap.cause, Cause::Away(_)) {
                    self.away += gap.frames;
                }
                return;
            }
            EventKind::DeadChannels(channels) => match dead_channels(channels) {
                Some(said) => format!("{said}: a mono mix goes without"),
                None => "every channel carries sound".into(),
            },
            EventKind::Rerouted => "the system moved the take to another microphone".into(),
            EventKind::Slept(time) => format!("the machine slept for {:.0} s", time.as_secs_f64()),
            EventKind::ErrorStorm => "the microphone reports errors by the thousand".into(),
            _ => return,
        };
        self.clear();
        let _ = writeln!(io::stderr(), "{} {lasting}", clock(event.at));
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&self, elapsed: Duration, stats: &Stats) -> String {
        let mut text = clock(elapsed);
        if let Some(length) = self.length {
            text += "/";
            text += &clock(length);
        }
        let ledger = stats.ledger;
        let (peak, held) = (self.peak_dbfs, self.held_dbfs);
        // Writing to a string does not fail.
        let _ = match self.device {
            Device::Works => {
                write!(text, " [{}] {} max {} dBFS, ", bar(peak, held), level(peak), level(held))
            }
            Device::Stalled => write!(text, " [THE MICROPHONE DELIVERS NOTHING] "),
            Device::Lost(_) => write!(text, " [MICROPHONE LOST, OPENING AGAIN] "),
            Device::Reopened(_) => write!(text, " [OPEN AGAIN, WAITING FOR SOUND] "),
        };
        // A narrow terminal cuts the end off: what is lost comes before what is not.
        let _ = match ledger.dropped + ledger.lost + self.away {
            0 => write!(text, "0 lost, "),
            lost => write!(text, "{lost} LOST ({:.1} s), ", lost as f64 / f64::from(self.rate_hz)),
        };
        let _ = write!(text, "{} frames", ledger.captured);
        text
    }
}

fn bar(dbfs: f32, held: f32) -> String {
    let cells = |dbfs: f32| {
        let share = ((dbfs - BOTTOM_DBFS) / -BOTTOM_DBFS).clamp(0.0, 1.0);
        (share * BAR as f32).round() as usize
    };
    let (level, mark) = (cells(dbfs), cells(held));
    let cell = |cell: usize| match cell {
        cell if mark > 0 && cell + 1 == mark => '|',
        cell if cell < level => '#',
        _ => ' ',
    };
    (0..BAR).map(cell).collect()
}

/// Five characters, whatever the level.
fn level(dbfs: f32) -> String {
    if dbfs < -99.9 { " -inf".into() } else { format!("{dbfs:5.1}") }
}

pub fn clock(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    let (hours, minutes, seconds) = (tenths / 36_000, tenths / 600 % 60, tenths / 10 % 60);
    let tenths = tenths % 10;
    match hours {
        0 => format!("{minutes:02}:{seconds:02}.{tenths}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}.{tenths}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_at_full_scale_and_empty_below_its_bottom() {
        assert_eq!(bar(0.0, 0.0), "#".repeat(BAR - 1) + "|");
        assert_eq!(bar(-200.0, -200.0), " ".repeat(BAR));
        assert_eq!(bar(-30.0, -12.0).trim_end().len(), BAR * 4 / 5);
        assert_eq!(bar(6.0, 6.0).len(), BAR);
    }

    #[test]
    fn a_line_fits_and_shows_losses_before_anything_that_a_narrow_terminal_cuts_off() {
        let format = StreamFormat { rate_hz: 48_000, channels: 2, sample: hearken::SampleFormat::F32 };
        let progress = Progress::new(format, Some(Duration::from_secs(3599)));
        let mut stats = Stats::default();
        stats.ledger.captured = 172_800_000;
        let line = progress.line(Duration::from_secs(3598), &stats);
        assert!(line.len() <= 80 && line.ends_with(" 0 lost, 172800000 frames"), "{line}");
        (stats.ledger.dropped, stats.ledger.lost) = (24_000, 48_000);
        let line = progress.line(Duration::from_secs(3598), &stats);
        assert!(line.find("72000 LOST (1.5 s)").is_some_and(|at| at < 60), "{line}");
    }

    #[test]
    fn the_line_says_that_the_microphone_is_lost_opened_again_and_back() {
        let format = StreamFormat { rate_hz: 48_000, channels: 2, sample: hearken::SampleFormat::F32 };
        let mut progress = Progress::new(format, Some(Duration::from_secs(3599)));
        let stats = Stats::default();
        let input = hearken::InputInfo {
            host: "alsa".into(),
            id: "a".into(),
            name: "a".into(),
            format,
            server: None,
            period_frames: None,
        };
        let mut says = |kind, word: &str| {
            progress.hear(&Event { at: Duration::from_secs(2), kind });
            let line = progress.line(Duration::from_secs(3598), &stats);
            assert!(line.find(word).is_some_and(|at| at + word.len() <= 80), "{line}");
        };
        says(EventKind::FirstCallback, "dBFS");
        says(EventKind::Stalled(Duration::from_millis(250)), "[THE MICROPHONE DELIVERS NOTHING]");
        says(EventKind::Resumed, "dBFS");
        says(EventKind::Closed(hearken::Away::Stalled), "[MICROPHONE LOST, OPENING AGAIN]");
        says(EventKind::Reopened(input), "[OPEN AGAIN, WAITING FOR SOUND]");
        says(EventKind::Stalled(Duration::from_millis(250)), "[OPEN AGAIN, WAITING FOR SOUND]");
        says(EventKind::FirstCallback, "dBFS, 0 lost");
        let cause = Cause::Away(hearken::Away::Stalled);
        let gap = hearken::Gap { position: 0, frames: 24_000, error_frames: 0, cause };
        says(EventKind::Gap(gap), "24000 LOST (0.5 s)");
    }

    #[test]
    fn the_clock_grows_hours_when_it_needs_them() {
        assert_eq!(clock(Duration::from_millis(61_299)), "01:01.2");
        assert_eq!(clock(Duration::from_secs(3600 * 10 + 59)), "10:00:59.0");
    }
}

//! A life as data: what a capture is configured with, which microphones there are, and what happens when.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// A whole life. The same life is played the same way each time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Life {
    /// Which of the threads that could run runs next is drawn from it.
    pub seed: u64,
    pub capture: Setup,
    pub mics: Vec<Microphone>,
    pub steps: Vec<Step>,
}

/// How the capture is configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setup {
    /// The microphone to open, by number; the system's default without one.
    pub input: Option<usize>,
    pub history_ms: u64,
    pub idle_ms: u64,
    pub pool_ms: u64,
    pub length_ms: Option<u64>,
    pub give_up_ms: u64,
    pub stall_ms: Option<u64>,
    pub fall_back: bool,
    pub watch: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            input: None,
            history_ms: 0,
            idle_ms: 0,
            pool_ms: 2_000,
            length_ms: None,
            give_up_ms: 30_000,
            stall_ms: None,
            fall_back: true,
            watch: false,
        }
    }
}

/// A microphone: mono or stereo, i16, its samples say which frame they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Microphone {
    pub rate_hz: u32,
    pub channels: u16,
    /// Frames of a callback.
    pub period: u32,
    /// Whether its stamps are reckoned back from the callback, and not its own.
    pub late_stamps: bool,
}

/// Something that happens, so long after the step before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub wait_ms: u64,
    pub act: Act,
}

/// What can happen. Takes and taps have numbers; an act on one that is not there does nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// A call of the capture's, on a thread of its own.
    Call(Call),
    Take(TakeSpec),
    End(usize),
    Finish(usize),
    Cancel(usize),
    Pause(usize),
    Resume(usize),
    DropTake(usize),
    Tap(TapSpec),
    DropTap(usize),
    /// Another listener to events, who goes at once.
    Listen,
    /// The holder lets go of the capture.
    DropCapture,
    Mic(usize, Mishap),
    /// Threads whose names begin so do not run for so long.
    Hold(String, u64),
    /// Every thread of ours stands still for so long; the devices go on, and so much of what they make is kept for us.
    Freeze {
        ms: u64,
        kept_ms: u64,
    },
}

/// A call that may be made from a closure on the worker as well.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    Start,
    Stop,
    WaitTimeout(u64),
    /// A take without taps, dropped at once.
    BriefTake,
    Mute(bool),
    Suspend,
    Resume,
    Switch(usize),
    Look,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeSpec {
    pub id: usize,
    pub pre_ms: u64,
    pub post_ms: u64,
    /// It calls from its closure at its chunk of this number.
    pub calls: Option<(usize, Call)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TapSpec {
    pub id: usize,
    /// The device's own without one, and then its first channel.
    pub rate_hz: Option<u32>,
    pub chunk_ms: u32,
    pub gaps: Gaps,
    pub hold_back_ms: u32,
    pub reader: Reader,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    Fill,
    Split,
    Mark,
}

/// Who gets a tap's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// Takes them from the queue as they come.
    Eager,
    /// Looks for the first time at the end of the capture.
    Lazy,
    /// A closure on the worker.
    Closure,
    /// The same, which calls at its chunk of this number.
    Calling(usize, Call),
}

/// What happens to a microphone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mishap {
    Late(u64),
    Lose { frames: u64, reported: bool },
    Repeat,
    Size(u32),
    Dies,
    Errors(u32),
    Unplug { reported: bool },
    PlugIn,
    FailToOpen(u32),
    SlowToPlay(u64),
    SlowToDrop(u64),
    Lingers,
    MakeDefault,
    Period(u32),
}

impl Life {
    /// Its text: one line for each step.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// On one line.
    pub fn line(&self) -> String {
        json(self)
    }

    pub fn has(&self, is_it: impl Fn(&Act) -> bool) -> bool {
        self.steps.iter().any(|step| is_it(&step.act))
    }

    /// Whether every microphone has the same rate, so that a bare tap is one all along.
    pub fn has_one_rate(&self) -> bool {
        self.mics.windows(2).all(|mics| mics[0].rate_hz == mics[1].rate_hz)
    }

    pub fn longest_period(&self) -> Duration {
        let set = self.mics.iter().map(|mic| mic.period);
        let changed = self.steps.iter().filter_map(|step| match step.act {
            Act::Mic(_, Mishap::Period(frames) | Mishap::Size(frames)) => Some(frames),
            _ => None,
        });
        let rate = self.mics.iter().map(|mic| mic.rate_hz).min().unwrap_or(1);
        Duration::from_secs_f64(f64::from(set.chain(changed).max().unwrap_or(0)) / f64::from(rate))
    }
}

/// As it stands in a file: readable, and what [`Life::parse`] takes.
impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{{ \"seed\": {},", self.seed)?;
        writeln!(f, "  \"capture\": {},", json(&self.capture))?;
        list(f, "mics", &self.mics, ",")?;
        list(f, "steps", &self.steps, "}")
    }
}

fn list<T: Serialize>(f: &mut fmt::Formatter<'_>, name: &str, items: &[T], end: &str) -> fmt::Result {
    writeln!(f, "  \"{name}\": [")?;
    for (number, item) in items.iter().enumerate() {
        let comma = if number + 1 < items.len() { "," } else { "" };
        writeln!(f, "    {}{comma}", json(item))?;
    }
    writeln!(f, "  ]{end}")
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data")
}

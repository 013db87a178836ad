//! A capture on a stage, and what was heard of it.

use hearken::testkit::{Mic, Stage};
use hearken::{
    Capture, CapturedAt, Channels, Chunk, Config, EventKind, Gap, Recovery, Report, SampleFormat,
    StreamFormat, Tap,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A stage with two microphones of which `usb` is the default, or is not there by being unplugged.
pub struct Scene {
    pub stage: Stage,
    pub usb: Mic,
    pub spare: Mic,
}

/// A chunk as it was heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub position: u64,
    pub padding: u32,
    pub captured: CapturedAt,
    pub gaps: Vec<Gap>,
    pub samples: Vec<f32>,
}

/// What a tap has delivered so far.
#[derive(Clone, Default)]
pub struct Ear(Arc<Mutex<Vec<Heard>>>);

impl Ear {
    pub fn new(capture: &Capture, tap: Tap) -> Self {
        let ear = Self::default();
        let heard = ear.0.clone();
        let keep = move |chunk: Chunk| {
            heard.lock().unwrap().push(Heard {
                position: chunk.position(),
                padding: chunk.padding(),
                captured: chunk.captured_at(),
                gaps: chunk.gaps().to_vec(),
                samples: chunk.samples().to_vec(),
            });
        };
        capture.each(tap, keep).unwrap();
        ear
    }

    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Scene {
    pub fn new() -> Self {
        Self::with(MONO)
    }

    /// Both microphones have this format.
    pub fn with(format: StreamFormat) -> Self {
        let stage = Stage::new();
        let (usb, spare) = (stage.mic("usb", format), stage.mic("spare", format));
        Self { stage, usb, spare }
    }

    pub fn config(&self) -> Config {
        Config {
            input: self.usb.input(),
            host: self.stage.host(),
            clock: self.stage.clock(),
            ..Config::default()
        }
    }

    /// A capture of `usb`, which is not started.
    pub fn capture(&self, recovery: Recovery) -> Capture {
        Capture::new(Config { recovery, ..self.config() }).unwrap()
    }

    /// The same, started, with default recovery.
    pub fn running(&self) -> Capture {
        let capture = self.capture(Recovery::default());
        self.stage.start(&capture).unwrap();
        capture
    }

    pub fn run(&self, length: u64) {
        self.stage.run(ms(length));
    }
}

/// The first channel as it is, in chunks of 10 ms.
pub fn bare() -> Tap {
    Tap::new().device_rate().channels(Channels::First).chunk_ms(10)
}

/// The frame's number, 16 bits of it, that a sample of the pattern says.
pub fn number(sample: f32) -> u16 {
    (sample * 32768.0) as i16 as u16
}

/// The frame near `about` seconds of a microphone of 48 kHz whose number's lower 16 bits these are.
pub fn frame(number: u16, about: f64) -> u64 {
    let near = (about * 48_000.0) as u64;
    let offset = number.wrapping_sub(near as u16) as i16;
    near.saturating_add_signed(offset.into())
}

/// What was opened, one after the other.
pub fn names(report: &Report) -> Vec<&str> {
    report.epochs.iter().map(|epoch| &*epoch.input.name).collect()
}

pub fn told(report: &Report) -> Vec<&'static str> {
    report.events.iter().map(|event| event.kind.name()).collect()
}

/// When something was told first, since the first open.
pub fn at(report: &Report, is_it: impl Fn(&EventKind) -> bool) -> Duration {
    let event = report.events.iter().find(|event| is_it(&event.kind));
    event.unwrap_or_else(|| panic!("not told: {:?}", report.events)).at
}

/// Every epoch and all of them together balance, and nothing was dropped.
pub fn check_books(report: &Report) {
    assert!(report.stats.ledger.balanced(), "{report:#?}");
    assert_eq!((report.stats.ledger.dropped, report.stats.ledger.pending), (0, 0));
    assert!(report.epochs.iter().all(|epoch| epoch.ledger.balanced()), "{report:#?}");
    let captured: u64 = report.epochs.iter().map(|epoch| epoch.ledger.captured).sum();
    assert_eq!(captured, report.stats.ledger.captured);
}

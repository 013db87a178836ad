//! What an application tests with the test kit: here, that its recorder survives a microphone that is pulled out. And
//! that the microphones do what they are told.
#![cfg(not(loom))]

use hearken::testkit::{Fault, Mic, Stage, Stamps, pattern};
use hearken::{
    Away, Capture, Cause, Channels, Chunk, Config, Error, ErrorKind, EventKind, Report, SampleFormat,
    StreamFormat, TakePlan, Tap,
};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const MONO: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 1, sample: SampleFormat::I16 };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The application under test: it records what it hears, and whatever happens to the microphone it goes on, and tells.
struct Recorder {
    capture: Capture,
    heard: Arc<Mutex<Vec<f32>>>,
    lamp: Arc<Mutex<&'static str>>,
}

impl Recorder {
    fn new(config: Config) -> Result<Self, Error> {
        let (capture, heard) = (Capture::new(config)?, Arc::new(Mutex::new(Vec::new())));
        let (own, lamp) = (heard.clone(), Arc::new(Mutex::new("off")));
        capture.each(Tap::new(), move |chunk: Chunk| own.lock().unwrap().extend(chunk.samples()))?;
        Ok(Self { capture, heard, lamp })
    }

    /// What its window would do with the events.
    fn watch(&self) {
        let (mut events, lamp) = (self.capture.events(), self.lamp.clone());
        std::thread::spawn(move || {
            while let Some(event) = events.recv() {
                *lamp.lock().unwrap() = match event.kind {
                    EventKind::Opened(_) | EventKind::Reopened(_) | EventKind::Resumed => "on",
                    EventKind::Closed(_) | EventKind::Stalled(_) => "waiting",
                    EventKind::Stopped(_) => "off",
                    _ => continue,
                };
            }
        });
    }

    fn is_lit(&self, lamp: &str) -> bool {
        let since = Instant::now();
        while *self.lamp.lock().unwrap() != lamp && since.elapsed() < seconds(5) {
            std::thread::sleep(Duration::from_millis(1));
        }
        *self.lamp.lock().unwrap() == lamp
    }
}

#[test]
fn a_recorder_survives_an_unplugged_microphone() {
    let stage = Stage::new();
    let usb = stage.mic("usb", MONO);
    let config = Config { host: stage.host(), clock: stage.clock(), ..Config::default() };
    let recorder = Recorder::new(config).unwrap();
    recorder.watch();
    stage.start(&recorder.capture).unwrap();
    stage.run(seconds(60));
    assert!(recorder.is_lit("on"));
    usb.unplug();
    stage.run(seconds(5));
    assert!(recorder.is_lit("waiting"));
    usb.plug_in();
    stage.run(seconds(60));
    assert!(recorder.is_lit("on"));
    let report = recorder.capture.stop().unwrap();
    assert!(recorder.is_lit("off"));
    // Two minutes and five seconds, of which at most six are silent.
    let heard = recorder.heard.lock().unwrap();
    assert_eq!(heard.len().div_ceil(16_000), 125);
    let silent = heard.iter().filter(|sample| **sample == 0.0).count();
    assert!((16_000 * 5..16_000 * 7).contains(&silent), "{silent}");
    assert_eq!(report.gaps.len(), 1, "{:?}", report.gaps);
    assert_eq!(report.gaps[0].cause, Cause::Away(Away::Failed(ErrorKind::DeviceLost)));
    assert!(report.stats.ledger.balanced());
}

/// Captures `mic`'s only channel as it is, for a second with whatever `script` does first. The samples, and the report.
fn second_of(script: impl FnOnce(&Stage, &Mic)) -> (Vec<u16>, Report) {
    let stage = Stage::new();
    let mic = stage.mic("usb", MONO);
    script(&stage, &mic);
    let capture =
        Capture::new(Config { host: stage.host(), clock: stage.clock(), ..Config::default() }).unwrap();
    let samples = Arc::new(Mutex::new(Vec::new()));
    let own = samples.clone();
    let tap = Tap::new().device_rate().channels(Channels::First).chunk_ms(10);
    let whole = |sample: &f32| (sample * 32768.0) as i16 as u16;
    let keep = move |chunk: Chunk| own.lock().unwrap().extend(chunk.samples().iter().map(whole));
    capture.each(tap, keep).unwrap();
    stage.start(&capture).unwrap();
    stage.run(seconds(1));
    let report = capture.stop().unwrap();
    let samples = std::mem::take(&mut *samples.lock().unwrap());
    (samples, report)
}

fn numbers(ranges: &[std::ops::Range<u16>]) -> Vec<u16> {
    ranges.iter().cloned().flatten().collect()
}

#[test]
fn frames_are_lost_repeated_and_crowded_where_the_script_says() {
    let (samples, report) = second_of(|_, _| {});
    assert_eq!(samples, Vec::from_iter(0..48_000));
    assert_eq!((report.stats.callbacks, report.stats.max_callback_frames), (100, 480));

    let (samples, report) = second_of(|_, mic| {
        mic.fault_at(1000, Fault::Lose { frames: 77, reported: true });
    });
    assert_eq!(samples, numbers(&[0..1000, 1077..samples.len() as u16 + 77]));
    assert!(samples.len() > 47_000 && report.stats.xruns == 1);

    let (samples, _) = second_of(|_, mic| {
        mic.fault_at(960, Fault::Repeat);
    });
    assert_eq!(samples[..2400], numbers(&[0..1440, 960..1920]));

    let (samples, report) = second_of(|_, mic| {
        mic.fault_at(480, Fault::Size(0)).fault_at(9600, Fault::Size(20_000));
    });
    assert_eq!(samples, Vec::from_iter(0..samples.len() as u16));
    assert_eq!((report.stats.max_callback_frames, report.stats.callbacks), (20_000, 60));

    let (samples, report) = second_of(|_, mic| {
        mic.fault_at(9600, Fault::Late(Duration::from_millis(300)));
    });
    assert_eq!((samples, report.stats.callbacks), (Vec::from_iter(0..48_000), 100));
    let told: Vec<&str> = report.events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        told,
        ["opened", "first callback", "first signal", "stalled", "resumed", "verdict", "stopped"]
    );
}

#[test]
fn the_same_script_gives_the_same_capture() {
    let run = || {
        let (samples, report) = second_of(|_, mic| {
            mic.ppm(80.0).stamps(Stamps::Late).late(Duration::from_micros(300));
            mic.stalls(0.1, Duration::from_millis(30)).fault_at(20_000, Fault::Dies);
        });
        (samples, report.gaps, report.epochs, report.stats.callbacks)
    };
    assert_eq!(run(), run());
}

#[test]
fn a_pattern_says_the_frame_in_every_format() {
    let silence = [SampleFormat::I16, SampleFormat::F32].map(|sample| {
        let format = StreamFormat { sample, ..MONO };
        (format, pattern(format, 65_536, 2))
    });
    assert_eq!(silence[0].1, [0_i16, 1].map(i16::to_ne_bytes).concat());
    assert_eq!(silence[1].1, [0.0, 1.0 / 32768.0].map(f32::to_ne_bytes).concat());
    for sample in SampleFormat::ALL {
        let format = StreamFormat { channels: 3, sample, ..MONO };
        assert_eq!(pattern(format, 7, 5).len(), 5 * format.frame_bytes());
    }
}

/// A capture's life with calls that wait, and all that is told of it.
fn seeded_life(seed: u64) -> String {
    let stage = Stage::seeded(seed);
    let usb = stage.mic("usb", MONO);
    let config = Config { host: stage.host(), clock: stage.clock(), ..Config::default() };
    let capture = Arc::new(Capture::new(config).unwrap());
    let own = capture.clone();
    let mut started = stage.call("start", move || own.start().map(|input| input.id));
    usb.slow_to_play(Duration::from_secs(2));
    stage.run(Duration::from_secs(1));
    assert!(started.result().is_none(), "it takes 2 s");
    stage.run(Duration::from_secs(5));
    let id = started.result().expect("it is over").expect("no panic").unwrap();
    let mut receiver = capture.receiver(Tap::new().device_rate()).unwrap();
    let mut received = stage.call("receive", move || {
        std::iter::from_fn(|| receiver.recv_timeout(Duration::from_millis(700)))
            .map(|chunk| chunk.frames())
            .sum::<u32>()
    });
    let own = capture.clone();
    let mut taken =
        stage.call("take", move || own.take(TakePlan::default().post_roll(Duration::from_secs(3)))?.finish());
    stage.hold("hearken-worker", Duration::from_millis(300));
    stage.run(Duration::from_secs(2));
    stage.freeze(Duration::from_secs(1), Duration::from_millis(600));
    stage.run(Duration::from_secs(5));
    let taken = taken.result().expect("it is over").expect("no panic").unwrap();
    usb.fault(Fault::Dies);
    stage.run(Duration::from_secs(1));
    let own = capture.clone();
    let mut stopped = stage.call("stop", move || own.stop());
    stage.run(Duration::from_secs(1));
    let report = stopped.result().expect("within 500 ms").expect("no panic").unwrap();
    stage.run(Duration::from_secs(1));
    let received = received.result().expect("the capture has ended").expect("no panic");
    format!("{id} {received} {taken:?} {:?} {:?} {:?}", report.stats, report.gaps, report.events)
}

#[test]
fn on_a_seeded_stage_a_life_is_the_same_to_the_last_wake_up() {
    let first = seeded_life(1);
    (0..10).for_each(|_| assert_eq!(seeded_life(1), first));
}

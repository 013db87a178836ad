//! What tests share beside the test kit: above all a microphone for what its stage is too far away for, such as to
//! count what the callback itself allocates. The test calls the very closures that the engine handed to cpal.
#![allow(dead_code, reason = "each test file uses a part of it")]

mod device;

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, StreamInstant};
use device::MicHost;
use hearken::testkit::{self, Stage};
use hearken::{Capture, Channels, Config, CpalDevice, Input, Recovery, SampleFormat, StreamFormat, Tap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type DataCallback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;
type ErrorCallback = Box<dyn FnMut(cpal::Error) + Send>;

/// A capture of `mic` that ends with it, otherwise as it comes.
pub fn capture_from(mic: &Mic) -> Capture {
    let input = Input::Cpal(mic.device());
    Capture::new(Config { input, recovery: Recovery::NONE, ..Config::default() })
        .expect("the configuration is in range")
}

/// A stage with a microphone of 16 kHz, mono, i16, whose callbacks have 100 frames, and a capture of it.
pub fn staged() -> (Stage, testkit::Mic, Capture) {
    let stage = Stage::new();
    let mic = stage.mic("usb", StreamFormat { rate_hz: 16_000, channels: 1, sample: SampleFormat::I16 });
    mic.period(100);
    let config = Config { host: stage.host(), clock: stage.clock(), ..Config::default() };
    (stage, mic, Capture::new(config).expect("the configuration is in range"))
}

/// Lets the time of so many of its frames pass. A callback that comes at the very end of it is not served by then.
pub fn play(stage: &Stage, frames: u64) {
    stage.run(Duration::from_nanos(frames * 62_500));
}

/// Waits for something that the worker will do.
pub fn eventually(what: &str, mut check: impl FnMut() -> bool) {
    let since = Instant::now();
    while !check() {
        assert!(since.elapsed() < Duration::from_secs(5), "never happened: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A tap that hands on every frame of the first channel as it is.
pub fn bare_tap() -> Tap {
    Tap::new().device_rate().channels(Channels::First)
}

/// The microphone as the test holds it.
#[derive(Clone)]
pub struct Mic {
    format: StreamFormat,
    line: Arc<Line>,
}

/// What the test and the stream share.
#[derive(Default)]
struct Line {
    data: Mutex<Option<DataCallback>>,
    error: Mutex<Option<ErrorCallback>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    playing: bool,
    dropped: bool,
    /// Keep the closures after the stream was dropped, as a backend may for a while.
    lingers: bool,
    frames: u64,
}

impl Mic {
    pub fn new(rate_hz: u32, channels: u16, sample: SampleFormat) -> Self {
        Self { format: StreamFormat { rate_hz, channels, sample }, line: Arc::default() }
    }

    /// A microphone whose callbacks may come after its stream was dropped.
    pub fn lingering(self) -> Self {
        self.line.state.lock().unwrap().lingers = true;
        self
    }

    /// What to give to the engine, by way of cpal's own types.
    pub fn device(&self) -> CpalDevice {
        let host: cpal::Host = cpal::platform::CustomHost::from_host(MicHost(self.clone())).into();
        host.default_input_device().expect("the microphone is there").into()
    }

    /// Opens it with callbacks that do nothing, for comparison.
    pub fn open_empty(&self) -> cpal::Stream {
        let host: cpal::Host = cpal::platform::CustomHost::from_host(MicHost(self.clone())).into();
        let device = host.default_input_device().expect("the microphone is there");
        let config = device.default_input_config().expect("it has one").config();
        let stream = device
            .build_input_stream_raw(config, to_cpal(self.format.sample), |_, _| {}, |_| {}, None)
            .expect("it opens");
        stream.play().expect("it plays");
        stream
    }

    /// Plays for `length` at the pace of a clock, `frames` a callback, and tells `after` the position after each.
    pub fn play_paced(&self, frames: usize, length: Duration, after: impl FnMut(u64)) {
        self.play_unevenly(|| (frames, Duration::ZERO), length, after);
    }

    /// The same with callbacks of so many frames, so late, as `next` says.
    pub fn play_unevenly(
        &self,
        mut next: impl FnMut() -> (usize, Duration),
        length: Duration,
        mut after: impl FnMut(u64),
    ) {
        let mut bytes = Vec::new();
        let start = Instant::now();
        let mut position = 0;
        loop {
            let (frames, late) = next();
            let size = frames * self.format.frame_bytes();
            if bytes.len() < size {
                bytes = testkit::pattern(self.format, 0, frames);
            }
            position += frames as u64;
            let due = Duration::from_nanos(position * 1_000_000_000 / u64::from(self.format.rate_hz));
            if due > length {
                return;
            }
            std::thread::sleep((due + late).saturating_sub(start.elapsed()));
            self.callback(&mut bytes[..size], |call| call());
            after(position);
        }
    }

    /// Whether the engine has dropped the stream.
    pub fn is_closed(&self) -> bool {
        self.line.state.lock().unwrap().dropped
    }

    /// One callback of `bytes`, in the device's format. Returns what `around` makes of the bare call.
    pub fn callback<R>(&self, bytes: &mut [u8], around: impl FnOnce(&mut dyn FnMut()) -> R) -> R {
        self.callback_as(self.format.sample, bytes, around)
    }

    /// One callback of `bytes` in any format.
    #[allow(unsafe_code)]
    pub fn callback_as<R>(
        &self,
        sample: SampleFormat,
        bytes: &mut [u8],
        around: impl FnOnce(&mut dyn FnMut()) -> R,
    ) -> R {
        let frames = (bytes.len() / self.format.frame_bytes()) as u64;
        let before = {
            let mut state = self.line.state.lock().unwrap();
            assert!(state.playing, "no callback before play");
            state.frames += frames;
            state.frames - frames
        };
        let capture = StreamInstant::from_nanos(before * 1_000_000_000 / u64::from(self.format.rate_hz));
        let callback = capture + Duration::from_millis(10);
        let info = InputCallbackInfo::new(InputStreamTimestamp { callback, capture });
        // SAFETY: the pointer and length are those of `bytes`, aligned by the caller (see `aligned`).
        let data = unsafe {
            Data::from_parts(bytes.as_mut_ptr().cast(), bytes.len() / sample.bytes(), to_cpal(sample))
        };
        let mut slot = self.line.data.lock().unwrap();
        let closure = slot.as_mut().expect("the stream is there");
        around(&mut || closure(&data, &info))
    }

    /// One callback of `frames` frames whose samples count up (see [`testkit::pattern`]).
    pub fn play(&self, frames: usize) {
        let from = self.line.state.lock().unwrap().frames;
        let mut bytes = testkit::pattern(self.format, from, frames);
        self.callback(&mut bytes, |call| call());
    }

    /// One call of the error callback.
    pub fn fail(&self, error: impl Into<cpal::Error>) {
        let mut slot = self.line.error.lock().unwrap();
        slot.as_mut().expect("the stream is there")(error.into());
    }
}

/// Runs `play` on a thread of its own, as a device has, at real-time priority where that is granted.
#[cfg(target_os = "linux")]
pub fn on_device_thread<R: Send>(play: impl FnOnce() -> R + Send) -> R {
    let thread = || {
        be_real_time();
        play()
    };
    std::thread::scope(|scope| scope.spawn(thread).join().expect("no panic"))
}

/// xorshift, in `0.0..1.0`.
pub fn random(state: &mut u64) -> f64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    (*state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Prints whether a number is met, and gives it back.
pub fn verdict(what: &str, value: f64, limit: f64) -> bool {
    let met = value <= limit;
    println!("{} {what}: {value:.3} <= {limit:.3}", if met { "PASS" } else { "MISS" });
    met
}

/// Gives the calling thread real-time priority, as threads of audio systems have it; whether that was granted. Threads
/// that it starts inherit it.
#[allow(unsafe_code)]
#[cfg(target_os = "linux")]
pub fn be_real_time() -> bool {
    use nix::libc;
    let priority = libc::sched_param { sched_priority: 10 };
    // SAFETY: the pointer is that of a live `sched_param`; 0 means the calling thread.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const priority) == 0 }
}

fn to_cpal(sample: SampleFormat) -> cpal::SampleFormat {
    match sample {
        SampleFormat::I16 => cpal::SampleFormat::I16,
        SampleFormat::I24 => cpal::SampleFormat::I24,
        SampleFormat::I32 => cpal::SampleFormat::I32,
        SampleFormat::F32 => cpal::SampleFormat::F32,
        other => panic!("no microphone delivers {other} here"),
    }
}

//! A microphone that does what the test says, behind cpal's real API (its `custom` host).
//!
//! The test itself calls the very closures that the engine handed to cpal, from its own thread.
#![allow(dead_code, reason = "each test file uses a part of it")]

use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, ErrorKind, InputCallbackInfo, InputStreamTimestamp, StreamInstant};
use hearken::{CpalDevice, SampleFormat, StreamFormat};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

type DataCallback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;
type ErrorCallback = Box<dyn FnMut(cpal::Error) + Send>;

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
    /// Frames that it has lost, as its stamps show.
    lost: u64,
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
    pub fn play_paced(&self, frames: usize, length: Duration, mut after: impl FnMut(u64)) {
        let mut bytes = pattern(self.format, 0, frames);
        let start = std::time::Instant::now();
        for callback in 1.. {
            let position = callback * frames as u64;
            let due = Duration::from_nanos(position * 1_000_000_000 / u64::from(self.format.rate_hz));
            if due > length {
                return;
            }
            std::thread::sleep(due.saturating_sub(start.elapsed()));
            self.callback(&mut bytes, |call| call());
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
            state.frames - frames + state.lost
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

    /// Loses frames before the next callback.
    pub fn lose(&self, frames: u64) {
        self.line.state.lock().unwrap().lost += frames;
    }

    /// One callback of `frames` frames whose samples count up (see [`pattern`]).
    pub fn play(&self, frames: usize) {
        let from = self.line.state.lock().unwrap().frames;
        let mut bytes = pattern(self.format, from, frames);
        self.callback(&mut bytes, |call| call());
    }

    /// One call of the error callback.
    pub fn fail(&self, error: impl Into<cpal::Error>) {
        let mut slot = self.line.error.lock().unwrap();
        slot.as_mut().expect("the stream is there")(error.into());
    }
}

/// The device's frames `from..from + frames`: each sample is its frame's number, 16 bits of it, plus its channel.
pub fn pattern(format: StreamFormat, from: u64, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frames * format.frame_bytes());
    for frame in from..from + frames as u64 {
        for channel in 0..format.channels {
            let value = (frame as u16).wrapping_add(channel) as i16;
            match format.sample {
                SampleFormat::I16 => bytes.extend(value.to_ne_bytes()),
                SampleFormat::F32 => bytes.extend((f32::from(value) / 32768.0).to_ne_bytes()),
                SampleFormat::I32 => bytes.extend((i32::from(value) << 16).to_ne_bytes()),
                SampleFormat::I24 => bytes.extend((i32::from(value) << 8).to_ne_bytes()),
                other => panic!("no pattern in {other}"),
            }
        }
    }
    bytes
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

#[derive(Clone)]
struct MicHost(Mic);

#[derive(Clone)]
struct MicDevice(Mic);

struct MicStream(Arc<Line>);

impl fmt::Debug for MicDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MicDevice")
    }
}

impl fmt::Display for MicDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("scripted microphone")
    }
}

impl PartialEq for MicDevice {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.line, &other.0.line)
    }
}

impl Eq for MicDevice {}

impl Hash for MicDevice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0.line).hash(state);
    }
}

impl HostTrait for MicHost {
    type Devices = std::iter::Once<MicDevice>;
    type Device = MicDevice;

    fn is_available() -> bool {
        true
    }

    fn devices(&self) -> Result<Self::Devices, cpal::Error> {
        Ok(std::iter::once(MicDevice(self.0.clone())))
    }

    fn default_input_device(&self) -> Option<MicDevice> {
        Some(MicDevice(self.0.clone()))
    }

    fn default_output_device(&self) -> Option<MicDevice> {
        None
    }
}

impl MicDevice {
    fn range(&self) -> cpal::SupportedStreamConfigRange {
        let StreamFormat { rate_hz, channels, sample } = self.0.format;
        let size = cpal::SupportedBufferSize::Range { min: 1, max: 65_536 };
        cpal::SupportedStreamConfigRange::new(channels, rate_hz, rate_hz, size, to_cpal(sample))
    }
}

impl DeviceTrait for MicDevice {
    type SupportedInputConfigs = std::iter::Once<cpal::SupportedStreamConfigRange>;
    type SupportedOutputConfigs = std::iter::Empty<cpal::SupportedStreamConfigRange>;
    type Stream = MicStream;

    fn description(&self) -> Result<cpal::DeviceDescription, cpal::Error> {
        Ok(cpal::DeviceDescriptionBuilder::new("scripted microphone")
            .direction(cpal::DeviceDirection::Input)
            .build())
    }

    fn id(&self) -> Result<cpal::DeviceId, cpal::Error> {
        Ok(cpal::DeviceId::new(cpal::HostId::Custom, "mic"))
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, cpal::Error> {
        Ok(std::iter::once(self.range()))
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, cpal::Error> {
        Ok(std::iter::empty())
    }

    fn default_input_config(&self) -> Result<cpal::SupportedStreamConfig, cpal::Error> {
        Ok(self.range().with_sample_rate(self.0.format.rate_hz))
    }

    fn default_output_config(&self) -> Result<cpal::SupportedStreamConfig, cpal::Error> {
        Err(ErrorKind::UnsupportedOperation.into())
    }

    fn build_input_stream_raw<D, E>(
        &self,
        _config: cpal::StreamConfig,
        _format: cpal::SampleFormat,
        data: D,
        error: E,
        _timeout: Option<Duration>,
    ) -> Result<MicStream, cpal::Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(cpal::Error) + Send + 'static,
    {
        *self.0.line.data.lock().unwrap() = Some(Box::new(data));
        *self.0.line.error.lock().unwrap() = Some(Box::new(error));
        Ok(MicStream(self.0.line.clone()))
    }

    fn build_output_stream_raw<D, E>(
        &self,
        _config: cpal::StreamConfig,
        _format: cpal::SampleFormat,
        _data: D,
        _error: E,
        _timeout: Option<Duration>,
    ) -> Result<MicStream, cpal::Error>
    where
        D: FnMut(&mut Data, &cpal::OutputCallbackInfo) + Send + 'static,
        E: FnMut(cpal::Error) + Send + 'static,
    {
        Err(ErrorKind::UnsupportedOperation.into())
    }
}

impl StreamTrait for MicStream {
    fn play(&self) -> Result<(), cpal::Error> {
        self.0.state.lock().unwrap().playing = true;
        Ok(())
    }

    fn pause(&self) -> Result<(), cpal::Error> {
        Ok(())
    }

    fn now(&self) -> StreamInstant {
        StreamInstant::ZERO
    }

    fn buffer_size(&self) -> Result<cpal::FrameCount, cpal::Error> {
        Ok(480)
    }
}

impl Drop for MicStream {
    fn drop(&mut self) {
        let lingers = {
            let mut state = self.0.state.lock().unwrap();
            state.dropped = true;
            state.lingers
        };
        if !lingers {
            self.0.data.lock().unwrap().take();
            self.0.error.lock().unwrap().take();
        }
    }
}

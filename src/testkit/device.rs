//! The stage and its microphones as cpal sees them: a host, devices, streams.

use super::mic::{Mic, State};
use super::stage::Rack;
use super::stream::{STREAM_ZERO, Stream};
use crate::format::StreamFormat;
use crate::source::to_cpal;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, ErrorKind, InputCallbackInfo, StreamInstant};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(super) struct MicHost(pub Arc<Rack>);

impl MicHost {
    pub fn to_cpal(&self) -> cpal::Host {
        cpal::platform::CustomHost::from_host(self.clone()).into()
    }
}

#[derive(Clone, Debug)]
pub(super) struct MicDevice(Mic);

#[derive(Debug)]
pub(super) struct MicStream {
    mic: Mic,
    number: u64,
}

impl HostTrait for MicHost {
    type Devices = std::vec::IntoIter<MicDevice>;
    type Device = MicDevice;

    fn is_available() -> bool {
        true
    }

    fn devices(&self) -> Result<Self::Devices, cpal::Error> {
        Ok(self.0.plugged().into_iter().map(MicDevice).collect::<Vec<_>>().into_iter())
    }

    fn default_input_device(&self) -> Option<MicDevice> {
        self.0.default().map(MicDevice)
    }

    fn default_output_device(&self) -> Option<MicDevice> {
        None
    }
}

impl fmt::Display for MicDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.body.name)
    }
}

impl PartialEq for MicDevice {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0.body, &other.0.body)
    }
}

impl Eq for MicDevice {}

impl Hash for MicDevice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0.body).hash(state);
    }
}

impl MicDevice {
    fn range(&self) -> Result<cpal::SupportedStreamConfigRange, cpal::Error> {
        let state = self.plugged()?;
        let StreamFormat { rate_hz, channels, sample } = state.format;
        let size = cpal::SupportedBufferSize::Range { min: 1, max: 65_536 };
        Ok(cpal::SupportedStreamConfigRange::new(channels, rate_hz, rate_hz, size, to_cpal(sample)))
    }

    /// Its state, if it is there.
    fn plugged(&self) -> Result<parking_lot::MutexGuard<'_, State>, cpal::Error> {
        let state = self.0.body.state.lock();
        if state.is_plugged { Ok(state) } else { Err(ErrorKind::DeviceNotAvailable.into()) }
    }
}

impl DeviceTrait for MicDevice {
    type SupportedInputConfigs = std::iter::Once<cpal::SupportedStreamConfigRange>;
    type SupportedOutputConfigs = std::iter::Empty<cpal::SupportedStreamConfigRange>;
    type Stream = MicStream;

    fn description(&self) -> Result<cpal::DeviceDescription, cpal::Error> {
        let direction = cpal::DeviceDirection::Input;
        Ok(cpal::DeviceDescriptionBuilder::new(&*self.0.body.name).direction(direction).build())
    }

    fn id(&self) -> Result<cpal::DeviceId, cpal::Error> {
        Ok(cpal::DeviceId::new(cpal::HostId::Custom, &*self.0.body.name))
    }

    fn supported_input_configs(&self) -> Result<Self::SupportedInputConfigs, cpal::Error> {
        Ok(std::iter::once(self.range()?))
    }

    fn supported_output_configs(&self) -> Result<Self::SupportedOutputConfigs, cpal::Error> {
        Ok(std::iter::empty())
    }

    fn default_input_config(&self) -> Result<cpal::SupportedStreamConfig, cpal::Error> {
        let range = self.range()?;
        Ok(range.with_sample_rate(range.max_sample_rate()))
    }

    fn default_output_config(&self) -> Result<cpal::SupportedStreamConfig, cpal::Error> {
        Err(ErrorKind::UnsupportedOperation.into())
    }

    fn build_input_stream_raw<D, E>(
        &self,
        config: cpal::StreamConfig,
        sample: cpal::SampleFormat,
        data: D,
        error: E,
        _timeout: Option<Duration>,
    ) -> Result<MicStream, cpal::Error>
    where
        D: FnMut(&Data, &InputCallbackInfo) + Send + 'static,
        E: FnMut(cpal::Error) + Send + 'static,
    {
        let mut state = self.plugged()?;
        if state.fails > 0 {
            state.fails -= 1;
            return Err(ErrorKind::DeviceBusy.into());
        }
        let StreamFormat { rate_hz, channels, sample: own } = state.format;
        if (config.sample_rate, config.channels, sample) != (rate_hz, channels, to_cpal(own)) {
            return Err(ErrorKind::UnsupportedConfig.into());
        }
        let number = state.numbered();
        let format = state.format;
        state.streams.push(Stream::new(number, format, Box::new(data), Box::new(error)));
        Ok(MicStream { mic: self.0.clone(), number })
    }

    fn build_output_stream_raw<D, E>(
        &self,
        _config: cpal::StreamConfig,
        _sample: cpal::SampleFormat,
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
        let body = &self.mic.body;
        let takes = body.state.lock().play_takes;
        if !takes.is_zero() {
            body.clock.sleep(takes);
        }
        let mut state = body.state.lock();
        if !state.is_plugged {
            return Err(ErrorKind::DeviceNotAvailable.into());
        }
        state.opened += 1;
        let next = state.frame(body.now()).ceil() as u64;
        if let Some(stream) = state.streams.iter_mut().find(|stream| stream.number == self.number) {
            (stream.is_playing, stream.next) = (true, next);
        }
        drop(state);
        body.stage.wake();
        Ok(())
    }

    fn pause(&self) -> Result<(), cpal::Error> {
        Ok(())
    }

    fn now(&self) -> StreamInstant {
        StreamInstant::from_nanos((self.mic.body.now() + STREAM_ZERO) as u64)
    }

    fn buffer_size(&self) -> Result<cpal::FrameCount, cpal::Error> {
        Err(ErrorKind::UnsupportedOperation.into())
    }
}

impl Drop for MicStream {
    fn drop(&mut self) {
        let body = &self.mic.body;
        let takes = body.state.lock().drop_takes;
        if !takes.is_zero() {
            body.clock.sleep(takes);
        }
        let mut state = body.state.lock();
        let own = state.streams.iter().position(|stream| stream.number == self.number);
        let Some(own) = own else { return };
        let stays = state.lingers && state.streams[own].lives();
        state.streams[own].is_dropped = true;
        let gone = (!stays).then(|| state.streams.remove(own));
        // Whatever the closures hold is let go of without the lock.
        drop(state);
        drop(gone);
    }
}

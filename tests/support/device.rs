//! The microphone as cpal sees it: a host, a device, a stream.

use super::{Line, Mic, to_cpal};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Data, ErrorKind, InputCallbackInfo, StreamInstant};
use hearken::StreamFormat;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone)]
pub struct MicHost(pub Mic);

#[derive(Clone)]
pub struct MicDevice(Mic);

pub struct MicStream(Arc<Line>);

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

//! cpal's formats and errors, and ours.

use crate::error::{Error, ErrorKind};
use crate::faults::Fault;
use crate::format::{SampleFormat, StreamFormat};
use crate::source::Wish;
use cpal::traits::DeviceTrait;

/// The device's default format with the wishes put in, if the device speaks it.
pub(super) fn choose_format(device: &cpal::Device, wish: &Wish, name: &str) -> Result<StreamFormat, Error> {
    let default = device.default_input_config().map_err(|error| opening(&error, name))?;
    if wish.format.is_any() {
        return own_format(&default);
    }
    let default_sample = sample_format(default.sample_format());
    let ranges: Vec<_> = device.supported_input_configs().map_err(|error| opening(&error, name))?.collect();
    let fits = |range: &&cpal::SupportedStreamConfigRange| {
        wish.format.channels.is_none_or(|channels| channels == range.channels())
            && wish.format.rate_hz.is_none_or(|rate| range.contains_rate(rate))
            && match (wish.format.sample, sample_format(range.sample_format())) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(wanted), Some(offered)) => wanted == offered,
            }
    };
    // Of what fits, as much of the default as possible: its channels, then its format.
    let best = ranges.iter().filter(fits).max_by_key(|range| {
        let sample = sample_format(range.sample_format());
        (range.channels() == default.channels(), sample == default_sample)
    });
    let Some(range) = best else {
        let mut offers: Vec<String> = ranges
            .iter()
            .map(|range| {
                let (low, high) = (range.min_sample_rate(), range.max_sample_rate());
                format!("{} ch {} {low}-{high} Hz", range.channels(), range.sample_format())
            })
            .collect();
        offers.dedup();
        offers.truncate(12);
        let message = format!(
            "'{name}' does not offer the format asked for; it offers {}. Nothing was opened",
            offers.join("; ")
        );
        return Err(Error::new(ErrorKind::UnsupportedFormat, message));
    };
    let rate = wish
        .format
        .rate_hz
        .or_else(|| range.contains_rate(default.sample_rate()).then_some(default.sample_rate()));
    own_format(&range.with_sample_rate(rate.unwrap_or(range.max_sample_rate())))
}

pub(super) fn own_format(config: &cpal::SupportedStreamConfig) -> Result<StreamFormat, Error> {
    let sample = sample_format(config.sample_format()).ok_or_else(|| {
        let message = format!(
            "the device delivers {} samples, which are not PCM; ask for another format",
            config.sample_format()
        );
        Error::new(ErrorKind::UnsupportedFormat, message)
    })?;
    let format = StreamFormat { rate_hz: config.sample_rate(), channels: config.channels(), sample };
    if !(1..=StreamFormat::MAX_CHANNELS).contains(&format.channels)
        || !(1..=StreamFormat::MAX_RATE_HZ).contains(&format.rate_hz)
    {
        let message = format!("{format} is outside of 1 to 32 channels and 1 to 768,000 Hz");
        return Err(Error::new(ErrorKind::UnsupportedFormat, message));
    }
    Ok(format)
}

/// cpal's PCM formats; `None` for DSD and for whatever comes later.
fn sample_format(format: cpal::SampleFormat) -> Option<SampleFormat> {
    use cpal::SampleFormat as Cpal;
    Some(match format {
        Cpal::I8 => SampleFormat::I8,
        Cpal::I16 => SampleFormat::I16,
        Cpal::I24 => SampleFormat::I24,
        Cpal::I32 => SampleFormat::I32,
        Cpal::I64 => SampleFormat::I64,
        Cpal::U8 => SampleFormat::U8,
        Cpal::U16 => SampleFormat::U16,
        Cpal::U24 => SampleFormat::U24,
        Cpal::U32 => SampleFormat::U32,
        Cpal::U64 => SampleFormat::U64,
        Cpal::F32 => SampleFormat::F32,
        Cpal::F64 => SampleFormat::F64,
        _ => return None,
    })
}

pub(crate) fn to_cpal(format: SampleFormat) -> cpal::SampleFormat {
    use cpal::SampleFormat as Cpal;
    match format {
        SampleFormat::I8 => Cpal::I8,
        SampleFormat::I16 => Cpal::I16,
        SampleFormat::I24 => Cpal::I24,
        SampleFormat::I32 => Cpal::I32,
        SampleFormat::I64 => Cpal::I64,
        SampleFormat::U8 => Cpal::U8,
        SampleFormat::U16 => Cpal::U16,
        SampleFormat::U24 => Cpal::U24,
        SampleFormat::U32 => Cpal::U32,
        SampleFormat::U64 => Cpal::U64,
        SampleFormat::F32 => Cpal::F32,
        SampleFormat::F64 => Cpal::F64,
    }
}

pub(super) fn fault(kind: cpal::ErrorKind) -> Fault {
    use cpal::ErrorKind as Cpal;
    match kind {
        Cpal::Xrun => Fault::Xrun,
        Cpal::DeviceChanged => Fault::Rerouted,
        Cpal::RealtimeDenied => Fault::RealtimeDenied,
        Cpal::DeviceNotAvailable => Fault::Lost,
        Cpal::StreamInvalidated => Fault::Invalidated,
        Cpal::PermissionDenied => Fault::Denied,
        _ => Fault::Backend,
    }
}

/// An error of cpal's while something was being opened.
pub(super) fn opening(error: &cpal::Error, what: &str) -> Error {
    use cpal::ErrorKind as Cpal;
    let (kind, advice) = match error.kind() {
        Cpal::DeviceNotAvailable | Cpal::HostUnavailable => {
            (ErrorKind::NoDevice, "Is it plugged in, and does the audio service run?")
        }
        Cpal::DeviceBusy => (ErrorKind::DeviceBusy, "Another program may hold it."),
        Cpal::PermissionDenied => {
            (ErrorKind::PermissionDenied, "Allow microphone access in the system's settings.")
        }
        Cpal::UnsupportedConfig | Cpal::UnsupportedOperation | Cpal::InvalidInput => {
            (ErrorKind::UnsupportedFormat, "Try another format or device.")
        }
        _ => (ErrorKind::NoDevice, "The audio service failed; is it running?"),
    };
    let why = error.to_string();
    let why = why.trim_end_matches(['.', '?', '!']);
    Error::new(kind, format!("cannot open {what}, so nothing is open: {why}. {advice}"))
}

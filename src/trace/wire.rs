//! Numbers, texts and plain data as bytes, and back.

use crate::error::{Error, ErrorKind};
use crate::format::{SampleFormat, StreamFormat};
use crate::source::InputInfo;
use crate::timeline::Away;
use std::time::Duration;

/// Every kind of error at the place that is its code. A new kind goes to the end.
const ERRORS: [ErrorKind; 10] = [
    ErrorKind::NoDevice,
    ErrorKind::NotFound,
    ErrorKind::PermissionDenied,
    ErrorKind::UnsupportedFormat,
    ErrorKind::DeviceLost,
    ErrorKind::DeviceBusy,
    ErrorKind::BadArgument,
    ErrorKind::Io,
    ErrorKind::Cancelled,
    ErrorKind::Internal,
];

/// Appends to an entry.
#[derive(Debug)]
pub(super) struct Put<'a>(pub &'a mut Vec<u8>);

impl Put<'_> {
    pub fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub fn bool(&mut self, value: bool) {
        self.u8(value.into());
    }

    pub fn u16(&mut self, value: u16) {
        self.0.extend(value.to_le_bytes());
    }

    pub fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub fn u64s<const N: usize>(&mut self, values: [u64; N]) {
        values.into_iter().for_each(|value| self.u64(value));
    }

    /// In nanoseconds, which reach for five centuries.
    pub fn duration(&mut self, value: Duration) {
        self.u64(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
    }

    pub fn text(&mut self, text: &str) {
        // Nobody's name is longer.
        let text = &text[..text.floor_char_boundary(u16::MAX.into())];
        self.u16(text.len() as u16);
        self.0.extend(text.as_bytes());
    }

    pub fn error(&mut self, error: &Error) {
        self.kind(error.kind());
        self.text(&error.to_string());
    }

    fn kind(&mut self, kind: ErrorKind) {
        let code = ERRORS.iter().position(|known| *known == kind);
        self.u8(code.map_or(u8::MAX, |code| code as u8));
    }

    pub fn info(&mut self, info: &InputInfo) {
        let InputInfo { host, id, name, format, server, period_frames } = info;
        let StreamFormat { rate_hz, channels, sample } = format;
        [host, id, name].into_iter().for_each(|text| self.text(text));
        self.u32(*rate_hz);
        self.u16(*channels);
        self.u8(*sample as u8);
        // Neither is ever empty or zero where it is known.
        self.text(server.as_deref().unwrap_or_default());
        self.u32(period_frames.unwrap_or_default());
    }

    pub fn away(&mut self, away: Option<Away>) {
        match away {
            None => self.u8(0),
            Some(Away::Failed(kind)) => {
                self.u8(1);
                self.kind(kind);
            }
            Some(Away::Stalled) => self.u8(2),
            Some(Away::Switched) => self.u8(3),
            Some(Away::Suspended) => self.u8(4),
            Some(Away::Idle) => self.u8(5),
            Some(Away::RateCorrected) => self.u8(6),
        }
    }
}

/// Takes from an entry; `None` where it does not hold what it should.
#[derive(Debug)]
pub(super) struct Take<'a>(pub &'a [u8]);

impl<'a> Take<'a> {
    fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    pub fn u8(&mut self) -> Option<u8> {
        Some(self.array::<1>()?[0])
    }

    pub fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// A count: what is beyond 2^48, a century and more of frames, is damage, and sums of counts do not overflow.
    pub fn count(&mut self) -> Option<u64> {
        self.u64().filter(|count| *count < 1 << 48)
    }

    pub fn duration(&mut self) -> Option<Duration> {
        self.u64().map(Duration::from_nanos)
    }

    pub fn text(&mut self) -> Option<String> {
        let len = self.u16()?;
        String::from_utf8(self.bytes(len.into())?.to_vec()).ok()
    }

    pub fn error(&mut self) -> Option<Error> {
        Some(Error::new(self.kind()?, self.text()?))
    }

    fn kind(&mut self) -> Option<ErrorKind> {
        ERRORS.get(usize::from(self.u8()?)).copied()
    }

    pub fn info(&mut self) -> Option<InputInfo> {
        let (host, id, name) = (self.text()?, self.text()?, self.text()?);
        let (rate_hz, channels) = (self.u32()?, self.u16()?);
        let sample = *SampleFormat::ALL.get(usize::from(self.u8()?))?;
        let is_right = (1..=StreamFormat::MAX_RATE_HZ).contains(&rate_hz)
            && (1..=StreamFormat::MAX_CHANNELS).contains(&channels);
        let format = StreamFormat { rate_hz, channels, sample };
        let server = Some(self.text()?).filter(|name| !name.is_empty());
        let period_frames = Some(self.u32()?).filter(|frames| *frames > 0);
        is_right.then_some(InputInfo { host, id, name, format, server, period_frames })
    }

    pub fn away(&mut self) -> Option<Option<Away>> {
        Some(match self.u8()? {
            0 => None,
            1 => Some(Away::Failed(self.kind()?)),
            2 => Some(Away::Stalled),
            3 => Some(Away::Switched),
            4 => Some(Away::Suspended),
            5 => Some(Away::Idle),
            6 => Some(Away::RateCorrected),
            _ => return None,
        })
    }
}

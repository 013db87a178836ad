//! What happened in a take: the opens of its devices, and the events.

use super::{Clock, Gap, Input, Ledger, ms};
use hearken::{Cause, EpochReport, EventKind, StopReason};
use serde::Serialize;
use std::time::Duration;

/// One open of a device.
#[derive(Debug, Serialize)]
pub struct Epoch {
    input: Device,
    started_at_ms: f64,
    rate_hz: u32,
    sample_format: &'static str,
    channels: u16,
    server: Option<String>,
    period_frames: Option<u32>,
    ledger: Ledger,
    clock: Clock,
    ended: Option<&'static str>,
    error: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Device {
    host: String,
    id: String,
    name: String,
}

impl From<&EpochReport> for Epoch {
    fn from(epoch: &EpochReport) -> Self {
        let EpochReport { input, started_at, ledger, clock, ended, .. } = epoch;
        Self {
            input: Device { host: input.host.clone(), id: input.id.clone(), name: input.name.clone() },
            started_at_ms: ms(*started_at),
            rate_hz: input.format.rate_hz,
            sample_format: input.format.sample.name(),
            channels: input.format.channels,
            server: input.server.clone(),
            period_frames: input.period_frames,
            ledger: Ledger::from(*ledger),
            clock: Clock::from(*clock),
            ended: ended.map(|why| why.name()),
            error: ended.and_then(|why| why.error()).map(|kind| kind.name()),
        }
    }
}

#[derive(Debug, Serialize)]
pub struct Event {
    at_ms: f64,
    kind: &'static str,
    #[serde(flatten)]
    details: Option<Details>,
}

/// What an event has to say beyond its kind.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Details {
    Input { input: Input },
    Channels { channels: Vec<u16> },
    Length { ms: f64 },
    Gap { gap: Gap },
    Loss { position: u64, frames: u64, error_frames: u64, state: &'static str },
    Why { reason: &'static str, error: Option<&'static str>, message: Option<String> },
}

impl From<&hearken::Event> for Event {
    fn from(event: &hearken::Event) -> Self {
        let length = |length: Duration| Some(Details::Length { ms: ms(length) });
        let why = |reason, error: Option<&hearken::Error>| {
            let (kind, message) = (error.map(|error| error.kind().name()), error.map(ToString::to_string));
            Some(Details::Why { reason, error: kind, message })
        };
        let details = match &event.kind {
            EventKind::Opened(input) | EventKind::Reopened(input) => {
                Some(Details::Input { input: Input::from(input) })
            }
            EventKind::DeadChannels(channels) => Some(Details::Channels { channels: channels.clone() }),
            EventKind::Stalled(time) | EventKind::Slept(time) | EventKind::Overloaded(time) => length(*time),
            EventKind::Gap(gap) => Some(Details::Gap { gap: Gap::from(gap) }),
            EventKind::Lost(loss) => Some(Details::Loss {
                position: loss.position,
                frames: loss.frames,
                error_frames: loss.error_frames,
                state: loss.state.name(),
            }),
            EventKind::Closed(away) => {
                let error = away.error().map(|kind| kind.name());
                Some(Details::Why { reason: Cause::Away(*away).name(), error, message: None })
            }
            EventKind::CannotOpen(error) => why("cannot open", Some(error)),
            EventKind::Stopped(reason) => match reason {
                StopReason::Requested => why("requested", None),
                StopReason::Finished => why("finished", None),
                StopReason::Failed(error) => why("failed", Some(error)),
                StopReason::CallbackStuck => why("callback stuck", None),
                _ => why("unknown", None),
            },
            _ => None,
        };
        Self { at_ms: ms(event.at), kind: event.kind.name(), details }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearken::{Away, Cadence, ClockStats, Error, ErrorKind, InputInfo, SampleFormat, StreamFormat};

    fn input() -> InputInfo {
        let format = StreamFormat { rate_hz: 44_100, channels: 1, sample: SampleFormat::I16 };
        let (server, period_frames) = (Some("pipewire".into()), Some(480));
        InputInfo {
            host: "alsa".into(),
            id: "default".into(),
            name: "mic".into(),
            format,
            server,
            period_frames,
        }
    }

    #[test]
    fn an_epoch_says_what_was_open_since_when_and_why_it_ended() {
        let ledger = hearken::Ledger { captured: 7, delivered: 7, ..hearken::Ledger::default() };
        let epoch = EpochReport {
            input: input(),
            started_at: Duration::from_micros(12_345),
            ledger,
            clock: ClockStats::default(),
            cadence: Cadence::default(),
            ended: Some(Away::Failed(ErrorKind::DeviceLost)),
        };
        let expected = concat!(
            r#"{"input":{"host":"alsa","id":"default","name":"mic"},"started_at_ms":12.345,"rate_hz":44100,"#,
            r#""sample_format":"i16","channels":1,"server":"pipewire","period_frames":480,"#,
            r#""ledger":{"captured":7,"delivered":7,"dropped":0,"lost":0,"lost_provisional":0,"discarded":0,"balanced":true,"#,
            r#""unaccounted":0,"unaccounted_error":0,"clock_agrees":true},"clock":{"class":"learning","ppm":0.0,"bound_us":0.0},"#,
            r#""ended":"device failed","error":"device lost"}"#
        );
        assert_eq!(serde_json::to_string(&Epoch::from(&epoch)).expect("plain data"), expected);
        let last =
            serde_json::to_value(Epoch::from(&EpochReport { ended: None, ..epoch })).expect("plain data");
        assert!(last["ended"].is_null() && last["error"].is_null());
        let clock = ClockStats { bound: Duration::from_nanos(u64::MAX), ..ClockStats::default() };
        let unknown = serde_json::to_value(Clock::from(clock)).expect("plain data");
        assert!(unknown["bound_us"].is_null(), "{unknown}");
    }

    #[test]
    fn an_event_says_when_what_and_what_it_knows() {
        let told = |kind| {
            let event = hearken::Event { at: Duration::from_millis(1500), kind };
            serde_json::to_string(&Event::from(&event)).expect("plain data")
        };
        assert_eq!(told(EventKind::Resumed), r#"{"at_ms":1500.0,"kind":"resumed"}"#);
        let stalled = told(EventKind::Stalled(Duration::from_millis(250)));
        assert_eq!(stalled, r#"{"at_ms":1500.0,"kind":"stalled","ms":250.0}"#);
        let closed = told(EventKind::Closed(Away::Failed(ErrorKind::DeviceLost)));
        let expected = r#"{"at_ms":1500.0,"kind":"closed","reason":"device failed","error":"device lost","message":null}"#;
        assert_eq!(closed, expected);
        let gap = hearken::Gap { position: 1, frames: 2, error_frames: 0, cause: Cause::Away(Away::Stalled) };
        let expected = concat!(
            r#"{"at_ms":1500.0,"kind":"gap","gap":{"position":1,"frames":2,"error_frames":0,"#,
            r#""cause":"device stalled","error":null}}"#
        );
        assert_eq!(told(EventKind::Gap(gap)), expected);
        let opened = told(EventKind::Reopened(input()));
        assert!(opened.contains(r#""kind":"reopened","input":{"host":"alsa""#), "{opened}");
        let error = Error::new(ErrorKind::NoDevice, "none");
        let stopped = told(EventKind::Stopped(StopReason::Failed(error)));
        assert!(stopped.ends_with(r#""reason":"failed","error":"no device","message":"none"}"#), "{stopped}");
    }
}

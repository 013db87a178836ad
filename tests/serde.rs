//! Feature `serde`: what is written is read back the same, and some spellings on which others build.

use hearken::signal::clip::Clips;
use hearken::wav::{Encoding, Recovered, WavFormat};
use hearken::{
    Away, Cadence, Capture, CapturedAt, Cause, Channels, ClockStats, Column, Config, Detector, DeviceInfo,
    EndPoint, EpochReport, Error, ErrorKind, Event, EventKind, FileFormat, FormatWish, Gap, GapPolicy, Input,
    InputInfo, Latency, Ledger, Level, LossState, Pace, Picture, Quality, Recovery, Report, SampleFormat,
    SoundVerdict, StampClass, Stats, StopReason, StreamFormat, Synthetic, TakeEnd, TakePlan, TakeReport, Tap,
    TapLedger, Verdict, Voice, VoiceEvent, WhenFull, Written,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::time::Duration;

/// Writes and reads `value`; what it looks like.
fn round<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) -> Value {
    let text = serde_json::to_string(&value).expect("plain data");
    assert_eq!(serde_json::from_str::<T>(&text).expect(&text), value, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// An odd number of nanoseconds, over a day.
const ODD: Duration = Duration::from_nanos(86_400_123_456_789);

const FORMAT: StreamFormat = StreamFormat { rate_hz: 44_100, channels: 2, sample: SampleFormat::I24 };

fn gap(cause: Cause) -> Gap {
    Gap { position: u64::MAX, frames: 1 << 60, error_frames: 3, cause }
}

fn input() -> InputInfo {
    InputInfo {
        host: "alsa".into(),
        id: "hw:CARD=0".into(),
        name: "A \"microphone\"".into(),
        format: FORMAT,
        server: Some("pulse".into()),
        period_frames: Some(441),
    }
}

fn clock() -> ClockStats {
    ClockStats { class: StampClass::LateOnly, ppb: -53_000, bound: ODD, bad_stamps: 1, actual_rate_hz: None }
}

fn verdicts() -> Vec<SoundVerdict> {
    vec![
        SoundVerdict::Ok,
        SoundVerdict::Muted { frames: 1 },
        SoundVerdict::NoSignalYet { frames: 2 },
        SoundVerdict::TooQuiet { peak: 0.1 },
        SoundVerdict::OneChannelOnly { channel: 1, others: 0.3 },
        SoundVerdict::Clipped { channel: 7, events: 2, samples: 9 },
        SoundVerdict::Lossy { frames: 4, share: 0.7 },
        SoundVerdict::RateMismatch { actual_hz: 44_099.9 },
        SoundVerdict::BelowNoiseFloor { peak: 1e-7 },
        SoundVerdict::WentSilent { position: 5, frames: 6, returned: true },
        SoundVerdict::DeviceLost { times: 3, recovered: false },
        SoundVerdict::NeverHadSignal { frames: 8 },
    ]
}

fn causes() -> Vec<Cause> {
    let mut causes =
        vec![Cause::Dropped, Cause::Muted, Cause::Paused, Cause::Mismatched, Cause::Lost, Cause::Behind];
    let away =
        [Away::Failed(ErrorKind::DeviceLost), Away::Stalled, Away::Switched, Away::Suspended, Away::Idle];
    causes.extend(away.map(Cause::Away));
    causes
}

fn events() -> Vec<EventKind> {
    let loss = Verdict { id: 1, position: 2, frames: 3, error_frames: 4, state: LossState::Provisional };
    vec![
        EventKind::Opened(input()),
        EventKind::FirstCallback,
        EventKind::FirstSignal,
        EventKind::Verdict(SoundVerdict::TooQuiet { peak: 0.01 }),
        EventKind::DeadChannels(vec![1, 3]),
        EventKind::Stalled(ODD),
        EventKind::Resumed,
        EventKind::Gap(gap(Cause::Dropped)),
        EventKind::Lost(loss),
        EventKind::Closed(Away::Stalled),
        EventKind::CannotOpen(Error::new(ErrorKind::DeviceBusy, "held by another")),
        EventKind::Reopened(input()),
        EventKind::DevicesChanged,
        EventKind::Rerouted,
        EventKind::RealtimeDenied,
        EventKind::ErrorStorm,
        EventKind::Slept(ODD),
        EventKind::Overloaded(Duration::from_millis(600)),
        EventKind::Stopped(StopReason::Failed(Error::new(ErrorKind::DeviceLost, "gone"))),
    ]
}

#[test]
fn settings_are_read_back_and_what_is_not_named_is_the_default() {
    for sample in SampleFormat::ALL {
        assert_eq!(round(sample), sample.name());
    }
    for quality in Quality::ALL {
        assert_eq!(round(quality), quality.name());
    }
    for signal in Synthetic::ALL {
        assert_eq!(round(signal), signal.name());
    }
    for &detector in Detector::ALL {
        assert_eq!(round(detector), detector.name());
    }
    for encoding in Encoding::ALL {
        assert_eq!(round(encoding), encoding.to_string());
    }
    assert_eq!([Pace::RealTime, Pace::Fast].map(round), ["real_time", "fast"]);
    assert_eq!([GapPolicy::Fill, GapPolicy::Split, GapPolicy::Mark].map(round), ["fill", "split", "mark"]);
    let full = [WhenFull::DropNew, WhenFull::KeepNewest, WhenFull::Wait];
    assert_eq!(full.map(round), ["drop_new", "keep_newest", "wait"]);
    assert_eq!([FileFormat::I16, FileFormat::I24, FileFormat::F32].map(round), ["i16", "i24", "f32"]);
    assert_eq!([Channels::Mono, Channels::First, Channels::All].map(round), ["mono", "first", "all"]);
    assert_eq!(round(Channels::List(vec![0, 2])), json!({"list": [0, 2]}));
    assert_eq!(round(Channels::MonoOf(vec![1])), json!({"mono_of": [1]}));
    let wish = FormatWish { rate_hz: Some(48_000), sample: Some(SampleFormat::I16), ..FormatWish::default() };
    assert_eq!(round(wish), json!({"rate_hz": 48_000, "channels": null, "sample_format": "i16"}));
    assert_eq!(serde_json::from_str::<FormatWish>("{}").unwrap(), FormatWish::default());
    let recovery =
        json!({"give_up_ms": 30_000.0, "stall_patience_ms": null, "fall_back": true, "correct_rate": false});
    assert_eq!(round(Recovery::default()), recovery);
    round(Recovery { stall_patience: Some(ODD), ..Recovery::NONE });
    let short: Recovery = serde_json::from_str(r#"{"give_up_ms": 500}"#).unwrap();
    assert_eq!(short, Recovery { give_up: Duration::from_millis(500), ..Recovery::default() });
    round(Voice::new().trailing_silence_ms(800).threshold(0.4));
    assert_eq!(serde_json::from_str::<Voice>("{}").unwrap(), Voice::default());
}

#[test]
fn figures_and_reports_are_read_back() {
    round(Level { peak: 0.1, rms: f32::MIN_POSITIVE });
    round(Column { min: i16::MIN, max: i16::MAX, flags: Column::HEARD | Column::CLIPPED });
    round(Clips { events: 3, samples: 9 });
    round(TapLedger { offered: 6, received: 3, behind: 2, pending: 1 });
    let ledger = Ledger { captured: u64::MAX, lost: 1, ..Ledger::default() };
    assert_eq!(round(ledger)["lost_provisional"], 0);
    let stats = Stats { ledger, clock: clock(), wakeups: 7, ..Stats::default() };
    assert_eq!(round(stats)["clock"]["class"], "late-only");
    let classes = [StampClass::Learning, StampClass::Device, StampClass::Quantised, StampClass::Observed];
    assert_eq!(classes.map(round), classes.map(|class| Value::from(class.name())));
    let states = [LossState::Provisional, LossState::Settled, LossState::Revoked];
    assert_eq!(states.map(round), states.map(|state| Value::from(state.name())));
    for cause in causes() {
        let told = round(cause);
        assert!(matches!(cause, Cause::Away(_)) || told == cause.name(), "{told}");
        round(gap(cause));
    }
    assert_eq!(
        round(Cause::Away(Away::Failed(ErrorKind::DeviceLost))),
        json!({"away": {"failed": "device_lost"}})
    );
    for verdict in verdicts() {
        assert_eq!(round(verdict)["name"], verdict.name());
    }
    let captured = CapturedAt { at: ODD, bound: Duration::from_micros(1) };
    assert_eq!(round(captured), json!({"at_ms": 86_400_123.456789, "bound_ms": 0.001}));
    let wide = WavFormat { rate_hz: 8_000, channels: 32, encoding: Encoding::F64 };
    round(Written { format: wide, frames: 1, behind: 2, cut: 3 });
    round(Recovered { format: wide, frames: 1, claimed_frames: 0, changed: true, left_over_bytes: 5 });
    for end in [TakeEnd::Finished, TakeEnd::Waited, TakeEnd::Cancelled, TakeEnd::CaptureEnded] {
        let latency = Latency { opened: Some(ODD), first_frame: None, first_signal: None };
        round(TakeReport {
            end,
            rate_hz: 48_000,
            frames: 1,
            started: captured,
            gaps: vec![gap(Cause::Paused)],
            provisional: vec![gap(Cause::Lost)],
            missing: 2,
            clock: clock(),
            levels: vec![Level::default(); 2],
            verdicts: verdicts(),
            latency,
        });
    }
    let reasons = [StopReason::Requested, StopReason::Finished, StopReason::CallbackStuck];
    assert_eq!(reasons.clone().map(round), ["requested", "finished", "callback_stuck"]);
    let events = events().into_iter().map(|kind| Event { at: ODD, kind }).collect();
    let epoch = EpochReport {
        input: input(),
        started_at: ODD,
        ledger,
        clock: clock(),
        cadence: Cadence::default(),
        ended: Some(Away::Failed(ErrorKind::PermissionDenied)),
    };
    let told = round(Report {
        reason: reasons[0].clone(),
        input: input(),
        stats,
        gaps: causes().into_iter().map(gap).collect(),
        provisional: vec![gap(Cause::Lost)],
        epochs: vec![epoch],
        events,
        late_callbacks: 1,
        released: true,
    });
    let expected = json!({
        "host": "alsa", "id": "hw:CARD=0", "name": "A \"microphone\"",
        "rate_hz": 44_100, "channels": 2, "sample_format": "i24", "server": "pulse", "period_frames": 441,
    });
    assert_eq!(told["input"], expected);
    assert_eq!(told["epochs"][0]["started_at_ms"], 86_400_123.456789);
}

#[test]
fn events_and_pictures_are_read_back() {
    for kind in events() {
        let name = kind.name().replace(' ', "_");
        let told = round(Event { at: Duration::from_micros(1500), kind });
        assert_eq!((&told["at_ms"], &told["kind"]), (&json!(1.5), &json!(name)));
    }
    let storm = round(Event { at: Duration::ZERO, kind: EventKind::ErrorStorm });
    assert_eq!(storm, json!({"at_ms": 0.0, "kind": "error_storm"}));
    assert_eq!(round(EventKind::Overloaded(Duration::from_millis(600)))["data"], 600.0);
    let busy = Error::new(ErrorKind::DeviceBusy, "held");
    assert_eq!(round(busy), json!({"kind": "device_busy", "message": "held"}));
    for why in [EndPoint::Silence, EndPoint::NoSpeech, EndPoint::TooLong] {
        round(why);
        round(VoiceEvent::EndPoint { position: 3, why });
    }
    let mut picture = Picture::default();
    (picture.sequence, picture.verdict) = (3, SoundVerdict::Clipped { channel: 0, events: 1, samples: 3 });
    (picture.columns[127].min, picture.spectrum[63]) = (-9, -3.01);
    assert_eq!(round(picture)["columns"][127], json!({"min": -9, "max": 0, "flags": 0}));
    let device = json!({
        "host": "alsa", "id": "default", "name": "Default", "kind": "monitor", "default": true,
        "rate_hz": 48_000, "channels": 2, "sample_format": "f32",
    });
    let known: DeviceInfo = serde_json::from_value(device.clone()).unwrap();
    assert_eq!(known.format.map(|format| format.sample), Some(SampleFormat::F32));
    assert_eq!(round(known), device);
    // One that cannot be asked now.
    let mute = json!({"host": "alsa", "id": "x", "name": "X", "kind": "microphone", "default": false});
    assert_eq!(round(serde_json::from_value::<DeviceInfo>(mute.clone()).unwrap()), mute);
}

#[test]
fn what_is_out_of_range_is_refused() {
    assert!(serde_json::from_str::<Recovery>(r#"{"give_up_ms": -1}"#).is_err());
    assert!(serde_json::from_str::<SampleFormat>(r#""i12""#).is_err());
    let mut picture = serde_json::to_value(Picture::default()).unwrap();
    picture["spectrum"].as_array_mut().unwrap().pop();
    assert!(serde_json::from_value::<Picture>(picture).unwrap_err().to_string().contains("63 items"));
    // More than there is time for.
    let long: Recovery = serde_json::from_str(r#"{"give_up_ms": 1e300}"#).unwrap();
    assert_eq!(long.give_up, Duration::MAX);
}

#[test]
fn the_account_of_a_real_take_is_read_back() {
    let input = Input::Synthetic(Synthetic::Speech);
    let capture = Capture::new(Config { input, ..Config::default() }).unwrap();
    let mut plan = TakePlan::default();
    let mut chunks = plan.receiver(Tap::default().chunk_ms(20)).unwrap();
    let take = capture.take(plan).unwrap();
    chunks.recv_timeout(Duration::from_secs(5)).expect("speech");
    assert_eq!(round(take.finish().unwrap())["end"], "finished");
    let told = round(capture.stop().unwrap());
    assert_eq!(told["events"][0]["kind"], "opened");
    assert_eq!(told["input"]["sample_format"], "f32");
}

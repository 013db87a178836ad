//! A tap that passes on speech only: nothing of it is cut, nothing vanishes from the timeline.
#![cfg(not(loom))]

use hearken::{Capture, Config, EndPoint, Input, Pace, Speech, Synthetic, Tap, Voice, WhenFull};
use std::time::Duration;

#[test]
fn speech_comes_in_segments_whose_samples_are_those_of_the_tap() {
    let config = Config {
        input: Input::Synthetic(Synthetic::Speech),
        pace: Pace::Fast,
        length: Some(Duration::from_secs(20)),
        ..Config::default()
    };
    let capture = Capture::new(config).unwrap();
    let tap = Tap::new().chunk_ms(20).queue(2000, WhenFull::Wait);
    let voice = Voice::new().trailing_silence_ms(400);
    let speech = capture.speech(tap.clone(), voice).unwrap();
    let whole = capture.receiver(tap).unwrap();
    capture.start().unwrap();
    capture.wait().unwrap();
    let mut times = Vec::new();
    let whole: Vec<f32> = whole
        .flat_map(|chunk| {
            times.push((chunk.position(), chunk.captured_at()));
            chunk.samples().to_vec()
        })
        .collect();
    let (mut open, mut segments, mut passed, mut ends) = (None, 0, 0, 0);
    for item in speech {
        match item {
            Speech::Started { position, captured_at } => {
                assert!(open.replace(position).is_none());
                let at = position as f64 / 16_000.0;
                let first = times[0].1.at.as_secs_f64();
                assert!((captured_at.at.as_secs_f64() - first - at).abs() < 1e-6);
            }
            Speech::Chunk(chunk) => {
                let next = open.expect("inside of a segment");
                assert_eq!(chunk.position(), next, "no frame is left out or comes twice");
                let start = next as usize;
                assert!(chunk.samples() == &whole[start..start + chunk.samples().len()]);
                assert!(chunk.samples().len() <= 320);
                open = Some(next + u64::from(chunk.frames()));
                passed += chunk.samples().len();
            }
            Speech::Ended { position } => {
                assert_eq!(open.take(), Some(position));
                segments += 1;
            }
            Speech::EndPoint { why, .. } => {
                assert_eq!(why, EndPoint::Silence);
                ends += 1;
            }
            _ => panic!("nothing else is known"),
        }
    }
    assert!(open.is_none() && segments >= 2, "{segments} segments");
    assert!(passed > whole.len() / 10 && passed < whole.len(), "{passed} of {}", whole.len());
    assert!(ends <= segments);
}

#[test]
fn a_tap_that_no_detector_takes_is_refused() {
    let capture = Capture::new(Config::default()).unwrap();
    for tap in
        [Tap::new().rate_hz(48_000), Tap::new().hop_ms(10), Tap::new().channels(hearken::Channels::All)]
    {
        assert_eq!(capture.speech(tap, Voice::new()).unwrap_err().kind(), hearken::ErrorKind::BadArgument);
    }
}

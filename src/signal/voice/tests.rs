//! The gate, by scores that the test says: a sample is the score of its frame, and a frame of audio is a millisecond.

use super::VoiceEvent::{EndPoint as Point, Ended, Started};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// 10 ms.
const FRAME: u64 = 10;

#[derive(Debug, Default)]
struct Scripted {
    resets: Arc<AtomicU32>,
}

impl VoiceDetector for Scripted {
    fn rate_hz(&self) -> u32 {
        1_000
    }

    fn frame_len(&self) -> usize {
        FRAME as usize
    }

    fn score(&mut self, frame: &[f32]) -> f32 {
        assert_eq!(frame.len(), FRAME as usize);
        frame[0]
    }

    fn reset(&mut self) {
        self.resets.fetch_add(1, Relaxed);
    }
}

/// Padding 30 ms, hangover 50 ms.
fn voice() -> Voice {
    Voice::new().padding_ms(30).hangover_ms(50)
}

/// A letter of the script is a frame: `#` voice, `_` none, ` ` a hole of one frame.
fn push(gate: &mut VoiceGate, script: &str, begin: u64) -> Vec<VoiceEvent> {
    let mut events = Vec::new();
    for (frame, letter) in script.chars().enumerate() {
        let position = begin + FRAME * frame as u64;
        let mut on = |event| events.push(event);
        match letter {
            '#' => gate.push(&[1.0; FRAME as usize], position, &mut on),
            '_' => gate.push(&[0.0; FRAME as usize], position, &mut on),
            _ => gate.push(&[], position + FRAME, &mut on),
        }
    }
    events
}

fn events(voice: Voice, script: &str) -> Vec<VoiceEvent> {
    let mut gate = voice.gate_with(Box::<Scripted>::default()).expect("in range");
    push(&mut gate, script, 0)
}

#[test]
fn a_segment_begins_before_the_first_voice_by_the_padding_and_ends_behind_the_last_by_the_hangover() {
    assert_eq!(events(voice(), "____##____"), [Started { position: 10 }]);
    assert_eq!(events(voice(), "____##_____"), [Started { position: 10 }, Ended { position: 110 }]);
    assert_eq!(events(voice(), "____##____#"), [Started { position: 10 }], "told when it is over, no sooner");
}

#[test]
fn without_a_hangover_a_segment_ends_with_the_voice() {
    let voice = voice().hangover_ms(0);
    assert_eq!(events(voice, "____####_"), [Started { position: 10 }, Ended { position: 80 }]);
}

#[test]
fn a_score_at_the_threshold_is_voice() {
    for (threshold, told) in [(0.3, 1), (0.31, 0)] {
        let voice = voice().threshold(threshold);
        let mut gate = voice.gate_with(Box::<Scripted>::default()).expect("in range");
        let mut events = 0;
        gate.push(&[0.3; 20], 0, &mut |_| events += 1);
        assert_eq!(events, told, "{threshold}");
    }
}

#[test]
fn one_frame_alone_is_no_onset_and_two_are_dated_to_the_first() {
    assert_eq!(events(voice(), "_____#"), []);
    assert_eq!(events(voice(), "_____#_#_#____"), []);
    assert_eq!(events(voice(), "_____#_##"), [Started { position: 40 }]);
}

#[test]
fn padding_reaches_neither_before_the_first_frame_nor_into_the_segment_before() {
    let mut gate = voice().gate_with(Box::<Scripted>::default()).expect("in range");
    assert_eq!(push(&mut gate, "_##", 1_000), [Started { position: 1_000 }]);
    assert_eq!(
        events(voice(), "______##______##"),
        [Started { position: 30 }, Ended { position: 130 }, Started { position: 130 }]
    );
}

#[test]
fn two_bursts_with_less_than_the_hangover_between_are_one_segment() {
    assert_eq!(events(voice(), "___##____#____##_____"), [Started { position: 0 }, Ended { position: 210 }]);
}

#[test]
fn voice_that_is_too_short_makes_no_segment_and_leaves_the_positions_right() {
    let voice = voice().min_len_ms(60);
    assert_eq!(events(voice, "____##_##_______"), []);
    assert_eq!(events(voice, "____##_____##_______"), [], "a hangover between: two");
    // Long enough with the dip, back-dated over it.
    assert_eq!(events(voice, "____##__##____"), [Started { position: 10 }]);
    assert_eq!(
        events(voice, "____###_______######_____"),
        [Started { position: 110 }, Ended { position: 250 }],
        "what was rejected still counts on the axis"
    );
}

#[test]
fn trailing_silence_is_an_end_point_and_voice_in_time_puts_it_off() {
    let voice = voice().trailing_silence_ms(80);
    let end = |position| Point { position, why: EndPoint::Silence };
    assert_eq!(
        events(voice, "___##_________________"),
        [Started { position: 0 }, Ended { position: 100 }, end(130)]
    );
    assert_eq!(
        events(voice, "___##_______##________"),
        [
            Started { position: 0 },
            Ended { position: 100 },
            Started { position: 100 },
            Ended { position: 190 },
            end(220)
        ]
    );
    // Shorter than the hangover: told behind the segment.
    assert_eq!(
        events(voice.trailing_silence_ms(20), "___##______"),
        [Started { position: 0 }, Ended { position: 100 }, end(100)]
    );
    assert_eq!(events(voice, "______________#____"), [], "nobody spoke");
}

#[test]
fn a_segment_at_its_greatest_length_ends_and_the_next_joins_it() {
    let voice = voice().max_len_ms(105);
    let too_long = |position| Point { position, why: EndPoint::TooLong };
    assert_eq!(
        events(voice, "_####################______"),
        [
            Started { position: 0 },
            Ended { position: 105 },
            too_long(105),
            Started { position: 105 },
            Ended { position: 210 },
            too_long(210),
        ]
    );
    assert_eq!(
        events(voice.padding_ms(0), "_################_"),
        [Started { position: 10 }, Ended { position: 115 }, too_long(115), Started { position: 115 }],
        "the frame with the limit in it belongs to both"
    );
    // In the hangover; it is the one end point.
    assert_eq!(
        events(voice.trailing_silence_ms(80), "_#####________________"),
        [Started { position: 0 }, Ended { position: 105 }, too_long(105)]
    );
    assert_eq!(
        events(voice.max_len_ms(110), "_#####______"),
        [Started { position: 0 }, Ended { position: 110 }],
        "not cut"
    );
}

#[test]
fn silence_from_the_beginning_is_an_end_point_once() {
    let voice = voice().no_speech_ms(95);
    assert_eq!(
        events(voice, "____#_______________________"),
        [Point { position: 95, why: EndPoint::NoSpeech }]
    );
    assert_eq!(events(voice, "____##____"), [Started { position: 10 }]);
    assert_eq!(events(voice, "________####__________________").len(), 2, "the candidate was voice");
}

#[test]
fn a_hole_is_time_without_voice() {
    assert_eq!(events(voice(), "___##  ##_____"), [Started { position: 0 }, Ended { position: 140 }]);
    assert_eq!(
        events(voice(), "___##            _##"),
        [Started { position: 0 }, Ended { position: 100 }, Started { position: 150 }]
    );
    // Off the grid of frames: what was begun of a frame is lost to the detector, not to the axis.
    let mut gate = voice().gate_with(Box::<Scripted>::default()).expect("in range");
    let mut events = Vec::new();
    let mut on = |event| events.push(event);
    gate.push(&[0.0; 47], 0, &mut on);
    gate.push(&[1.0; 27], 1_003, &mut on);
    gate.push(&[], 2_000, &mut on);
    assert_eq!(events, [Started { position: 973 }, Ended { position: 1_073 }]);
}

#[test]
fn frames_that_were_pushed_before_are_skipped() {
    let mut gate = voice().gate_with(Box::<Scripted>::default()).expect("in range");
    let mut events = Vec::new();
    for begin in (0..200).step_by(10) {
        // Half of what each brings is known; it is voice from 60 to 80.
        let samples: Vec<f32> =
            (begin..begin + 20).map(|at| f32::from(u8::from((60..80).contains(&at)))).collect();
        gate.push(&samples, begin, &mut |event| events.push(event));
        gate.push(&[1.0; 5], begin.saturating_sub(5), &mut |event| events.push(event));
    }
    assert_eq!(events, [Started { position: 30 }, Ended { position: 130 }]);
}

#[test]
fn the_detector_starts_anew_behind_a_hole_of_more_than_the_hangover() {
    let detector = Scripted::default();
    let resets = detector.resets.clone();
    let mut gate = voice().gate_with(Box::new(detector)).expect("in range");
    for (script, begin, expected) in
        [("_", 0, 0), ("_", 60, 0), ("_", 121, 1), ("_   ", 131, 1), ("    _", 171, 2), ("_", 221, 2)]
    {
        push(&mut gate, script, begin);
        assert_eq!(resets.load(Relaxed), expected, "{script} at {begin}");
    }
}

#[test]
fn the_end_of_the_stream_ends_a_segment_with_every_frame() {
    let mut gate = voice().gate_with(Box::<Scripted>::default()).expect("in range");
    for begin in [0, 7_000, 100] {
        let mut heard = push(&mut gate, "_____##", begin);
        gate.push(&[1.0; 4], begin + 70, &mut |event| heard.push(event));
        gate.finish(&mut |event| heard.push(event));
        assert_eq!(heard, [Started { position: begin + 20 }, Ended { position: begin + 74 }]);
        gate.finish(&mut |event| panic!("{event:?} after the end"));
    }
}

#[test]
fn values_out_of_range_are_refused() {
    let refused =
        |voice: Voice| voice.gate().is_err_and(|error| error.kind() == crate::ErrorKind::BadArgument);
    for threshold in [0.0, -1.0, 1.1, f32::NAN] {
        assert!(refused(Voice::new().threshold(threshold)), "{threshold}");
    }
    assert!(refused(Voice::new().padding_ms(10_001)));
    assert!(refused(Voice::new().hangover_ms(10_001)));
    assert!(refused(Voice::new().min_len_ms(u32::MAX)));
    assert!(refused(Voice::new().max_len_ms(600)));
    assert!(!refused(Voice::new().max_len_ms(601).threshold(1.0).padding_ms(0).hangover_ms(0)));
}

#[test]
fn any_samples_have_a_score_from_0_to_1_and_leave_the_detector_sound() {
    let strange = [0.0, 1.0, -1.0, 7.5, f32::MAX, f32::MIN_POSITIVE, f32::NAN, f32::NEG_INFINITY];
    for detector in Detector::ALL {
        let mut scored = detector.build();
        let mut frame = vec![0.0; scored.frame_len()];
        for (at, value) in strange.into_iter().enumerate() {
            frame.fill(0.01);
            frame[at * 16..].iter_mut().step_by(7).for_each(|sample| *sample = value);
            let score = scored.score(&frame);
            assert!(
                value.is_nan() || (0.0..=1.0).contains(&score),
                "{} of {value}: {score}",
                detector.name()
            );
        }
        scored.reset();
        let mut fresh = detector.build();
        for at in 0..50_u32 {
            let noise = |sample| ((at * 512 + sample) as f32 * 12.9898).sin() * 0.1;
            frame = (0..frame.len() as u32).map(noise).collect();
            assert_eq!(scored.score(&frame), fresh.score(&frame), "{} after a reset", detector.name());
        }
    }
}

/// A stretch of `len` frames: a hole, or audio whose score is that.
fn stretches() -> impl Strategy<Value = Vec<(Option<f32>, usize)>> {
    let score = prop_oneof![2 => Just(Some(1.0)), 3 => Just(Some(0.0)), 1 => Just(None)];
    prop::collection::vec((score, 1_usize..90), 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_input_in_any_pieces_makes_the_same_segments_in_order_and_within_reach(
        stretches in stretches(),
        pieces in prop::collection::vec(1_usize..40, 1..20),
        (padding, hangover, min_len) in (0_u32..60, 0_u32..60, 0_u32..60),
        max_len in prop::option::of(200_u32..300),
        trailing in prop::option::of(0_u32..200),
    ) {
        let mut voice = Voice::new().padding_ms(padding).hangover_ms(hangover).min_len_ms(min_len).no_speech_ms(300);
        if let Some(ms) = max_len {
            voice = voice.max_len_ms(ms);
        }
        if let Some(ms) = trailing {
            voice = voice.trailing_silence_ms(ms);
        }
        // Told with how far the input had come.
        let run = |pieces: &[usize]| {
            let mut gate = voice.gate_with(Box::<Scripted>::default()).expect("in range");
            let history = gate.history_frames();
            let mut pieces = pieces.iter().copied().cycle();
            let (mut told, mut position) = (Vec::new(), 5);
            gate.push(&[], position, &mut |_| ());
            for (score, len) in &stretches {
                let mut left = *len;
                while left > 0 {
                    let piece = pieces.next().unwrap_or(1).min(left);
                    let mut on = |event| told.push((event, position + piece as u64));
                    match score {
                        Some(score) => gate.push(&vec![*score; piece], position, &mut on),
                        None => gate.push(&[], position + piece as u64, &mut on),
                    }
                    position += piece as u64;
                    left -= piece;
                }
            }
            gate.finish(&mut |event| told.push((event, position)));
            (told, history)
        };
        let (whole, _) = run(&[usize::MAX]);
        let (split, _) = run(&pieces);
        let (exact, history) = run(&[1]);
        let only = |told: &[(VoiceEvent, u64)]| told.iter().map(|(event, _)| *event).collect::<Vec<_>>();
        prop_assert_eq!(only(&whole), only(&split));
        prop_assert_eq!(only(&whole), only(&exact));
        let (mut end, mut open) = (5, false);
        for (event, now) in exact {
            match event {
                Started { position } => {
                    prop_assert!(!open && position >= end && position <= now && now - position <= history);
                    (open, end) = (true, position);
                }
                Ended { position } => {
                    prop_assert!(open && position > end && position <= now);
                    prop_assert!(max_len.is_none_or(|most| position - end <= u64::from(most)));
                    (open, end) = (false, position);
                }
                Point { position, .. } => prop_assert!(!open && position <= now),
            }
        }
        prop_assert!(!open);
    }
}

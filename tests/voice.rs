//! What the voice gate promises, measured on speech that is made here. `-- --nocapture` prints the tables, with
//! `--features vad,vad-silero` for every detector.
#![cfg(target_os = "linux")] // Only there does `cargo xtask setup` install the programs that speak.

#[path = "voice/measure.rs"]
mod measure;
#[path = "voice/noise.rs"]
mod noise;
#[path = "voice/speech.rs"]
mod speech;

use hearken::{Detector, EndPoint, Voice, VoiceEvent};
use measure::{Passed, pass};
use speech::{Speech, both};
use std::sync::LazyLock;

static SPEECH: LazyLock<[Speech; 2]> = LazyLock::new(both);

type Noise = fn(usize) -> Vec<f32>;

/// 32 s.
const LONG: usize = 512_000;

/// Speech with `noise` that many dB below it.
fn mixed(speech: &Speech, noise: Noise, snr_db: f32) -> Vec<f32> {
    let dbfs = 10.0 * speech.power.log10() - snr_db;
    let noise = noise::at(dbfs, noise(speech.samples.len()));
    speech.samples.iter().zip(noise).map(|(speech, noise)| speech + noise).collect()
}

fn passed(detector: Detector, samples: &[f32]) -> Passed {
    pass(Voice::new(), detector.build(), samples)
}

#[test]
fn speech_passes_whole_from_its_first_sound_on_and_pauses_do_not() {
    let mut missed = Vec::new();
    println!(
        "{:9} {:>11} {:9} {:>8} {:>8} {:>9} {:>10} {:>8}",
        "voice", "noise", "detector", "frames %", "gate %", "worst cut", "cut >20 ms", "pauses %"
    );
    for speech in SPEECH.iter() {
        println!(
            "{}: {} s, {} intervals",
            speech.name,
            speech.samples.len() / 16_000,
            speech.intervals.len()
        );
        let mut rows = |name: &str, snr_db: f32, samples: &[f32]| {
            for &detector in Detector::ALL {
                let passed = passed(detector, samples);
                let (recall, (worst_ms, cut)) = (passed.recall(speech), passed.worst_cut(speech));
                let pauses = passed.pauses(speech);
                let row = format!(
                    "{:9} {name:>11} {:9} {:8.1} {recall:8.1} {worst_ms:6} ms {:>10} {pauses:8.1}",
                    speech.name,
                    detector.name(),
                    passed.frame_recall(speech),
                    format!("{cut} of {}", speech.intervals.len()),
                );
                println!("{row}");
                // A gate that is always open would keep all the rest.
                if snr_db >= 10.0 && (recall < 97.0 || cut > 0 || pauses > 15.0) {
                    missed.push(row);
                }
            }
        };
        rows("none", f32::INFINITY, &speech.samples);
        for (name, noise) in [("white", noise::white as Noise), ("pink", noise::pink)] {
            for snr_db in [20.0, 10.0, 5.0] {
                rows(&format!("{name} {snr_db} dB"), snr_db, &mixed(speech, noise, snr_db));
            }
        }
    }
    assert!(
        missed.is_empty(),
        "with 10 dB and more, at least 97 % pass, nothing is cut, and pauses do not pass:\n{}",
        missed.join("\n")
    );
}

/// Name, level in dBFS, signal, and the detectors to which it is no voice. The others let most of it pass: a jump of the
/// noise for 2 s, clicks by the energy, music and tones by all but Silero.
fn others() -> Vec<(&'static str, f32, Noise, &'static [&'static str])> {
    let (every, networks) = (&["energy", "earshot", "silero"][..], &["earshot", "silero"][..]);
    let silero = &["silero"][..];
    let mut others: Vec<(&str, f32, Noise, &[&str])> = vec![
        ("digital silence", f32::NEG_INFINITY, |samples| vec![0.0; samples], every),
        ("looped noise", -30.0, noise::looped, every),
    ];
    let mut at = |levels: &[f32], name, noise, refusing| {
        others.extend(levels.iter().map(|dbfs| (name, *dbfs, noise, refusing)));
    };
    let steady: [(_, Noise); 4] =
        [("white", noise::white), ("pink", noise::pink), ("brown", noise::brown), ("fan", noise::fan)];
    for (name, noise) in steady {
        at(&[-70.0, -50.0, -40.0, -30.0, -25.0, -20.0, -15.0, -10.0, -6.0], name, noise, every);
    }
    let levels = &[-50.0, -30.0, -20.0, -10.0];
    at(levels, "30 dB louder", noise::step, &[]);
    at(&levels[..3], "key clicks", noise::clicks, networks);
    at(levels, "chords", noise::chords, silero);
    at(levels, "tone on and off", noise::tone, silero);
    others
}

#[test]
fn steady_noise_does_not_pass_nor_clicks_by_a_network_nor_music_by_silero() {
    let mut missed = Vec::new();
    for (name, dbfs, noise, refusing) in others() {
        let signal = noise(LONG);
        let signal = if dbfs.is_finite() { noise::at(dbfs, signal) } else { signal };
        for &detector in Detector::ALL {
            let passed = passed(detector, &signal).time();
            let row = format!("{name:16} {dbfs:5} dBFS {:9} {passed:5.1} % passed", detector.name());
            println!("{row}");
            if refusing.contains(&detector.name()) && passed > 5.0 {
                missed.push(row);
            }
        }
    }
    assert!(missed.is_empty(), "at most 5 % pass:\n{}", missed.join("\n"));
}

/// A button is pushed 60 ms into a stretch of speech: what the gate keeps of the rest.
#[test]
fn a_stream_that_begins_within_a_word_is_kept_from_its_first_frame_by_a_network() {
    for speech in SPEECH.iter() {
        let samples = mixed(speech, noise::pink, 20.0);
        for &detector in Detector::ALL {
            let cut = |(start, end): &(usize, usize)| {
                let heard = passed(detector, &samples[start + 960..(*end + 8_000).min(samples.len())]);
                heard.segments.first().map_or(end - start, |(start, _)| *start) / 16
            };
            let cuts: Vec<usize> = speech.intervals.iter().map(cut).collect();
            let (late, worst) = (cuts.iter().filter(|ms| **ms > 20).count(), cuts.iter().max());
            println!(
                "{:9} {:9} {late} of {} cut, worst {worst:?} ms",
                speech.name,
                detector.name(),
                cuts.len()
            );
            assert!(
                late == 0 || detector == Detector::Energy,
                "{} {}: {cuts:?}",
                speech.name,
                detector.name()
            );
        }
    }
}

#[test]
fn each_utterance_has_its_end_point_and_none_has_two() {
    for speech in SPEECH.iter() {
        let samples = mixed(speech, noise::pink, 20.0);
        for &detector in Detector::ALL {
            let mut gate = Voice::new().detector(detector).trailing_silence_ms(700).gate().expect("in range");
            let mut points = Vec::new();
            gate.push(&samples, 0, &mut |event| {
                if let VoiceEvent::EndPoint { position, why: EndPoint::Silence } = event {
                    points.push(position as usize);
                }
            });
            assert_eq!(points.len(), speech.utterances.len(), "{} {}", speech.name, detector.name());
            let mut before = 0;
            for (point, end) in points.into_iter().zip(&speech.utterances) {
                assert!((before..*end).contains(&point), "{} {}: {point}", speech.name, detector.name());
                before = *end;
            }
        }
    }
}

#[test]
fn the_measurements_can_fail() {
    for speech in SPEECH.iter() {
        let samples = mixed(speech, noise::pink, 10.0);
        let with = |voice: Voice| pass(voice, Detector::Energy.build(), &samples);
        let (_, cut) = with(Voice::new().padding_ms(0)).worst_cut(speech);
        assert!(cut > 0, "without padding {} is cut", speech.name);
        let recall = with(Voice::new().threshold(1.0).padding_ms(0).hangover_ms(0)).recall(speech);
        assert!(recall < 90.0, "{recall}");
        let pauses = with(Voice::new().threshold(0.1)).pauses(speech);
        assert!(pauses > 50.0, "{pauses}");
    }
    let pink = noise::at(-30.0, noise::pink(LONG));
    assert!(pass(Voice::new().threshold(0.2), Detector::Energy.build(), &pink).time() > 20.0);
}

//! What is made of the sound before it is written.

use crate::run::{Place, frames, wav};
use serde_json::Value;
use std::path::Path;

fn samples(path: &Path) -> Vec<i16> {
    let reader = hound::WavReader::open(path).expect("a WAV");
    reader.into_samples().map(|sample| sample.expect("a sample")).collect()
}

/// Begin and end of each stretch, in frames.
fn segments(account: &Value) -> Vec<(usize, usize)> {
    let frames = |value: &Value| (value.as_f64().expect("seconds") * 16_000.0).round() as usize;
    let segments = account["segments"].as_array().unwrap_or_else(|| panic!("no segments in {account}"));
    segments.iter().map(|segment| (frames(&segment["start_s"]), frames(&segment["end_s"]))).collect()
}

#[test]
fn only_speech_is_written_sample_for_sample_and_the_account_says_where_it_was() {
    let place = Place::new();
    place.take("said.wav --input synthetic:speech --seconds 3 --fast");
    let said = samples(&place.path("said.wav"));
    // Three seconds, four of nothing, and three more.
    let spoken = [&said[..], &[0; 64_000], &said].concat();
    let bytes: Vec<u8> = spoken.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    place.write("in.wav", &wav(1, 16, 1, 16_000, &bytes));
    let input = "--input file:in.wav --fast";
    let whole = place.take(&format!("whole.wav {input}"));
    assert!(whole.get("segments").is_none() && whole.get("take").is_none());
    let whole = samples(&place.path("whole.wav"));
    for detector in ["", "=energy"] {
        let account = place.take(&format!("speech.wav {input} --voice{detector}"));
        let segments = segments(&account);
        assert!(segments.len() > 1, "{segments:?}");
        assert!(segments.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{segments:?}");
        let wanted: Vec<i16> =
            segments.iter().flat_map(|(start, end)| &whole[*start..*end]).copied().collect();
        // The pause is left out, but for its edges.
        assert!((90_000..whole.len() - 48_000).contains(&wanted.len()), "{segments:?}");
        assert!(samples(&place.path("speech.wav")) == wanted);
        assert_eq!(account["output"]["frames"], wanted.len());
    }
    let said = place.hearken(&format!("record {input} --voice"));
    assert!(said.stdout.contains("speech: "), "{}", said.stdout);
}

#[test]
fn where_nobody_speaks_the_file_is_empty() {
    let place = Place::new();
    let account = place.take("--input synthetic:noise --seconds 6 --fast --voice");
    // A noise that begins counts as voice for two seconds to the energy detector.
    assert!(segments(&account).iter().all(|(_, end)| *end < 3 * 16_000), "{account}");
    place.take("quiet.wav --input synthetic:noise --seconds 3 --gain -120 --format f32 --fast");
    let account = place.take("--input file:quiet.wav --fast --voice");
    assert_eq!((segments(&account).len(), frames(&place.path("take.wav"))), (0, 0));
}

#[test]
fn what_voice_cannot_do_is_refused_before_anything_is_opened() {
    let place = Place::new();
    for args in [
        "--voice=ears",
        "--voice --rate 48000",
        "--voice --channels all",
        "--voice --native",
        "--high-pass=0",
    ] {
        let said = place.hearken(&format!("record --input synthetic {args}"));
        assert_eq!(said.code, Some(2), "{args}: {}", said.stderr);
        assert!(!place.path("take.wav").exists(), "{args}");
    }
}

#[test]
fn a_high_pass_takes_away_what_lies_below_its_corner() {
    let place = Place::new();
    let mut peaks = Vec::new();
    for filter in ["", "--high-pass", "--high-pass=1760"] {
        place.take(&format!("--input synthetic:tone --seconds 1 --fast {filter}"));
        let samples = samples(&place.path("take.wav"));
        peaks.push(samples[8_000..15_000].iter().copied().max().expect("samples"));
    }
    // 440 Hz is spared by 80 Hz, and two octaves below 1,760: 24 dB.
    assert!((peaks[0] - peaks[1]).abs() < peaks[0] / 50, "{peaks:?}");
    assert!((12..20).contains(&(peaks[0] / peaks[2])), "{peaks:?}");
}

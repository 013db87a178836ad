//! What is in the file.

use crate::run::{Place, chunk, figure, frames, noise, wav};

/// `position` at another rate, rounded.
fn at_16k(frames: u64, rate_hz: u64) -> u64 {
    (2 * frames * 16_000 + rate_hz) / (2 * rate_hz)
}

#[test]
fn a_take_of_s_seconds_has_exactly_so_many_frames() {
    let place = Place::new();
    for rate_hz in [8_000, 16_000, 44_100, 48_000, 96_000] {
        for seconds in ["0.1", "0.33333", "1.00001"] {
            let input = format!("--input synthetic:tone --device-rate {rate_hz}");
            let account = place.take(&format!("{input} --seconds {seconds} --fast"));
            let wanted = (seconds.parse::<f64>().expect("a number") * rate_hz as f64).round() as u64;
            assert_eq!(figure(&account, "/ledger/captured"), wanted, "{rate_hz} {seconds}");
            assert_eq!(figure(&account, "/output/frames"), at_16k(wanted, rate_hz), "{rate_hz} {seconds}");
            assert_eq!(frames(&place.path("take.wav")), at_16k(wanted, rate_hz), "{rate_hz} {seconds}");
        }
    }
}

#[test]
fn a_file_ends_at_the_length_asked_for_or_at_its_own() {
    let place = Place::new();
    place.write("in.wav", &wav(1, 16, 2, 44_100, &noise(4 * 20_001)));
    for (seconds, wanted) in [("0.25", 11_025), ("9", 20_001)] {
        let account = place.take(&format!("--input file:in.wav --seconds {seconds} --fast"));
        assert_eq!(figure(&account, "/ledger/captured"), wanted);
        assert_eq!(figure(&account, "/output/frames"), at_16k(wanted, 44_100));
    }
}

#[test]
fn native_copies_every_encoding_bit_for_bit() {
    let place = Place::new();
    for (tag, bits) in [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64)] {
        for channels in [1, 3] {
            // NaN and infinities are among such floats, and odd lengths among such bytes.
            let data = noise(usize::from(bits / 8 * channels) * 12_345);
            place.write("in.wav", &wav(tag, bits, channels, 44_100, &data));
            let account = place.take("out.wav --input file:in.wav --native --fast");
            let written = place.read("out.wav");
            assert!(chunk(&written, b"data") == data, "{tag} {bits} {channels}");
            assert_eq!(figure(&account, "/output/channels"), u64::from(channels));
            assert_eq!(figure(&account, "/output/rate_hz"), 44_100);
            assert_eq!(figure(&account, "/output/frames"), 12_345);
        }
    }
}

#[test]
fn fast_and_real_time_and_every_run_write_the_same_bytes() {
    let place = Place::new();
    let input = "--input synthetic:speech --seconds 0.7 --channels all --format f32";
    for (out, pace) in [("real.wav", ""), ("fast.wav", "--fast"), ("again.wav", "--fast")] {
        place.take(&format!("{out} {input} {pace}"));
    }
    assert!(place.read("fast.wav") == place.read("real.wav"));
    assert!(place.read("fast.wav") == place.read("again.wav"));
    assert!(chunk(&place.read("fast.wav"), b"data").iter().any(|&byte| byte != 0));
}

#[test]
fn a_list_of_channels_orders_them() {
    let place = Place::new();
    let input = "--input synthetic:noise --seconds 0.1 --rate 48000 --format f32 --fast";
    place.take(&format!("all.wav {input} --channels all"));
    place.take(&format!("swapped.wav {input} --channels 1,0"));
    let (all, swapped) = (place.read("all.wav"), place.read("swapped.wav"));
    let (all, swapped) = (chunk(&all, b"data").chunks(8), chunk(&swapped, b"data").chunks(8));
    assert_eq!((all.len(), swapped.len()), (4_800, 4_800));
    assert!(all.zip(swapped).all(|(all, swapped)| all[..4] == swapped[4..] && all[4..] == swapped[..4]));
}

#[test]
fn what_is_no_finite_number_becomes_silence_and_is_told() {
    let place = Place::new();
    let samples = [0.5, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5];
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    place.write("in.wav", &wav(3, 32, 1, 16_000, &data));
    let said = place.hearken("record --input file:in.wav --fast");
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert!(said.stdout.contains("3 samples were no finite numbers"), "{}", said.stdout);
    let written = hound::WavReader::open(place.path("take.wav")).expect("a WAV");
    let written: Vec<i16> = written.into_samples().map(|sample| sample.expect("a sample")).collect();
    assert_eq!(written, [16_384, 0, 0, 0, -16_384]);
}

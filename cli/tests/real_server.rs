//! The program on a real audio server: what goes into the microphone is what the file holds.
#![cfg(target_os = "linux")]

mod support;

use hearken::signal::resample::{Quality, Resampler};
use std::process::{Child, Command};
use support::microphone::Microphone;
use support::recording::{Recording, Take};
use support::reference::Reference;
use support::server::PulseServer;
use support::signal;

fn record(server: &PulseServer, arguments: &str) -> Recording {
    let client: Command = server.client(env!("CARGO_BIN_EXE_hearken"));
    Recording::start(client, &server.scratch(), arguments)
}

/// `seconds` of silence in the shape of the server's microphone.
fn silence(server: &PulseServer, seconds: u32) -> Vec<i16> {
    vec![0; (seconds * server.rate) as usize * usize::from(server.channels)]
}

/// A native take of noise holds every frame from the first one written, bit for bit, and else only silence.
fn assert_native_is_bit_exact(rate: u32, channels: u16) {
    let server = PulseServer::start(rate, channels);
    let arguments =
        format!("--native --device-rate {rate} --device-channels {channels} --device-format i16 --seconds 3");
    let recording = record(&server, &arguments);
    let noise = signal::white_noise(rate as usize * 3 / 2 * usize::from(channels), u64::from(rate));
    // The silence carries the clip's end through the buffers on the way.
    let speech = Microphone::of(&server).speak([&noise[..], &silence(&server, 4)].concat());
    let take = recording.finish(3);
    drop(speech);

    take.assert_whole();
    assert_eq!(take.json["input"]["rate_hz"], rate);
    assert_eq!(take.json["input"]["channels"], channels);
    assert_eq!(take.json["input"]["sample_format"], "i16");
    let mut wav = hound::WavReader::open(&take.wav).expect("a WAV file");
    let spec = hound::WavSpec {
        channels,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    assert_eq!(wav.spec(), spec);
    let recorded: Vec<i16> = wav.samples().map(|sample| sample.expect("a sample")).collect();
    assert_eq!(recorded.len() as u64, take.count("/ledger/captured") * u64::from(channels));
    assert_eq!(take.count("/output/frames"), take.count("/ledger/captured"));
    let start = recorded.iter().position(|&sample| sample != 0).expect("the recording is silent");
    assert_eq!(start % usize::from(channels), 0, "the channels are swapped, or the first frame is missing");
    let end = start + noise.len();
    assert!(recorded.len() >= end, "the clip ends early: {} of {end}", recorded.len());
    if let Some(at) = (0..noise.len()).find(|&at| recorded[start + at] != noise[at]) {
        panic!("sample {at} of the clip is {} instead of {}", recorded[start + at], noise[at]);
    }
    assert!(recorded[end..].iter().all(|&sample| sample == 0), "something follows the clip");
}

#[test]
fn native_is_bit_exact_from_the_first_frame_in_mono_at_44100() {
    assert_native_is_bit_exact(44_100, 1);
}

#[test]
fn native_is_bit_exact_from_the_first_frame_in_mono_at_48000() {
    assert_native_is_bit_exact(48_000, 1);
}

#[test]
fn native_is_bit_exact_from_the_first_frame_in_stereo_at_44100() {
    assert_native_is_bit_exact(44_100, 2);
}

#[test]
fn native_is_bit_exact_from_the_first_frame_in_stereo_at_48000() {
    assert_native_is_bit_exact(48_000, 2);
}

#[test]
fn a_half_minute_from_44100_to_16000_drops_nothing_and_has_its_exact_length() {
    let server = PulseServer::start(44_100, 1);
    let recording = record(
        &server,
        "--device-rate 44100 --device-channels 1 --device-format i16 --rate 16000 --channels mono --seconds 30",
    );
    let speech = Microphone::of(&server).speak(signal::white_noise(45 * 44_100, 1));
    let take = recording.finish(30);
    drop(speech);

    take.assert_whole();
    let captured = take.count("/ledger/captured");
    // The clock of 30 s is the program's; the device starts a little later and delivers in periods.
    assert!((29 * 44_100..31 * 44_100).contains(&captured), "{captured} frames in 30 s");
    // What a busy machine made the server lose, if its stamps say so, stands in the file as silence.
    let lost = take.count("/ledger/lost");
    println!("{captured} frames, {lost} lost by the server");
    let expected = ((captured + lost) * 16_000 + 22_050) / 44_100;
    assert_eq!(take.count("/output/frames"), expected);
    assert_eq!(take.count("/output/rate_hz"), 16_000);
    let wav = hound::WavReader::open(&take.wav).expect("a WAV file");
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (16_000, 1));
    assert_eq!(u64::from(wav.duration()), expected);
}

/// A WAV file that plays into the server's sink until it is dropped.
struct Player(Child);

impl Player {
    fn start(server: &PulseServer, samples: &[i16]) -> Self {
        let path = server.scratch().join("played.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: server.rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&path, spec).expect("a WAV file");
        samples.iter().for_each(|&sample| wav.write_sample(sample).expect("a sample"));
        wav.finalize().expect("a WAV file");
        let player = server.client("paplay").arg("--device=spk").arg(path).spawn();
        Self(player.expect("paplay must be installed: `cargo xtask setup`"))
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is played into the sink and recorded from its monitor at 16 kHz agrees with the offline reference.
fn assert_agrees_with_the_reference(rate: u32) {
    let server = PulseServer::start(rate, 1);
    let clip = signal::to_i16(&signal::tones(2 * rate as usize, rate));
    let arguments = format!(
        "--input alsa:spkmon --device-rate {rate} --device-channels 1 --device-format i16 \
         --rate 16000 --channels mono --format f32 --seconds 5"
    );
    let recording = record(&server, &arguments);
    let player = Player::start(&server, &clip);
    let take = recording.finish(5);
    drop(player);

    take.assert_whole();
    let recorded = read_f32(&take);
    let played: Vec<f64> = clip.iter().map(|&sample| f64::from(sample) / 32_768.0).collect();
    let reference = Reference { from: rate, to: 16_000, cutoff: 8_000.0 };
    let agreement = reference.agreement(&played, &recorded);
    println!("{rate} Hz: {agreement:?}");
    assert!(agreement.snr_db >= 90.0, "{agreement:?}");
    assert!((agreement.gain - 1.0).abs() < 1e-4, "{agreement:?}");
    // The clip began with some whole device frame, and the resampler says how far off its grid it answers.
    let shift = Resampler::new(rate, 16_000, 1, Quality::Balanced).expect("usual rates").shift_frames();
    let frames = (agreement.delay + shift) * f64::from(rate) / 16_000.0;
    assert!((frames - frames.round()).abs() < 0.01, "the clip is {frames} device frames late: {agreement:?}");
}

fn read_f32(take: &Take) -> Vec<f64> {
    let mut wav = hound::WavReader::open(&take.wav).expect("a WAV file");
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (16_000, 1));
    assert_eq!(wav.spec().sample_format, hound::SampleFormat::Float);
    assert_eq!(u64::from(wav.duration()), take.count("/output/frames"));
    wav.samples::<f32>().map(|sample| f64::from(sample.expect("a sample"))).collect()
}

#[test]
fn a_played_file_agrees_with_the_offline_reference_from_48000() {
    assert_agrees_with_the_reference(48_000);
}

#[test]
fn a_played_file_agrees_with_the_offline_reference_from_44100() {
    assert_agrees_with_the_reference(44_100);
}

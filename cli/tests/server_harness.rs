//! Tests of the test equipment itself: what the tests on a real audio server rely on.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use support::microphone::Microphone;
use support::reference::Reference;
use support::server::PulseServer;
use support::{signal, wait_for};

/// Ends a client that would record for ever.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the server's own recorder hears of `samples`, spoken by `microphone` and followed by 0.5 s of silence.
fn heard(server: &PulseServer, microphone: &Microphone, samples: &[i16]) -> Vec<i16> {
    let path = server.scratch().join("heard.s16");
    let mut parec = server.client("parec");
    parec.args(["--raw", "--device=mic", "--format=s16le", "--latency-msec=20"]);
    parec.arg(format!("--rate={}", server.rate)).arg(format!("--channels={}", server.channels));
    parec.stdout(File::create(&path).expect("a file"));
    let recorder = Ended(parec.spawn().expect("parec must be installed: `cargo xtask setup`"));
    server.wait_for_recorder();
    let silence = vec![0; server.rate as usize / 2 * usize::from(server.channels)];
    microphone.speak([samples, &silence].concat()).finish().expect("the microphone speaks");
    let bytes = (samples.len() * 2) as u64;
    wait_for(Duration::from_secs(5), || (path.metadata().ok()?.len() >= bytes).then_some(()));
    drop(recorder);
    let bytes = std::fs::read(path).expect("the recording");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

fn assert_heard_exactly(rate: u32, channels: u16) {
    let server = PulseServer::start(rate, channels);
    let noise = signal::white_noise(2 * rate as usize * usize::from(channels), 7);
    let heard = heard(&server, &Microphone::of(&server), &noise);
    assert!(heard.len() >= noise.len(), "{} of {} samples", heard.len(), noise.len());
    assert!(heard[..noise.len()] == noise, "the server's recorder heard something else");
    assert!(heard[noise.len()..].iter().all(|&sample| sample == 0));
}

#[test]
fn the_microphone_is_heard_bit_exact() {
    assert_heard_exactly(48_000, 1);
}

#[test]
fn the_microphone_is_heard_bit_exact_in_stereo() {
    assert_heard_exactly(44_100, 2);
}

#[test]
fn a_stalled_microphone_is_late_and_loses_nothing() {
    let server = PulseServer::start(48_000, 1);
    let noise = signal::white_noise(24_000, 3);
    let microphone = Microphone::of(&server).block(960).stall(12_000, Duration::from_millis(400));
    let begun = Instant::now();
    let heard = heard(&server, &microphone, &noise);
    assert!(begun.elapsed() >= Duration::from_millis(500 + 400 + 500), "it did not stall");
    assert!(heard[..noise.len()] == noise);
}

#[test]
fn a_server_ends_with_its_handle() {
    let server = PulseServer::start(48_000, 1);
    let (fifo, mut question) = (server.fifo_path(), server.client("pactl"));
    question.arg("info").current_dir("/").stderr(std::process::Stdio::null());
    let answers = |question: &mut Command| question.output().expect("pactl").status.success();
    assert!(answers(&mut question));
    drop(server);
    assert!(!answers(&mut question), "it still answers");
    assert!(!fifo.exists(), "it left its files behind");
}

#[test]
fn the_reference_resampler_is_exact() {
    for from in [44_100, 48_000] {
        let reference = Reference { from, to: 16_000, cutoff: 8_000.0 };
        let input = signal::tones(from as usize, from);
        let truth = signal::tones(16_000, 16_000);
        let got = reference.resample(&input, 0.0, 1_000, 14_000);
        let error: f64 = got.iter().zip(&truth[1_000..]).map(|(a, b)| (a - b).powi(2)).sum();
        let power: f64 = got.iter().map(|a| a * a).sum();
        let snr_db = 10.0 * (power / error).log10();
        assert!(snr_db > 115.0, "{from} Hz: {snr_db:.1} dB");
    }
}

#[test]
fn the_comparison_finds_delay_and_gain_and_sees_a_small_fault() {
    let reference = Reference { from: 44_100, to: 16_000, cutoff: 8_000.0 };
    let input = signal::tones(44_100, 44_100);
    let mut recorded = reference.resample(&input, 321.0123, 0, 17_000);
    recorded.iter_mut().for_each(|sample| *sample *= 0.7);
    let found = reference.agreement(&input, &recorded);
    assert!((found.delay - 321.0123).abs() < 1e-4, "{found:?}");
    assert!((found.gain - 0.7).abs() < 1e-6, "{found:?}");
    assert!(found.snr_db > 110.0, "{found:?}");

    // One sample in a thousand is off by a thousandth of full scale.
    recorded.iter_mut().step_by(1_000).for_each(|sample| *sample += 0.001);
    let found = reference.agreement(&input, &recorded);
    assert!(found.snr_db < 90.0, "{found:?}");
}

//! Tests of the test equipment itself: what the tests on a real audio server rely on.
#![cfg(target_os = "linux")]

mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use support::counted::{Code, Holds, LOUDSPEAKER, POSITIONS, Recorded, Run, SECOND};
use support::jack::JackServer;
use support::microphone::Microphone;
use support::pipewire::{MIC, MIC2, PipeWireServer};
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

/// A recording of `length` frames of the microphone from `position` on, in one channel or two.
fn counted(code: Code, position: u32, length: u32) -> Vec<f32> {
    let frames = (position..position + length).map(|position| code.frame(position));
    match code {
        Code::Float => frames.map(|frame| frame[0]).collect(),
        Code::Stereo16 => frames.flatten().collect(),
    }
}

fn decoded(code: Code, parts: &[Vec<f32>]) -> Recorded {
    Recorded::decode(&parts.concat(), if code == Code::Float { 1 } else { 2 }, code)
}

#[test]
fn every_frame_of_the_counted_signal_says_where_it_stands() {
    for code in [Code::Float, Code::Stereo16] {
        for position in [1, 65_535, 1_000_000, SECOND + 5] {
            let heard = decoded(code, &[counted(code, position, 4_000)]);
            let whole = Run { at: 0, frames: 4_000, holds: Holds::Source(position) };
            assert_eq!(heard.runs, [whole], "{code:?}");
        }
        // Each frame also by itself.
        let backwards: Vec<Vec<f32>> = (500..600).rev().map(|at| counted(code, at, 1)).collect();
        assert_eq!(decoded(code, &backwards).count(|holds| holds == Holds::Altered), 100);
    }
}

#[test]
fn planted_holes_are_found_at_their_place_and_in_their_length() {
    for code in [Code::Float, Code::Stereo16] {
        let width = if code == Code::Float { 1 } else { 2 };
        let whole = decoded(code, &[counted(code, 1_000, 10_000)]);
        // 37 frames are gone without a trace.
        let cut = decoded(code, &[counted(code, 1_000, 3_000), counted(code, 4_037, 6_963)]);
        assert_eq!((cut.falls_short(), cut.steps(), cut.lacks_of(&whole)), (37, vec![(3_000, 37)], 37));
        assert_eq!((whole.lacks_of(&cut), cut.untold_of(&whole), whole.untold_of(&cut)), (0, 37, 0));
        // Silence stands for as many: missing all the same, but the time is right.
        let silence = vec![0.0; 37 * width];
        let filled = decoded(code, &[counted(code, 1_000, 3_000), silence, counted(code, 4_037, 6_963)]);
        assert_eq!((filled.falls_short(), filled.steps(), filled.lacks_of(&whole)), (0, vec![], 37));
        assert_eq!(filled.count(|holds| holds == Holds::Silence), 37);
        assert_eq!(filled.untold_of(&whole), 0);
        // A hole that was found late stands behind frames that came after it.
        let silence = vec![0.0; 37 * width];
        let late =
            [counted(code, 1_000, 3_000), counted(code, 4_037, 963), silence, counted(code, 5_000, 6_000)];
        assert_eq!(decoded(code, &late).untold_of(&whole), 0);
        // From one microphone to another nothing can be counted.
        let other = decoded(code, &[counted(code, 1_000, 3_000), counted(code, SECOND + 900, 3_000)]);
        assert_eq!((other.untold_of(&whole), other.steps()), (0, vec![]));
        // What nobody has is nobody's fault.
        assert_eq!((cut.lacks_of(&cut), cut.untold_of(&cut)), (0, 0));
        // What comes twice is too long.
        let twice = decoded(code, &[counted(code, 1_000, 3_000), counted(code, 3_500, 7_500)]);
        assert_eq!((twice.falls_short(), twice.steps()), (-500, vec![(3_000, -500)]));
        // The end is no hole, whoever has more of it.
        let early = decoded(code, &[counted(code, 1_000, 3_000)]);
        assert_eq!((early.falls_short(), early.lacks_of(&whole)), (0, 0));
        assert_eq!(Recorded::default().lacks_of(&whole), 10_000);
    }
}

#[test]
fn altered_frames_and_loudspeakers_are_not_the_microphone() {
    let mut samples = counted(Code::Float, 77, 5_000);
    for sample in &mut samples[1_000..1_010] {
        *sample *= 0.5;
    }
    samples[2_000] += 1e-5;
    samples[3_000..4_000].fill(LOUDSPEAKER);
    let heard = decoded(Code::Float, &[samples]);
    assert_eq!(heard.count(|holds| holds == Holds::Altered), 11);
    assert_eq!(heard.count(|holds| holds == Holds::Loudspeaker), 1_000);
    assert_eq!(heard.falls_short(), 0);
    // The one position that says what the loudspeakers play is the microphone's, also at the begin of a run.
    let same = (0..POSITIONS - 100).find(|at| Code::Float.frame(*at)[0] == LOUDSPEAKER).expect("a position");
    let heard = decoded(Code::Float, &[counted(Code::Float, same, 100)]);
    assert_eq!(heard.runs, [Run { at: 0, frames: 100, holds: Holds::Source(same) }]);
}

#[test]
fn wav_files_of_every_recorder_are_read_also_without_an_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("heard.wav");
    let spec = |bits_per_sample, sample_format, channels| hound::WavSpec {
        channels,
        sample_rate: 48_000,
        bits_per_sample,
        sample_format,
    };
    let expected = Run { at: 0, frames: 500, holds: Holds::Source(900) };
    let mut wav = hound::WavWriter::create(&path, spec(32, hound::SampleFormat::Float, 1)).expect("a file");
    counted(Code::Float, 900, 500).into_iter().for_each(|sample| wav.write_sample(sample).expect("room"));
    wav.finalize().expect("room");
    assert_eq!(Recorded::read(&path, Code::Float).expect("a WAV file").runs, [expected]);
    // As a recorder leaves it that was killed.
    let mut bytes = std::fs::read(&path).expect("the file");
    let data = bytes.windows(4).position(|name| name == b"data").expect("a chunk");
    bytes[data + 4..data + 8].fill(0);
    std::fs::write(&path, bytes).expect("room");
    assert_eq!(Recorded::read(&path, Code::Float).expect("a WAV file").runs, [expected]);

    // A scale of 2^31 - 1 instead of 2^31.
    let mut wav = hound::WavWriter::create(&path, spec(32, hound::SampleFormat::Int, 1)).expect("a file");
    for sample in counted(Code::Float, 900, 500) {
        wav.write_sample((f64::from(sample) * 2_147_483_647.0).round() as i32).expect("room");
    }
    wav.finalize().expect("room");
    assert_eq!(Recorded::read(&path, Code::Float).expect("a WAV file").runs, [expected]);

    let mut wav = hound::WavWriter::create(&path, spec(16, hound::SampleFormat::Int, 2)).expect("a file");
    for sample in counted(Code::Stereo16, 900, 500) {
        wav.write_sample((sample * 32_768.0) as i16).expect("room");
    }
    wav.finalize().expect("room");
    assert_eq!(Recorded::read(&path, Code::Stereo16).expect("a WAV file").runs, [expected]);
}

#[test]
fn a_private_pipewire_is_up_ends_with_its_handle_and_its_devices_come_and_go() {
    let server = PipeWireServer::start();
    server.wait_until_default(MIC);
    server.add(MIC2);
    server.remove(MIC);
    server.wait_until_default(MIC2);
    let (scratch, processes) = (server.scratch(), server.processes());
    drop(server);
    assert!(!scratch.exists(), "it left its files behind");
    for process in processes {
        assert!(!Path::new(&format!("/proc/{process}")).exists(), "{process} still runs");
    }
}

#[test]
fn a_private_jack_is_up_and_ends_with_its_handle() {
    let mut server = JackServer::start(512);
    server.kill();
    server.restart();
    let mut question = server.client("jack_lsp");
    question.current_dir("/").stderr(std::process::Stdio::null());
    let ports = question.output().expect("jack_lsp").stdout;
    assert!(String::from_utf8_lossy(&ports).contains("system:capture_1"));
    drop(server);
    assert!(!question.output().expect("jack_lsp").status.success(), "it still answers");
}

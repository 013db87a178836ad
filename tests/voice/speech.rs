//! Speech that programs make, with what is known about it.

use hearken::signal::resample::{Quality, Resampler, run_frames};
use std::path::Path;
use std::process::Command;
use std::thread;

pub const RATE_HZ: u32 = 16_000;
/// What truth is told for: 10 ms.
pub const FRAME: usize = 160;

/// Utterances with digital silence between, mono at 16 kHz.
pub struct Speech {
    pub name: &'static str,
    pub samples: Vec<f32>,
    /// For each frame of 10 ms, whether somebody speaks.
    pub truth: Vec<bool>,
    /// Where the silence behind each utterance is over, in samples.
    pub utterances: Vec<usize>,
    /// `[start, end)` in samples: speech with its pauses of up to 200 ms.
    pub intervals: Vec<(usize, usize)>,
    /// Mean square of the frames in which somebody speaks.
    pub power: f32,
}

const SENTENCES: [&str; 8] = [
    "The harvest of apples was short, and she found half of it.",
    "Please call Stella, and ask her to bring these things with her from the store.",
    "Six spoons of fresh snow peas, five thick slabs of blue cheese.",
    "Open the window. Close the door. Stop.",
    "He fell into the hole, where nobody heard him shout.",
    "When the sunlight strikes raindrops in the air, they act as a prism.",
    "Where were you while we were away?",
    "Yes. No. Maybe in half an hour.",
];

/// Formant synthesis: seven voices of espeak-ng.
pub fn espeak() -> Speech {
    let voices = ["en-us", "en-gb", "en-gb-scotland", "en-029", "en-us+f3", "en-us+f2", "en-gb+m3"];
    speech("espeak-ng", &voices, 3, |command, voice, text, file| {
        command.args(["-v", voice, "-w"]).arg(file).arg(text);
    })
}

/// Recorded diphones and models of recorded voices: four of flite's.
pub fn flite() -> Speech {
    speech("flite", &["slt", "rms", "awb", "kal16"], 5, |command, voice, text, file| {
        command.args(["-voice", voice, "-t", text, "-o"]).arg(file);
    })
}

/// Each voice of `program` says so many of the sentences.
fn speech(
    program: &'static str,
    voices: &[&str],
    sentences: usize,
    say: impl Fn(&mut Command, &str, &str, &Path),
) -> Speech {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("spoken.wav");
    let (mut samples, mut utterances) = (vec![0.0; 12_800], Vec::new());
    for (number, voice) in voices.iter().enumerate() {
        for at in 0..sentences {
            let text = SENTENCES[(3 * number + at) % SENTENCES.len()];
            let mut command = Command::new(program);
            say(&mut command, voice, text, &file);
            let status = command.status().unwrap_or_else(|error| {
                panic!("`{program}` makes the speech of this test and cannot be started ({error}): run `cargo xtask setup`")
            });
            assert!(status.success(), "`{program}` does not speak as {voice}: {status}");
            samples.extend(level(read(&file)));
            // 0.9 to 1.8 s.
            samples.resize(samples.len() + 14_400 + (number * sentences + at) * 7_919 % 14_400, 0.0);
            utterances.push(samples.len());
        }
    }
    samples.truncate(samples.len() / FRAME * FRAME);
    judged(program, samples, utterances)
}

/// A WAV file as mono at 16 kHz.
fn read(file: &Path) -> Vec<f32> {
    let mut reader = hound::WavReader::open(file).expect("a WAV file");
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.bits_per_sample), (1, 16));
    let input: Vec<f32> =
        reader.samples::<i16>().map(|sample| f32::from(sample.expect("whole")) / 32_768.0).collect();
    let mut resampler = Resampler::new(spec.sample_rate, RATE_HZ, 1, Quality::Best).expect("in range");
    let mut output = Vec::new();
    resampler.push(&input, &mut |samples| output.extend_from_slice(samples));
    let total = run_frames(0, input.len() as u64, spec.sample_rate, RATE_HZ);
    resampler.finish(total, &mut |samples| output.extend_from_slice(samples));
    output
}

pub fn mean_square(samples: &[f32]) -> f32 {
    samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len().max(1) as f32
}

/// Brings an utterance to -26 dBFS where it is loud, and rounds as a 16-bit device does.
fn level(mut samples: Vec<f32>) -> Vec<f32> {
    let power = active(&samples).1;
    let factor = (10_f32.powf(-2.6) / power).sqrt();
    samples.iter_mut().for_each(|sample| *sample = (*sample * factor * 32_768.0).round() / 32_768.0);
    samples
}

/// The frames less than 35 dB below the level that a tenth of the sounding frames exceeds, and their mean square.
fn active(samples: &[f32]) -> (Vec<bool>, f32) {
    let powers: Vec<f32> = samples.chunks(FRAME).map(mean_square).collect();
    let mut sounding: Vec<f32> = powers.iter().copied().filter(|power| *power > 1e-9).collect();
    sounding.sort_by(f32::total_cmp);
    let least = sounding[sounding.len() * 9 / 10] * 10_f32.powf(-3.5);
    let truth: Vec<bool> = powers.iter().map(|power| *power > least).collect();
    let spoken: Vec<f32> = powers.into_iter().filter(|power| *power > least).collect();
    (truth, spoken.iter().sum::<f32>() / spoken.len() as f32)
}

fn judged(name: &'static str, samples: Vec<f32>, utterances: Vec<usize>) -> Speech {
    let (truth, power) = active(&samples);
    let mut intervals = Vec::<(usize, usize)>::new();
    for (frame, _) in truth.iter().enumerate().filter(|(_, spoken)| **spoken) {
        let (start, end) = (frame * FRAME, (frame + 1) * FRAME);
        match intervals.last_mut() {
            Some((_, last)) if start - *last <= 20 * FRAME => *last = end,
            _ => intervals.push((start, end)),
        }
    }
    Speech { name, samples, truth, utterances, intervals, power }
}

/// Both voices, made at the same time.
pub fn both() -> [Speech; 2] {
    thread::scope(|scope| {
        let espeak = scope.spawn(espeak);
        [flite(), espeak.join().expect("it speaks")]
    })
}

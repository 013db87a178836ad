//! What is spoken, and where it is found again in a recording.

use crate::server::RATE_HZ;
use hearken::wav::WavReader;
use hearken::{Capture, Config, FileFormat, FileTap, FormatWish, Input, Pace, Synthetic, Tap, WhenFull};
use std::path::Path;
use std::time::Duration;

/// Frames per second of a take.
const TAKE_HZ: u32 = 16_000;

/// Made speech at the microphone's rate.
///
/// # Panics
/// If it cannot be made.
pub fn speech(seconds: u64) -> Vec<i16> {
    let format = FormatWish { rate_hz: Some(RATE_HZ), channels: Some(1), sample: None };
    let length = Some(Duration::from_secs(seconds));
    let input = Input::Synthetic(Synthetic::Speech);
    written(Config { input, format, length, ..Config::default() }, Tap::new().device_rate())
}

/// The samples of a WAV file of 16-bit mono.
///
/// # Panics
/// If it is none.
pub fn samples(path: &Path) -> Vec<i16> {
    let mut reader = WavReader::open(path).expect("a WAV file");
    let mut bytes = Vec::new();
    reader.read(&mut bytes, usize::MAX).expect("it can be read");
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// What was spoken, as a take of it ought to be. The microphone's frame at which a take begins decides which of three
/// phases the resampler is in.
#[derive(Debug)]
pub struct Reference {
    phases: Vec<Vec<f32>>,
}

/// Where a piece of a take was spoken.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// In frames of the microphone.
    pub frame: u64,
    /// How much louder the piece is than what differs, in dB.
    pub snr_db: f64,
}

impl Reference {
    /// Of what the microphone speaks, again and again.
    ///
    /// # Panics
    /// If it cannot be made.
    pub fn new(spoken: &[i16]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spoken.wav");
        let again = &spoken[..spoken.len().min(RATE_HZ as usize)];
        let phase = |skip: usize| {
            write(&path, &[&spoken[skip..], again].concat());
            let config = Config { input: Input::File(path.clone()), ..Config::default() };
            written(config, Tap::new().rate_hz(TAKE_HZ)).into_iter().map(f32::from).collect()
        };
        Self { phases: (0..(RATE_HZ / TAKE_HZ) as usize).map(phase).collect() }
    }

    /// Finds a piece of a take.
    ///
    /// # Panics
    /// If the piece is longer than what was spoken.
    pub fn find(&self, piece: &[i16]) -> Found {
        let piece: Vec<f32> = piece.iter().copied().map(f32::from).collect();
        let energy: f32 = piece.iter().map(|x| x * x).sum();
        let candidates = self.phases.iter().enumerate().map(|(skip, phase)| {
            let (at, error) = phase
                .windows(piece.len())
                .map(|window| difference(window, &piece, energy))
                .enumerate()
                .min_by(|one, other| one.1.total_cmp(&other.1))
                .expect("what was spoken is longer");
            let snr_db = 10.0 * f64::from(energy / error.max(f32::MIN_POSITIVE)).log10();
            Found { frame: (at * self.phases.len() + skip) as u64, snr_db }
        });
        candidates.max_by(|one, other| one.snr_db.total_cmp(&other.snr_db)).expect("three phases")
    }
}

/// The energy of what differs; given up where it is more than there is.
fn difference(window: &[f32], piece: &[f32], energy: f32) -> f32 {
    let mut sum = 0.0;
    for (window, piece) in window.chunks(64).zip(piece.chunks(64)) {
        sum += window.iter().zip(piece).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        if sum > energy {
            break;
        }
    }
    sum
}

/// Everything that a capture gives its file, as fast as it can.
fn written(config: Config, tap: Tap) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("made.wav");
    let capture = Capture::new(Config { pace: Pace::Fast, ..config }).expect("a capture");
    let file = FileTap::new(&path, tap, FileFormat::I16).sidecar(false).when_full(WhenFull::Wait);
    let file = capture.file(file).expect("a file");
    capture.start().expect("it starts");
    capture.wait().expect("it ends");
    file.finish().expect("it is written");
    samples(&path)
}

fn write(path: &Path, samples: &[i16]) {
    use hearken::wav::{Encoding, WavFormat, WavWriter};
    let format = WavFormat { rate_hz: RATE_HZ, channels: 1, encoding: Encoding::I16 };
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut writer = WavWriter::create(path, format).expect("a file");
    writer.write(&bytes).expect("it is written");
    writer.finish().expect("it is complete");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_found_where_it_was_spoken_and_nowhere_else() {
        let spoken = speech(6);
        let reference = Reference::new(&spoken);
        let piece = |from: usize| {
            reference.phases[1][from..from + 8000].iter().map(|x| *x as i16).collect::<Vec<_>>()
        };
        let found = reference.find(&piece(30_000));
        assert!(found.frame == 90_001 && found.snr_db > 60.0, "{found:?}");
        let mut other = piece(30_000);
        other.reverse();
        assert!(reference.find(&other).snr_db < 10.0);
    }
}

//! A take's waveform in columns, read from its file.

use hearken::Error;
use hearken::signal::decode;
use hearken::wav::WavReader;
use std::path::Path;

/// Columns of the picture, at most.
pub const COLUMNS: u64 = 960;
/// Frames that are read at once.
const PIECE: usize = 4096;

/// A stretch of the file: all channels together, 1.0 is full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    pub min: f32,
    pub max: f32,
    pub rms: f32,
}

/// A take as a picture has room for it.
#[derive(Debug)]
pub struct Wave {
    /// Each covers `seconds / columns.len()`.
    pub columns: Vec<Column>,
    pub seconds: f64,
}

impl Wave {
    /// # Errors
    /// Those of the reader.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let mut reader = WavReader::open(path)?;
        let (format, frames) = (reader.format(), reader.frames());
        let channels = usize::from(format.channels);
        let count = frames.clamp(1, COLUMNS);
        let mut columns = vec![Column::default(); count as usize];
        let mut sums = vec![(0.0_f64, 0_u64); columns.len()];
        let (mut bytes, mut scratch, mut position) = (Vec::new(), Vec::new(), 0_u64);
        loop {
            let got = reader.read(&mut bytes, PIECE)?;
            if got == 0 {
                break;
            }
            let (samples, _) = decode::samples(format.sample, &bytes, &mut scratch);
            for frame in samples.chunks_exact(channels) {
                let at = (position * count / frames.max(1)).min(count - 1) as usize;
                position += 1;
                let (column, (square, seen)) = (&mut columns[at], &mut sums[at]);
                for &sample in frame {
                    column.min = column.min.min(sample);
                    column.max = column.max.max(sample);
                    *square += f64::from(sample).powi(2);
                    *seen += 1;
                }
            }
        }
        for (column, (square, seen)) in columns.iter_mut().zip(sums) {
            column.rms = (square / seen.max(1) as f64).sqrt() as f32;
        }
        Ok(Self { columns, seconds: frames as f64 / f64::from(format.rate_hz) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_hold_the_extremes_and_the_power_of_their_stretch() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.wav");
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 9_600,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(&path, spec).expect("a file");
        for frame in 0..96_000 {
            let loud = if frame < 48_000 { 16_384 } else { 8_192 };
            for sample in [loud, -loud / 2] {
                wav.write_sample(sample as i16).expect("room");
            }
        }
        wav.finalize().expect("a file");
        let wave = Wave::of(&path).expect("a take");
        assert_eq!((wave.columns.len(), wave.seconds), (960, 10.0));
        let rms = (f32::midpoint(0.25, 0.0625)).sqrt();
        assert_eq!((wave.columns[0].min, wave.columns[479].max), (-0.25, 0.5));
        assert!(
            (wave.columns[479].rms - rms).abs() < 1e-4 && (wave.columns[480].rms - rms / 2.0).abs() < 1e-4
        );
        assert_eq!((wave.columns[480].min, wave.columns[959].max), (-0.125, 0.25));
    }
}

//! Peak and RMS of what passes.

/// Channels that a [`Meter`] measures; the others of a wider stream are skipped.
pub const MAX_CHANNELS: usize = 8;

/// What [`Level`]'s decibels read for silence, and the least they read: below the last bit of 32.
pub const FLOOR_DBFS: f32 = -200.0;

/// Peak and RMS of one channel, linear: 1.0 is full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Level {
    /// Largest magnitude.
    pub peak: f32,
    /// Root of the mean square, at most `peak`.
    pub rms: f32,
}

impl Level {
    /// The peak in dB relative to full scale, at least [`FLOOR_DBFS`].
    pub fn peak_dbfs(self) -> f32 {
        dbfs(self.peak)
    }

    /// The RMS in dB relative to full scale, at least [`FLOOR_DBFS`].
    ///
    /// A full-scale square reads 0.0 and a full-scale sine -3.01, so that it never exceeds the peak.
    /// (AES17 adds 3.01 dB to have the sine read 0.0.)
    pub fn rms_dbfs(self) -> f32 {
        dbfs(self.rms)
    }
}

fn dbfs(linear: f32) -> f32 {
    // `max` also turns the -inf of silence into the floor.
    (20.0 * linear.log10()).max(FLOOR_DBFS)
}

/// Accumulates the levels of an interleaved stream between two [`take`](Meter::take)s.
#[derive(Clone, Debug)]
pub struct Meter {
    channels: usize,
    peak: [f32; MAX_CHANNELS],
    /// Sums of squares, f64 so that hours do not swallow a whisper.
    squares: [f64; MAX_CHANNELS],
    frames: u64,
}

impl Meter {
    /// A meter for a stream of `channels` interleaved channels.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn new(channels: usize) -> Self {
        assert!(channels > 0, "a stream has at least one channel");
        Self { channels, peak: [0.0; MAX_CHANNELS], squares: [0.0; MAX_CHANNELS], frames: 0 }
    }

    /// Adds `interleaved`: whole frames, finite samples as `decode` gives them. Never allocates.
    pub fn add(&mut self, interleaved: &[f32]) {
        debug_assert!(interleaved.len().is_multiple_of(self.channels));
        self.frames += (interleaved.len() / self.channels) as u64;
        // So many lanes that each belongs to one channel and the sums do not wait for one another.
        match self.channels {
            1 => self.add_lanes::<16>(interleaved),
            2 => self.add_lanes::<16>(interleaved),
            3 => self.add_lanes::<24>(interleaved),
            4 => self.add_lanes::<16>(interleaved),
            5 => self.add_lanes::<40>(interleaved),
            6 => self.add_lanes::<24>(interleaved),
            7 => self.add_lanes::<56>(interleaved),
            8 => self.add_lanes::<16>(interleaved),
            wide => interleaved.chunks_exact(wide).for_each(|frame| self.add_tail(&frame[..MAX_CHANNELS])),
        }
    }

    /// Lane `i` belongs to channel `i % channels`; `LANES` is a multiple of `channels`.
    fn add_lanes<const LANES: usize>(&mut self, interleaved: &[f32]) {
        // An f32 lane sums at most 64 squares before it is folded into f64: its error stays below 1e-5.
        for run in interleaved.chunks(64 * LANES) {
            let (whole, tail) = run.as_chunks::<LANES>();
            let mut peak = [0.0_f32; LANES];
            let mut squares = [0.0_f32; LANES];
            for lanes in whole {
                for ((peak, square), &x) in peak.iter_mut().zip(&mut squares).zip(lanes) {
                    // Not `f32::max`: its care for NaN costs the vector instruction.
                    *peak = if x.abs() > *peak { x.abs() } else { *peak };
                    *square += x * x;
                }
            }
            for (lane, (&peak, &square)) in peak.iter().zip(&squares).enumerate() {
                let channel = lane % self.channels;
                self.peak[channel] = self.peak[channel].max(peak);
                self.squares[channel] += f64::from(square);
            }
            self.add_tail(tail);
        }
    }

    fn add_tail(&mut self, samples: &[f32]) {
        for (i, &x) in samples.iter().enumerate() {
            let channel = i % self.channels;
            self.peak[channel] = self.peak[channel].max(x.abs());
            self.squares[channel] += f64::from(x) * f64::from(x);
        }
    }

    /// The levels since the last take, one per channel (the first [`MAX_CHANNELS`], silent where the
    /// stream has fewer), and a fresh start. Never allocates.
    pub fn take(&mut self) -> [Level; MAX_CHANNELS] {
        let frames = self.frames.max(1) as f64;
        let levels = std::array::from_fn(|channel| Level {
            peak: self.peak[channel],
            rms: (self.squares[channel] / frames).sqrt() as f32,
        });
        *self = Self::new(self.channels);
        levels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_peaks_at_0_and_reads_minus_3_dbfs() {
        for channels in 1..=12 {
            let mut meter = Meter::new(channels);
            let sine = |frame: usize| (frame as f32 * std::f32::consts::TAU / 48.0).sin();
            let all: Vec<f32> =
                (0..4800 * channels).map(|i| sine(i / channels) / (1 + i % channels) as f32).collect();
            // Odd pieces of whole frames: every tail is walked.
            all.chunks(channels * 997).for_each(|piece| meter.add(piece));
            let levels = meter.take();
            for (channel, level) in levels.iter().enumerate().take(channels) {
                let down = 20.0 * ((1 + channel) as f32).log10();
                assert!((level.peak_dbfs() + down).abs() < 0.001, "{channels} {level:?}");
                assert!((level.rms_dbfs() + 3.0103 + down).abs() < 0.001, "{channels} {level:?}");
            }
            assert!(levels.iter().skip(channels).all(|level| *level == Level::default()));
        }
    }

    #[test]
    fn silence_and_nothing_read_the_floor_and_take_starts_afresh() {
        let mut meter = Meter::new(2);
        meter.add(&[1.0, -1.0]);
        assert_eq!(meter.take()[1], Level { peak: 1.0, rms: 1.0 });
        assert_eq!(meter.take()[1], Level::default());
        assert_eq!(Level::default().peak_dbfs(), FLOOR_DBFS);
        assert_eq!(Level::default().rms_dbfs(), FLOOR_DBFS);
    }
}

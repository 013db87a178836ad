//! Peak and RMS of what passes.

use super::clip::{ClipCounter, Clips, FULL_SCALE};

/// Channels that a [`Meter`] measures; the others of a wider stream are skipped.
pub const MAX_CHANNELS: usize = 8;

/// What [`Level`]'s decibels read for silence, and the least they read: below the last bit of 32.
pub const FLOOR_DBFS: f32 = -200.0;

/// Peak and RMS of one channel, linear: 1.0 is full scale.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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

/// `linear` in dB relative to 1.0, at least [`FLOOR_DBFS`].
pub(super) fn dbfs(linear: f32) -> f32 {
    // `max` also turns the -inf of silence into the floor.
    (20.0 * linear.log10()).max(FLOOR_DBFS)
}

/// The least and the greatest sample of one channel. `min > max` where there was none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub min: f32,
    pub max: f32,
}

impl Range {
    pub const EMPTY: Self = Self { min: f32::INFINITY, max: f32::NEG_INFINITY };

    pub fn join(self, other: Self) -> Self {
        Self { min: self.min.min(other.min), max: self.max.max(other.max) }
    }

    /// The largest magnitude; 0 of nothing.
    pub fn peak(self) -> f32 {
        self.max.max(-self.min).max(0.0)
    }

    /// Half of the way from end to end: the peak without a constant offset; 0 of nothing, and exactly then or where all
    /// samples are the same.
    pub fn swing(self) -> f32 {
        if self.min < self.max { 0.5 * self.max - 0.5 * self.min } else { 0.0 }
    }
}

/// Accumulates the levels of an interleaved stream between two [`take`](Meter::take)s.
#[derive(Clone, Debug)]
pub struct Meter {
    channels: usize,
    ranges: [Range; MAX_CHANNELS],
    /// Sums of squares, f64 so that hours do not swallow a whisper.
    squares: [f64; MAX_CHANNELS],
    frames: u64,
    clips: ClipCounter,
}

impl Meter {
    /// A meter for a stream of `channels` interleaved channels.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn new(channels: usize) -> Self {
        assert!(channels > 0, "a stream has at least one channel");
        Self {
            channels,
            ranges: [Range::EMPTY; MAX_CHANNELS],
            squares: [0.0; MAX_CHANNELS],
            frames: 0,
            clips: ClipCounter::default(),
        }
    }

    /// Adds `interleaved`: whole frames, finite samples as `decode` gives them. Never allocates.
    pub fn add(&mut self, interleaved: &[f32]) {
        debug_assert!(interleaved.len().is_multiple_of(self.channels));
        self.frames += (interleaved.len() / self.channels) as u64;
        // So many lanes that each belongs to one channel and the sums do not wait for one another.
        let peak = match self.channels {
            1 => self.add_lanes::<16>(interleaved),
            2 => self.add_lanes::<16>(interleaved),
            3 => self.add_lanes::<24>(interleaved),
            4 => self.add_lanes::<16>(interleaved),
            5 => self.add_lanes::<40>(interleaved),
            6 => self.add_lanes::<24>(interleaved),
            7 => self.add_lanes::<56>(interleaved),
            8 => self.add_lanes::<16>(interleaved),
            wide => interleaved
                .chunks_exact(wide)
                .fold(0.0, |peak: f32, frame| peak.max(self.add_tail(&frame[..MAX_CHANNELS]))),
        };
        if peak >= FULL_SCALE {
            self.clips.add(interleaved, self.channels);
        } else {
            self.clips.break_runs();
        }
    }

    /// Lane `i` belongs to channel `i % channels`; `LANES` is a multiple of `channels`. The largest magnitude.
    fn add_lanes<const LANES: usize>(&mut self, interleaved: &[f32]) -> f32 {
        let mut loudest = 0.0_f32;
        // An f32 lane sums at most 64 squares before it is folded into f64: its error stays below 1e-5.
        for run in interleaved.chunks(64 * LANES) {
            let (whole, tail) = run.as_chunks::<LANES>();
            let (min, max, squares) = lanes(whole);
            for (lane, ((&min, &max), &square)) in min.iter().zip(&max).zip(&squares).enumerate() {
                let channel = lane % self.channels;
                let range = Range { min, max };
                loudest = loudest.max(range.peak());
                self.ranges[channel] = self.ranges[channel].join(range);
                self.squares[channel] += f64::from(square);
            }
            loudest = loudest.max(self.add_tail(tail));
        }
        loudest
    }

    /// Whole frames of the first channels; the largest magnitude.
    fn add_tail(&mut self, samples: &[f32]) -> f32 {
        let mut loudest = 0.0_f32;
        for (i, &x) in samples.iter().enumerate() {
            let channel = i % self.channels;
            self.ranges[channel] = self.ranges[channel].join(Range { min: x, max: x });
            self.squares[channel] += f64::from(x) * f64::from(x);
            loudest = loudest.max(x.abs());
        }
        loudest
    }

    /// What comes next is a stream of `channels` channels and does not follow on what came.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub(super) fn begin(&mut self, channels: usize) {
        let mut clips = std::mem::take(&mut self.clips);
        clips.break_runs();
        *self = Self { clips, ..Self::new(channels) };
    }

    /// What comes next does not follow on what came.
    pub(super) fn hole(&mut self) {
        self.clips.break_runs();
    }

    /// Channels of the stream, also those that are not measured.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// Frames since the last take.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// The ranges since the last take.
    pub(super) fn ranges(&self) -> &[Range; MAX_CHANNELS] {
        &self.ranges
    }

    /// The clips of each channel so far, takes or not.
    pub fn clips(&self) -> &[Clips; MAX_CHANNELS] {
        &self.clips.clips
    }

    /// The levels since the last take, one per channel (the first [`MAX_CHANNELS`], silent where the
    /// stream has fewer), and a fresh start. Never allocates.
    pub fn take(&mut self) -> [Level; MAX_CHANNELS] {
        let frames = self.frames.max(1) as f64;
        let levels = std::array::from_fn(|channel| Level {
            peak: self.ranges[channel].peak(),
            rms: (self.squares[channel] / frames).sqrt() as f32,
        });
        self.ranges = [Range::EMPTY; MAX_CHANNELS];
        self.squares = [0.0; MAX_CHANNELS];
        self.frames = 0;
        levels
    }
}

/// Joins the ranges of `channels` interleaved channels to `ranges`, one for each.
pub(super) fn join_ranges(channels: usize, interleaved: &[f32], ranges: &mut [Range]) {
    let tail = if 16 % channels == 0 {
        let (whole, tail) = interleaved.as_chunks::<16>();
        let (min, max, _) = lanes(whole);
        for (lane, (&min, &max)) in min.iter().zip(&max).enumerate() {
            let range = &mut ranges[lane % channels];
            *range = range.join(Range { min, max });
        }
        tail
    } else {
        interleaved
    };
    for frame in tail.chunks_exact(channels) {
        for (range, &x) in ranges.iter_mut().zip(frame) {
            *range = range.join(Range { min: x, max: x });
        }
    }
}

/// The least, the greatest and the sum of squares of each lane.
#[multiversion::multiversion(targets("x86_64+avx2"))]
fn lanes<const LANES: usize>(samples: &[[f32; LANES]]) -> ([f32; LANES], [f32; LANES], [f32; LANES]) {
    let mut min = [f32::INFINITY; LANES];
    let mut max = [f32::NEG_INFINITY; LANES];
    let mut squares = [0.0_f32; LANES];
    for lanes in samples {
        for (((min, max), square), &x) in min.iter_mut().zip(&mut max).zip(&mut squares).zip(lanes) {
            // Not `f32::max`: its care for NaN costs the vector instruction.
            *min = if x < *min { x } else { *min };
            *max = if x > *max { x } else { *max };
            *square += x * x;
        }
    }
    (min, max, squares)
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

    #[test]
    fn clips_outlive_takes_and_quieter_audio_ends_a_run() {
        let mut meter = Meter::new(1);
        for piece in [&[1.0, 1.0][..], &[0.5], &[1.0, 1.0]] {
            meter.add(piece);
        }
        assert_eq!(meter.clips()[0], Clips::default());
        meter.take();
        meter.add(&[-1.0]);
        assert_eq!(meter.clips()[0], Clips { events: 1, samples: 3 });
    }

    #[test]
    fn a_swing_leaves_a_constant_offset_out() {
        let swing = |samples: &[f32]| {
            let mut meter = Meter::new(1);
            meter.add(samples);
            meter.ranges()[0].swing()
        };
        assert_eq!([swing(&[]), swing(&[0.1; 100]), swing(&[0.25, 0.5, 0.75])], [0.0, 0.0, 0.25]);
    }
}

//! A take while it goes on, and what becomes of it.

use crate::error::{Error, Result};
use crate::library::Library;
use crate::models::{Hole, TakeInfo, Verdict};
use hearken::wav::WavReader;
use hearken::{Capture, FileFormat, FileTap, Take, TakePlan, TakeReport, Tap, WavFile};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Stretches that an outline has at most.
const OUTLINE: usize = 96;

/// A take that goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    id: String,
    recorded_at_ms: u64,
    take: Take,
    file: WavFile,
    /// The peak of every tenth of a second.
    peaks: Arc<Mutex<Vec<f32>>>,
}

impl Recording {
    pub fn start(capture: &Capture, library: &Library, pre_roll: Duration) -> Result<Self> {
        let (id, recorded_at_ms) = library.new_id()?;
        let mut plan = TakePlan::new(pre_roll);
        // The same file that the program `hearken record` writes.
        let file = FileTap::new(library.audio_path(&id)?, Tap::new(), FileFormat::I16);
        // The library keeps an account of its own.
        let file = plan.file(file.sidecar(false))?;
        let peaks = Arc::new(Mutex::new(Vec::new()));
        let kept = peaks.clone();
        plan.each(Tap::new().device_rate().chunk_ms(100), move |chunk| {
            let peak = chunk.samples().iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            kept.lock().push(peak);
        })?;
        let take = match capture.take(plan) {
            Ok(take) => take,
            Err(error) => {
                // It removes what it has created.
                let _ = file.finish();
                return Err(error.into());
            }
        };
        let recorded_at_ms = recorded_at_ms.saturating_sub(pre_roll.as_millis() as u64);
        Ok(Self { id, recorded_at_ms, take, file, peaks })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    pub fn pause(&self, is_paused: bool) {
        if is_paused { self.take.pause() } else { self.take.resume() }
    }

    /// Throws it away.
    pub fn cancel(self, library: &Library) {
        self.take.cancel();
        let _ = self.file.finish();
        let _ = library.delete(&self.id);
    }

    /// Ends it: when this returns, both files are complete. `device` is what it was recorded with.
    ///
    /// # Errors
    /// What kept the take or its file from being complete; what there is of it is kept.
    pub fn finish(self, device: String, library: &Library) -> Result<TakeInfo> {
        let report = self.take.finish();
        let written = self.file.finish();
        let report = report?;
        let reader = WavReader::open(library.audio_path(&self.id)?)?;
        let format = reader.format();
        let first_frame = report.latency.first_frame;
        // The worst comes first.
        let verdict = report.verdicts.first().copied().unwrap_or_default();
        let peak = report.levels.iter().map(|level| level.peak_dbfs()).fold(f32::MIN, f32::max);
        let take = TakeInfo {
            id: self.id,
            recorded_at_ms: self.recorded_at_ms,
            device,
            rate_hz: format.rate_hz,
            channels: format.channels,
            frames: reader.frames(),
            length_ms: reader.frames() * 1000 / u64::from(format.rate_hz),
            first_frame_ms: first_frame.map(|since| since.as_secs_f64() * 1e3),
            peak_dbfs: peak.max(-200.0),
            verdict: Verdict { name: verdict.name().to_owned(), text: verdict.to_string() },
            gaps: holes(&report),
            outline: outline(&self.peaks.lock()),
        };
        library.save(&take)?;
        match written {
            Ok(_) => Ok(take),
            Err(error) => Err(Error::from(error)),
        }
    }
}

fn holes(report: &TakeReport) -> Vec<Hole> {
    let ms = |frames: u64| frames * 1000 / u64::from(report.rate_hz.max(1));
    let hole = |gap: &hearken::Gap| Hole {
        at_ms: ms(gap.position),
        length_ms: ms(gap.frames),
        cause: gap.cause.name().to_owned(),
    };
    report.gaps.iter().map(hole).collect()
}

fn outline(peaks: &[f32]) -> Vec<u8> {
    let stretch = peaks.len().div_ceil(OUTLINE).max(1);
    let loudest = |peaks: &[f32]| peaks.iter().fold(0.0_f32, |loudest, peak| loudest.max(*peak));
    // The cast saturates.
    peaks.chunks(stretch).map(|peaks| (255.0 * loudest(peaks)).round() as u8).collect()
}

/// How long a take has gone on, pauses left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    before: Duration,
    since: Option<Instant>,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { before: Duration::ZERO, since: Some(Instant::now()) }
    }

    pub fn is_paused(&self) -> bool {
        self.since.is_none()
    }

    pub fn pause(&mut self, is_paused: bool) {
        self.before = self.elapsed();
        self.since = (!is_paused).then(Instant::now);
    }

    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn elapsed(&self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outline_is_short_whatever_the_length() {
        for length in [0, 1, 95, 96, 97, 36_000] {
            let outline = outline(&vec![0.5; length]);
            assert!(outline.len() <= OUTLINE && outline.iter().all(|peak| *peak == 128), "{length}");
        }
        assert_eq!(outline(&[2.0]), [255]);
    }
}

//! Takes into files, begun and ended while the screen goes on.

use hearken::{
    Capture, Error, FileFormat, FileTap, SoundVerdict, Take, TakeEnd, TakePlan, TakeReport, Tap, WavFile,
    WhenFull,
};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the last take may need to be complete when the program ends.
const PATIENCE: Duration = Duration::from_secs(3);

/// At most one take at a time.
#[derive(Debug)]
pub struct Recorder {
    /// The first take's file; later ones have a number.
    out: PathBuf,
    native: bool,
    pre_roll: Duration,
    open: Option<Open>,
}

/// A take whose file is not complete.
#[derive(Debug)]
struct Open {
    take: Take,
    file: WavFile,
    path: PathBuf,
    /// When its first frame was heard.
    begun: Instant,
    is_ending: bool,
    report: Option<TakeReport>,
}

impl Recorder {
    pub fn new(out: PathBuf, native: bool, pre_roll: Duration) -> Self {
        Self { out, native, pre_roll, open: None }
    }

    /// The file and the length of the take that goes on.
    pub fn take(&self) -> Option<(String, Duration)> {
        let open = self.open.as_ref().filter(|open| !open.is_ending)?;
        Some((open.path.display().to_string(), open.begun.elapsed()))
    }

    /// Begins a take, or asks for the end of the one that goes on. What there is to say of it.
    ///
    /// # Errors
    /// Those of the file and of the capture.
    pub fn toggle(&mut self, capture: &Capture) -> Result<Option<String>, Error> {
        if let Some(open) = &mut self.open {
            open.take.end();
            open.is_ending = true;
            return Ok(None);
        }
        if capture.input().is_none() {
            // A take would wait for it, and the screen with it.
            return Ok(Some("there is no device to record from".into()));
        }
        let path = free_name(&self.out);
        let file = if self.native {
            FileTap::native(&path)
        } else {
            FileTap::new(&path, Tap::default(), FileFormat::I16).when_full(WhenFull::DropNew)
        };
        let mut plan = TakePlan::new(self.pre_roll);
        // As `record`: one file and no more.
        let file = plan.file(file.sidecar(false))?;
        let take = capture.take(plan)?;
        let text = format!("recording to {}", path.display());
        let now = Instant::now();
        let kept = capture.first_open().map_or(Duration::ZERO, |first| first.instant.elapsed());
        let begun = now.checked_sub(self.pre_roll.min(kept)).unwrap_or(now);
        self.open = Some(Open { take, file, path, begun, is_ending: false, report: None });
        Ok(Some(text))
    }

    /// What became of a take that has ended, once its file is complete.
    pub fn look(&mut self) -> Option<Result<String, Error>> {
        let open = self.open.as_mut()?;
        if let Some(done) = open.take.wait_timeout(Duration::ZERO) {
            open.is_ending = true;
            open.report = done.ok();
        }
        if !open.file.is_finished() {
            return None;
        }
        // Before its end: the disk is full, say.
        open.take.end();
        let Open { file, path, report, .. } = self.open.take()?;
        Some(file.finish().map(|written| {
            let seconds = written.frames as f64 / f64::from(written.format.rate_hz);
            let mut text = format!("wrote {}: {seconds:.3} s ({})", path.display(), written.format);
            if report.as_ref().is_some_and(|report| report.end == TakeEnd::Waited) {
                text += ", without its end: the device stood still";
            }
            if let Some(verdict) = report.iter().flat_map(|report| &report.verdicts).next()
                && *verdict != SoundVerdict::Ok
            {
                text += &format!(", {verdict}");
            }
            text
        }))
    }

    /// Ends what goes on and waits for its file.
    pub fn finish(&mut self) -> Option<Result<String, Error>> {
        self.open.as_mut()?.take.end();
        let until = Instant::now() + PATIENCE;
        loop {
            let done = self.look();
            if done.is_some() || Instant::now() > until {
                return done;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// `out`, or with the first number behind its name that makes it new: `take.wav`, `take-2.wav`.
fn free_name(out: &Path) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = out.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
    let numbered =
        |number: u32| out.with_file_name(format!("{stem}-{number}{}", extension.as_deref().unwrap_or("")));
    std::iter::once(out.to_path_buf())
        .chain((2..).map(numbered))
        .find(|path| !path.exists())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_take_never_replaces_another() {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("a.b.wav");
        for name in ["a.b.wav", "a.b-2.wav", "a.b-3.wav"] {
            let free = free_name(&out);
            assert_eq!(free, dir.path().join(name));
            std::fs::write(free, "").expect("room");
        }
    }
}

//! What a few seconds of a device show.

use crate::trace::{ClockTrace, Trace};
use hearken::{
    Capture, Chunk, Error, EventKind, Events, Permission, Picture, Receiver, Report, StopReason, permission,
};
use std::thread;
use std::time::{Duration, Instant};

/// How often the picture is looked at: thrice as often as there is a new one.
const LOOK: Duration = Duration::from_millis(10);

/// The levels of a stretch of audio, in dBFS.
#[derive(Clone, Copy, Debug)]
pub struct Loudness {
    /// Seconds into the audio.
    pub at: f64,
    pub peak: f64,
    pub rms: f64,
}

/// Everything that was seen.
#[derive(Debug)]
pub struct Checkup {
    pub report: Report,
    /// What the system said of microphones, where a device was opened.
    pub permission: Option<Permission>,
    /// From the first opening on.
    pub first_callback: Option<Duration>,
    /// How old the newest audio was whenever some came, in seconds, ascending.
    pub ages: Vec<f64>,
    pub clock: ClockTrace,
    pub levels: Trace<Loudness>,
    /// The loudest peak, in dBFS.
    pub peak: f64,
    /// Seconds that the device was quiet for, the longest.
    pub quiet: f64,
    /// Times it went quiet.
    pub stalls: usize,
}

/// Follows a capture that has been started on a device of `rate_hz`, to its end.
///
/// # Errors
/// As [`Capture::wait`].
pub fn observe(
    capture: &Capture,
    rate_hz: u32,
    mut chunks: Receiver,
    events: Events,
) -> Result<Checkup, Error> {
    let mut watch =
        Watch { capture, ages: Trace::default(), clock: ClockTrace::default(), fed: Instant::now() };
    let (mut levels, mut peak, mut seen) = (Trace::default(), f64::NEG_INFINITY, 0);
    let mut longest = Duration::ZERO;
    let report = loop {
        if let Some(chunk) = chunks.recv_timeout(LOOK) {
            longest = longest.max(watch.take(chunk, &mut chunks));
        }
        let picture = capture.picture();
        if picture.sequence != seen && picture.frames > 0 {
            seen = picture.sequence;
            let loudness = loudness(&picture, rate_hz);
            peak = peak.max(loudness.peak);
            levels.push(loudness);
        }
        if let Some(ended) = capture.wait_timeout(Duration::ZERO) {
            break ended?;
        }
    };
    longest = longest.max(watch.fed.elapsed());
    let mut ages = watch.ages.points().to_vec();
    ages.sort_by(f64::total_cmp);
    let told: Vec<_> = events.collect();
    let first_callback =
        told.iter().find(|event| event.kind == EventKind::FirstCallback).map(|event| event.at);
    let stalls = told.iter().filter(|event| matches!(event.kind, EventKind::Stalled(_))).count();
    let quiet = longest.as_secs_f64();
    let is_device = !matches!(report.input.host.as_str(), "file" | "synthetic");
    let permission = is_device.then(permission);
    Ok(Checkup { report, permission, first_callback, ages, clock: watch.clock, levels, peak, quiet, stalls })
}

#[derive(Debug)]
struct Watch<'a> {
    capture: &'a Capture,
    ages: Trace<f64>,
    clock: ClockTrace,
    /// When audio came last.
    fed: Instant,
}

impl Watch<'_> {
    /// Everything that waits, `chunk` first; how long there was nothing before.
    fn take(&mut self, chunk: Chunk, chunks: &mut Receiver) -> Duration {
        let now = Instant::now();
        let mut newest = chunk;
        self.clock.push(&newest);
        // The others of the same callback follow at once.
        thread::sleep(Duration::from_millis(1));
        while let Some(chunk) = chunks.try_recv() {
            newest = chunk;
        }
        if let Some(first) = self.capture.first_open() {
            let length =
                Duration::from_secs_f64(f64::from(newest.frames()) / f64::from(newest.format().rate_hz));
            let captured = first.instant + newest.captured_at().at + length;
            self.ages.push(now.saturating_duration_since(captured).as_secs_f64());
        }
        let quiet = now - self.fed;
        self.fed = now;
        quiet
    }
}

fn loudness(picture: &Picture, rate_hz: u32) -> Loudness {
    let level = picture.loudest();
    let at = picture.position as f64 / f64::from(rate_hz);
    Loudness { at, peak: level.peak_dbfs().into(), rms: level.rms_dbfs().into() }
}

impl Checkup {
    /// The age that a share of the audio, `0.0..=1.0`, did not exceed when it came, in seconds.
    pub fn age(&self, share: f64) -> Option<f64> {
        let last = self.ages.len().checked_sub(1)?;
        Some(self.ages[(last as f64 * share).round() as usize])
    }

    /// What ended it, if something did.
    pub fn failure(&self) -> Option<String> {
        match &self.report.reason {
            StopReason::Failed(error) => Some(error.to_string()),
            StopReason::CallbackStuck => Some("the device's last callback hangs".into()),
            _ => None,
        }
    }
}

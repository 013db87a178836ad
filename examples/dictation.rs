//! What a dictation application asks of its audio side, as a struct that stands on one capture: start, stop, a level
//! that moves with and without a recording, and a recording that ends by itself.
//!
//! `cargo run --example dictation`, with `-- --synthetic` where there is no microphone.

use hearken::{
    Capture, Chunk, Config, DeviceInfo, EndPoint, Error, ErrorKind, Host, Input, SoundVerdict, Speech,
    Synthetic, Take, TakeEnd, TakePlan, Tap, Voice, devices,
};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Of the audio that `stop` returns, mono.
const RATE_HZ: u32 = 16_000;

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `stop` was called.
    Requested,
    /// The longest recording is full.
    BufferFull,
    /// The device is gone and did not come back.
    StreamError,
    /// The speaker seems to be done.
    SilenceAfterSpeech,
    /// Nobody said anything.
    NoSpeech,
}

/// What `stop` returns.
#[derive(Debug)]
pub struct Recording {
    /// Why it ended.
    pub reason: Reason,
    /// For the user: what was wrong with the sound, and what is missing.
    pub warnings: Vec<String>,
    /// 16 kHz mono, `-1.0..=1.0`.
    pub audio: Vec<f32>,
}

/// When a recording ends by itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Of the whole recording.
    pub longest: Duration,
    /// Silence after speech.
    pub silence_ms: u32,
    /// Silence from the start on.
    pub no_speech_ms: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { longest: Duration::from_secs(600), silence_ms: 2_000, no_speech_ms: 5_000 }
    }
}

/// What the threads that listen have found.
#[derive(Debug, Default)]
struct Heard {
    audio: Mutex<Vec<f32>>,
    /// The first one counts.
    reason: Mutex<Option<Reason>>,
}

impl Heard {
    fn end(&self, reason: Reason) {
        self.reason.lock().unwrap().get_or_insert(reason);
    }
}

/// The audio side of the application.
#[derive(Debug)]
pub struct Dictation {
    limits: Limits,
    /// What is opened where no device is named.
    fallback: Input,
    /// The one stream, and the device that was named for it.
    capture: Option<(Capture, Option<String>)>,
    recording: Option<(Take, Arc<Heard>)>,
    level: Arc<AtomicU8>,
}

impl Dictation {
    /// Nothing is open. `fallback` is opened where no device is named.
    pub fn new(fallback: Input, limits: Limits) -> Self {
        Self { limits, fallback, capture: None, recording: None, level: Arc::default() }
    }

    /// The microphones, the default one first.
    pub fn devices() -> Result<Vec<DeviceInfo>, Error> {
        devices(&Host::default())
    }

    /// Opens the device, so that the level moves. It stays open until [`close`](Self::close).
    pub fn monitor(&mut self, device: Option<&str>) -> Result<(), Error> {
        if let Some((capture, open)) = &self.capture
            && open.as_deref() == device
            && capture.wait_timeout(Duration::ZERO).is_none()
        {
            return Ok(());
        }
        let input = match device {
            None => self.fallback.clone(),
            Some(name) => {
                let found = Self::devices()?.into_iter().find(|known| known.name == name || known.id == name);
                let missing = || Error::new(ErrorKind::NotFound, format!("there is no microphone {name}"));
                Input::Device(found.ok_or_else(missing)?.id)
            }
        };
        let capture = Capture::new(Config { input, ..Config::default() })?;
        let level = self.level.clone();
        // 20 Hz.
        capture
            .each(Tap::new().chunk_ms(50), move |chunk| level.store(percent(&chunk), Ordering::Relaxed))?;
        capture.start()?;
        self.capture = Some((capture, device.map(str::to_owned)));
        Ok(())
    }

    /// Starts a recording; the rate of its audio.
    pub fn start(&mut self, device: Option<&str>) -> Result<u32, Error> {
        if self.recording.is_some() {
            return Err(Error::new(ErrorKind::BadArgument, "a recording goes on"));
        }
        self.monitor(device)?;
        let Some((capture, _)) = &self.capture else { unreachable!("it was opened just now") };
        let heard = Arc::new(Heard::default());
        let most = (self.limits.longest.as_secs_f64() * f64::from(RATE_HZ)) as usize;
        let mut plan = TakePlan::default();
        plan.each(Tap::new().chunk_ms(50), {
            let heard = heard.clone();
            move |chunk| {
                let mut audio = heard.audio.lock().unwrap();
                let room = most - audio.len();
                audio.extend_from_slice(&chunk.samples()[..chunk.samples().len().min(room)]);
                if audio.len() == most {
                    heard.end(Reason::BufferFull);
                }
            }
        })?;
        let voice =
            Voice::new().trailing_silence_ms(self.limits.silence_ms).no_speech_ms(self.limits.no_speech_ms);
        let speech = plan.speech(Tap::new().chunk_ms(30), voice)?;
        let take = capture.take(plan)?;
        // Ends with the take.
        thread::spawn({
            let heard = heard.clone();
            move || {
                for news in speech {
                    match news {
                        Speech::EndPoint { why: EndPoint::NoSpeech, .. } => heard.end(Reason::NoSpeech),
                        Speech::EndPoint { .. } => heard.end(Reason::SilenceAfterSpeech),
                        _ => {}
                    }
                }
            }
        });
        self.recording = Some((take, heard));
        Ok(RATE_HZ)
    }

    /// Why the recording should be stopped now, if it should: the application looks when it draws the level.
    pub fn wants_to_stop(&self) -> Option<Reason> {
        let (take, heard) = self.recording.as_ref()?;
        if take.wait_timeout(Duration::ZERO).is_some() {
            heard.end(Reason::StreamError);
        }
        *heard.reason.lock().unwrap()
    }

    /// Ends the recording.
    pub fn stop(&mut self) -> Result<Recording, Error> {
        let reason = self.wants_to_stop().unwrap_or(Reason::Requested);
        let (take, heard) = self
            .recording
            .take()
            .ok_or_else(|| Error::new(ErrorKind::BadArgument, "there is no recording"))?;
        let report = take.finish()?;
        let reason = if report.end == TakeEnd::Finished { reason } else { Reason::StreamError };
        let found = report.verdicts.iter().filter(|verdict| **verdict != SoundVerdict::Ok);
        let mut warnings: Vec<String> = found.map(ToString::to_string).collect();
        if report.missing > 0 {
            warnings.push(format!("{} ms are missing", report.missing * 1000 / u64::from(report.rate_hz)));
        }
        let audio = std::mem::take(&mut *heard.audio.lock().unwrap());
        if reason == Reason::StreamError {
            self.close();
        }
        Ok(Recording { reason, warnings, audio })
    }

    /// The level, from 0 to 100: 20 new ones a second while the device is open.
    pub fn level(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    /// Lets go of the device.
    pub fn close(&mut self) {
        (self.recording, self.capture) = (None, None);
        self.level.store(0, Ordering::Relaxed);
    }
}

/// From -60 dBFS, which is 0, to full scale.
fn percent(chunk: &Chunk) -> u8 {
    let mean =
        chunk.samples().iter().map(|sample| sample * sample).sum::<f32>() / chunk.frames().max(1) as f32;
    (100.0 + 10.0 * mean.log10() / 0.6).clamp(0.0, 100.0) as u8
}

fn main() -> Result<(), Error> {
    let is_synthetic = std::env::args().any(|argument| argument == "--synthetic");
    let input = if is_synthetic { Input::Synthetic(Synthetic::Speech) } else { Input::Default };
    let mut dictation = Dictation::new(input, Limits::default());
    let rate_hz = dictation.start(None)?;
    let since = Instant::now();
    while since.elapsed() < Duration::from_secs(5) && dictation.wants_to_stop().is_none() {
        println!("{}", "#".repeat(dictation.level().into()));
        thread::sleep(Duration::from_millis(50));
    }
    let Recording { reason, warnings, audio } = dictation.stop()?;
    println!("{reason:?}: {:.1} s, {warnings:?}", audio.len() as f32 / rate_hz as f32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_for(what: &str, mut check: impl FnMut() -> bool) {
        let since = Instant::now();
        while !check() {
            assert!(since.elapsed() < Duration::from_secs(10), "never happened: {what}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// A file of so many seconds each: `true` is loud.
    fn file(folder: &tempfile::TempDir, parts: &[(bool, f32)]) -> Input {
        let path = folder.path().join("voice.wav");
        let (bits_per_sample, sample_format) = (16, hound::SampleFormat::Int);
        let spec = hound::WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample, sample_format };
        let mut file = hound::WavWriter::create(&path, spec).unwrap();
        let mut noise = 1_u32;
        for &(is_loud, seconds) in parts {
            for _ in 0..(seconds * RATE_HZ as f32) as u32 {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let scale = if is_loud { 4 } else { 2_000 };
                file.write_sample(((noise >> 16) as i16) / scale).unwrap();
            }
        }
        file.finalize().unwrap();
        Input::File(path)
    }

    #[test]
    fn the_level_moves_with_and_without_a_recording_and_the_recording_is_what_was_said() {
        let mut dictation = Dictation::new(Input::Synthetic(Synthetic::Tone), Limits::default());
        assert!(dictation.stop().is_err() && dictation.level() == 0);
        dictation.monitor(None).unwrap();
        // A sine with its peaks at -12 dBFS.
        wait_for("the level moves", || dictation.level() == 74);
        assert_eq!(dictation.start(None).unwrap(), 16_000);
        assert!(dictation.start(None).is_err(), "one at a time");
        thread::sleep(Duration::from_millis(500));
        assert_eq!(dictation.level(), 74);
        let recording = dictation.stop().unwrap();
        assert_eq!((recording.reason, recording.warnings), (Reason::Requested, vec![]));
        assert!((7_000..40_000).contains(&recording.audio.len()), "{} samples", recording.audio.len());
        assert_eq!(dictation.level(), 74, "it goes on");
        dictation.close();
        assert_eq!(dictation.level(), 0);
    }

    #[test]
    fn a_recording_ends_by_itself_when_it_is_full() {
        let limits = Limits { longest: Duration::from_millis(230), ..Limits::default() };
        let mut dictation = Dictation::new(Input::Synthetic(Synthetic::Speech), limits);
        dictation.start(None).unwrap();
        wait_for("it is full", || dictation.wants_to_stop() == Some(Reason::BufferFull));
        let recording = dictation.stop().unwrap();
        assert_eq!((recording.reason, recording.audio.len()), (Reason::BufferFull, 3_680));
    }

    #[test]
    fn a_recording_ends_by_itself_when_the_speaker_is_done_or_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { silence_ms: 300, no_speech_ms: 1_500, ..Limits::default() };
        let spoken = file(&folder, &[(false, 0.5), (true, 0.5), (false, 5.0)]);
        let mut dictation = Dictation::new(spoken, limits);
        dictation.start(None).unwrap();
        wait_for("the end of speech", || dictation.wants_to_stop() == Some(Reason::SilenceAfterSpeech));
        assert_eq!(dictation.stop().unwrap().reason, Reason::SilenceAfterSpeech);
        let mut dictation = Dictation::new(file(&folder, &[(false, 6.0)]), limits);
        dictation.start(None).unwrap();
        wait_for("nobody spoke", || dictation.wants_to_stop() == Some(Reason::NoSpeech));
        let recording = dictation.stop().unwrap();
        assert!(
            recording.reason == Reason::NoSpeech && !recording.warnings.is_empty(),
            "{:?}",
            recording.warnings
        );
    }

    #[test]
    fn a_stream_that_ends_is_told_and_what_came_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut dictation = Dictation::new(file(&folder, &[(true, 0.4)]), Limits::default());
        dictation.start(None).unwrap();
        wait_for("the end of the stream", || dictation.wants_to_stop() == Some(Reason::StreamError));
        let recording = dictation.stop().unwrap();
        assert_eq!(recording.reason, Reason::StreamError);
        assert!((4_000..=6_400).contains(&recording.audio.len()), "{} samples", recording.audio.len());
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let mut dictation = Dictation::new(Input::Default, Limits::default());
        assert!(dictation.start(Some("no such microphone")).is_err());
    }
}

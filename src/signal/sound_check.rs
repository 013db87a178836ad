//! Listens to a take and says what is wrong with its sound.

use super::clip::Clips;
use super::level::{MAX_CHANNELS, Meter, Range};
use super::verdict::SoundVerdict;

/// Audio is judged in windows of this length: a period of 10 Hz, below which there is no speech.
const WINDOW_MS: u64 = 100;
/// Exact silence from the start for so long is worth a word. Built-in microphones wake within 160 ms, Bluetooth takes 0.6
/// to 0.7 s, of which a user should know.
const NO_SIGNAL_YET_MS: u64 = 300;
/// After so much exact silence it is not going to change by itself: four times what Bluetooth takes.
const SILENT_MS: u64 = 3_000;
/// What live findings look back on.
const RECENT_MS: u64 = 3_000;
/// A take that is shorter says nothing about how loud a speaker is: half a word.
const SHORTEST_MS: u64 = 300;
/// Live, one may wait so long before the first word without being called too quiet.
const TOO_QUIET_LIVE_MS: u64 = 10_000;
/// Between what was published of a few hundred takes: muted analogue inputs peak at up to 0.0010, and the quietest live
/// take at 0.0042. Their geometric mean, so both have a factor of two.
const NOISE_FLOOR: f32 = 0.002;
/// -40 dBFS. Speech at arm's length from a healthy microphone peaks at -30 to -6; recognisers fail well above this.
const TOO_QUIET: f32 = 0.01;
/// 40 dB: the crosstalk between the channels of a plain interface is less.
const ONE_CHANNEL: f32 = 0.01;
/// A share of 0.01 % at full scale is heard as distortion...
const CLIPPED_SHARE: f64 = 1e-4;
/// ...and so many clips are, in however long a take.
const CLIPPED_EVENTS: u64 = 10;
/// 0.1 %: one period of 10 ms in ten seconds.
const LOSSY_SHARE: f64 = 1e-3;
/// Crystals are within 0.01 %, resampling daemons within 0.5 %; a wrong rate is off by 8 % or more.
const RATE_SHARE: f64 = 0.01;

/// The state behind the verdicts of a take: fed with all that happens, in order. Never allocates but in
/// [`verdicts`](SoundCheck::verdicts).
///
/// Audio is judged by its swing, half of the way from its least to its greatest sample in 100 ms, so that a constant
/// offset counts as silence. The first [`MAX_CHANNELS`] channels are heard.
#[derive(Clone, Debug)]
pub struct SoundCheck {
    rate_hz: u32,
    channels: usize,
    /// Of the present window.
    meter: Meter,
    heard: u64,
    muted: u64,
    missing: u64,
    is_muted: bool,
    /// The greatest swing of each channel.
    swings: [f32; MAX_CHANNELS],
    /// Heard frames at the present end that are exactly silent, and where they begin.
    silent_run: u64,
    silent_from: u64,
    /// Those that all together swing less than the noise floor, and their range. Not window by window: what rumbles
    /// slowly swings little in each.
    floor_run: u64,
    floor_ranges: [Range; MAX_CHANNELS],
    /// The most that such a run came to swing.
    widest: f32,
    had_signal: bool,
    /// Where exact silence after a signal first began, and its frames, runs that were too short left out.
    silence: Option<(u64, u64)>,
    /// The channel that alone had speech, and for how many frames with speech in them.
    lone: (usize, u64),
    /// Clips at the end of the last window, and heard frames since they last grew.
    clips: u64,
    since_clip: u64,
    /// Heard frames since audio was last missing.
    since_missing: u64,
    actual_hz: Option<f64>,
    lost: u32,
    is_lost: bool,
}

impl SoundCheck {
    /// For a take of `channels` interleaved channels.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn new(rate_hz: u32, channels: usize) -> Self {
        Self {
            rate_hz,
            channels: channels.min(MAX_CHANNELS),
            meter: Meter::new(channels),
            heard: 0,
            muted: 0,
            missing: 0,
            is_muted: false,
            swings: [0.0; MAX_CHANNELS],
            silent_run: 0,
            silent_from: 0,
            floor_run: 0,
            floor_ranges: [Range::EMPTY; MAX_CHANNELS],
            widest: 0.0,
            had_signal: false,
            silence: None,
            lone: (0, 0),
            clips: 0,
            since_clip: u64::MAX,
            since_missing: u64::MAX,
            actual_hz: None,
            lost: 0,
            is_lost: false,
        }
    }

    /// Audio that follows on what came before: whole frames, as `decode` gives them.
    pub fn audio(&mut self, interleaved: &[f32]) {
        self.is_muted = false;
        let mut rest = interleaved;
        while !rest.is_empty() {
            let room = (self.frames(WINDOW_MS) - self.meter.frames()) as usize * self.meter.channels();
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            self.meter.add(piece);
            rest = behind;
            if self.meter.frames() >= self.frames(WINDOW_MS) {
                self.close_window();
            }
        }
    }

    /// A stretch that was muted. What came before is not held against what comes behind.
    pub fn muted(&mut self, frames: u64) {
        self.close_window();
        self.meter.hole();
        self.is_muted = true;
        self.muted += frames;
        (self.floor_run, self.lone.1) = (0, 0);
        if self.had_signal {
            self.silent_run = 0;
        }
    }

    /// A stretch that was dropped or lost. A silence goes on behind it.
    pub fn missing(&mut self, frames: u64) {
        self.close_window();
        self.meter.hole();
        self.missing += frames;
        self.since_missing = 0;
    }

    /// The device's rate as measured; the newest one counts.
    pub fn measured(&mut self, actual_hz: f64) {
        self.actual_hz = Some(actual_hz);
    }

    /// The device went away.
    pub fn device_lost(&mut self) {
        self.lost += u32::from(!self.is_lost);
        self.is_lost = true;
    }

    /// It, or another in its place, delivers again, in whatever format; evidence counts the frames of both alike.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn device_recovered(&mut self, rate_hz: u32, channels: usize) {
        self.close_window();
        self.meter.begin(channels);
        (self.rate_hz, self.channels, self.actual_hz) = (rate_hz, channels.min(MAX_CHANNELS), None);
        (self.is_lost, self.silent_run, self.floor_run, self.lone.1) = (false, 0, 0, 0);
    }

    fn frames(&self, ms: u64) -> u64 {
        (u64::from(self.rate_hz) * ms / 1000).max(1)
    }

    fn close_window(&mut self) {
        let frames = self.meter.frames();
        if frames == 0 {
            return;
        }
        let ranges = *self.meter.ranges();
        let swings = ranges.map(Range::swing);
        self.meter.take();
        self.swings.iter_mut().zip(swings).for_each(|(most, swing)| *most = most.max(swing));
        let position = self.heard + self.muted + self.missing;
        self.heard += frames;
        let (loudest, loud, others) = self.ranked(&swings);
        if loud > 0.0 {
            (self.silent_run, self.had_signal) = (0, true);
        } else {
            self.silent(position, frames);
        }
        self.floor(ranges, loud, frames);
        if loud > TOO_QUIET {
            let alone = others < loud * ONE_CHANNEL;
            self.lone = match self.lone {
                _ if !alone => (loudest, 0),
                (channel, run) if channel == loudest => (channel, run + frames),
                _ => (loudest, frames),
            };
        }
        let clips = self.meter.clips().iter().map(|clips| clips.events).sum();
        self.since_clip = if clips > self.clips { 0 } else { self.since_clip.saturating_add(frames) };
        self.clips = clips;
        self.since_missing = self.since_missing.saturating_add(frames);
    }

    fn floor(&mut self, ranges: [Range; MAX_CHANNELS], loud: f32, frames: u64) {
        if self.floor_run == 0 {
            self.floor_ranges = ranges;
        } else {
            self.floor_ranges.iter_mut().zip(ranges).for_each(|(all, range)| *all = all.join(range));
        }
        self.floor_run += frames;
        let swing = self.floor_swing();
        self.widest = self.widest.max(swing);
        if swing > NOISE_FLOOR {
            // Perhaps only the offset moved: this window may begin another run.
            self.floor_ranges = ranges;
            self.floor_run = if loud > NOISE_FLOOR { 0 } else { frames };
        }
    }

    fn floor_swing(&self) -> f32 {
        self.floor_ranges.iter().fold(0.0, |most, range| range.swing().max(most))
    }

    fn silent(&mut self, position: u64, frames: u64) {
        let (enough, before) = (self.frames(SILENT_MS), self.silent_run);
        if before == 0 {
            self.silent_from = position;
        }
        self.silent_run += frames;
        if self.had_signal && self.silent_run >= enough {
            let new = if before < enough { self.silent_run } else { frames };
            let (position, silent) = self.silence.unwrap_or((self.silent_from, 0));
            self.silence = Some((position, silent + new));
        }
    }

    /// The channel that swings most, its swing, and the greatest of the others.
    fn ranked(&self, swings: &[f32; MAX_CHANNELS]) -> (usize, f32, f32) {
        let mut ranked = (0, swings[0], 0.0_f32);
        for (channel, &swing) in swings.iter().enumerate().take(self.channels).skip(1) {
            ranked = if swing > ranked.1 {
                (channel, swing, ranked.1)
            } else {
                (ranked.0, ranked.1, ranked.2.max(swing))
            };
        }
        ranked
    }

    /// The worst of what holds right now, or held in the last 3 s: for a display while the take runs. The present window
    /// of 100 ms counts when it is full.
    pub fn live(&self) -> SoundVerdict {
        let recent = self.frames(RECENT_MS);
        if self.is_lost {
            return SoundVerdict::DeviceLost { times: self.lost, recovered: false };
        }
        if self.is_muted {
            return SoundVerdict::Muted { frames: self.muted };
        }
        let (_, loud, others) = self.ranked(&self.swings);
        let quiet = self.heard >= self.frames(TOO_QUIET_LIVE_MS) && loud < TOO_QUIET;
        let alone = self.channels > 1 && self.lone.1 >= recent;
        let candidates = [
            self.silence_at(self.frames(NO_SIGNAL_YET_MS), self.frames(SILENT_MS)),
            self.silence
                .filter(|_| self.silent_run >= self.frames(SILENT_MS))
                .map(|(position, frames)| SoundVerdict::WentSilent { position, frames, returned: false }),
            (self.floor_run >= recent).then_some(SoundVerdict::BelowNoiseFloor { peak: self.floor_swing() }),
            self.rate_mismatch(),
            self.lossy().filter(|_| self.since_missing < recent),
            self.worst_clips().filter(|_| self.since_clip < recent),
            alone.then_some(SoundVerdict::OneChannelOnly { channel: self.lone.0 as u16, others }),
            quiet.then_some(SoundVerdict::TooQuiet { peak: loud }),
        ];
        candidates.into_iter().flatten().max_by_key(SoundVerdict::severity).unwrap_or_default()
    }

    /// All that is to be said of the take so far, worst first; only [`SoundVerdict::Ok`] where there is nothing to
    /// complain of, and nothing at all where no audio was heard. To be asked at the end: the present window counts as it
    /// is.
    pub fn verdicts(&mut self) -> Vec<SoundVerdict> {
        self.close_window();
        let (channel, loud, others) = self.ranked(&self.swings);
        let judged = self.had_signal && self.heard >= self.frames(SHORTEST_MS);
        let dead = judged && self.widest <= NOISE_FLOOR;
        let alone = self.channels > 1 && loud >= TOO_QUIET && others < loud * ONE_CHANNEL;
        let returned = self.silent_run < self.frames(SILENT_MS);
        let clips = self.worst_clips().filter(|verdict| match *verdict {
            SoundVerdict::Clipped { events, samples, .. } => {
                events > CLIPPED_EVENTS || samples as f64 > CLIPPED_SHARE * self.heard as f64
            }
            _ => false,
        });
        let found = [
            (self.heard > 0).then(|| self.silence_at(0, 0)).flatten(),
            (self.lost > 0)
                .then_some(SoundVerdict::DeviceLost { times: self.lost, recovered: !self.is_lost }),
            self.silence.map(|(position, frames)| SoundVerdict::WentSilent { position, frames, returned }),
            dead.then_some(SoundVerdict::BelowNoiseFloor { peak: self.widest }),
            self.rate_mismatch(),
            self.lossy(),
            clips,
            alone.then_some(SoundVerdict::OneChannelOnly { channel: channel as u16, others }),
            (judged && !dead && loud < TOO_QUIET).then_some(SoundVerdict::TooQuiet { peak: loud }),
            (self.muted > 0).then_some(SoundVerdict::Muted { frames: self.muted }),
        ];
        let mut found: Vec<_> = found.into_iter().flatten().collect();
        found.sort_by_key(|verdict| std::cmp::Reverse(verdict.severity()));
        if found.is_empty() && self.heard > 0 {
            found.push(SoundVerdict::Ok);
        }
        found
    }

    /// Exact silence from the start for at least `soon` or `never` frames.
    fn silence_at(&self, soon: u64, never: u64) -> Option<SoundVerdict> {
        let frames = self.silent_run;
        match self.had_signal {
            false if frames >= never => Some(SoundVerdict::NeverHadSignal { frames }),
            false if frames >= soon => Some(SoundVerdict::NoSignalYet { frames }),
            _ => None,
        }
    }

    fn rate_mismatch(&self) -> Option<SoundVerdict> {
        let actual_hz = self.actual_hz?;
        let off = (actual_hz / f64::from(self.rate_hz) - 1.0).abs();
        (off > RATE_SHARE).then_some(SoundVerdict::RateMismatch { actual_hz })
    }

    fn lossy(&self) -> Option<SoundVerdict> {
        let share = self.missing as f64 / (self.heard + self.missing).max(1) as f64;
        (share > LOSSY_SHARE).then_some(SoundVerdict::Lossy { frames: self.missing, share: share as f32 })
    }

    /// The channel with the most samples in clips.
    fn worst_clips(&self) -> Option<SoundVerdict> {
        let clips = self.meter.clips().iter().enumerate();
        let (channel, &Clips { events, samples }) = clips.max_by_key(|(_, clips)| clips.samples)?;
        (events > 0).then_some(SoundVerdict::Clipped { channel: channel as u16, events, samples })
    }
}

#[cfg(test)]
mod tests;

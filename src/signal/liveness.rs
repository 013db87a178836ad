//! Which channels of a device carry anything while others do.

use super::level::{Range, join_ranges};
use crate::format::StreamFormat;

/// Channels are judged in windows of this length. What changes is faded over the next one.
const WINDOW_MS: u64 = 20;
/// 50 dB: so far below another a channel carries nothing but what leaks into it.
const DEAD: f32 = 0.003_162;
/// 40 dB: no further below, it carries something.
const ALIVE: f32 = 0.01;
/// -40 dBFS: below, there is nothing in a window that says which channel carries it.
const SIGNAL: f32 = 0.01;
/// -66 dBFS: what swings so much beside exact silence is a channel, and no last bit.
const SOUND: f32 = 0.000_5;
/// So many windows with a signal, a second, are needed to find a channel dead that carried something before. Speech is in
/// every other one.
const EVIDENCE: u32 = 50;
/// And so many in a row, 100 ms, to find it alive again: a knock on a cable is shorter.
const RETURN: u32 = 5;
const MOST: usize = StreamFormat::MAX_CHANNELS as usize;

/// The state behind it: fed with all that a device delivers, in order, whatever the pieces. Never allocates.
///
/// A channel is dead if it was exactly silent from the start while another was not, at once; or if it stayed 50 dB and more
/// below another for a second of signal. It lives again when it comes within 40 dB for 100 ms. Levels are swings, half of
/// the way from the least to the greatest sample, so that a constant offset is silence.
#[derive(Clone, Debug)]
pub struct Liveness {
    channels: usize,
    window_frames: usize,
    /// Of the present window.
    frames: usize,
    ranges: [Range; MOST],
    /// One bit for each channel.
    alive: u32,
    /// Those that were ever more than exactly silent.
    heard: u32,
    /// The greatest swings since channels were judged last, and the loudest of the time before.
    swings: [f32; MOST],
    before: f32,
    /// Windows with a signal among those.
    evidence: u32,
    /// Windows in a row in which a dead channel lived.
    lives: [u32; MOST],
}

impl Liveness {
    /// Of a device of `channels` channels, `1..=32`; all of them live.
    pub fn new(rate_hz: u32, channels: u16) -> Self {
        let channels = usize::from(channels).clamp(1, MOST);
        Self {
            channels,
            window_frames: (u64::from(rate_hz) * WINDOW_MS / 1000).max(1) as usize,
            frames: 0,
            ranges: [Range::EMPTY; MOST],
            alive: u32::MAX >> (MOST - channels),
            heard: 0,
            swings: [0.0; MOST],
            before: 0.0,
            evidence: 0,
            lives: [0; MOST],
        }
    }

    /// The living channels, one bit for each; never none.
    pub fn alive(&self) -> u32 {
        self.alive
    }

    /// The dead channels, counted from 0.
    pub fn dead(&self) -> impl Iterator<Item = u16> {
        let alive = self.alive;
        (0..self.channels as u16).filter(move |channel| alive >> channel & 1 == 0)
    }

    /// Frames of a window, of the present one so far, and until it is full.
    pub(super) fn place(&self) -> (usize, usize, usize) {
        (self.window_frames, self.frames, self.window_frames - self.frames)
    }

    /// Adds `interleaved`: whole frames, finite samples as `decode` gives them. Whether the living channels are others now.
    pub fn add(&mut self, interleaved: &[f32]) -> bool {
        let before = self.alive;
        let mut rest = interleaved;
        while !rest.is_empty() {
            let room = (self.window_frames - self.frames) * self.channels;
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            join_ranges(self.channels, piece, &mut self.ranges[..self.channels]);
            self.frames += piece.len() / self.channels;
            if self.frames == self.window_frames {
                self.judge();
            }
            rest = behind;
        }
        self.alive != before
    }

    /// What comes next does not follow on what came.
    pub fn hole(&mut self) {
        (self.frames, self.ranges) = (0, [Range::EMPTY; MOST]);
    }

    /// A window is full.
    fn judge(&mut self) {
        let ranges = std::mem::replace(&mut self.ranges, [Range::EMPTY; MOST]);
        self.frames = 0;
        let mut loud = 0.0_f32;
        for (channel, range) in ranges.iter().enumerate().take(self.channels) {
            let swing = range.swing();
            loud = loud.max(swing);
            self.swings[channel] = self.swings[channel].max(swing);
            self.heard |= u32::from(swing > 0.0) << channel;
        }
        self.evidence += u32::from(loud >= SIGNAL);
        let loudest = self.swings.iter().fold(0.0, |most: f32, swing| most.max(*swing));
        let is_over = self.evidence >= EVIDENCE;
        for (channel, range) in ranges.iter().enumerate().take(self.channels) {
            let bit = 1 << channel;
            let swing = range.swing();
            if self.alive & bit == 0 {
                let lives = swing >= SOUND && swing >= ALIVE * loudest.max(self.before);
                self.lives[channel] = if lives { self.lives[channel] + 1 } else { 0 };
                if self.lives[channel] >= RETURN {
                    self.alive |= bit;
                }
            } else if (self.heard & bit == 0 && loud >= SOUND)
                || (is_over && self.swings[channel] <= DEAD * loudest)
            {
                self.alive &= !bit;
                self.lives[channel] = 0;
            }
        }
        if is_over {
            (self.evidence, self.before, self.swings) = (0, loudest, [0.0; MOST]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;

    /// So many milliseconds of two channels, tones of these peaks.
    fn tones(ms: usize, left: f32, right: f32) -> Vec<f32> {
        let frames = ms * RATE as usize / 1000;
        (0..frames).flat_map(|i| [left, right].map(|peak| peak * (i as f32 * 0.13).sin())).collect()
    }

    /// After how many windows what was alive changed, and to what.
    fn changes(stretches: &[Vec<f32>]) -> Vec<(usize, u32)> {
        let mut liveness = Liveness::new(RATE, 2);
        let all = stretches.concat();
        let windows = all.chunks(2 * 960).enumerate();
        windows
            .filter_map(
                |(i, window)| if liveness.add(window) { Some((i + 1, liveness.alive())) } else { None },
            )
            .collect()
    }

    #[test]
    fn a_channel_that_was_never_heard_is_dead_at_once_and_one_that_fell_silent_after_a_second_of_signal() {
        assert_eq!(changes(&[tones(2000, 0.3, 0.0)]), [(1, 0b01)]);
        assert_eq!(changes(&[tones(2000, 0.0, 0.001)]), [(1, 0b10)]);
        assert_eq!(changes(&[tones(1000, 0.3, 0.3), tones(5000, 0.3, 0.0)]), [(100, 0b01)]);
    }

    #[test]
    fn fifty_decibels_below_is_dead_and_forty_is_not() {
        assert_eq!(changes(&[tones(5000, 0.5, 0.0015)]), [(50, 0b01)]);
        assert_eq!(changes(&[tones(60_000, 0.5, 0.002)]), []);
        assert_eq!(changes(&[tones(60_000, 0.5, 0.1)]), []);
    }

    #[test]
    fn where_nobody_carries_a_signal_nothing_is_judged() {
        assert_eq!(changes(&[tones(10_000, 0.0, 0.0)]), []);
        assert_eq!(changes(&[tones(10, 0.1, 0.1), tones(60_000, 0.005, 0.0)]), []);
        // A last bit beside silence is no channel.
        assert_eq!(changes(&[tones(10_000, 0.000_03, 0.0)]), []);
    }

    #[test]
    fn a_dead_channel_lives_again_after_100_ms_and_not_for_a_knock() {
        assert_eq!(changes(&[tones(500, 0.3, 0.0), tones(1000, 0.3, 0.3)]), [(1, 0b01), (30, 0b11)]);
        let knocked = [tones(500, 0.3, 0.0), tones(80, 0.3, 0.3), tones(2000, 0.3, 0.0)];
        assert_eq!(changes(&knocked), [(1, 0b01)]);
        // The noise of a dead input, in the pauses of the other, is no life.
        let pauses = [tones(2000, 0.5, 0.001), tones(900, 0.001, 0.001), tones(2000, 0.5, 0.001)];
        assert_eq!(changes(&pauses), [(50, 0b01)]);
    }

    #[test]
    fn an_offset_is_silence_and_holes_end_a_window() {
        let mut liveness = Liveness::new(RATE, 2);
        let offset: Vec<f32> = tones(20, 0.3, 0.0).chunks(2).flat_map(|frame| [frame[0], 0.25]).collect();
        assert!(!liveness.add(&offset[..1900]));
        liveness.hole();
        assert!(!liveness.add(&offset[..1900]));
        assert!(liveness.add(&offset[..200]));
        assert_eq!(liveness.dead().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn many_channels_are_judged_one_by_one() {
        for channels in [3, 6, 8, 9, 32] {
            let mut liveness = Liveness::new(RATE, channels);
            let frame = |i: usize| {
                (0..channels).map(move |channel| if channel % 3 == 1 { 0.0 } else { 0.2 * (i as f32).sin() })
            };
            let audio: Vec<f32> = (0..960).flat_map(frame).collect();
            assert!(liveness.add(&audio));
            assert!(liveness.dead().eq((0..channels).filter(|channel| channel % 3 == 1)), "{channels}");
        }
    }
}

//! Makes pictures of what passes, while somebody looks.

use super::ear::Ear;
use super::level::{Level, MAX_CHANNELS, Meter, Range};
use super::picture::Picture;
use super::spectrum::{Spectrum, top_hz};
use super::verdict::SoundVerdict;
use super::waveform::{COLUMNS_HZ, Column, Waveform, sample};

/// How long a peak is held, in seconds.
const HOLD_S: f64 = 1.5;
/// How fast it falls then: 20 dB in 1.7 s, the return of a programme meter of type I in IEC 60268-10.
const FALL_DB_PER_S: f64 = 20.0 / 1.7;
/// From this probability on, at its end, a column is marked as voice.
const VOICE: f32 = 0.5;

/// Makes [`Picture`]s: told of all audio and holes in order while somebody looks, and of nothing otherwise.
///
/// There is a new picture at each full column, 30 times a second. The first audio after [`rest`](Painter::rest) allocates;
/// nothing does after that.
#[derive(Debug)]
pub struct Painter {
    rate_hz: u32,
    channels: usize,
    /// Frames of a column.
    hop: u64,
    sequence: u64,
    /// The verdict that the last picture tells, by its severity.
    told: u8,
    /// `None` while nobody looks, so that whoever looks again finds nothing old.
    canvas: Option<Box<Canvas>>,
}

/// What is known since somebody looks.
#[derive(Debug)]
struct Canvas {
    /// One behind the last frame.
    position: u64,
    /// Of the column that is being filled.
    meter: Meter,
    flags: u8,
    clips_before: u64,
    waveform: Waveform,
    spectrum: Spectrum,
    ear: Ear,
    /// Since the last picture: peaks, sums of squares, the frames in them, and where it began.
    peaks: [f32; MAX_CHANNELS],
    squares: [f64; MAX_CHANNELS],
    heard: u64,
    pictured: u64,
    held: [f32; MAX_CHANNELS],
    /// How long each has been held, in seconds.
    ages: [f64; MAX_CHANNELS],
    /// Of a frame.
    seconds: f64,
}

impl Painter {
    /// A painter of a device of `channels` interleaved channels. Costs nothing until there is audio.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn new(rate_hz: u32, channels: u16) -> Self {
        assert!(channels > 0, "a device has at least one channel");
        let hop = u64::from(rate_hz / COLUMNS_HZ).max(1);
        Self { rate_hz, channels: channels.into(), hop, sequence: 0, told: 0, canvas: None }
    }

    /// The device, or another in its place, begins anew, in whatever format.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn begin(&mut self, rate_hz: u32, channels: u16) {
        let Self { sequence, told, .. } = *self;
        *self = Self { sequence, told, ..Self::new(rate_hz, channels) };
    }

    /// Nobody looks any more. Gives everything back.
    pub fn rest(&mut self) {
        (self.canvas, self.told) = (None, 0);
    }

    /// Whole frames, as `decode` gives them, the first of which is device frame `position`.
    pub fn add(&mut self, interleaved: &[f32], position: u64) {
        let (hop, channels) = (self.hop, self.channels);
        let canvas = self.canvas(position);
        canvas.spectrum.add(interleaved);
        let mut rest = interleaved;
        while !rest.is_empty() {
            let room = (hop - canvas.position % hop) as usize * channels;
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            canvas.meter.add(piece);
            canvas.ear.add(piece);
            canvas.position += (piece.len() / channels) as u64;
            if canvas.position.is_multiple_of(hop) {
                canvas.close_column(hop);
            }
            rest = behind;
        }
    }

    /// A hole from device frame `start` to `end`, muted or else missing.
    pub fn hole(&mut self, start: u64, end: u64, muted: bool) {
        let hop = self.hop;
        let flags = if muted { Column::MUTED } else { Column::MISSING };
        self.canvas(start).hole(end, flags, hop);
    }

    /// Whether there is a picture to be [painted](Self::paint): a column is full, or the verdict is another. A device that
    /// is away fills no column.
    pub fn due(&self, verdict: &SoundVerdict) -> bool {
        verdict.severity() != self.told || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.canvas.as_ref().is_some_and(|canvas| canvas.waveform.next * self.hop > canvas.pictured)
    }

    /// The device position that completes the next picture, when the capture stands at `position`.
    pub fn next(&self, position: u64) -> u64 {
        (position / self.hop + 1) * self.hop
    }

    /// The newest picture into `picture`, whatever it holds. Without a new column its levels are silent.
    pub fn paint(&mut self, picture: &mut Picture, verdict: SoundVerdict, dropped: u64, lost: u64) {
        self.sequence += 1;
        self.told = verdict.severity();
        let (sequence, rate_hz, channels) = (self.sequence, self.rate_hz, self.channels as u16);
        let Some(canvas) = &mut self.canvas else {
            *picture = Picture { sequence, rate_hz, channels, verdict, dropped, lost, ..Picture::default() };
            return;
        };
        // Before the first column is full, it lies behind where the looking began.
        let position = (canvas.waveform.next * self.hop).max(canvas.pictured);
        let frames = canvas.heard.max(1) as f64;
        for (channel, level) in picture.levels.iter_mut().enumerate() {
            let rms = (canvas.squares[channel] / frames).sqrt() as f32;
            *level = Level { peak: canvas.peaks[channel], rms };
        }
        canvas.waveform.read(&mut picture.columns);
        let clips = canvas.meter.clips().map(|clips| u32::try_from(clips.events).unwrap_or(u32::MAX));
        *picture = Picture {
            sequence,
            position,
            frames: position - canvas.pictured,
            rate_hz,
            channels,
            levels: picture.levels,
            held: canvas.held,
            clips,
            column: canvas.waveform.next.saturating_sub(1),
            columns: picture.columns,
            spectrum: canvas.spectrum.bands(),
            spectrum_top_hz: top_hz(self.rate_hz),
            voice: canvas.ear.score(),
            verdict,
            dropped,
            lost,
        };
        canvas.pictured = position;
        (canvas.peaks, canvas.squares, canvas.heard) = ([0.0; MAX_CHANNELS], [0.0; MAX_CHANNELS], 0);
    }

    /// The canvas, as far as `position`: frames that nobody told of are missing.
    fn canvas(&mut self, position: u64) -> &mut Canvas {
        let hop = self.hop;
        if self.canvas.as_ref().is_some_and(|canvas| canvas.position > position) {
            // The device began to count anew.
            self.canvas = None;
        }
        let canvas = self
            .canvas
            .get_or_insert_with(|| Box::new(Canvas::new(self.rate_hz, self.channels, position, hop)));
        if canvas.position < position {
            canvas.hole(position, Column::MISSING, hop);
        }
        canvas
    }
}

impl Canvas {
    fn new(rate_hz: u32, channels: usize, position: u64, hop: u64) -> Self {
        Self {
            position,
            meter: Meter::new(channels),
            flags: 0,
            clips_before: 0,
            waveform: Waveform::new(position / hop),
            spectrum: Spectrum::new(rate_hz, channels),
            ear: Ear::new(rate_hz, channels),
            peaks: [0.0; MAX_CHANNELS],
            squares: [0.0; MAX_CHANNELS],
            heard: 0,
            pictured: position,
            held: [0.0; MAX_CHANNELS],
            ages: [0.0; MAX_CHANNELS],
            seconds: 1.0 / f64::from(rate_hz.max(1)),
        }
    }

    fn hole(&mut self, end: u64, flags: u8, hop: u64) {
        self.meter.hole();
        self.spectrum.clear();
        if end <= self.position {
            return;
        }
        self.ear.hole(end - self.position);
        self.flags |= flags;
        if end / hop > self.position / hop {
            self.close_column(hop);
            let empty = end / hop - self.waveform.next;
            self.waveform.push_empty(empty, flags);
            self.age(empty * hop);
            self.flags = if end.is_multiple_of(hop) { 0 } else { flags };
        }
        self.position = end;
    }

    fn close_column(&mut self, hop: u64) {
        let (frames, flags) = (self.meter.frames(), std::mem::take(&mut self.flags));
        let range = self.meter.ranges().iter().fold(Range::EMPTY, |all, range| all.join(*range));
        let clips = self.meter.clips().iter().map(|clips| clips.events).sum();
        let mut column = Column { flags, ..Column::default() };
        if frames > 0 {
            (column.min, column.max) = (sample(range.min), sample(range.max));
            column.flags |= Column::HEARD;
            column.flags |= if clips > self.clips_before { Column::CLIPPED } else { 0 };
            column.flags |= if self.ear.score() >= VOICE { Column::VOICE } else { 0 };
        }
        self.clips_before = clips;
        self.waveform.push(column);
        self.age(hop);
        for (channel, level) in self.meter.take().into_iter().enumerate() {
            self.peaks[channel] = self.peaks[channel].max(level.peak);
            self.squares[channel] += f64::from(level.rms) * f64::from(level.rms) * frames as f64;
            if level.peak >= self.held[channel] {
                (self.held[channel], self.ages[channel]) = (level.peak, 0.0);
            }
        }
        self.heard += frames;
    }

    /// So many frames pass for the held peaks.
    fn age(&mut self, frames: u64) {
        let seconds = frames as f64 * self.seconds;
        for (held, age) in self.held.iter_mut().zip(&mut self.ages) {
            // What passed before the hold was over does not count.
            let falling = (*age + seconds - HOLD_S).clamp(0.0, seconds);
            *age += seconds;
            *held *= 10_f64.powf(-FALL_DB_PER_S * falling / 20.0) as f32;
        }
    }
}

#[cfg(test)]
mod tests;

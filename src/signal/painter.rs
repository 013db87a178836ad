//! Makes pictures of what passes, while somebody looks.

use super::level::{Level, MAX_CHANNELS, Meter, Range};
use super::picture::Picture;
use super::spectrum::{Spectrum, top_hz};
use super::verdict::SoundVerdict;
use super::waveform::{COLUMNS_HZ, Column, Waveform, sample};

/// How long a peak is held, in seconds.
const HOLD_S: f64 = 1.5;
/// How fast it falls then: 20 dB in 1.7 s, the return of a programme meter of type I in IEC 60268-10.
const FALL_DB_PER_S: f64 = 20.0 / 1.7;
/// From this probability on a column is marked as voice.
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
    voice: f32,
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
        Self { rate_hz, channels: channels.into(), hop, sequence: 0, voice: -1.0, canvas: None }
    }

    /// The device, or another in its place, begins anew, in whatever format.
    ///
    /// # Panics
    /// When `channels` is 0.
    pub fn begin(&mut self, rate_hz: u32, channels: u16) {
        *self = Self { sequence: self.sequence, voice: self.voice, ..Self::new(rate_hz, channels) };
    }

    /// Nobody looks any more. Gives everything back.
    pub fn rest(&mut self) {
        self.canvas = None;
    }

    /// Whole frames, as `decode` gives them, the first of which is device frame `position`.
    pub fn add(&mut self, interleaved: &[f32], position: u64) {
        let (hop, voice, channels) = (self.hop, self.voice, self.channels);
        let canvas = self.canvas(position);
        canvas.spectrum.add(interleaved);
        let mut rest = interleaved;
        while !rest.is_empty() {
            let room = (hop - canvas.position % hop) as usize * channels;
            let (piece, behind) = rest.split_at(room.min(rest.len()));
            canvas.meter.add(piece);
            canvas.position += (piece.len() / channels) as u64;
            if canvas.position.is_multiple_of(hop) {
                canvas.close_column(hop, voice);
            }
            rest = behind;
        }
    }

    /// A hole from device frame `start` to `end`, muted or else missing.
    pub fn hole(&mut self, start: u64, end: u64, muted: bool) {
        let (hop, voice) = (self.hop, self.voice);
        let flags = if muted { Column::MUTED } else { Column::MISSING };
        self.canvas(start).hole(end, flags, hop, voice);
    }

    /// How likely it is that somebody speaks, `0.0..=1.0`, from now on; negative where nobody judges that. From 0.5 on
    /// columns are marked.
    pub fn voice(&mut self, probability: f32) {
        self.voice = probability;
    }

    /// Whether there is a picture to be [painted](Self::paint).
    pub fn due(&self) -> bool {
        self.canvas.as_ref().is_some_and(|canvas| canvas.waveform.next * self.hop > canvas.pictured)
    }

    /// The device position that completes the next picture, when the capture stands at `position`.
    pub fn next(&self, position: u64) -> u64 {
        (position / self.hop + 1) * self.hop
    }

    /// The newest picture into `picture`, whatever it holds. Leaves it alone when none is [due](Self::due).
    pub fn paint(&mut self, picture: &mut Picture, verdict: SoundVerdict, dropped: u64, lost: u64) {
        let is_due = self.due();
        let Some(canvas) = self.canvas.as_mut().filter(|_| is_due) else { return };
        self.sequence += 1;
        let position = canvas.waveform.next * self.hop;
        let frames = canvas.heard.max(1) as f64;
        for (channel, level) in picture.levels.iter_mut().enumerate() {
            let rms = (canvas.squares[channel] / frames).sqrt() as f32;
            *level = Level { peak: canvas.peaks[channel], rms };
        }
        canvas.waveform.read(&mut picture.columns);
        let clips = canvas.meter.clips().map(|clips| u32::try_from(clips.events).unwrap_or(u32::MAX));
        *picture = Picture {
            sequence: self.sequence,
            position,
            frames: position - canvas.pictured,
            rate_hz: self.rate_hz,
            channels: self.channels as u16,
            levels: picture.levels,
            held: canvas.held,
            clips,
            column: canvas.waveform.next.saturating_sub(1),
            columns: picture.columns,
            spectrum: canvas.spectrum.bands(),
            spectrum_top_hz: top_hz(self.rate_hz),
            voice: self.voice,
            verdict,
            dropped,
            lost,
        };
        canvas.pictured = position;
        (canvas.peaks, canvas.squares, canvas.heard) = ([0.0; MAX_CHANNELS], [0.0; MAX_CHANNELS], 0);
    }

    /// The canvas, as far as `position`: frames that nobody told of are missing.
    fn canvas(&mut self, position: u64) -> &mut Canvas {
        let (hop, voice) = (self.hop, self.voice);
        if self.canvas.as_ref().is_some_and(|canvas| canvas.position > position) {
            // The device began to count anew.
            self.canvas = None;
        }
        let canvas = self
            .canvas
            .get_or_insert_with(|| Box::new(Canvas::new(self.rate_hz, self.channels, position, hop)));
        if canvas.position < position {
            canvas.hole(position, Column::MISSING, hop, voice);
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
            peaks: [0.0; MAX_CHANNELS],
            squares: [0.0; MAX_CHANNELS],
            heard: 0,
            pictured: position,
            held: [0.0; MAX_CHANNELS],
            ages: [0.0; MAX_CHANNELS],
            seconds: 1.0 / f64::from(rate_hz.max(1)),
        }
    }

    fn hole(&mut self, end: u64, flags: u8, hop: u64, voice: f32) {
        self.meter.hole();
        self.spectrum.clear();
        if end <= self.position {
            return;
        }
        self.flags |= flags;
        if end / hop > self.position / hop {
            self.close_column(hop, voice);
            let empty = end / hop - self.waveform.next;
            self.waveform.push_empty(empty, flags);
            self.age(empty * hop);
            self.flags = if end.is_multiple_of(hop) { 0 } else { flags };
        }
        self.position = end;
    }

    fn close_column(&mut self, hop: u64, voice: f32) {
        let (frames, flags) = (self.meter.frames(), std::mem::take(&mut self.flags));
        let range = self.meter.ranges().iter().fold(Range::EMPTY, |all, range| all.join(*range));
        let clips = self.meter.clips().iter().map(|clips| clips.events).sum();
        let mut column = Column { flags, ..Column::default() };
        if frames > 0 {
            (column.min, column.max) = (sample(range.min), sample(range.max));
            column.flags |= Column::HEARD;
            column.flags |= if clips > self.clips_before { Column::CLIPPED } else { 0 };
            column.flags |= if voice >= VOICE { Column::VOICE } else { 0 };
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
mod tests {
    use super::*;

    fn painted(painter: &mut Painter) -> Picture {
        assert!(painter.due());
        let mut picture = Picture::default();
        painter.paint(&mut picture, SoundVerdict::Ok, 3, 4);
        assert!(!painter.due());
        picture
    }

    #[test]
    fn columns_and_levels_are_those_of_the_audio_in_whatever_pieces_it_comes() {
        let wave = |frame: usize| ((frame as f32 * 0.01).sin() * 0.5, (frame as f32 * 0.013).cos() * 0.25);
        for piece in [1_600, 1_024, 77, 4_801] {
            let mut painter = Painter::new(48_000, 2);
            // Not on the grid: the first column is a short one.
            let start = 1_000;
            let frames: Vec<(f32, f32)> = (start..11_200).map(wave).collect();
            let audio: Vec<f32> = frames.iter().flat_map(|&(left, right)| [left, right]).collect();
            let mut position = start;
            for samples in audio.chunks(2 * piece) {
                painter.add(samples, position as u64);
                position += samples.len() / 2;
            }
            let picture = painted(&mut painter);
            assert_eq!((picture.position, picture.frames, picture.column), (11_200, 10_200, 6));
            assert_eq!((picture.sequence, picture.dropped, picture.lost), (1, 3, 4));
            for (column, k) in picture.columns[122..].iter().zip(1..) {
                let (of, end) = ((k * 1_600).max(start), (k + 1) * 1_600);
                let both = || frames[of - start..end - start].iter().flat_map(|&(left, right)| [left, right]);
                let (min, max) = (both().fold(1.0, f32::min), both().fold(-1.0, f32::max));
                let ought = Column { min: sample(min), max: sample(max), flags: Column::HEARD };
                assert_eq!(*column, ought, "column {k} in pieces of {piece}");
            }
            assert_eq!(picture.columns[121].flags | picture.columns[0].flags, Column::HEARD);
            assert_eq!(picture.columns[120], Column::default());
            let rms = (frames.iter().map(|(left, _)| left * left).sum::<f32>() / frames.len() as f32).sqrt();
            assert!((picture.levels()[0].rms - rms).abs() < 1e-3);
            assert_eq!(picture.levels()[1].peak, frames.iter().fold(0.0, |peak, &(_, x)| x.abs().max(peak)));
            assert_eq!(picture.held[..2], [picture.levels[0].peak, picture.levels[1].peak]);
            assert_eq!(painter.next(11_200), 12_800);
        }
    }

    #[test]
    fn a_held_peak_stays_for_1500_ms_and_falls_20_db_in_1700() {
        let mut painter = Painter::new(48_000, 1);
        let mut audio = vec![0.0; 1_600];
        audio[1_599] = 0.5;
        painter.add(&audio, 0);
        assert_eq!(painted(&mut painter).held[0], 0.5);
        audio[1_599] = 0.01;
        for column in 1..=150 {
            // A hole of ten columns ages it as well.
            match column {
                80 => painter.hole(column * 1_600, (column + 10) * 1_600, true),
                81..90 => continue,
                _ => painter.add(&audio, column * 1_600),
            }
            let held = painted(&mut painter).held[0];
            let passed = if column == 80 { 89 } else { column };
            let falling = (passed as f32 / 30.0 - 1.5).max(0.0);
            let ought = (0.5 * 10_f32.powf(-falling / 1.7)).max(0.01);
            assert!((held / ought - 1.0).abs() < 1e-3, "column {column}: {held}, not {ought}");
        }
    }

    #[test]
    fn holes_voice_and_clips_are_marked_where_they_are() {
        let mut painter = Painter::new(48_000, 1);
        painter.voice(0.7);
        painter.add(&[0.1; 2_400], 0);
        painter.voice(0.2);
        // Within the second column, then over the third; frames that nobody told of; then half of one muted.
        painter.hole(2_400, 4_800, false);
        painter.add(&[1.0; 1_600], 4_800);
        painter.add(&[0.1; 1_600], 8_000);
        painter.hole(9_600, 10_400, true);
        painter.add(&[0.1; 800], 10_400);
        let picture = painted(&mut painter);
        let flags: Vec<u8> = picture.columns[121..].iter().map(|column| column.flags).collect();
        let heard = Column::HEARD;
        assert_eq!(flags[0], heard | Column::VOICE);
        assert_eq!(flags[1..3], [heard | Column::MISSING, Column::MISSING]);
        assert_eq!(flags[3..5], [heard | Column::CLIPPED, Column::MISSING]);
        assert_eq!(flags[5..], [heard, heard | Column::MUTED]);
        assert_eq!((picture.clips[0], picture.voice), (1, 0.2));
        // A hole of a day in the middle of a column, and what lies behind it.
        let day = 86_400 * 48_000 + 100;
        painter.hole(11_200, day, false);
        painter.add(&[0.1; 1_500], day);
        let picture = painted(&mut painter);
        assert_eq!((picture.column, picture.columns[127].flags), (86_400 * 30, heard | Column::MISSING));
        assert!(picture.columns[..127].iter().all(|column| column.flags == Column::MISSING));
    }

    #[test]
    fn nothing_is_kept_while_nobody_looks_and_whoever_looks_again_starts_clean() {
        let mut painter = Painter::new(16_000, 1);
        let (mut picture, mut untouched) = (Picture::default(), Picture::default());
        painter.paint(&mut untouched, SoundVerdict::Ok, 0, 0);
        assert!(painter.canvas.is_none() && !painter.due() && untouched == Picture::default());
        painter.add(&[1.0; 16_000], 0);
        painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
        assert_eq!((picture.sequence, picture.clips[0]), (1, 1));
        painter.rest();
        assert!(painter.canvas.is_none() && !painter.due());
        painter.add(&[0.0; 16_000], 533 * 600);
        painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
        assert_eq!((picture.sequence, picture.column), (2, 629));
        assert_eq!((picture.clips[0], picture.held[0], picture.loudest()), (0, 0.0, Level::default()));
        assert_eq!(picture.spectrum, Picture::default().spectrum);
        assert_eq!(picture.columns.iter().filter(|column| **column != Column::default()).count(), 30);
        painter.begin(8_000, 2);
        painter.add(&[0.0; 2 * 8_000], 0);
        painter.paint(&mut picture, SoundVerdict::Ok, 0, 0);
        assert_eq!((picture.sequence, picture.rate_hz, picture.channels), (3, 8_000, 2));
    }
}

//! Something like speech: a glottal pulse train through three moving formants.

use std::f32::consts::{PI, TAU};

use super::synthetic::Noise;

/// Formants (Hz) of vowels of a male voice, after Peterson and Barney (1952): i, e, a, o, u and a schwa.
const VOWELS: [[f32; 3]; 6] = [
    [270.0, 2_290.0, 3_010.0],
    [530.0, 1_840.0, 2_480.0],
    [730.0, 1_090.0, 2_440.0],
    [570.0, 840.0, 2_410.0],
    [300.0, 870.0, 2_240.0],
    [500.0, 1_500.0, 2_500.0],
];
/// Bandwidths of the formants, in Hz.
const BANDWIDTHS: [f32; 3] = [70.0, 100.0, 140.0];
/// The noise floor, about -66 dBFS rms.
const FLOOR: f32 = 0.000_9;
/// The voice is bent softly towards this, lest one vowel stand out far above the others.
const CEILING: f32 = 0.65;
/// Brings the loudest syllables to -6 dBFS, measured.
const DRIVE: f32 = 0.45;

/// The voice: what it says is drawn from one seed, by syllables; each value moves with the count of frames.
#[derive(Debug)]
pub(super) struct Speech {
    rate_hz: f32,
    /// Draws syllables.
    plan: Noise,
    /// Breath and floor.
    breath: Noise,
    /// Frames until the formants move again; they do so each millisecond.
    until_step: u32,
    step_frames: u32,
    syllable: Syllable,
    /// Seconds since the syllable began.
    age: f32,
    /// Syllables left in the phrase after this one.
    left: u32,
    /// The fundamental, in Hz: falls over a phrase, glides within a syllable.
    pitch_hz: f32,
    /// Position in the glottal cycle, `0.0..1.0`.
    phase: f32,
    /// Loudness of voice and of hiss, `0.0..=1.0`, moved each step.
    voice: f32,
    hiss: f32,
    formants_hz: [f32; 3],
    resonators: [Resonator; 3],
    last_breath: f32,
}

/// A syllable, or the pause after a phrase.
#[derive(Debug)]
struct Syllable {
    seconds: f32,
    /// 0 is a pause.
    loudness: f32,
    vowel: [f32; 3],
    /// The fundamental at its begin and end, in Hz.
    pitch_hz: (f32, f32),
    /// Whether it opens with a hiss, like an s.
    hissed: bool,
}

impl Speech {
    pub(super) fn new(rate_hz: u32) -> Self {
        let pause = Syllable {
            seconds: 0.15,
            loudness: 0.0,
            vowel: VOWELS[5],
            pitch_hz: (120.0, 120.0),
            hissed: false,
        };
        Self {
            rate_hz: rate_hz as f32,
            plan: Noise::new(0x5EED),
            breath: Noise::new(0xB4EA7),
            until_step: 0,
            step_frames: (rate_hz / 1_000).max(1),
            syllable: pause,
            age: 0.0,
            left: 0,
            pitch_hz: 120.0,
            phase: 0.0,
            voice: 0.0,
            hiss: 0.0,
            formants_hz: VOWELS[5],
            resonators: Default::default(),
            last_breath: 0.0,
        }
    }

    /// The next sample, `-0.66..=0.66`.
    pub(super) fn next(&mut self) -> f32 {
        if self.until_step == 0 {
            self.until_step = self.step_frames;
            self.step();
        }
        self.until_step -= 1;

        self.phase += self.pitch_hz / self.rate_hz;
        self.phase -= self.phase.floor();
        let breath = self.breath.next();
        // The difference of white noise rises with frequency, as the hiss of an s does.
        let sharp = breath - self.last_breath;
        self.last_breath = breath;

        let mut voice = self.voice * (glottis(self.phase) + 0.01 * breath);
        for resonator in &mut self.resonators {
            voice = resonator.next(voice);
        }
        let x = DRIVE * voice + 0.06 * self.hiss * sharp;
        CEILING * x / (1.0 + x * x).sqrt() + FLOOR * breath
    }

    /// A millisecond on: the next syllable when it is time, and everything that glides.
    fn step(&mut self) {
        let seconds = self.step_frames as f32 / self.rate_hz;
        self.age += seconds;
        if self.age >= self.syllable.seconds {
            self.age = 0.0;
            self.begin_syllable();
        }
        let syllable = &self.syllable;
        let (begin, end) = syllable.pitch_hz;
        self.pitch_hz = begin + (end - begin) * (self.age / syllable.seconds);
        // A hiss takes the first 70 ms, then the voice sets in within 30 ms and fades in 80 ms at the end.
        let onset = if syllable.hissed { 0.07 } else { 0.0 };
        let rise = ramp((self.age - onset) / 0.03);
        self.voice = syllable.loudness * rise * ramp((syllable.seconds - self.age) / 0.08);
        self.hiss =
            if syllable.hissed { ramp(self.age / 0.02) * ramp((0.09 - self.age) / 0.03) } else { 0.0 };
        let nearer = 1.0 - (-seconds / 0.03).exp();
        for ((hz, target), (resonator, width)) in
            self.formants_hz.iter_mut().zip(syllable.vowel).zip(self.resonators.iter_mut().zip(BANDWIDTHS))
        {
            *hz += (target - *hz) * nearer;
            resonator.tune(*hz, width, self.rate_hz);
        }
    }

    fn begin_syllable(&mut self) {
        let plan = &mut self.plan;
        if self.left == 0 && self.syllable.loudness > 0.0 {
            // A phrase has ended.
            self.syllable.seconds = plan.within(0.45, 0.8);
            self.syllable.loudness = 0.0;
            self.syllable.hissed = false;
            return;
        }
        self.left = if self.left == 0 { plan.within(5.0, 10.0) as u32 } else { self.left - 1 };
        // The tune of a phrase falls towards its end, where only few syllables are left.
        let begin = 100.0 + 4.0 * self.left as f32 + plan.within(-6.0, 6.0);
        self.syllable = Syllable {
            seconds: plan.within(0.19, 0.31),
            loudness: plan.within(0.55, 1.0),
            vowel: VOWELS[plan.within(0.0, VOWELS.len() as f32) as usize % VOWELS.len()],
            pitch_hz: (begin, begin * plan.within(0.88, 1.08)),
            hissed: plan.next() > 0.4,
        };
    }
}

/// The derivative of Rosenberg's glottal pulse (1971): opens for 0.40 of the cycle, closes in 0.16, rests.
/// Within `-1.0..=0.4`, without an offset.
fn glottis(phase: f32) -> f32 {
    const OPENS: f32 = 0.40;
    const CLOSES: f32 = 0.16;
    if phase < OPENS {
        (CLOSES / OPENS) * (PI * phase / OPENS).sin()
    } else if phase < OPENS + CLOSES {
        -(PI / 2.0 * (phase - OPENS) / CLOSES).sin()
    } else {
        0.0
    }
}

/// 0 below 0, 1 above 1, smooth between.
fn ramp(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// A resonance with a gain of 1 at 0 Hz, after Klatt (1980).
#[derive(Debug, Default)]
struct Resonator {
    a: f32,
    b: f32,
    c: f32,
    last: [f32; 2],
}

impl Resonator {
    fn tune(&mut self, hz: f32, width_hz: f32, rate_hz: f32) {
        // Below Nyquist also where the rate is lower than any for speech.
        let hz = hz.min(0.4 * rate_hz);
        let radius = (-PI * width_hz / rate_hz).exp();
        self.c = -radius * radius;
        self.b = 2.0 * radius * (TAU * hz / rate_hz).cos();
        self.a = 1.0 - self.b - self.c;
    }

    fn next(&mut self, input: f32) -> f32 {
        let output = self.a * input + self.b * self.last[0] + self.c * self.last[1];
        self.last = [output, self.last[0]];
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_of_syllables_alternate_with_pauses() {
        let mut speech = Speech::new(16_000);
        let loud: Vec<bool> = (0..60 * 50)
            .map(|_| {
                let energy: f32 = (0..320).map(|_| speech.next().powi(2)).sum();
                (energy / 320.0).sqrt() > 0.01
            })
            .collect();
        let spoken = loud.iter().filter(|&&loud| loud).count() as f32 / loud.len() as f32;
        assert!((0.5..0.85).contains(&spoken), "{spoken} of a minute is spoken");
        // A pause is 0.4 s of silence and more; an utterance of 1 to 3 s lies between two.
        let pauses = loud.chunk_by(|a, b| a == b).filter(|run| !run[0] && run.len() >= 20).count();
        assert!((15..=35).contains(&pauses), "{pauses} pauses in a minute");
    }
}

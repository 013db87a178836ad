//! An offline resampler to compare with: a windowed sinc in double precision, evaluated at any delay.

use std::f64::consts::PI;

/// Half the filter's length in input frames, and the shape of its Kaiser window: 2 kHz of transition around the
/// cutoff and less than -120 dB beyond it, at 44.1 and 48 kHz.
const HALF: i64 = 128;
const BETA: f64 = 13.0;

/// How well a recording agrees with the reference.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// By how many output frames the recording is late.
    pub delay: f64,
    /// The recording's gain.
    pub gain: f64,
    /// What is left after both are fitted, below the signal.
    pub snr_db: f64,
}

/// A conversion from one rate to another.
#[derive(Clone, Copy, Debug)]
pub struct Reference {
    /// Hz of the input.
    pub from: u32,
    /// Hz of the output.
    pub to: u32,
    /// Hz above which nothing passes; the input should hold nothing within 1 kHz of it.
    pub cutoff: f64,
}

impl Reference {
    /// Output frames `first..first + count` of `input`, late by `delay` output frames. Outside it, there is silence.
    pub fn resample(&self, input: &[f64], delay: f64, first: usize, count: usize) -> Vec<f64> {
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        let shift = delay * f64::from(self.from) / f64::from(self.to);
        let whole = shift.floor() as i64;
        let part = shift - shift.floor();
        // Output frames fall between input frames in only so many ways, and each needs its filter once.
        let step = gcd(self.from, self.to);
        let filters: Vec<Vec<f64>> = (0..self.to / step)
            .map(|phase| self.filter(f64::from(phase * step) / f64::from(self.to) - part))
            .collect();
        let frame = |k: usize| {
            let numerator = k as i64 * from;
            let filter = &filters[(numerator % to) as usize / step as usize];
            let begin = numerator / to - whole - HALF;
            let before = usize::try_from(-begin).unwrap_or(0).min(filter.len());
            let inside = input.get(usize::try_from(begin).unwrap_or(0)..).unwrap_or_default();
            product(&filter[before..], inside)
        };
        (first..first + count).map(frame).collect()
    }

    /// Weights of the input frames `-HALF..=HALF` for a point at `position` between them.
    fn filter(&self, position: f64) -> Vec<f64> {
        let width = 2.0 * self.cutoff / f64::from(self.from);
        let weight = |n: i64| {
            let distance = position - n as f64;
            let x = PI * width * distance;
            let sinc = if x.abs() < 1e-12 { 1.0 } else { x.sin() / x };
            let inside = 1.0 - (distance / HALF as f64).powi(2);
            let window = if inside < 0.0 { 0.0 } else { bessel(BETA * inside.sqrt()) / bessel(BETA) };
            width * sinc * window
        };
        (-HALF..=HALF).map(weight).collect()
    }

    /// Fits delay and gain of `recorded` to `input`. Both must hold the whole clip; the middle of it counts.
    pub fn agreement(&self, input: &[f64], recorded: &[f64]) -> Agreement {
        let length = input.len() * self.to as usize / self.from as usize;
        let edge = length / 10;
        let count = length - 2 * edge;
        // Coarse, by the correlation with the reference at whole frames.
        let plain = self.resample(input, 0.0, edge, count.min(500));
        let score = |lag: usize| product(&plain, &recorded[edge + lag..]);
        let room = (recorded.len() + 1).checked_sub(edge + plain.len()).expect("the recording is too short");
        let lag = (0..room).max_by(|&a, &b| score(a).total_cmp(&score(b))).expect("there is a lag");
        let segment = recorded.get(edge + lag..edge + lag + count).expect("the clip's end is missing");
        // Finer: quarters of a frame.
        let residual = |delay: f64| {
            let shifted = self.resample(input, delay, edge, plain.len());
            fit(&shifted, segment).1
        };
        let quarters = (-4..=4).map(|quarter| f64::from(quarter) / 4.0);
        let mut delay =
            quarters.min_by(|&a, &b| residual(a).total_cmp(&residual(b))).expect("there are quarters");
        // Finest: Gauss and Newton, with the derivative from a hundredth of a frame to either side.
        for _ in 0..3 {
            let at = |offset: f64| self.resample(input, delay + offset, edge, count);
            let (here, before, after) = (at(0.0), at(-0.01), at(0.01));
            let (gain, _) = fit(&here, segment);
            let slope: Vec<f64> = before.iter().zip(&after).map(|(b, a)| gain * (a - b) / 0.02).collect();
            let rest: Vec<f64> = segment.iter().zip(&here).map(|(s, h)| s - gain * h).collect();
            delay += fit(&slope, &rest).0;
        }
        let (gain, rest) = fit(&self.resample(input, delay, edge, count), segment);
        let power: f64 = segment.iter().map(|sample| sample * sample).sum();
        Agreement { delay: lag as f64 + delay, gain, snr_db: 10.0 * (power / rest).log10() }
    }
}

/// The gain that makes `model` most like `data`, and the energy of what is left.
fn fit(model: &[f64], data: &[f64]) -> (f64, f64) {
    let gain = product(model, data) / product(model, model);
    (gain, model.iter().zip(data).map(|(m, d)| (d - gain * m).powi(2)).sum())
}

/// The sum of the products, as far as both reach.
fn product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The modified Bessel function of the first kind, order 0, by its series.
fn bessel(x: f64) -> f64 {
    let square = x * x / 4.0;
    let mut term = 1.0;
    let mut sum = 1.0;
    for n in 1..200 {
        term *= square / f64::from(n * n);
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

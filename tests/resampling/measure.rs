//! Tones, runs and least-squares fits, all in f64.

use hearken::signal::resample::{Quality, Resampler, run_frames};

pub const TAU: f64 = std::f64::consts::TAU;

/// `seconds` of a tone at -1 dBFS.
pub fn tone(rate_hz: u32, hz: f64, seconds: f64) -> Vec<f32> {
    let frames = (f64::from(rate_hz) * seconds) as usize;
    let turn = TAU * hz / f64::from(rate_hz);
    (0..frames).map(|k| (AMPLITUDE * (turn * k as f64 + 0.3).sin()) as f32).collect()
}

/// -1 dBFS.
pub const AMPLITUDE: f64 = 0.891_250_938_133_745_6;

/// One run of `input`, mono, in pieces of `split` frames.
pub fn convert(resampler: &mut Resampler, rates: (u32, u32), input: &[f32], split: usize) -> Vec<f32> {
    let mut output = Vec::new();
    input.chunks(split).for_each(|piece| resampler.push(piece, &mut |out| output.extend_from_slice(out)));
    let total = run_frames(0, input.len() as u64, rates.0, rates.1);
    resampler.finish(total, &mut |out| output.extend_from_slice(out));
    assert_eq!(output.len() as u64, total);
    output
}

pub fn converted(rates: (u32, u32), quality: Quality, input: &[f32]) -> Vec<f32> {
    convert(&mut Resampler::new(rates.0, rates.1, 1, quality).unwrap(), rates, input, 480)
}

/// The middle of the output, where neither end of the run reaches.
pub fn settled(output: &[f32]) -> &[f32] {
    &output[output.len() * 2 / 5..output.len() * 4 / 5]
}

/// Amplitudes of the tones `hz` in `samples`, fitted together by least squares.
pub fn amplitudes(samples: &[f32], rate_hz: u32, hz: &[f64]) -> Vec<f64> {
    let columns = 2 * hz.len() + 1;
    let row = |k: usize| {
        let mut row = vec![1.0; columns];
        for (tone, &hz) in hz.iter().enumerate() {
            (row[2 * tone], row[2 * tone + 1]) = (TAU * hz * k as f64 / f64::from(rate_hz)).sin_cos();
        }
        row
    };
    let mut normal = vec![vec![0.0; columns + 1]; columns];
    for (k, &sample) in samples.iter().enumerate() {
        let row = row(k);
        for (i, line) in normal.iter_mut().enumerate() {
            (0..columns).for_each(|j| line[j] += row[i] * row[j]);
            line[columns] += row[i] * f64::from(sample);
        }
    }
    let x = solve(normal);
    (0..hz.len()).map(|tone| x[2 * tone].hypot(x[2 * tone + 1])).collect()
}

/// Gauss's elimination with row pivots; each line ends with its right-hand side.
fn solve(mut lines: Vec<Vec<f64>>) -> Vec<f64> {
    let n = lines.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| lines[a][i].abs().total_cmp(&lines[b][i].abs())).unwrap();
        lines.swap(i, pivot);
        for below in i + 1..n {
            let factor = lines[below][i] / lines[i][i];
            let (upper, lower) = lines.split_at_mut(below);
            lower[0].iter_mut().zip(&upper[i]).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let mut x = vec![0.0; n];
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|j| lines[i][j] * x[j]).sum();
        x[i] = (lines[i][n] - known) / lines[i][i];
    }
    x
}

pub fn rms(samples: &[f32]) -> f64 {
    (samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64).sqrt()
}

pub fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// Largest minus smallest gain in dB of tones up to 0.9 of the lower Nyquist frequency.
pub fn ripple(rates: (u32, u32), quality: Quality) -> f64 {
    let nyquist = f64::from(rates.0.min(rates.1)) / 2.0;
    let tones: Vec<f64> =
        [0.0125, 0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.85, 0.88, 0.9].iter().map(|part| part * nyquist).collect();
    let share = 1.0 / tones.len() as f32;
    let mut sum = vec![0.0; rates.0 as usize * 3 / 20];
    for &hz in &tones {
        sum.iter_mut().zip(tone(rates.0, hz, 0.15)).for_each(|(sum, x)| *sum += x * share);
    }
    let output = converted(rates, quality, &sum);
    let found = amplitudes(settled(&output), rates.1, &tones);
    let gain: Vec<f64> = found.iter().map(|x| db(x * 10.0 / AMPLITUDE)).collect();
    let (least, most) = gain.iter().fold((f64::MAX, f64::MIN), |(l, m), &x| (l.min(x), m.max(x)));
    // A flat filter at the wrong level would be no better.
    assert!(least.abs().max(most.abs()) < 0.001 || most - least > 0.001, "{rates:?} {quality}: {gain:?}");
    most - least
}

/// The loudest output in dB below its tone, of tones that do not fit the output, from `from` times its
/// Nyquist frequency up. Everything that comes out is an alias, so its whole RMS counts.
pub fn alias(rates: (u32, u32), quality: Quality, from: f64) -> f64 {
    let nyquist = f64::from(rates.1) / 2.0;
    let last = f64::from(rates.0 - rates.1 / 200) / f64::from(rates.1);
    [1.002, 1.01, 1.02, 1.03, 1.05, 1.1, 1.102, 1.12, 1.15, 1.2, 1.35, 1.5, 1.73, 1.9, 2.3, 2.99, 4.1, last]
        .iter()
        .filter(|&&part| part >= from && part <= last)
        .map(|part| {
            let output = converted(rates, quality, &tone(rates.0, part * nyquist, 0.08));
            db(rms(settled(&output)) * 2_f64.sqrt() / AMPLITUDE)
        })
        .fold(f64::MIN, f64::max)
}

/// The loudest image in dB below its tone, for tones up to `to` times the input's Nyquist frequency.
/// Each is fitted where it must lie, since the rounding of f32 samples alone sums up to -149 dB. Between
/// 0.99 and 1.0 tone and image are too close for any filter (balanced: -106 dB at 0.998, the tone at -101).
pub fn image(rates: (u32, u32), quality: Quality, to: f64) -> f64 {
    let (rate_in, rate_out) = (f64::from(rates.0), f64::from(rates.1));
    [0.0125, 0.31, 0.63, 0.81, 0.88, 0.9, 0.95, 0.99]
        .iter()
        .filter(|&&part| part < to + 1e-9)
        .map(|part| {
            let hz = part * rate_in / 2.0;
            let output = converted(rates, quality, &tone(rates.0, hz, 4_000.0 / rate_in));
            let mut tones = vec![hz];
            tones.extend(
                (1..).map(|k| f64::from(k) * rate_in - hz).take_while(|image| *image < rate_out / 2.0),
            );
            tones.extend(
                (1..).map(|k| f64::from(k) * rate_in + hz).take_while(|image| *image < rate_out / 2.0),
            );
            let found = amplitudes(settled(&output), rates.1, &tones);
            db(found[1..].iter().map(|x| x * x).sum::<f64>().sqrt() / AMPLITUDE)
        })
        .fold(f64::MIN, f64::max)
}

/// The worst and the least of "input fed minus output delivered" in ms right after a push, once the
/// stream runs, for pushes of the given frames.
pub fn lag(rates: (u32, u32), quality: Quality, mut pushes: impl FnMut() -> usize) -> (f64, f64) {
    let mut resampler = Resampler::new(rates.0, rates.1, 1, quality).unwrap();
    let (mut fed, mut delivered) = (0, 0);
    let (mut worst, mut least) = (f64::MIN, f64::MAX);
    while fed < rates.0 as usize / 5 {
        let frames = pushes();
        resampler.push(&vec![0.0; frames], &mut |out| delivered += out.len());
        fed += frames;
        if fed > rates.0 as usize / 10 {
            let lag = fed as f64 / f64::from(rates.0) - delivered as f64 / f64::from(rates.1);
            worst = worst.max(lag * 1e3);
            least = least.min(lag * 1e3);
        }
    }
    (worst, least)
}

/// Where the centroid of a Gaussian pulse comes out, minus where it should, in output frames.
pub fn pulse_error(rates: (u32, u32), quality: Quality) -> f64 {
    let (rate_in, rate_out) = (f64::from(rates.0), f64::from(rates.1));
    // Narrow enough to stand free of both ends, wide enough for the band: -150 dB at the lower Nyquist.
    let sigma = 2.0 / rate_in.min(rate_out);
    let centre = 0.0412;
    let pulse: Vec<f32> = (0..(rate_in * 0.08) as usize)
        .map(|k| (-0.5 * ((k as f64 / rate_in - centre) / sigma).powi(2)).exp() as f32)
        .collect();
    let output = converted(rates, quality, &pulse);
    let sum: f64 = output.iter().map(|&x| f64::from(x)).sum();
    let moment: f64 = output.iter().enumerate().map(|(k, &x)| k as f64 * f64::from(x)).sum();
    moment / sum - centre * rate_out
}

//! What is no speech, mono at 16 kHz.

use std::f32::consts::TAU;

const RATE_HZ: f32 = 16_000.0;

/// Uniform in -1..1, always the same sequence for a seed.
pub fn numbers(mut seed: u64) -> impl FnMut() -> f32 {
    move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / (1 << 23) as f32 - 1.0
    }
}

/// Scaled to an rms of `dbfs`.
pub fn at(dbfs: f32, mut samples: Vec<f32>) -> Vec<f32> {
    let power = samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32;
    let factor = 10_f32.powf(dbfs / 20.0) / power.sqrt();
    samples.iter_mut().for_each(|sample| *sample *= factor);
    samples
}

pub fn white(samples: usize) -> Vec<f32> {
    let mut number = numbers(3);
    (0..samples).map(|_| number()).collect()
}

/// Falls by 3 dB an octave: white noise through Paul Kellet's filter, which is within 0.05 dB above 10 Hz.
pub fn pink(samples: usize) -> Vec<f32> {
    let mut b = [0.0_f32; 7];
    let poles = [
        (0.998_86, 0.055_517_9),
        (0.993_32, 0.075_075_9),
        (0.969, 0.153_852),
        (0.866_5, 0.310_485_6),
        (0.55, 0.532_952_2),
        (-0.761_6, -0.016_898),
    ];
    let mut filter = |white: f32| {
        b.iter_mut().zip(poles).for_each(|(state, (pole, gain))| *state = pole * *state + white * gain);
        let pink = b.iter().sum::<f32>() + white * 0.536_2;
        b[6] = white * 0.115_926;
        pink
    };
    white(samples).into_iter().map(&mut filter).collect()
}

/// Falls by 6 dB an octave above 25 Hz.
pub fn brown(samples: usize) -> Vec<f32> {
    let mut brown = 0.0;
    let step = |white: f32| {
        brown = 0.99 * brown + 0.05 * white;
        brown
    };
    white(samples).into_iter().map(step).collect()
}

/// A fan: falls by 6 dB an octave, with the hum of its motor.
pub fn fan(samples: usize) -> Vec<f32> {
    let hummed = |(at, brown): (usize, f32)| {
        let hum: f32 = [(100.0, 0.05), (150.0, 0.03), (200.0, 0.03), (300.0, 0.01)]
            .map(|(hz, peak)| peak * (TAU * hz * at as f32 / RATE_HZ).sin())
            .iter()
            .sum();
        brown + hum
    };
    brown(samples).into_iter().enumerate().map(hummed).collect()
}

/// 0.74 s of pink noise, again and again.
pub fn looped(samples: usize) -> Vec<f32> {
    pink(11_840).into_iter().cycle().take(samples).collect()
}

/// Key clicks: bursts of 5 ms every 80 to 300 ms.
pub fn clicks(samples: usize) -> Vec<f32> {
    let mut number = numbers(5);
    let (mut until, mut age) = (0.0, 0.0);
    let mut next = || {
        if until <= 0.0 {
            until = RATE_HZ * (0.19 + 0.11 * number());
            age = 0.0;
        }
        until -= 1.0;
        age += 1.0;
        number() * f32::exp(-age / 25.0)
    };
    (0..samples).map(|_| next()).collect()
}

/// A chord of three notes with eight partials each, struck every 0.8 s.
pub fn chords(samples: usize) -> Vec<f32> {
    let roots = [261.6, 220.0, 174.6, 196.0, 293.7];
    let sample = |at: usize| {
        let (chord, age) = (at / 12_800, (at % 12_800) as f32 / RATE_HZ);
        let root = roots[chord % roots.len()];
        let note = |ratio: f32, partial: f32| {
            let hz = root * ratio * partial;
            (TAU * hz * age).sin() * f32::exp(-age * (2.0 + 0.7 * partial)) / partial
        };
        let attack = (age / 0.005).min(1.0);
        let partials =
            (1..=8).flat_map(|partial| [1.0, 1.26, 1.498].map(|ratio| note(ratio, partial as f32)));
        attack * partials.sum::<f32>()
    };
    (0..samples).map(sample).collect()
}

/// 440 Hz, a second on and a second off.
pub fn tone(samples: usize) -> Vec<f32> {
    let on = |at: usize| f32::from(u8::from(at / 16_000 % 2 == 1));
    (0..samples).map(|at| on(at) * (TAU * 440.0 * at as f32 / RATE_HZ).sin()).collect()
}

/// Pink noise that becomes louder by 30 dB in the middle.
pub fn step(samples: usize) -> Vec<f32> {
    let gain = |at: usize| if at < samples / 2 { 1.0 } else { 31.6 };
    pink(samples).into_iter().enumerate().map(|(at, x)| x * gain(at)).collect()
}

//! What resampling promises, measured on the public interface. `-- --nocapture` prints the table.

#[path = "resampling/measure.rs"]
mod measure;

use hearken::signal::resample::{Quality, Resampler, run_frames};
use measure::{alias, convert, converted, image, lag, pulse_error, ripple};
use proptest::prelude::*;

const RATES: [(u32, u32); 6] = [
    (48_000, 16_000),
    (44_100, 16_000),
    (96_000, 16_000),
    (48_000, 24_000),
    (16_000, 48_000),
    (8_000, 16_000),
];

/// Pairs whose ratio has no small terms, or only just.
const NEARLY_COPRIME: [(u32, u32); 7] = [
    (44_099, 16_000),
    (47_999, 16_001),
    (16_001, 47_999),
    (48_000, 48_001),
    (11_025, 16_000),
    (767_999, 8_000),
    (8_000, 767_999),
];

/// Uniform in `0..below`, always the same sequence.
fn numbers(mut seed: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    }
}

fn noise(samples: usize) -> Vec<f32> {
    let mut number = numbers(7);
    (0..samples).map(|_| number(1 << 24) as f32 / (1 << 23) as f32 - 1.0).collect()
}

fn measured(quality: Quality, delay_ms: f64, alias_from: f64, alias_db: f64) {
    println!("rates          preset       ripple dB  alias dB  delay ms  10 ms  any   pulse   shift");
    for rates in RATES {
        let twice = if rates.0.min(rates.1) < 16_000 { 2.0 } else { 1.0 };
        let ripple = ripple(rates, quality);
        let spurious = match rates.0 > rates.1 {
            true => alias(rates, quality, alias_from),
            // An image at 1.1 times the Nyquist frequency comes from a tone at 0.9 of it.
            false => image(rates, quality, 2.0 - alias_from),
        };
        let (worst, least) = lag(rates, quality, || rates.0 as usize / 100);
        let mut number = numbers(3);
        let (any, _) = lag(rates, quality, || 1 + number(97) as usize);
        let pulse = pulse_error(rates, quality);
        let resampler = Resampler::new(rates.0, rates.1, 1, quality).unwrap();
        let shift = resampler.shift_frames();
        println!(
            "{:>6}->{:<6} {quality:>12} {ripple:>9.5} {spurious:>9.1} {least:>8.2} {worst:>7.2} {any:>6.2} \
             {pulse:>7.4} {shift:>7.4}",
            rates.0, rates.1
        );
        assert!(ripple <= 0.001, "{rates:?} ripple {ripple} dB");
        assert!(spurious <= alias_db, "{rates:?} alias or image {spurious} dB");
        // A block is twice the delay; of one longer than 10 ms the rest waits for the pushes to come.
        let holds = if quality == Quality::LowLatency { 0.0 } else { (2.0 * least - 10.0).max(0.0) };
        assert!(least <= twice * delay_ms, "{rates:?} delay {least} ms");
        assert!(worst <= twice * delay_ms + holds, "{rates:?} delay {worst} ms at 10 ms");
        if quality == Quality::LowLatency {
            assert!(any <= twice * delay_ms, "{rates:?} delay {any} ms in pieces");
        }
        // The head can be trimmed by whole frames only; the rest is known and reported.
        assert!(pulse.abs() < 0.51, "{rates:?} off by {pulse} frames");
        assert!((pulse + shift).abs() < 0.01, "{rates:?} off by {pulse}, reported {shift}");
    }
}

#[test]
fn low_latency_keeps_aliases_out_of_its_band_within_2_6_ms() {
    measured(Quality::LowLatency, 2.6, 1.1, -109.0);
}

#[test]
fn balanced_is_flat_and_alias_free_within_5_1_ms() {
    measured(Quality::Balanced, 5.1, 1.0, -120.0);
}

#[test]
fn best_is_flat_and_at_the_floor_within_10_1_ms() {
    measured(Quality::Best, 10.1, 1.0, -150.0);
}

/// The measure must see a filter that is too short: the band edge and the aliases of the wrong preset.
#[test]
fn the_measurements_can_fail() {
    assert!(alias((48_000, 16_000), Quality::LowLatency, 1.0) > -20.0);
    assert!(alias((48_000, 16_000), Quality::Balanced, 1.0) > -150.0);
    // Below 1 kHz the presets do not keep their shape.
    assert!(ripple((400, 16_000), Quality::Balanced) > 1.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_gives_the_same_bits(
        frames in 0_usize..6_000,
        splits in prop::collection::vec(0_usize..2_000, 1..20),
        channels in 1_usize..4,
    ) {
        let input = noise(frames * channels);
        let odd = [(44_099, 16_000), (16_001, 47_999), (44_100, 44_100)];
        for (rate_in, rate_out) in RATES.into_iter().chain(odd) {
            for quality in Quality::ALL {
                let total = run_frames(0, frames as u64, rate_in, rate_out);
                let mut whole = Vec::new();
                let mut resampler = Resampler::new(rate_in, rate_out, channels, quality).unwrap();
                resampler.push(&input, &mut |out| whole.extend_from_slice(out));
                resampler.finish(total, &mut |out| whole.extend_from_slice(out));
                prop_assert_eq!(whole.len(), total as usize * channels);

                // The same resampler again, so that a run leaves nothing behind for the next one.
                let mut pieces = Vec::new();
                let mut rest = &input[..];
                for split in splits.iter().cycle() {
                    let (piece, after) = rest.split_at((split * channels).min(rest.len()));
                    resampler.push(piece, &mut |out| pieces.extend_from_slice(out));
                    rest = after;
                    if rest.is_empty() || splits.iter().all(|split| *split == 0) { break; }
                }
                resampler.push(rest, &mut |out| pieces.extend_from_slice(out));
                resampler.finish(total, &mut |out| pieces.extend_from_slice(out));
                let bits = |samples: &[f32]| samples.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert!(bits(&whole) == bits(&pieces), "{rate_in}->{rate_out} {quality}");
            }
        }
    }

    #[test]
    fn neighbouring_runs_make_up_the_whole(a in 0..1_u64 << 40, b in 0..1_u64 << 40, i in 1..768_000_u32, o in 1..768_000_u32) {
        let (start, end) = (a.min(b), a.max(b));
        prop_assert_eq!(run_frames(0, start, i, o) + run_frames(start, end, i, o), run_frames(0, end, i, o));
    }
}

#[test]
fn run_frames_rounds_halves_up() {
    assert_eq!([0, 1, 2, 3, 4].map(|n| run_frames(0, n, 48_000, 24_000)), [0, 1, 1, 2, 2]);
    assert_eq!([0, 1, 2, 3, 4].map(|n| run_frames(0, n, 48_000, 16_000)), [0, 0, 1, 1, 1]);
    assert_eq!(run_frames(1, 2, 48_000, 24_000), 0);
    assert_eq!(run_frames(0, 44_100 * 86_400 * 365, 44_100, 16_000), 16_000 * 86_400 * 365);
}

#[test]
fn every_length_comes_out_exact_and_in_place() {
    // Without the highest rates, which take long in a debug build and show nothing new.
    for rates in RATES.into_iter().chain(NEARLY_COPRIME[..5].to_vec()).chain([(48_000, 48_000)]) {
        for quality in Quality::ALL {
            let mut resampler = Resampler::new(rates.0, rates.1, 1, quality).unwrap();
            // `convert` asserts the length.
            for frames in [0, 1, 2, 3, 5, 159, 160, 161, 479, 480, 481, 1_003] {
                let output = convert(&mut resampler, rates, &vec![1.0; frames], 100);
                // The middle of a long enough run has settled: nothing was cut at the wrong end.
                if frames == 1_003 && quality == Quality::LowLatency {
                    let middle = f64::from(output[output.len() / 2]);
                    assert!((middle - 1.0).abs() < 1e-3, "{rates:?} {middle}");
                }
            }
        }
    }
}

#[test]
fn input_needed_is_enough_and_hardly_more() {
    for rates in RATES.into_iter().chain(NEARLY_COPRIME).chain([(48_000, 48_000)]) {
        for quality in Quality::ALL {
            let mut resampler = Resampler::new(rates.0, rates.1, 1, quality).unwrap();
            let (mut fed, mut delivered, mut slack) = (0_u64, 0_u64, 0);
            let frames = u64::from(rates.0 / 25);
            // Frame by frame (as far as that is quick), so that the least number is seen.
            let step = if rates.0 > 100_000 { 64 } else { 1 };
            for out_frames in 0.. {
                let needed = resampler.input_needed(out_frames);
                if needed > frames {
                    break;
                }
                let mut least = if delivered >= out_frames { None } else { Some(fed) };
                while fed < needed {
                    let piece = step.min((needed - fed) as usize);
                    resampler.push(&[0.0; 64][..piece], &mut |out| delivered += out.len() as u64);
                    fed += piece as u64;
                    if delivered >= out_frames && least.is_some() {
                        slack = slack.max(needed - fed);
                        least = None;
                    }
                }
                assert!(delivered >= out_frames, "{rates:?} {quality}: {needed} do not give {out_frames}");
            }
            // A call of the interpolator is 1 ms; the engine's steps are exact when they are n/2^k frames.
            let most = match (NEARLY_COPRIME.contains(&rates), quality) {
                (true, _) => u64::from(rates.0 / 1000) + 2,
                (_, Quality::LowLatency) => u64::from([(44_100, 16_000), (16_000, 48_000)].contains(&rates)),
                _ => 0,
            };
            assert!(slack <= most, "{rates:?} {quality}: up to {slack} frames too many");
        }
    }
}

#[test]
fn nearly_coprime_rates_stay_quick_and_in_place() {
    println!("rates          preset       10 ms   pulse   shift");
    for rates in NEARLY_COPRIME {
        for quality in Quality::ALL {
            let (worst, _) = lag(rates, quality, || rates.0 as usize / 100);
            let pulse = pulse_error(rates, quality);
            let shift = Resampler::new(rates.0, rates.1, 1, quality).unwrap().shift_frames();
            println!("{:>6}->{:<6} {quality:>12} {worst:>7.2} {pulse:>7.4} {shift:>7.4}", rates.0, rates.1);
            let most = if rates.0.min(rates.1) < 16_000 && quality == Quality::Best { 45.0 } else { 30.0 };
            assert!(worst <= most, "{rates:?} {quality} {worst} ms");
            assert!((pulse + shift).abs() < 0.02, "{rates:?} {quality} off by {pulse}, reported {shift}");
        }
    }
}

#[test]
fn interpolated_rates_keep_the_quality_of_their_preset() {
    for (quality, from, most) in
        [(Quality::LowLatency, 1.1, -109.0), (Quality::Balanced, 1.0, -108.0), (Quality::Best, 1.0, -120.0)]
    {
        let rates = (47_999, 16_001);
        let (ripple, alias) = (ripple(rates, quality), alias(rates, quality, from));
        println!("{rates:?} {quality}: ripple {ripple:.5} dB, alias {alias:.1} dB");
        assert!(ripple <= 0.001 && alias <= most);
    }
}

#[test]
fn extreme_rates_work_as_far_as_a_bounded_filter_can() {
    for quality in Quality::ALL {
        // A rate of 1 Hz needs 16 s of input behind a frame, so 1 -> 768,000 is not flushed here.
        for (rates, frames) in [((1, 1), 3), ((1, 8_000), 1), ((768_000, 1), 800_000), ((768_000, 90), 9_999)]
        {
            let input = vec![0.5; frames];
            let mut resampler = Resampler::new(rates.0, rates.1, 1, quality).unwrap();
            let output = convert(&mut resampler, rates, &input, 10_000);
            assert!(output.iter().all(|x| x.is_finite() && x.abs() < 1.0), "{rates:?} {quality}");
        }
        // A step after half a second: the filter is shorter than an output frame, but it stands in place.
        let step: Vec<f32> = (0..768_000).map(|k| if k < 384_000 { 0.0 } else { 1.0 }).collect();
        let output = converted((768_000, 40), quality, &step);
        let expected = (0..40).map(|k| if k < 20 { 0.0 } else { 1.0 });
        let off = |(k, (&x, want)): (usize, (&f32, f32))| k != 20 && (x - want).abs() > 1e-3;
        assert!(!output.iter().zip(expected).enumerate().any(off), "{quality} {output:?}");
        assert!((output[20] - 0.5).abs() < 0.01, "{quality} {output:?}");

        let mut resampler = Resampler::new(1, 768_000, 1, quality).unwrap();
        resampler.push(&[0.5; 2], &mut |_| panic!("2 s are not enough for any filter"));
        resampler.finish(0, &mut |_| panic!("nothing was asked for"));
    }
    let error = |rates: (u32, u32)| Resampler::new(rates.0, rates.1, 1, Quality::Best).unwrap_err().kind();
    for rates in [(0, 16_000), (16_000, 0), (768_001, 16_000), (16_000, u32::MAX)] {
        assert_eq!(error(rates), hearken::ErrorKind::BadArgument);
    }
}

#[test]
fn equal_rates_pass_untouched() {
    let input = noise(1_000);
    assert_eq!(converted((44_100, 44_100), Quality::Best, &input), input);
}

//! Which engine runs a pair of rates, its sizes, and the arithmetic of its delay.

use super::Quality;

/// Longest transform block, in frames at either rate.
const MAX_BLOCK: u64 = 1 << 16;
/// Longest filter, in input frames. It holds 160 output frames down to a hundredth of the input rate.
const MAX_TAPS: u64 = 1 << 14;
/// Largest table of exact phases, in coefficients.
const MAX_TABLE: u64 = 1 << 17;
/// Sub-filters between which a cubic interpolates: at 64 its error is below the f32 floor.
pub(super) const CUBIC_FILTERS: u64 = 64;
/// Most output frames of one call where a single input frame may become many.
const MAX_OUTPUT: u64 = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// Equal rates: the input is the output.
    Copy,
    /// Overlap-add of whole blocks, `input` frames in for `output` frames out.
    Blocks { input: u64, output: u64 },
    /// A filter per phase of the ratio, so exact without interpolation; blocks of any size.
    Phases { taps: u64, filters: u64 },
    /// Interpolation between `CUBIC_FILTERS` sub-filters, in fixed calls of `input` frames.
    CubicIn { taps: u64, input: u64 },
    /// The same in fixed calls of `output` frames, for rates that rise.
    CubicOut { taps: u64, output: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub engine: Engine,
    in_hz: u64,
    out_hz: u64,
    /// Frames of silence before the first input frame, so that no engine answers ahead of its input.
    pub prime: u64,
    /// Whether the engine answers so early that a frame could go out before its run is long enough to
    /// have it; then each frame waits for the next.
    pub hold: bool,
    /// The engine's delay after the priming, in output frames.
    delay: f64,
}

impl Plan {
    pub(super) fn new(in_hz: u32, out_hz: u32, quality: Quality) -> Self {
        let (rate_in, rate_out) = (u64::from(in_hz), u64::from(out_hz));
        let divisor = gcd(rate_in, rate_out);
        let engine = match (in_hz == out_hz, quality) {
            (true, _) => Engine::Copy,
            (_, Quality::LowLatency) => filters(rate_in, rate_out, divisor, quality),
            _ => blocks(rate_in, rate_out, divisor, quality)
                .unwrap_or_else(|| filters(rate_in, rate_out, divisor, quality)),
        };
        // Input frames between an input and the output that stands for its time. A filter's first output
        // comes one output frame after the start, and its centre lies one sub-filter early.
        let step = rate_in as f64 / rate_out as f64;
        let delay_in = match engine {
            Engine::Copy => 0.0,
            Engine::Blocks { input, .. } => (input / 2) as f64,
            Engine::Phases { taps, filters } => (taps / 2) as f64 - step - 1.0 / filters as f64,
            Engine::CubicIn { taps, .. } | Engine::CubicOut { taps, .. } => {
                (taps / 2) as f64 - step - 1.0 / CUBIC_FILTERS as f64
            }
        };
        let prime = (-delay_in).ceil().max(0.0);
        Self {
            engine,
            in_hz: rate_in,
            out_hz: rate_out,
            prime: prime as u64,
            hold: prime > 0.0,
            delay: (delay_in + prime) / step,
        }
    }

    /// Most input frames of one call of `Engine::Phases`.
    pub(super) fn most_input_frames(&self) -> u64 {
        (self.in_hz / 100).max(1)
    }

    /// Frames at the head of the engine's output that stand for times before the run.
    pub(super) fn trim(&self) -> u64 {
        self.delay.round() as u64
    }

    pub(super) fn delay_seconds(&self) -> f64 {
        (self.delay - self.prime as f64 * self.out_hz as f64 / self.in_hz as f64) / self.out_hz as f64
    }

    pub(super) fn shift_frames(&self) -> f64 {
        self.trim() as f64 - self.delay
    }

    /// Whether the engine's step, 1 / (out / in) in f64, is the true ratio and a short binary fraction.
    fn step_is_exact(&self) -> bool {
        let step = 1.0 / (self.out_hz as f64 / self.in_hz as f64);
        (step * 1024.0).fract() == 0.0 && step * self.out_hz as f64 == self.in_hz as f64
    }

    pub(super) fn input_needed(&self, out_frames: u64) -> u64 {
        if out_frames == 0 {
            return 0;
        }
        let raw = u128::from(out_frames + self.trim() + u64::from(self.hold));
        let (rate_in, rate_out) = (u128::from(self.in_hz), u128::from(self.out_hz));
        let fed = match self.engine {
            Engine::Copy => raw,
            Engine::Blocks { input, output } => raw.div_ceil(output.into()) * u128::from(input),
            // The engine counts in f64: where a step is no short binary fraction, an output that falls
            // due exactly on an input frame may come with the next one.
            Engine::Phases { .. } if self.step_is_exact() => (raw * rate_in).div_ceil(rate_out) + 2,
            Engine::Phases { .. } => raw * rate_in / rate_out + 3,
            Engine::CubicIn { input, .. } => (raw * rate_in / rate_out + 3).next_multiple_of(input.into()),
            Engine::CubicOut { output, .. } => raw.next_multiple_of(output.into()) * rate_in / rate_out + 2,
        };
        u64::try_from(fed).unwrap_or(u64::MAX).saturating_sub(self.prime)
    }
}

/// Frames of the lower rate that the filter spans. The transition band is a fixed share of them: 160
/// frames of the one window, or 320 of its square, are flat to 0.9 of the Nyquist frequency. Below 1 kHz
/// (2 kHz for `Best`) the span stays at 160 ms and the band edge falls; at least 32 frames remain.
fn span(low_hz: u64, quality: Quality) -> u64 {
    let frames = match quality {
        Quality::LowLatency => 80,
        Quality::Balanced => 160,
        Quality::Best => 320,
    };
    frames.min((low_hz * 16 / 100).max(32))
}

fn blocks(rate_in: u64, rate_out: u64, divisor: u64, quality: Quality) -> Option<Engine> {
    let low_hz = rate_in.min(rate_out);
    // 10 ms (best: 20 ms), which chunks tend to be multiples of; longer below 16 kHz.
    let least = rate_in.div_ceil(if quality == Quality::Best { 50 } else { 100 });
    let wanted = least.max((span(low_hz, quality) * rate_in).div_ceil(low_hz));
    let unit = rate_in / divisor;
    let input = wanted.next_multiple_of(unit);
    let output = input / unit * (rate_out / divisor);
    // A unit of more than 20 ms would be felt; a filter per phase, or between phases, is quicker.
    (unit <= rate_in / 50 && input.max(output) <= MAX_BLOCK).then_some(Engine::Blocks { input, output })
}

fn filters(rate_in: u64, rate_out: u64, divisor: u64, quality: Quality) -> Engine {
    let low_hz = rate_in.min(rate_out);
    let phases = rate_out / divisor;
    // Of the lengths within 2.5 %, that whose delay is nearest to a whole output frame. A finer table of
    // the same phases costs little and moves the delay, too.
    let span = span(low_hz, quality) * rate_in;
    let shortest = (span * 975).div_ceil(low_hz * 1000).next_multiple_of(8);
    let longest = (span * 1025 / (low_hz * 1000)).max(shortest);
    let fraction = |&(taps, filters): &(u64, u64)| {
        let frames = ((taps / 2) as f64 - 1.0 / filters as f64) * rate_out as f64 / rate_in as f64;
        (frames - frames.round()).abs()
    };
    let (taps, filters) = (shortest..=longest.min(shortest + 4096))
        .step_by(8)
        .flat_map(|taps| [(taps, phases), (taps, phases * 16_u64.div_ceil(phases))])
        .min_by(|a, b| fraction(a).total_cmp(&fraction(b)))
        .unwrap_or((shortest, phases));
    let taps = taps.min(MAX_TAPS);
    if filters * taps <= MAX_TABLE {
        Engine::Phases { taps, filters }
    } else if rate_in > rate_out {
        Engine::CubicIn { taps, input: (rate_in / 1000).max(1) }
    } else {
        Engine::CubicOut { taps, output: (rate_out / 1000).clamp(1, MAX_OUTPUT) }
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

//! A device's rate becomes a tap's, exactly: the only file that knows the resampling library.

mod plan;
mod quality;
mod run;

use std::fmt;

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, Fft, FixedAsync, FixedSync, SincInterpolationParameters, SincInterpolationType, WindowFunction,
    calculate_cutoff,
};

use crate::{Error, ErrorKind, StreamFormat};
use plan::{Engine, Plan};
pub use quality::Quality;
use run::Run;

/// Output frames that the input frames `start..end` of a timeline become: round(end * r) - round(start * r)
/// with r = out / in, halves up. Neighbouring runs telescope, so the parts of a timeline make up the whole.
///
/// # Panics
/// When `in_hz` is 0, `end` lies before `start`, or the timeline outgrows 2^64 output frames.
pub fn run_frames(start: u64, end: u64, in_hz: u32, out_hz: u32) -> u64 {
    let (rate_in, rate_out) = (u128::from(in_hz), u128::from(out_hz));
    let round = |position: u64| (2 * u128::from(position) * rate_out + rate_in) / (2 * rate_in);
    u64::try_from(round(end) - round(start)).expect("fewer than 2^64 output frames")
}

/// Turns runs of audio at one rate into runs at another.
///
/// Output frame k of a run stands for the input time k * in / out from its start: the head delay is
/// trimmed and [`finish`](Self::finish) flushes the tail. The output is the same, bit for bit, however the
/// input is split. Equal rates pass unchanged. Nothing is allocated after construction.
///
/// Rates whose ratio has no small terms (a device at 44,099 Hz) are interpolated between 64 sub-filters;
/// memory is bounded at any pair of rates, and so is the delay (see [`delay_seconds`](Self::delay_seconds)).
/// Where the input rate exceeds a hundred times the output rate (50 times for `Best`, 200 for
/// `LowLatency`) and blocks do not fit, the filter cannot grow further: it averages 16,384 input frames
/// under a window, and what lies between the output's Nyquist frequency and 4/16384 of the input rate
/// (`Best`: 8/16384) folds.
pub struct Resampler {
    plan: Plan,
    channels: usize,
    /// `None`: equal rates.
    core: Option<Core>,
    /// Interleaved input that does not fill a block yet, in range `0..` one block.
    pending: Vec<f32>,
    /// Silence still to go in before the run's first frame.
    prime: u64,
    run: Run,
}

/// The library's engine with its output buffer, at the precision of the preset.
enum Core {
    Single { inner: Box<dyn rubato::Resampler<f32>>, output: Vec<f32> },
    Double { inner: Box<dyn rubato::Resampler<f64>>, input: Vec<f64>, wide: Vec<f64>, output: Vec<f32> },
}

/// As much silence as is fed at once.
static SILENCE: [f32; 2048] = [0.0; 2048];

impl Resampler {
    /// A resampler from `in_hz` to `out_hz` for frames of `channels` interleaved samples.
    ///
    /// Takes microseconds to some ten milliseconds (long tables of sub-filters), so not in a callback.
    ///
    /// # Errors
    /// `BadArgument` when a rate is outside `1..=768_000` or there is no channel.
    pub fn new(in_hz: u32, out_hz: u32, channels: usize, quality: Quality) -> Result<Self, Error> {
        for rate_hz in [in_hz, out_hz] {
            if !(1..=StreamFormat::MAX_RATE_HZ).contains(&rate_hz) {
                let most = StreamFormat::MAX_RATE_HZ;
                return Err(Error::bad_argument(format!("the rate {rate_hz} Hz is not in 1..={most} Hz")));
            }
        }
        if channels == 0 || channels > SILENCE.len() {
            return Err(Error::bad_argument(format!("cannot resample frames of {channels} channels")));
        }
        let plan = Plan::new(in_hz, out_hz, quality);
        let core = Core::new(&plan, in_hz, out_hz, channels, quality)?;
        let block = core.as_ref().map_or(0, Core::input_frames_max);
        Ok(Self {
            plan,
            channels,
            core,
            pending: Vec::with_capacity(block * channels),
            prime: plan.prime,
            run: Run::new(&plan, channels),
        })
    }

    /// Takes `input`, interleaved, any number of whole frames, and gives what becomes ready to `sink`:
    /// interleaved frames, never an empty slice.
    ///
    /// Never allocates. Whole blocks are read from `input` in place.
    pub fn push(&mut self, input: &[f32], sink: &mut impl FnMut(&[f32])) {
        debug_assert!(input.len().is_multiple_of(self.channels));
        while self.prime > 0 && !input.is_empty() {
            let frames = self.prime.min((SILENCE.len() / self.channels) as u64);
            self.prime -= frames;
            self.feed(&SILENCE[..frames as usize * self.channels], sink);
        }
        self.feed(input, sink);
    }

    fn feed(&mut self, mut input: &[f32], sink: &mut impl FnMut(&[f32])) {
        let Some(core) = &mut self.core else {
            return self.run.give(input, self.channels, sink);
        };
        loop {
            let needed = core.input_frames(input.len() / self.channels, &self.plan) * self.channels;
            if self.pending.is_empty() && needed <= input.len() {
                let (block, rest) = input.split_at(needed);
                input = rest;
                self.run.give(core.process(block, self.channels), self.channels, sink);
            } else {
                let (head, rest) = input.split_at(input.len().min(needed - self.pending.len()));
                self.pending.extend_from_slice(head);
                input = rest;
                if self.pending.len() < needed {
                    return;
                }
                self.run.give(core.process(&self.pending, self.channels), self.channels, sink);
                self.pending.clear();
            }
            // Silence behind the end would still cost its transforms.
            if self.run.is_over() {
                return;
            }
        }
    }

    /// Ends the run: flushes until exactly `total_out` frames have gone to sinks since it began, as
    /// [`run_frames`] counts them for the input that was pushed, and starts the next one afresh.
    ///
    /// More than that is given as the silence that follows; frames already given are not taken back, so
    /// a smaller number ends the run where it is. Never allocates.
    pub fn finish(&mut self, total_out: u64, sink: &mut impl FnMut(&[f32])) {
        self.run.end_at(total_out);
        while !self.run.is_over() {
            let frames = SILENCE.len() / self.channels;
            self.push(&SILENCE[..frames * self.channels], sink);
        }
        self.reset();
    }

    /// Drops what is inside and starts the next run afresh. Never allocates.
    pub fn reset(&mut self) {
        if let Some(core) = &mut self.core {
            core.reset();
        }
        self.pending.clear();
        self.prime = self.plan.prime;
        self.run.restart(&self.plan);
    }

    /// Input frames of a run that must have been pushed for its first `out_frames` to have gone out.
    ///
    /// Sufficient always, and the least for a transform and for steps that are short binary fractions
    /// (48 to 16 kHz); elsewhere one input frame more than the least where an output falls due exactly on
    /// an input frame, and for interpolated rates at most one call (1 ms) more.
    pub fn input_needed(&self, out_frames: u64) -> u64 {
        self.plan.input_needed(out_frames)
    }

    /// The delay of the filter itself, in seconds: how much input must follow a moment before that moment
    /// comes out, apart from the frames that wait for their block to fill.
    ///
    /// At most 20 ms where both rates are 8 kHz or more (30 ms with `Best`); never more than 100 ms, or
    /// 16 frames of a rate below 200 Hz.
    pub fn delay_seconds(&self) -> f64 {
        self.plan.delay_seconds()
    }

    /// How far the output is off its grid, in output frames within `-0.5..=0.5`: frame k stands for the
    /// input time (k + shift) / out. The head can only be trimmed by whole frames; this is the rest.
    pub fn shift_frames(&self) -> f64 {
        self.plan.shift_frames()
    }
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler")
            .field("plan", &self.plan)
            .field("channels", &self.channels)
            .field("pending", &self.pending.len())
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl Core {
    fn new(
        plan: &Plan,
        in_hz: u32,
        out_hz: u32,
        channels: usize,
        quality: Quality,
    ) -> Result<Option<Self>, Error> {
        if plan.engine == Engine::Copy {
            return Ok(None);
        }
        let core = if quality == Quality::Best {
            let inner = build::<f64>(plan, in_hz, out_hz, channels, quality)?;
            let (input, output) = (inner.input_frames_max() * channels, inner.output_frames_max() * channels);
            Self::Double {
                inner,
                input: vec![0.0; input],
                wide: vec![0.0; output],
                output: vec![0.0; output],
            }
        } else {
            let inner = build::<f32>(plan, in_hz, out_hz, channels, quality)?;
            let output = vec![0.0; inner.output_frames_max() * channels];
            Self::Single { inner, output }
        };
        Ok(Some(core))
    }

    fn input_frames_max(&self) -> usize {
        match self {
            Self::Single { inner, .. } => inner.input_frames_max(),
            Self::Double { inner, .. } => inner.input_frames_max(),
        }
    }

    /// Frames that the next call takes, `available` of which are there.
    fn input_frames(&mut self, available: usize, plan: &Plan) -> usize {
        match self {
            Self::Single { inner, .. } => next_frames(inner.as_mut(), available, plan),
            Self::Double { inner, .. } => next_frames(inner.as_mut(), available, plan),
        }
    }

    /// Runs one call over `block`, exactly the frames that `input_frames` asked for.
    fn process(&mut self, block: &[f32], channels: usize) -> &[f32] {
        match self {
            Self::Single { inner, output } => {
                let samples = process(inner.as_mut(), block, output, channels);
                &output[..samples]
            }
            Self::Double { inner, input, wide, output } => {
                let input = &mut input[..block.len()];
                input.iter_mut().zip(block).for_each(|(wide, &sample)| *wide = f64::from(sample));
                let samples = process(inner.as_mut(), input, wide, channels);
                let output = &mut output[..samples];
                output.iter_mut().zip(&*wide).for_each(|(sample, &wide)| *sample = wide as f32);
                output
            }
        }
    }

    fn reset(&mut self) {
        match self {
            Self::Single { inner, .. } => inner.reset(),
            Self::Double { inner, .. } => inner.reset(),
        }
    }
}

fn build<T>(
    plan: &Plan,
    in_hz: u32,
    out_hz: u32,
    channels: usize,
    quality: Quality,
) -> Result<Box<dyn rubato::Resampler<T>>, Error>
where
    T: rubato::Sample + 'static,
{
    // The squared window attenuates further and needs twice the length.
    let window = match quality {
        Quality::LowLatency | Quality::Balanced => WindowFunction::BlackmanHarris,
        Quality::Best => WindowFunction::BlackmanHarris2,
    };
    let ratio = f64::from(out_hz) / f64::from(in_hz);
    // The library's own choice of cutoff takes the length for output frames and lets -21 dB through.
    let sinc = |taps: u64, filters: u64, interpolation| {
        let span = (taps as f64 * ratio.min(1.0)).round().max(1.0) as usize;
        let cutoff = if quality == Quality::LowLatency { 1.0 } else { calculate_cutoff(span, window) };
        SincInterpolationParameters::new(taps as usize, window)
            .f_cutoff(cutoff)
            .interpolation(interpolation)
            .oversampling_factor(filters as usize)
    };
    let cubic = |taps| sinc(taps, plan::CUBIC_FILTERS, SincInterpolationType::Cubic);
    let built: Result<Box<dyn rubato::Resampler<T>>, _> = match plan.engine {
        Engine::Copy => unreachable!("equal rates have no engine"),
        Engine::Blocks { input, .. } => {
            let (rate_in, rate_out) = (in_hz as usize, out_hz as usize);
            Fft::new_custom(rate_in, rate_out, input as usize, 1, channels, window, FixedSync::Both)
                .map(|fft| Box::new(fft) as _)
        }
        Engine::Phases { taps, filters } => {
            let parameters = sinc(taps, filters, SincInterpolationType::Nearest);
            let most = plan.most_input_frames() as usize;
            Async::new_sinc(ratio, 1.0, &parameters, most, channels, FixedAsync::Input)
                .map(|phases| Box::new(phases) as _)
        }
        Engine::CubicIn { taps, input } => {
            Async::new_sinc(ratio, 1.0, &cubic(taps), input as usize, channels, FixedAsync::Input)
                .map(|cubic| Box::new(cubic) as _)
        }
        Engine::CubicOut { taps, output } => {
            Async::new_sinc(ratio, 1.0, &cubic(taps), output as usize, channels, FixedAsync::Output)
                .map(|cubic| Box::new(cubic) as _)
        }
    };
    built.map_err(|error| {
        Error::new(ErrorKind::Internal, format!("cannot resample {in_hz} Hz to {out_hz} Hz: {error}"))
    })
}

fn next_frames<T>(inner: &mut dyn rubato::Resampler<T>, available: usize, plan: &Plan) -> usize
where
    T: rubato::Sample,
{
    if matches!(plan.engine, Engine::Phases { .. }) {
        let frames = available.clamp(1, inner.input_frames_max());
        // Not the size of the call before: `reset` puts it back to the largest.
        if frames != inner.input_frames_next()
            && let Some(resizable) = inner.as_resizable()
        {
            resizable.set_chunk_size(frames).expect("1 to the largest are accepted");
        }
    }
    inner.input_frames_next()
}

fn process<T>(inner: &mut dyn rubato::Resampler<T>, block: &[T], output: &mut [T], channels: usize) -> usize
where
    T: rubato::Sample,
{
    const SIZED: &str = "buffers are sized by the engine";
    let frames = output.len() / channels;
    let block = InterleavedSlice::new(block, channels, block.len() / channels).expect(SIZED);
    let mut output = InterleavedSlice::new_mut(output, channels, frames).expect(SIZED);
    let (_, frames) = inner.process_into_buffer(&block, &mut output, None).expect(SIZED);
    frames * channels
}

//! Devices in virtual time, for the tests: when each block was captured, and what its stamp says.

/// How stamps come about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stamps {
    /// Of the device's: the noise, in microseconds, goes both ways.
    Device { sigma_us: f64 },
    /// Of whoever handed the block over: exponentially late, and a share of blocks late by up to a stall.
    Late { mean_us: f64, stalls: f64, stall_ms: (f64, f64) },
    /// Late by 100 us on average, and cut down to whole milliseconds.
    Cut,
    /// The same, rounded up.
    Up,
    /// Periods of 2,048 frames, handed out in four pieces at once.
    Pieces,
}

impl Stamps {
    pub const CALLBACK: Self = Self::Late { mean_us: 300.0, stalls: 0.01, stall_ms: (2.0, 15.0) };
}

/// One block as the worker sees it, and the truth about it.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    pub position: u64,
    pub stamp_ns: u64,
    /// When its first frame was captured.
    pub true_ns: f64,
}

/// A device of 48 kHz, 53 ppm fast, whose rate wanders by 1 ppm.
#[derive(Debug)]
pub struct Device {
    pub stamps: Stamps,
    pub frames: u32,
    /// Parts per million by which it is fast.
    pub ppm: f64,
    position: u64,
    captured: f64,
    /// When it was captured, or whatever is later: stamps of callbacks do not run backwards.
    last: f64,
    true_ns: f64,
    blocks: u64,
    random: u64,
}

impl Device {
    pub fn new(stamps: Stamps, seed: u64) -> Self {
        let frames = if stamps == Stamps::Pieces { 512 } else { 480 };
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let (position, blocks) = (0, 0);
        Self { stamps, frames, ppm: 53.0, position, captured: 0.0, last: 0.0, true_ns: 7e9, blocks, random }
    }

    /// Loses frames before the next block.
    pub fn lose(&mut self, frames: u64) {
        self.captured += frames as f64;
        self.true_ns += self.period_ns(frames as f64);
    }

    /// What the rate is now, relative to the nominal one, in parts per million.
    pub fn true_ppm(&self) -> f64 {
        self.ppm + (self.captured / 48_000.0 / 300.0 * std::f64::consts::TAU).sin()
    }

    pub fn next(&mut self) -> Block {
        let (position, true_ns, frames) = (self.position, self.true_ns, self.frames);
        let stamp = match self.stamps {
            Stamps::Device { sigma_us } => true_ns + sigma_us * 1e3 * self.normal(),
            Stamps::Late { mean_us, stalls, stall_ms: (least, most) } => {
                let stall =
                    if self.uniform() < stalls { least + (most - least) * self.uniform() } else { 0.0 };
                true_ns + mean_us * 1e3 * self.exponential() + stall * 1e6
            }
            Stamps::Cut => ((true_ns + 100e3 * self.exponential()) / 1e6).floor() * 1e6,
            Stamps::Up => ((true_ns + 100e3 * self.exponential()) / 1e6).ceil() * 1e6,
            Stamps::Pieces => {
                // Captured when the first of four was, and all four are handed out at its end.
                let behind = (3 - self.blocks % 4) as f64 * self.period_ns(f64::from(frames));
                let due = true_ns + behind;
                if self.blocks.is_multiple_of(4) {
                    due + 50e3 * self.exponential()
                } else {
                    self.last.max(due)
                }
            }
        };
        let stamp = if matches!(self.stamps, Stamps::Device { .. }) { stamp } else { stamp.max(self.last) };
        self.last = stamp;
        self.blocks += 1;
        self.position += u64::from(frames);
        self.captured += f64::from(frames);
        self.true_ns += self.period_ns(f64::from(frames));
        Block { position, stamp_ns: stamp as u64, true_ns }
    }

    fn period_ns(&self, frames: f64) -> f64 {
        frames / 48_000.0 * 1e9 / (1.0 + self.true_ppm() * 1e-6)
    }

    /// xorshift, in `0.0..1.0`.
    pub fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().max(1e-300).ln()
    }

    fn normal(&mut self) -> f64 {
        (2.0 * self.exponential()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// The value that a share of the others do not exceed.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}

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

/// One callback of somebody who listens to an audio server.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// When it came, in nanoseconds.
    pub at_ns: f64,
    pub frames: u32,
    pub stamp_ns: f64,
}

/// What a server says about when frames were captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
    /// The time of the callback, less so many milliseconds.
    Callback { less_ms: f64 },
    /// The true time, but for what a real one strayed by (ALSA's plug-in for PulseAudio); a loss is hidden again, evenly,
    /// within so many seconds.
    Smoothed { hides_s: f64 },
    /// What JACK's loop makes of when it woke, less a period: it misses a pause at first, and then it swings beyond it, into
    /// a time that has not come yet.
    Loop,
}

/// Something that happens to a server or its source.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// When, in seconds.
    pub at_s: f64,
    /// Nothing comes for so long.
    pub away_s: f64,
    /// So much of it comes then, all at once; the rest is gone.
    pub kept_s: f64,
}

/// A server whose threads are woken late, one after the other, for as long as other programs want the processor: it falls
/// behind, keeps what it has not handed on yet, and hands it all on when they leave.
#[derive(Clone, Copy, Debug)]
pub struct Starved {
    /// From when on, and until when, in seconds.
    pub from_s: f64,
    pub to_s: f64,
    /// About so much it is behind then.
    pub behind_s: f64,
}

fn straying(block: &str) -> f64 {
    block.split(',').nth(1).and_then(|us| us.parse().ok()).expect("three numbers")
}

/// An audio server with a source of 48 kHz, which hands out each of its periods in pieces at once.
#[derive(Debug)]
pub struct Server {
    pub told: Told,
    /// Frames of a callback, and how many of them make a period. Of each period so many are kept, from `losing_from` on.
    pub frames: u32,
    pub pieces: u32,
    pub kept: u32,
    pub losing_from: f64,
    pub ppm: f64,
    /// Frames per second of the source, whatever it says.
    pub rate: f64,
    /// How late a period comes on average, in milliseconds.
    pub late_ms: f64,
    pub troubles: Vec<Trouble>,
    pub starved: Option<Starved>,
    /// The stream begins with so many seconds at once, and then it waits until the source has come so far.
    pub head_start_s: f64,
    next: u64,
    last_at: f64,
    pending: std::collections::VecDeque<Call>,
    /// What was lost: before which frame that came, how many frames, and when.
    pub missing: Vec<(u64, u64, f64)>,
    delivered: u64,
    /// The loop's next wake-up and period, in nanoseconds.
    wakes: Option<(f64, f64)>,
    straying: Vec<f64>,
    random: Device,
}

/// Blocks of the real server's that were its start.
const STARTED: usize = 100;

impl Server {
    pub fn new(told: Told, frames: u32, pieces: u32, seed: u64) -> Self {
        Self {
            told,
            frames,
            pieces,
            kept: pieces,
            losing_from: 0.0,
            ppm: 20.0,
            rate: 48_000.0,
            late_ms: 0.2,
            troubles: Vec::new(),
            starved: None,
            head_start_s: 0.0,
            next: 0,
            last_at: 0.0,
            pending: std::collections::VecDeque::new(),
            missing: Vec::new(),
            delivered: 0,
            wakes: None,
            straying: include_str!("timing/alsa-on-pulse.txt").split_whitespace().map(straying).collect(),
            random: Device::new(Stamps::CALLBACK, seed),
        }
    }

    /// When a frame was captured.
    pub fn time_ns(&self, frame: f64) -> f64 {
        1e9 + frame / (self.rate * (1.0 + self.ppm * 1e-6)) * 1e9
    }

    fn lose(&mut self, frames: u64, at_ns: f64) {
        match self.missing.last_mut() {
            Some((before, lost, _)) if *before == self.delivered => *lost += frames,
            _ => self.missing.push((self.delivered, frames, at_ns)),
        }
        self.next += frames;
    }

    fn call(&mut self, at_ns: f64) {
        let (first, frames) = (self.next, self.frames);
        let seconds = at_ns * 1e-9;
        let captured = self.time_ns(first as f64);
        let stamp_ns = match self.told {
            Told::Callback { less_ms } => at_ns - less_ms * 1e6,
            Told::Loop => {
                let nominal_ns = f64::from(frames) / self.rate * 1e9;
                let (next, period) = self.wakes.unwrap_or((at_ns, nominal_ns));
                // As jackd has it: `JackTimer::IncFrameTime`.
                let omega = nominal_ns * 7.854e-10;
                let off = (at_ns - next) * omega;
                let period = period + omega * off;
                self.wakes = Some((next + period + 1.41 * off, period));
                next - nominal_ns
            }
            Told::Smoothed { hides_s } => {
                // Of each 1,024 frames, behind the start; forwards and backwards by turns.
                let straying = &self.straying[STARTED..];
                let at = (seconds * 48_000.0 / 1024.0) as usize % (2 * straying.len());
                let strays = straying[at.min(2 * straying.len() - 1 - at)] - straying[0];
                let hidden = self.missing.iter().map(|(_, frames, at)| {
                    let share = if hides_s > 0.0 { (at_ns - at) * 1e-9 / hides_s } else { 1.0 };
                    *frames as f64 / self.rate * 1e9 * share.clamp(0.0, 1.0)
                });
                (captured + strays * 1e3 - hidden.sum::<f64>()).min(at_ns)
            }
        };
        self.pending.push_back(Call { at_ns, frames, stamp_ns });
        self.next += u64::from(frames);
        self.delivered += u64::from(frames);
    }

    /// When a period comes that is due then, while there is no time for it.
    fn starving(&mut self, due_ns: f64) -> Option<f64> {
        let Starved { from_s, to_s, behind_s } = self.starved?;
        let begun = self.last_at.max(due_ns);
        if due_ns < from_s * 1e9 {
            return None;
        }
        if begun >= to_s * 1e9 {
            // As fast as somebody takes it.
            return (self.last_at > due_ns).then_some(self.last_at + 50e3);
        }
        let period_ns = f64::from(self.frames * self.pieces) / self.rate * 1e9;
        let slower = if begun - due_ns < behind_s * 1e9 { 1.5 } else { 1.0 };
        Some(begun + slower * period_ns * self.random.exponential())
    }

    pub fn next(&mut self) -> Call {
        while self.pending.is_empty() {
            let period = u64::from(self.frames * self.pieces);
            if self.delivered == 0 && self.head_start_s > 0.0 {
                let calls = (self.head_start_s * self.rate / f64::from(self.frames)).ceil() as u64;
                (0..calls).for_each(|_| self.call(1.001e9));
                continue;
            }
            let late = self.late_ms * 1e6 * self.random.exponential();
            let due = self.time_ns((self.next + period) as f64);
            if self.troubles.first().is_some_and(|trouble| trouble.at_s * 1e9 <= due) {
                let Trouble { away_s, kept_s, at_s } = self.troubles.remove(0);
                let back = at_s * 1e9 + away_s * 1e9;
                let passed = (away_s * self.rate) as u64;
                let kept = ((kept_s * self.rate) as u64).min(passed) / u64::from(self.frames);
                // One behind the other, as fast as somebody takes them.
                (0..kept).for_each(|call| self.call(back + call as f64 * 50e3));
                if kept_s < away_s {
                    self.lose(passed - kept * u64::from(self.frames), back);
                }
                self.last_at = back + kept as f64 * 50e3;
                continue;
            }
            let at = self.starving(due).unwrap_or_else(|| (due + late).max(self.last_at));
            self.last_at = at;
            let is_losing = at * 1e-9 >= self.losing_from;
            let kept = if is_losing { self.kept } else { self.pieces };
            (0..kept).for_each(|_| self.call(at));
            let lost = u64::from((self.pieces - kept) * self.frames);
            if lost > 0 {
                self.lose(lost, at);
            }
        }
        self.pending.pop_front().expect("some")
    }
}

//! Draws a life from a seed.

use crate::life::{Act, Call, Gaps, Life, Microphone, Mishap, Reader, Setup, Step, TakeSpec, TapSpec};

/// SplitMix64: the same at every run.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// The life of a seed.
pub fn draw(seed: u64) -> Life {
    Draw { random: Random(seed), mics: 0, takes: 0, taps: 0, history_ms: 0, rate_hz: 0 }.life(seed)
}

struct Draw {
    random: Random,
    mics: usize,
    takes: usize,
    taps: usize,
    history_ms: u64,
    rate_hz: u32,
}

impl Draw {
    fn life(mut self, seed: u64) -> Life {
        self.mics = self.random.of(&[1, 1, 2, 2, 2, 3]);
        self.rate_hz = self.random.of(&[8_000, 8_000, 8_000, 16_000, 16_000, 44_100]);
        self.history_ms = self.random.of(&[0, 0, 500, 1_000, 3_000, 10_000]);
        let mics: Vec<_> = (0..self.mics).map(|_| self.microphone()).collect();
        let capture = self.setup();
        let mut steps = Vec::new();
        for _ in 0..self.random.of(&[0, 1, 1, 2, 3]) {
            let tap = self.tap();
            steps.push(Step { wait_ms: 0, act: Act::Tap(tap) });
        }
        // What comes before the start may go wrong, too.
        for _ in 0..self.random.of(&[0, 0, 0, 1, 2]) {
            steps.push(self.step());
        }
        if !self.random.one_in(4) {
            let wait_ms = self.wait();
            steps.push(Step { wait_ms, act: Act::Call(Call::Start) });
        }
        for _ in 0..self.random.within(2, 18) {
            steps.push(self.step());
        }
        if self.random.one_in(3) {
            steps.push(Step { wait_ms: self.random.within(5_000, 45_000), act: Act::Listen });
        }
        Life { seed, capture, mics, steps }
    }

    fn microphone(&mut self) -> Microphone {
        let rate_hz = if self.random.one_in(12) { 22_050 } else { self.rate_hz };
        let ordinary = rate_hz / 100;
        let period = match self.random.below(20) {
            // More callbacks a second than 8,000 take the machine's time and show nothing else.
            0 if rate_hz == 8_000 => self.random.of(&[1, 3, 16]),
            1 => self.random.of(&[4_096, 8_192, 32_768]),
            2..=5 => self.random.of(&[128, 256, 480, 1_024]),
            6..=8 => ordinary * 2,
            _ => ordinary,
        };
        Microphone {
            rate_hz,
            channels: self.random.of(&[1, 1, 2]),
            period,
            late_stamps: self.random.one_in(3),
        }
    }

    fn setup(&mut self) -> Setup {
        let random = &mut self.random;
        Setup {
            input: if random.one_in(2) { None } else { Some(random.below(self.mics as u64) as usize) },
            history_ms: self.history_ms,
            idle_ms: random.of(&[0, 0, 500, 3_000, 20_000]),
            pool_ms: random.of(&[2_000, 2_000, 2_000, 500, 100]),
            length_ms: if random.one_in(6) { Some(random.within(0, 20_000)) } else { None },
            give_up_ms: random.of(&[0, 1_000, 3_000, 5_000, 30_000]),
            stall_ms: random.of(&[None, None, None, Some(300), Some(700), Some(5_000)]),
            fall_back: !random.one_in(3),
            watch: random.one_in(4),
        }
    }

    fn wait(&mut self) -> u64 {
        match self.random.below(10) {
            0..=1 => 0,
            2..=3 => self.random.within(1, 60),
            4..=6 => self.random.within(60, 1_000),
            7..=8 => self.random.within(1_000, 4_000),
            _ => self.random.within(4_000, 15_000),
        }
    }

    fn step(&mut self) -> Step {
        let wait_ms = self.wait();
        Step { wait_ms, act: self.act() }
    }

    fn act(&mut self) -> Act {
        let mic = self.random.below(self.mics as u64) as usize;
        match self.random.below(100) {
            0..=33 => Act::Mic(mic, self.mishap()),
            34..=43 => {
                let id = self.takes;
                self.takes += 1;
                let pre_ms = if self.random.one_in(2) { self.random.below(self.history_ms + 1) } else { 0 };
                let pre_ms = if self.random.one_in(30) { self.history_ms + 1 } else { pre_ms };
                let post_ms = self.random.of(&[0, 0, 200, 1_000, 5_000]);
                let calls = self.random.one_in(10).then(|| (self.random.below(40) as usize, self.call()));
                Act::Take(TakeSpec { id, pre_ms, post_ms, calls })
            }
            44..=65 if self.takes > 0 => {
                let id = self.random.below(self.takes as u64) as usize;
                match self.random.below(16) {
                    0..=6 => Act::Finish(id),
                    7..=8 => Act::End(id),
                    9 => Act::Cancel(id),
                    10..=11 => Act::Pause(id),
                    12..=14 => Act::Resume(id),
                    _ => Act::DropTake(id),
                }
            }
            66..=72 => Act::Tap(self.tap()),
            73..=75 if self.taps > 0 => Act::DropTap(self.random.below(self.taps as u64) as usize),
            76 => Act::Listen,
            77 if self.random.one_in(2) => Act::DropCapture,
            84 if self.random.one_in(2) => {
                let ms = self.random.of(&[100, 1_000, 3_000, 9_000, 20_000]);
                Act::Freeze { ms, kept_ms: self.random.of(&[0, 200, 2_000, 12_000, 60_000]) }
            }
            78..=83 => Act::Hold(
                self.random
                    .of(&["hearken-worker", "hearken-worker", "hearken-device", "hearken-", ""])
                    .to_owned(),
                match self.random.below(4) {
                    0 => self.random.within(1, 50),
                    1 => self.random.within(50, 1_000),
                    2 => self.random.within(1_000, 5_000),
                    _ => self.random.within(5_000, 20_000),
                },
            ),
            _ => Act::Call(self.call()),
        }
    }

    fn call(&mut self) -> Call {
        let mic = self.random.below(self.mics as u64) as usize;
        match self.random.below(18) {
            0 => Call::Start,
            1 => Call::Stop,
            2..=3 => Call::WaitTimeout(self.random.of(&[0, 100, 3_000])),
            4 => Call::BriefTake,
            5..=8 => Call::Mute(self.random.one_in(2)),
            9..=10 => Call::Suspend,
            11..=13 => Call::Resume,
            14..=15 => Call::Switch(mic),
            _ => Call::Look,
        }
    }

    fn tap(&mut self) -> TapSpec {
        let id = self.taps;
        self.taps += 1;
        let random = &mut self.random;
        let rate_hz = if random.one_in(5) { Some(random.of(&[16_000, 24_000, 8_000])) } else { None };
        let reader = match random.below(10) {
            0..=4 => Reader::Eager,
            5 => Reader::Lazy,
            6..=8 => Reader::Closure,
            _ => Reader::Calling(random.below(60) as usize, self.call()),
        };
        let random = &mut self.random;
        TapSpec {
            id,
            rate_hz,
            chunk_ms: random.of(&[10, 20, 100, 160, 160, 500]),
            gaps: random.of(&[Gaps::Fill, Gaps::Split, Gaps::Mark]),
            hold_back_ms: random.of(&[0, 0, 0, 250, 2_500]),
            reader,
        }
    }

    fn mishap(&mut self) -> Mishap {
        let random = &mut self.random;
        match random.below(29) {
            0..=3 => Mishap::Late(random.of(&[20, 100, 400, 1_500])),
            4..=6 => {
                let frames = random.of(&[1, 100, 1_000, 8_000, 40_000]);
                Mishap::Lose { frames, reported: random.one_in(2) }
            }
            7 => Mishap::Repeat,
            8..=9 => Mishap::Size(random.of(&[0, 1, 777, 5_000, 20_000])),
            10..=13 => Mishap::Dies,
            14 => Mishap::Errors(random.of(&[1, 10, 3_000])),
            15..=17 => Mishap::Unplug { reported: random.one_in(2) },
            18..=21 => Mishap::PlugIn,
            22 => Mishap::FailToOpen(random.of(&[1, 2, 5, 50])),
            23..=24 => Mishap::SlowToPlay(random.of(&[0, 100, 1_500, 12_000, 60_000])),
            25 => Mishap::SlowToDrop(random.of(&[0, 100, 300, 5_000])),
            26 => Mishap::Lingers,
            27 => Mishap::MakeDefault,
            _ => Mishap::Period(random.of(&[10, 80, 160, 1_024])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_life_and_its_text_is_the_same_life() {
        for seed in 0..500 {
            let life = draw(seed);
            assert_eq!(draw(seed), life);
            assert_eq!(Life::parse(&life.to_string()), Ok(life.clone()));
            assert_eq!(Life::parse(&life.line()), Ok(life));
        }
    }
}

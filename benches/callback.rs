//! What the data callback costs, beside a copy of the same bytes: in nanoseconds, and in exact instructions.
//!
//! `cargo bench --bench callback` prints times. `cargo xtask bench instructions` runs this program under callgrind, which counts
//! the instructions of `call_under_test` alone, and gates on them.

#[cfg(not(loom))]
mod bench {
    use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, StreamInstant};
    use hearken::epoch::{Epoch, epoch};
    use hearken::{SampleFormat, StreamFormat, data_closure};
    use std::hint::black_box;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    type Callback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;

    const RATE_HZ: u32 = 48_000;
    const POOL: Duration = Duration::from_millis(500);

    /// The only function whose instructions are counted: one call, by way of a trait object as in cpal.
    #[inline(never)]
    fn call_under_test(callback: &mut Callback, data: &Data, info: &InputCallbackInfo) {
        callback(data, info);
    }

    struct Case {
        format: StreamFormat,
        frames: usize,
        bytes: Vec<u8>,
    }

    impl Case {
        fn new(sample: SampleFormat, channels: u16, frames: usize) -> Self {
            let format = StreamFormat { rate_hz: RATE_HZ, channels, sample };
            Self { format, frames, bytes: vec![7; frames * format.frame_bytes()] }
        }

        #[allow(unsafe_code)]
        fn data(&mut self) -> Data {
            let sample = match self.format.sample {
                SampleFormat::I16 => cpal::SampleFormat::I16,
                SampleFormat::I24 => cpal::SampleFormat::I24,
                SampleFormat::I32 => cpal::SampleFormat::I32,
                _ => cpal::SampleFormat::F32,
            };
            let samples = self.frames * usize::from(self.format.channels);
            // SAFETY: pointer and length are those of `bytes`, which outlives the data; a Vec of this size is aligned
            // for any sample.
            unsafe { Data::from_parts(self.bytes.as_mut_ptr().cast(), samples, sample) }
        }

        /// The engine's own callback and the epoch behind it.
        fn engine(&self) -> (Callback, Epoch) {
            let (inlet, epoch) = epoch(self.format, POOL, Arc::default());
            (Box::new(data_closure(inlet.data)), epoch)
        }

        /// A copy of the same bytes into the same place each time, and nothing else.
        fn copy(&self) -> Callback {
            let size = self.bytes.len();
            let mut area = vec![1_u8; size];
            Box::new(move |data: &Data, _: &InputCallbackInfo| area.copy_from_slice(data.bytes()))
        }
    }

    fn info() -> InputCallbackInfo {
        let capture = StreamInstant::from_nanos(123_456_789);
        InputCallbackInfo::new(InputStreamTimestamp { callback: capture, capture })
    }

    /// Takes and returns all blocks; asks for a hand-over at the next callback, as a worker that wants each would.
    fn drain(epoch: &mut Epoch) -> u64 {
        let mut sum = 0;
        while let Some(block) = epoch.pop() {
            sum += epoch.bytes(&block).iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
            epoch.controls.want(block.header().captured + 1);
            epoch.give_back(block);
        }
        sum
    }

    /// `callback --instructions engine|copy SAMPLE CHANNELS FRAMES CALLS`
    pub fn instructions(arguments: &[String]) {
        let [kind, sample, channels, frames, calls] = arguments else {
            panic!("five arguments: engine|copy SAMPLE CHANNELS FRAMES CALLS")
        };
        let parse = |text: &String| text.parse::<usize>().expect("a number");
        let mut case = Case::new(sample.parse().expect("a format"), parse(channels) as u16, parse(frames));
        let (mut callback, mut epoch) = match kind.as_str() {
            "engine" => {
                let (callback, epoch) = case.engine();
                (callback, Some(epoch))
            }
            _ => (case.copy(), None),
        };
        let (data, info) = (case.data(), info());
        for _ in 0..parse(calls) {
            call_under_test(&mut callback, &data, &info);
            if let Some(epoch) = &mut epoch {
                black_box(drain(epoch));
            }
        }
    }

    /// Times of single calls in nanoseconds, sorted.
    struct Times(Vec<u64>);

    impl Times {
        fn of(calls: usize, mut call: impl FnMut()) -> Self {
            let mut times: Vec<u64> = (0..calls)
                .map(|_| {
                    let start = Instant::now();
                    call();
                    start.elapsed().as_nanos() as u64
                })
                .collect();
            times.sort_unstable();
            Self(times)
        }

        fn at(&self, quantile: f64) -> u64 {
            self.0[((self.0.len() - 1) as f64 * quantile) as usize]
        }

        fn row(&self) -> String {
            let [min, median, p99, p999, max] =
                [0.0, 0.5, 0.99, 0.999, 1.0].map(|quantile| self.at(quantile));
            format!("{min:>7} {median:>7} {p99:>7} {p999:>7} {max:>8}")
        }
    }

    /// Runs `consume` on another core until the callback's calls are over.
    fn beside<R>(mut consume: impl FnMut() -> u64 + Send, work: impl FnOnce() -> R) -> R {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    black_box(consume());
                    thread::sleep(Duration::from_micros(20));
                }
            });
            let result = work();
            over.store(true, Ordering::Relaxed);
            result
        })
    }

    pub fn times() {
        const CALLS: usize = 20_000;
        println!(
            "ns per callback, {CALLS} calls each; absolute times drift on shared machines: compare rows of one block"
        );
        println!("{:<34} {:>7} {:>7} {:>7} {:>7} {:>8}", "", "min", "median", "p99", "p99.9", "max");
        let clock = Times::of(CALLS, || ());
        println!("{:<34} {}", "(the clock alone)", clock.row());
        for sample in [SampleFormat::F32, SampleFormat::I16, SampleFormat::I24, SampleFormat::I32] {
            for channels in [1, 2, 8] {
                for frames in [64, 480, 1024, 4096] {
                    let mut case = Case::new(sample, channels, frames);
                    let name = format!("{sample} {channels} ch {frames:>4}");
                    let (data, info) = (case.data(), info());
                    let mut copy = case.copy();
                    let private = Times::of(CALLS, || call_under_test(&mut copy, &data, &info));
                    println!("{name:<18} copy, private  {}", private.row());
                    let (mut callback, mut epoch) = case.engine();
                    let mut since = 0;
                    let local = Times::of(CALLS, || {
                        call_under_test(&mut callback, &data, &info);
                        since += frames;
                        if since > RATE_HZ as usize / 4 {
                            since = 0;
                            drain(&mut epoch);
                        }
                    });
                    println!("{name:<18} engine, local  {}", local.row());
                    let (mut callback, mut epoch) = case.engine();
                    let pace = Duration::from_nanos(frames as u64 * 100);
                    let cross = beside(
                        || drain(&mut epoch),
                        || {
                            Times::of(CALLS, || {
                                call_under_test(&mut callback, &data, &info);
                                let until = Instant::now() + pace;
                                while Instant::now() < until {
                                    std::hint::spin_loop();
                                }
                            })
                        },
                    );
                    let _ = cross;
                }
            }
        }
    }
}

fn main() {
    #[cfg(not(loom))]
    {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        match arguments.first().map(String::as_str) {
            Some("--instructions") => bench::instructions(&arguments[1..]),
            _ => bench::times(),
        }
    }
}

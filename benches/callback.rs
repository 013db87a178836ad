//! What the data callback costs, beside a copy of the same bytes: in nanoseconds, and in exact instructions.
//!
//! `cargo bench --bench callback` prints times. `cargo xtask instructions` runs this program under callgrind, which
//! counts the instructions of `call_under_test` alone, and gates on them.

#[cfg(not(loom))]
mod bench {
    use cpal::{Data, InputCallbackInfo, InputStreamTimestamp, StreamInstant};
    use hearken::epoch::{Epoch, epoch};
    use hearken::{SampleFormat, StreamFormat, data_closure};
    use std::hint::{self, black_box};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::*, fence};
    use std::thread;
    use std::time::{Duration, Instant};

    type Callback = Box<dyn FnMut(&Data, &InputCallbackInfo) + Send>;

    const RATE_HZ: u32 = 48_000;
    const POOL: Duration = Duration::from_millis(500);
    const LOCAL_CALLS: usize = 20_000;
    const CROSS_CALLS: usize = 2_000;

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
    /// Tells `read` the position after each.
    fn drain(epoch: &mut Epoch, read: impl Fn(u64)) -> u64 {
        let mut sum = 0;
        while let Some(block) = epoch.pop() {
            let header = *block.header();
            let bytes = &epoch.bytes(&block)[..header.frames as usize * epoch.format.frame_bytes()];
            sum += bytes.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>();
            epoch.controls.want(header.captured + 1);
            epoch.give_back(block);
            read(header.captured);
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
                black_box(drain(epoch, |_| ()));
            }
        }
    }

    /// Times of single calls in nanoseconds, sorted.
    struct Times(Vec<u64>);

    impl Times {
        fn new(mut times: Vec<u64>) -> Self {
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

    /// Buffers that go round like the pool's blocks: written by one core, then read by another.
    struct Ring {
        buffers: Box<[Box<[AtomicU8]>]>,
        /// Buffers written so far.
        written: AtomicU64,
    }

    impl Ring {
        /// As many bytes as the engine's pool has, in buffers of one callback.
        fn new(bytes: usize, pool_bytes: usize) -> Self {
            let buffer = || (0..bytes).map(|_| AtomicU8::new(1)).collect();
            let buffers = (0..(pool_bytes / bytes).max(2)).map(|_| buffer()).collect();
            Self { buffers, written: AtomicU64::new(0) }
        }

        fn buffer(&self, number: u64) -> &[AtomicU8] {
            &self.buffers[number as usize % self.buffers.len()]
        }

        /// A callback that copies into the next buffer, and nothing else.
        fn copy(self: &Arc<Self>) -> Callback {
            let ring = self.clone();
            let mut number = 0;
            Box::new(move |data, _| {
                copy_out(ring.buffer(number), data.bytes());
                number += 1;
                ring.written.store(number, Release);
            })
        }
    }

    /// Copies like `copy_from_slice`, into memory that another core reads at other times.
    #[allow(unsafe_code)]
    fn copy_out(to: &[AtomicU8], from: &[u8]) {
        assert_eq!(to.len(), from.len());
        // SAFETY: both are as long; an atomic has a byte's layout and may be written behind a shared reference; the
        // reader waits for `written`, and the writer comes round only after the reader has read.
        unsafe {
            std::ptr::copy_nonoverlapping(from.as_ptr(), to.as_ptr().cast::<u8>().cast_mut(), from.len())
        }
    }

    /// What the consumer has read: the writer's callbacks wait for it, so that each writes where the other core was.
    #[derive(Default)]
    struct Progress {
        /// Frames of the engine's.
        frames: AtomicU64,
        /// Buffers of the ring's.
        buffers: AtomicU64,
        over: AtomicBool,
    }

    /// The consumer: reads every line of what the engine and the ring hand over, on a thread of its own.
    fn consume(epoch: &mut Epoch, ring: &Ring, progress: &Progress) {
        while !progress.over.load(Relaxed) {
            black_box(drain(epoch, |captured| progress.frames.store(captured, Release)));
            let next = progress.buffers.load(Relaxed);
            if next < ring.written.load(Acquire) {
                let lines = ring.buffer(next).iter().step_by(64);
                black_box(lines.map(|byte| u64::from(byte.load(Relaxed))).sum::<u64>());
                progress.buffers.store(next + 1, Release);
            }
            // A worker looks now and then; one that spins would have the control words' lines all the time.
            let since = Instant::now();
            while since.elapsed() < Duration::from_micros(5) {
                hint::spin_loop();
            }
        }
    }

    /// Keeps this thread on the `index`th of the process's cores, where the system lets it.
    #[cfg(target_os = "linux")]
    fn keep_to_core(index: usize) {
        use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
        use nix::unistd::Pid;
        let this = Pid::from_raw(0);
        if let Ok(allowed) = sched_getaffinity(this) {
            let core = (0..CpuSet::count()).filter(|core| allowed.is_set(*core) == Ok(true)).nth(index);
            let mut only = CpuSet::new();
            if let Some(core) = core
                && only.set(core).is_ok()
            {
                let _ = sched_setaffinity(this, &only);
            }
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn keep_to_core(_: usize) {}

    /// Waits until `done` has reached `count`, but not for a consumer that was preempted.
    fn wait_for(done: &AtomicU64, count: u64) {
        let since = Instant::now();
        while done.load(Acquire) < count && since.elapsed() < Duration::from_micros(500) {
            hint::spin_loop();
        }
    }

    /// One timed call in nanoseconds.
    fn timed(callback: &mut Callback, data: &Data, info: &InputCallbackInfo) -> u64 {
        let start = Instant::now();
        call_under_test(callback, data, info);
        start.elapsed().as_nanos() as u64
    }

    /// The same until the stores have left the core: before that, the other core's lines cost nothing yet.
    fn timed_out(callback: &mut Callback, data: &Data, info: &InputCallbackInfo) -> u64 {
        let start = Instant::now();
        call_under_test(callback, data, info);
        fence(SeqCst);
        start.elapsed().as_nanos() as u64
    }

    /// A copy into lines that another core has read, and the engine likewise, in turn.
    fn cross_core(case: &mut Case, calls: usize) -> (Times, Times) {
        let (mut engine, mut epoch) = case.engine();
        let pool_bytes = epoch.pool_frames as usize * case.format.frame_bytes();
        let ring = Arc::new(Ring::new(case.bytes.len(), pool_bytes));
        let mut copy = ring.copy();
        let progress = Progress::default();
        let frames = case.frames as u64;
        // The first lap of either meets memory that no core has read yet.
        let laps = pool_bytes / case.bytes.len() + 1;
        let (mut copies, mut engines) = (Vec::with_capacity(calls + laps), Vec::with_capacity(calls + laps));
        thread::scope(|scope| {
            scope.spawn(|| {
                keep_to_core(1);
                consume(&mut epoch, &ring, &progress);
            });
            scope.spawn(|| {
                keep_to_core(0);
                let (data, info) = (case.data(), info());
                for call in 1..=(calls + laps) as u64 {
                    copies.push(timed_out(&mut copy, &data, &info));
                    wait_for(&progress.buffers, call);
                    engines.push(timed_out(&mut engine, &data, &info));
                    wait_for(&progress.frames, call * frames);
                }
                progress.over.store(true, Relaxed);
            });
        });
        (Times::new(copies.split_off(laps)), Times::new(engines.split_off(laps)))
    }

    /// The engine on one core, drained between the calls.
    fn local(case: &mut Case, calls: usize) -> Times {
        let (mut callback, mut epoch) = case.engine();
        let (data, info, frames) = (case.data(), info(), case.frames);
        let mut since = 0;
        let times = (0..calls).map(|_| {
            since += frames;
            if since > RATE_HZ as usize / 4 {
                since = 0;
                drain(&mut epoch, |_| ());
            }
            timed(&mut callback, &data, &info)
        });
        Times::new(times.collect())
    }

    pub fn times() {
        println!("ns per callback, {LOCAL_CALLS} calls on one core, {CROSS_CALLS} where another core reads.");
        println!("Absolute times drift on shared machines: compare the rows of one block.");
        println!("{:<34} {:>7} {:>7} {:>7} {:>7} {:>8}", "", "min", "median", "p99", "p99.9", "max");
        let clock = (0..LOCAL_CALLS).map(|_| Instant::now().elapsed().as_nanos() as u64);
        println!("{:<34} {}", "(the clock alone)", Times::new(clock.collect()).row());
        let mut ratios = Vec::new();
        for sample in [SampleFormat::F32, SampleFormat::I16, SampleFormat::I24, SampleFormat::I32] {
            for channels in [1, 2, 8] {
                for frames in [64, 480, 1024, 4096] {
                    let mut case = Case::new(sample, channels, frames);
                    let mut copy = case.copy();
                    let (data, info) = (case.data(), info());
                    let private = (0..LOCAL_CALLS).map(|_| timed(&mut copy, &data, &info));
                    let private = Times::new(private.collect());
                    let local = local(&mut case, LOCAL_CALLS);
                    let (copied, captured) = cross_core(&mut case, CROSS_CALLS);
                    let name = format!("{sample} {channels} ch {frames:>4}");
                    println!("{name:<14} copy, private      {}", private.row());
                    println!("{name:<14} engine, one core   {}", local.row());
                    println!("{name:<14} copy, cross-core   {}", copied.row());
                    println!("{name:<14} engine, cross-core {}", captured.row());
                    ratios.push((name, captured.at(0.5) as f64 / copied.at(0.5) as f64));
                }
            }
        }
        println!("cross-core, median of the engine over median of the copy:");
        for (name, ratio) in ratios {
            println!("{name:<14} x{ratio:.2}");
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

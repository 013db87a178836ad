//! One cell: so many captures in this process, paced, measured.

use crate::support::{Mic, be_real_time, random};
use hearken::epoch::epoch;
use hearken::signal::resample::Resampler;
use hearken::testkit::pattern;
use hearken::{Capture, Config, Input, Quality, Recovery, SampleFormat, StreamFormat, Tap};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

const FORMAT: StreamFormat = StreamFormat { rate_hz: 48_000, channels: 2, sample: SampleFormat::F32 };
const PERIOD_FRAMES: usize = 480;
const CHUNK_FRAMES: u64 = 2_560;
pub const POOL: Duration = Duration::from_secs(2);
/// For the rhythms to be learned.
const WARM: Duration = Duration::from_millis(1_500);
pub const WINDOW: Duration = Duration::from_secs(5);
/// A pacing thread sleeps no shorter than this, as hundreds of device threads would coincide.
const GRAIN: Duration = Duration::from_micros(100);

/// A microphone with a clock of its own.
struct Device {
    mic: Mic,
    bytes: Vec<u8>,
    start_ns: f64,
    period_ns: f64,
    callbacks: u64,
    state: u64,
    /// When the callback returned that completed chunk 0, 1, ...; ns since the origin.
    handed: Vec<u64>,
}

impl Device {
    fn new(number: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1);
        // The first numbers of neighbours are alike.
        for _ in 0..8 {
            random(&mut state);
        }
        let start_ns = 160e6 * random(&mut state);
        let ppm = 200.0 * random(&mut state) - 100.0;
        Self {
            mic: Mic::new(FORMAT.rate_hz, FORMAT.channels, FORMAT.sample),
            bytes: pattern(FORMAT, 0, PERIOD_FRAMES),
            start_ns,
            period_ns: 1e7 * (1.0 + ppm * 1e-6),
            callbacks: 0,
            state,
            handed: Vec::with_capacity(256),
        }
    }

    /// When the next callback comes: late now and then, never early.
    fn due_ns(&mut self) -> u64 {
        let rare = random(&mut self.state);
        let extra = if rare < 0.001 { 2e6 } else { 0.5e6 * f64::from(rare < 0.01) };
        let late = (-30e3 * random(&mut self.state).max(1e-12).ln() + extra).min(8e6);
        (self.start_ns + self.callbacks as f64 * self.period_ns + late) as u64
    }
}

/// What the pacing threads and the measurement share.
struct Stage {
    origin: Instant,
    over: AtomicBool,
    /// Time spent in callbacks, clock readings included.
    callbacks_ns: AtomicU64,
    /// Position at which chunk 0, 1, ... has all it needs.
    needs: Vec<u64>,
    /// Whether the closures hold the workers, and how many they hold.
    held: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Stage {
    fn now_ns(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    /// Plays `devices` in the order in which they are due; whether that was at real-time priority.
    fn play(&self, devices: &mut [Device]) -> bool {
        let real_time = be_real_time();
        let now = self.now_ns() as f64;
        devices.iter_mut().for_each(|device| device.start_ns += now);
        let mut queue: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
        queue.extend(devices.iter_mut().enumerate().map(|(index, device)| Reverse((device.due_ns(), index))));
        while let Some(Reverse((due, index))) = queue.pop()
            && !self.over.load(Relaxed)
        {
            let ahead = due.saturating_sub(self.now_ns());
            if ahead > 0 {
                thread::sleep(Duration::from_nanos(ahead).max(GRAIN));
            }
            let device = &mut devices[index];
            let ns = device.mic.callback(&mut device.bytes, |call| {
                let start = Instant::now();
                call();
                start.elapsed().as_nanos() as u64
            });
            self.callbacks_ns.fetch_add(ns, Relaxed);
            device.callbacks += 1;
            let position = device.callbacks * PERIOD_FRAMES as u64;
            while position >= self.needs[device.handed.len()] {
                device.handed.push(self.now_ns());
            }
            queue.push(Reverse((device.due_ns(), index)));
        }
        real_time
    }

    /// Holds every worker from its next chunk on, for `length` after the last of `count` has got there. From when
    /// to when.
    fn stall(&self, count: usize, length: Duration) -> (u64, u64) {
        self.held.lock().unwrap().0 = true;
        drop(self.changed.wait_while(self.held.lock().unwrap(), |held| held.1 < count).unwrap());
        let since = self.now_ns();
        thread::sleep(length);
        let until = self.now_ns();
        self.held.lock().unwrap().0 = false;
        self.changed.notify_all();
        (since, until)
    }

    /// What a closure does: nothing, unless there is a stall.
    fn wait(&self) {
        let mut held = self.held.lock().unwrap();
        if held.0 {
            held.1 += 1;
            self.changed.notify_all();
            drop(self.changed.wait_while(held, |held| held.0).unwrap());
        }
    }
}

/// CPU time of the workers' threads, ns.
fn workers_ns() -> u64 {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux").flatten();
    tasks
        .map(|task| {
            let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
            let ns = read("schedstat").split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            if read("comm").trim() == "hearken-worker" { ns } else { 0 }
        })
        .sum()
}

/// Memory of this process alone, KiB, counted page by page: the program's own text is shared.
fn resident_kib() -> f64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")).expect("it has one");
    line.trim_end_matches("kB").trim().parse().expect("a number")
}

pub fn pool_kib() -> f64 {
    (epoch(FORMAT, POOL, Arc::default()).1.pool_frames * FORMAT.frame_bytes() as u64) as f64 / 1024.0
}

/// One process' measurement: of `count` captures, whose workers are held for `stall` on the way.
pub fn cell(count: usize, stall: Duration) -> Vec<f64> {
    let resampler = Resampler::new(48_000, 16_000, 1, Quality::Balanced).expect("in range");
    let stage = Arc::new(Stage {
        origin: Instant::now(),
        over: AtomicBool::new(false),
        callbacks_ns: AtomicU64::new(0),
        needs: (1..256).map(|chunk| resampler.input_needed(chunk * CHUNK_FRAMES)).collect(),
        held: Mutex::default(),
        changed: Condvar::new(),
    });
    let mut devices: Vec<Device> = (0..count).map(Device::new).collect();
    // The measurement's own memory is there, and touched, before the captures'.
    let seen: Vec<_> = (0..count).map(|_| Arc::new(Mutex::new(vec![1; 256]))).collect();
    seen.iter().for_each(|visible: &Arc<Mutex<Vec<u64>>>| visible.lock().unwrap().clear());
    let empty_kib = resident_kib();
    let captures: Vec<Capture> = devices
        .iter()
        .zip(&seen)
        .map(|(device, visible)| {
            let input = Input::Cpal(device.mic.device());
            let capture =
                Capture::new(Config { input, pool: POOL, recovery: Recovery::NONE, ..Config::default() })
                    .expect("in range");
            let (stage, visible) = (stage.clone(), visible.clone());
            let hear = move |_| {
                visible.lock().unwrap().push(stage.now_ns());
                stage.wait();
            };
            capture.each(Tap::default(), hear).expect("in range");
            capture.start().expect("it opens");
            capture
        })
        .collect();
    let wakeups = || captures.iter().map(|capture| capture.stats().wakeups).sum::<u64>();
    let mut figures = vec![0.0; 6];
    let mut held = (0, 0);
    thread::scope(|scope| {
        let pacing: Vec<_> = devices
            .chunks_mut(count.div_ceil(2))
            .map(|devices| scope.spawn(|| stage.play(devices)))
            .collect();
        thread::sleep(WARM);
        let sample = || [workers_ns(), stage.callbacks_ns.load(Relaxed), wakeups(), stage.now_ns()];
        let before = sample();
        if stall.is_zero() {
            thread::sleep(WINDOW);
        } else {
            held = stage.stall(count, stall);
            thread::sleep(Duration::from_secs(1));
        }
        let after = sample();
        let [worker, callback, wakeups, ns] = std::array::from_fn(|at| (after[at] - before[at]) as f64);
        let kib = resident_kib() - empty_kib;
        stage.over.store(true, Relaxed);
        let real_time = pacing.into_iter().all(|thread| thread.join().expect("no panic"));
        let each = count as f64;
        figures = vec![
            100.0 * worker / ns / each,
            100.0 * callback / ns / each,
            1e9 * wakeups / ns / each,
            kib / each,
            f64::from(u8::from(real_time)),
            before[3] as f64,
        ];
    });
    let dropped: u64 =
        captures.iter().map(|capture| capture.stop().expect("it ends").stats.ledger.dropped).sum();
    let since = figures.pop().expect("it was just put there") as u64;
    let mut lateness = Vec::new();
    let mut caught_up = 0;
    for (device, visible) in devices.iter().zip(&seen) {
        let visible = visible.lock().unwrap();
        for (handed, seen) in device.handed.iter().zip(&*visible) {
            if *handed >= since {
                lateness.push(seen.saturating_sub(*handed) as f64 / 1e6);
            }
            if (held.0..held.1).contains(handed) {
                caught_up = caught_up.max(seen.saturating_sub(held.1));
            }
        }
    }
    lateness.sort_by(f64::total_cmp);
    let at = |quantile: f64| lateness[((lateness.len() - 1) as f64 * quantile) as usize];
    figures.extend([at(0.5), at(0.99), at(0.999), at(1.0), dropped as f64, caught_up as f64 / 1e6]);
    figures
}

//! What a take costs and how fast it is on each path, with the native recorder in the same run.

use super::listener::{self, Heard, age_us, last};
use super::microphone::now_ns;
use super::rig::{Rig, Route};
use super::support::counted::{Code, wav};
use super::support::wait_for;
use super::take::Program;
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What no path may cost when there is nothing to do.
const MOST_IDLE_PERCENT: f64 = 2.0;

/// Of the native recorder's, and beyond it.
const MOST_RATIO: f64 = 1.5;
const MOST_BEYOND_PERCENT: f64 = 0.5;

/// How long after the callback that brought its last frame a chunk of 20 ms may come, in 95 of 100 cases.
const MOST_LATE_MS: f64 = 3.0;

/// The worker's wake-ups of those that chunks of 20 ms need, and besides, each second: the promise of `tests/lateness.rs`
/// for servers that are late at times.
const MOST_WAKEUPS: f64 = 2.5;
const MOST_WAKEUPS_BEYOND: f64 = 2.0;

/// How long somebody listens to chunks of 20 ms.
const LISTENING: Duration = Duration::from_secs(12);

/// Openings of which the median counts.
const OPENINGS: usize = 5;

/// A figure of ours, and the native recorder's beside it.
#[derive(Clone, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub unit: &'static str,
    pub ours: Option<f64>,
    pub theirs: Option<f64>,
    /// More than this is a failure.
    pub most: Option<f64>,
}

impl Figure {
    /// Whether it is more than it may be, or is not there although it must be.
    pub fn is_red(&self) -> bool {
        self.most.is_some_and(|most| self.ours.is_none_or(|ours| ours > most))
    }
}

/// Measures something of a path.
pub type Part = fn(Route, &mut Vec<Figure>);

/// What is measured, by name.
pub const PARTS: &[(&str, Part)] =
    &[("idle", idle), ("silent", silent), ("away", away), ("start", start_and_stop), ("lateness", lateness)];

/// Every figure of a path, or those of the part that is named. What fails on the way is missing, and said.
pub fn of(route: Route, only: Option<&str>, tell: &mut dyn FnMut(String)) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (name, part) in PARTS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)) {
        tell(format!("{} {name}", route.name()));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut found = Vec::new();
            part(route, &mut found);
            found
        }));
        match done {
            Ok(found) => figures.extend(found),
            Err(_) => tell(format!("{} {name} cannot be measured, see above", route.name())),
        }
    }
    figures
}

/// What a process used: nanoseconds of a processor and voluntary switches, by thread; and its own sum in ticks of 10 ms,
/// which has the threads that have ended as well.
struct Usage {
    at: Instant,
    ticks: u64,
    threads: HashMap<String, (u64, u64)>,
}

impl Usage {
    fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        let mut threads = HashMap::new();
        for thread in fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten() {
            let read = |file: &str| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let ns = read("schedstat").split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0);
            let status = read("status");
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let switches = line.and_then(|count| count.trim().parse().ok()).unwrap_or(0);
            threads.insert(thread.file_name().to_string_lossy().into_owned(), (ns, switches));
        }
        Some(Self { at: Instant::now(), ticks, threads })
    }

    /// Per cent of a core, and switches a second, since `before`.
    fn since(&self, before: &Self) -> (f64, f64) {
        let seconds = (self.at - before.at).as_secs_f64();
        let mut sum = (0, 0);
        for (thread, (ns, switches)) in &self.threads {
            let (ns_before, switches_before) = before.threads.get(thread).copied().unwrap_or_default();
            sum = (sum.0 + ns.saturating_sub(ns_before), sum.1 + switches.saturating_sub(switches_before));
        }
        // A tick is too coarse to add to, but where it says more by several, threads have come and gone.
        let ticks = (self.ticks - before.ticks) as f64 * 1e-2;
        let threads = sum.0 as f64 * 1e-9;
        let busy = if ticks > threads + 0.05 { ticks } else { threads };
        (busy / seconds * 100.0, sum.1 as f64 / seconds)
    }
}

/// Per cent and switches of a process over some time.
fn measure(process: u32, time: Duration) -> Option<(f64, f64)> {
    let before = Usage::of(process)?;
    sleep(time);
    Some(Usage::of(process)?.since(&before))
}

/// The same of two at once.
fn measure_both(one: u32, other: u32, time: Duration) -> [Option<(f64, f64)>; 2] {
    let before = [one, other].map(|process| (process, Usage::of(process)));
    sleep(time);
    before.map(|(process, before)| Some(Usage::of(process)?.since(&before?)))
}

/// The program, recording as people have it: 16 kHz, mono, without an end.
fn program(rig: &Rig) -> Program {
    let mut command = rig.hearken("record", None);
    command.arg(rig.scratch().join("ours.wav")).args(["--give-up", "60"]);
    Program::start(command, rig.scratch().join("ours.log"))
}

fn native(rig: &Rig) -> Program {
    Program::start(rig.recorder(&rig.scratch().join("theirs.wav")), rig.scratch().join("theirs.log"))
}

fn is_recording(program: &mut Program) -> bool {
    let bound = Duration::from_secs(20);
    wait_for(bound, || (program.said().contains("recording from") || program.ended()).then_some(())).is_some()
        && !program.ended()
}

fn cpu(
    figures: &mut Vec<Figure>,
    names: [&'static str; 2],
    both: [Option<(f64, f64)>; 2],
    most: Option<f64>,
) {
    let [ours, theirs] = both;
    let of = |figure: Option<(f64, f64)>| (figure.map(|(cpu, _)| cpu), figure.map(|(_, wakes)| wakes));
    let ((ours, our_wakes), (theirs, their_wakes)) = (of(ours), of(theirs));
    let beside = theirs.map(|theirs| theirs * MOST_RATIO + MOST_BEYOND_PERCENT);
    let most = most.into_iter().chain(beside).reduce(f64::min);
    figures.push(Figure { name: names[0], unit: "%", ours, theirs, most });
    figures.push(Figure { name: names[1], unit: "/s", ours: our_wakes, theirs: their_wakes, most: None });
}

fn idle(route: Route, figures: &mut Vec<Figure>) {
    let mut rig = Rig::start(route);
    rig.speak();
    let (mut ours, theirs) = (program(&rig), native(&rig));
    assert!(is_recording(&mut ours), "{}", ours.said());
    sleep(Duration::from_secs(3));
    let both = measure_both(ours.id(), theirs.id(), Duration::from_secs(8));
    cpu(figures, ["CPU, idle take", "wake-ups, idle take"], both, None);
}

fn silent(route: Route, figures: &mut Vec<Figure>) {
    let rig = Rig::start(route);
    let (mut ours, theirs) = (program(&rig), native(&rig));
    // A device that does not deliver may not be open before it does.
    let _ = is_recording(&mut ours);
    let both = measure_both(ours.id(), theirs.id(), Duration::from_secs(6));
    // The native one may have nothing to do at all, so it is no measure here.
    let [ours, theirs] = both;
    cpu(figures, ["CPU, silent source", "wake-ups, silent source"], [ours, None], Some(MOST_IDLE_PERCENT));
    let found = figures.len() - 2;
    figures[found].theirs = theirs.map(|(cpu, _)| cpu);
    figures[found + 1].theirs = theirs.map(|(_, wakes)| wakes);
}

fn away(route: Route, figures: &mut Vec<Figure>) {
    let mut rig = Rig::start(route);
    rig.speak();
    let mut ours = program(&rig);
    assert!(is_recording(&mut ours), "{}", ours.said());
    sleep(Duration::from_secs(2));
    rig.stand_still();
    sleep(Duration::from_millis(200));
    let still = measure(ours.id(), Duration::from_secs(3));
    rig.go_on();
    sleep(Duration::from_secs(1));
    rig.kill();
    sleep(Duration::from_millis(300));
    let dead = measure(ours.id(), Duration::from_secs(5));
    let most = Some(MOST_IDLE_PERCENT);
    cpu(figures, ["CPU, server stands still", "wake-ups, server stands still"], [still, None], most);
    cpu(figures, ["CPU, server is dead", "wake-ups, server is dead"], [dead, None], most);
}

fn start_and_stop(route: Route, figures: &mut Vec<Figure>) {
    let mut rig = Rig::start(route);
    rig.speak();
    sleep(Duration::from_millis(300));
    let (mut open, mut first, mut stop) = (Vec::new(), Vec::new(), Vec::new());
    let (mut their_first, mut their_stop) = (Vec::new(), Vec::new());
    let json = rig.scratch().join("ours.json");
    for _ in 0..OPENINGS {
        let mut command = rig.hearken("record", None);
        command.arg(rig.scratch().join("ours.wav")).arg("--json").arg(&json);
        let mut ours = Program::start(command, rig.scratch().join("ours.log"));
        let wav = rig.scratch().join("theirs.wav");
        let _ = fs::remove_file(&wav);
        let begun = Instant::now();
        let mut theirs = native(&rig);
        let audio = || (fs::metadata(&wav).ok()?.len() > 4_096).then(|| begun.elapsed());
        their_first.extend(wait_closely(Duration::from_secs(5), audio).map(ms));
        if is_recording(&mut ours) {
            sleep(Duration::from_millis(700));
        }
        stop.push(ms(ended(&mut ours)));
        their_stop.push(ms(ended(&mut theirs)));
        let text = fs::read_to_string(&json).unwrap_or_default();
        let account: Value = serde_json::from_str(&text).unwrap_or_default();
        let when = |kind: &str| {
            account["events"].as_array()?.iter().find(|event| event["kind"] == kind)?["at_ms"].as_f64()
        };
        open.extend(when("opened"));
        first.extend(when("first callback"));
    }
    let mut push = |name, ours: Vec<f64>, theirs: Vec<f64>, most| {
        figures.push(Figure { name, unit: "ms", ours: median(ours), theirs: median(theirs), most });
    };
    push("open", open, Vec::new(), None);
    push("first callback (native: file)", first, their_first, None);
    push("stop, whole process", stop, their_stop, None);
}

fn ended(program: &mut Program) -> Duration {
    let begun = Instant::now();
    program.interrupt();
    program.end(Duration::from_secs(10));
    begun.elapsed()
}

fn lateness(route: Route, figures: &mut Vec<Figure>) {
    let mut rig = Rig::start(route);
    rig.speak();
    let this = std::env::current_exe().expect("this program");
    let mut command = rig.client(&this.display().to_string());
    let code = if route.code() == Code::Float { "float" } else { "stereo16" };
    let seconds = LISTENING.as_secs().to_string();
    command.args([listener::FLAG, route.host(), &rig.begun_ns().to_string(), code, &seconds]);
    let listens = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("this program");
    let theirs = native(&rig);
    let their_ages = follow(&rig, &rig.scratch().join("theirs.wav"), LISTENING);
    drop(theirs);
    let said = listens.wait_with_output().expect("what it said").stdout;
    let heard = Heard::read(&String::from_utf8_lossy(&said));
    for (name, share, most) in [
        ("20 ms after its callback, p50", 0.5, None),
        ("20 ms after its callback, p95", 0.95, Some(MOST_LATE_MS)),
        ("20 ms after its callback, p99", 0.99, None),
    ] {
        let ours = quantile(heard.lates.clone(), share);
        figures.push(Figure { name, unit: "ms", ours, theirs: None, most });
    }
    let share = heard.unknown as f64 / (heard.unknown + heard.lates.len()).max(1) as f64;
    figures.push(Figure {
        name: "of these not known",
        unit: "%",
        ours: Some(share * 100.0),
        theirs: None,
        most: None,
    });
    // What comes at the start is not the usual.
    let theirs: Vec<f64> = their_ages.into_iter().skip(10).collect();
    for (name, share) in [("its age, p50", 0.5), ("its age, p95", 0.95), ("its age, p99", 0.99)] {
        let (ours, theirs) = (quantile(heard.ages.clone(), share), quantile(theirs.clone(), share));
        figures.push(Figure { name, unit: "ms", ours, theirs, most: None });
    }
    let most = heard.needed.map(|needed| needed * MOST_WAKEUPS + MOST_WAKEUPS_BEYOND);
    figures.push(Figure {
        name: "worker's wake-ups [needed]",
        unit: "/s",
        ours: heard.wakeups,
        theirs: heard.needed,
        most,
    });
}

/// The age of the newest frame in a file at each growth, in ms.
fn follow(rig: &Rig, path: &Path, time: Duration) -> Vec<f64> {
    let (end, mut length, mut ages) = (Instant::now() + time, 0, Vec::new());
    while Instant::now() < end {
        let now = fs::metadata(path).map_or(0, |data| data.len());
        let heard = now_ns();
        if now > length && now > 4_096 {
            let bytes = fs::read(path).unwrap_or_default();
            // A decoder needs a few frames to be sure; those that came since the look are left out.
            let known = &bytes[..bytes.len().min(now as usize)];
            let newest = wav(known).and_then(|(samples, channels)| {
                let frames = samples.len() / usize::from(channels);
                let tail = samples.get(frames.saturating_sub(64) * usize::from(channels)..)?;
                last(tail, channels, rig.route.code())
            });
            ages.extend(newest.map(|said| age_us(rig.begun_ns(), said, heard) as f64 / 1e3));
        }
        length = now;
        sleep(Duration::from_millis(1));
    }
    ages
}

/// Asks every half millisecond.
fn wait_closely<T>(bound: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + bound;
    loop {
        let answer = question();
        if answer.is_some() || Instant::now() >= end {
            return answer;
        }
        sleep(Duration::from_micros(500));
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(values: Vec<f64>) -> Option<f64> {
    quantile(values, 0.5)
}

fn quantile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get(((values.len() as f64 - 1.0) * share).round().max(0.0) as usize).copied()
}

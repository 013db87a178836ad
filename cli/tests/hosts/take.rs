//! A take of the program, with the native recorder beside it, and what both have and say.

use super::microphone::RATE;
use super::rig::Rig;
use super::support::counted::Recorded;
use super::support::wait_for;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the program may take to open a device, and to end behind its time.
const BOUND: Duration = Duration::from_secs(20);

/// What is to be recorded.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seconds: f64,
    pub input: Option<String>,
    pub options: String,
    /// Whether the native recorder records as well.
    pub beside: bool,
}

impl Plan {
    /// A native take of the default device.
    pub fn native(seconds: f64) -> Self {
        Self { seconds, input: None, options: "--native".into(), beside: true }
    }
}

/// What there is after a take.
#[derive(Debug)]
pub struct Outcome {
    /// How long the take was to be.
    pub seconds: f64,
    /// The exit code; nothing when it had to be killed.
    pub code: Option<i32>,
    /// What the program said.
    pub said: String,
    /// The account, or null.
    pub json: Value,
    /// What is in its file.
    pub ours: Recorded,
    /// What is in the native recorder's.
    pub theirs: Recorded,
}

/// Records; `script` runs from the moment at which the program says that it does, or has ended.
pub fn record(rig: &mut Rig, plan: &Plan, script: impl FnOnce(&mut Rig)) -> Outcome {
    let scratch = rig.scratch();
    let file = |name: &str| scratch.join(name);
    for old in ["ours.wav", "ours.json", "ours.log", "theirs.wav"] {
        let _ = fs::remove_file(file(old));
    }
    let mut command = rig.hearken("record", plan.input.as_deref());
    command.arg(file("ours.wav")).arg("--json").arg(file("ours.json"));
    command.args(["--seconds", &plan.seconds.to_string()]).args(plan.options.split_whitespace());
    let beside = plan.beside.then(|| Beside::start(rig.recorder(&file("theirs.wav")), file("theirs.log")));
    let mut program = Program::start(command, file("ours.log"));
    let begun =
        wait_for(BOUND, || (program.said().contains("recording from") || program.ended()).then_some(()));
    if begun.is_some() {
        script(rig);
    }
    let code = program.end(Duration::from_secs_f64(plan.seconds) + BOUND);
    if let Some(beside) = beside {
        beside.end();
    }
    let code_of = rig.route.code();
    let read = |name| Recorded::read(&file(name), code_of).unwrap_or_default();
    let json = fs::read_to_string(file("ours.json")).ok().and_then(|text| serde_json::from_str(&text).ok());
    Outcome {
        seconds: plan.seconds,
        code,
        said: program.said(),
        json: json.unwrap_or_default(),
        ours: read("ours.wav"),
        theirs: read("theirs.wav"),
    }
}

/// A program that is waited for.
#[derive(Debug)]
pub struct Program {
    process: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it; what it says goes to `log`.
    pub fn start(mut command: Command, log: PathBuf) -> Self {
        let said = File::create(&log).expect("a log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
        let process = command.spawn().unwrap_or_else(|error| {
            panic!("{} must be installed (`cargo xtask setup`): {error}", command.get_program().display())
        });
        Self { process, log }
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it said so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// Asks it to end.
    pub fn interrupt(&mut self) {
        if !self.ended()
            && let Ok(number) = self.process.id().try_into()
        {
            let _ = kill(Pid::from_raw(number), Signal::SIGINT);
        }
    }

    /// Waits for its end, or kills it after `bound`. Gives its exit code.
    pub fn end(&mut self, bound: Duration) -> Option<i32> {
        if wait_for(bound, || self.process.try_wait().ok().flatten()).is_none() {
            let _ = self.process.kill();
            return None;
        }
        self.process.wait().ok()?.code()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The native recorder.
struct Beside(Program);

impl Beside {
    fn start(command: Command, log: PathBuf) -> Self {
        Self(Program::start(command, log))
    }

    /// It ends by Ctrl-C, as it does for people. One that hangs then, because its server died, is killed.
    fn end(mut self) {
        self.0.interrupt();
        self.0.end(Duration::from_secs(2));
    }
}

/// Loops that do nothing but keep a core busy, until they are dropped.
#[derive(Debug)]
pub struct Busy(Vec<Child>);

impl Busy {
    /// So many.
    pub fn start(loops: u32) -> Self {
        let one = |_| {
            let mut shell = Command::new("setpriv");
            shell.args(["--pdeathsig", "KILL", "sh", "-c", "while :; do :; done"]);
            shell.spawn().expect("a shell")
        };
        Self((0..loops).map(one).collect())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Outcome {
    /// Frames that the account says are missing, settled or not, and by how many it may be off.
    pub fn told(&self) -> (i64, i64) {
        let (settled, unsettled) = (sum(&self.json["gaps"]), self.unsettled());
        (settled.0 + unsettled.0, settled.1 + unsettled.1)
    }

    /// Those of them that nothing stands for in the file: losses that were not settled when the take ended, and what the
    /// account's own clock says that it lacks.
    pub fn unsettled(&self) -> (i64, i64) {
        let provisional = sum(&self.json["provisional"]);
        let ledger = &self.json["ledger"];
        if ledger["clock_agrees"] != false {
            return provisional;
        }
        let count = |name: &str| ledger[name].as_i64().unwrap_or(0);
        (provisional.0 + count("unaccounted"), provisional.1 + count("unaccounted_error"))
    }

    /// By how many frames the file is shorter than the take was to be, beyond what is missing within it: what did not come
    /// any more when the end came.
    pub fn missing_at_the_end(&self) -> i64 {
        let asked = (self.seconds * f64::from(RATE)) as i64;
        (asked - self.ours.frames as i64 - self.ours.falls_short().max(0)).max(0)
    }

    /// How many events of this kind there were.
    pub fn events(&self, kind: &str) -> usize {
        let events = self.json["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        events.iter().filter(|event| event["kind"] == kind).count()
    }

    /// The account's holes, for people.
    pub fn gaps(&self) -> Vec<String> {
        let gaps = self.json["gaps"].as_array().cloned().unwrap_or_default();
        let gap = |gap: &Value| format!("{} {}", gap["frames"], gap["cause"].as_str().unwrap_or_default());
        gaps.iter().map(gap).collect()
    }
}

/// Frames of holes in the account, and by how many they may be off.
fn sum(gaps: &Value) -> (i64, i64) {
    let gaps = gaps.as_array().map(Vec::as_slice).unwrap_or_default();
    let count = |gap: &Value, name: &str| gap[name].as_i64().unwrap_or(0);
    gaps.iter().fold((0, 0), |(frames, error), gap| {
        (frames + count(gap, "frames"), error + count(gap, "error_frames"))
    })
}

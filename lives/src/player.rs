//! Lives are played in a process of their own, so that one that hangs, or leaves threads behind, disturbs no other.

use crate::life::{Act, Life, Reader};
use crate::oracle::{Broken, judge};
use crate::play::{keep_panics, play};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// A life that takes longer, of real time, hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What this program is called with to be such a process.
pub const ARGUMENT: &str = "--player";

/// The process: a life on each line of its input, and on the same line of its output what is wrong with it.
pub fn serve() {
    keep_panics();
    for line in std::io::stdin().lines() {
        let Ok(life) = line.map_err(|error| error.to_string()).and_then(|line| Life::parse(&line)) else {
            return;
        };
        let broken = judge_one(&life);
        println!("{}", serde_json::to_string(&broken).expect("plain data"));
    }
}

/// Plays one in this process. An oracle that panics is at fault itself, which is told.
pub fn judge_one(life: &Life) -> Vec<Broken> {
    let judged = std::panic::catch_unwind(|| judge(life, &play(life)));
    judged.unwrap_or_else(|_| {
        let said = crate::play::PANICS.lock().join("; ");
        vec![broken("the machine works", "a panic of its own", said)]
    })
}

fn broken(promise: &str, cause: &str, particulars: String) -> Broken {
    Broken { promise: promise.into(), cause: cause.into(), particulars }
}

/// The other end of such a process, which is started anew where that is needed.
#[derive(Debug, Default)]
pub struct Player(Option<Process>);

#[derive(Debug)]
struct Process {
    child: Child,
    lives: ChildStdin,
    verdicts: Receiver<String>,
}

impl Player {
    /// What is wrong with a life.
    pub fn judge(&mut self, life: &Life) -> Vec<Broken> {
        let process = self.0.get_or_insert_with(Process::start);
        let verdict = match writeln!(process.lives, "{}", life.line()) {
            Ok(()) => process.verdicts.recv_timeout(PATIENCE),
            Err(_) => Err(mpsc::RecvTimeoutError::Disconnected),
        };
        let verdict = match verdict {
            Ok(line) => serde_json::from_str(&line).unwrap_or_default(),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let particulars = format!("no end within {PATIENCE:?} of real time");
                let calls = |act: &Act| match act {
                    Act::Take(take) => take.calls.is_some(),
                    Act::Tap(tap) => matches!(tap.reader, Reader::Calling(..)),
                    _ => false,
                };
                let cause = if life.has(calls) { "with a closure that calls" } else { "without" };
                vec![broken("every life ends", cause, particulars)]
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                vec![broken("no panic", "the process died", String::new())]
            }
        };
        // Whatever it left behind goes with its process.
        let is_spoilt = |broken: &Broken| {
            ["every life ends", "everything is let go of", "no panic", "every call returns"]
                .contains(&broken.promise.as_str())
        };
        if verdict.iter().any(is_spoilt) {
            self.0 = None;
        }
        verdict
    }
}

impl Process {
    fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut command = Command::new(program);
        command.arg(ARGUMENT).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process can be started");
        let lives = child.stdin.take().expect("it is piped");
        let output = child.stdout.take().expect("it is piped");
        let (told, verdicts) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(output).lines();
            lines.map_while(Result::ok).try_for_each(|line| told.send(line))
        });
        Self { child, lives, verdicts }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has gone by itself is fine as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

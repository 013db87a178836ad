//! What happens to a take on people's systems, each with what must come of it.

use super::microphone::{RATE, Says};
use super::rig::{Rig, Route};
use super::support::counted::{Holds, Recorded, SECOND};
use super::take::{Busy, Outcome, Plan, record};
use std::thread::sleep;
use std::time::Duration;

/// A scene that is played on every path that it is possible on.
pub struct Scene {
    pub name: &'static str,
    /// For people.
    pub what: &'static str,
    /// Nothing else may run beside it.
    pub alone: bool,
    pub is_possible: fn(Route) -> bool,
    play: fn(&mut Rig, Length) -> Verdict,
}

/// How long scenes are: as in `cargo test`, or as `cargo xtask hosts --long` has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    Short,
    Long,
}

impl Length {
    fn of(self, short: f64, long: f64) -> f64 {
        match self {
            Self::Short => short,
            Self::Long => long,
        }
    }
}

/// What came of a scene: the sentence that says what is wrong, or what was seen.
pub type Verdict = Result<String, String>;

/// Every scene. A new one is a line here and its function.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "exact",
        what: "nothing happens: every frame is there, and nothing is told",
        alone: false,
        is_possible: |_| true,
        play: exact,
    },
    Scene {
        name: "mono",
        what: "the mono mix of a microphone with one channel is that channel",
        alone: false,
        // PulseAudio's microphone here has two.
        is_possible: |route| route.has_quantum(),
        play: mono,
    },
    Scene {
        name: "quantum",
        what: "blocks of 256, 1024, 2048, 512 and 1024 frames",
        alone: false,
        is_possible: Route::has_quantum,
        play: quantum,
    },
    Scene {
        name: "restart",
        what: "the server is killed and comes back",
        alone: false,
        is_possible: |_| true,
        play: restart,
    },
    Scene {
        name: "mic-back",
        what: "the microphone is taken away and comes back, while the loudspeakers play",
        alone: false,
        is_possible: Route::has_devices,
        play: mic_back,
    },
    Scene {
        name: "no-mic",
        what: "there is no microphone: refused, whatever the loudspeakers play",
        alone: false,
        is_possible: Route::has_devices,
        play: no_mic,
    },
    Scene {
        name: "default",
        what: "another microphone becomes the default",
        alone: false,
        is_possible: Route::has_devices,
        play: default_changes,
    },
    Scene {
        name: "pinned",
        what: "the one microphone that was asked for is taken away, and another is there",
        alone: false,
        is_possible: Route::can_pin,
        play: pinned,
    },
    Scene {
        name: "stopped",
        what: "the server stands still for 1.5 s",
        alone: false,
        is_possible: |_| true,
        play: stopped,
    },
    Scene {
        name: "silent",
        what: "the microphone delivers nothing, or zeros",
        alone: false,
        is_possible: |_| true,
        play: silent,
    },
    Scene {
        name: "load-2",
        what: "two busy loops beside",
        alone: true,
        is_possible: |_| true,
        play: |rig, length| load(rig, length, 2),
    },
    Scene {
        name: "load-4",
        what: "four busy loops beside",
        alone: true,
        is_possible: |_| true,
        play: |rig, length| load(rig, length, 4),
    },
];

impl Scene {
    /// Plays it on a path of its own.
    pub fn play(&self, route: Route, length: Length) -> Verdict {
        let mut rig = Rig::start(route);
        (self.play)(&mut rig, length).map_err(|wrong| format!("{wrong}\n{}", end_of(&rig.log())))
    }
}

/// What may say why: the last lines of a log.
fn end_of(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

/// What the graph itself leaves out where its blocks change: its own recorder lacks it as well.
const CHANGED_BLOCKS: i64 = 4 * 2048;

/// What a moved stream, a restarted server and a new opening may be off by, beyond what is told: their own clocks begin
/// anew.
const NEW_CLOCK: i64 = RATE as i64 / 4;

/// What may be on its way, or not open yet, when a take of so many seconds ends.
const ON_ITS_WAY: i64 = RATE as i64;

/// How well the microphone itself knows how long the server stood still: to two blocks.
const AFTER_A_PAUSE: i64 = 2048;

/// What stamps that are no device's cannot say, where the native recorder lacks it as well.
const UNSEEN: i64 = RATE as i64 * 30 / 1000;

fn wait(seconds: f64) {
    sleep(Duration::from_secs_f64(seconds));
}

fn ms(frames: i64) -> String {
    format!("{:.1} ms", frames as f64 * 1e3 / f64::from(RATE))
}

/// What was seen, and what of it is wrong.
struct Judge<'a> {
    outcome: &'a Outcome,
    wrong: Vec<String>,
}

impl<'a> Judge<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        Self { outcome, wrong: Vec::new() }
    }

    fn must(&mut self, is_so: bool, otherwise: impl FnOnce() -> String) -> &mut Self {
        if !is_so {
            self.wrong.push(otherwise());
        }
        self
    }

    fn succeeded(&mut self) -> &mut Self {
        let outcome = self.outcome;
        self.must(outcome.code == Some(0), || format!("exit {:?}: {}", outcome.code, outcome.said.trim()))
    }

    /// There are at least so many seconds of the microphone.
    fn heard(&mut self, seconds: f64) -> &mut Self {
        let heard =
            self.outcome.ours.count(|holds| matches!(holds, Holds::Source(_))) as f64 / f64::from(RATE);
        self.must(heard >= seconds, || format!("only {heard:.2} s of the microphone"))
    }

    /// What the loudspeakers play is not in it, nor anything that no microphone said.
    fn nothing_else(&mut self) -> &mut Self {
        let outcome = self.outcome;
        let loud = outcome.ours.count(|holds| holds == Holds::Loudspeaker);
        let altered = |recorded: &Recorded| recorded.between(|holds| holds == Holds::Altered);
        // A graph that stumbles alters frames for everybody.
        let altered = altered(&outcome.ours).saturating_sub(altered(&outcome.theirs));
        self.must(loud == 0, || format!("the LOUDSPEAKERS were recorded for {}", ms(loud as i64)));
        self.must(altered == 0, || format!("{altered} altered frames"))
    }

    /// What the native recorder has and we have not is told.
    fn nothing_untold(&mut self) -> &mut Self {
        let untold = self.untold();
        self.must(untold <= self.outcome.told().1, || {
            format!("{untold} frames ({}) that the native recorder has are missing UNTOLD", ms(untold))
        })
    }

    fn untold(&self) -> i64 {
        self.outcome.ours.untold_of(&self.outcome.theirs) - self.outcome.unsettled().0
    }

    /// The same, and the file is as long as the time it covers, save for what is told and not in it yet. `slack` is what
    /// a clock that began anew may be off.
    fn told(&mut self, slack: i64) -> &mut Self {
        self.nothing_untold();
        let (outcome, untold) = (self.outcome, self.untold());
        let (told, error) = outcome.told();
        let slack = error + slack + if untold <= 0 { UNSEEN } else { 0 };
        let at_the_end = outcome.missing_at_the_end();
        let short = outcome.ours.falls_short() - outcome.unsettled().0;
        self.must(short + at_the_end <= slack + ON_ITS_WAY, || {
            format!("{} are missing at the end, told {told} (± {error})", ms(short + at_the_end))
        });
        // What is unsettled may be within the file's time or behind its last frame.
        let short = if short < 0 { (short + at_the_end).min(0) } else { short };
        self.must(short.abs() <= slack, || {
            let what = if short > 0 { "short of" } else { "longer than" };
            format!("the file is {} {what} its time, told {told} (± {error})", ms(short.abs()))
        })
    }

    /// As it was before the scene's end, the microphone is heard again behind its trouble.
    fn heard_at_the_end(&mut self) -> &mut Self {
        let ours = &self.outcome.ours;
        let behind =
            ours.source().next_back().map_or(ours.frames, |(run, _)| ours.frames - run.at - run.frames);
        let last = ours.source().next_back().map_or(0, |(run, _)| run.frames);
        self.must(behind < u64::from(RATE) / 4 && last >= u64::from(RATE) / 2, || {
            format!("at the end the microphone is not heard: {last} frames, and {behind} behind them")
        })
    }

    fn verdict(&self) -> Verdict {
        let outcome = self.outcome;
        let (told, error) = outcome.told();
        let kinds: Vec<String> = outcome.gaps();
        let steps = outcome.ours.steps();
        let seen = format!(
            "{:.2} s, lacks {}, {} short, told {told} (± {error}), of these {} unsettled{}{}",
            outcome.ours.frames as f64 / f64::from(RATE),
            outcome.ours.lacks_of(&outcome.theirs),
            outcome.ours.falls_short(),
            outcome.unsettled().0,
            if kinds.is_empty() { String::new() } else { format!(" {kinds:?}") },
            if steps.is_empty() {
                String::new()
            } else {
                format!(", steps {:?}", &steps[..steps.len().min(6)])
            },
        );
        if self.wrong.is_empty() { Ok(seen) } else { Err(format!("{} [{seen}]", self.wrong.join("; "))) }
    }
}

fn exact(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    let seconds = length.of(6.0, 30.0);
    let outcome = record(rig, &Plan::native(seconds), |_| ());
    let mut judge = Judge::of(&outcome);
    judge.succeeded().heard(seconds - 1.0).nothing_else().told(0);
    let changes = outcome.events("devices changed");
    judge.must(changes == 0, || format!("devices are told to have changed {changes} times, and none has"));
    // A graph that is late itself loses frames for everybody; then it is enough to tell.
    if outcome.theirs.falls_short() == 0 {
        let (ours, told) = (&outcome.ours, outcome.told().0);
        let silent = outcome.ours.between(|holds| holds == Holds::Silence);
        judge.must(ours.falls_short() == 0 && silent == 0, || {
            format!("not whole: {} frames short, {silent} silent", ours.falls_short())
        });
        judge.must(told == 0, || format!("{told} frames are told lost, and none is"));
    }
    judge.verdict()
}

fn mono(rig: &mut Rig, _: Length) -> Verdict {
    rig.speak();
    let options = "--rate 48000 --channels mono --format f32".into();
    let outcome = record(rig, &Plan { options, ..Plan::native(3.0) }, |_| ());
    let mut judge = Judge::of(&outcome);
    judge.succeeded().heard(2.0).verdict()
}

fn quantum(rig: &mut Rig, length: Length) -> Verdict {
    rig.quantum(256);
    rig.speak();
    let each = length.of(2.0, 6.0);
    let outcome = record(rig, &Plan::native(5.0 * each), |rig| {
        for frames in [1024, 2048, 512, 1024] {
            wait(each);
            rig.quantum(frames);
        }
    });
    Judge::of(&outcome).succeeded().heard(4.0 * each).nothing_else().told(CHANGED_BLOCKS).verdict()
}

fn restart(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    let (before, away) = (length.of(2.5, 6.0), length.of(0.7, 3.0));
    let plan = Plan::native(before + away + length.of(6.0, 11.0));
    let outcome = record(rig, &plan, |rig| {
        wait(before);
        rig.kill();
        wait(away);
        rig.restart();
    });
    let mut judge = Judge::of(&outcome);
    judge.succeeded().nothing_else().told(NEW_CLOCK).heard_at_the_end();
    let gaps = outcome.gaps();
    judge.must(!gaps.is_empty(), || "no gap is told".into());
    judge.verdict()
}

fn mic_back(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    let (before, away) = (length.of(2.5, 6.0), length.of(2.0, 4.0));
    let plan = Plan::native(before + away + length.of(5.0, 8.0));
    let outcome = record(rig, &plan, |rig| {
        wait(before);
        rig.remove_mic();
        wait(away);
        rig.restore_mic();
    });
    let mut judge = Judge::of(&outcome);
    judge.succeeded().nothing_else().told(NEW_CLOCK).heard_at_the_end();
    let (told, _) = outcome.told();
    judge.must(told > 0, || "no gap is told".into());
    judge.verdict()
}

fn no_mic(rig: &mut Rig, _: Length) -> Verdict {
    rig.say(Says::Loudspeaker);
    rig.remove_mic();
    // The session manager settles on another default meanwhile.
    wait(0.5);
    let outcome = record(rig, &Plan { beside: false, ..Plan::native(3.0) }, |_| ());
    let mut judge = Judge::of(&outcome);
    judge.nothing_else();
    let said = outcome.said.to_lowercase();
    judge.must(outcome.code.is_some_and(|code| code != 0), || {
        format!("exit {:?} without a microphone", outcome.code)
    });
    judge.must(said.contains("microphone") || said.contains("no input"), || {
        format!("it does not say what is missing: {}", said.trim())
    });
    judge.verdict()
}

fn default_changes(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    let before = length.of(2.5, 6.0);
    let outcome = record(rig, &Plan::native(before + length.of(5.5, 10.0)), |rig| {
        wait(before);
        rig.add_second();
        rig.prefer_second();
    });
    let mut judge = Judge::of(&outcome);
    judge.succeeded().nothing_else().nothing_untold().heard_at_the_end();
    // The native recorder says which microphone is the default.
    let hears = |recorded: &Recorded| {
        recorded
            .source()
            .next_back()
            .map(|(_, position)| if position >= SECOND { "the second" } else { "the first" })
    };
    let (ours, theirs) = (hears(&outcome.ours), hears(&outcome.theirs));
    judge.must(ours == theirs, || format!("at the end we hear {ours:?}, the native recorder {theirs:?}"));
    judge.must(ours.is_some(), || "nothing is heard".into());
    judge.verdict()
}

fn pinned(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    rig.add_second();
    wait(0.3);
    let before = length.of(2.5, 6.0);
    let plan = Plan {
        input: Some(rig.second_id()),
        options: "--native --no-fall-back --give-up 3".into(),
        beside: false,
        ..Plan::native(before + length.of(4.0, 8.0))
    };
    let outcome = record(rig, &plan, |rig| {
        wait(before);
        rig.remove_second();
    });
    let mut judge = Judge::of(&outcome);
    let first = outcome
        .ours
        .source()
        .filter(|(_, position)| *position < SECOND)
        .map(|(run, _)| run.frames)
        .sum::<u64>();
    judge.heard(before - 1.0).nothing_else();
    let most = rig.route.moves_first();
    judge.must(first <= most, || format!("the OTHER microphone was recorded for {}", ms(first as i64)));
    let (told, _) = outcome.told();
    judge.must(told > 0 || outcome.code != Some(0), || "its loss is not told".into());
    judge.verdict()
}

fn stopped(rig: &mut Rig, length: Length) -> Verdict {
    rig.speak();
    let before = length.of(2.5, 6.0);
    let outcome = record(rig, &Plan::native(before + 1.5 + length.of(4.0, 10.0)), |rig| {
        wait(before);
        rig.stand_still();
        wait(1.5);
        rig.go_on();
    });
    Judge::of(&outcome).succeeded().nothing_else().told(AFTER_A_PAUSE).heard_at_the_end().verdict()
}

fn silent(rig: &mut Rig, length: Length) -> Verdict {
    let seconds = length.of(12.0, 20.0);
    let outcome = record(rig, &Plan::native(seconds), |_| ());
    let mut judge = Judge::of(&outcome);
    // Zeros have no positions, but where the native recorder has them for as long, none is missing.
    let (told, error) = outcome.told();
    let has_all = outcome.theirs.frames as f64 > (seconds - 0.5) * f64::from(RATE);
    judge.must(!has_all || told <= error + UNSEEN, || {
        format!("{told} (± {error}) frames are told lost, and none is")
    });
    let said = outcome.said.to_lowercase();
    judge.must(outcome.code.is_some(), || "it did not end".into());
    judge.must(!said.contains("another program"), || format!("a guess that is false: {}", said.trim()));
    let sound = outcome.ours.frames - outcome.ours.count(|holds| holds == Holds::Silence);
    judge.must(sound == 0, || format!("{sound} frames are not silent"));
    judge.verdict()
}

fn load(rig: &mut Rig, length: Length, loops: u32) -> Verdict {
    rig.speak();
    let (before, during) = (length.of(1.0, 5.0), length.of(4.0, 15.0));
    let outcome = record(rig, &Plan::native(before + during + length.of(1.5, 5.0)), |_| {
        wait(before);
        let busy = Busy::start(loops);
        wait(during);
        drop(busy);
    });
    Judge::of(&outcome).succeeded().heard(before).nothing_else().told(0).verdict()
}

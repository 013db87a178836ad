//! Random lives of a capture in virtual time, judged by an oracle: `cargo xtask lives`.
//!
//! A life is drawn from a seed (`draw.rs`), played on the test kit's stage (`play.rs`) in a process of its own
//! (`player.rs`), and compared with what the README and the API promise (`oracle.rs`, on what the microphones gave:
//! `truth.rs`). One that breaks a promise is made short (`shrink.rs`). Those that did once are kept in `corpus/` and played
//! first; what is known to be broken today stands in `known.rs`.

mod draw;
mod known;
mod life;
mod oracle;
mod play;
mod player;
mod shrink;
mod truth;

use life::Life;
use oracle::Broken;
use parking_lot::Mutex;
use player::Player;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What `cargo xtask lives` plays unless told otherwise.
const COUNT: u64 = 2_000;
const USAGE: &str =
    "usage: hearken-lives [--count N | --minutes N | --seed S | FILE...] [--from S] [--keep FOLDER]";

/// What to play, from which seed on, and where the short forms of new faults are kept.
#[derive(Debug, PartialEq)]
struct Wish {
    order: Order,
    from: u64,
    keep: Option<PathBuf>,
}

#[derive(Debug, PartialEq)]
enum Order {
    Count(u64),
    Minutes(f64),
    Seed(u64),
    Files(Vec<PathBuf>),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == player::ARGUMENT) {
        player::serve();
        return ExitCode::SUCCESS;
    }
    let outcome = parse(&arguments).and_then(|wish| match &wish.order {
        Order::Seed(seed) => one(&draw::draw(*seed), &format!("seed {seed}")),
        Order::Files(files) => {
            files.iter().try_for_each(|file| one(&read(file)?, &file.display().to_string()))
        }
        Order::Count(count) => corpus().and_then(|()| many(&wish, |played, _| played < *count)),
        Order::Minutes(minutes) => {
            let length = Duration::from_secs_f64(minutes * 60.0);
            corpus().and_then(|()| many(&wish, |_, since| since < length))
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("lives: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Wish, String> {
    let (mut order, mut from, mut keep, mut files) = (None, 0, None, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().ok_or_else(|| USAGE.to_owned());
        let whole = |text: &String| text.parse().map_err(|_| USAGE.to_owned());
        match argument.as_str() {
            "--count" => order = Some(Order::Count(whole(number()?)?)),
            "--seed" => order = Some(Order::Seed(whole(number()?)?)),
            "--keep" => keep = Some(number()?.into()),
            "--from" => from = whole(number()?)?,
            "--minutes" => {
                let minutes = number()?.parse::<f64>().ok().filter(|minutes| (0.0..=1e6).contains(minutes));
                order = Some(Order::Minutes(minutes.ok_or(USAGE)?));
            }
            flag if flag.starts_with('-') => return Err(USAGE.to_owned()),
            file => files.push(file.into()),
        }
    }
    if !files.is_empty() {
        order = Some(Order::Files(files));
    }
    Ok(Wish { order: order.unwrap_or(Order::Count(COUNT)), from, keep })
}

fn read(file: &Path) -> Result<Life, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Life::parse(&text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Plays one life in this process, and says everything about it.
fn one(life: &Life, name: &str) -> Result<(), String> {
    println!("{name}:\n{life}");
    play::keep_panics();
    let played = play::play(life);
    println!("{played}");
    let broken = oracle::judge(life, &played);
    for broken in &broken {
        let mark = if known::known(broken).is_some() { " (known)" } else { "" };
        println!("broken{mark}: {}: {}\n  {}", broken.promise, broken.cause, broken.particulars);
    }
    if broken.is_empty() { Ok(()) } else { Err(format!("{name} breaks {} promises", broken.len())) }
}

/// Lives that once failed: each name says how. One that is known to fail today must, or its entry is out of date.
fn corpus() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let (mut player, mut wrong, mut broken_now) = (Player::default(), Vec::new(), 0);
    for file in &files {
        let broken = player.judge(&read(file)?);
        broken_now += usize::from(!broken.is_empty());
        for broken in broken.iter().filter(|broken| known::known(broken).is_none()) {
            wrong.push(format!("{}: {broken:?}", file.display()));
        }
    }
    println!("{} lives of the corpus, {broken_now} broken in ways that are known", files.len());
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// What was found, by promise and cause: how often, and a seed.
type Found = BTreeMap<(String, String), (u64, u64, Broken)>;

/// Plays the lives of seeds from `from` on while `goes_on`, on two processes.
fn many(wish: &Wish, goes_on: impl Fn(u64, Duration) -> bool + Sync) -> Result<(), String> {
    let (next, since, found) = (AtomicU64::new(0), Instant::now(), Mutex::new(Found::new()));
    let is_green = AtomicU64::new(0);
    let processes = thread::available_parallelism().map_or(1, usize::from).min(2);
    thread::scope(|scope| {
        for _ in 0..processes {
            scope.spawn(|| {
                let mut player = Player::default();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if !goes_on(number, since.elapsed()) {
                        return;
                    }
                    let seed = wish.from + number;
                    let broken = player.judge(&draw::draw(seed));
                    is_green.fetch_add(u64::from(broken.is_empty()), Ordering::Relaxed);
                    let mut found = found.lock();
                    for broken in broken {
                        let key = (broken.promise.clone(), broken.cause.clone());
                        let entry = found.entry(key).or_insert((0, seed, broken));
                        entry.0 += 1;
                    }
                    if number % 100 == 99 {
                        let new =
                            found.values().filter(|(.., broken)| known::known(broken).is_none()).count();
                        let rate = (number + 1) as f64 / since.elapsed().as_secs_f64();
                        println!("{} lives, {rate:.0} a second, {new} new faults", number + 1);
                    }
                }
            });
        }
    });
    let played = next.into_inner() - processes as u64;
    println!(
        "{played} lives, seeds {} to {}, {} without a broken promise, {:.1} s",
        wish.from,
        wish.from + played,
        is_green.into_inner(),
        since.elapsed().as_secs_f64()
    );
    tell(found.into_inner(), wish.keep.as_deref())
}

/// Says what was found, the new ones short.
fn tell(found: Found, keep: Option<&Path>) -> Result<(), String> {
    let (mut new, mut player) = (0, Player::default());
    for ((promise, cause), (times, seed, broken)) in &found {
        if let Some(known) = known::known(broken) {
            println!("known, {times} times: {promise}: {cause} ({}), seed {seed}", known.what);
            continue;
        }
        new += 1;
        println!("\nNEW, {times} times: {promise}: {cause}, seed {seed}\n  {}", broken.particulars);
        let short = shrink::shrink(&draw::draw(*seed), broken, |life| player.judge(life));
        println!("{short}");
        if let Some(folder) = keep {
            let name: String =
                format!("{promise} {cause}").chars().filter(|c| *c == ' ' || c.is_alphanumeric()).collect();
            let file = folder.join(format!("{}.json", name.replace(' ', "-").to_lowercase()));
            fs::write(&file, short.to_string()).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    if new == 0 { Ok(()) } else { Err(format!("{new} faults that are not known")) }
}

//! The verb `mutants`: weakens the handoff in one place at a time and demands that the models notice.
//!
//! Most mutants are generated from the source, so a new atomic or a new comparison cannot be forgotten: each ordering
//! weakened, each fence removed or turned round, each store removed, each counter stopped, each comparison negated and
//! made constant. Some faults of logic are listed by hand. A mutant that the models let live is red, unless it is an
//! argued [`Equivalent`]; an `Equivalent` that no mutant needs is red as well.

mod faults;
mod generate;
mod lab;

use faults::FAULTS;
use generate::generate;
use lab::Lab;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Instant;

/// A source file whose mutants are generated, and the test programs that are tried first.
struct Source {
    file: &'static str,
    first: &'static [&'static str],
}

const SOURCES: &[Source] = &[
    Source { file: "src/handoff/gate.rs", first: &["gate", "stop"] },
    Source { file: "src/handoff/index_queue.rs", first: &["index_queue", "pool"] },
    Source { file: "src/handoff/pool.rs", first: &["pool"] },
    Source { file: "src/handoff/seqlock.rs", first: &["seqlock"] },
];

/// Files of the same room without mutants: the map, the facade, and what no model can link.
const WITHOUT: &[&str] = &["mod.rs", "newest.rs", "sync.rs"];

/// A mutant that changes nothing which a model could or should see, and why.
struct Equivalent {
    file: &'static str,
    /// The mutated line as it stands in the source, trimmed.
    line: &'static str,
    mutation: &'static str,
    argument: &'static str,
}

const EQUIVALENT: &[Equivalent] = &[];

/// One changed copy of one file.
struct Mutant {
    file: &'static str,
    /// Where, counted from 1; 0 for a fault of logic.
    line_number: usize,
    line: String,
    mutation: String,
    text: String,
}

/// What became of a mutant.
enum Fate {
    /// By which test.
    Killed(String),
    Survived,
}

/// Makes and tries every mutant, or those whose description contains the first argument; `--list` only shows them.
///
/// `root` is the workspace's, `target` a directory that may be filled.
pub fn run(root: &Path, target: &Path, arguments: &[String]) -> Result<(), String> {
    let list = arguments.iter().any(|argument| argument == "--list");
    let filter = arguments.iter().find(|argument| !argument.starts_with("--")).map_or("", String::as_str);
    let mut mutants = all(root)?;
    mutants.retain(|mutant| mutant.describe().contains(filter));
    if list {
        mutants.iter().for_each(|mutant| println!("{}", mutant.describe()));
        println!("{} mutants", mutants.len());
        return Ok(());
    }

    let lab = Lab::new(root, &target.join("mutants"))?;
    println!("the models as they are …");
    if let Fate::Killed(by) = lab.judge(&[])? {
        return Err(format!("`{by}` fails without any mutation"));
    }
    let (mut killed, mut equivalent, mut red) = (0, 0, Vec::new());
    let mut unused: BTreeSet<usize> = (0..EQUIVALENT.len()).collect();
    for mutant in &mutants {
        let start = Instant::now();
        let fate = lab.try_out(root, mutant)?;
        let seconds = start.elapsed().as_secs_f32();
        let excuse = EQUIVALENT.iter().position(|equivalent| equivalent.excuses(mutant));
        let verdict = match (&fate, excuse) {
            (Fate::Killed(by), None) => {
                killed += 1;
                format!("killed by {by}")
            }
            (Fate::Survived, Some(index)) => {
                equivalent += 1;
                unused.remove(&index);
                format!("equivalent: {}", EQUIVALENT[index].argument)
            }
            (Fate::Killed(by), Some(_)) => {
                red.push(format!("killed by {by}, yet listed as equivalent: {}", mutant.describe()));
                format!("KILLED by {by}, yet listed as equivalent")
            }
            (Fate::Survived, None) => {
                red.push(format!("survived: {}", mutant.describe()));
                "SURVIVED".into()
            }
        };
        println!("{seconds:6.1} s  {}\n          {verdict}", mutant.describe());
    }
    println!("{} mutants: {killed} killed, {equivalent} equivalent, {} red", mutants.len(), red.len());
    if filter.is_empty() {
        let idle = unused.iter().map(|&index| &EQUIVALENT[index]);
        red.extend(idle.map(|idle| format!("equivalent to nothing: {} `{}`", idle.file, idle.line)));
    }
    if mutants.is_empty() {
        return Err("no mutant was made".into());
    }
    if red.is_empty() { Ok(()) } else { Err(red.join("\n")) }
}

/// Every mutant of the sources.
fn all(root: &Path) -> Result<Vec<Mutant>, String> {
    let room = root.join("src/handoff");
    for entry in fs::read_dir(&room).map_err(|error| format!("{}: {error}", room.display()))? {
        let name = entry.map_err(|error| error.to_string())?.file_name();
        let name = name.to_string_lossy();
        if !WITHOUT.contains(&&*name) && !SOURCES.iter().any(|source| source.file.ends_with(&*name)) {
            return Err(format!("src/handoff/{name} is new: give it a line in xtask/src/mutants.rs"));
        }
    }
    let mut mutants = Vec::new();
    for source in SOURCES {
        mutants.extend(generate(source.file, &read(root, source.file)?));
    }
    for fault in FAULTS {
        let mut text = read(root, fault.file)?;
        for (from, to) in fault.edits {
            // The last edit may meet what an earlier one put in: it takes the last occurrence.
            let at =
                text.rfind(from).ok_or_else(|| format!("`{from}` no longer stands in {}", fault.file))?;
            text.replace_range(at..at + from.len(), to);
        }
        let (line, mutation) = (String::new(), fault.what.to_owned());
        mutants.push(Mutant { file: fault.file, line_number: 0, line, mutation, text });
    }
    Ok(mutants)
}

impl Mutant {
    fn describe(&self) -> String {
        match self.line_number {
            0 => format!("{}: {}", self.file, self.mutation),
            number => format!("{}:{number}: {}: `{}`", self.file, self.mutation, self.line),
        }
    }
}

impl Equivalent {
    fn excuses(&self, mutant: &Mutant) -> bool {
        (self.file, self.line, self.mutation) == (mutant.file, mutant.line.as_str(), mutant.mutation.as_str())
    }
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

//! The verb `mutants`: weakens the handoff in one place at a time and demands that the models notice.
//!
//! Most mutants are generated from the source, so a new atomic or a new comparison cannot be forgotten: each ordering
//! weakened, each fence removed or turned round, each store removed, each counter stopped, each comparison negated and
//! made constant. Some faults of logic are listed by hand. A mutant that the models let live is red, unless it is an
//! argued [`Equivalent`]; an `Equivalent` that no mutant needs is red as well.

mod faults;

use faults::FAULTS;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// How long one test program may take; the slowest takes a tenth of it. Longer counts as killed: a mutant that never
/// ends is noticed.
const TIME_LIMIT: Duration = Duration::from_secs(180);

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

/// The mutants of one file's code, without comments, strings and unit tests.
fn generate(file: &'static str, text: &str) -> Vec<Mutant> {
    let code = blank(text);
    let mut changes: Vec<(Range<usize>, String, String)> = Vec::new();
    let mut change = |range: Range<usize>, to: &str, mutation: &str| {
        changes.push((range, to.to_owned(), mutation.to_owned()));
    };
    for (at, _) in code.match_indices("Ordering::") {
        let range =
            at..at + "Ordering::".len() + code[at + "Ordering::".len()..].find(not_a_word).unwrap_or(0);
        let ordering = &code[range.start + "Ordering::".len()..range.end];
        if code[..at].ends_with("fence(") {
            let statement = at - "fence(".len()..range.end + ");".len();
            change(statement, "", "fence removed");
            match ordering {
                "Acquire" => change(range, "Ordering::Release", "fence turned to Release"),
                "Release" => change(range, "Ordering::Acquire", "fence turned to Acquire"),
                _ => change(range, "Ordering::AcqRel", "fence weakened to AcqRel"),
            }
            continue;
        }
        let weaker: &[&str] = match ordering {
            "Acquire" | "Release" => &["Relaxed"],
            "AcqRel" => &["Acquire", "Release"],
            "SeqCst" => &["AcqRel"],
            _ => &[],
        };
        for to in weaker {
            change(range.clone(), &format!("Ordering::{to}"), &format!("{ordering} -> {to}"));
        }
    }
    for (at, _) in code.match_indices(".store(") {
        let start = code[..at].rfind(['\n', '{', '}']).map_or(0, |before| before + 1);
        let end = at + code[at..].find(';').unwrap_or(0) + 1;
        change(start..end, "", "store removed");
    }
    for (at, found) in code.match_indices("fetch_add(1") {
        change(at..at + found.len(), "fetch_add(0", "counter stopped");
    }
    for (at, _) in code.match_indices(" += ") {
        let end = at + code[at..].find(';').unwrap_or(0);
        change(at..end, " += 0", "counter stopped");
    }
    for (is, is_not) in [("is_none()", "is_some()"), ("is_some()", "is_none()"), ("is_ok()", "is_err()")] {
        for (at, found) in code.match_indices(is) {
            change(at..at + found.len(), is_not, "check negated");
            change(at..at + found.len(), &format!("{found} | true"), "check made true");
            change(at..at + found.len(), &format!("{found} & false"), "check made false");
        }
    }
    for (at, found) in code.match_indices(".ok()?") {
        change(at..at + found.len(), ".ok()", "check ignored");
    }
    for (at, _) in code.match_indices("if !") {
        change(at + 3..at + 4, "", "check negated");
    }
    let opposites = [
        (" == ", " != "),
        (" != ", " == "),
        (" < ", " >= "),
        (" >= ", " < "),
        (" > ", " <= "),
        (" <= ", " > "),
    ];
    for (operator, opposite) in opposites {
        for (at, found) in code.match_indices(operator) {
            change(at..at + found.len(), opposite, &format!("{} -> {}", operator.trim(), opposite.trim()));
            let whole = operand_start(&code[..at])..at + found.len() + operand_len(&code[at + found.len()..]);
            change(whole.clone(), "true", "comparison made true");
            change(whole, "false", "comparison made false");
        }
    }
    for (one, other) in [(" && ", " || "), (" || ", " && ")] {
        for (at, found) in code.match_indices(one) {
            change(at..at + found.len(), other, &format!("{} -> {}", one.trim(), other.trim()));
        }
    }
    changes.sort_by_key(|(range, ..)| range.start);
    let mutant = |(range, to, mutation): (Range<usize>, String, String)| {
        let first = range.start + text[range.clone()].len() - text[range.clone()].trim_start().len();
        let line_number = text[..first].matches('\n').count() + 1;
        let line = text.lines().nth(line_number - 1).unwrap_or_default().trim().to_owned();
        let mut text = text.to_owned();
        text.replace_range(range, &to);
        Mutant { file, line_number, line, mutation, text }
    };
    changes.into_iter().map(mutant).collect()
}

/// `text` with comments and strings blanked out, byte for byte, and cut before the unit tests.
fn blank(text: &str) -> String {
    let end = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|tests| text.find(tests)).min();
    let mut code = text[..end.unwrap_or(text.len())].to_owned().into_bytes();
    let (mut at, mut quoted) = (0, false);
    while at < code.len() {
        if !quoted && code[at..].starts_with(b"//") {
            while at < code.len() && code[at] != b'\n' {
                code[at] = b' ';
                at += 1;
            }
        } else if code[at] == b'"' {
            quoted = !quoted;
        } else if quoted {
            code[at] = b' ';
        }
        at += 1;
    }
    String::from_utf8(code).expect("only whole strings and comments were blanked")
}

fn not_a_word(character: char) -> bool {
    !character.is_alphanumeric() && character != '_'
}

/// Where the left operand of a comparison begins, at the end of `code`.
fn operand_start(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices().rev() {
        match character {
            ')' | ']' => depth += 1,
            '(' | '[' | '{' | ',' | ';' | '}' if depth == 0 => return skip_blanks(code, at + 1),
            '(' | '[' => depth -= 1,
            _ if depth > 0 => {}
            _ => {
                let stops = ["if ", "&& ", "|| ", "= ", "! ", "while ", "return "];
                if let Some(stop) = stops.iter().find(|stop| code[at..].starts_with(**stop)) {
                    return skip_blanks(code, at + stop.len());
                }
            }
        }
    }
    0
}

fn skip_blanks(code: &str, from: usize) -> usize {
    from + code[from..].len() - code[from..].trim_start().len()
}

/// How long the right operand of a comparison is, at the start of `code`.
fn operand_len(code: &str) -> usize {
    let mut depth = 0;
    for (at, character) in code.char_indices() {
        match character {
            ')' | ']' | ',' | ';' | '{' | '}' if depth == 0 => return code[..at].trim_end().len(),
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '&' | '|' if depth == 0 => return code[..at].trim_end().len(),
            _ => {}
        }
    }
    code.len()
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

/// A copy of the workspace in which the mutants live one after the other, with one target directory for all.
struct Lab {
    root: PathBuf,
    target: PathBuf,
    programs: Vec<String>,
}

impl Lab {
    fn new(root: &Path, at: &Path) -> Result<Self, String> {
        let (copy, target) = (at.join("workspace"), at.join("target"));
        if copy.exists() {
            fs::remove_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
        }
        copy_sources(root, &copy).map_err(|error| format!("copying the workspace: {error}"))?;
        let tests = copy.join("loom-tests/tests");
        let mut programs = Vec::new();
        for entry in fs::read_dir(&tests).map_err(|error| format!("{}: {error}", tests.display()))? {
            let path = entry.map_err(|error| error.to_string())?.path();
            let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
            if text.contains("#![cfg(loom)]") {
                programs.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        programs.sort();
        Ok(Self { root: copy, target, programs })
    }

    fn try_out(&self, root: &Path, mutant: &Mutant) -> Result<Fate, String> {
        let path = self.root.join(mutant.file);
        fs::write(&path, &mutant.text).map_err(|error| format!("{}: {error}", path.display()))?;
        let first = SOURCES.iter().find(|source| source.file == mutant.file);
        let fate = self.judge(first.map_or(&["stop"][..], |source| source.first));
        fs::write(&path, read(root, mutant.file)?).map_err(|error| error.to_string())?;
        fate.map_err(|error| format!("{}: {error}", mutant.describe()))
    }

    /// Runs the test programs until one fails, `first` first.
    fn judge(&self, first: &[&str]) -> Result<Fate, String> {
        for program in first {
            if let Some(test) = self.failure(program, &self.build(&[program])?)? {
                return Ok(Fate::Killed(test));
            }
        }
        let rest: Vec<&str> =
            self.programs.iter().map(String::as_str).filter(|name| !first.contains(name)).collect();
        let built = self.build(&rest)?;
        for program in rest {
            if let Some(test) = self.failure(program, &built)? {
                return Ok(Fate::Killed(test));
            }
        }
        Ok(Fate::Survived)
    }

    /// Builds test programs; gives what cargo said, which names them.
    fn build(&self, programs: &[&str]) -> Result<String, String> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(["test", "--package", "loom-tests", "--release", "--no-run", "--color", "never"]);
        programs.iter().for_each(|program| {
            command.args(["--test", program]);
        });
        let output = command
            .arg("--target-dir")
            .arg(&self.target)
            .current_dir(&self.root)
            .env("RUSTFLAGS", "--cfg loom")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            // The programs are short-lived: link them fast.
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .output()
            .map_err(|error| format!("cargo: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(text) } else { Err(format!("does not build:\n{text}")) }
    }

    /// Runs one program of those that `built` names, to its end or its first failure, which it names.
    fn failure(&self, program: &str, built: &str) -> Result<Option<String>, String> {
        let named = format!("Executable tests/{program}.rs (");
        let path = built.lines().find_map(|line| line.trim().strip_prefix(&named)?.strip_suffix(')'));
        let path = path.ok_or_else(|| format!("cargo built no test program `{program}`"))?;
        let mut child = Command::new(self.root.join(path))
            .current_dir(&self.root)
            .env("RUST_BACKTRACE", "0")
            // A mutant has to break something, not just to change the number of executions.
            .env("LOOM_TESTS_WITHOUT_FLOORS", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let (tell, told) = mpsc::channel();
        let output = child.stdout.take();
        let reader = thread::spawn(move || {
            let mut lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
            // A failure is known long before the other models are through.
            let failed = lines.find_map(|line| {
                Some(line.ok()?.strip_prefix("test ")?.strip_suffix("... FAILED")?.trim().to_owned())
            });
            let _ = tell.send(failed);
        });
        let failed = told.recv_timeout(TIME_LIMIT);
        if !matches!(failed, Ok(None)) {
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| error.to_string())?;
        reader.join().map_err(|_| "the reader of the output panicked")?;
        Ok(match failed {
            Ok(Some(test)) => Some(format!("{program}: {test}")),
            Ok(None) if status.success() => None,
            Ok(None) => Some(format!("{program}, which ended with {status}")),
            Err(_) => Some(format!("{program}, which did not end")),
        })
    }
}

/// Copies manifests and Rust files, leaving out what is built and what is hidden.
fn copy_sources(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let text = name.to_string_lossy();
        let built_or_hidden = text == "target" || text.starts_with('.') || path.join("CACHEDIR.TAG").exists();
        if entry.file_type()?.is_dir() {
            if !built_or_hidden {
                copy_sources(&path, &to.join(&name))?;
            }
        } else if [".rs", ".toml", ".lock", ".md"].iter().any(|end| text.ends_with(end)) {
            fs::copy(&path, to.join(&name))?;
        }
    }
    Ok(())
}

fn read(root: &Path, file: &str) -> Result<String, String> {
    fs::read_to_string(root.join(file)).map_err(|error| format!("{file}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mutated lines of `code`, each with its mutation.
    fn made(code: &str) -> Vec<(String, String)> {
        let changed = |mutant: Mutant| {
            let lines = mutant.text.lines().map(str::trim).filter(|line| !line.is_empty());
            (mutant.mutation, lines.collect::<Vec<_>>().join(" "))
        };
        generate("", code).into_iter().map(changed).collect()
    }

    #[test]
    fn orderings_fences_and_stores_are_found() {
        let mutants = made("a.store(1, Ordering::Release);");
        assert_eq!(
            mutants,
            [
                ("store removed".to_owned(), String::new()),
                ("Release -> Relaxed".into(), "a.store(1, Ordering::Relaxed);".into())
            ]
        );
        let mutants = made("fence(Ordering::Acquire);");
        assert_eq!(mutants.len(), 2);
        assert_eq!(mutants[0], ("fence removed".to_owned(), String::new()));
        assert!(made("a.load(Ordering::Relaxed); // Ordering::Acquire, a == b \"").is_empty());
    }

    #[test]
    fn a_comparison_is_negated_and_made_constant() {
        let results: Vec<_> =
            made("if before % 2 == 1 && f(a, b) {").into_iter().map(|mutant| mutant.1).collect();
        assert_eq!(
            results,
            [
                "if true && f(a, b) {",
                "if false && f(a, b) {",
                "if before % 2 != 1 && f(a, b) {",
                "if before % 2 == 1 || f(a, b) {"
            ]
        );
        let (_, result) = made("(self.x.load(Ordering::Relaxed) == before).then_some(1)").remove(0);
        assert_eq!(result, "(true).then_some(1)");
    }

    #[test]
    fn unit_tests_and_strings_make_no_mutants() {
        assert!(made("let x = \"a == b\";\n#[cfg(test)]\nmod tests { a == b }").is_empty());
    }
}

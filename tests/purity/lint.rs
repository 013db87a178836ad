//! No name of a lock, a channel, a clock, of text, of input and output, of memory being taken, of a thread or of a
//! panic in the source of the real-time half: `src/intake.rs`, `src/record.rs`, `src/faults.rs`, `src/handoff` and the
//! loop that reads from ALSA.
//!
//! It sees what a filter for system calls cannot: a lock that happens to be free, an allocation that happens to be
//! served from what is at hand. It reads words, so it sees neither what a word stands for nor what is called elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};

/// Words that appear nowhere.
const NOWHERE: &[&str] = &[
    "Mutex",
    "RwLock",
    "Condvar",
    "Barrier",
    "Once",
    "OnceLock",
    "LazyLock",
    "parking_lot",
    "lock", // locks
    "mpsc",
    "channel",
    "sync_channel",
    "crossbeam_channel", // channels
    "Instant",
    "SystemTime",
    "elapsed", // clocks
    "println !",
    "eprintln !",
    "print !",
    "eprint !",
    "dbg !",
    "log ::",
    "tracing ::", // words to people
    "io",
    "fs",
    "net",
    "process",
    "env",
    "libc",
    "nix",
    "extern",
    "asm !", // the system
    "thread",
    "park",
    "unpark",
    "sleep",
    "yield_now",
    "spawn",
    "thread_local !", // threads
    "HashMap",
    "HashSet",
    "BTreeMap",
    "BTreeSet",
    "VecDeque",
    "Rc ::", // what grows, what counts without atomics
    "unwrap",
    "expect",
    "panic !",
    "todo !",
    "unimplemented !",
    "unreachable !", // panics
];

/// Words that appear only where nothing runs in real time: in the functions that make things, and in `Debug`.
const ONLY_BEFORE: &[&str] = &[
    "vec !",
    "Vec ::",
    "Box ::",
    "String ::",
    "Arc :: new",
    ". collect",
    ". to_vec",
    ". to_owned",
    ". to_string",
    ". into_boxed_slice",
    ". reserve",
    ". resize",
    ". extend",
    ". clone",
    ". into", // memory
    "format !",
    "write !",
    "writeln !",
    "format_args !",
    "debug_struct", // text
    "assert !",
    "assert_eq !",
    "assert_ne !",
    "debug_assert !", // panics
];

/// The functions that make things.
const MAKERS: &[&str] = &["new", "pool", "pool_from", "index_queue", "seqlock", "newest", "fmt"];

/// File, function, word: exceptions, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    // The worker's side of the pool: it panics on a block of another pool, as documented.
    ("pool.rs", "bytes", "assert !"),
    ("pool.rs", "give_back", "assert !"),
    ("pool.rs", "wipe", "assert !"),
];

/// A word where it must not be.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    file: String,
    line: usize,
    /// The innermost function, or nothing.
    function: String,
    word: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}` in `{}`", self.file, self.line, self.word, self.function)
    }
}

/// A word or a sign of the source, with its line; comments and the insides of texts are left out.
fn tokens(source: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let mut line = 1;
    let mut rest = source;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(first) = rest.chars().next() {
        let quoted = |quote: char| {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|&(_, c)| {
                let ends = c == quote && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |(at, _)| at + 1)
        };
        let (length, kept) = if rest.starts_with("//") {
            (rest.find('\n').unwrap_or(rest.len()), false)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |at| at + 2), false)
        } else if first == '"' {
            (quoted('"'), false)
        } else if first == '\'' {
            // A lifetime has no second quote where a character would have it.
            let is_character = rest.starts_with("'\\") || rest.chars().nth(2) == Some('\'');
            (if is_character { quoted('\'') } else { 1 }, false)
        } else if is_word(first) {
            (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), true)
        } else if rest.starts_with("::") {
            (2, true)
        } else {
            (first.len_utf8(), !first.is_whitespace())
        };
        let (token, later) = rest.split_at(length);
        if kept {
            tokens.push((line, token.to_owned()));
        }
        line += token.matches('\n').count();
        rest = later;
    }
    tokens
}

/// Every forbidden word in `source`, unit tests left out.
fn lint(file: &str, source: &str) -> Vec<Finding> {
    let tokens = tokens(source);
    let is = |at: usize, words: &[&str]| {
        words
            .iter()
            .enumerate()
            .all(|(step, word)| tokens.get(at + step).is_some_and(|token| token.1 == *word))
    };
    let mut findings = Vec::new();
    // The functions that we are in, each with the depth of its body.
    let mut functions: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut announced) = (0, None);
    for (at, (line, token)) in tokens.iter().enumerate() {
        // Unit tests stand at the end of their file.
        if is(at, &["#", "[", "cfg", "(", "test"]) || is(at, &["#", "[", "cfg", "(", "all", "(", "test"]) {
            break;
        }
        match token.as_str() {
            "fn" => announced = tokens.get(at + 1).map(|name| name.1.clone()),
            "{" => {
                depth += 1;
                functions.extend(announced.take().map(|name| (name, depth)));
            }
            "}" => {
                functions.pop_if(|function| function.1 == depth);
                depth -= 1;
            }
            // A declaration without a body.
            ";" => announced = None,
            _ => {}
        }
        let function = functions.last().map_or("", |function| &function.0);
        let makes = functions.iter().any(|function| MAKERS.contains(&function.0.as_str()));
        let forbidden = NOWHERE.iter().chain(ONLY_BEFORE.iter().filter(|_| !makes));
        for word in forbidden.filter(|word| is(at, &word.split(' ').collect::<Vec<_>>())) {
            findings.push(Finding {
                file: file.to_owned(),
                line: *line,
                function: function.to_owned(),
                word,
            });
        }
    }
    findings
}

/// The loop that reads from ALSA: it enters the system and waits there, by ALSA's library, and does nothing else.
const READER: &str = "source/device/alsa_reader.rs";

/// The files of the real-time half.
fn files() -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let handoff = std::fs::read_dir(source.join("handoff")).expect("the directory is there");
    let mut files: Vec<PathBuf> = handoff.map(|entry| entry.expect("it can be listed").path()).collect();
    files.extend(["intake.rs", "record.rs", "faults.rs", READER].map(|file| source.join(file)));
    files
}

#[test]
fn the_real_time_half_names_nothing_that_may_wait_or_allocate() {
    let mut findings = Vec::new();
    for path in files() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        findings.extend(lint(&name, &std::fs::read_to_string(&path).expect("it can be read")));
    }
    let excepted = |finding: &Finding, (file, function, word): &(&str, &str, &str)| {
        finding.file == *file && finding.function == *function && finding.word == *word
    };
    let unused: Vec<_> = EXCEPTIONS
        .iter()
        .filter(|exception| !findings.iter().any(|finding| excepted(finding, exception)))
        .collect();
    findings.retain(|finding| !EXCEPTIONS.iter().any(|exception| excepted(finding, exception)));
    let list = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(findings.is_empty(), "{list}");
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
    assert!(files().len() >= 8, "where is the rest of the source?");
}

/// The words found in the body of a function of the real-time half.
fn found(body: &str) -> Vec<&'static str> {
    let source = format!("impl Intake {{ fn callback(&mut self) {{ {body} }} }}");
    lint("planted.rs", &source).iter().map(|finding| finding.word).collect()
}

#[test]
fn a_planted_mutex_is_found() {
    let source = "use std::sync::Mutex;\n\
        /// Not a Mutex.\n\
        struct Intake { count: Mutex<u64> }\n\
        impl Intake {\n\
            fn callback(&self) { *self.count.lock().unwrap() += 1; }\n\
        }\n";
    let lines: Vec<_> =
        lint("planted.rs", source).iter().map(|finding| (finding.line, finding.word)).collect();
    assert_eq!(lines, [(1, "Mutex"), (3, "Mutex"), (5, "lock"), (5, "unwrap")]);
}

#[test]
fn other_planted_words_are_found() {
    let planted = [
        ("let (a, b) = std::sync::mpsc::channel();", vec!["mpsc", "channel"]),
        ("let t = Instant::now();", vec!["Instant"]),
        ("println!(\"late\");", vec!["println !"]),
        ("let s = format!(\"{}\", 1);", vec!["format !"]),
        ("log::warn!(\"late\");", vec!["log ::"]),
        ("std::fs::read(\"x\");", vec!["fs"]),
        ("let v = vec![0; 4]; let w = Vec::new(); let b = Box::new(1);", vec!["vec !", "Vec ::", "Box ::"]),
        ("let v: Vec<u8> = bytes.iter().copied().collect();", vec![". collect"]),
        ("std::thread::yield_now();", vec!["thread", "yield_now"]),
        ("panic!(\"'\"); x.expect(\"a\");", vec!["panic !", "expect"]),
    ];
    for (body, words) in planted {
        assert_eq!(found(body), words, "{body}");
    }
}

#[test]
fn comments_texts_makers_and_unit_tests_are_left_alone() {
    assert!(
        found("// Mutex\n/* vec![] */ let a = \"Mutex \\\" lock\"; let c = '\"'; let l: &'static str = a;")
            .is_empty()
    );
    let maker = "fn new() -> Self { let b = Box::new(1); vec![1].iter().collect() }";
    assert!(lint("planted.rs", maker).is_empty());
    assert_eq!(lint("planted.rs", &format!("{maker} fn push() {{ vec![1]; }}")).len(), 1);
    // Nothing excuses a lock.
    assert_eq!(lint("planted.rs", "fn new() { Mutex }").len(), 1);
    assert!(lint("planted.rs", "fn a() {}\n#[cfg(test)]\nmod tests { fn b() { vec![1]; } }").is_empty());
}

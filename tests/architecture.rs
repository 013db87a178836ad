//! Keeps what `ARCHITECTURE.md` says of the tree: which module may name which, which word stands in which file, how long
//! a file may grow. Each rule is fed a made-up text that breaks it.

#[path = "architecture/rules.rs"]
mod rules;

use rules::{ARROWS, NEVER, ONLY};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A source text without comments, the contents of strings, and its inline tests.
fn code(text: &str) -> String {
    let tests = text
        .find("#[cfg(test)]\nmod tests {")
        .or_else(|| text.find("#[cfg(all(test, not(loom)))]\nmod tests {"));
    let text: Vec<char> = text[..tests.unwrap_or(text.len())].chars().collect();
    let (mut code, mut at) = (String::new(), 0);
    let starts = |at: usize, with: &str| text[at..].iter().copied().take(with.len()).eq(with.chars());
    while at < text.len() {
        if starts(at, "//") {
            at += text[at..].iter().take_while(|c| **c != '\n').count();
        } else if starts(at, "'\"'") {
            at += 3;
        } else if text[at] == '"' {
            at += 1;
            while at < text.len() && text[at] != '"' {
                at += if text[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else {
            code.push(text[at]);
            at += 1;
        }
    }
    code
}

fn is_part_of_a_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Where `word` stands in `code`, not as a part of a longer one: what follows it.
fn after<'a>(code: &'a str, word: &str) -> impl Iterator<Item = &'a str> {
    code.match_indices(word).filter_map(move |(at, word)| {
        let rest = &code[at + word.len()..];
        let alone = !code[..at].ends_with(is_part_of_a_word) && !rest.starts_with(is_part_of_a_word);
        alone.then_some(rest)
    })
}

/// The parts of `{a::{b, c}, d}`, the group that `text` begins with: `a::{b, c}` and ` d`. Of anything else, itself.
fn parts(text: &str) -> Vec<&str> {
    let Some(group) = text.trim_start().strip_prefix('{') else { return vec![text] };
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                parts.push(&group[start..at]);
                start = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    parts
}

fn first_word(text: &str) -> &str {
    let text = text.trim_start();
    &text[..text.find(|c| !is_part_of_a_word(c)).unwrap_or(text.len())]
}

/// The names that `lib.rs` re-exports, each with its module.
fn re_exports(lib: &str) -> BTreeMap<String, String> {
    let code = code(lib);
    let groups: Vec<&str> = after(&code, "use").flat_map(parts).collect();
    let words = |part: &str| {
        let module = first_word(part).to_owned();
        let names = part.split(|c| !is_part_of_a_word(c)).filter(|name| !name.is_empty());
        names.map(|name| (name.to_owned(), module.clone())).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(words).collect()
}

/// `src/tap/mod.rs` is `tap`, and `src/tap/pipe.rs` lies in it.
fn module(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("src/")?;
    let module = inside.split('/').next()?.trim_end_matches(".rs");
    (module != "lib").then_some(module)
}

/// What a file of `src` names outside its own module.
fn named(path: &str, code: &str, re_exports: &BTreeMap<String, String>) -> BTreeSet<String> {
    let module = module(path).unwrap_or_default();
    let at_the_top = matches!(path.split('/').collect::<Vec<_>>()[..], ["src", _] | ["src", _, "mod.rs"]);
    let roots = if at_the_top { &["crate", "super"][..] } else { &["crate"] };
    let paths = roots.iter().flat_map(|root| after(code, root)).filter_map(|rest| rest.strip_prefix("::"));
    let names = paths.flat_map(parts).map(first_word).filter(|name| !name.is_empty() && *name != "self");
    let modules = names.map(|name| re_exports.get(name).map_or(name, String::as_str).to_owned());
    modules.filter(|name| name != module).collect()
}

/// What is wrong with a file, in sentences.
fn faults(path: &str, text: &str, re_exports: &BTreeMap<String, String>) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(module) = module(path).filter(|_| !path.ends_with("/tests.rs")) else { return faults };
    let code = code(text);
    let begins = |files: &[&str]| files.iter().any(|file| path.starts_with(file));
    let wrong = ONLY
        .iter()
        .filter(|(_, files)| !begins(files))
        .chain(NEVER.iter().filter(|(_, files)| begins(files)));
    for (word, _) in wrong {
        if after(&code, word).next().is_some() {
            faults.push(format!("{path} says `{word}`"));
        }
    }
    let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == module) else {
        faults.push(format!("{path} lies in a module without arrows"));
        return faults;
    };
    for name in named(path, &code, re_exports) {
        if !allowed.contains(&name.as_str()) {
            faults.push(format!("{path}: `{module}` names `{name}`"));
        }
    }
    if code.replace(char::is_whitespace, "").contains("super::super::") {
        faults.push(format!("{path} climbs by `super::super`, where no arrow is seen"));
    }
    faults
}

/// The arrows as `ARCHITECTURE.md` shows them.
fn table() -> String {
    let mut table = String::from("| module | names |\n|---|---|\n");
    for (module, names) in ARROWS {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        table += &format!("| `{module}` | {names} |\n");
    }
    table
}

/// Every Rust file below `folder`, its path from the root and its text.
fn sources(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if entry.is_dir() && name != "target" && !name.starts_with('.') {
            sources(root, &entry, found);
        } else if name.ends_with(".rs") {
            let path = entry.strip_prefix(root).expect("it lies there").to_string_lossy().replace('\\', "/");
            // Line ends as they are in the repository.
            found.push((path, fs::read_to_string(&entry).expect("a text").replace("\r\n", "\n")));
        }
    }
}

fn tree() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    sources(root, root, &mut found);
    assert!(found.len() > 40, "the tree is not here");
    found
}

fn exports() -> BTreeMap<String, String> {
    let found = re_exports(include_str!("../src/lib.rs"));
    assert_eq!(found.get("Synthetic").map(String::as_str), Some("source"));
    found
}

#[test]
fn every_file_keeps_to_its_place() {
    let exports = exports();
    let faults: Vec<String> = tree().iter().flat_map(|(path, text)| faults(path, text, &exports)).collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn arrows_point_down_and_each_is_used() {
    let exports = exports();
    let mut used = BTreeMap::<String, BTreeSet<String>>::new();
    for (path, text) in tree() {
        if let Some(module) = module(&path) {
            used.entry(module.to_owned()).or_default().extend(named(&path, &code(&text), &exports));
        }
    }
    for (at, (module, names)) in ARROWS.iter().enumerate() {
        let used = used.get(*module).unwrap_or_else(|| panic!("there is no module {module}"));
        for name in *names {
            let below = ARROWS[at + 1..].iter().any(|(lower, _)| lower == name);
            assert!(below, "`{module}` names `{name}`, which does not lie below it");
            assert!(used.contains(*name), "`{module}` no longer names `{name}`: drop the arrow");
        }
    }
}

#[test]
fn the_page_shows_these_arrows() {
    let page = include_str!("../ARCHITECTURE.md").replace("\r\n", "\n");
    assert!(page.contains(&table()), "ARCHITECTURE.md should show this table:\n{}", table());
}

/// The faults of a made-up file, and that the same file without its last line has none.
fn planted(path: &str, text: &str) -> String {
    let exports = exports();
    let (before, _) = text.trim_end().rsplit_once('\n').expect("two lines");
    assert_eq!(faults(path, before, &exports), [""; 0], "the fault lies in the last line");
    faults(path, text, &exports).join("; ")
}

#[test]
fn a_planted_arrow_is_seen_in_every_spelling() {
    let upwards = [
        "use crate::tap::Chunk;",
        "use crate::{format::SampleFormat, tap::{self, Chunk}};",
        "use crate::Chunk;",
        "fn f(chunk: crate::Chunk) {}",
        "use super::tap;",
        "fn f() { super::tap::file(1) }",
        "use super::\n{error, tap};",
    ];
    for line in upwards {
        let text = format!("use crate::handoff::pool;\n{}", line.replace('\n', ""));
        assert!(planted("src/epoch.rs", &text).contains("`epoch` names `tap`"), "{line}");
    }
    assert!(
        planted("src/handoff/gate.rs", "use super::sync;\nuse crate::format::StreamFormat;")
            .contains("`format`")
    );
    assert!(planted("src/tap/pipe.rs", "use super::Tap;\nuse super::super::worker;").contains("climbs"));
    assert!(
        planted("src/tap/pipe.rs", "use super::Tap;\nuse crate::worker::Worker;")
            .contains("`tap` names `worker`")
    );
    assert!(faults("src/new.rs", "", &exports())[0].contains("without arrows"));
}

#[test]
fn a_planted_word_is_seen_and_a_mention_is_none() {
    for (path, line, word) in [
        ("src/capture.rs", "use cpal::Device;", "cpal"),
        ("src/capture.rs", "use nix::sys::inotify::Inotify;", "nix"),
        ("src/tap/pipe.rs", "use rubato::Fft;", "rubato"),
        ("src/signal/painter.rs", "use realfft::RealFftPlanner;", "realfft"),
        ("src/worker.rs", "use triple_buffer::Input;", "triple_buffer"),
        ("src/epoch.rs", "use parking_lot::Mutex;", "parking_lot"),
        ("src/handoff/pool.rs", "use std::sync::Mutex;", "Mutex"),
        ("src/handoff/seqlock.rs", "fn f() { unsafe { g() } }", "unsafe"),
    ] {
        let mention = format!(
            "//! Not {word}: \"{word}\".\nconst TEXT: &str = \"{word}, \\\"{word}\\\"\"; // {word}\n"
        );
        assert!(
            planted(path, &format!("{mention}{line}")).contains(&format!("{path} says `{word}`")),
            "{line}"
        );
    }
}

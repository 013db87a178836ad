//! The mutants of one source text.

use super::Mutant;
use std::ops::Range;

/// The mutants of one file's code, without comments, strings and unit tests.
pub(super) fn generate(file: &'static str, text: &str) -> Vec<Mutant> {
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

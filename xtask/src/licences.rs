//! The licence check: everything that is ever linked or run may be used in closed and open programs alike.

use crate::Outcome;
use crate::workspace::{LOCKS, Workspace};
use spdx::{Expression, ParseMode};
use std::collections::{BTreeMap, BTreeSet};

/// What a dependency may be licensed under. An expression with alternatives needs one of these among them.
const ALLOWED: &[&str] = &["Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unicode-3.0", "Zlib"];

/// Single packages with another licence: name, licence, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("triple_buffer", "MPL-2.0", OWN_FILES),
    // Tauri's, so the recorder's alone.
    ("cssparser", "MPL-2.0", OWN_FILES),
    ("cssparser-macros", "MPL-2.0", OWN_FILES),
    ("dtoa-short", "MPL-2.0", OWN_FILES),
    ("option-ext", "MPL-2.0", OWN_FILES),
    ("selectors", "MPL-2.0", OWN_FILES),
    (
        "target-lexicon",
        "Apache-2.0 WITH LLVM-exception",
        "runs while GTK's bindings are built, and is in no program",
    ),
];

const OWN_FILES: &str = "asks for its own files' source only, and those are used unchanged";

/// Checks every package of every lock file, whatever platform it is for, and prints which licences there are.
pub fn check(workspace: &Workspace) -> Outcome {
    let mut table = BTreeMap::<String, u32>::new();
    let mut refused = Vec::new();
    let mut seen = BTreeSet::new();
    for lock in LOCKS {
        let metadata = workspace.dependencies(lock, None)?;
        println!("{:>5} packages of {}", metadata.packages.len(), lock.name());
        for package in metadata.packages {
            let (name, licence) = (package.name.to_string(), package.license.as_deref());
            if !seen.insert((name.clone(), package.version.clone())) {
                continue;
            }
            *table.entry(licence.unwrap_or("none stated").to_owned()).or_default() += 1;
            if let Err(why) = judge(&name, licence) {
                refused.push(format!("{name} {} of {}: {why}", package.version, lock.name()));
            }
        }
    }
    for (licence, packages) in table {
        println!("{packages:>5}  {licence}");
    }
    for (name, licence, reason) in EXCEPTIONS {
        println!("exception: {name} ({licence}) {reason}");
        if !seen.iter().any(|(there, _)| there == name) {
            refused.push(format!("{name} is no longer a dependency: drop its exception"));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("\n  ")) }
}

/// Whether a package called `name` may be used under the `licence` it states.
fn judge(name: &str, licence: Option<&str>) -> Outcome {
    let licence = licence.ok_or("states no licence")?;
    // Old manifests separate alternatives by a slash.
    let expression = Expression::parse_mode(licence, ParseMode::LAX)
        .map_err(|error| format!("`{licence}` is no licence expression: {}", error.reason))?;
    let allowed = expression.evaluate(|requirement| {
        let asked = requirement.to_string();
        ALLOWED.contains(&asked.as_str())
            || EXCEPTIONS.iter().any(|&(package, granted, _)| package == name && granted == asked)
    });
    if allowed { Ok(()) } else { Err(format!("`{licence}` is not on the list")) }
}

#[cfg(test)]
mod tests {
    use super::judge;

    #[test]
    fn only_listed_licences_pass() {
        assert_eq!(judge("any", Some("MIT OR Apache-2.0")), Ok(()));
        assert_eq!(judge("any", Some("MIT/GPL-3.0-only")), Ok(()));
        assert_eq!(judge("any", Some("(MIT OR Apache-2.0) AND Unicode-3.0")), Ok(()));
        for refused in ["GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception", "my own"] {
            assert!(judge("any", Some(refused)).is_err(), "{refused} passed");
        }
        assert!(judge("any", None).is_err());
    }

    #[test]
    fn an_exception_holds_for_its_package_and_licence_alone() {
        assert_eq!(judge("triple_buffer", Some("MPL-2.0")), Ok(()));
        assert!(judge("another", Some("MPL-2.0")).is_err());
        assert!(judge("triple_buffer", Some("GPL-3.0-only")).is_err());
    }
}

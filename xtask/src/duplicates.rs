//! The duplicate check: a package that is linked in two versions costs build time, size and surprises.

use crate::Outcome;
use crate::workspace::{LOCKS, Lock, Workspace};
use cargo_metadata::{DependencyKind, Metadata, PackageId};
use std::collections::{BTreeMap, BTreeSet};

/// The platforms whose trees are looked at.
const PLATFORMS: &[&str] = &["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"];

/// Packages that may be there more than once: the folder of the lock file, the name, the reason.
const KNOWN: &[(&str, &str, &str)] = &[
    ("", "lock_api", "of parking_lot"),
    ("", "parking_lot", "crossterm's, behind the program's feature `monitor`, is one version behind"),
    ("", "parking_lot_core", "of parking_lot"),
    ("", "thiserror", "of the crate pulseaudio, one version behind that of the program's screen"),
    ("tauri", "base64", "of Swift's bindings, macOS"),
    ("tauri", "bitflags", "of WebKit's bindings"),
    ("tauri", "getrandom", "Tauri's is one version behind"),
    ("tauri", "hashbrown", "of schemars"),
    ("tauri", "indexmap", "of schemars"),
    ("tauri", "lock_api", "of parking_lot"),
    ("tauri", "miniz_oxide", "of png, for the icons"),
    ("tauri", "parking_lot", "that of Tauri's windows is one version behind"),
    ("tauri", "parking_lot_core", "of parking_lot"),
    ("tauri", "schemars", "of Tauri's build scripts"),
    ("tauri", "thiserror", "of GTK's bindings"),
];

/// Every version of each package.
type Versions = BTreeMap<String, BTreeSet<String>>;

/// Checks what is linked into the library and each program, on each platform.
pub fn check(workspace: &Workspace) -> Outcome {
    let mut wrong = Vec::new();
    for lock in LOCKS {
        let mut duplicates = Versions::new();
        for platform in PLATFORMS {
            let linked = linked(&workspace.dependencies(lock, Some(platform))?, lock)?;
            println!("{:>5} packages of {} are linked on {platform}", linked.len(), lock.name());
            for (name, versions) in several(linked) {
                duplicates.entry(name).or_default().extend(versions);
            }
        }
        let known: Vec<_> = KNOWN.iter().filter(|known| known.0 == lock.folder).map(|k| (k.1, k.2)).collect();
        wrong.extend(judge(&duplicates, &known).err());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n  ")) }
}

/// Those of `packages` (name, version) that occur in more than one version.
fn several(packages: impl IntoIterator<Item = (String, String)>) -> Versions {
    let mut all = Versions::new();
    for (name, version) in packages {
        all.entry(name).or_default().insert(version);
    }
    all.retain(|_, versions| versions.len() > 1);
    all
}

/// Red on a duplicate without a reason, and on a reason without a duplicate.
fn judge(duplicates: &Versions, known: &[(&str, &str)]) -> Outcome {
    let mut wrong = Vec::new();
    for (name, versions) in duplicates {
        let versions = versions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        match known.iter().find(|(listed, _)| listed == name) {
            Some((_, reason)) => println!("known: {name} {versions}: {reason}"),
            None => wrong.push(format!("{name} is linked in several versions: {versions}")),
        }
    }
    for (name, _) in known.iter().filter(|(name, _)| !duplicates.contains_key(*name)) {
        wrong.push(format!("{name} is linked in one version: drop its entry from the known duplicates"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n  ")) }
}

/// Name and version of everything reachable from the programs by normal dependencies.
/// Procedural macros run in the compiler, so neither they nor what they need is linked.
fn linked(metadata: &Metadata, lock: &Lock) -> Result<BTreeSet<(String, String)>, String> {
    let resolve = metadata.resolve.as_ref().ok_or("cargo resolved no dependencies")?;
    let packages: BTreeMap<&PackageId, _> = metadata.packages.iter().map(|p| (&p.id, p)).collect();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let is_root = |id: &PackageId| lock.programs.contains(&packages[id].name.as_str());
    let mut open: Vec<&PackageId> = metadata.workspace_members.iter().filter(|id| is_root(id)).collect();
    if open.len() != lock.programs.len() {
        return Err(format!("the workspace does not hold all of {}", lock.programs.join(", ")));
    }
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        let package = packages[id];
        if package.targets.iter().any(|target| target.is_proc_macro()) || !seen.insert(id) {
            continue;
        }
        let normal = |dependency: &&cargo_metadata::NodeDep| {
            dependency.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal)
        };
        open.extend(nodes[id].deps.iter().filter(normal).map(|dependency| &dependency.pkg));
    }
    Ok(seen.iter().map(|id| (packages[id].name.to_string(), packages[id].version.to_string())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(packages: &[(&str, &str)]) -> Versions {
        several(packages.iter().map(|&(name, version)| (name.to_owned(), version.to_owned())))
    }

    #[test]
    fn a_second_version_is_red_unless_a_reason_stands_for_it() {
        let twice = tree(&[("one", "1.0.0"), ("two", "1.0.0"), ("two", "2.1.0")]);
        assert!(judge(&twice, &[]).unwrap_err().contains("two is linked in several versions: 1.0.0, 2.1.0"));
        assert_eq!(judge(&twice, &[("two", "a reason")]), Ok(()));
        assert_eq!(judge(&tree(&[("one", "1.0.0"), ("one", "1.0.0")]), &[]), Ok(()));
    }

    #[test]
    fn a_reason_that_outlived_its_duplicate_is_red() {
        assert!(judge(&tree(&[("one", "1.0.0")]), &[("one", "a reason")]).is_err());
    }
}

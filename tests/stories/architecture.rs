//! The edges between the crates are those of the map, and no others.

#![expect(clippy::disallowed_methods, reason = "cargo is asked for the edges")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// What each crate may know of ours.
const MAP: &[(&str, &[&str])] = &[
    ("rescience-digest", &[]),
    ("rescience-bundle", &["rescience-digest"]),
    (
        "rescience-cache",
        &["rescience-digest", "rescience-exchange", "rescience-sign", "rescience-store"],
    ),
    ("rescience-exchange", &["rescience-bundle", "rescience-digest"]),
    ("rescience-provenance", &["rescience-digest"]),
    ("rescience-sign", &["rescience-digest"]),
    ("rescience-store", &["rescience-digest"]),
    ("rescience-recipes", &["rescience-digest"]),
    ("rescience-exec", &["rescience-digest", "rescience-recipes", "rescience-store"]),
    ("rescience-typst-papers", &["rescience-digest", "rescience-store"]),
    (
        "rescience",
        &[
            "rescience-bundle",
            "rescience-cache",
            "rescience-digest",
            "rescience-exchange",
            "rescience-exec",
            "rescience-provenance",
            "rescience-recipes",
            "rescience-sign",
            "rescience-store",
            "rescience-typst-papers",
        ],
    ),
];

/// Crates that must stay free of what would let them do more than they should.
const WITHOUT: &[(&str, &[&str])] = &[
    ("rescience-recipes", &["tokio", "git2", "ignore", "jiff", "reqwest"]),
    ("rescience-provenance", &["tokio", "git2", "zip", "typst"]),
    ("rescience-sign", &["tokio", "reqwest", "git2"]),
    ("rescience-store", &["tokio", "toml", "typst"]),
    ("rescience-typst-papers", &["tokio", "git2", "reqwest"]),
    ("rescience-exec", &["typst", "clap", "anstream", "indicatif"]),
    ("rescience-cache", &["typst", "clap", "anstream", "indicatif"]),
    ("rescience-exchange", &["typst", "clap", "anstream", "indicatif"]),
];

#[test]
fn crates_know_only_what_the_map_allows() {
    let dependencies = dependencies();
    for (name, allowed) in MAP {
        let ours: BTreeSet<&str> = dependencies[*name]
            .iter()
            .map(String::as_str)
            .filter(|name| name.starts_with("rescience"))
            .collect();
        assert!(ours.is_subset(&allowed.iter().copied().collect()), "{name} knows {ours:?}");
    }
    assert_eq!(dependencies.len(), MAP.len(), "a crate is missing in the map");
    for (name, forbidden) in WITHOUT {
        for other in *forbidden {
            assert!(!dependencies[*name].contains(*other), "{name} must not know {other}");
        }
    }
}

/// The direct dependencies of each crate of the workspace, without those of its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    packages
        .map(|package| {
            let all = package["dependencies"].as_array().unwrap().iter();
            let used = all.filter(|dependency| dependency["kind"] != "dev");
            let names = used.map(|dependency| dependency["name"].as_str().unwrap().to_owned());
            (package["name"].as_str().unwrap().to_owned(), names.collect())
        })
        .collect()
}

/// Every source file says in its first line what it is.
#[test]
fn every_module_begins_with_a_sentence() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        ["cli", "recipes", "store", "tests", "typst-papers"].map(|folder| root.join(folder)).into();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                assert!(text.starts_with("//! "), "{} has no first sentence", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} files were seen");
}

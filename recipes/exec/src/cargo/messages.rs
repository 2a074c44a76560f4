//! Cargo's messages: one JSON object a line, of which the artifacts matter here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;

/// What a build's messages come to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// The programs, by name.
    pub(super) executables: BTreeMap<String, PathBuf>,
    /// Packages of which something was compiled.
    pub(super) compiled: u32,
    /// Packages that were there already.
    pub(super) fresh: u32,
    /// Packages of which something was compiled and that are not the source's own.
    pub(super) foreign: u32,
    /// All that was compiled or there already.
    pub(super) files: BTreeSet<PathBuf>,
    /// Cargo's ids of packages of the source itself of which something was there already.
    pub(super) reused: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Artifact {
    package_id: String,
    target: Target,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
    fresh: bool,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Reads the messages of one build. Lines that are something else are passed over: a build script
/// can write what it likes.
pub(super) fn read(messages: &[u8]) -> Summary {
    let mut executables = BTreeMap::new();
    let mut files = BTreeSet::new();
    let (mut compiled, mut all, mut reused) = <(BTreeSet<_>, BTreeSet<_>, BTreeSet<_>)>::default();
    for line in messages.split(|byte| *byte == b'\n') {
        // Other messages lack these fields.
        let Ok(artifact) = serde_json::from_slice::<Artifact>(line) else { continue };
        if !artifact.fresh {
            compiled.insert(artifact.package_id.clone());
        } else if artifact.package_id.starts_with("path+") {
            reused.insert(artifact.package_id.clone());
        }
        all.insert(artifact.package_id);
        files.extend(artifact.filenames);
        if let (Some(path), "bin") =
            (artifact.executable, artifact.target.kind.first().map_or("", String::as_str))
        {
            executables.insert(artifact.target.name, path);
        }
    }
    let count = |packages: usize| u32::try_from(packages).unwrap_or(u32::MAX);
    let fresh = count(all.len() - compiled.len());
    let foreign = count(compiled.iter().filter(|id| !id.starts_with("path+")).count());
    Summary { executables, compiled: count(compiled.len()), fresh, foreign, files, reused }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_packages_are_counted_and_noise_passed_over() {
        let line = |package: &str, kind: &str, fresh: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{package}","target":{{"name":"x","kind":["{kind}"]}},"filenames":["/t/{package}"],"executable":{executable},"fresh":{fresh}}}"#
            )
        };
        let text = [
            line("dep#1", "lib", true, "null"),
            line("own#1", "custom-build", false, "\"/t/build-script\""),
            line("own#1", "bin", false, "\"/t/release/x\""),
            "hello".to_owned(),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ]
        .join("\n");
        let summary = read(text.as_bytes());
        assert_eq!(summary.executables, [("x".to_owned(), PathBuf::from("/t/release/x"))].into());
        assert_eq!((summary.compiled, summary.fresh, summary.foreign), (1, 1, 1));
        assert_eq!(summary.files, ["/t/dep#1", "/t/own#1"].map(PathBuf::from).into());
        assert_eq!(summary.reused, BTreeSet::new());
    }

    #[test]
    fn a_package_of_the_source_that_was_not_compiled_is_told() {
        let text = r#"{"package_id":"path+file:///s#own@1","target":{"name":"x","kind":["lib"]},"executable":null,"fresh":true}"#;
        assert_eq!(read(text.as_bytes()).reused, ["path+file:///s#own@1".to_owned()].into());
    }
}

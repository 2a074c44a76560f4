//! A source without its code: its manifests, and a stub for each thing to compile.
//!
//! Cargo compiles the same dependencies for it, with the same features and profiles, as for the
//! source itself; but nothing that the source brought along runs.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::programs;

/// What `cargo metadata` prints.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    /// None for the source's own packages.
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: BTreeSet<String>,
    src_path: PathBuf,
}

/// Writes the skeleton of `source`, which cargo sees at `at` and describes by `metadata`, to `to`,
/// where nothing is. None if part of it lies elsewhere, behind a link or cannot be read: its own
/// code would then be compiled.
pub(super) fn write(metadata: &[u8], source: &Path, at: &Path, to: &Path) -> Option<()> {
    let metadata: Metadata = serde_json::from_slice(metadata).ok()?;
    let inside = |path: &Path| {
        let inside = path.strip_prefix(at).ok()?;
        let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
        plain.then(|| inside.to_path_buf())
    };
    let own = metadata.packages.iter().filter(|package| package.source.is_none());
    let mut copied = BTreeSet::from([
        inside(&metadata.workspace_root.join("Cargo.toml"))?,
        PathBuf::from("Cargo.lock"),
    ]);
    let mut stubs = Vec::new();
    for package in own {
        copied.insert(inside(&package.manifest_path)?);
        for target in &package.targets {
            let library = ["lib", "rlib", "dylib", "cdylib", "staticlib", "proc-macro"];
            let main = !library.iter().any(|kind| target.kind.contains(*kind));
            stubs.push((inside(&target.src_path)?, if main { "fn main() {}\n" } else { "" }));
        }
    }
    let put = |path: &Path, text: &str| {
        let path = to.join(path);
        fs::create_dir_all(path.parent()?).ok()?;
        fs::write(path, text).ok()
    };
    for path in copied {
        let mut text = String::new();
        programs::open(source, &path).ok()?.take(16 << 20).read_to_string(&mut text).ok()?;
        put(&path, &text)?;
    }
    stubs.iter().try_for_each(|(path, text)| put(path, text))
}

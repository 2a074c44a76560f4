//! Names the engine: a digest of everything here, and of the crates below, that can change what a
//! page looks like. It enters the keys of figures and papers, so that a page that another engine
//! would make is never taken for this one's.

#![allow(clippy::print_stdout, reason = "cargo reads what a build script prints")]
#![allow(clippy::disallowed_methods, reason = "and says where the sources are in a variable")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use rescience_digest::Digest;

/// The crates that lay out, draw, cite and write pages.
const CRATES: [&str; 8] = [
    "typst",
    "typst-assets",
    "typst-html",
    "typst-layout",
    "typst-library",
    "typst-pdf",
    "krilla",
    "hayagriva",
];

fn main() -> Result<(), Box<dyn Error>> {
    // As it is now: a binary that another checkout compiled may be run again for this one.
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let mut sources = Vec::new();
    for folder in ["package", "src"] {
        files(&root.join(folder), &mut sources)?;
    }
    sources.sort();
    let mut told = Vec::new();
    for path in sources {
        let bytes = fs::read(&path)?;
        let name: Vec<_> =
            path.strip_prefix(&root)?.iter().map(|part| part.to_string_lossy()).collect();
        let name = name.join("/");
        // Lengths keep names and bytes apart.
        told.extend(format!("{} {} {name}\n", name.len(), bytes.len()).into_bytes());
        told.extend(bytes);
    }
    let lock = root.join("../Cargo.lock");
    let text = fs::read_to_string(&lock)?;
    let mut typst = "unknown";
    for name in CRATES {
        let version = version(&text, name).ok_or_else(|| format!("{name} is not locked"))?;
        told.extend(format!("{name} {version}\n").into_bytes());
        if name == "typst" {
            typst = version;
        }
    }
    let digest = Digest::of(&told).hex();
    println!("cargo::rustc-env=RESCIENCE_ENGINE=typst {typst}, engine {}", &digest[..16]);
    for watched in [root.join("package"), root.join("src"), lock] {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    Ok(())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files(&path, found)? } else { found.push(path) }
    }
    Ok(())
}

fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{name}\""));
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

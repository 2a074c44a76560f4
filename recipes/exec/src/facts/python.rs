//! The Python that a run's processes really were: what it says it is, and the packages beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::Library;
use crate::sandbox::{SOFTWARE, Shown};

/// An interpreter and what it could import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Python {
    /// What it prints of its version: `Python 3.11.2`.
    pub says: Option<String>,
    /// Versions by package, of those that are installed where it looks first.
    pub packages: BTreeMap<String, String>,
}

impl Python {
    /// Finds the interpreter among the files that a run mapped. One that the program brought along
    /// is not asked: it would be the program that speaks.
    pub fn find(libraries: &BTreeMap<String, Library>, shown: &[Shown]) -> Option<Python> {
        let installed = |path: &Path| {
            let tools = shown.iter().filter(|shown| shown.from == shown.at);
            SOFTWARE.iter().any(|root| path.starts_with(root))
                || tools.into_iter().any(|tool| path.starts_with(&tool.at))
        };
        let interpreter = libraries
            .keys()
            .map(Path::new)
            .find(|path| version(path).is_some() && installed(path) && path.is_file())?;
        let folders = folders(interpreter);
        Some(Python {
            says: says(interpreter),
            packages: folders.iter().rev().flat_map(|folder| packages(folder)).collect(),
        })
    }
}

/// The `3.11` of `/usr/bin/python3.11`.
fn version(path: &Path) -> Option<&str> {
    let version = path.file_name()?.to_str()?.strip_prefix("python")?;
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    version.starts_with('3').then_some(version).filter(|version| version.chars().all(plain))
}

fn says(interpreter: &Path) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "an installed tool is asked what it is")]
    let output = Command::new(interpreter)
        .arg("-V")
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Where an interpreter finds packages, those that win first.
fn folders(interpreter: &Path) -> Vec<PathBuf> {
    let Some((prefix, version)) =
        interpreter.parent().and_then(Path::parent).zip(version(interpreter))
    else {
        return Vec::new();
    };
    let local = Path::new("/usr/local");
    let mut folders = Vec::new();
    for root in [local, prefix] {
        for (folder, kind) in [("lib", "site-packages"), ("lib", "dist-packages")] {
            folders.push(root.join(folder).join(format!("python{version}")).join(kind));
        }
    }
    // Debian's own packages, for every version of the interpreter.
    folders.push(prefix.join("lib/python3/dist-packages"));
    folders
}

/// Versions by package, of the folders `NAME-VERSION.dist-info` that every installer leaves.
fn packages(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let package = |name: String| {
        let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
        Some((name.to_owned(), version.to_owned()))
    };
    entries.filter_map(|entry| package(entry.file_name().into_string().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_installed_interpreter_is_asked() {
        let mapped = |path: &str| BTreeMap::from([(path.to_owned(), Library::default())]);
        assert_eq!(Python::find(&mapped("/program/python3.11"), &[]), None);
        assert_eq!(Python::find(&mapped("/usr/lib/libpython3.11.so.1.0"), &[]), None);
        assert_eq!(Python::find(&mapped("/usr/bin/python3.999"), &[]), None);
    }

    #[test]
    fn packages_are_what_installers_leave() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["numpy-1.26.4.dist-info", "numpy", "torch-2.4.0+cu121.dist-info", "x.pth"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let mut found = packages(folder.path());
        found.sort();
        let version = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(found, [version("numpy", "1.26.4"), version("torch", "2.4.0+cu121")]);
    }
}

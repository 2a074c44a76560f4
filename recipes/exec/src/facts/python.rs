//! The Python that a run's processes really were: what it says it is, and the packages beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

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
    /// What is known of an interpreter that [`interpreter`] found: `says` is what it answers.
    pub fn of(interpreter: &Path, says: Option<String>) -> Python {
        let folders = folders(interpreter);
        Python {
            says,
            packages: folders.iter().rev().flat_map(|folder| packages(folder)).collect(),
        }
    }
}

/// Finds the interpreter among the files that a run mapped, if it is the system's or lies in one
/// of the host's `tools`. One that the program brought along, made or was given in a place of its
/// `own` is never found: it would be the program that speaks.
pub fn interpreter<'a>(
    libraries: &'a BTreeMap<String, Library>,
    tools: &[PathBuf],
    own: &[Shown],
) -> Option<&'a Path> {
    let installed = |path: &Path| {
        let mut roots = SOFTWARE.iter().map(Path::new).chain(tools.iter().map(PathBuf::as_path));
        let own = own.iter().any(|own| path.starts_with(&own.at) || path.starts_with(&own.from));
        !own && roots.any(|root| path.starts_with(root))
    };
    libraries
        .keys()
        .map(Path::new)
        .find(|path| version(path).is_some() && installed(path) && path.is_file())
}

/// The `3.11` of `/usr/bin/python3.11`.
fn version(path: &Path) -> Option<&str> {
    let version = path.file_name()?.to_str()?.strip_prefix("python")?;
    let plain = |c: char| c.is_ascii_digit() || c == '.';
    version.starts_with('3').then_some(version).filter(|version| version.chars().all(plain))
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
    use crate::sandbox::Access;

    #[test]
    fn only_an_installed_interpreter_is_asked() {
        let mapped = |path: &str| BTreeMap::from([(path.to_owned(), Library::default())]);
        for path in ["/program/python3.11", "/usr/lib/libpython3.11.so.1.0", "/usr/bin/python3.999"]
        {
            assert_eq!(interpreter(&mapped(path), &[], &[]), None);
        }
    }

    #[test]
    fn what_a_program_can_write_or_was_given_is_not_installed() {
        let dir = tempfile::tempdir().unwrap();
        let tool = dir.path().join("tool");
        let file = |path: &str| {
            let path = tool.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "#!/bin/sh\n").unwrap();
            BTreeMap::from([(path.to_str().unwrap().to_owned(), Library::default())])
        };
        // Where nothing is hidden, everything is seen where it is, and a tool may hold it all.
        let show =
            |name: &str, access| Shown { from: tool.join(name), at: tool.join(name), access };
        let own = [show("run/out", Access::Write), show("run/program", Access::Read)];
        let tools = [tool.clone()];
        for path in ["run/out/python3.11", "run/program/bin/python3.11"] {
            let libraries = file(path);
            assert_eq!(interpreter(&libraries, &tools, &own), None, "{path}");
            assert_eq!(interpreter(&libraries, &[], &own), None, "{path}");
        }
        let libraries = file("bin/python3.11");
        let found = interpreter(&libraries, &tools, &own);
        assert_eq!(found, Some(tool.join("bin/python3.11").as_path()));
        assert_eq!(interpreter(&libraries, &[], &own), None);
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

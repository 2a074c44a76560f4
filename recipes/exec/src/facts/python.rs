//! The Python that a run's processes really were: what it says it is, and the packages where it looked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{SOFTWARE, Shown};

/// An interpreter and what it could import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Python {
    /// What it prints of its version: `Python 3.11.2`.
    pub says: Option<String>,
    /// Versions by package, of those that are installed where it looked.
    pub packages: BTreeMap<String, String>,
}

/// Where software is installed: among the system's, or in one of the host's tools. What a program
/// brought along, made, or was given in a place of its own is not: it would be the program that speaks.
#[derive(Clone, Copy, Debug)]
pub struct Installed<'a> {
    /// Directories of software beside the system's.
    pub tools: &'a [PathBuf],
    /// What the program sees of its own run.
    pub own: &'a [Shown],
}

impl Installed<'_> {
    /// Whether the innermost of the places that a path lies in is one of software: a tool may lie
    /// in what a program sees as its own, as below `/tmp`, and the other way round.
    fn has(&self, path: &Path) -> bool {
        let depth = |place: &Path| path.starts_with(place).then(|| place.components().count());
        let own = self.own.iter().flat_map(|own| [own.at.as_path(), own.from.as_path()]);
        let roots = SOFTWARE.iter().map(Path::new).chain(self.tools.iter().map(PathBuf::as_path));
        roots.filter_map(depth).max() > own.filter_map(depth).max()
    }

    /// The interpreter among the programs that a run's processes were.
    pub fn interpreter<'a>(&self, programs: &'a BTreeSet<PathBuf>) -> Option<&'a Path> {
        let found = programs.iter().find(|path| is_python(path) && self.has(path));
        found.map(PathBuf::as_path).filter(|path| path.is_file())
    }

    /// Versions by package, of those in the folders that a run opened. Where two have one, the
    /// interpreter takes the one that it looked in first.
    pub fn packages(&self, folders: &[PathBuf]) -> BTreeMap<String, String> {
        let looked = folders.iter().filter(|folder| self.has(folder));
        looked.rev().flat_map(|folder| packages(folder)).collect()
    }
}

/// Whether a path is like `/usr/bin/python3.11`.
fn is_python(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let version = name.and_then(|name| name.strip_prefix("python"));
    version.is_some_and(|version| {
        version.starts_with('3') && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Versions by package, of what installers leave: `NAME-VERSION.dist-info`, and older ones
/// `NAME-VERSION.egg-info` or `NAME-VERSION-py3.11.egg-info`.
fn packages(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let package = |file: String| {
        let name = file.strip_suffix(".dist-info").or_else(|| file.strip_suffix(".egg-info"))?;
        let name = name.rsplit_once("-py").map_or(name, |(name, _)| name);
        let (name, version) = name.rsplit_once('-')?;
        Some((name.to_owned(), version.to_owned()))
    };
    entries.filter_map(|entry| package(entry.file_name().into_string().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Access;

    const SYSTEM: Installed<'_> = Installed { tools: &[], own: &[] };

    #[test]
    fn only_an_installed_interpreter_is_asked() {
        let ran = |path: &str| BTreeSet::from([PathBuf::from(path)]);
        for path in ["/program/python3.11", "/usr/lib/libpython3.11.so.1.0", "/usr/bin/python3.999"]
        {
            assert_eq!(SYSTEM.interpreter(&ran(path)), None);
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
            BTreeSet::from([path])
        };
        // Where nothing is hidden, everything is seen where it is, and a tool may hold it all.
        let show =
            |name: &str, access| Shown { from: tool.join(name), at: tool.join(name), access };
        let own = [show("run/out", Access::Write), show("run/program", Access::Read)];
        let tools = [tool.clone()];
        let (all, system) =
            (Installed { tools: &tools, own: &own }, Installed { tools: &[], own: &own });
        for path in ["run/out/python3.11", "run/program/bin/python3.11"] {
            let programs = file(path);
            assert_eq!(all.interpreter(&programs), None, "{path}");
            assert_eq!(system.interpreter(&programs), None, "{path}");
        }
        let beside = [Shown { at: dir.path().to_path_buf(), ..show("run/tmp", Access::Write) }];
        let below = Installed { tools: &tools, own: &beside };
        let programs = file("bin/python3.11");
        assert_eq!(below.interpreter(&programs), Some(tool.join("bin/python3.11").as_path()));
        assert_eq!(all.interpreter(&programs), Some(tool.join("bin/python3.11").as_path()));
        assert_eq!(system.interpreter(&programs), None);
    }

    #[test]
    fn packages_are_what_installers_leave_where_it_looked() {
        let dir = tempfile::tempdir().unwrap();
        let [environment, system, own] =
            ["venv", "system", "own"].map(|name| dir.path().join(name));
        let install = |folder: &Path, name: &str| fs::create_dir_all(folder.join(name)).unwrap();
        for name in ["numpy-1.26.4.dist-info", "numpy", "torch-2.4.0+cu121.dist-info", "x.pth"] {
            install(&environment, name);
        }
        for name in ["numpy-1.24.2.dist-info", "pytest-7-py3.11.egg-info", "six-1.16.egg-info"] {
            install(&system, name);
        }
        install(&own, "numpy-99.dist-info");
        let shown = Shown { from: own.clone(), at: own.clone(), access: Access::Write };
        let (tools, shown) = ([dir.path().to_path_buf()], [shown]);
        let installed = Installed { tools: &tools, own: &shown };
        let packages = installed.packages(&[own, environment, system]);
        let version = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        let expected = BTreeMap::from([
            version("numpy", "1.26.4"),
            version("pytest", "7"),
            version("six", "1.16"),
            version("torch", "2.4.0+cu121"),
        ]);
        assert_eq!(packages, expected);
        assert_eq!(installed.packages(&[]), BTreeMap::new());
    }
}

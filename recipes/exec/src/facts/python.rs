//! The Pythons that a run's processes really were: what they say they are, and the packages where they
//! looked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{Looked, SOFTWARE, Shown};

/// Where software is installed: among the system's, or in one of the host's tools. What a program
/// brought along, made, or was given in a place of its own is not: it would be the program that speaks.
#[derive(Clone, Debug)]
pub struct Installed {
    /// Where software is.
    roots: Vec<PathBuf>,
    /// What the program sees of its own run.
    own: Vec<PathBuf>,
}

impl Installed {
    /// Software of the system and of `tools`, for a run that is shown `own` files.
    pub fn new(tools: &[PathBuf], own: &[Shown]) -> Installed {
        // Where nothing is hidden, a tool that is a link is seen where it leads.
        let real = tools.iter().filter_map(|tool| tool.canonicalize().ok());
        let system = SOFTWARE.iter().map(PathBuf::from);
        let roots = system.chain(tools.iter().cloned()).chain(real).collect();
        let own = own.iter().flat_map(|own| [own.at.clone(), own.from.clone()]).collect();
        Installed { roots, own }
    }

    /// Whether the innermost of the places that a path lies in is one of software: a tool may lie
    /// in what a program sees as its own, as below `/tmp`, and the other way round.
    fn has(&self, path: &Path) -> bool {
        let innermost = |places: &[PathBuf]| {
            let around = places.iter().filter(|place| path.starts_with(place));
            around.map(|place| place.components().count()).max()
        };
        innermost(&self.roots) > innermost(&self.own)
    }

    /// The interpreters among the programs that a run's processes were, and among those that looked
    /// for packages.
    pub fn interpreters(
        &self,
        programs: &BTreeSet<PathBuf>,
        looked: &[Looked],
    ) -> BTreeSet<PathBuf> {
        let looked = looked.iter().map(|looked| &looked.program);
        let is_one = |path: &&PathBuf| is_python(path) && self.has(path) && path.is_file();
        programs.iter().chain(looked).filter(is_one).cloned().collect()
    }

    /// Versions by package, of those in the folders where these interpreters looked. Of two in one
    /// interpreter's folders it takes the one where it looked first; what differs between
    /// interpreters is joined by `, `.
    pub fn packages(
        &self,
        interpreters: &BTreeSet<PathBuf>,
        looked: &[Looked],
    ) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for interpreter in interpreters {
            let folders = looked.iter().filter(|looked| looked.program == *interpreter);
            let folders = folders.map(|looked| &looked.folder).filter(|folder| self.has(folder));
            let own: BTreeMap<_, _> = folders.rev().flat_map(|folder| packages(folder)).collect();
            join(&mut all, own);
        }
        all
    }
}

/// Adds versions to others; what differs is joined by `, `.
pub(crate) fn join(all: &mut BTreeMap<String, String>, more: BTreeMap<String, String>) {
    for (name, version) in more {
        let known = all.entry(name).or_default();
        if known.is_empty() {
            *known = version;
        } else if !known.split(", ").any(|known| known == version) {
            *known = format!("{known}, {version}");
        }
    }
}

/// Whether a path is like `/usr/bin/python3.11`, or `python3.13t` of an interpreter without its lock.
pub(crate) fn is_python(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let version = name.and_then(|name| name.strip_prefix("python"));
    version.is_some_and(|version| {
        let version = version.strip_suffix('t').unwrap_or(version);
        version.starts_with('3') && version.chars().all(|c| c.is_ascii_digit() || c == '.')
    })
}

/// Versions by package, of what installers leave: `NAME-VERSION.dist-info`, and older ones
/// `NAME-VERSION.egg-info` or `NAME-VERSION-py3.11.egg-info`.
fn packages(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let package = |file: String| {
        let name = file.strip_suffix(".dist-info").or_else(|| file.strip_suffix(".egg-info"))?;
        let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        let interpreter = name.rsplit_once("-py").filter(|(_, version)| is_number(version));
        let name = interpreter.map_or(name, |(name, _)| name);
        let (name, version) = name.rsplit_once('-')?;
        Some((name.to_owned(), version.to_owned()))
    };
    entries.filter_map(|entry| package(entry.file_name().into_string().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Access;

    fn show(path: &Path, access: Access) -> Shown {
        Shown { from: path.to_path_buf(), at: path.to_path_buf(), access }
    }

    fn ran(path: impl Into<PathBuf>) -> BTreeSet<PathBuf> {
        BTreeSet::from([path.into()])
    }

    #[test]
    fn only_an_installed_interpreter_is_asked() {
        let system = Installed::new(&[], &[]);
        for path in ["/program/python3.11", "/usr/lib/libpython3.11.so.1.0", "/usr/bin/python3.999"]
        {
            assert_eq!(system.interpreters(&ran(path), &[]), BTreeSet::new());
        }
        for name in ["python3", "python3.11", "python3.13t"] {
            assert!(is_python(Path::new(name)), "{name}");
        }
        for name in ["python", "python2.7", "python3-config", "python3.11.so", "ptpython3"] {
            assert!(!is_python(Path::new(name)), "{name}");
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
            path
        };
        // Where nothing is hidden, everything is seen where it is, and a tool may hold it all.
        let own = [("run/out", Access::Write), ("run/program", Access::Read)]
            .map(|(name, access)| show(&tool.join(name), access));
        let tools = [tool.clone()];
        let (all, system) = (Installed::new(&tools, &own), Installed::new(&[], &own));
        for path in ["run/out/python3.11", "run/program/bin/python3.11"] {
            let path = file(path);
            let looked = Looked { program: path.clone(), folder: tool.clone() };
            for installed in [&all, &system] {
                let found = installed.interpreters(&ran(&path), std::slice::from_ref(&looked));
                assert_eq!(found, BTreeSet::new(), "{path:?}");
            }
        }
        let path = file("bin/python3.11");
        assert_eq!(all.interpreters(&ran(&path), &[]), ran(&path));
        let looked = Looked { program: path.clone(), folder: tool.clone() };
        assert_eq!(all.interpreters(&BTreeSet::new(), &[looked]), ran(&path));
        assert_eq!(system.interpreters(&ran(&path), &[]), BTreeSet::new());
        let below = Installed::new(&tools, &[show(dir.path(), Access::Write)]);
        assert_eq!(below.interpreters(&ran(&path), &[]), ran(&path));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&tool, &link).unwrap();
        let linked = Installed::new(&[link], &[]);
        let real = path.canonicalize().unwrap();
        assert_eq!(linked.interpreters(&ran(&real), &[]), ran(&real));
    }

    #[test]
    fn packages_are_what_installers_leave_where_each_interpreter_looked() {
        let dir = tempfile::tempdir().unwrap();
        let [environment, system, own] =
            ["venv", "system", "own"].map(|name| dir.path().join(name));
        let install = |folder: &Path, name: &str| fs::create_dir_all(folder.join(name)).unwrap();
        for name in ["numpy-1.26.4.dist-info", "numpy", "torch-2.4.0+cu121.dist-info", "x.pth"] {
            install(&environment, name);
        }
        for name in [
            "numpy-1.24.2.dist-info",
            "pytest-7-py3.11.egg-info",
            "six-1.16.egg-info",
            "x-pytest-2.dist-info",
        ] {
            install(&system, name);
        }
        install(&own, "numpy-99.dist-info");
        let tools = [dir.path().to_path_buf()];
        let installed = Installed::new(&tools, &[show(&own, Access::Write)]);
        let [first, second, other] = ["/a/python3.11", "/b/python3.12", "/c/python3.13"];
        let looked = |program: &str, folder: &Path| Looked {
            program: program.into(),
            folder: folder.to_path_buf(),
        };
        let all = [
            looked(second, &system),
            looked(first, &own),
            looked(first, &environment),
            looked(first, &system),
            looked(other, &environment),
        ];
        let packages = |programs: &[&str]| {
            installed.packages(&programs.iter().map(PathBuf::from).collect(), &all)
        };
        let versions = |numpy: &str, torch: Option<&str>| {
            let known = [("numpy", numpy), ("pytest", "7"), ("six", "1.16"), ("x-pytest", "2")];
            let known = known.into_iter().chain(torch.map(|torch| ("torch", torch)));
            known.map(|(name, version)| (name.to_owned(), version.to_owned())).collect()
        };
        let torch = Some("2.4.0+cu121");
        assert_eq!(packages(&[first]), versions("1.26.4", torch));
        assert_eq!(packages(&[second]), versions("1.24.2", None));
        assert_eq!(packages(&[first, second]), versions("1.26.4, 1.24.2", torch));
        assert_eq!(packages(&[]), BTreeMap::new());
    }
}

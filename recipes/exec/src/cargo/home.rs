//! Cargo's home as builds see it: crates unpacked from verified files, and no secrets.
//!
//! What cargo compiles is not the `.crate` file whose digest the lock names but what was once
//! unpacked from it, in a directory that every program of the user can write. So cargo unpacks them
//! again, into a home that only it writes, and that is shown read-only from then on.
//!
//! ```text
//! home/
//!   config.toml      which registries there are
//!   unpacked.json    the digest of the file that each crate was unpacked from
//!   registry/src/    crates
//!   git/checkouts/   the same of git repositories, whose commits name their content
//!   registry/index/, registry/cache/, git/db/NAME/   the user's own, read-only
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{CargoError, at, remove, settings};
use crate::facts::packages::{self, Crate};
use crate::sandbox::{Access, Isolation, Sandbox, Shown};

/// The home of a workshop.
pub(super) struct Home {
    root: PathBuf,
    /// The parts of the user's own home, where they are and what they are called there.
    parts: Vec<(PathBuf, PathBuf)>,
    /// The crates of the lock.
    crates: Vec<Crate>,
}

impl Home {
    /// Lays out a home for builds with this `lock`, of which nothing is kept that was unpacked from
    /// another file than the lock names.
    pub(super) fn lay_out(
        root: PathBuf,
        own: &Path,
        lock: &str,
        isolation: Isolation,
    ) -> Result<Home, CargoError> {
        let crates = packages::crates(lock)?;
        let mut names: Vec<PathBuf> =
            ["registry/index", "registry/cache"].map(PathBuf::from).into();
        names.extend(databases(own, &packages::repositories(lock)?));
        let mut parts: Vec<(PathBuf, PathBuf)> = Vec::new();
        for name in names {
            // Links would lead out of what is shown.
            if let Ok(from) = own.join(&name).canonicalize() {
                parts.push((from, name));
            }
        }
        let home = Home { root, parts, crates };
        for folder in ["registry/src", "git/checkouts", "git/db"] {
            let folder = home.root.join(folder);
            fs::create_dir_all(&folder).map_err(at(&folder))?;
        }
        let config = home.root.join("config.toml");
        fs::write(&config, settings::of_home(own)?).map_err(at(&config))?;
        for (from, name) in &home.parts {
            home.place(from, &home.root.join(name), isolation)?;
        }
        home.forget()?;
        Ok(home)
    }

    /// Makes the place where a part of the user's home is seen: a directory to show it at, or a
    /// link to it where it can only be seen where it is.
    fn place(&self, from: &Path, to: &Path, isolation: Isolation) -> Result<(), CargoError> {
        let made = match isolation {
            Isolation::Full => fs::create_dir(to),
            Isolation::Partial | Isolation::None => {
                remove(to)?;
                symlink(from, to)
            }
        };
        match made {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(at(to)(error)),
            _ => Ok(()),
        }
    }

    fn record(&self) -> PathBuf {
        self.root.join("unpacked.json")
    }

    /// The digests of the files that crates were unpacked from. None if nobody knows.
    fn unpacked(&self) -> Option<BTreeMap<String, String>> {
        serde_json::from_slice(&fs::read(self.record()).ok()?).ok()
    }

    /// The packages whose crates were something else when they were unpacked last, and so when they
    /// were compiled. None if nobody knows.
    pub(super) fn changed(&self) -> Option<BTreeSet<String>> {
        let unpacked = self.unpacked()?;
        let changed = |one: &&Crate| unpacked.get(&one.name).is_some_and(|of| *of != one.checksum);
        Some(self.crates.iter().filter(changed).map(|one| one.package.clone()).collect())
    }

    /// Removes crates that were unpacked from other files than the lock names.
    fn forget(&self) -> Result<(), CargoError> {
        let sources = self.root.join("registry/src");
        let unpacked = self.unpacked().unwrap_or_default();
        for entry in fs::read_dir(&sources).map_err(at(&sources))? {
            let registry = entry.map_err(at(&sources))?.path();
            for one in
                self.crates.iter().filter(|one| unpacked.get(&one.name) != Some(&one.checksum))
            {
                remove(&registry.join(&one.name))?;
            }
        }
        Ok(())
    }

    /// Remembers that the crates of the lock are unpacked.
    pub(super) fn remember(&self) -> Result<(), CargoError> {
        let before = self.unpacked();
        let mut unpacked = before.clone().unwrap_or_default();
        let crates = self.crates.iter().map(|one| (one.name.clone(), one.checksum.clone()));
        unpacked.extend(crates);
        if before.as_ref() == Some(&unpacked) {
            return Ok(());
        }
        let (path, new) = (self.record(), self.record().with_extension("new"));
        let text = serde_json::to_vec(&unpacked).map_err(|error| at(&new)(error.into()))?;
        fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(at(&path))
    }

    /// What is seen of it, with write access only for cargo alone.
    pub(super) fn shown(&self, sandbox: &Sandbox, access: Access) -> Vec<Shown> {
        let own = self.at(sandbox);
        let part = |(from, name): &(PathBuf, PathBuf)| {
            let at = match sandbox.isolation() {
                Isolation::Full => own.join(name),
                Isolation::Partial | Isolation::None => from.clone(),
            };
            Shown { from: from.clone(), at, access: Access::Read }
        };
        let whole = sandbox.show(&self.root, "/cargo", access);
        [whole].into_iter().chain(self.parts.iter().map(part)).collect()
    }

    /// Where it is seen.
    pub(super) fn at(&self, sandbox: &Sandbox) -> PathBuf {
        sandbox.show(&self.root, "/cargo", Access::Read).at
    }
}

/// Cargo's databases of these repositories. It names them after the last part of the address, and
/// a digest; others may be private.
fn databases(own: &Path, repositories: &[String]) -> Vec<PathBuf> {
    let folder = Path::new("git/db");
    let names = fs::read_dir(own.join(folder)).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let wanted = |name: &String| {
        let stem = name.rsplit_once('-').map_or(name.as_str(), |(stem, _)| stem);
        repositories.iter().any(|repository| repository.eq_ignore_ascii_case(stem))
    };
    names.filter(wanted).map(|name| folder.join(name)).collect()
}

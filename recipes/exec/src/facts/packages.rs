//! The dependency versions that a `Cargo.lock` fixes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::cargo::CargoError;

/// Why a lock file's packages are unknown.
#[derive(Debug, thiserror::Error)]
#[error("Cargo.lock: {0}")]
pub struct LockError(#[from] toml::de::Error);

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

/// The version of every package that came from elsewhere, by name. Several versions of one package
/// are joined by `, `. `text` is the content of a `Cargo.lock`.
pub fn resolved(text: &str) -> Result<BTreeMap<String, String>, LockError> {
    let mut versions: BTreeMap<String, String> = BTreeMap::new();
    for package in toml::from_str::<Lock>(text)?.package {
        if package.source.is_some() {
            let all = versions.entry(package.name).or_default();
            if !all.is_empty() {
                all.push_str(", ");
            }
            all.push_str(&package.version);
        }
    }
    Ok(versions)
}

/// The names of the packages that are part of the source itself.
pub(crate) fn local(text: &str) -> Result<BTreeSet<String>, LockError> {
    let packages = toml::from_str::<Lock>(text)?.package.into_iter();
    Ok(packages.filter(|package| package.source.is_none()).map(|package| package.name).collect())
}

/// The names of the packages that come from elsewhere.
pub(crate) fn foreign(text: &str) -> Result<BTreeSet<String>, LockError> {
    Ok(resolved(text)?.into_keys().collect())
}

/// A crate that comes from a registry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Crate {
    /// The package's name.
    pub(crate) package: String,
    /// What its file and folder are called: `NAME-VERSION`.
    pub(crate) name: String,
    /// The SHA-256 of its file.
    pub(crate) checksum: String,
}

/// The crates that come from registries.
pub(crate) fn crates(text: &str) -> Result<Vec<Crate>, LockError> {
    let packages = toml::from_str::<Lock>(text)?.package.into_iter();
    let of = |package: Package| {
        let Package { name: package, version, checksum, .. } = package;
        // The lock comes with the source, and these become names of files.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        let name = format!("{package}-{version}");
        name.chars().all(plain).then_some(Crate { package, name, checksum: checksum? })
    };
    Ok(packages.filter_map(of).collect())
}

/// The names of the git repositories that packages come from: the last part of their addresses.
pub(crate) fn repositories(text: &str) -> Result<Vec<String>, LockError> {
    let packages = toml::from_str::<Lock>(text)?.package.into_iter();
    let name = |source: String| {
        let address = source.strip_prefix("git+")?.split(['?', '#']).next()?.trim_end_matches('/');
        let name = address.rsplit('/').next()?;
        Some(name.strip_suffix(".git").unwrap_or(name).to_owned())
    };
    Ok(packages.filter_map(|package| name(package.source?)).collect())
}

/// Compares the crates that lie in cargo's home with the digests that a lock names. One that is
/// not there comes from elsewhere, as a directory of the source's does, and is cargo's to find.
pub(crate) fn verify(text: &str, cargo_home: &Path) -> Result<(), CargoError> {
    let cache = cargo_home.join("registry/cache");
    let registries: Vec<_> = fs::read_dir(cache).into_iter().flatten().flatten().collect();
    for Crate { name, checksum: expected, .. } in crates(text)? {
        for registry in &registries {
            let path = registry.path().join(format!("{name}.crate"));
            let Ok(bytes) = fs::read(&path) else { continue };
            let found = hex(&Sha256::digest(&bytes));
            if found != expected {
                return Err(CargoError::Forged { path, expected, found });
            }
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
version = 4
[[package]]
name = "grokking"
version = "0.1.0"
[[package]]
name = "rand"
version = "0.8.5"
source = "registry+https://github.com/rust-lang/crates.io-index"
[[package]]
name = "rand"
version = "0.9.2"
source = "registry+https://github.com/rust-lang/crates.io-index"
"#;

    #[test]
    fn foreign_packages_have_versions_and_local_ones_names() {
        let versions = resolved(LOCK).unwrap();
        assert_eq!(versions, [("rand".to_owned(), "0.8.5, 0.9.2".to_owned())].into());
        assert_eq!(local(LOCK).unwrap(), ["grokking".to_owned()].into());
        assert_eq!(resolved("version = 4").unwrap(), BTreeMap::new());
    }

    #[test]
    fn crates_have_digests_and_repositories_names() {
        let lock = r#"
[[package]]
name = "rand"
version = "0.8.5+x"
checksum = "00"
[[package]]
name = "../../x"
version = "1"
checksum = "00"
[[package]]
name = "a"
version = "1"
source = "git+https://example.org/some/Name.git?branch=x#0123"
"#;
        let rand = Crate {
            package: "rand".to_owned(),
            name: "rand-0.8.5+x".to_owned(),
            checksum: "00".to_owned(),
        };
        assert_eq!(crates(lock).unwrap(), [rand]);
        assert_eq!(repositories(lock).unwrap(), ["Name"]);
    }

    #[test]
    fn a_broken_lock_is_an_error() {
        assert!(resolved("[[package]]\nname = 3").is_err());
    }
}

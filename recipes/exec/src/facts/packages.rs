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

/// Compares the crates that lie in cargo's home with the digests that a lock names. One that is
/// not there comes from elsewhere, as a directory of the source's does, and is cargo's to find.
pub(crate) fn verify(text: &str, cargo_home: &Path) -> Result<(), CargoError> {
    let cache = cargo_home.join("registry/cache");
    let registries: Vec<_> = fs::read_dir(cache).into_iter().flatten().flatten().collect();
    let lock: Lock = toml::from_str(text).map_err(LockError)?;
    for Package { name, version, checksum, .. } in lock.package {
        let Some(expected) = checksum else { continue };
        for registry in &registries {
            let path = registry.path().join(format!("{name}-{version}.crate"));
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
    fn a_broken_lock_is_an_error() {
        assert!(resolved("[[package]]\nname = 3").is_err());
    }
}

//! Every file of a bundle against both lists of digests.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rescience_digest::Hashed;
use serde::Serialize;

use crate::error::Result;
use crate::manifest;
use crate::read::Bundle;

/// One thing that is wrong with a bundle's files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "problem", rename_all = "kebab-case")]
pub enum Finding {
    /// A file that does not hold what a list says.
    Changed {
        /// Its path.
        file: String,
        /// The digest in the list: `b3:` or `sha256:` and hexadecimal digits.
        expected: String,
        /// The digest of what it holds.
        found: String,
    },
    /// A file that a list names, and the bundle lacks.
    Missing {
        /// Its path.
        file: String,
        /// The digest in the list.
        expected: String,
    },
    /// A file that a list does not name.
    Unlisted {
        /// Its path.
        file: String,
        /// The list.
        list: String,
    },
    /// A list that cannot be read.
    BadList {
        /// The list.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file whose bytes are not those that the zip's own checksum is of.
    Checksum {
        /// Its path.
        file: String,
    },
}

impl Finding {
    /// The file that it is about.
    pub fn file(&self) -> &str {
        match self {
            Finding::Changed { file, .. }
            | Finding::Missing { file, .. }
            | Finding::Unlisted { file, .. }
            | Finding::BadList { file, .. }
            | Finding::Checksum { file } => file,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Changed { file, expected, found } => {
                write!(f, "`{file}` was changed: expected {expected}, found {found}")
            }
            Finding::Missing { file, expected } => {
                write!(f, "`{file}` is missing: expected {expected}")
            }
            Finding::Unlisted { file, list } => write!(f, "`{file}` is not in `{list}`"),
            Finding::BadList { file, reason } => write!(f, "`{file}` cannot be read: {reason}"),
            Finding::Checksum { file } => {
                write!(f, "`{file}` has other bytes than the zip's checksum of it")
            }
        }
    }
}

/// What the bytes of a bundle say.
#[derive(Debug, Default)]
pub struct Verified {
    /// What every file holds, by path.
    pub files: BTreeMap<String, Hashed>,
    /// What is wrong, sorted; empty if every byte is as it was written.
    pub findings: BTreeSet<Finding>,
}

/// Reads every byte and compares it with both lists. `each` is told of every file that is sound.
///
/// # Errors
/// A file that cannot be read at all.
pub fn verify(bundle: &Bundle, mut each: impl FnMut(&str, &Hashed)) -> Result<Verified> {
    let mut verified = Verified::default();
    let mut unsound = BTreeSet::new();
    for name in bundle.names() {
        let Some((hashed, sound)) = bundle.hash(name)? else { continue };
        verified.files.insert(name.to_owned(), hashed);
        if !sound {
            unsound.insert(name.to_owned());
        }
    }
    let list = |name: &str| Ok(bundle.read(name)?.unwrap_or_default());
    let blake3 = manifest::parse_blake3(&list(manifest::BLAKE3)?);
    let blake3 = blake3.map(|files| texts(files, |digest| digest.to_string()));
    let sha256 = manifest::parse_sha256(&list(manifest::SHA256)?);
    let sha256 = sha256.map(|files| texts(files, |digest| format!("sha256:{digest}")));
    let (lists, own) = (
        [manifest::BLAKE3, manifest::SHA256],
        [
            |hashed: &Hashed| hashed.digest.to_string(),
            |hashed: &Hashed| format!("sha256:{}", hashed.sha256),
        ],
    );
    for ((list, expected), own) in lists.into_iter().zip([blake3, sha256]).zip(own) {
        let expected = match expected {
            Ok(expected) => expected,
            Err(reason) => {
                verified.findings.insert(Finding::BadList { file: list.to_owned(), reason });
                continue;
            }
        };
        for (file, expected) in &expected {
            let (file, expected) = (file.clone(), expected.clone());
            match verified.files.get(&file).map(own) {
                None => {
                    verified.findings.insert(Finding::Missing { file, expected });
                }
                Some(found) if found != expected => {
                    verified.findings.insert(Finding::Changed { file, expected, found });
                }
                Some(_) => {}
            }
        }
        // The first list is of what the two are about, the second also of the first.
        let exempt = |name: &str| {
            name == manifest::SHA256 || name == manifest::BLAKE3 && list == manifest::BLAKE3
        };
        for file in verified.files.keys().filter(|name| !exempt(name)) {
            if !expected.contains_key(file) {
                let (file, list) = (file.clone(), list.to_owned());
                verified.findings.insert(Finding::Unlisted { file, list });
            }
        }
    }
    for file in unsound {
        // The lists know better what it should hold.
        if !verified.findings.iter().any(|finding| finding.file() == file) {
            verified.findings.insert(Finding::Checksum { file });
        }
    }
    let bad: BTreeSet<&str> = verified.findings.iter().map(Finding::file).collect();
    for (name, hashed) in verified.files.iter().filter(|(name, _)| !bad.contains(name.as_str())) {
        each(name, hashed);
    }
    Ok(verified)
}

fn texts<T>(files: BTreeMap<String, T>, text: impl Fn(&T) -> String) -> BTreeMap<String, String> {
    files.into_iter().map(|(name, digest)| (name, text(&digest))).collect()
}

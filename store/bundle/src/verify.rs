//! Every file of a bundle against both lists of digests, and of a zip against its checksums.
//!
//! Whether a file can be executed is in neither list, as `b3sum -c` and `sha256sum -c` know nothing of
//! it. Where it counts, in sources and in what was built, it is in the digest of the tree that holds
//! the file, which whoever opens the traces compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use rescience_digest::Hashed;
use serde::Serialize;

use crate::error::Result;
use crate::manifest;
use crate::read::{Bundle, LARGE};

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
    /// Of how many files the SHA-256 digest was taken from the list.
    pub claimed: usize,
    /// What is wrong, sorted; empty if every byte is as it was written.
    pub findings: BTreeSet<Finding>,
}

/// How much of a bundle to hash twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// BLAKE3 of every byte, the list of SHA-256 digests among them; and SHA-256 of the smallest files,
    /// up to 32 MiB of them: of all files of most bundles, and of the rest it would take longer than
    /// all else.
    Quick,
    /// Both of every byte.
    Both,
}

/// Of so many bytes both digests are taken in any case.
const TWICE: u64 = 1 << 25;

/// Reads every byte and compares it with both lists. `each` is told of every file that is sound.
///
/// # Errors
/// A file that cannot be read at all.
pub fn verify(
    bundle: &Bundle,
    depth: Depth,
    mut each: impl FnMut(&str, &Hashed),
) -> Result<Verified> {
    let listed = bundle.read(manifest::SHA256)?.unwrap_or_default();
    let claimed = manifest::parse_sha256(&listed).unwrap_or_default();
    let (mut verified, mut unsound) = (Verified::default(), BTreeSet::new());
    let mut names: Vec<(u64, &str)> =
        bundle.names().map(|name| (bundle.size(name).unwrap_or_default(), name)).collect();
    names.sort_unstable();
    let (mut alone, mut together, mut read) = (Vec::new(), Vec::new(), 0_u64);
    for (size, name) in names {
        read = read.saturating_add(size);
        let both = depth == Depth::Both || read <= TWICE || !claimed.contains_key(name);
        if !both && size >= LARGE {
            alone.push(name);
        } else {
            together.push((name, both));
        }
    }
    let mut add = |name: &str, hashed: Hashed, sound: bool| {
        verified.files.insert(name.to_owned(), hashed);
        if !sound {
            unsound.insert(name.to_owned());
        }
    };
    let once = |name: &str| -> Result<_> {
        let found = bundle.digest(name)?;
        let hashed =
            |(digest, size, sound)| (Hashed { digest, sha256: claimed[name], size }, sound);
        Ok(found.map(hashed))
    };
    // A large file takes all cores by itself.
    for name in &alone {
        if let Some((hashed, sound)) = once(name)? {
            add(name, hashed, sound);
        }
    }
    let hash = |&(name, both): &(&str, bool)| if both { bundle.hash(name) } else { once(name) };
    for (name, hashed, sound) in hash_all(bundle, &together, hash)? {
        add(name, hashed, sound);
    }
    verified.claimed = alone.len() + together.iter().filter(|(_, both)| !both).count();
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
        for file in verified.files.keys().filter(|name| manifest::lists(list, name)) {
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

/// Below so many bytes a thread costs more than it saves.
const WORTH_A_THREAD: u64 = 1 << 22;

/// Hashes many files, on all cores where that is worth it.
fn hash_all<'a>(
    bundle: &Bundle,
    names: &[(&'a str, bool)],
    hash: impl Fn(&(&'a str, bool)) -> Result<Option<(Hashed, bool)>> + Sync,
) -> Result<Vec<(&'a str, Hashed, bool)>> {
    let bytes: u64 = names.iter().filter_map(|(name, _)| bundle.size(name)).sum();
    let worth = usize::try_from(bytes / WORTH_A_THREAD).unwrap_or(usize::MAX);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some((hashed, sound)) = hash(name)? {
                done.push((name.0, hashed, sound));
            }
        }
        Ok(done)
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..worth.min(cores - 1)).map(|_| scope.spawn(work)).collect();
        let mut done = work()?;
        for other in others {
            done.extend(other.join().expect("hashing does not panic")?);
        }
        Ok(done)
    })
}

//! What a directory holds, judged before any of it is stored.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::Digest;

use crate::artifact::Blob;
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::store::Store;
use crate::tree::{self, Entry, Tree};

/// The entries of one directory by name.
pub(crate) type Listing = BTreeMap<String, Found>;

/// Something that a tree can hold.
#[derive(Debug)]
pub(crate) enum Found {
    File { path: PathBuf, executable: bool },
    Directory(Listing),
    Link { target: String },
}

/// How far below the outermost a directory may lie: each is walked from within the one above.
const DEEPEST: usize = 1024;

/// Surveys a directory and everything below it. `depth` is how far it is below the outermost one.
///
/// # Errors
/// What no tree can hold: names, links, kinds of files, and directories nested beyond [`DEEPEST`].
pub(crate) fn directory(dir: &Path, depth: usize) -> Result<Listing> {
    if depth > DEEPEST {
        return Err(StoreError::TooDeep { path: dir.to_path_buf() });
    }
    let mut listing = Listing::new();
    for (name, path) in files::list(dir)? {
        let name = name.to_str().ok_or_else(|| StoreError::NotUtf8 { path: path.clone() })?;
        let metadata = fs::symlink_metadata(&path).context("look at", &path)?;
        let found = if metadata.is_dir() {
            Found::Directory(directory(&path, depth + 1)?)
        } else {
            leaf(path, &metadata, depth)?
        };
        listing.insert(name.to_owned(), found);
    }
    Ok(listing)
}

/// Judges a file or a link whose directory lies `depth` below the outermost one.
pub(crate) fn leaf(path: PathBuf, metadata: &Metadata, depth: usize) -> Result<Found> {
    let kind = metadata.file_type();
    if kind.is_file() {
        let executable = files::is_executable(metadata);
        Ok(Found::File { path, executable })
    } else if kind.is_symlink() {
        let target = fs::read_link(&path).context("read", &path)?;
        let problem = match target.to_str() {
            None => Some("that is not UTF-8"),
            Some(text) => tree::link_problem(text, depth),
        };
        match (problem, target.to_str()) {
            (None, Some(text)) => Ok(Found::Link { target: text.to_owned() }),
            (problem, _) => {
                let problem = problem.unwrap_or_default();
                Err(StoreError::BadLink { path, target, problem })
            }
        }
    } else {
        let kind = if kind.is_socket() {
            "socket"
        } else if kind.is_fifo() {
            "fifo"
        } else {
            "device"
        };
        Err(StoreError::SpecialFile { path, kind })
    }
}

impl Store {
    /// Stores what was surveyed, files through `put`, and returns the digest of its listing.
    pub(crate) fn put_listing(
        &self,
        listing: Listing,
        put: &mut impl FnMut(&Path, bool) -> Result<Blob>,
    ) -> Result<Digest> {
        let mut entries = BTreeMap::new();
        for (name, found) in listing {
            let entry = match found {
                Found::File { path, executable } => {
                    Entry::file(put(&path, executable)?, executable)
                }
                Found::Directory(inner) => {
                    Entry::Directory { digest: self.put_listing(inner, put)? }
                }
                Found::Link { target } => Entry::Symlink { target },
            };
            entries.insert(name, entry);
        }
        Ok(self.put_bytes(&Tree { entries }.to_bytes())?.digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let deep = (0..1100).fold(root.path().to_path_buf(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        let refused = directory(root.path(), 0).unwrap_err();
        assert!(matches!(refused, StoreError::TooDeep { .. }), "{refused}");
        directory(&root.path().join(["d"; 200].join("/")), 0).unwrap();
    }
}

//! What can go wrong in a store; each message names the path or the digest it is about.

use std::io;
use std::path::{Path, PathBuf};

use rescience_digest::Digest;

/// An operation on the store that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} `{}`", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// No such object; it was never put here, or was collected.
    #[error("object {digest} is missing from the store: `{}`", .path.display())]
    Missing {
        /// The object's name.
        digest: Digest,
        /// Where it would be.
        path: PathBuf,
    },
    /// The object's bytes are not those it is named by.
    #[error("object {digest} is damaged: `{}` holds {found}", .path.display())]
    Damaged {
        /// The object's name.
        digest: Digest,
        /// Where it is.
        path: PathBuf,
        /// What its bytes hash to.
        found: Digest,
    },
    /// The object is whole, but is no directory listing.
    #[error("object {digest} is not a tree: {problem}")]
    NotATree {
        /// The object's name.
        digest: Digest,
        /// What is wrong with the listing.
        problem: String,
    },
    /// A tree tells another size of a file than its object has.
    #[error("a tree says that object {digest} has {expected} bytes, but it has {found}")]
    WrongSize {
        /// The object's name.
        digest: Digest,
        /// Bytes according to the tree.
        expected: u64,
        /// Bytes in the object.
        found: u64,
    },
    /// A file's name is not UTF-8, so that no listing can hold it.
    #[error("the name of `{}` is not UTF-8", .path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
    },
    /// A directory within more others than a tree can hold.
    #[error("directories are nested too deep: `{}`", .path.display())]
    TooDeep {
        /// The directory.
        path: PathBuf,
    },
    /// A file of a kind that a tree cannot hold.
    #[error("`{}` is a {kind}; only files, directories and symbolic links can be stored", .path.display())]
    SpecialFile {
        /// The file.
        path: PathBuf,
        /// Its kind: socket, device or fifo.
        kind: &'static str,
    },
    /// A symbolic link that would not mean the same elsewhere.
    #[error("the symbolic link `{}` points to `{}`: {problem}", .path.display(), .target.display())]
    BadLink {
        /// The link.
        path: PathBuf,
        /// What it points to.
        target: PathBuf,
        /// What is wrong with that.
        problem: &'static str,
    },
    /// A file changed while it was read.
    #[error("`{}` changed while it was being read", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A root cannot be read; nothing may be collected until it can.
    #[error("the root `{}` cannot be read: {problem}", .path.display())]
    BadRoot {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A trace cannot be read; nothing may be collected until it can, or is gone.
    #[error("the trace `{}` cannot be read: {problem}", .path.display())]
    BadTrace {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// A result of the store.
pub(crate) type Result<T, E = StoreError> = std::result::Result<T, E>;

/// A file, and what it holds or what is wrong with that.
pub(crate) type Parsed<T> = (PathBuf, Result<T, String>);

/// Adds the attempted action and its path to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb: "read", "create", "sync".
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| StoreError::Io { action, path: path.to_owned(), source })
    }
}

impl<T> Context<T> for rustix::io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(io::Error::from).context(action, path)
    }
}

//! Why a bundle cannot be written or must not be read; each message names the file it is about.

use std::io;
use std::path::{Path, PathBuf};

/// A bundle that is refused, or a file system that refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The file system refused.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file is no zip that a bundle could be; nothing in it is to be trusted.
    #[error("`{}` is no bundle: {reason}", .path.display())]
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, as a lower-case fragment.
        reason: String,
    },
    /// Something that a bundle cannot hold.
    #[error("`{name}` cannot be in a bundle: {reason}")]
    Unfit {
        /// Its path in the bundle.
        name: String,
        /// Why not, as a lower-case fragment.
        reason: String,
    },
}

/// A result of this crate.
pub(crate) type Result<T, E = BundleError> = std::result::Result<T, E>;

/// Adds the attempted action and its path to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb: "read", "create".
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| BundleError::Io { action, path: path.to_owned(), source })
    }
}

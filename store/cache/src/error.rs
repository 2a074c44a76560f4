//! Why nothing was shared or taken: which place, what was expected of it, what to do.

use std::io;
use std::path::{Path, PathBuf};

use rescience_digest::{ActionKey, Digest};
use rescience_exchange::ExchangeError;
use rescience_sign::SignError;
use rescience_store::StoreError;

/// A place that refuses, or that holds something else than it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
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
    /// There is no cache at the place, or none that this program can use.
    #[error("{place} is no cache that can be used: {reason}")]
    NotACache {
        /// The place.
        place: String,
        /// Why not and what to do, as a lower-case fragment.
        reason: String,
    },
    /// An object at the place is not what it is named by. Nothing of what was fetched was kept.
    #[error(
        "{place} holds a wrong object {digest}: found {found}; remove `{item}` there, and push the \
         trace again from a machine that has it"
    )]
    Wrong {
        /// The place.
        place: String,
        /// The object's name.
        digest: Digest,
        /// Its name at the place.
        item: String,
        /// What its bytes hash to, or how many there are.
        found: String,
    },
    /// A failed execution is evidence for whoever ran it, and no result for others.
    #[error("the execution of {key} failed, and only successes are shared")]
    Failed {
        /// What was executed.
        key: ActionKey,
    },
    /// Something that the place cannot hold, or that nobody would take from it.
    #[error("cannot share this through {place}: {reason}")]
    Unfit {
        /// The place.
        place: String,
        /// Why not, as a lower-case fragment.
        reason: String,
    },
    /// The place does not do what it was asked.
    #[error("cannot {action} `{item}` at {place}: {reason}; {advice}")]
    Place {
        /// What was tried, as a verb.
        action: &'static str,
        /// Its name at the place.
        item: String,
        /// The place.
        place: String,
        /// What it answered, as a lower-case fragment.
        reason: String,
        /// What to do, as a lower-case fragment.
        advice: String,
    },
    /// A registry or a connection refused.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The local store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The trace could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

/// A result of this crate.
pub(crate) type Result<T, E = CacheError> = std::result::Result<T, E>;

/// Adds the attempted action and its path to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb: "read", "create".
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| CacheError::Io { action, path: path.to_owned(), source })
    }
}

//! Why a bundle was not handed on, or not got back: which address, what it answered, what to do.

use std::io;
use std::path::{Path, PathBuf};

use rescience_bundle::BundleError;

/// A place that refuses, a connection that fails, or bytes that are not the right ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExchangeError {
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
    /// Something else is where the bundle would go.
    #[error("{place} holds something else already: choose another name, or force it")]
    Exists {
        /// The file, the tag.
        place: String,
    },
    /// The bundle cannot be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// git refused.
    #[error("cannot {action} `{remote}`: {reason}")]
    Git {
        /// What was tried, as a verb.
        action: &'static str,
        /// The remote.
        remote: String,
        /// Why it failed, in git's words.
        reason: String,
    },
    /// What is there is not what a bundle could be; none of it was kept.
    #[error("{from} holds no bundle: {reason}")]
    Refused {
        /// Where it came from.
        from: String,
        /// What is wrong, as a lower-case fragment.
        reason: String,
    },
    /// It cannot be sent to this place at all.
    #[error("cannot send this to {to}: {reason}")]
    Unfit {
        /// The place.
        to: String,
        /// Why not, as a lower-case fragment.
        reason: String,
    },
    /// No answer came, after all tries.
    #[error("cannot reach {url}: {reason}")]
    Connection {
        /// The address, without its query.
        url: String,
        /// What happened, as a lower-case fragment.
        reason: String,
    },
    /// An answer that is not the one hoped for.
    #[error("{method} {url} answered {status}{}; {advice}", said(.words))]
    Answer {
        /// The method.
        method: String,
        /// The address, without its query.
        url: String,
        /// The status and its name.
        status: u16,
        /// What the server said of it, bounded; may be empty.
        words: String,
        /// What to do, as a lower-case fragment.
        advice: &'static str,
    },
    /// An answer that does not follow the API.
    #[error("{url} does not answer as its API says: {reason}")]
    Protocol {
        /// The address, without its query.
        url: String,
        /// What is wrong, as a lower-case fragment.
        reason: String,
    },
    /// Other bytes arrived than were sent.
    #[error("the bytes at {place} are not the right ones: expected {expected}, found {found}")]
    Bytes {
        /// Where they are.
        place: String,
        /// Their digest or size as it should be.
        expected: String,
        /// And as it is.
        found: String,
    },
}

fn said(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": \"{words}\"") }
}

/// A result of this crate.
pub(crate) type Result<T, E = ExchangeError> = std::result::Result<T, E>;

/// Adds the attempted action and its path to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb: "read", "create".
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| ExchangeError::Io { action, path: path.to_owned(), source })
    }
}

//! Why nothing can be signed, or why a signature does not count.

use std::io;
use std::path::{Path, PathBuf};

/// A key that cannot sign, or a document that is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
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
    /// The bytes that a signature is about could not be read to their end.
    #[error("cannot read the bytes that the signature is about: {0}")]
    Message(io::Error),
    /// The file holds no key that can sign.
    #[error("`{}` is no key to sign with: {reason}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, as a lower-case fragment.
        reason: String,
    },
    /// The private key is encrypted, and nobody is asked for passphrases here.
    #[error(
        "`{path}` is encrypted: add it to an ssh-agent with `ssh-add {path}`, and name the public \
         key `{path}.pub` instead",
        path = .path.display()
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The agent did not sign.
    #[error("the ssh-agent at `{}` {reason}", .socket.display())]
    Agent {
        /// Its socket.
        socket: PathBuf,
        /// What it did or lacks, as the rest of the sentence.
        reason: String,
    },
    /// Something that has no single meaning, or none that is trusted.
    #[error("{what} is refused: {reason}")]
    Refused {
        /// What was read, with its article.
        what: &'static str,
        /// What is wrong with it, as a lower-case fragment.
        reason: String,
    },
    /// The signature was made for another kind of document.
    #[error("the signature is for `{found}`, not for `{expected}`")]
    Namespace {
        /// The namespace of what was to be verified.
        expected: String,
        /// The namespace in the signature.
        found: String,
    },
    /// The signature belongs to other bytes, or to another key than it names.
    #[error("the signature by {key} does not belong to these bytes")]
    Forged {
        /// The fingerprint of the key that it names.
        key: String,
    },
}

/// A result of this crate.
pub(crate) type Result<T, E = SignError> = std::result::Result<T, E>;

/// Adds the attempted action and its path to an I/O error.
pub(crate) trait Context<T> {
    /// `action` is a verb: "read", "connect to".
    fn context(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| SignError::Io { action, path: path.to_owned(), source })
    }
}

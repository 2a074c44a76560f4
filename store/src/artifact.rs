//! What an action yields: bytes, or a directory of them.

use rescience_digest::{Digest, Hashed, Sha256};
use serde::{Deserialize, Serialize};

/// The name of a blob or a tree, told apart: `{"blob": "b3:…"}` or `{"tree": "b3:…"}` in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Artifact {
    /// Plain bytes.
    Blob(Digest),
    /// A directory; the digest is that of its listing.
    Tree(Digest),
}

impl Artifact {
    /// The digest of the bytes or of the listing.
    pub fn digest(&self) -> Digest {
        match self {
            Artifact::Blob(digest) | Artifact::Tree(digest) => *digest,
        }
    }
}

/// Bytes that are in the store, with all that one pass over them told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Blob {
    /// Their name.
    pub digest: Digest,
    /// Their name for other tools.
    pub sha256: Sha256,
    /// How many there are, in bytes.
    pub size: u64,
}

impl From<Hashed> for Blob {
    fn from(hashed: Hashed) -> Blob {
        Blob { digest: hashed.digest, sha256: hashed.sha256, size: hashed.size }
    }
}

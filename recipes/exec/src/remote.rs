//! What others have made already: asked before anything runs, and told of what was made here.

use rescience_digest::ActionKey;
use rescience_store::{Store, Trace};

/// A place with results that several people share. Its methods block.
pub trait Remote: Send + Sync {
    /// Where it is, as a person would name it.
    fn place(&self) -> &str;

    /// Whether what is made here goes there.
    fn takes(&self) -> bool;

    /// Brings what is recorded there under a key into the store.
    ///
    /// # Errors
    /// In words, why the place cannot be asked.
    fn fetch(&self, store: &Store, key: &ActionKey) -> Result<Fetched, String>;

    /// Hands on what is recorded here. Returns the number of bytes that went there.
    ///
    /// # Errors
    /// In words, why the place does not take it.
    fn push(&self, store: &Store, trace: &Trace) -> Result<u64, String>;
}

/// What came from a remote.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Who signed what is now in the store.
    pub signers: Vec<String>,
    /// Why other traces do not count.
    pub refused: Vec<String>,
    /// How many bytes came.
    pub bytes: u64,
}

//! What every kind of place does: list the traces of a key, give bytes out, take bytes in.

use std::path::Path;

use rescience_digest::{ActionKey, Digest};
use rescience_store::Blob;

use crate::error::Result;
use crate::layout::Item;

/// The most traces of one key that are looked at.
pub(crate) const MOST_TRACES: usize = 100;

/// Takes bytes as they come, and says whether it wants more.
pub(crate) type Sink<'a> = dyn FnMut(&[u8]) -> Result<bool> + 'a;

/// A place, for as long as one trace is pushed or one key is asked for.
pub(crate) trait Shelf {
    /// The traces of a key that have a file, sorted; of many, some more than [`MOST_TRACES`].
    fn traces(&mut self, key: &ActionKey) -> Result<Vec<Digest>>;

    /// Gives a file's bytes to `sink` until there are no more or it wants no more; false if there is
    /// no such file.
    fn read(&mut self, item: Item, sink: &mut Sink<'_>) -> Result<bool>;

    /// Makes sure that a file is there, whole or not at all.
    fn put(&mut self, item: Item, source: Source<'_>) -> Result<Sent>;

    /// Makes everything that was put count; nothing more is put.
    fn finish(&mut self) -> Result<()>;
}

/// What is put into a file.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    Bytes(&'a [u8]),
    /// A file, and what it was found to hold.
    File(&'a Path, Blob),
}

impl Source<'_> {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Source::Bytes(bytes) => bytes.len() as u64,
            Source::File(_, blob) => blob.size,
        }
    }
}

/// What came of putting something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It was sent.
    Moved,
    /// It was there.
    Present,
}

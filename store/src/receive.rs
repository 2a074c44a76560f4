//! Bytes from elsewhere: hashed as they come, and an object only once somebody has looked at their
//! digest.

use std::fs::File;

use rescience_digest::{Hashed, Hasher};

use crate::artifact::Blob;
use crate::error::{Context as _, Result};
use crate::store::Store;
use crate::write::{self, Draft, Temporary};

/// Bytes on their way into the store; dropped, they leave nothing.
pub struct Incoming {
    store: Store,
    draft: Draft,
    hasher: Hasher,
}

/// Bytes that have all come and are no object yet; dropped, they leave nothing.
pub struct Received {
    store: Store,
    path: Temporary,
    blob: Blob,
}

impl Store {
    /// Begins to take bytes from elsewhere.
    pub fn receive(&self) -> Result<Incoming> {
        let draft = Draft::new(self)?;
        Ok(Incoming { store: self.clone(), draft, hasher: Hasher::new() })
    }
}

impl Incoming {
    /// Takes the next bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.draft.write(bytes)
    }

    /// Says that these were all. The file is closed: many may be waiting to be kept.
    pub fn finish(self) -> Received {
        let Incoming { store, draft: Draft { path, .. }, hasher } = self;
        Received { store, path, blob: hasher.finish().into() }
    }
}

impl Received {
    /// What came.
    pub fn blob(&self) -> Blob {
        self.blob
    }

    /// Makes it an object.
    pub fn keep(self) -> Result<Blob> {
        let Blob { digest, sha256, size } = self.blob;
        let hashed = Hashed { digest, sha256, size };
        let object = self.store.object_path(&digest);
        if !self.store.holds(&object, &hashed)? {
            let file = File::open(&*self.path).context("open", &self.path)?;
            write::seal(&file, &self.path)?;
            self.store.publish(&self.path, &object, &hashed)?;
        }
        Ok(self.blob)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_an_object_only_once_it_is_kept() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let hello = Blob::from(Hashed::of(b"hello"));
        let receive = || {
            let mut incoming = store.receive().unwrap();
            incoming.write(b"hel").unwrap();
            incoming.write(b"lo").unwrap();
            incoming.finish()
        };
        let received = receive();
        assert_eq!(received.blob(), hello);
        drop(received);
        drop(store.receive().unwrap());
        assert!(!store.contains(&hello.digest).unwrap());

        assert_eq!(receive().keep().unwrap(), hello);
        assert_eq!(receive().keep().unwrap(), hello, "again is the same");
        assert_eq!(store.read(&hello.digest).unwrap(), b"hello");
        store.intact(&crate::Artifact::Blob(hello.digest)).unwrap();
        let left = std::fs::read_dir(store.draft_path().parent().unwrap()).unwrap().count();
        assert_eq!(left, 0, "drafts are removed");
    }
}

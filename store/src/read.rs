//! Verified reading, and the cheap test that an object is intact.

use std::fs::File;
use std::io;
use std::path::Path;

use rescience_digest::{Digest, Hashed};

use crate::artifact::{Artifact, Blob};
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::store::Store;
use crate::tree::{Entry, Tree};
use crate::write;

impl Store {
    /// The bytes of an object, checked against its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], or [`StoreError::Damaged`] if other bytes are there.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>> {
        let path = self.object_path(digest);
        let bytes = files::read(&path)?.ok_or_else(|| self.missing(digest))?;
        match Digest::of(&bytes) {
            found if found == *digest => Ok(bytes),
            found => Err(StoreError::Damaged { digest: *digest, path, found }),
        }
    }

    /// The file of an object, to be read in parts; whoever reads it has to check it against its name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`].
    pub fn object_file(&self, digest: &Digest) -> Result<File> {
        let path = self.object_path(digest);
        match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(self.missing(digest)),
            file => file.context("open", &path),
        }
    }

    /// The tree whose listing has this digest.
    ///
    /// # Errors
    ///
    /// As [`Store::read`], and [`StoreError::NotATree`] if the bytes are no listing.
    pub fn tree(&self, digest: &Digest) -> Result<Tree> {
        let bytes = self.read(digest)?;
        Tree::parse(&bytes).map_err(|problem| StoreError::NotATree { digest: *digest, problem })
    }

    /// The entry at `path`, such as `a/b.json`, inside a tree. Links are not followed; in a blob
    /// there is nothing to find.
    pub fn find(&self, artifact: &Artifact, path: &str) -> Result<Option<Entry>> {
        let Artifact::Tree(mut digest) = *artifact else {
            return Ok(None);
        };
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            let entry = self.tree(&digest)?.entries.remove(name);
            match entry {
                Some(Entry::Directory { digest: inner }) if names.peek().is_some() => {
                    digest = inner;
                }
                entry if names.peek().is_none() => return Ok(entry),
                _ => break,
            }
        }
        Ok(None)
    }

    /// The bytes of the file at `path` inside a tree; `None` if there is no file at that path.
    pub fn read_at(&self, tree: &Digest, path: &str) -> Result<Option<Vec<u8>>> {
        match self.find(&Artifact::Tree(*tree), path)? {
            Some(Entry::File { digest, .. }) => self.read(&digest).map(Some),
            _ => Ok(None),
        }
    }

    /// Tests that everything the artifact consists of is there and untouched.
    ///
    /// Listings are read; of files only the seal and the size are looked at, and a file that fails
    /// there is hashed. So damage that leaves the time of modification alone, such as a failing
    /// disk, is found by [`Store::read`] and [`Store::check`], not here.
    ///
    /// # Errors
    ///
    /// The first object that is missing or damaged.
    pub fn intact(&self, artifact: &Artifact) -> Result<()> {
        self.walk(*artifact, |part, size| match part {
            Artifact::Blob(digest) => match self.probe(&digest, size) {
                // Only a tree tells a size.
                Err(StoreError::Missing { .. })
                    if size.is_some() && self.stands_without(&digest) =>
                {
                    Ok(false)
                }
                probed => probed.map(|()| false),
            },
            // Its listing is read, and so verified, in order to go on.
            Artifact::Tree(_) => Ok(true),
        })
    }

    /// Reads an object and compares its bytes with its digest, in constant memory. Returns what the
    /// pass told.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] or [`StoreError::Damaged`].
    pub fn verify(&self, digest: &Digest) -> Result<Blob> {
        let path = self.object_path(digest);
        let hashed = hash_file(&path)?.ok_or_else(|| self.missing(digest))?;
        match hashed.digest {
            found if found == *digest => Ok(hashed.into()),
            found => Err(StoreError::Damaged { digest: *digest, path, found }),
        }
    }

    /// Drops an object if it is damaged, so that it can be remade; tells whether it did.
    pub fn remove(&self, digest: &Digest) -> Result<bool> {
        // Nobody can put the right bytes in its place between the look and the removal.
        let _repair = self.repair_lock()?;
        let path = self.object_path(digest);
        match hash_file(&path)? {
            Some(hashed) if hashed.digest != *digest => {
                files::remove(&path)?;
                self.changed(&path);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Tests one object by its seal, and by its bytes where the seal is broken.
    pub(crate) fn probe(&self, digest: &Digest, size: Option<u64>) -> Result<()> {
        let path = self.object_path(digest);
        let metadata = files::stat(&path)?.ok_or_else(|| self.missing(digest))?;
        if write::is_sealed(&metadata) && size.is_none_or(|size| size == metadata.len()) {
            return Ok(());
        }
        let hashed = hash_file(&path)?.ok_or_else(|| self.missing(digest))?;
        if hashed.digest != *digest {
            return Err(StoreError::Damaged { digest: *digest, path, found: hashed.digest });
        }
        write::reseal(&path);
        match size {
            Some(expected) if expected != hashed.size => {
                Err(StoreError::WrongSize { digest: *digest, expected, found: hashed.size })
            }
            _ => Ok(()),
        }
    }
}

/// Hashes a file in constant memory; `None` if it is not there, or no longer.
pub(crate) fn hash_file(path: &Path) -> Result<Option<Hashed>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.context("open", path)?,
    };
    write::stream(&mut file, path, |_| Ok(())).map(Some)
}

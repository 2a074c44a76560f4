//! An output directory becomes a tree, without its bytes being copied.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rescience_digest::Digest;

use crate::artifact::Blob;
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::store::Store;
use crate::survey;
use crate::write;

impl Store {
    /// Takes a finished directory into the store, durably, and returns its tree's digest.
    ///
    /// The directory must be on the store's file system, as one made by [`Store::scratch`] is, and
    /// nobody may write to it any more. Its files become objects by a hard link, so afterwards they
    /// are read-only. Executables, and files that have other names, are copied: the one keeps its
    /// mode, and the other cannot be changed through its other name. The times and modes of files
    /// do not enter the tree, except whether their owner may execute them.
    ///
    /// # Errors
    ///
    /// A socket, device or fifo, a link that is absolute or leads out of the directory, a name that
    /// is not UTF-8: each with its path, and before anything is stored.
    pub fn adopt_dir(&self, dir: &Path) -> Result<Digest> {
        let listing = survey::directory(dir, 0)?;
        let digest =
            self.put_listing(listing, &mut |path, executable| self.adopt_file(path, executable))?;
        self.sync()?;
        Ok(digest)
    }

    fn adopt_file(&self, path: &Path, executable: bool) -> Result<Blob> {
        let mut file = File::open(path).context("open", path)?;
        let before = file.metadata().context("look at", path)?;
        if executable || before.nlink() > 1 {
            return self.put_file(path);
        }
        let hashed = write::stream(&mut file, path, |_| Ok(()))?;
        if !files::unchanged(&before, &file.metadata().context("look at", path)?) {
            return Err(StoreError::Changed { path: path.to_owned() });
        }
        let object = self.object_path(&hashed.digest);
        if !self.holds(&object, &hashed)? {
            write::seal(&file, path)?;
            self.publish(path, &object, &hashed)?;
        }
        Ok(hashed.into())
    }
}

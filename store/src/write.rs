//! The one way into the store: temporary file, hash, seal, sync, link.

use std::fs::{self, File, FileTimes, Metadata, Permissions};
use std::io::{self, Read as _, Write as _};
use std::ops::Deref;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rescience_digest::{Digest, Hashed, Hasher};

use crate::artifact::Blob;
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::read;
use crate::store::Store;
use crate::tree::{Entry, Tree};

/// When every sealed file was last modified: 1980-01-01T00:00:00Z, in seconds of the Unix epoch.
const SEAL_TIME: u64 = 315_532_800;

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

impl Store {
    /// Puts bytes into the store.
    ///
    /// Like everything that is put, they are there at once, and survive a power cut as soon as a
    /// trace or a root is recorded.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Blob> {
        let hashed = Hashed::of(bytes);
        self.put_hashed(bytes, &hashed, &self.object_path(&hashed.digest))?;
        Ok(hashed.into())
    }

    /// Puts a copy of a file into the store, in constant memory.
    ///
    /// Fails with [`StoreError::Changed`] if somebody writes to the file meanwhile.
    pub fn put_file(&self, path: &Path) -> Result<Blob> {
        let mut from = File::open(path).context("open", path)?;
        let before = from.metadata().context("look at", path)?;
        let mut draft = Draft::new(self)?;
        let hashed = stream(&mut from, path, |chunk| draft.write(chunk))?;
        if !files::unchanged(&before, &from.metadata().context("look at", path)?) {
            return Err(StoreError::Changed { path: path.to_owned() });
        }
        let object = self.object_path(&hashed.digest);
        if !self.holds(&object, &hashed)? {
            draft.seal()?;
            self.publish(&draft.path, &object, &hashed)?;
        }
        Ok(hashed.into())
    }

    /// Puts a listing into the store; everything it names must be there already.
    pub fn put_tree(&self, tree: &Tree) -> Result<Digest> {
        for entry in tree.entries.values() {
            match entry {
                Entry::File { digest, .. } | Entry::Directory { digest } => {
                    if !self.contains(digest)? {
                        return Err(self.missing(digest));
                    }
                }
                Entry::Symlink { .. } => {}
            }
        }
        Ok(self.put_bytes(&tree.to_bytes())?.digest)
    }

    /// Makes sure that `target`, named by the hash of its content, holds `bytes`.
    pub(crate) fn put_hashed(&self, bytes: &[u8], hashed: &Hashed, target: &Path) -> Result<()> {
        if self.holds(target, hashed)? {
            return Ok(());
        }
        let mut draft = Draft::new(self)?;
        draft.write(bytes)?;
        draft.seal()?;
        self.publish(&draft.path, target, hashed)
    }

    /// Replaces a file that is not named by its content, atomically and durably.
    pub(crate) fn replace_file(&self, target: &Path, bytes: &[u8]) -> Result<()> {
        self.sync()?;
        let mut draft = Draft::new(self)?;
        draft.write(bytes)?;
        draft.file.sync_all().context("sync", &draft.path)?;
        fs::rename(&*draft.path, target).context("write", target)?;
        self.changed(target);
        self.sync()
    }

    /// Gives a sealed and synced file its name. The file keeps its old name, too, unless it takes
    /// the place of a damaged one.
    pub(crate) fn publish(&self, sealed: &Path, target: &Path, hashed: &Hashed) -> Result<()> {
        match link(self, sealed, target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if self.holds(target, hashed)? {
                    return Ok(());
                }
                let _repair = self.repair_lock()?;
                if !self.holds(target, hashed)? {
                    fs::rename(sealed, target).context("replace", target)?;
                }
            }
            linked => linked.context("create", target)?,
        }
        self.changed(target);
        Ok(())
    }

    /// Whether `target` holds what hashes to `hashed`. If so it counts as put: its age starts
    /// again, and its name will be durable when anything is recorded.
    pub(crate) fn holds(&self, target: &Path, hashed: &Hashed) -> Result<bool> {
        let Some(metadata) = files::stat(target)? else {
            return Ok(false);
        };
        let untouched = is_sealed(&metadata) && metadata.len() == hashed.size;
        // It may be dropped between the two looks, since it may be damaged.
        if !untouched && read::hash_file(target)?.is_none_or(|found| found.digest != hashed.digest)
        {
            return Ok(false);
        }
        reseal(target);
        self.changed(target);
        Ok(true)
    }

    pub(crate) fn missing(&self, digest: &Digest) -> StoreError {
        StoreError::Missing { digest: *digest, path: self.object_path(digest) }
    }
}

/// Links, making the directories above `target` when it turns out that there are none.
fn link(store: &Store, from: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(from, target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(dir) = target.parent() {
                store.make_dir(dir).map_err(io::Error::other)?;
            }
            fs::hard_link(from, target)
        }
        linked => linked,
    }
}

/// A new file in the session's directory, removed on drop.
pub(crate) struct Draft {
    pub(crate) path: Temporary,
    file: File,
}

/// The path of a file that is removed on drop.
pub(crate) struct Temporary(PathBuf);

impl Draft {
    pub(crate) fn new(store: &Store) -> Result<Draft> {
        let path = Temporary(store.draft_path());
        let file = File::create_new(&*path).context("create", &path)?;
        Ok(Draft { path, file })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).context("write", &self.path)
    }

    pub(crate) fn seal(&self) -> Result<()> {
        seal(&self.file, &self.path)
    }
}

impl Deref for Temporary {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed away, or swept with the session if this fails.
        files::remove(&self.0).ok();
    }
}

/// Seals an open file and makes it durable: read-only, the constant time, synced.
///
/// Mode and time come first, so that one sync covers them with the bytes.
pub(crate) fn seal(file: &File, path: &Path) -> Result<()> {
    set_seal(file).context("seal", path)?;
    file.sync_all().context("sync", path)
}

/// Sets mode and time without making them durable: for files outside the store.
pub(crate) fn set_seal(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o444))?;
    file.set_times(FileTimes::new().set_modified(seal_time()))
}

/// Seals an intact object again. It may fail, on an object of somebody else: then the object is
/// merely hashed again next time.
pub(crate) fn reseal(path: &Path) {
    File::open(path).and_then(|file| set_seal(&file)).ok();
}

/// Whether nobody wrote to the object since it was sealed, or changed its mode so that they could.
pub(crate) fn is_sealed(metadata: &Metadata) -> bool {
    metadata.is_file()
        && metadata.mode() & 0o222 == 0
        && metadata.mtime() == SEAL_TIME.cast_signed()
        && metadata.mtime_nsec() == 0
}

pub(crate) fn seal_time() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(SEAL_TIME)
}

/// Reads `from` to its end, hashing, and hands on every chunk.
pub(crate) fn stream(
    from: &mut File,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<Hashed> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                each(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("read", path),
        }
    }
}

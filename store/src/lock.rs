//! Locks between processes. They are held on open files, so they die with their process.

use std::fs::{File, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::ActionKey;

use crate::error::{Context as _, Result};
use crate::files;
use crate::store::Store;

/// The right to execute one action, against other threads as well; released on drop.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct KeyLock {
    path: PathBuf,
    _file: File,
}

/// The promise that nothing is collected meanwhile; released on drop. Any number may be held.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct SharedLock {
    _file: File,
}

/// The right to delete, while nobody holds a [`SharedLock`]; released on drop.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct ExclusiveLock {
    _file: File,
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        // Still locked: whoever waits on this file sees that it lost its name, and opens a new one.
        files::remove(&self.path).ok();
    }
}

impl Store {
    /// Waits for the right to execute the action of `key`.
    pub fn lock(&self, key: &ActionKey) -> Result<KeyLock> {
        let path = self.key_lock_path(key);
        Ok(KeyLock { _file: wait(&path, File::lock)?, path })
    }

    /// The right to execute the action of `key`, unless another holds it.
    pub fn try_lock(&self, key: &ActionKey) -> Result<Option<KeyLock>> {
        let path = self.key_lock_path(key);
        Ok(attempt(&path, File::try_lock)?.map(|file| KeyLock { _file: file, path }))
    }

    /// Waits until nobody deletes, and keeps it so. Hold it from the first put or look-up until the
    /// roots are set.
    pub fn share(&self) -> Result<SharedLock> {
        Ok(SharedLock { _file: wait(&self.lock_path("store"), File::lock_shared)? })
    }

    /// As [`Store::share`], unless somebody deletes right now.
    pub fn try_share(&self) -> Result<Option<SharedLock>> {
        let file = attempt(&self.lock_path("store"), File::try_lock_shared)?;
        Ok(file.map(|file| SharedLock { _file: file }))
    }

    /// Waits until nobody else uses the store.
    pub fn exclusive(&self) -> Result<ExclusiveLock> {
        Ok(ExclusiveLock { _file: wait(&self.lock_path("store"), File::lock)? })
    }

    /// As [`Store::exclusive`], unless somebody uses the store right now.
    pub fn try_exclusive(&self) -> Result<Option<ExclusiveLock>> {
        let file = attempt(&self.lock_path("store"), File::try_lock)?;
        Ok(file.map(|file| ExclusiveLock { _file: file }))
    }

    /// Waits for the right to replace or drop a damaged object.
    pub(crate) fn repair_lock(&self) -> Result<File> {
        wait(&self.lock_path("repair"), File::lock)
    }

    fn key_lock_path(&self, key: &ActionKey) -> PathBuf {
        self.lock_path(&format!("key-{}", key.hex()))
    }
}

fn wait(path: &Path, lock: impl Fn(&File) -> std::io::Result<()>) -> Result<File> {
    loop {
        let file = open(path)?;
        lock(&file).context("lock", path)?;
        if is_named(&file, path)? {
            return Ok(file);
        }
    }
}

fn attempt(path: &Path, lock: impl Fn(&File) -> Result<(), TryLockError>) -> Result<Option<File>> {
    loop {
        let file = open(path)?;
        match lock(&file) {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error).context("lock", path),
            Ok(()) if is_named(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
        }
    }
}

fn open(path: &Path) -> Result<File> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).open(path).context("open", path)
}

/// A lock on a file that lost its name is worth nothing: the next process makes another file.
fn is_named(file: &File, path: &Path) -> Result<bool> {
    Ok(file.metadata().context("look at", path)?.nlink() > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        (temp, store)
    }

    #[test]
    fn one_key_has_one_holder_and_leaves_no_file() {
        let (_temp, store) = store();
        let (a, b) = (ActionKey::of("lock tests", "a"), ActionKey::of("lock tests", "b"));
        let held = store.lock(&a).unwrap();
        assert!(store.try_lock(&a).unwrap().is_none());
        assert!(store.try_lock(&b).unwrap().is_some());
        drop(held);
        assert!(store.try_lock(&a).unwrap().is_some());
        assert!(files::list(&store.dir("locks")).unwrap().is_empty());
    }

    #[test]
    fn builds_share_and_deletion_waits() {
        let (_temp, store) = store();
        let (first, second) = (store.share().unwrap(), store.try_share().unwrap());
        assert!(second.is_some());
        assert!(store.try_exclusive().unwrap().is_none());
        drop((first, second));
        let exclusive = store.try_exclusive().unwrap();
        assert!(exclusive.is_some());
        assert!(store.try_share().unwrap().is_none());
    }

    #[test]
    fn waiters_enter_one_by_one_although_the_file_comes_and_goes() {
        let (_temp, store) = store();
        let key = ActionKey::of("lock tests", "contended");
        let inside = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _lock = store.lock(&key).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
    }
}

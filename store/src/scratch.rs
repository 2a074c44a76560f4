//! Private directories on the store's file system, for work in progress.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::remove::remove_tree;
use crate::store::Store;

/// A private directory, removed on drop; if its process dies, by a later [`Store::open`].
///
/// Its owner holds a lock on the file beside it. The lock file is made before the directory and
/// removed after it, so a directory whose lock can be taken, or is gone, has no living owner.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    lock_path: PathBuf,
    /// Held, not read; closing it after the directory is gone releases the lock.
    _lock: File,
}

impl Scratch {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn new(tmp: &Path, label: &str) -> Result<Scratch> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{}-{number}", files::file_name(label), process::id());
            let path = tmp.join(&name);
            let lock_path = tmp.join(name + ".lock");
            let lock = match File::create_new(&lock_path) {
                // A dead process had this number, or lives on the other side of a container's wall.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                lock => lock.context("create", &lock_path)?,
            };
            lock.lock().context("lock", &lock_path)?;
            if lock.metadata().context("look at", &lock_path)?.nlink() == 0 {
                continue; // A sweeper took it between its making and its locking.
            }
            match fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    files::remove(&lock_path)?;
                    continue;
                }
                made => made.context("create", &path)?,
            }
            files::set_mode(&path, 0o700)?;
            return Ok(Scratch { path, lock_path, _lock: lock });
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is swept later, when its lock is free.
        if remove_tree(&self.path).is_ok() {
            files::remove(&self.lock_path).ok();
        }
    }
}

impl Store {
    /// Makes a private directory on the store's file system; `label` is for people who look into
    /// `tmp/`.
    pub fn scratch(&self, label: &str) -> Result<Scratch> {
        Scratch::new(&self.dir("tmp"), label)
    }
}

/// Removes the directories whose owners are dead, and returns what kept it from removing others.
///
/// One that cannot be removed is tried again by the next sweep; nothing else waits for it.
pub(crate) fn sweep(tmp: &Path) -> Result<Vec<StoreError>> {
    let entries = files::list(tmp)?.into_iter();
    Ok(entries.filter_map(|(_, path)| sweep_one(path).err()).collect())
}

/// Removes what belongs to one name in `tmp`, a directory or its lock, if its owner is dead.
fn sweep_one(path: PathBuf) -> Result<()> {
    let (dir, lock_path) = match path.extension() {
        Some(extension) if extension == "lock" => (path.with_extension(""), path),
        _ => {
            let mut lock = path.clone().into_os_string();
            lock.push(".lock");
            (path, PathBuf::from(lock))
        }
    };
    let lock = match File::open(&lock_path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return remove_tree(&dir),
        lock => lock.context("open", &lock_path)?,
    };
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Ok(()),
        Err(TryLockError::Error(error)) => Err(error).context("lock", &lock_path),
        Ok(()) => {
            remove_tree(&dir)?;
            files::remove(&lock_path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(tmp: &Path) -> Vec<String> {
        files::list(tmp).unwrap().into_iter().map(|(name, _)| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_scratch_directory_lives_as_long_as_its_owner() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let scratch = store.scratch("run one/two").unwrap();
        fs::write(scratch.path().join("file"), "x").unwrap();
        drop(Store::open(temp.path()).unwrap());
        assert!(scratch.path().join("file").exists(), "another open must not sweep it");
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
        drop(store);
        assert_eq!(names(&temp.path().join("v1/tmp")), Vec::<String>::new());
    }

    #[test]
    fn what_dead_owners_left_is_swept() {
        let temp = tempfile::tempdir().unwrap();
        let tmp = temp.path().join("v1/tmp");
        drop(Store::open(temp.path()).unwrap());
        fs::create_dir_all(tmp.join("dead-1-0/deep")).unwrap();
        fs::write(tmp.join("dead-1-0.lock"), "").unwrap();
        fs::create_dir(tmp.join("lockless")).unwrap();
        fs::write(tmp.join("early.lock"), "").unwrap();
        let store = Store::open(temp.path()).unwrap();
        let left = names(&tmp);
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.iter().all(|name| name.starts_with("session-")));
        drop(store);
    }

    #[test]
    fn what_cannot_be_swept_keeps_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        let tmp = temp.path().join("v1/tmp");
        drop(Store::open(temp.path()).unwrap());
        // A lock that cannot be opened stands for whatever refuses.
        std::os::unix::fs::symlink("a.lock", tmp.join("a.lock")).unwrap();
        fs::create_dir(tmp.join("b")).unwrap();
        let store = Store::open(temp.path()).unwrap();
        assert!(!tmp.join("b").exists());
        let refused = sweep(&tmp).unwrap();
        assert_eq!(refused.len(), 1, "{refused:?}");
        assert!(refused[0].to_string().contains("a.lock"), "{refused:?}");
        drop(store);
    }

    #[test]
    fn sweepers_and_owners_do_not_get_in_each_others_way() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let tmp = temp.path().join("v1/tmp");
        std::thread::scope(|scope| {
            let owners: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..300 {
                            let scratch = store.scratch("busy").unwrap();
                            std::thread::yield_now();
                            assert!(scratch.path().exists());
                        }
                    })
                })
                .collect();
            while owners.iter().any(|owner| !owner.is_finished()) {
                sweep(&tmp).unwrap();
            }
        });
    }
}

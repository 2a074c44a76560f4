//! Opening a store, and which path belongs to what.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rescience_digest::{ActionKey, Digest};

use crate::cache_file::{self, Time};
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::scratch::{self, Scratch};

/// A content-addressed store. Clones are cheap and share one place; all methods may be called from
/// many threads and many processes at once.
///
/// ```text
/// store/v1/
///   objects/ab/<62 hex>             the bytes that hash to ab…; a directory's listing is an object too
///   traces/ab/<62 hex>/<hex>.json   what the action with the key ab… gave, once per execution;
///                                   the file is named by the BLAKE3 of its bytes
///   roots/<name>.json               what a project wants kept
///   log/<project>.jsonl             what happened in a project
///   locks/store                     held shared by builds, exclusively by deletion
///   locks/repair                    held while a damaged object is replaced or dropped
///   locks/key-<hex>                 held while the action with that key executes
///   tmp/<owner>/                    work in progress of one owner
///   tmp/<owner>.lock                held by that owner as long as it lives
/// ```
///
/// The version of the format is in the directory's name; a later one will lie beside it.
///
/// Objects and traces are *sealed*: read-only, and modified at the start of 1980, the earliest time
/// that a zip can hold. Whoever writes into one moves its time, so that one `stat` tells an
/// untouched object from one that must be hashed again. They share one way in:
///
/// 1. write to a file in `tmp/`, hashing BLAKE3 and SHA-256 in the same pass;
/// 2. seal it, and sync it; if that fails, the file is gone and is not tried again;
/// 3. hard-link it to its name, which never replaces anything; if the name is taken, the same bytes
///    are there already, unless they are damaged: then, and only then, they are replaced;
/// 4. before anything names the object for others, sync the directories that were linked into.
///
/// An interruption at any point leaves at most a file in `tmp/`, which the next [`Store::open`]
/// sweeps, or an object that nobody names, which [`Store::gc`] finds.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
    /// Objects that nobody expects to be here.
    absent: Arc<BTreeSet<Digest>>,
}

#[derive(Debug)]
struct Inner {
    /// `store/v1`.
    root: PathBuf,
    /// Where this process writes what is not linked yet.
    session: Scratch,
    /// Makes names in the session unique.
    drafts: AtomicU64,
    /// Shared by every thread that puts, because a trace that one of them records may name what
    /// another one linked.
    unsynced: Mutex<Unsynced>,
}

/// Directories with names that are not durable yet.
#[derive(Debug, Default)]
struct Unsynced {
    dirs: BTreeSet<PathBuf>,
    /// A directory that could not be synced. What was linked into it may be lost although a second
    /// attempt would succeed, so there is none.
    failed: Option<PathBuf>,
}

impl Store {
    /// Opens the store at `root`, making it if it is not there, and sweeps what dead processes left.
    pub fn open(root: &Path) -> Result<Store> {
        let v1 = root.join("v1");
        let dirs = ["objects", "traces", "roots", "log", "locks", "tmp"].map(|dir| v1.join(dir));
        let mut made = false;
        for dir in &dirs {
            if files::stat(dir)?.is_none() {
                fs::create_dir_all(dir).context("create", dir)?;
                made = true;
            }
        }
        if made {
            files::sync_dir(&v1)?;
            files::sync_dir(root)?;
        }
        let tmp = v1.join("tmp");
        // What cannot be removed stands in nobody's way, and `gc` names it.
        scratch::sweep(&tmp)?;
        let session = Scratch::new(&tmp, "session")?;
        let inner = Inner {
            root: v1,
            session,
            drafts: AtomicU64::new(0),
            unsynced: Mutex::new(Unsynced::default()),
        };
        Ok(Store { inner: Arc::new(inner), absent: Arc::default() })
    }

    /// The same store, in which trees stand without these files: who made them has them elsewhere.
    pub fn without(self, absent: BTreeSet<Digest>) -> Store {
        Store { absent: Arc::new(absent), ..self }
    }

    /// Whether this is one of the files that trees stand [`without`](Store::without).
    pub fn stands_without(&self, digest: &Digest) -> bool {
        self.absent.contains(digest)
    }

    /// Whether an object of this name is there; says nothing of its bytes.
    pub fn contains(&self, digest: &Digest) -> Result<bool> {
        Ok(files::stat(&self.object_path(digest))?.is_some())
    }

    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        self.inner.root.join(name)
    }

    /// Where the file of an object is, to be handed to what takes a path; whoever reads it has to
    /// check it against its name.
    pub fn object_path(&self, digest: &Digest) -> PathBuf {
        sharded(&self.inner.root, "objects", &digest.hex())
    }

    /// The directory of a key's traces.
    pub(crate) fn trace_dir(&self, key: &ActionKey) -> PathBuf {
        sharded(&self.inner.root, "traces", &key.hex())
    }

    pub(crate) fn root_path(&self, name: &str) -> PathBuf {
        self.dir("roots").join(files::file_name(name) + ".json")
    }

    pub(crate) fn journal_path(&self, project: &str) -> PathBuf {
        self.dir("log").join(files::file_name(project) + ".jsonl")
    }

    pub(crate) fn lock_path(&self, name: &str) -> PathBuf {
        self.dir("locks").join(name)
    }

    /// A path for a new file that is private to this process.
    pub(crate) fn draft_path(&self) -> PathBuf {
        let number = self.inner.drafts.fetch_add(1, Ordering::Relaxed);
        self.inner.session.path().join(number.to_string())
    }

    /// The present by the clock of the store's file system; `None` if it does not tell.
    pub(crate) fn present(&self) -> Option<Time> {
        cache_file::present(&self.draft_path())
    }

    /// Makes a directory below the store, and its parents, to be synced like everything linked into it.
    pub(crate) fn make_dir(&self, dir: &Path) -> Result<()> {
        match fs::create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = dir.parent().filter(|parent| parent.starts_with(&self.inner.root));
                let parent = parent.ok_or(error).context("create", dir)?;
                self.make_dir(parent)?;
                return self.make_dir(dir);
            }
            made => made.context("create", dir)?,
        }
        self.changed(dir);
        Ok(())
    }

    /// Notes that a name was added to, or removed from, the directory that holds `path`.
    ///
    /// The directories above count too: another process may have made them and not synced them yet.
    pub(crate) fn changed(&self, path: &Path) {
        let mut unsynced = self.inner.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        for dir in path.ancestors().skip(1).take_while(|dir| *dir != self.inner.root) {
            if unsynced.dirs.contains(dir) {
                break;
            }
            unsynced.dirs.insert(dir.to_owned());
        }
    }

    /// Makes every name that was added so far durable.
    ///
    /// The lock is held throughout: another thread must not take an empty list for a durable store
    /// while the syncs are still under way.
    pub(crate) fn sync(&self) -> Result<()> {
        let mut unsynced = self.inner.unsynced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &unsynced.failed {
            let source = io::Error::other("an earlier sync failed; what it covered may be lost");
            return Err(StoreError::Io { action: "sync", path: path.clone(), source });
        }
        while let Some(dir) = unsynced.dirs.pop_first() {
            match files::sync_dir(&dir) {
                // Collected since, and the directory above it is on the list.
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    unsynced.failed = Some(dir);
                    return Err(error);
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }
}

/// `root/kind/ab/<62 hex>`: two digits make directories of a size that every file system likes.
fn sharded(root: &Path, kind: &str, hex: &str) -> PathBuf {
    let mut path = PathBuf::with_capacity(root.as_os_str().len() + kind.len() + 68);
    path.push(root);
    path.push(kind);
    path.push(&hex[..2]);
    path.push(&hex[2..]);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_twice_finds_the_same_store() {
        let temp = tempfile::tempdir().unwrap();
        let first = Store::open(&temp.path().join("deep/store")).unwrap();
        let blob = first.put_bytes(b"hello").unwrap();
        let second = Store::open(&temp.path().join("deep/store")).unwrap();
        assert_eq!(second.read(&blob.digest).unwrap(), b"hello");
        assert!(temp.path().join("deep/store/v1/objects").is_dir());
    }

    #[test]
    fn after_a_failed_sync_nothing_is_recorded_as_durable() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        // A directory that cannot be opened as one stands for a disk that fails.
        let link = temp.path().join("v1/loop");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        store.changed(&link.join("object"));
        assert!(store.sync().is_err());
        assert!(store.sync().unwrap_err().to_string().contains("loop"));
        assert!(store.set_root("r", &crate::Root::default()).is_err());
        assert!(store.roots().unwrap().is_empty());
    }
}

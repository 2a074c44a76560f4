//! Artifacts become files again.

use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rescience_digest::Digest;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::artifact::Artifact;
use crate::error::{Context as _, Result, StoreError};
use crate::files;
use crate::remove::remove_tree;
use crate::store::Store;
use crate::tree::{self, Entry};
use crate::write;

/// Who the files belong to afterwards.
///
/// | | made by | files | executables | modified |
/// |---|---|---|---|---|
/// | `Share` | reflink, else hard link, else copy | 0444 | 0555 | the constant time of objects |
/// | `Own` | reflink, else copy | 0644 | 0755 | now |
///
/// Directories are 0755 in either case, whatever the umask. A hard link shares its inode, and so
/// its mode, with the object, which is never executable: executables are reflinked or copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Materialize {
    /// The store: for looking at, and for reading by programs.
    Share,
    /// The caller: for changing.
    Own,
}

impl Store {
    /// Puts the artifact's files at `to`, in place of whatever is there, making the directories
    /// above.
    ///
    /// They are made beside it, under a name that begins with `.rescience-`, and then take its
    /// place in one step, so nobody sees half of them. Objects are looked at as by
    /// [`Store::intact`] on the way.
    pub fn materialize(&self, artifact: &Artifact, to: &Path, how: Materialize) -> Result<()> {
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).context("create", parent)?;
        }
        let beside = Beside::of(to);
        let mut placer = Placer { store: self, how, reflinks: true };
        match artifact {
            Artifact::Blob(digest) => placer.file(digest, None, false, &beside.0)?,
            Artifact::Tree(digest) => placer.tree(digest, &beside.0, 0)?,
        }
        take_place(&beside.0, to)
    }
}

/// A path beside another; whatever is there is removed on drop.
struct Beside(PathBuf);

impl Beside {
    fn of(path: &Path) -> Beside {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = OsString::from(format!(".rescience-{}-{number}", process::id()));
        Beside(path.with_file_name(name))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        remove_tree(&self.0).ok();
    }
}

struct Placer<'a> {
    store: &'a Store,
    how: Materialize,
    /// Whether they may work here; the first that does not ends the attempts.
    reflinks: bool,
}

impl Placer<'_> {
    fn tree(&mut self, digest: &Digest, to: &Path, depth: usize) -> Result<()> {
        let tree = self.store.tree(digest)?;
        fs::create_dir(to).context("create", to)?;
        for (name, entry) in &tree.entries {
            let to = to.join(name);
            match entry {
                Entry::File { digest, size, executable, .. } => {
                    self.file(digest, Some(*size), *executable, &to)?;
                }
                Entry::Directory { digest } => self.tree(digest, &to, depth + 1)?,
                Entry::Symlink { target } => link(target, depth, &to)?,
            }
        }
        files::set_mode(to, 0o755)
    }

    fn file(&mut self, digest: &Digest, size: Option<u64>, exec: bool, to: &Path) -> Result<()> {
        self.store.probe(digest, size)?;
        let object = self.store.object_path(digest);
        if !self.reflink(&object, to) {
            if self.how == Materialize::Share && !exec && fs::hard_link(&object, to).is_ok() {
                return Ok(());
            }
            fs::copy(&object, to).context("write", to)?;
        }
        self.finish(exec, to).context("finish", to)
    }

    fn reflink(&mut self, object: &Path, to: &Path) -> bool {
        self.reflinks = self.reflinks && reflink_copy::reflink(object, to).is_ok();
        self.reflinks
    }

    /// Gives a file of its own the mode and the time that it would have on any file system.
    fn finish(&self, exec: bool, to: &Path) -> io::Result<()> {
        let mode = match (self.how, exec) {
            (Materialize::Share, false) => 0o444,
            (Materialize::Share, true) => 0o555,
            (Materialize::Own, false) => 0o644,
            (Materialize::Own, true) => 0o755,
        };
        let file = File::open(to)?;
        if self.how == Materialize::Share {
            file.set_times(FileTimes::new().set_modified(write::seal_time()))?;
        }
        file.set_permissions(Permissions::from_mode(mode))
    }
}

/// Trees may come from elsewhere, so a link is judged here as it is when it is stored.
fn link(target: &str, depth: usize, to: &Path) -> Result<()> {
    match tree::link_problem(target, depth) {
        Some(problem) => {
            Err(StoreError::BadLink { path: to.to_owned(), target: target.into(), problem })
        }
        None => symlink(target, to).context("create", to),
    }
}

/// Moves `made` to `to`. What was at `to` is left where `made` was, if it is not gone.
fn take_place(made: &Path, to: &Path) -> Result<()> {
    let is_dir = |path| Ok::<_, StoreError>(files::stat(path)?.map(|metadata| metadata.is_dir()));
    if let (Some(new), Some(old)) = (is_dir(made)?, is_dir(to)?)
        && (new || old)
    {
        if renameat_with(CWD, made, CWD, to, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
        // A file system that cannot exchange: for a moment nothing is there.
        let aside = Beside::of(to);
        fs::rename(to, &aside.0).context("replace", to)?;
    }
    fs::rename(made, to).context("replace", to)
}

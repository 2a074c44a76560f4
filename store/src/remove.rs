//! Removing what a program left, whatever it made of it.
//!
//! A tree can be deeper than a path can be long, deeper than a stack, and closed to its owner. So
//! nothing here descends: what lies in the second level is moved up to the first, until nothing is
//! left. Names are looked up in open directories, of which there are two, and no link is followed.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, chmodat, fchmod, fstat, openat, renameat, statat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::path::Arg;

use crate::error::{Context as _, Result};

/// Removes whatever is at `path`, directories that their owner may not read or write included; that
/// nothing is there is fine. Nobody else may be at work in it.
///
/// Modes of files are left alone: a file may share its inode with an object of the store.
///
/// # Errors
///
/// What the file system refuses, even after the modes of directories were changed.
pub fn remove_tree(path: &Path) -> Result<()> {
    remove(path).context("remove", path)
}

fn remove(path: &Path) -> rustix::io::Result<()> {
    match statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        Ok(stat) if !FileType::from_raw_mode(stat.st_mode).is_dir() => {
            return unlinkat(CWD, path, AtFlags::empty());
        }
        found => found.map(drop)?,
    }
    let top = open(CWD, path)?;
    let mut moved = 0;
    loop {
        let level = clear(&top)?;
        if level.is_empty() {
            return unlinkat(CWD, path, AtFlags::REMOVEDIR);
        }
        for name in level {
            let dir = open(&top, &*name)?;
            for deeper in clear(&dir)? {
                lift(&dir, &deeper, &top, &mut moved)?;
            }
            unlinkat(&top, &*name, AtFlags::REMOVEDIR)?;
        }
    }
}

/// Opens a directory, for which its owner may do everything from then on.
fn open(parent: impl AsFd, name: impl Arg + Copy) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match openat(&parent, name, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(&parent, name, Mode::RWXU, AtFlags::empty())?;
            openat(&parent, name, flags, Mode::empty())?
        }
        opened => opened?,
    };
    if !Mode::from_raw_mode(fstat(&dir)?.st_mode).contains(Mode::RWXU) {
        fchmod(&dir, Mode::RWXU)?;
    }
    Ok(dir)
}

/// Removes everything in a directory but directories, and names those.
fn clear(dir: &OwnedFd) -> rustix::io::Result<Vec<CString>> {
    loop {
        let (mut folders, mut removed) = (Vec::new(), false);
        for entry in Dir::read_from(dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            if kind.is_dir() {
                folders.push(name.to_owned());
            } else {
                unlinkat(dir, name, AtFlags::empty())?;
                removed = true;
            }
        }
        // A directory that changes while it is read may keep something from the reader.
        if !removed {
            return Ok(folders);
        }
    }
}

/// Moves a directory up to `top`, unless it is empty and can go at once.
fn lift(dir: &OwnedFd, name: &CStr, top: &OwnedFd, moved: &mut u64) -> rustix::io::Result<()> {
    if unlinkat(dir, name, AtFlags::REMOVEDIR).is_ok() {
        return Ok(());
    }
    // Its `..` changes, for which it has to be writable.
    open(dir, name)?;
    loop {
        let to = format!(".{moved}");
        *moved += 1;
        match renameat(dir, name, top, &to) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use rustix::fs::mkdirat;

    use super::*;
    use crate::files::set_mode;

    /// Makes directories in directories, each `name`, and a file in the deepest.
    fn deep(path: &Path, name: &str, depth: usize) {
        fs::create_dir(path).unwrap();
        let mut dir = open(CWD, path).unwrap();
        for _ in 0..depth {
            mkdirat(&dir, name, Mode::RWXU).unwrap();
            dir = open(&dir, name).unwrap();
        }
        let flags = OFlags::CREATE | OFlags::WRONLY;
        openat(&dir, "file", flags, Mode::RWXU).unwrap();
    }

    #[test]
    fn directories_that_may_not_be_written_are_removed() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("a");
        fs::create_dir_all(dir.join("b/c/d/e/f")).unwrap();
        fs::write(dir.join("b/c/file"), "x").unwrap();
        fs::hard_link(dir.join("b/c/file"), temp.path().join("kept")).unwrap();
        set_mode(&temp.path().join("kept"), 0o444).unwrap();
        for (path, mode) in [("b/c/d/e", 0o300), ("b/c/d", 0o000), ("b/c", 0o000), ("b", 0o500)] {
            set_mode(&dir.join(path), mode).unwrap();
        }
        set_mode(&dir, 0o300).unwrap();
        remove_tree(&dir).unwrap();
        assert!(!dir.exists());
        let kept = fs::metadata(temp.path().join("kept")).unwrap();
        assert_eq!(kept.mode() & 0o777, 0o444);
    }

    #[test]
    fn no_tree_is_too_deep() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("deep");
        deep(&dir, "d", 20_000);
        remove_tree(&dir).unwrap();
        assert!(!dir.exists());
        // Names that take all the room, and that are in the way of what is moved.
        deep(&dir, &"n".repeat(255), 300);
        fs::write(dir.join(".0"), "").unwrap();
        fs::create_dir_all(dir.join("a/b/.1/c/.2/.2/d")).unwrap();
        remove_tree(&dir).unwrap();
        assert!(!dir.exists());
    }

    #[test]
    fn links_are_removed_and_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (dir, kept) = (temp.path().join("dir"), temp.path().join("kept"));
        fs::create_dir_all(dir.join("a/b")).unwrap();
        fs::create_dir(&kept).unwrap();
        fs::write(kept.join("file"), "x").unwrap();
        symlink(&kept, dir.join("link")).unwrap();
        symlink(&kept, dir.join("a/b/link")).unwrap();
        remove_tree(&dir).unwrap();
        symlink(&kept, &dir).unwrap();
        remove_tree(&dir).unwrap();
        assert!(!dir.is_symlink() && kept.join("file").exists());
        remove_tree(&dir).unwrap();
    }
}

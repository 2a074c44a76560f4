//! What is in the making: beside its place, under a name that nobody else writes to.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::{Context as _, Result};

/// How many drafts this process made.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A file or a folder that gets its name once it is whole, and is gone if it never does.
///
/// It is locked as long as somebody writes it. What a killed process left is not, and is swept away by
/// the next draft for the same place.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    file: File,
}

impl Draft {
    /// An empty file for what is to be at `to`.
    pub fn file(to: &Path) -> Result<Draft> {
        Draft::create(to, |path| File::create_new(path))
    }

    /// An empty folder for what is to be at `to`. The folder that holds it is made where it is missing.
    pub fn folder(to: &Path) -> Result<Draft> {
        let parent = folder_of(to);
        fs::create_dir_all(parent).context("create", parent)?;
        Draft::create(to, |path| fs::create_dir(path).and_then(|()| File::open(path)))
    }

    fn create(to: &Path, make: impl Fn(&Path) -> io::Result<File>) -> Result<Draft> {
        let beginning = beginning(to);
        sweep(folder_of(to), &beginning);
        loop {
            let mut name = beginning.clone();
            let nth = COUNT.fetch_add(1, Ordering::Relaxed);
            name.push(format!("{}-{nth}", std::process::id()));
            let path = to.with_file_name(name);
            // Neither a file that is there nor what a link leads to is written.
            let file = match make(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made.context("create", &path)?,
            };
            // Not every file system has locks.
            file.lock().ok();
            // Somebody may have swept it away before it was locked.
            if path.symlink_metadata().is_ok() {
                return Ok(Draft { path, file });
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, or the open folder.
    pub fn open(&self) -> &File {
        &self.file
    }

    /// Gives it its name, in place of what has it.
    pub fn place(self, to: &Path) -> Result<()> {
        fs::rename(&self.path, to).context("write", to)?;
        sync_folder(to)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed away when it was whole.
        remove(&self.path);
    }
}

/// Makes the name of a file outlive a power cut.
pub fn sync_folder(of: &Path) -> Result<()> {
    let folder = folder_of(of);
    File::open(folder).and_then(|folder| folder.sync_all()).context("sync", folder)
}

fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// How the names of all drafts for a place begin; two numbers follow.
fn beginning(to: &Path) -> OsString {
    let mut name = OsString::from(".");
    name.push(to.file_name().unwrap_or_default());
    name.push(".part-");
    name
}

fn sweep(folder: &Path, beginning: &OsStr) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let numbers = name.as_encoded_bytes().strip_prefix(beginning.as_encoded_bytes());
        let ours = numbers.is_some_and(|it| it.iter().all(|it| it.is_ascii_digit() || *it == b'-'));
        // Opening a pipe would wait.
        let plain = entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_dir());
        if ours
            && plain
            && let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path).ok(),
        Ok(_) => fs::remove_file(path).ok(),
        Err(_) => None,
    };
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn two_writers_of_one_place_do_not_mix() {
        let temp = TempDir::new().unwrap();
        let to = temp.path().join("a.zip");
        let drafts = [Draft::file(&to).unwrap(), Draft::file(&to).unwrap()];
        for (draft, text) in drafts.iter().zip(["first", "second"]) {
            draft.open().write_all(text.as_bytes()).unwrap();
        }
        let [first, second] = drafts;
        first.place(&to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"first");
        second.place(&to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"second");
        drop(Draft::folder(&to).unwrap());
        assert_eq!(names(temp.path()), ["a.zip"]);
    }

    #[test]
    fn what_lies_there_already_is_not_written_to() {
        let temp = TempDir::new().unwrap();
        let (to, victim) = (temp.path().join("a.zip"), temp.path().join("victim"));
        fs::write(&victim, "mine").unwrap();
        let next = COUNT.load(Ordering::Relaxed);
        for nth in next..next + 64 {
            let name = format!(".a.zip.part-{}-{nth}", std::process::id());
            symlink(&victim, temp.path().join(name)).unwrap();
        }
        let draft = Draft::file(&to).unwrap();
        draft.open().write_all(b"other").unwrap();
        draft.place(&to).unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
    }

    #[test]
    fn what_a_killed_process_left_is_swept_away() {
        let temp = TempDir::new().unwrap();
        let to = temp.path().join("a");
        fs::write(temp.path().join(".a.part-1-0"), "").unwrap();
        fs::create_dir(temp.path().join(".a.part-2-0")).unwrap();
        for other in [".a.part-x", ".b.part-1-0", "a.part-1-0"] {
            fs::write(temp.path().join(other), "").unwrap();
        }
        let written = Draft::folder(&to).unwrap();
        drop(Draft::file(&to).unwrap());
        assert!(written.path().is_dir(), "somebody writes it");
        drop(written);
        assert_eq!(names(temp.path()), [".a.part-x", ".b.part-1-0", "a.part-1-0"]);
    }
}

//! A target directory of a build's own, with the dependencies that are compiled already.

use std::fs::{self, FileTimes};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Copies what is in a directory to another one, which is made. Files share blocks with the copy
/// where the file system can, and never an inode: who writes one changes no other. They keep their
/// times, from which cargo sees that nothing changed. `wanted` chooses by the path below `from`,
/// for directories too; links stay links, and what is neither file, link nor directory stays out.
pub(super) fn copy(from: &Path, to: &Path, wanted: impl Fn(&Path) -> bool) -> io::Result<()> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let (path, kind) = (folder.join(entry.file_name()), entry.file_type()?);
            if !wanted(&path) {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, to.join(&path))?;
            } else if kind.is_file() {
                let to = to.join(&path);
                fs::copy(entry.path(), &to)?;
                let meta = entry.metadata()?;
                let times =
                    FileTimes::new().set_modified(meta.modified()?).set_accessed(meta.accessed()?);
                fs::File::open(&to)?.set_times(times)?;
            }
        }
    }
    Ok(())
}

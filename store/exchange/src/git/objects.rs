//! The files of a bundle as objects of git, byte by byte, and out of them again with suspicion.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use rescience_bundle::Bundle;
use rescience_bundle::name::Names;

use super::failed;
use crate::error::{Context as _, ExchangeError, Result};

/// The most bytes that are written for one bundle.
const LARGEST: u64 = 1 << 32;

/// Writes all files of a bundle. Returns their tree.
pub(super) fn write(repository: &Repository, bundle: &Bundle) -> Result<Result<Oid>, git2::Error> {
    let mut update = TreeUpdateBuilder::new();
    for name in bundle.names() {
        let bytes = match bundle.read(name) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => return Ok(Err(error.into())),
        };
        let mode = if bundle.executable(name) { FileMode::BlobExecutable } else { FileMode::Blob };
        update.upsert(name, repository.blob(&bytes)?, mode);
    }
    let empty = repository.treebuilder(None)?.write()?;
    Ok(Ok(update.create_updated(repository, &repository.find_tree(empty)?)?))
}

/// Writes the files of a commit to a folder, which is there whole or not at all.
pub(super) fn read(
    repository: &Repository,
    commit: &Commit<'_>,
    remote: &str,
    folder: &Path,
) -> Result<()> {
    let mut draft = OsString::from(".");
    draft.push(folder.file_name().unwrap_or_default());
    draft.push(".part");
    let draft = folder.with_file_name(draft);
    if draft.exists() {
        fs::remove_dir_all(&draft).context("remove", &draft)?;
    }
    let written = unpack(repository, commit, remote, &draft).and_then(|()| {
        Bundle::open(&draft)?;
        fs::rename(&draft, folder).context("write", folder)
    });
    if written.is_err() {
        fs::remove_dir_all(&draft).ok();
    }
    written
}

fn unpack(repository: &Repository, commit: &Commit<'_>, remote: &str, to: &Path) -> Result<()> {
    let mut files = Vec::new();
    let mut problem = None;
    let tree = commit.tree().map_err(failed("read", remote))?;
    let walked = tree.walk(TreeWalkMode::PreOrder, |folder, entry| {
        let own = entry.name().unwrap_or_default();
        let name = format!("{folder}{own}");
        let executable = entry.filemode() == i32::from(FileMode::BlobExecutable);
        match entry.kind() {
            _ if own.is_empty() => problem = Some(format!("a name below `{folder}` is not UTF-8")),
            _ if own.eq_ignore_ascii_case(".git") => {
                problem = Some(format!("`{}` would be a repository", name.escape_debug()));
            }
            Some(ObjectType::Tree) => return TreeWalkResult::Ok,
            Some(ObjectType::Blob) if entry.filemode() != i32::from(FileMode::Link) => {
                files.push((name, entry.id(), executable));
                return TreeWalkResult::Ok;
            }
            _ => {
                problem = Some(format!("`{}` is neither a file nor a folder", name.escape_debug()));
            }
        }
        TreeWalkResult::Abort
    });
    let refused = |reason: String| ExchangeError::Refused { from: format!("`{remote}`"), reason };
    if let Some(problem) = problem {
        return Err(refused(problem));
    }
    walked.map_err(failed("read", remote))?;
    let (mut names, mut size) = (Names::default(), 0);
    for (name, oid, executable) in files {
        names
            .take(&name)
            .map_err(|problem| refused(format!("`{}`: {problem}", name.escape_debug())))?;
        let blob = repository.find_blob(oid).map_err(failed("read", remote))?;
        size += blob.size() as u64;
        if size > LARGEST {
            return Err(refused(format!("it is longer than {LARGEST} bytes")));
        }
        let path = to.join(&name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context("create", folder)?;
        }
        fs::write(&path, blob.content()).context("write", &path)?;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).context("write", &path)?;
    }
    Ok(())
}

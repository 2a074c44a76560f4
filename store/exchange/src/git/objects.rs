//! The files of a bundle as objects of git, byte by byte, and out of them again with suspicion.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git2::build::TreeUpdateBuilder;
use git2::{Commit, FileMode, ObjectType, Oid, Repository, TreeWalkMode, TreeWalkResult};
use rescience_bundle::Bundle;
use rescience_bundle::draft::Draft;
use rescience_bundle::name::Names;

use super::failed;
use crate::LARGEST;
use crate::check::Check;
use crate::error::{Context as _, ExchangeError, Result};

/// The most bytes of one file. libgit2 has an object in memory as a whole where it packs or unpacks
/// it, and most servers take less.
const LARGEST_FILE: u64 = 2 << 30;

/// Writes all files of a bundle. Returns their tree.
///
/// # Errors
/// [`ExchangeError::Unfit`] for a file that is too large for a repository.
pub(super) fn write(repository: &Repository, bundle: &Bundle, remote: &str) -> Result<Oid> {
    let failed = failed("write a commit for", remote);
    let mut update = TreeUpdateBuilder::new();
    for name in bundle.names() {
        let Some(mut from) = bundle.reader(name)? else { continue };
        if let Some(size @ LARGEST_FILE..) = bundle.size(name) {
            let reason = format!(
                "`{name}` has {size} bytes, and git is given less than {LARGEST_FILE} in one file; \
                 a folder, an OCI registry or Zenodo takes it, or `rescience bundle --thin` leaves it out"
            );
            return Err(ExchangeError::Unfit { to: format!("`{remote}`"), reason });
        }
        let mut blob = repository.blob_writer(None).map_err(&failed)?;
        io::copy(&mut from, &mut blob).context("copy", Path::new(name))?;
        let mode = if bundle.executable(name) { FileMode::BlobExecutable } else { FileMode::Blob };
        update.upsert(name, blob.commit().map_err(&failed)?, mode);
    }
    let empty = repository.treebuilder(None).and_then(|tree| tree.write());
    let tree = empty.and_then(|empty| repository.find_tree(empty));
    tree.and_then(|empty| update.create_updated(repository, &empty)).map_err(&failed)
}

/// Writes the files of a commit to a folder, which is there whole or not at all.
pub(super) fn read<E: From<ExchangeError>>(
    repository: &Repository,
    commit: &Commit<'_>,
    remote: &str,
    folder: &Path,
    check: &mut Check<'_, E>,
) -> Result<(), E> {
    let draft = Draft::folder(folder).map_err(ExchangeError::from)?;
    unpack(repository, commit, remote, draft.path())?;
    Bundle::open(draft.path()).map_err(ExchangeError::from)?;
    check(draft.path())?;
    Ok(draft.place(folder).map_err(ExchangeError::from)?)
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
    let odb = repository.odb().map_err(failed("read", remote))?;
    let (mut names, mut size) = (Names::default(), 0);
    for (name, oid, executable) in files {
        names
            .take(&name)
            .map_err(|problem| refused(format!("`{}`: {problem}", name.escape_debug())))?;
        // Asked before it is in memory.
        let own = odb.read_header(oid).map_err(failed("read", remote))?.0 as u64;
        size += own;
        if own >= LARGEST_FILE {
            return Err(refused(format!("`{name}` has {own} bytes, too many for one file")));
        }
        if size > LARGEST {
            return Err(refused(format!("it is longer than {LARGEST} bytes")));
        }
        let blob = repository.find_blob(oid).map_err(failed("read", remote))?;
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

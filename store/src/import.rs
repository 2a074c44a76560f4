//! A project's files become artifacts, read again only when they may have changed.

use std::fs;
use std::path::Path;

use ignore::{DirEntry, WalkBuilder};

use crate::artifact::{Artifact, Blob};
use crate::error::{Context as _, Result, StoreError};
use crate::stat_cache::StatCache;
use crate::store::Store;
use crate::survey::{self, Found, Listing};

impl Store {
    /// Takes a file or a directory of the user's project into the store, leaving it as it is.
    ///
    /// Of a directory, what git would not keep is left out, so that a clone has the same digest:
    /// what its own `.gitignore` files name, `.git`, and directories without files; further cargo's
    /// `target`, and every directory that is marked as a cache by a `CACHEDIR.TAG`. Nothing outside
    /// the directory has a say in this. `path` itself may be a symbolic link; below it, links are
    /// kept as links.
    ///
    /// # Errors
    ///
    /// As [`Store::adopt_dir`], and [`StoreError::Changed`] if a file is written to meanwhile.
    pub fn import(&self, path: &Path, cache: &mut StatCache) -> Result<Artifact> {
        let metadata = fs::metadata(path).context("look at", path)?;
        if metadata.is_dir() {
            let mut put = |path: &Path, _executable| self.import_file(path, cache);
            self.put_listing(survey_project(path)?, &mut put).map(Artifact::Tree)
        } else {
            // A fifo would block the reader for ever.
            survey::leaf(path.to_owned(), &metadata, 0)?;
            self.import_file(path, cache).map(|blob| Artifact::Blob(blob.digest))
        }
    }

    fn import_file(&self, path: &Path, cache: &mut StatCache) -> Result<Blob> {
        let metadata = fs::metadata(path).context("look at", path)?;
        if let Some(blob) = cache.lookup(&metadata) {
            match self.probe(&blob.digest, Some(blob.size)) {
                Ok(()) => {
                    self.changed(&self.object_path(&blob.digest));
                    return Ok(blob);
                }
                Err(StoreError::Missing { .. } | StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let blob = self.put_file(path)?;
        // Looked at before the bytes were read: had they changed since, the look would differ.
        cache.insert(&metadata, blob);
        Ok(blob)
    }
}

fn survey_project(root: &Path) -> Result<Listing> {
    let walk = WalkBuilder::new(root)
        .standard_filters(false)
        .git_ignore(true)
        .require_git(false)
        .filter_entry(|entry| !is_left_out(entry))
        .build();
    let mut listing = Listing::new();
    for entry in walk {
        let entry = entry.map_err(|error| walk_error(error, root))?;
        let path = entry.into_path();
        let metadata = fs::symlink_metadata(&path).context("look at", &path)?;
        let inner = path.strip_prefix(root).unwrap_or(&path);
        if metadata.is_dir() || inner.as_os_str().is_empty() {
            continue;
        }
        let names = names(inner, &path)?;
        let depth = names.len() - 1;
        insert(&mut listing, &names, survey::leaf(path, &metadata, depth)?);
    }
    Ok(listing)
}

fn is_left_out(entry: &DirEntry) -> bool {
    if entry.depth() == 0 {
        return false;
    }
    let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
    let path = entry.path();
    // A worktree's `.git` is a file.
    entry.file_name() == ".git"
        || is_dir
            && (path.join("CACHEDIR.TAG").exists()
                || entry.file_name() == "target" && path.with_file_name("Cargo.toml").exists())
}

fn names(inner: &Path, path: &Path) -> Result<Vec<String>> {
    inner
        .iter()
        .map(|name| name.to_str().map(str::to_owned))
        .collect::<Option<_>>()
        .ok_or_else(|| StoreError::NotUtf8 { path: path.to_owned() })
}

/// Puts `found` where `names` lead, which are never empty, making the directories on the way.
fn insert(listing: &mut Listing, names: &[String], found: Found) {
    let Some((name, rest)) = names.split_first() else { return };
    if rest.is_empty() {
        listing.insert(name.clone(), found);
        return;
    }
    let inner = listing.entry(name.clone()).or_insert_with(|| Found::Directory(Listing::new()));
    if let Found::Directory(inner) = inner {
        insert(inner, rest, found);
    }
}

fn walk_error(error: ignore::Error, root: &Path) -> StoreError {
    let path = error_path(&error).unwrap_or(root).to_owned();
    let message = error.to_string();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other(message));
    StoreError::Io { action: "read", path, source }
}

fn error_path(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => {
            error_path(err)
        }
        _ => None,
    }
}

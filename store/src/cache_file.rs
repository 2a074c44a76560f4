//! Files that only save time: replaced in one step, and sceptical of what changed a moment ago.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Context as _, Result};

/// Seconds and nanoseconds since the Unix epoch.
pub(crate) type Time = (i64, i64);

/// Seconds that a file must have rested; the coarsest file systems count in steps of two.
const REST: i64 = 2;

/// When the content was modified.
pub(crate) fn modified(metadata: &Metadata) -> Time {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// When the content, the mode or the number of names was modified; nobody can set this time.
pub(crate) fn status_changed(metadata: &Metadata) -> Time {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// The present, as a file system tells it with a new file at `path`; `None` if it does not.
pub(crate) fn present(path: &Path) -> Option<Time> {
    let now = File::create(path).and_then(|file| file.metadata()).map(|m| modified(&m)).ok();
    fs::remove_file(path).ok();
    now
}

/// Whether something was left alone for so long before `now` that another change of it would give
/// it other times: those of a file that was just written may stay the same through the next write.
pub(crate) fn has_rested(metadata: &Metadata, now: Option<Time>) -> bool {
    let latest = modified(metadata).max(status_changed(metadata));
    now.is_some_and(|now| (latest.0.saturating_add(REST), latest.1) <= now)
}

/// Replaces the file at `path` in one step. A power cut may leave less of it: what it holds ends
/// with a digest of itself.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = beside(path);
    fs::write(&beside, bytes).context("write", &beside)?;
    fs::rename(&beside, path).context("write", path)
}

/// A private path beside another.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{}", process::id()));
    name.into()
}

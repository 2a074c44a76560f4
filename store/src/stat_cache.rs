//! Which unchanged file had which digest.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::{Digest, Sha256};

use crate::artifact::Blob;
use crate::cache_file::{self, Time, has_rested, modified, status_changed};
use crate::error::Result;

/// Remembers the digests of files by what `stat` tells of them. Losing it costs time, nothing else.
///
/// A file that was modified in the two seconds before the cache was opened, or later, is not
/// remembered: it could be modified once more without its times telling. The present is taken from
/// a file that is made beside the cache, so it comes from a file system, as the times of files do.
///
/// The file is text: a header, one line per file, and at the end the digest of all before it, so
/// that a torn one counts as empty.
#[derive(Debug)]
pub struct StatCache {
    path: PathBuf,
    files: BTreeMap<(u64, u64), Known>,
    /// The file system's present when the cache was opened; without it, nothing is remembered.
    opened: Option<Time>,
    changed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    modified: Time,
    status_changed: Time,
    blob: Blob,
    /// Whether the file was seen since the cache was opened.
    used: bool,
}

const HEADER: &str = "rescience-stat-cache 1";

/// How many files are remembered before those that were not seen lately are forgotten.
const CAPACITY: usize = 1 << 17;

impl StatCache {
    /// Loads the cache; one that is missing or cannot be read is empty.
    pub fn open(path: &Path) -> StatCache {
        let files = fs::read_to_string(path).ok().and_then(|text| parse(&text)).unwrap_or_default();
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).ok();
        }
        let opened = cache_file::present(&cache_file::beside(path));
        StatCache { path: path.to_owned(), files, opened, changed: false }
    }

    /// Writes it back, atomically, if it changed.
    pub fn save(&mut self) -> Result<()> {
        if !self.changed {
            return Ok(());
        }
        if self.files.len() > CAPACITY {
            self.files.retain(|_, known| known.used);
        }
        cache_file::replace(&self.path, render(&self.files).as_bytes())?;
        self.changed = false;
        Ok(())
    }

    /// What the file held, if it is certainly unchanged.
    pub(crate) fn lookup(&mut self, metadata: &Metadata) -> Option<Blob> {
        let known = self.files.get_mut(&(metadata.dev(), metadata.ino()))?;
        let same = known.blob.size == metadata.len()
            && known.modified == modified(metadata)
            && known.status_changed == status_changed(metadata);
        known.used |= same;
        same.then_some(known.blob)
    }

    /// Remembers what a file held when `metadata` was true of it, if that is worth anything.
    pub(crate) fn insert(&mut self, metadata: &Metadata, blob: Blob) {
        if !has_rested(metadata, self.opened) {
            return;
        }
        let (modified, status_changed) = (modified(metadata), status_changed(metadata));
        let known = Known { modified, status_changed, blob, used: true };
        self.files.insert((metadata.dev(), metadata.ino()), known);
        self.changed = true;
    }
}

fn render(files: &BTreeMap<(u64, u64), Known>) -> String {
    let mut text = format!("{HEADER}\n");
    for ((dev, ino), known) in files {
        let (modified, changed) = (known.modified, known.status_changed);
        let Blob { digest, sha256, size } = known.blob;
        writeln!(
            text,
            "{dev} {ino} {} {} {} {} {digest} {sha256} {size}",
            modified.0, modified.1, changed.0, changed.1
        )
        .expect("a string takes all that is written to it");
    }
    let digest = Digest::of(text.as_bytes());
    text + &digest.to_string()
}

fn parse(text: &str) -> Option<BTreeMap<(u64, u64), Known>> {
    let (lines, digest) = text.split_at_checked(text.rfind('\n')? + 1)?;
    if digest.parse() != Ok(Digest::of(lines.as_bytes())) {
        return None;
    }
    let mut lines = lines.lines();
    (lines.next()? == HEADER).then_some(())?;
    lines.map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<((u64, u64), Known)> {
    let mut fields = line.split(' ');
    let mut next = || fields.next();
    let file = (next()?.parse().ok()?, next()?.parse().ok()?);
    let modified = (next()?.parse().ok()?, next()?.parse().ok()?);
    let status_changed = (next()?.parse().ok()?, next()?.parse().ok()?);
    let digest: Digest = next()?.parse().ok()?;
    let sha256: Sha256 = next()?.parse().ok()?;
    let blob = Blob { digest, sha256, size: next()?.parse().ok()? };
    Some((file, Known { modified, status_changed, blob, used: false }))
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};
    use std::time::{Duration, SystemTime};

    use rescience_digest::Hashed;

    use super::*;

    fn file(dir: &Path, name: &str, content: &str) -> PathBuf {
        let path = dir.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A cache that takes files for old that were written just now.
    fn later(path: &Path) -> StatCache {
        let mut cache = StatCache::open(path);
        cache.opened = cache.opened.map(|(seconds, nanos)| (seconds + 60, nanos));
        cache
    }

    #[test]
    fn an_unchanged_file_is_known_after_reopening() {
        let temp = tempfile::tempdir().unwrap();
        let path = file(temp.path(), "a", "one");
        let blob = Blob::from(Hashed::of(b"one"));
        let cache_path = temp.path().join("deep/cache");
        let mut cache = later(&cache_path);
        cache.insert(&fs::metadata(&path).unwrap(), blob);
        cache.save().unwrap();
        let mut cache = StatCache::open(&cache_path);
        assert_eq!(cache.lookup(&fs::metadata(&path).unwrap()), Some(blob));
        assert_eq!(fs::read_dir(temp.path().join("deep")).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_changed_is_not_known() {
        let temp = tempfile::tempdir().unwrap();
        let path = file(temp.path(), "a", "one");
        let mut cache = later(&temp.path().join("cache"));
        cache.insert(&fs::metadata(&path).unwrap(), Hashed::of(b"one").into());
        // The same size, and the time of modification set back: the status change gives it away.
        let before = fs::metadata(&path).unwrap();
        std::thread::sleep(Duration::from_millis(20));
        file(temp.path(), "a", "two");
        let times = FileTimes::new().set_modified(before.modified().unwrap());
        File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(modified(&before), modified(&after));
        assert_eq!(cache.lookup(&after), None);
    }

    #[test]
    fn a_file_that_was_just_written_is_not_remembered() {
        let temp = tempfile::tempdir().unwrap();
        let path = file(temp.path(), "a", "one");
        let mut cache = StatCache::open(&temp.path().join("cache"));
        cache.insert(&fs::metadata(&path).unwrap(), Hashed::of(b"one").into());
        assert_eq!(cache.lookup(&fs::metadata(&path).unwrap()), None);
        // Nor is one from the future.
        let mut cache = later(&temp.path().join("cache"));
        let future =
            FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::MAX / 4_000_000_000);
        File::options().write(true).open(&path).unwrap().set_times(future).unwrap();
        cache.insert(&fs::metadata(&path).unwrap(), Hashed::of(b"one").into());
        assert_eq!(cache.lookup(&fs::metadata(&path).unwrap()), None);
    }

    #[test]
    fn a_torn_cache_is_empty() {
        let temp = tempfile::tempdir().unwrap();
        let path = file(temp.path(), "a", "one");
        let cache_path = temp.path().join("cache");
        let mut cache = later(&cache_path);
        cache.insert(&fs::metadata(&path).unwrap(), Hashed::of(b"one").into());
        cache.save().unwrap();
        let whole = fs::read(&cache_path).unwrap();
        for length in 0..whole.len() {
            fs::write(&cache_path, &whole[..length]).unwrap();
            assert!(StatCache::open(&cache_path).files.is_empty(), "{length} bytes");
        }
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            fs::write(&cache_path, &flipped).unwrap();
            assert!(StatCache::open(&cache_path).files.is_empty(), "byte {at}");
        }
    }
}

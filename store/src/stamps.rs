//! How files and directories looked, to tell later whether anybody touched them.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use crate::cache_file::{Time, has_rested, modified, status_changed};
use crate::codec::{self, Reader};
use crate::error::Result;
use crate::files;
use crate::store::Store;

/// Threads that look at files; most of the time they wait for the kernel.
const LOOKERS: usize = 4;

/// What a look at a file or a directory tells of it without opening it. Every write to a file, and
/// every name that comes into a directory or leaves it, changes this, once it has rested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    inode: u64,
    size: u64,
    modified: Time,
    status_changed: Time,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            inode: metadata.ino(),
            size: metadata.len(),
            modified: modified(metadata),
            status_changed: status_changed(metadata),
        }
    }

    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        codec::number(self.inode, into);
        codec::number(self.size, into);
        codec::time(self.modified, into);
        codec::time(self.status_changed, into);
    }

    pub(crate) fn decode(from: &mut Reader<'_>) -> Option<Stamp> {
        Some(Stamp {
            inode: from.number()?,
            size: from.number()?,
            modified: from.time()?,
            status_changed: from.time()?,
        })
    }
}

/// How the files and directories at some paths below one directory looked. On disk: per path its
/// text and its stamp, and at the end the digest of all that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamps(Vec<(PathBuf, Stamp)>);

impl Stamps {
    /// Looks at `paths` below `base`. `None` if one is not there, or was changed in the last two
    /// seconds: it could be changed once more without its looks telling.
    pub fn of(
        store: &Store,
        base: &Path,
        paths: impl IntoIterator<Item = PathBuf>,
    ) -> Result<Option<Stamps>> {
        let now = store.present();
        let mut stamps = Vec::new();
        for path in paths {
            match files::stat(&base.join(&path))? {
                Some(metadata) if has_rested(&metadata, now) => {
                    stamps.push((path, Stamp::of(&metadata)));
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(Stamps(stamps)))
    }

    /// Whether all of them look the same now.
    pub fn stand(&self, base: &Path) -> bool {
        let same = |(path, stamp): &(PathBuf, Stamp)| {
            let now = files::stat(&base.join(path));
            now.is_ok_and(|now| now.is_some_and(|now| Stamp::of(&now) == *stamp))
        };
        each(&self.0, same).into_iter().all(|same| same)
    }

    /// As they are kept in a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (path, stamp) in &self.0 {
            codec::text(path.as_os_str().as_bytes(), &mut bytes);
            stamp.encode(&mut bytes);
        }
        codec::close(&mut bytes);
        bytes
    }

    /// Reads what [`Stamps::to_bytes`] writes, and nothing else.
    pub fn parse(bytes: &[u8]) -> Option<Stamps> {
        let (mut reader, _) = Reader::whole(bytes)?;
        let mut stamps = Vec::new();
        while !reader.is_empty() {
            let path = PathBuf::from(OsStr::from_bytes(reader.text()?));
            stamps.push((path, Stamp::decode(&mut reader)?));
        }
        Some(Stamps(stamps))
    }
}

/// What `look` says of each item, in order, with several threads looking.
pub(crate) fn each<T: Sync>(items: &[T], look: impl Fn(&T) -> bool + Sync) -> Vec<bool> {
    let share = items.len().div_ceil(LOOKERS).max(1);
    thread::scope(|scope| {
        let look = |part: &[T]| Vec::from_iter(part.iter().map(&look));
        let parts = items.chunks(share).map(|part| scope.spawn(move || look(part)));
        let lookers: Vec<_> = parts.collect();
        lookers.into_iter().flat_map(|it| it.join().expect("looking does not panic")).collect()
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn whatever_is_done_to_a_file_shows() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(&temp.path().join("store")).unwrap();
        let base = temp.path().join("base");
        let stamps = || {
            fs::remove_dir_all(&base).ok();
            fs::create_dir_all(base.join("dir")).unwrap();
            fs::write(base.join("dir/a"), "one").unwrap();
            let young = Stamps::of(&store, &base, ["dir/a".into()]).unwrap();
            assert_eq!(young, None, "it could change unseen");
            let old = ["dir", "dir/a"].map(|path| {
                let metadata = fs::metadata(base.join(path)).unwrap();
                (path.into(), Stamp::of(&metadata))
            });
            thread::sleep(std::time::Duration::from_millis(20));
            Stamps(old.into())
        };
        let changes: [&dyn Fn(); 5] = [
            &|| fs::write(base.join("dir/a"), "two").unwrap(),
            &|| fs::write(base.join("dir/a"), "longer").unwrap(),
            &|| fs::remove_file(base.join("dir/a")).unwrap(),
            &|| fs::write(base.join("dir/b"), "").unwrap(),
            &|| fs::rename(base.join("dir/a"), base.join("dir/b")).unwrap(),
        ];
        for (nth, change) in changes.iter().enumerate() {
            let stamps = stamps();
            assert!(stamps.stand(&base));
            change();
            assert!(!stamps.stand(&base), "change {nth}");
        }
    }

    #[test]
    fn stamps_come_back_from_their_bytes_and_from_no_others() {
        let metadata = fs::metadata("/").unwrap();
        let stamps = Stamps(vec![("a/b".into(), Stamp::of(&metadata)); 2]);
        let whole = stamps.to_bytes();
        assert_eq!(Stamps::parse(&whole), Some(stamps));
        for at in 0..whole.len() {
            assert_eq!(Stamps::parse(&whole[..at]), None, "{at} bytes");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert_eq!(Stamps::parse(&flipped), None, "byte {at}");
        }
    }
}

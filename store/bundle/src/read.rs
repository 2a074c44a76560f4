//! A bundle as files by path, whether it is a zip or was unpacked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek as _, SeekFrom, Take};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::{Digest, Hashed, Hasher, WideHasher};

use crate::error::{BundleError, Context as _, Result};
use crate::layout::{self, Member};
use crate::{manifest, name};

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// The same where all cores take part.
const WIDE_CHUNK: usize = 1 << 24;

/// From so many bytes on a file is worth all cores.
pub(crate) const LARGE: u64 = 1 << 20;

/// What a build leaves beside an unpacked bundle, and no part of it.
const VIEWS: &str = "out";

/// A bundle that is looked at and not yet believed.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    files: BTreeMap<String, Place>,
    zip: bool,
}

/// Where a file of the bundle is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Member(Member),
    File { path: PathBuf, executable: bool, size: u64 },
}

impl Bundle {
    /// Whether a folder is an unpacked bundle.
    pub fn is_folder(folder: &Path) -> bool {
        folder.join(manifest::BLAKE3).is_file() && folder.join(manifest::SHA256).is_file()
    }

    /// Opens a zip, or the folder that one was unpacked to.
    ///
    /// # Errors
    /// [`BundleError::Refused`] if it is neither, or holds what no bundle may hold.
    pub fn open(path: &Path) -> Result<Bundle> {
        let zip = !fs::metadata(path).context("open", path)?.is_dir();
        let files = if zip {
            let mut file = File::open(path).context("open", path)?;
            let members = layout::members(&mut file, path)?;
            members.into_iter().map(|it| (it.name.clone(), Place::Member(it))).collect()
        } else {
            folder(path)?
        };
        for list in [manifest::BLAKE3, manifest::SHA256] {
            if !files.contains_key(list) {
                let reason = format!("it has no `{list}`");
                return Err(BundleError::Refused { path: path.to_owned(), reason });
            }
        }
        Ok(Bundle { path: path.to_owned(), files, zip })
    }

    /// The zip or the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every path in it, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Whether there is such a file.
    pub fn contains(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// Whether the owner of a file may execute it.
    pub fn executable(&self, name: &str) -> bool {
        match self.files.get(name) {
            Some(Place::Member(member)) => member.executable,
            Some(Place::File { executable, .. }) => *executable,
            None => false,
        }
    }

    /// The bytes of a file, not checked against anything; none if there is no such file.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.files.get(name) else { return Ok(None) };
        let (mut from, path) = self.open_place(place)?;
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).context("read", path)?;
        Ok(Some(bytes))
    }

    /// The bytes of a file as they are read, not checked against anything; none if there is no such
    /// file.
    pub fn reader(&self, name: &str) -> Result<Option<impl Read>> {
        let place = self.files.get(name);
        place.map(|place| Ok(self.open_place(place)?.0)).transpose()
    }

    /// How many bytes a file had when the bundle was opened; none if there is no such file.
    pub fn size(&self, name: &str) -> Option<u64> {
        match self.files.get(name)? {
            Place::Member(member) => Some(member.size),
            Place::File { size, .. } => Some(*size),
        }
    }

    /// The BLAKE3 digest of a file, on all cores if it is large, and its size; none if there is no such
    /// file. The flag says whether the zip's own checksum agrees.
    pub(crate) fn digest(&self, name: &str) -> Result<Option<(Digest, u64, bool)>> {
        match self.files.get(name) {
            None => Ok(None),
            Some(place) if self.size(name).is_some_and(|size| size < LARGE) => {
                let bytes = self.read(name)?.unwrap_or_default();
                let sound = match place {
                    Place::Member(member) => member.crc == crc32fast::hash(&bytes),
                    Place::File { .. } => true,
                };
                Ok(Some((Digest::of(&bytes), bytes.len() as u64, sound)))
            }
            Some(Place::File { path, .. }) => {
                let (digest, size) = Digest::of_file(path).context("read", path)?;
                Ok(Some((digest, size, true)))
            }
            Some(Place::Member(member)) => {
                let (mut hasher, mut crc) = (WideHasher::default(), crc32fast::Hasher::new());
                self.chunks(name, WIDE_CHUNK, |chunk| {
                    std::thread::scope(|scope| {
                        scope.spawn(|| crc.update(chunk));
                        hasher.update(chunk);
                    });
                })?;
                Ok(Some((hasher.finish(), member.size, member.crc == crc.finalize())))
            }
        }
    }

    /// Hashes a file; none if there is no such file. The flag says whether the zip's own checksum
    /// agrees.
    pub(crate) fn hash(&self, name: &str) -> Result<Option<(Hashed, bool)>> {
        let (mut hasher, mut crc) = (Hasher::new(), crc32fast::Hasher::new());
        let zip = self.zip;
        let each = |chunk: &[u8]| {
            hasher.update(chunk);
            if zip {
                crc.update(chunk);
            }
        };
        let Some(place) = self.stream(name, each)? else { return Ok(None) };
        let sound = match place {
            Place::Member(member) => member.crc == crc.finalize(),
            Place::File { .. } => true,
        };
        Ok(Some((hasher.finish(), sound)))
    }

    pub(crate) fn stream(&self, name: &str, each: impl FnMut(&[u8])) -> Result<Option<&Place>> {
        self.chunks(name, CHUNK, each)
    }

    fn chunks(
        &self,
        name: &str,
        chunk: usize,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Option<&Place>> {
        let Some(place) = self.files.get(name) else { return Ok(None) };
        let (mut from, path) = self.open_place(place)?;
        let size = self.size(name).and_then(|size| usize::try_from(size).ok());
        let mut buffer = Vec::with_capacity(size.map_or(chunk, |size| chunk.min(size + 1)));
        loop {
            buffer.clear();
            from.by_ref().take(chunk as u64).read_to_end(&mut buffer).context("read", path)?;
            if buffer.is_empty() {
                return Ok(Some(place));
            }
            each(&buffer);
        }
    }

    fn open_place<'a>(&'a self, place: &'a Place) -> Result<(Take<File>, &'a Path)> {
        let (path, start, size) = match place {
            Place::Member(member) => (&self.path, member.start(), member.size),
            Place::File { path, .. } => (path, 0, u64::MAX),
        };
        let mut file = File::open(path).context("open", path)?;
        file.seek(SeekFrom::Start(start)).context("read", path)?;
        Ok((file.take(size), path))
    }

    /// Whether it is a zip rather than a folder.
    pub fn is_zip(&self) -> bool {
        self.zip
    }
}

fn folder(root: &Path) -> Result<BTreeMap<String, Place>> {
    let refused = |reason: String| BundleError::Refused { path: root.to_owned(), reason };
    let mut files = BTreeMap::new();
    let mut waiting = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = waiting.pop() {
        for entry in fs::read_dir(&folder).context("read", &folder)? {
            let path = entry.context("read", &folder)?.path();
            let own = path.file_name().and_then(|name| name.to_str());
            let own = own.ok_or_else(|| refused(format!("`{}` is not UTF-8", path.display())))?;
            let inner = format!("{prefix}{own}");
            if inner == VIEWS {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).context("look at", &path)?;
            if metadata.is_dir() {
                waiting.push((path, format!("{inner}/")));
                continue;
            }
            if !metadata.is_file() {
                return Err(refused(format!("`{inner}` is neither a file nor a folder")));
            }
            if let Some(problem) = name::problem(&inner) {
                return Err(refused(format!("`{}`: {problem}", inner.escape_debug())));
            }
            let executable = metadata.permissions().mode() & 0o100 != 0;
            files.insert(inner, Place::File { path, executable, size: metadata.len() });
        }
    }
    Ok(files)
}

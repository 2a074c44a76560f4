//! Writing: files in their order, stored, without a time or an owner, so that equal bundles are equal bytes.

use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rescience_digest::{Digest, Hashed, Hasher};

use crate::draft::Draft;
use crate::error::{BundleError, Context as _, Result};
use crate::layout::{self, Member};
use crate::manifest::{self, Manifest};
use crate::name::Names;

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// How many chunks may wait to be hashed: with the one at either end, two megabytes.
const WAITING: usize = 6;

/// A bundle in the making, in constant memory but for the list of its files.
///
/// Nothing is under the path of the bundle before [`finish`](Writer::finish).
pub struct Writer {
    to: PathBuf,
    draft: Draft,
    /// Where the next header goes.
    at: u64,
    members: Vec<Member>,
    names: Names,
    manifest: Manifest,
}

impl Writer {
    /// A writer of the bundle at `to`.
    pub fn create(to: &Path) -> Result<Writer> {
        Ok(Writer {
            to: to.to_owned(),
            draft: Draft::file(to)?,
            at: 0,
            members: Vec::new(),
            names: Names::default(),
            manifest: Manifest::default(),
        })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// A path that a bundle cannot hold, or that it holds already.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Hashed> {
        self.add_file(name, &mut &*bytes, bytes.len() as u64, false)
    }

    /// Adds the `size` bytes that `from` yields.
    ///
    /// # Errors
    /// As [`add`](Writer::add), or a reader that fails or yields more or fewer.
    pub fn add_file(
        &mut self,
        name: &str,
        from: &mut (impl Read + Send),
        size: u64,
        executable: bool,
    ) -> Result<Hashed> {
        let hashed = self.put(name, from, size, executable)?;
        self.manifest.insert(name, hashed);
        Ok(hashed)
    }

    fn put(
        &mut self,
        name: &str,
        from: &mut (impl Read + Send),
        size: u64,
        executable: bool,
    ) -> Result<Hashed> {
        let unfit = |reason: String| BundleError::Unfit { name: name.to_owned(), reason };
        self.names.take(name).map_err(|why| unfit(format!("{why}; rename it")))?;
        let mut member =
            Member { name: name.to_owned(), offset: self.at, size, crc: 0, executable };
        let start = member.start();
        let copied = match size as usize <= CHUNK {
            true => self.copy_small(start, from),
            false => self.copy_large(start, from),
        };
        let Copied { hashed, crc } = match copied {
            Ok(copied) => copied,
            Err(Failure::Read(error)) => return Err(unfit(error.to_string())),
            Err(Failure::Write(error)) => return Err(error).context("write", self.draft.path()),
        };
        if hashed.size != size {
            return Err(unfit(format!("it has {} bytes, and had {size}", hashed.size)));
        }
        member.crc = crc;
        let header = self.draft.open().write_all_at(&member.local(), member.offset);
        header.context("write", self.draft.path())?;
        self.at = start + size;
        self.members.push(member);
        Ok(hashed)
    }

    fn copy_small(&self, start: u64, from: &mut impl Read) -> Result<Copied, Failure> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).map_err(Failure::Read)?;
        self.draft.open().write_all_at(&bytes, start).map_err(Failure::Write)?;
        Ok(Copied { hashed: Hashed::of(&bytes), crc: crc32fast::hash(&bytes) })
    }

    /// Hashes on one thread what was read and written on another.
    fn copy_large(&self, start: u64, from: &mut (impl Read + Send)) -> Result<Copied, Failure> {
        std::thread::scope(|scope| {
            let (sender, chunks) = std::sync::mpsc::sync_channel::<Vec<u8>>(WAITING);
            let hashing = scope.spawn(move || {
                let mut hasher = Hasher::new();
                for chunk in chunks {
                    hasher.update(&chunk);
                }
                hasher.finish()
            });
            let mut crc = crc32fast::Hasher::new();
            let mut at = start;
            loop {
                let mut chunk = Vec::with_capacity(CHUNK);
                from.by_ref().take(CHUNK as u64).read_to_end(&mut chunk).map_err(Failure::Read)?;
                if chunk.is_empty() {
                    break;
                }
                crc.update(&chunk);
                self.draft.open().write_all_at(&chunk, at).map_err(Failure::Write)?;
                at += chunk.len() as u64;
                sender.send(chunk).expect("the hashing thread takes all there is");
            }
            drop(sender);
            let hashed = hashing.join().expect("hashing does not panic");
            Ok(Copied { hashed, crc: crc.finalize() })
        })
    }

    /// What was added so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Adds both lists of digests, and gives the bundle its name. Returns the digest of the list of
    /// BLAKE3 digests, which stands for all that it holds.
    pub fn finish(self) -> Result<Digest> {
        self.finish_signed(|_| Ok(Vec::new()))
    }

    /// The same with signatures of that list, each with its name under [`manifest::SIGNATURES`].
    ///
    /// # Errors
    /// Those of `sign` too; then there is no bundle.
    pub fn finish_signed<E: From<BundleError>>(
        mut self,
        sign: impl FnOnce(&[u8]) -> Result<Vec<(String, Vec<u8>)>, E>,
    ) -> Result<Digest, E> {
        let sha256 = self.manifest.sha256();
        let hashed = self.put_list(manifest::SHA256, sha256.as_bytes())?;
        let mut all = self.manifest.clone();
        all.insert(manifest::SHA256, hashed);
        let list = all.blake3();
        let digest = self.put_list(manifest::BLAKE3, list.as_bytes())?.digest;
        for (name, signature) in sign(list.as_bytes())? {
            self.put_list(&format!("{}{name}", manifest::SIGNATURES), &signature)?;
        }
        self.close()?;
        Ok(digest)
    }

    fn close(self) -> Result<()> {
        let directory: Vec<u8> = self.members.iter().flat_map(Member::central).collect();
        let size = directory.len() as u64;
        let end = layout::end(self.members.len() as u64, size, self.at);
        let (file, path) = (self.draft.open(), self.draft.path());
        file.write_all_at(&directory, self.at).context("write", path)?;
        file.write_all_at(&end, self.at + size).context("write", path)?;
        file.sync_all().context("sync", path)?;
        self.draft.place(&self.to)
    }

    fn put_list(&mut self, name: &str, mut list: &[u8]) -> Result<Hashed> {
        let size = list.len() as u64;
        self.put(name, &mut list, size, false)
    }
}

/// What is known of a file that was copied.
struct Copied {
    hashed: Hashed,
    crc: u32,
}

/// Which side of a copy failed.
enum Failure {
    Read(io::Error),
    Write(io::Error),
}

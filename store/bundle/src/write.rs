//! Writing: files in their order, stored, without a time or an owner, so that equal bundles are equal bytes.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use rescience_digest::{Digest, Hashed, Hasher};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::{BundleError, Context as _, Result};
use crate::manifest::{self, Manifest};
use crate::name::Names;

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// A zip without its later form for large files ends here.
pub(crate) const LARGEST: u64 = u32::MAX as u64 - (1 << 24);

/// A bundle in the making, in constant memory but for the list of its files.
///
/// Nothing is under the path of the bundle before [`finish`](Writer::finish).
pub struct Writer {
    to: PathBuf,
    draft: PathBuf,
    zip: Option<ZipWriter<BufWriter<File>>>,
    names: Names,
    manifest: Manifest,
    size: u64,
}

impl Writer {
    /// A writer of the bundle at `to`.
    pub fn create(to: &Path) -> Result<Writer> {
        let mut draft = to.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::create(&draft).context("create", &draft)?;
        let zip = Some(ZipWriter::new(BufWriter::with_capacity(CHUNK, file)));
        Ok(Writer {
            to: to.to_owned(),
            draft,
            zip,
            names: Names::default(),
            manifest: Manifest::default(),
            size: 0,
        })
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// A path that a bundle cannot hold, or that it holds already.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Hashed> {
        self.add_file(name, &mut &*bytes, false)
    }

    /// Adds what `from` yields.
    ///
    /// # Errors
    /// As [`add`](Writer::add), or a reader that fails.
    pub fn add_file(
        &mut self,
        name: &str,
        from: &mut impl Read,
        executable: bool,
    ) -> Result<Hashed> {
        let hashed = self.put(name, from, executable)?;
        self.manifest.insert(name, hashed);
        Ok(hashed)
    }

    fn put(&mut self, name: &str, from: &mut impl Read, executable: bool) -> Result<Hashed> {
        let unfit = |reason: String| BundleError::Unfit { name: name.to_owned(), reason };
        self.names.take(name).map_err(unfit)?;
        let mode = if executable { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(mode);
        let zip = self.zip.as_mut().expect("a writer holds its zip until it is finished");
        let failed = |error: io::Error| BundleError::Io {
            action: "write",
            path: self.draft.clone(),
            source: error,
        };
        zip.start_file(name, options).map_err(io::Error::from).map_err(failed)?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; CHUNK];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(unfit(error.to_string())),
            };
            self.size += n as u64;
            if self.size > LARGEST {
                let reason = "bundles of 4 GiB and more cannot be written yet".to_owned();
                return Err(unfit(reason));
            }
            hasher.update(&buffer[..n]);
            zip.write_all(&buffer[..n]).map_err(failed)?;
        }
        Ok(hasher.finish())
    }

    /// What was added so far.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Adds both lists of digests, and gives the bundle its name. Returns its digest.
    pub fn finish(mut self) -> Result<Digest> {
        let blake3 = self.manifest.blake3();
        let hashed = self.put(manifest::BLAKE3, &mut blake3.as_bytes(), false)?;
        let mut all = self.manifest.clone();
        all.insert(manifest::BLAKE3, hashed);
        let sha256 = all.sha256();
        self.put(manifest::SHA256, &mut sha256.as_bytes(), false)?;
        let zip = self.zip.take().expect("a writer holds its zip until it is finished");
        let failed = |source| BundleError::Io { action: "write", path: self.draft.clone(), source };
        let file = zip.finish().map_err(io::Error::from).map_err(failed)?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().context("sync", &self.draft)?;
        std::fs::rename(&self.draft, &self.to).context("write", &self.to)?;
        let mut hasher = Hasher::new();
        let mut file = File::open(&self.to).context("read", &self.to)?;
        let mut buffer = vec![0; CHUNK];
        loop {
            match file.read(&mut buffer).context("read", &self.to)? {
                0 => return Ok(hasher.finish().digest),
                n => hasher.update(&buffer[..n]),
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Renamed away when it was finished.
        std::fs::remove_file(&self.draft).ok();
    }
}

//! A cache: opened, asked, added to.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rescience_digest::ActionKey;
use rescience_exchange::oci::files::{Files, Use};
use rescience_exchange::{Credentials, Http};
use rescience_sign::Signer;
use rescience_store::{Store, Trace};

use crate::access::Access;
use crate::bucket::Bucket;
use crate::error::{CacheError, Result};
use crate::fetch::{self, Found};
use crate::folder::Folder;
use crate::layout::{self, Item, MARKER};
use crate::place::Place;
use crate::push::{self, Pushed};
use crate::registry::{self, Manifest};
use crate::shelf::{Shelf, Source};
use crate::trust::Trust;

/// The longest marker that is read.
const LONGEST_MARKER: usize = 1 << 12;

/// A place, with what gives access to it. It may be used from many threads at once, but not from
/// within an asynchronous runtime: where there are connections, it has its own.
pub struct Cache {
    place: Place,
    backend: Backend,
    /// Set once the marker was found or made.
    marked: OnceLock<()>,
}

enum Backend {
    Folder(PathBuf),
    Bucket(Box<Bucket>),
    Repository { http: Box<Http>, credentials: Credentials, registry: String, name: String },
}

impl Cache {
    /// Opens a cache; a folder is meant from `base_dir`. Nothing is looked at yet.
    ///
    /// # Errors
    /// A file of certificates that cannot be read, or another part of `access` that cannot be used.
    pub fn open(place: Place, base_dir: &Path, access: Access) -> Result<Cache> {
        let backend = match &place {
            Place::Folder(path) => Backend::Folder(base_dir.join(path)),
            Place::Bucket { bucket, prefix } => {
                let bucket = Bucket::open(bucket, prefix, place.to_string(), &access)?;
                Backend::Bucket(Box::new(bucket))
            }
            Place::Repository { registry, name } => Backend::Repository {
                http: Box::new(Http::new(access.http)?),
                credentials: access.registry,
                registry: registry.clone(),
                name: name.clone(),
            },
        };
        Ok(Cache { place, backend, marked: OnceLock::new() })
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Takes every trace of `key` that counts into the store, after everything that it names. Hold
    /// [`Store::share`] meanwhile.
    ///
    /// A trace that does not count is no error: it is named in [`Found::refused`]. Neither is a
    /// place where nothing was pushed yet.
    ///
    /// # Errors
    /// [`CacheError::Wrong`] if an object there has other bytes than its name says: then nothing is
    /// taken. A place that refuses or cannot be reached.
    pub fn fetch(&self, store: &Store, key: &ActionKey, trust: &Trust) -> Result<Found> {
        self.with(key, Use::Read, |shelf| {
            if !self.is_cache(shelf)? {
                return Ok(Found::default());
            }
            fetch::fetch(shelf, &self.place, store, key, trust)
        })
    }

    /// Sends everything that a trace names, then the trace itself with a signature. Hold
    /// [`Store::share`] meanwhile.
    ///
    /// # Errors
    /// [`CacheError::Failed`] if the execution failed; an object that the store lacks; a place that
    /// refuses or cannot be reached.
    pub fn push(&self, store: &Store, trace: &Trace, signer: &Signer) -> Result<Pushed> {
        let (bytes, signature) = push::sign(trace, signer, &self.place)?;
        self.with(&trace.key, Use::Write, |shelf| {
            if !self.is_cache(shelf)? {
                self.make(shelf)?;
            }
            push::push(shelf, store, trace, &bytes, &signature)
        })
    }

    /// Hands the place out, for what is to be done with a key.
    fn with<T>(
        &self,
        key: &ActionKey,
        what: Use,
        act: impl FnOnce(&mut dyn Shelf) -> Result<T>,
    ) -> Result<T> {
        match &self.backend {
            Backend::Folder(path) => act(&mut Folder(path)),
            Backend::Bucket(bucket) => act(&mut &**bucket),
            Backend::Repository { http, credentials, registry, name } => {
                let address = registry::address(registry, name, key);
                let files = Files::new(http, &address, credentials, registry::TRACES, what);
                act(&mut Manifest::new(files, &self.place))
            }
        }
    }

    /// Whether the marker is there, and of this version.
    fn is_cache(&self, shelf: &mut dyn Shelf) -> Result<bool> {
        // In a registry the kind of a manifest says what it is.
        let marked = matches!(self.backend, Backend::Repository { .. });
        if marked || self.marked.get().is_some() {
            return Ok(true);
        }
        self.is_there()?;
        let mut bytes = Vec::new();
        let there = shelf.read(Item::Marker, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(bytes.len() <= LONGEST_MARKER)
        })?;
        if !there {
            return Ok(false);
        }
        match layout::marker_problem(&bytes) {
            Some(reason) => Err(self.unusable(reason)),
            None => {
                self.marked.set(()).ok();
                Ok(true)
            }
        }
    }

    /// Makes an empty place a cache, unless somebody else does so at the same time.
    fn make(&self, shelf: &mut dyn Shelf) -> Result<()> {
        if !self.is_empty()? && !self.is_cache(shelf)? {
            let reason = format!(
                "it holds something else and no `{MARKER}`: name an empty one, or one that is a \
                 cache already"
            );
            return Err(self.unusable(reason));
        }
        shelf.put(Item::Marker, Source::Bytes(&layout::marker()))?;
        self.marked.set(()).ok();
        Ok(())
    }

    /// A folder that is not there may be one that is not mounted, so none is made.
    fn is_there(&self) -> Result<()> {
        match &self.backend {
            Backend::Folder(path) if !path.is_dir() => {
                let path = path.display();
                Err(self.unusable(format!("`{path}` is no folder: mount it, or make it")))
            }
            _ => Ok(()),
        }
    }

    fn is_empty(&self) -> Result<bool> {
        match &self.backend {
            Backend::Folder(path) => Folder(path).is_empty(),
            Backend::Bucket(bucket) => bucket.is_empty(),
            Backend::Repository { .. } => Ok(true),
        }
    }

    fn unusable(&self, reason: String) -> CacheError {
        CacheError::NotACache { place: self.place.to_string(), reason }
    }
}

impl std::fmt::Debug for Cache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("place", &self.place).finish_non_exhaustive()
    }
}

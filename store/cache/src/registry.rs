//! A cache in an OCI registry: a manifest for every key, whose layers are the files of the layout.
//!
//! A registry has no way to change a tag only if nobody else did, so whoever pushes looks again
//! whether theirs is there. If two push traces of one key at the same moment, one of them may be
//! lost all the same; it can be pushed again.

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest, Hashed};
use rescience_exchange::address::{OciAddress, Version};
use rescience_exchange::oci::files::{Files, Layer};
use rescience_exchange::{ExchangeError, unwatched};

use crate::error::{CacheError, Result};
use crate::layout::{self, Item};
use crate::place::Place;
use crate::shelf::{Sent, Shelf, Sink, Source};

/// The kind of a key's manifest.
pub(crate) const TRACES: &str = "application/vnd.rescience.trace.v1";

/// The kinds of its layers.
const TRACE: &str = "application/vnd.rescience.trace.v1+json";
const SIGNATURE: &str = "application/vnd.rescience.trace.v1.sshsig";
const OBJECT: &str = "application/vnd.rescience.object.v1";

/// How often somebody else may change the tag at the same time.
const TRIES: u32 = 5;

/// The manifest of one key.
pub(crate) struct Manifest<'a> {
    files: Files<'a>,
    place: &'a Place,
    /// What it was found to hold, by title.
    found: Option<BTreeMap<String, Layer>>,
    /// What is to be added.
    added: BTreeMap<String, Layer>,
}

/// The address of a key's manifest.
pub(crate) fn address(registry: &str, name: &str, key: &ActionKey) -> OciAddress {
    let version = Version::Tag(key.hex());
    OciAddress { registry: registry.to_owned(), name: name.to_owned(), version }
}

impl<'a> Manifest<'a> {
    pub(crate) fn new(files: Files<'a>, place: &'a Place) -> Manifest<'a> {
        Manifest { files, place, found: None, added: BTreeMap::new() }
    }

    fn look(&self) -> Result<BTreeMap<String, Layer>> {
        let layers = self.files.layers(&mut unwatched).map_err(|error| match error {
            // The tag is taken by something of another kind.
            ExchangeError::Refused { from: place, reason } => {
                CacheError::NotACache { place, reason }
            }
            error => error.into(),
        })?;
        let layers = layers.unwrap_or_default();
        Ok(layers.into_iter().map(|layer| (layer.title.clone(), layer)).collect())
    }

    fn found(&mut self) -> Result<&BTreeMap<String, Layer>> {
        if self.found.is_none() {
            self.found = Some(self.look()?);
        }
        Ok(self.found.get_or_insert_default())
    }
}

impl Shelf for Manifest<'_> {
    fn traces(&mut self, key: &ActionKey) -> Result<Vec<Digest>> {
        let folder = layout::traces(key) + "/";
        let names = self.found()?.keys();
        Ok(names.filter_map(|name| layout::trace(name.strip_prefix(&folder)?)).collect())
    }

    fn read(&mut self, item: Item, sink: &mut Sink<'_>) -> Result<bool> {
        let Some(layer) = self.found()?.get(&item.to_string()).cloned() else { return Ok(false) };
        let mut failed = None;
        let mut take = |bytes: &[u8]| {
            sink(bytes).unwrap_or_else(|error| {
                failed = Some(error);
                false
            })
        };
        self.files.read(&layer, &mut take, &mut unwatched)?;
        failed.map_or(Ok(true), Err)
    }

    fn put(&mut self, item: Item, source: Source<'_>) -> Result<Sent> {
        let title = item.to_string();
        let (moved, sha256) = match source {
            Source::Bytes(bytes) => {
                let moved = self.files.upload_bytes(bytes, &title, &mut unwatched)?;
                (moved, Hashed::of(bytes).sha256)
            }
            Source::File(path, blob) => {
                let hashed = Hashed { digest: blob.digest, sha256: blob.sha256, size: blob.size };
                let moved = self.files.upload_file(path, &hashed, &title, &mut unwatched)?;
                (moved, blob.sha256)
            }
        };
        let media_type = match item {
            Item::Trace(..) => TRACE,
            Item::Signature(..) => SIGNATURE,
            Item::Object(_) | Item::Marker => OBJECT,
        };
        let (media_type, size) = (media_type.to_owned(), source.size());
        self.added.insert(title.clone(), Layer { title, media_type, sha256, size });
        Ok(if moved { Sent::Moved } else { Sent::Present })
    }

    fn finish(&mut self) -> Result<()> {
        for _ in 0..TRIES {
            let mut layers = self.look()?;
            if self.added.iter().all(|(title, layer)| layers.get(title) == Some(layer)) {
                return Ok(());
            }
            layers.extend(self.added.clone());
            let layers: Vec<Layer> = layers.into_values().collect();
            self.files.tag(&layers, &mut unwatched)?;
        }
        let reason =
            "others change the manifest of this key all the time; push it again".to_owned();
        Err(CacheError::Unfit { place: self.place.to_string(), reason })
    }
}

//! Files under one tag of a registry: layers with names, of an artifact that is no bundle.

use std::collections::BTreeMap;
use std::path::Path;

use reqwest::Method;
use rescience_digest::{Hashed, Sha256};

use super::manifest::{Descriptor, EMPTY, Manifest};
use super::registry::Registry;
use super::upload;
use crate::address::OciAddress;
use crate::error::{ExchangeError, Result};
use crate::http::Http;
use crate::http::call::Call;
use crate::http::stream::stream;
use crate::token::Credentials;
use crate::watch::Watch;

/// The longest manifest that every registry takes.
const LONGEST: usize = 4 << 20;

/// What is to be done at a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Files are read.
    Read,
    /// Files are read and written.
    Write,
}

/// A tag, and the kind of what it leads to.
pub struct Files<'a> {
    registry: Registry<'a>,
    address: &'a OciAddress,
    kind: &'a str,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name, as somebody wrote it: to be compared, not to be made a path.
    pub title: String,
    /// Its kind.
    pub media_type: String,
    /// Its bytes.
    pub sha256: Sha256,
    /// How many there are said to be.
    pub size: u64,
}

impl<'a> Files<'a> {
    /// The files at an address; nothing is asked yet. What gives access is kept as long as this.
    pub fn new(
        http: &'a Http,
        address: &'a OciAddress,
        credentials: &'a Credentials,
        kind: &'a str,
        what: Use,
    ) -> Files<'a> {
        let actions = if what == Use::Read { "pull" } else { "pull,push" };
        Files { registry: Registry::new(http, address, credentials, actions), address, kind }
    }

    /// What the tag leads to; none if to nothing.
    ///
    /// # Errors
    /// [`ExchangeError::Refused`] if it leads to something of another kind.
    pub fn layers(&self, watch: &mut Watch<'_>) -> Result<Option<Vec<Layer>>> {
        let Some((_, bytes)) = self.registry.tagged(watch)? else { return Ok(None) };
        let refused =
            |reason: String| ExchangeError::Refused { from: self.address.to_string(), reason };
        let manifest = Manifest::parse(&bytes, self.kind).map_err(refused)?;
        let layers = manifest.layers.into_iter().filter_map(|layer| {
            let (title, sha256) = (layer.title().to_owned(), layer.sha256()?);
            Some(Layer { title, media_type: layer.media_type, sha256, size: layer.size })
        });
        Ok(Some(layers.collect()))
    }

    /// Hands a file's bytes to `sink`, until there are no more or it wants no more. Nothing is
    /// compared here.
    pub fn read(
        &self,
        layer: &Layer,
        sink: &mut dyn FnMut(&[u8]) -> bool,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let path = self.registry.blob_path(&descriptor(layer));
        let call = self.registry.call(Method::GET, &path, &layer.title)?;
        let send = &mut |call: &Call<'_>, watch: &mut Watch<'_>| self.registry.send(call, watch);
        stream(self.registry.http, &call, sink, watch, send)
    }

    /// Sends a file, unless the registry has it; tells whether it did. It counts once a tag leads
    /// to it.
    pub fn upload_file(
        &self,
        path: &Path,
        hashed: &Hashed,
        what: &str,
        watch: &mut Watch<'_>,
    ) -> Result<bool> {
        if hashed.size == 0 {
            return self.upload_bytes(&[], what, watch);
        }
        upload::file(&self.registry, path, hashed, what, watch)
    }

    /// The same for bytes in memory.
    pub fn upload_bytes(&self, bytes: &[u8], what: &str, watch: &mut Watch<'_>) -> Result<bool> {
        upload::bytes(&self.registry, bytes, what, watch)
    }

    /// Makes the tag lead to these files, which were sent before.
    ///
    /// # Errors
    /// [`ExchangeError::Unfit`] if there are too many.
    pub fn tag(&self, layers: &[Layer], watch: &mut Watch<'_>) -> Result<()> {
        let layers = layers.iter().map(descriptor).collect();
        let bytes = Manifest::new(self.kind, layers, BTreeMap::new()).bytes();
        if bytes.len() > LONGEST {
            let (to, reason) = (self.address.to_string(), "these are too many files".to_owned());
            return Err(ExchangeError::Unfit { to, reason });
        }
        upload::bytes(&self.registry, EMPTY, "the empty configuration", watch)?;
        self.registry.put(&bytes, Hashed::of(&bytes).sha256, watch)
    }
}

fn descriptor(layer: &Layer) -> Descriptor {
    Descriptor::titled(&layer.media_type, layer.sha256, layer.size, &layer.title)
}

//! A bundle in an OCI registry: an artifact whose layers are the zip and small documents beside it.
//!
//! | module | holds |
//! |---|---|
//! | `manifest` | what the registry is told the artifact consists of |
//! | `registry` | requests with whatever gives access |
//! | `challenge` | how a registry asks for a token |
//! | `upload` | a blob, sent from where it was cut off |
//! | [`files`] | artifacts of other kinds: files under a tag, read one by one |

mod challenge;
pub mod files;
mod manifest;
mod registry;
mod upload;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reqwest::Method;
use rescience_bundle::name;
use rescience_digest::{Hashed, Sha256};

use crate::address::{OciAddress, Version};
use crate::check::Check;
use crate::dir::{Clash, hash};
use crate::error::{ExchangeError, Result};
use crate::http::Http;
use crate::http::call::{Call, Payload};
use crate::http::download::{Wanted, download};
use crate::token::Credentials;
use crate::watch::{Event, Watch};
use manifest::{Descriptor, EMPTY, Manifest};
use registry::Registry;

pub use manifest::{ARTIFACT, BUNDLE};

/// The most bytes of a document that is kept in memory.
const LARGEST_SIDE: u64 = 4 << 20;

/// The most documents beside a bundle.
const MOST_SIDES: usize = 64;

/// A small document beside the zip, such as an attestation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its name, as that of a file.
    pub title: String,
    /// Its kind.
    pub media_type: String,
    /// What it says.
    pub bytes: Vec<u8>,
}

/// What is handed to a registry.
#[derive(Debug, Clone, Copy)]
pub struct Artifact<'a> {
    /// The bundle; its title is the name of the file.
    pub zip: &'a Path,
    /// The documents beside it.
    pub sides: &'a [Side],
    /// What the manifest says of it, by names such as `org.opencontainers.image.licenses`.
    pub annotations: &'a BTreeMap<String, String>,
}

/// What came from a registry.
#[derive(Debug)]
pub struct Fetched {
    /// The digest of the manifest.
    pub manifest: Sha256,
    /// Where the zip is.
    pub zip: PathBuf,
    /// The documents beside it.
    pub sides: Vec<Side>,
}

/// Sends an artifact and gives it its tag. Returns the digest of the manifest, which leads to these
/// bytes whatever becomes of the tag.
///
/// # Errors
/// [`ExchangeError::Exists`] if the tag leads to something else, unless it is to be replaced.
pub fn publish(
    http: &Http,
    address: &OciAddress,
    credentials: &Credentials,
    artifact: Artifact<'_>,
    clash: Clash,
    watch: &mut Watch<'_>,
) -> Result<Sha256> {
    let registry = Registry::new(http, address, credentials, "pull,push");
    let hashed = hash(artifact.zip)?;
    let title = artifact.zip.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut layers = vec![Descriptor::titled(BUNDLE, hashed.sha256, hashed.size, title)];
    for side in artifact.sides {
        let Hashed { sha256, size, .. } = Hashed::of(&side.bytes);
        layers.push(Descriptor::titled(&side.media_type, sha256, size, &side.title));
    }
    if let Err(reason) = titles(&layers) {
        return Err(ExchangeError::Unfit { to: address.to_string(), reason });
    }
    let manifest = Manifest::new(ARTIFACT, layers, artifact.annotations.clone());
    let bytes = manifest.bytes();
    let digest = Hashed::of(&bytes).sha256;
    match registry.tagged(watch)? {
        Some((found, _)) if found == digest => {
            watch(Event::Present { what: title });
            return Ok(digest);
        }
        Some(_) if clash == Clash::Refuse => {
            return Err(ExchangeError::Exists { place: format!("`{address}`") });
        }
        _ => {}
    }
    upload::file(&registry, artifact.zip, &hashed, title, watch)?;
    for side in artifact.sides {
        upload::bytes(&registry, &side.bytes, &side.title, watch)?;
    }
    upload::bytes(&registry, EMPTY, "the empty configuration", watch)?;
    registry.put(&bytes, digest, watch)?;
    Ok(digest)
}

/// Gets an artifact into a folder, each blob compared with its digest, and the zip looked at by `check`.
///
/// # Errors
/// [`ExchangeError::Refused`] if the artifact is of another kind, and those of `check`; then no file is
/// there, or the one that was.
pub fn fetch<E: From<ExchangeError>>(
    http: &Http,
    address: &OciAddress,
    credentials: &Credentials,
    folder: &Path,
    clash: Clash,
    check: &mut Check<'_, E>,
    watch: &mut Watch<'_>,
) -> Result<Fetched, E> {
    let registry = Registry::new(http, address, credentials, "pull");
    let (manifest, bundle, sides) = look(&registry, address, watch)?;
    let zip = folder.join(bundle.title());
    let call = registry.call(Method::GET, &registry.blob_path(&bundle), bundle.title())?;
    let (sha256, size) = (bundle.sha256(), Some(bundle.size));
    let wanted = Wanted { to: &zip, clash, sha256, size };
    let send = &mut |call: &Call<'_>, watch: &mut Watch<'_>| registry.send(call, watch);
    download(http, &call, wanted, check, watch, send)?;
    Ok(Fetched { manifest, zip, sides })
}

/// The digest of the manifest, the layer that is the zip, and the documents beside it.
fn look(
    registry: &Registry<'_>,
    address: &OciAddress,
    watch: &mut Watch<'_>,
) -> Result<(Sha256, Descriptor, Vec<Side>)> {
    let (digest, bytes) = registry.manifest(watch)?;
    if let Version::Digest(wanted) = address.version
        && wanted != digest
    {
        let place = address.to_string();
        let [expected, found] = [wanted, digest].map(|digest| format!("sha256:{digest}"));
        return Err(ExchangeError::Bytes { place, expected, found });
    }
    let refused = |reason: String| ExchangeError::Refused { from: address.to_string(), reason };
    let manifest = Manifest::parse(&bytes, ARTIFACT).map_err(refused)?;
    titles(&manifest.layers).map_err(refused)?;
    let (bundles, others): (Vec<_>, Vec<_>) =
        manifest.layers.iter().partition(|layer| layer.media_type == BUNDLE);
    let [bundle] = *bundles else {
        return Err(refused(format!("it has {} layers that are bundles", bundles.len())));
    };
    let mut sides = Vec::new();
    for layer in others {
        let title = layer.title().to_owned();
        if layer.size > LARGEST_SIDE {
            return Err(refused(format!("`{title}` is longer than {LARGEST_SIDE} bytes")));
        }
        let bytes = registry.blob(layer, watch)?;
        sides.push(Side { title, media_type: layer.media_type.clone(), bytes });
    }
    Ok((digest, bundle.clone(), sides))
}

/// Whether every layer has a title that may be the name of a file, and none that of another.
fn titles(layers: &[Descriptor]) -> Result<(), String> {
    if layers.len() > MOST_SIDES {
        return Err(format!("it has more than {MOST_SIDES} layers"));
    }
    let mut seen = BTreeSet::new();
    for title in layers.iter().map(Descriptor::title) {
        let shown = title.escape_debug();
        if let Some(problem) = name::problem(title) {
            return Err(format!("the title `{shown}` is no name of a file: {problem}"));
        }
        if title.contains('/') || title.starts_with('.') {
            return Err(format!("the title `{shown}` is no plain name of a file"));
        }
        if !seen.insert(title.to_lowercase()) {
            return Err(format!("the title `{shown}` is there twice"));
        }
    }
    Ok(())
}

//! The manifest: which blobs an artifact consists of, and that it is a bundle.

use std::collections::BTreeMap;

use rescience_digest::{Hashed, Sha256};
use serde::{Deserialize, Serialize};

/// The kind of the artifact.
pub const ARTIFACT: &str = "application/vnd.rescience.bundle.v1";
/// The kind of the layer that is the zip.
pub const BUNDLE: &str = "application/vnd.rescience.bundle.v1+zip";
/// The kind of the manifest itself.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What stands where an image would have its configuration.
pub(super) const EMPTY: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const TITLE: &str = "org.opencontainers.image.title";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    schema_version: u8,
    media_type: String,
    #[serde(default)]
    artifact_type: String,
    config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A blob, as a manifest names it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Descriptor {
    fn new(media_type: &str, sha256: Sha256, size: u64) -> Descriptor {
        let digest = format!("sha256:{sha256}");
        let (media_type, annotations) = (media_type.to_owned(), BTreeMap::new());
        Descriptor { media_type, digest, size, data: None, annotations }
    }

    pub(super) fn titled(media_type: &str, sha256: Sha256, size: u64, title: &str) -> Descriptor {
        let annotations = BTreeMap::from([(TITLE.to_owned(), title.to_owned())]);
        Descriptor { annotations, ..Descriptor::new(media_type, sha256, size) }
    }

    /// The name of the file that the blob is; empty if it has none.
    pub(super) fn title(&self) -> &str {
        self.annotations.get(TITLE).map_or("", String::as_str)
    }

    pub(super) fn sha256(&self) -> Option<Sha256> {
        self.digest.strip_prefix("sha256:").and_then(Sha256::from_hex)
    }
}

impl Manifest {
    pub(super) fn new(
        kind: &str,
        layers: Vec<Descriptor>,
        annotations: BTreeMap<String, String>,
    ) -> Manifest {
        let (data, empty) = (Some("e30=".to_owned()), Hashed::of(EMPTY));
        Manifest {
            schema_version: 2,
            media_type: MANIFEST.to_owned(),
            artifact_type: kind.to_owned(),
            config: Descriptor { data, ..Descriptor::new(EMPTY_TYPE, empty.sha256, empty.size) },
            layers,
            annotations,
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers can be written")
    }

    /// Reads a manifest that somebody else wrote.
    ///
    /// # Errors
    /// As a fragment, why it is not that of an artifact of this kind.
    pub(super) fn parse(bytes: &[u8], wanted: &str) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| format!("its manifest: {error}"))?;
        if manifest.artifact_type != wanted {
            let kind = match manifest.artifact_type.as_str() {
                "" => &manifest.config.media_type,
                kind => kind,
            };
            return Err(format!("it is of the kind `{}`", kind.escape_debug()));
        }
        if let Some(layer) = manifest.layers.iter().find(|layer| layer.sha256().is_none()) {
            return Err(format!("`{}` is no SHA-256", layer.digest.escape_debug()));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_the_same_bytes_every_time() {
        let layers = vec![Descriptor::titled(BUNDLE, Hashed::of(b"abc").sha256, 3, "paper.zip")];
        let annotations = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let bytes = Manifest::new(ARTIFACT, layers, annotations).bytes();
        let expected = concat!(
            r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#,
            r#""artifactType":"application/vnd.rescience.bundle.v1","#,
            r#""config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:"#,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
            r#"","size":2,"data":"e30="},"#,
            r#""layers":[{"mediaType":"application/vnd.rescience.bundle.v1+zip","digest":"sha256:"#,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            r#"","size":3,"annotations":{"org.opencontainers.image.title":"paper.zip"}}],"#,
            r#""annotations":{"a":"b"}}"#,
        );
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected);
        assert_eq!(Manifest::parse(&bytes, ARTIFACT).unwrap().layers[0].title(), "paper.zip");
    }
}

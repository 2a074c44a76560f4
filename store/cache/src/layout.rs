//! Which name belongs to what, in every kind of place.
//!
//! ```text
//! rescience-cache.json              says that this is a cache, and of which version
//! objects/ab/<62 hex>               the bytes that hash to ab…, as in the store
//! traces/<64 hex>/<64 hex>.json     a trace, by the key and by the digest of its bytes
//! traces/<64 hex>/<64 hex>.json.sig the signature over these bytes
//! ```
//!
//! In a registry every key has a manifest, whose tag is the key; these names are the titles of its
//! layers, and its kind takes the place of the first file.

use std::fmt;

use rescience_digest::{ActionKey, Digest};
use serde::{Deserialize, Serialize};

/// The file that makes a folder or a bucket a cache.
pub const MARKER: &str = "rescience-cache.json";

/// The version of this layout.
const VERSION: u32 = 1;

/// One file of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// That this is a cache.
    Marker,
    /// An object.
    Object(Digest),
    /// A trace.
    Trace(ActionKey, Digest),
    /// The signature of a trace.
    Signature(ActionKey, Digest),
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Marker => f.write_str(MARKER),
            Item::Object(digest) => {
                let hex = digest.hex();
                write!(f, "objects/{}/{}", &hex[..2], &hex[2..])
            }
            Item::Trace(key, digest) => write!(f, "{}/{}.json", traces(key), digest.hex()),
            Item::Signature(key, digest) => write!(f, "{}/{}.json.sig", traces(key), digest.hex()),
        }
    }
}

/// The folder of a key's traces.
pub(crate) fn traces(key: &ActionKey) -> String {
    format!("traces/{}", key.hex())
}

/// The trace whose file has this name, without its folder.
pub(crate) fn trace(name: &str) -> Option<Digest> {
    Digest::from_hex(name.strip_suffix(".json")?)
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: String,
    version: u32,
}

/// What the marker holds.
pub(crate) fn marker() -> Vec<u8> {
    let marker = Marker { format: "rescience-cache".to_owned(), version: VERSION };
    let mut bytes = serde_json::to_vec(&marker).expect("a text and a number can be written");
    bytes.push(b'\n');
    bytes
}

/// What is wrong with a marker, as a lower-case fragment.
pub(crate) fn marker_problem(bytes: &[u8]) -> Option<String> {
    match serde_json::from_slice(bytes) {
        Ok(Marker { format, .. }) if format != "rescience-cache" => {
            Some(format!("its `{MARKER}` is of the format `{}`", format.escape_debug()))
        }
        Ok(Marker { version, .. }) if version != VERSION => Some(format!(
            "it has version {version} of the format, and this rescience knows version {VERSION}: \
             use the rescience that your colleagues use, or name another place"
        )),
        Ok(_) => None,
        Err(error) => Some(format!("its `{MARKER}` cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_drawing() {
        let (key, digest) = (ActionKey::from_bytes([1; 32]), Digest::from_bytes([0xab; 32]));
        let (k, d) = ("01".repeat(32), "ab".repeat(32));
        assert_eq!(Item::Marker.to_string(), "rescience-cache.json");
        assert_eq!(Item::Object(digest).to_string(), format!("objects/ab/{}", &d[2..]));
        assert_eq!(Item::Trace(key, digest).to_string(), format!("traces/{k}/{d}.json"));
        assert_eq!(Item::Signature(key, digest).to_string(), format!("traces/{k}/{d}.json.sig"));
        assert_eq!(trace(&format!("{d}.json")), Some(digest));
        assert_eq!(trace(&format!("{d}.json.sig")), None);
        assert_eq!(trace("x.json"), None);
    }

    #[test]
    fn a_marker_tells_its_version() {
        assert_eq!(marker(), b"{\"format\":\"rescience-cache\",\"version\":1}\n");
        assert_eq!(marker_problem(&marker()), None);
        for (bytes, said) in [
            ("{\"format\":\"rescience-cache\",\"version\":2}", "version 2 of the format"),
            ("{\"format\":\"other\",\"version\":1}", "of the format `other`"),
            ("", "cannot be read"),
        ] {
            let problem = marker_problem(bytes.as_bytes()).unwrap();
            assert!(problem.contains(said), "{problem}");
        }
    }
}

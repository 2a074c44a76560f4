//! What a statement says of a file: its name, where it is, and what it holds.

use std::collections::BTreeMap;

use rescience_digest::Hashed;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::base64;

/// A file or something like one; at least a URI, a digest or the content says which.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceDescriptor {
    /// Its name, by which others in the statement differ from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What names it everywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<String>,
    /// What it holds.
    #[serde(skip_serializing_if = "DigestSet::is_empty")]
    pub digest: DigestSet,
    /// All that it holds, if that is little.
    #[serde(with = "content", skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<u8>>,
    /// Where it can be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub download_location: Option<String>,
    /// How it is to be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Whatever else is to be said of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "sorted")]
    pub annotations: BTreeMap<String, Value>,
}

impl ResourceDescriptor {
    /// A file by its name and what it holds.
    pub fn file(name: &str, hashed: &Hashed) -> ResourceDescriptor {
        let (name, digest) = (Some(name.to_owned()), DigestSet::of(hashed));
        ResourceDescriptor { name, digest, ..ResourceDescriptor::default() }
    }

    /// A commit of a git repository.
    pub fn git(uri: &str, commit: &str) -> ResourceDescriptor {
        let digest = DigestSet(BTreeMap::from([("gitCommit".to_owned(), commit.to_owned())]));
        ResourceDescriptor { uri: Some(uri.to_owned()), digest, ..ResourceDescriptor::default() }
    }
}

/// Digests of the same bytes in lower-case hexadecimal digits, by their algorithm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DigestSet(pub BTreeMap<String, String>);

impl DigestSet {
    /// The BLAKE3 and the SHA-256.
    pub fn of(hashed: &Hashed) -> DigestSet {
        DigestSet(BTreeMap::from([
            ("blake3".to_owned(), hashed.digest.hex()),
            ("sha256".to_owned(), hashed.sha256.to_string()),
        ]))
    }

    /// Whether it has no digest.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it has the BLAKE3 or the SHA-256 of these bytes, and neither of others.
    pub fn matches(&self, hashed: &Hashed) -> bool {
        let DigestSet(known) = DigestSet::of(hashed);
        let mut shared =
            known.iter().filter_map(|(name, digest)| Some((self.0.get(name)?, digest)));
        shared.clone().next().is_some() && shared.all(|(ours, theirs)| ours == theirs)
    }
}

/// Writes a map with every object in it sorted, whichever order its values were made in.
pub(crate) fn sorted<S: Serializer>(
    map: &BTreeMap<String, Value>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = map.clone();
    map.values_mut().for_each(Value::sort_all_objects);
    map.serialize(serializer)
}

/// Bytes as base64.
mod content {
    use super::*;

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<S: Serializer>(
        content: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        content.as_deref().map(base64::encode).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(|text| base64::decode_any(&text).ok_or(text)).transpose();
        bytes.map_err(|_| D::Error::custom("`content` is not base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_if_those_in_common_do() {
        let abc = Hashed::of(b"abc");
        let set = DigestSet::of(&abc);
        assert!(set.matches(&abc));
        assert!(!set.matches(&Hashed::of(b"abd")));
        for name in ["blake3", "sha256"] {
            let one = DigestSet(BTreeMap::from([(name.to_owned(), set.0[name].clone())]));
            assert!(one.matches(&abc), "{name}");
            let mut wrong = set.clone();
            wrong.0.insert(name.to_owned(), "00".repeat(32));
            assert!(!wrong.matches(&abc), "{name}");
        }
        let foreign = BTreeMap::from([("sha512".to_owned(), String::new())]);
        assert!(!DigestSet(foreign).matches(&abc));
        assert!(!DigestSet::default().matches(&abc));
    }

    #[test]
    fn every_field_reads_back() {
        let json = r#"{"name":"n","uri":"u","digest":{"blake3":"b","sha256":"s"},"content":"AQ==","downloadLocation":"d","mediaType":"m","annotations":{"a":{"x":1,"y":[{"b":1,"c":2}]}}}"#;
        let shuffled = json.replace(r#""x":1,"y":[{"b":1,"c":2}]"#, r#""y":[{"c":2,"b":1}],"x":1"#);
        let read: ResourceDescriptor = serde_json::from_str(&shuffled).unwrap();
        assert_eq!(read.content.as_deref(), Some(&[1][..]));
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
        let nothing: ResourceDescriptor =
            serde_json::from_str(r#"{"zz":1,"content":null}"#).unwrap();
        assert_eq!(serde_json::to_string(&nothing).unwrap(), "{}");
        assert!(serde_json::from_str::<ResourceDescriptor>(r#"{"content":"*"}"#).is_err());
    }
}

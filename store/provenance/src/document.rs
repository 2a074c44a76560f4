//! A document and its bytes, which are the same whenever and wherever they are written.

use serde_json::Value;

/// A document of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
}

/// The text of a JSON document: indented, with sorted keys.
///
/// The order of keys must not follow from how `serde_json` was compiled: any crate of the program
/// may turn its `preserve_order` on.
pub fn json(mut value: Value) -> String {
    value.sort_all_objects();
    let mut text = serde_json::to_string_pretty(&value).expect("a value has only string keys");
    text.push('\n');
    text
}

//! Names of nodes: `experiment.baseline`.

use std::fmt;
use std::str::FromStr;

use rescience_digest::{Canonical, KeyHasher};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeKind {
    /// A file or directory of the project.
    Source,
    /// A patched source.
    Diff,
    /// Runs of a program and their metrics.
    Experiment,
    /// A drawing of experiments.
    Figure,
    /// A typeset text.
    Paper,
    /// An idea; recognised, not supported yet.
    Idea,
    /// A review; recognised, not supported yet.
    Review,
}

impl NodeKind {
    /// Every kind, in the order of the pipeline.
    pub const ALL: [NodeKind; 7] = [
        NodeKind::Source,
        NodeKind::Diff,
        NodeKind::Experiment,
        NodeKind::Figure,
        NodeKind::Paper,
        NodeKind::Idea,
        NodeKind::Review,
    ];

    /// The word that stands before the dot.
    pub fn as_str(self) -> &'static str {
        match self {
            NodeKind::Source => "source",
            NodeKind::Diff => "diff",
            NodeKind::Experiment => "experiment",
            NodeKind::Figure => "figure",
            NodeKind::Paper => "paper",
            NodeKind::Idea => "idea",
            NodeKind::Review => "review",
        }
    }

    /// The word in a sentence: `an experiment`.
    pub(crate) fn with_article(self) -> String {
        let vowel = self.as_str().starts_with(['a', 'e', 'i', 'o', 'u']);
        format!("{} {self}", if vowel { "an" } else { "a" })
    }

    pub(crate) fn parse(word: &str) -> Option<NodeKind> {
        NodeKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a node: its kind, a dot, and a name of ASCII letters, digits, `-` and `_`.
///
/// Names become file names below `out/`, hence the narrow alphabet and the limit of 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName {
    /// What the node is.
    pub kind: NodeKind,
    /// The part after the dot.
    pub name: String,
}

impl NodeName {
    /// Makes a name from parts that are known to be well formed.
    pub fn new(kind: NodeKind, name: impl Into<String>) -> NodeName {
        NodeName { kind, name: name.into() }
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind, self.name)
    }
}

/// Text that is not the name of a node or an action.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseNameError {
    /// There is no dot.
    #[error("`{0}` lacks a kind: names look like `experiment.baseline`")]
    NoKind(String),
    /// The word before the dot is no kind.
    #[error("`{0}` is not a kind of node")]
    UnknownKind(String),
    /// The part after the dot cannot be a name.
    #[error("`{0}` is not a name: {1}")]
    BadName(String, &'static str),
    /// A point, an index or a suffix is malformed.
    #[error("`{0}` is not the name of an action")]
    BadAction(String),
}

impl FromStr for NodeName {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<NodeName, ParseNameError> {
        let (kind, name) =
            text.split_once('.').ok_or_else(|| ParseNameError::NoKind(text.to_owned()))?;
        let kind =
            NodeKind::parse(kind).ok_or_else(|| ParseNameError::UnknownKind(kind.to_owned()))?;
        if let Some(why) = why_not_a_name(name) {
            return Err(ParseNameError::BadName(name.to_owned(), why));
        }
        Ok(NodeName::new(kind, name))
    }
}

impl Serialize for NodeName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for NodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<NodeName, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Canonical for NodeName {
    fn encode(&self, into: &mut KeyHasher) {
        into.str(self.kind.as_str());
        into.str(&self.name);
    }
}

/// Says why `name` cannot be the name of a node, a param, an axis, a metric or an input.
pub(crate) fn why_not_a_name(name: &str) -> Option<&'static str> {
    let first = name.bytes().next();
    match first {
        None => return Some("it is empty"),
        Some(byte) if !byte.is_ascii_alphanumeric() => {
            return Some("it must begin with an ASCII letter or digit");
        }
        Some(_) => {}
    }
    if name.len() > 64 {
        return Some("it is longer than 64 bytes");
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if !name.bytes().all(fits) {
        return Some("only ASCII letters, digits, `-` and `_` may stand in it");
    }
    None
}

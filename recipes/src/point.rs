//! Points of a matrix: one value for each axis, written `operation=add,lr=0.001`.

use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::str::FromStr;

use rescience_digest::{Canonical, KeyHasher};
use serde::{Deserialize, Serialize};

use crate::name::{ParseNameError, why_not_a_name};
use crate::value::Value;

/// One combination of a matrix's axes; without a matrix the single point has no axis.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Point(BTreeMap<String, Value>);

impl Point {
    /// A point from its axes' values.
    pub fn new(values: BTreeMap<String, Value>) -> Point {
        Point(values)
    }

    /// Axis and value, by axis.
    pub fn iter(&self) -> btree_map::Iter<'_, String, Value> {
        self.0.iter()
    }

    /// The value on an axis.
    pub fn get(&self, axis: &str) -> Option<&Value> {
        self.0.get(axis)
    }

    /// Whether there is no axis.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Point {
    type Item = (&'a String, &'a Value);
    type IntoIter = btree_map::Iter<'a, String, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl Canonical for Point {
    fn encode(&self, into: &mut KeyHasher) {
        self.0.encode(into);
    }
}

/// Text stands bare where it cannot be mistaken for anything else, else in quotes.
impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (axis, value)) in self.0.iter().enumerate() {
            if nth > 0 {
                f.write_str(",")?;
            }
            write!(f, "{axis}=")?;
            match value {
                Value::String(text) if is_bare(text) => f.write_str(text)?,
                value => value.write(f)?,
            }
        }
        Ok(())
    }
}

/// A word that no number or boolean looks like.
fn is_bare(text: &str) -> bool {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./+".contains(&byte);
    first && text.bytes().all(rest) && !matches!(text, "true" | "false" | "inf" | "nan")
}

impl FromStr for Point {
    type Err = ParseNameError;

    fn from_str(text: &str) -> Result<Point, ParseNameError> {
        parse(text).ok_or_else(|| ParseNameError::BadAction(text.to_owned()))
    }
}

/// Reads values by TOML's own grammar, so that there is no second one for quotes and numbers.
fn parse(text: &str) -> Option<Point> {
    let mut values = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (axis, after) = rest.split_once('=')?;
        if why_not_a_name(axis).is_some() {
            return None;
        }
        let end = end_of_value(after)?;
        let word = &after[..end];
        let value = if is_bare(word) { Value::from(word) } else { parse_value(word)? };
        if values.insert(axis.to_owned(), value).is_some() {
            return None;
        }
        rest = match after[end..].strip_prefix(',') {
            Some("") => return None,
            Some(more) => more,
            None => &after[end..],
        };
    }
    Some(Point(values))
}

fn parse_value(text: &str) -> Option<Value> {
    let value = toml::de::DeValue::parse(text).ok()?;
    crate::read::value::plain(value.get_ref())
}

/// Where a value ends: at a comma that stands outside quotes and brackets.
fn end_of_value(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => return Some(at),
            _ => {}
        }
    }
    (depth == 0 && !quoted).then_some(text.len())
}

//! Values of params and matrix axes, compared and hashed exactly.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use rescience_digest::{Canonical, KeyHasher};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that a program is given.
///
/// `1` and `1.0` differ, since a program that reads JSON may tell them apart. Floats are compared
/// by their bits: `0.0` and `-0.0` differ too, for `1 / x` does. Floats are finite, always: JSON
/// knows no other.
#[derive(Debug, Clone)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A finite number with a fraction or an exponent.
    Float(f64),
    /// Text.
    String(String),
    /// Values in order.
    Array(Vec<Value>),
    /// Values by name.
    Table(BTreeMap<String, Value>),
}

impl Value {
    /// Whether the value is a single one, as a matrix axis and a command's argument need.
    pub fn is_scalar(&self) -> bool {
        !matches!(self, Value::Array(_) | Value::Table(_))
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Bool(_) => 0,
            Value::Int(_) => 1,
            Value::Float(_) => 2,
            Value::String(_) => 3,
            Value::Array(_) => 4,
            Value::Table(_) => 5,
        }
    }
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Array(a), Value::Array(b)) => a.cmp(b),
            (Value::Table(a), Value::Table(b)) => a.cmp(b),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

/// As in TOML, except that text which stands alone is bare: `add`, `0.001`, `["a", 1.0]`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::String(text) => f.pad(text),
            other => other.write(f),
        }
    }
}

impl Value {
    /// Writes the value so that [`crate::point`] can read it back without knowing its type.
    pub(crate) fn write(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            // The shortest text that reads back as the same float, always with a point or exponent.
            Value::Float(value) => write!(f, "{value:?}"),
            Value::String(text) => write_quoted(text, f),
            Value::Array(values) => {
                f.write_char('[')?;
                for (nth, value) in values.iter().enumerate() {
                    if nth > 0 {
                        f.write_str(", ")?;
                    }
                    value.write(f)?;
                }
                f.write_char(']')
            }
            Value::Table(values) => {
                f.write_char('{')?;
                for (nth, (name, value)) in values.iter().enumerate() {
                    f.write_str(if nth > 0 { ", " } else { " " })?;
                    write_quoted(name, f)?;
                    f.write_str(" = ")?;
                    value.write(f)?;
                }
                f.write_str(if values.is_empty() { "}" } else { " }" })
            }
        }
    }
}

fn write_quoted(text: &str, f: &mut impl fmt::Write) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{:04X}", c as u32)?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl Canonical for Value {
    fn encode(&self, into: &mut KeyHasher) {
        match self {
            Value::Bool(value) => value.encode(into),
            Value::Int(value) => value.encode(into),
            Value::Float(value) => value.encode(into),
            Value::String(text) => text.encode(into),
            Value::Array(values) => values.encode(into),
            Value::Table(values) => values.encode(into),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::String(text) => serializer.serialize_str(text),
            Value::Array(values) => values.serialize(serializer),
            Value::Table(values) => values.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a number, text, an array or a table")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("a number beyond 64 bits"))?;
        Ok(Value::Int(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some((name, value)) = map.next_entry()? {
            values.insert(name, value);
        }
        Ok(Value::Table(values))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Float(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_different_kinds_are_different_values() {
        assert_ne!(Value::Int(1), Value::Float(1.0));
        assert_ne!(Value::Float(0.0), Value::Float(-0.0));
        assert_ne!(Value::Bool(true), Value::String("true".to_owned()));
    }

    #[test]
    fn json_keeps_what_a_value_is() {
        let text = r#"{"a":[1,1.0,-0.0,1e-7,true,"x"],"b":{"c":9223372036854775807}}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
        let Value::Table(table) = &value else { panic!("{value:?}") };
        let Value::Array(array) = &table["a"] else { panic!("{value:?}") };
        assert_eq!(array[0], Value::Int(1));
        assert_eq!(array[1], Value::Float(1.0));
        assert_eq!(array[2], Value::Float(-0.0));
    }

    #[test]
    fn display_is_bare_outside_and_toml_inside() {
        assert_eq!(Value::from("add").to_string(), "add");
        assert_eq!(Value::from(1e-3).to_string(), "0.001");
        assert_eq!(Value::from(1.0).to_string(), "1.0");
        let array = Value::Array(vec![Value::from("a\"b"), Value::from(2_i64)]);
        assert_eq!(array.to_string(), r#"["a\"b", 2]"#);
    }
}

//! Metrics: where a run writes a number, and what that number means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::unit::Unit;

/// A number that a run writes, and its type.
///
/// Nothing of it enters a run's key: the run does not see it. It enters the key of the experiment
/// that collects the runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Metric {
    /// The file it is written in, relative to the run's output directory.
    pub file: String,
    /// A JSON pointer (RFC 6901) into the file, never empty.
    pub pointer: String,
    /// What it is measured in.
    pub unit: Unit,
    /// Which direction is an improvement.
    pub better: Better,
    /// How far a reproduction may be off.
    pub tolerance: Option<Tolerance>,
}

impl Metric {
    /// File and pointer as the recipe writes them: `metrics.json#/steps_to_99`.
    pub fn at(&self) -> String {
        format!("{}#{}", self.file, self.pointer)
    }
}

/// A metric as `results.json` holds it.
#[derive(Serialize, Deserialize)]
struct Written {
    unit: Unit,
    better: Better,
    at: Place,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tolerance: Option<Tolerance>,
}

impl From<Written> for Metric {
    fn from(Written { unit, better, at, tolerance }: Written) -> Metric {
        let Place { file, pointer } = at;
        Metric { file, pointer, unit, better, tolerance }
    }
}

impl From<Metric> for Written {
    fn from(Metric { file, pointer, unit, better, tolerance }: Metric) -> Written {
        Written { unit, better, at: Place { file, pointer }, tolerance }
    }
}

/// A value in a JSON file that a run writes: `metrics.json#/steps_to_99`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: String,
    pub(crate) pointer: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.file, self.pointer)
    }
}

/// Text that names no place in a JSON file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ParsePlaceError {
    #[error("there is no `#` between the file and the pointer")]
    NoPointer,
    #[error("a JSON pointer begins with `/`")]
    NoSlash,
    #[error("in a JSON pointer `~` is written `~0`, and `/` inside a key `~1`")]
    BadEscape,
    #[error("the file must be a path below the run's output directory")]
    BadFile,
}

impl FromStr for Place {
    type Err = ParsePlaceError;

    fn from_str(text: &str) -> Result<Place, ParsePlaceError> {
        let (file, pointer) = text.split_once('#').ok_or(ParsePlaceError::NoPointer)?;
        if !pointer.starts_with('/') {
            return Err(ParsePlaceError::NoSlash);
        }
        let mut chars = pointer.chars();
        while let Some(c) = chars.next() {
            if c == '~' && !matches!(chars.next(), Some('0' | '1')) {
                return Err(ParsePlaceError::BadEscape);
            }
        }
        let file = crate::path::normal(file).map_err(|_| ParsePlaceError::BadFile)?;
        Ok(Place { file, pointer: pointer.to_owned() })
    }
}

impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which direction of a metric is an improvement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
    /// Neither: a count of parameters, a seed.
    #[default]
    Neither,
}

impl Better {
    /// The word for it in recipes and results.
    pub fn as_str(self) -> &'static str {
        match self {
            Better::Lower => "lower",
            Better::Higher => "higher",
            Better::Neither => "neither",
        }
    }
}

/// How far a reproduction may be off: `{ rel = 0.05 }` or `{ abs = 0.1 }`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// A share of the value.
    Rel(f64),
    /// In the metric's unit.
    Abs(f64),
}

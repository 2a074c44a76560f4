//! Units of metrics: a small closed grammar, so that seconds are never printed as minutes.
//!
//! ```text
//! unit  = atom [ "/" atom ]
//! atom  = one of the words in the table `ATOMS`
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::nearest::nearest;

/// Every atom: how it is written, what it measures, and how many of the dimension's base it is.
const ATOMS: &[(&str, Dimension, f64)] = &[
    ("1", Dimension::Number, 1.0),
    ("%", Dimension::Number, 0.01),
    ("step", Dimension::Step, 1.0),
    ("epoch", Dimension::Epoch, 1.0),
    ("token", Dimension::Token, 1.0),
    ("sample", Dimension::Sample, 1.0),
    ("parameter", Dimension::Parameter, 1.0),
    ("run", Dimension::Run, 1.0),
    ("us", Dimension::Time, 1e-6),
    ("ms", Dimension::Time, 1e-3),
    ("s", Dimension::Time, 1.0),
    ("min", Dimension::Time, 60.0),
    ("h", Dimension::Time, 3600.0),
    ("B", Dimension::Bytes, 1.0),
    ("kB", Dimension::Bytes, 1e3),
    ("MB", Dimension::Bytes, 1e6),
    ("GB", Dimension::Bytes, 1e9),
    ("KiB", Dimension::Bytes, 1024.0),
    ("MiB", Dimension::Bytes, 1_048_576.0),
    ("GiB", Dimension::Bytes, 1_073_741_824.0),
    ("J", Dimension::Energy, 1.0),
    ("kJ", Dimension::Energy, 1e3),
    ("Wh", Dimension::Energy, 3600.0),
    ("kWh", Dimension::Energy, 3.6e6),
    ("W", Dimension::Power, 1.0),
    ("Hz", Dimension::Frequency, 1.0),
    ("nat", Dimension::Information, 1.0),
    ("bit", Dimension::Information, std::f64::consts::LN_2),
    ("FLOP", Dimension::Operation, 1.0),
    ("USD", Dimension::Money, 1.0),
];

/// What an atom measures; atoms of one dimension convert into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Dimension {
    Number,
    Step,
    Epoch,
    Token,
    Sample,
    Parameter,
    Run,
    Time,
    Bytes,
    Energy,
    Power,
    Frequency,
    Information,
    Operation,
    Money,
}

/// A unit: `step`, `s`, `token/s`. The default is `1`, a bare number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unit {
    numerator: Atom,
    denominator: Option<Atom>,
}

/// A place in `ATOMS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Atom(usize);

impl Atom {
    fn parse(word: &str) -> Option<Atom> {
        ATOMS.iter().position(|(atom, ..)| *atom == word).map(Atom)
    }

    fn word(self) -> &'static str {
        ATOMS[self.0].0
    }
}

impl Unit {
    /// A bare number.
    pub const ONE: Unit = Unit { numerator: Atom(0), denominator: None };

    /// Every atom as it is written.
    pub fn atoms() -> impl Iterator<Item = &'static str> {
        ATOMS.iter().map(|(word, ..)| *word)
    }

    /// What to multiply a number in this unit by to have it in `other`; none if they measure
    /// different things.
    pub fn factor_to(self, other: Unit) -> Option<f64> {
        let (own, own_scale) = self.dimension();
        let (others, other_scale) = other.dimension();
        (own == others).then(|| own_scale / other_scale)
    }

    fn dimension(self) -> ((Dimension, Option<Dimension>), f64) {
        let (_, above, scale) = ATOMS[self.numerator.0];
        match self.denominator {
            None => ((above, None), scale),
            Some(Atom(below)) => ((above, Some(ATOMS[below].1)), scale / ATOMS[below].2),
        }
    }
}

impl Default for Unit {
    fn default() -> Unit {
        Unit::ONE
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denominator {
            None => f.pad(self.numerator.word()),
            Some(below) => write!(f, "{}/{}", self.numerator.word(), below.word()),
        }
    }
}

/// Text that is no unit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUnitError {
    /// An atom is unknown.
    #[error("unknown unit `{word}`")]
    Unknown {
        /// The atom.
        word: String,
        /// The atom it was most likely meant to be.
        nearest: Option<&'static str>,
    },
    /// More than one `/`, or nothing beside it.
    #[error("a unit has at most one `/`, with a unit on both sides: `token/s`")]
    Shape,
    /// A unit over itself.
    #[error("`{0}/{0}` is a bare number; write `1`")]
    Cancels(&'static str),
}

impl FromStr for Unit {
    type Err = ParseUnitError;

    fn from_str(text: &str) -> Result<Unit, ParseUnitError> {
        let (above, below) = match text.split_once('/') {
            None => (text, None),
            Some((above, below)) => (above, Some(below)),
        };
        if above.is_empty() || below.is_some_and(|below| below.is_empty() || below.contains('/')) {
            return Err(ParseUnitError::Shape);
        }
        let numerator = atom(above)?;
        let denominator = below.map(atom).transpose()?;
        if denominator == Some(numerator) {
            return Err(ParseUnitError::Cancels(numerator.word()));
        }
        if denominator == Some(Atom(0)) {
            return Err(ParseUnitError::Shape);
        }
        Ok(Unit { numerator, denominator })
    }
}

fn atom(word: &str) -> Result<Atom, ParseUnitError> {
    Atom::parse(word).ok_or_else(|| ParseUnitError::Unknown {
        word: word.to_owned(),
        nearest: synonym(word).or_else(|| nearest(word, Unit::atoms())),
    })
}

/// Words people write for an atom, which no edit distance would find.
fn synonym(word: &str) -> Option<&'static str> {
    Some(match word.to_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "mins" | "minute" | "minutes" => "min",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "millisecond" | "milliseconds" => "ms",
        "microsecond" | "microseconds" | "µs" => "us",
        "percent" => "%",
        "" | "none" | "number" | "count" => "1",
        "byte" | "bytes" => "B",
        "joule" | "joules" => "J",
        "watt" | "watts" => "W",
        "hertz" => "Hz",
        "dollar" | "dollars" | "$" => "USD",
        "params" | "param" | "parameters" => "parameter",
        "iteration" | "iterations" | "iter" => "step",
        "example" | "examples" => "sample",
        _ => return None,
    })
}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Unit, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> Unit {
        text.parse().unwrap()
    }

    #[test]
    fn every_atom_and_quotient_reads_back() {
        for above in Unit::atoms() {
            assert_eq!(unit(above).to_string(), above);
            for below in Unit::atoms().filter(|below| *below != above && *below != "1") {
                let text = format!("{above}/{below}");
                assert_eq!(unit(&text).to_string(), text);
            }
        }
    }

    #[test]
    fn only_like_converts_into_like() {
        assert_eq!(unit("min").factor_to(unit("s")), Some(60.0));
        assert_eq!(unit("token/ms").factor_to(unit("token/s")), Some(1000.0));
        assert_eq!(unit("s").factor_to(unit("step")), None);
        assert_eq!(unit("token").factor_to(unit("token/s")), None);
    }

    #[test]
    fn mistakes_name_what_was_meant() {
        let nearest = |text: &str| match text.parse::<Unit>() {
            Err(ParseUnitError::Unknown { nearest, .. }) => nearest,
            other => panic!("{other:?}"),
        };
        assert_eq!(nearest("steps"), Some("step"));
        assert_eq!(nearest("seconds"), Some("s"));
        assert_eq!(nearest("token/sec"), Some("s"));
        assert_eq!(nearest("furlong"), None);
        assert_eq!("a/b/c".parse::<Unit>(), Err(ParseUnitError::Shape));
        assert_eq!("s/s".parse::<Unit>(), Err(ParseUnitError::Cancels("s")));
    }
}

//! Conversion between units: what one printed number may become, and what it may not.

/// Every atom of the recipe's units, what it measures, and how many of the dimension's base it is.
const ATOMS: &[(&str, &str, f64)] = &[
    ("1", "number", 1.0),
    ("%", "number", 0.01),
    ("step", "step", 1.0),
    ("epoch", "epoch", 1.0),
    ("token", "token", 1.0),
    ("sample", "sample", 1.0),
    ("parameter", "parameter", 1.0),
    ("run", "run", 1.0),
    ("us", "time", 1e-6),
    ("ms", "time", 1e-3),
    ("s", "time", 1.0),
    ("min", "time", 60.0),
    ("h", "time", 3600.0),
    ("B", "bytes", 1.0),
    ("kB", "bytes", 1e3),
    ("MB", "bytes", 1e6),
    ("GB", "bytes", 1e9),
    ("KiB", "bytes", 1024.0),
    ("MiB", "bytes", 1_048_576.0),
    ("GiB", "bytes", 1_073_741_824.0),
    ("J", "energy", 1.0),
    ("kJ", "energy", 1e3),
    ("Wh", "energy", 3600.0),
    ("kWh", "energy", 3.6e6),
    ("W", "power", 1.0),
    ("Hz", "frequency", 1.0),
    ("nat", "information", 1.0),
    ("bit", "information", std::f64::consts::LN_2),
    ("FLOP", "operation", 1.0),
    ("USD", "money", 1.0),
];

/// What a unit measures and, as a quotient, how many of the base it is.
struct Measure {
    dimension: (&'static str, Option<&'static str>),
    scale: (f64, f64),
}

/// What to multiply and then to divide a number by to have it in another unit; none if the two
/// measure different things. Two steps keep 120 s two minutes exactly.
pub(crate) fn conversion(from: &str, to: &str) -> Option<(f64, f64)> {
    let (from, to) = (measure(from)?, measure(to)?);
    let factors = (from.scale.0 * to.scale.1, from.scale.1 * to.scale.0);
    (from.dimension == to.dimension).then_some(factors)
}

/// The units that a number in this unit converts into, the unit itself left out.
pub(crate) fn relatives(unit: &str) -> Vec<String> {
    let (above, below) = unit.split_once('/').map_or((unit, None), |(a, b)| (a, Some(b)));
    let Some((_, dimension, _)) = atom(above) else { return Vec::new() };
    let alike = ATOMS.iter().filter(|(word, found, _)| found == dimension && *word != above);
    alike
        .map(|(word, ..)| {
            below.map_or_else(|| (*word).to_owned(), |below| format!("{word}/{below}"))
        })
        .collect()
}

/// Whether fewer of it is sooner (time, steps) or more of it is faster (anything per time).
pub(crate) fn sooner(unit: &str) -> Option<super::wording::Direction> {
    let (above, below) = measure(unit)?.dimension;
    match (above, below) {
        ("time" | "step" | "epoch" | "token" | "sample", None) => {
            Some(super::wording::Direction::Lower)
        }
        (_, Some("time")) | ("frequency", None) => Some(super::wording::Direction::Higher),
        ("time", Some(_)) => Some(super::wording::Direction::Lower),
        _ => None,
    }
}

fn measure(unit: &str) -> Option<Measure> {
    let unit = if unit.is_empty() { "1" } else { unit };
    let (above, below) = unit.split_once('/').map_or((unit, None), |(a, b)| (a, Some(b)));
    let (_, above, up) = atom(above)?;
    let (below, down) = match below {
        None => (None, 1.0),
        Some(below) => atom(below).map(|(_, below, scale)| (Some(*below), *scale))?,
    };
    Some(Measure { dimension: (above, below), scale: (*up, down) })
}

fn atom(word: &str) -> Option<&'static (&'static str, &'static str, f64)> {
    ATOMS.iter().find(|(atom, ..)| *atom == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(value: f64, from: &str, to: &str) -> Option<f64> {
        conversion(from, to).map(|(up, down)| value * up / down)
    }

    #[test]
    fn only_like_converts_into_like() {
        assert_eq!(converted(120.0, "s", "min"), Some(2.0));
        assert_eq!(converted(1.5, "h", "min"), Some(90.0));
        assert_eq!(converted(3.0, "token/ms", "token/s"), Some(3000.0));
        assert_eq!(converted(0.5, "", "%"), Some(50.0));
        assert_eq!(converted(1.0, "s", "step"), None);
        assert_eq!(converted(1.0, "token", "token/s"), None);
        assert_eq!(converted(1.0, "s", "fortnight"), None);
    }

    #[test]
    fn relatives_are_what_converts() {
        assert_eq!(relatives("s"), ["us", "ms", "min", "h"]);
        assert_eq!(relatives("step"), [""; 0]);
        for other in relatives("B/s") {
            assert!(conversion("B/s", &other).is_some(), "{other}");
        }
    }
}

//! Units and factors that an author could put behind a number, and the signs of money.

/// Those that would change a parameter or a count; what these count, a text may name.
const SCALES: [&str; 21] = [
    "%",
    "％",
    "‰",
    "‱",
    "percent",
    "percentage",
    "pct",
    "pp",
    "ppm",
    "bps",
    "dB",
    "times",
    "x",
    "×",
    "k",
    "K",
    "M",
    "B",
    "G",
    "bn",
    "mn",
];

/// Words and symbols of units.
const UNITS: [&str; 44] = [
    "weeks",
    "week",
    "months",
    "month",
    "years",
    "year",
    "tokens",
    "token",
    "samples",
    "examples",
    "s",
    "min",
    "mins",
    "h",
    "hrs",
    "sec",
    "secs",
    "seconds",
    "second",
    "minutes",
    "minute",
    "hours",
    "hour",
    "days",
    "day",
    "steps",
    "step",
    "epochs",
    "epoch",
    "updates",
    "iterations",
    "nats",
    "nat",
    "bits",
    "bit",
    "bytes",
    "dollars",
    "euros",
    "cents",
    "USD",
    "EUR",
    "GBP",
    "°C",
    "°",
];

/// Symbols that take a prefix.
const SYMBOLS: [&str; 13] =
    ["s", "W", "J", "Hz", "B", "b", "bit", "Wh", "eV", "g", "m", "FLOPS", "FLOP"];
const PREFIXES: [&str; 9] = ["n", "µ", "μ", "m", "k", "M", "G", "T", "P"];
const BINARY: [&str; 4] = ["Ki", "Mi", "Gi", "Ti"];

/// Words that take a prefix and are units of nature.
const MEASURES: [&str; 14] = [
    "second",
    "gram",
    "meter",
    "metre",
    "watt",
    "joule",
    "hertz",
    "byte",
    "bit",
    "volt",
    "hour",
    "watt-hour",
    "flop",
    "electronvolt",
];
/// Words that take a prefix and are counted.
const COUNTED: [&str; 9] =
    ["step", "token", "sample", "example", "epoch", "update", "iteration", "parameter", "run"];
const WORD_PREFIXES: [&str; 10] =
    ["nano", "micro", "milli", "centi", "kilo", "mega", "giga", "tera", "peta", "exa"];

/// Whether a word would give a number a unit; `counted` if the number is of something that the
/// text may name.
pub(super) fn is_unit(word: &str, counted: bool) -> bool {
    SCALES.contains(&word)
        || prefixed(word, &COUNTED)
        || !counted && (UNITS.contains(&word) || is_symbol(word) || prefixed(word, &MEASURES))
}

/// Whether a word is a thing that experiments count: "steps", "tokens".
pub(super) fn is_counted(word: &str) -> bool {
    let word = word.to_lowercase();
    let one = word.strip_suffix('s').unwrap_or(&word);
    COUNTED.contains(&one)
        || matches!(
            one,
            "seed"
                | "second"
                | "minute"
                | "hour"
                | "day"
                | "layer"
                | "head"
                | "neuron"
                | "weight"
                | "gpu"
                | "device"
                | "model"
                | "task"
                | "experiment"
                | "point"
                | "trial"
        )
}

/// Whether a sign is one of money.
pub(super) fn is_currency(char: char) -> bool {
    matches!(char, '$' | '¢'..='¥' | '\u{20a0}'..='\u{20cf}')
}

/// Whether a word before a number makes money of it.
pub(super) fn is_money(word: &str) -> bool {
    matches!(word, "USD" | "EUR" | "GBP" | "US$" | "CHF" | "JPY" | "CNY")
}

fn is_symbol(word: &str) -> bool {
    let rest = |prefixes: &[&str], bases: &[&str]| {
        prefixes
            .iter()
            .any(|prefix| word.strip_prefix(prefix).is_some_and(|base| bases.contains(&base)))
    };
    SYMBOLS[1..].contains(&word)
        || rest(&PREFIXES, &SYMBOLS)
        || rest(&BINARY, &["B"])
        || word.strip_suffix("/s").is_some_and(|base| !base.is_empty() && is_symbol(base))
}

fn prefixed(word: &str, bases: &[&str]) -> bool {
    let word = word.to_lowercase();
    WORD_PREFIXES.iter().any(|prefix| {
        word.strip_prefix(prefix).is_some_and(|base| {
            bases.contains(&base)
                || base.strip_suffix('s').is_some_and(|base| bases.contains(&base))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_have_prefixes_and_words_have_not() {
        for unit in ["ms", "kWh", "GiB", "gigajoules", "kilosteps", "pct", "dB", "MB/s", "pp"] {
            assert!(is_unit(unit, false), "{unit}");
        }
        for word in ["as", "at", "us", "is", "am", "has", "in", "Then", "milliner", "gross"] {
            assert!(!is_unit(word, false), "{word}");
        }
        assert!(is_unit("kilosteps", true));
        assert!(!is_unit("seconds", true));
        assert!(is_currency('€') && is_currency('$') && !is_currency('§'));
    }
}

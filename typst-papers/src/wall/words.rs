//! Numbers in words: "three", "twenty-one", "twice", "tenfold", "half", "XII runs".

use unicode_normalization::UnicodeNormalization as _;

/// Words that state a number wherever they stand. Not here: "one", which is a pronoun as well, and
/// the ordinals, which number parts of a text.
const NUMBERS: [&str; 33] = [
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "dozen",
    "zero",
];

/// Words that state a multiple or a share.
const MULTIPLES: [&str; 30] = [
    "septuple",
    "septupled",
    "octuple",
    "octupled",
    "quintuple",
    "quintupled",
    "sextuple",
    "sextupled",
    "twice",
    "thrice",
    "half",
    "halves",
    "halved",
    "halving",
    "double",
    "doubles",
    "doubled",
    "doubling",
    "triple",
    "triples",
    "tripled",
    "tripling",
    "quadruple",
    "quadrupled",
    "thirds",
    "quarters",
    "fifths",
    "tenths",
    "twofold",
    "percent",
];

/// What "one" and "a" must stand before to state a share: "a third of", "a quarter fewer".
const SHARES: [&str; 11] = [
    "third",
    "quarter",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "twentieth",
    "hundredth",
    "thousandth",
];

/// What stands behind a share.
const SHARED: [&str; 10] =
    ["of", "fewer", "less", "more", "smaller", "larger", "faster", "slower", "lower", "higher"];

/// What "one" is a count of; before other words it is a pronoun more often.
const SINGLE: [&str; 7] = ["epoch", "second", "minute", "hour", "day", "week", "percent"];

/// The same numbers in other languages, for texts that say which they are in.
const ELSEWHERE: [(&str, &[&str]); 3] = [
    (
        "de",
        &[
            "zwei",
            "drei",
            "vier",
            "fünf",
            "sechs",
            "sieben",
            "acht",
            "neun",
            "zehn",
            "elf",
            "zwölf",
            "zwanzig",
            "dreißig",
            "vierzig",
            "fünfzig",
            "sechzig",
            "siebzig",
            "achtzig",
            "neunzig",
            "hundert",
            "tausend",
            "million",
            "millionen",
            "doppelt",
            "dreifach",
            "zweimal",
            "dreimal",
            "halb",
            "halbe",
            "hälfte",
            "drittel",
            "viertel",
            "dutzend",
            "prozent",
        ],
    ),
    (
        "fr",
        &[
            "deux",
            "trois",
            "quatre",
            "cinq",
            "six",
            "sept",
            "huit",
            "neuf",
            "dix",
            "onze",
            "douze",
            "vingt",
            "trente",
            "quarante",
            "cinquante",
            "soixante",
            "cent",
            "mille",
            "million",
            "millions",
            "double",
            "triple",
            "moitié",
            "tiers",
            "douzaine",
            "pour cent",
        ],
    ),
    (
        "es",
        &[
            "dos",
            "tres",
            "cuatro",
            "cinco",
            "seis",
            "siete",
            "ocho",
            "nueve",
            "diez",
            "once",
            "doce",
            "veinte",
            "treinta",
            "cuarenta",
            "cincuenta",
            "sesenta",
            "setenta",
            "ochenta",
            "noventa",
            "cien",
            "mil",
            "millón",
            "millones",
            "doble",
            "triple",
            "mitad",
            "tercio",
            "docena",
        ],
    ),
];

/// Compounds of the field in which the number is part of a name.
const NAMES: [&str; 14] = [
    "zero-shot",
    "zero-mean",
    "zero-sum",
    "zero-knowledge",
    "zero-padding",
    "non-zero",
    "two-sided",
    "two-tailed",
    "half-open",
    "half-space",
    "half-plane",
    "half-line",
    "half-width",
    "half-life",
];

/// Nouns that a count stands before.
const COUNTED: [&str; 30] = [
    "runs",
    "run",
    "seeds",
    "seed",
    "epochs",
    "steps",
    "updates",
    "iterations",
    "layers",
    "blocks",
    "heads",
    "experiments",
    "layer",
    "datasets",
    "tasks",
    "trials",
    "times",
    "samples",
    "examples",
    "points",
    "parameters",
    "gpus",
    "cores",
    "hours",
    "minutes",
    "seconds",
    "days",
    "percent",
    "participants",
    "baselines",
];

/// Whether a word states a number. `before` and `after` are its neighbours, all in lower case and
/// without punctuation around them; `word` as it is written.
pub(crate) fn states_number(word: &str, lang: &str, before: &str, after: &str) -> bool {
    // Letters of mathematics and wide letters are read as what they look like.
    let word: &str = &word.nfkc().collect::<String>();
    let lower = word.to_lowercase();
    if let Some((_, words)) = ELSEWHERE.iter().find(|(code, _)| *code == lang) {
        // "siebenundneunzig" is one word, "quatre-vingt-dix-sept" one of several.
        return lower.split('-').all(|part| words.contains(&part))
            || (lang == "de"
                && lower.rsplit_once("und").is_some_and(|(_, tens)| words.contains(&tens)));
    }
    if NAMES.contains(&lower.as_str()) {
        return false;
    }
    let mut parts = lower.split(['-', '\u{2010}', '\u{2011}', '–']);
    parts.any(is_number)
        || (SHARES.contains(&lower.as_str())
            && matches!(before, "a" | "an" | "one")
            && SHARED.contains(&after))
        || lower.strip_prefix("one-").is_some_and(|share| SHARES.contains(&share))
        || (lower == "one" && SINGLE.contains(&after))
        || (lower == "cent" && before == "per")
        || (lower == "couple" && before == "a" && after == "of")
        || (lower == "magnitude" && before == "of")
        || ((is_roman(word) || word.len() > 1 && is_roman(&word.to_uppercase()))
            && COUNTED.contains(&after))
}

/// Whether a word mixes Latin letters with ones of other scripts that look the same.
pub(super) fn is_mixed(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_alphabetic())
        && word.chars().any(|c| matches!(c, '\u{400}'..='\u{4ff}') || "οΟΤΑΒΕΖΗΙΚΜΝΡΧı".contains(c))
}

fn is_number(part: &str) -> bool {
    // "hundreds", "two's"
    let stem = part.strip_suffix("'s").or_else(|| part.strip_suffix("’s")).unwrap_or(part);
    let stem = stem.strip_suffix('s').filter(|stem| is_plural(stem)).unwrap_or(stem);
    NUMBERS.contains(&stem)
        || is_decade(part)
        || MULTIPLES.contains(&stem)
        || stem.strip_suffix("fold").is_some_and(|n| NUMBERS.contains(&n))
        || (stem == "fold" && part != stem)
}

/// Whether a word is a range of ten numbers: "the high nineties", "mid-eighties".
fn is_decade(part: &str) -> bool {
    part.strip_suffix("ies")
        .is_some_and(|ten| ten.ends_with('t') && NUMBERS.contains(&format!("{ten}y").as_str()))
}

fn is_plural(stem: &str) -> bool {
    ["hundred", "thousand", "million", "billion", "trillion", "dozen", "ten"].contains(&stem)
}

/// Whether a word is a numeral of the Roman letters for small numbers; never the pronoun.
fn is_roman(word: &str) -> bool {
    if word.is_empty() || word == "I" {
        return false;
    }
    let mut rest = word;
    for (digit, most) in [("X", 3), ("IX", 1), ("V", 1), ("IV", 1), ("I", 3)] {
        for _ in 0..most {
            rest = rest.strip_prefix(digit).unwrap_or(rest);
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sentence: &str) -> Vec<&str> {
        let words: Vec<&str> = sentence.split(' ').collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_lowercase()).collect();
        let at = |i: Option<usize>| i.and_then(|i| lower.get(i)).map_or("", String::as_str);
        (0..words.len())
            .filter(|&i| states_number(words[i], "en", at(i.checked_sub(1)), at(Some(i + 1))))
            .map(|i| words[i])
            .collect()
    }

    #[test]
    fn numbers_in_words_are_found() {
        for (sentence, numbers) in [
            ("Three seeds and twenty-one runs", vec!["Three", "twenty-one"]),
            ("twice as fast and a three-fold gain", vec!["twice", "three-fold"]),
            ("a tenfold speed-up in half the time", vec!["tenfold", "half"]),
            ("a third of the runs and a third experiment", vec!["third"]),
            ("an order of magnitude", vec!["magnitude"]),
            ("XII runs of IV seeds", vec!["XII", "IV"]),
            ("hundreds of updates", vec!["hundreds"]),
            ("doubled it", vec!["doubled"]),
            ("the high nineties or the mid-eighties", vec!["nineties", "mid-eighties"]),
        ] {
            assert_eq!(found(sentence), numbers, "{sentence}");
        }
    }

    #[test]
    fn words_that_only_look_like_numbers_are_not() {
        for sentence in [
            "I run one of the models at once",
            "the second experiment and the first",
            "a third experiment of the same kind",
            "zero-shot transfer with a two-sided test",
            "The CD and MIX models of Part II",
            "often tense weights",
            "the parties and cities of these properties",
        ] {
            assert_eq!(found(sentence), [""; 0], "{sentence}");
        }
    }
}

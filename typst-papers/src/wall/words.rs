//! Numbers in words: "three", "twenty-one", "twice", "tenfold", "half", "XII runs".

use super::languages;
use super::tokens::{Token, Tokens};

/// Words that state a number wherever they stand. Not here: "one", which is a pronoun as well, and
/// the ordinals, which number parts of a text.
const NUMBERS: &str = "two three four five six seven eight nine ten eleven twelve thirteen \
    fourteen fifteen sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy \
    eighty ninety hundred thousand million billion trillion dozen zero";

/// Those that have a plural of their own: "hundreds of updates".
const PLURALS: &str = "hundreds thousands millions billions trillions dozens tens";

/// Words that state a multiple, a share, or a time.
const MULTIPLES: &str = "twice thrice half halve halves halved halving percent overnight \
    manyfold severalfold multifold teens threescore fortnight fortnights decuple";

/// The beginnings of verbs that multiply: "doubled", "quadruples".
const MULTIPLIES: [&str; 9] =
    ["doubl", "tripl", "trebl", "quadrupl", "quintupl", "sextupl", "septupl", "octupl", "decupl"];

/// What states a share behind "one" and "a": "a third of", "a quarter fewer".
const SHARES: &str = "third quarter fifth sixth seventh eighth ninth tenth twentieth hundredth \
    thousandth";

/// What stands behind a share.
const SHARED: &str = "of fewer less more smaller larger faster slower lower higher shorter longer \
    the as its their our that";

/// What stands behind a share that something falls to or by, if anything does.
const WENT_ON: &str = "in on at for when with and over under from after before while on or";

const ORDINALS: &str = "second third fourth fifth sixth seventh eighth ninth tenth";

/// What "one" is a count of; before other words it is a pronoun more often.
const SINGLE: &str = "epoch second minute hour day week month year percent accelerator gpu seed \
    dataset machine device node card core";

const PERIODS: &str = "minute hour day week month year";

/// What stands before "a week" where it states how long something took.
const TOOK: &str = "took take takes taking for within in under over than about nearly almost \
    roughly after lasted lasts last needs need needed costs cost only just approximately";

const GROUPS: &str = "duo trio quartet quintet sextet octet gross brace";

const PAIRED: &str = "runs seeds experiments gpus machines accelerators datasets hours days";

/// Nouns of which a small part is told with "a fraction of the".
const SPENT: &str = "cost costs time compute price steps updates memory budget parameters energy \
    data epochs power";

/// What makes a number part of a name, before it or behind it, with a hyphen or without one.
const NAMES: [(&str, &str); 3] = [
    (
        "zero",
        "shot mean sum knowledge padding padded initialised initialized initialisation \
         initialization init vector vectors matrix matrices function gradient crossing crossings \
         centred centered inflated order day point otherwise",
    ),
    ("two", "sided tailed"),
    (
        "double",
        "descent blind well integral integrals sum sums bond bonds check checked checks \
         dissociation buffering quote quotes negation counting exponential column dipping slit \
         pendulum",
    ),
];

/// The same, with a hyphen only.
const COMPOUNDS: [(&str, &str); 2] =
    [("two", "sample"), ("half", "open closed space plane line width life normal")];

/// Nouns that a count stands before.
const COUNTED: &str = "runs run seeds seed epoch epochs step steps updates iterations layers layer \
    blocks heads experiments datasets tasks trials times samples examples points point parameters \
    gpus gpu cores hours minutes seconds days weeks months years percent percentage participants \
    baselines accelerators nodes machines devices orders fold folds";

/// Whether the token states a number, in the language that the text says it is in or in English.
pub(super) fn states_number(tokens: &Tokens, at: usize, lang: &str) -> bool {
    let word = tokens.near(at, 0);
    languages::states_number(tokens, at, lang)
        || !languages::means_else(word, lang)
            && !is_name(tokens, at)
            && (is_number(word) || is_in_phrase(tokens, at) || is_numeral(tokens, at))
}

/// Whether a word is one of a list that has spaces between its words.
pub(super) fn among(list: &str, word: &str) -> bool {
    !word.is_empty() && list.split(' ').any(|one| one == word)
}

/// Whether a word mixes Latin letters with ones of other scripts that look the same.
pub(super) fn is_mixed(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_alphabetic())
        && word.chars().any(|c| matches!(c, '\u{400}'..='\u{4ff}') || "οΟΤΑΒΕΖΗΙΚΜΝΡΧı".contains(c))
}

/// Whether a number is part of a name, or of what is known already: "the two variants".
fn is_name(tokens: &Tokens, at: usize) -> bool {
    let near = |by| tokens.near(at, by);
    let joined = tokens.all[at].joined;
    let word = near(0);
    NAMES.iter().any(|(number, names)| *number == word && among(names, near(1)))
        || joined && COMPOUNDS.iter().any(|(n, names)| *n == word && among(names, near(1)))
        || word == "halving" && near(-1) == "successive"
        || word == "zero"
            && (among("non mean", near(-1))
                || near(-1) == "to"
                    && among(
                        "initialised initialized initialise initialize set padded fixed",
                        near(-2),
                    ))
        || word == "two"
            && !joined
            && among("the these those no any", near(-1))
            && ![near(1), near(2)].iter().any(|noun| among(COUNTED, noun) || among(NUMBERS, noun))
}

fn is_number(word: &str) -> bool {
    // "thirtyish", "tenfold", "twentyfive"
    let stem = ["ish", "something", "fold", "odd"].iter().find_map(|end| word.strip_suffix(end));
    among(NUMBERS, word)
        || among(PLURALS, word)
        || among(MULTIPLES, word)
        || stem.is_some_and(|stem| among(NUMBERS, stem))
        || word.strip_suffix('s').is_some_and(|share| among(SHARES, share))
        || MULTIPLIES
            .iter()
            .any(|verb| word.strip_prefix(verb).is_some_and(|end| among("e ed es ing", end)))
        || is_decade(word)
        || is_large_ordinal(word)
        || word
            .find("ty")
            .is_some_and(|i| among(NUMBERS, &word[..i + 2]) && among(NUMBERS, &word[i + 2..]))
}

/// Whether a word is a range of ten numbers: "the high nineties", "mid-eighties".
fn is_decade(word: &str) -> bool {
    word.strip_suffix("ies")
        .is_some_and(|ten| ten.ends_with('t') && among(NUMBERS, &format!("{ten}y")))
}

/// Whether a word is an ordinal too large to number parts of a text: "the fortieth seed".
fn is_large_ordinal(word: &str) -> bool {
    word == "twelfth"
        || word.strip_suffix("ieth").is_some_and(|ten| among(NUMBERS, &format!("{ten}y")))
        || word.strip_suffix("th").is_some_and(|n| {
            among(NUMBERS, n)
                && (n.ends_with("teen") || among("eleven hundred thousand million billion", n))
        })
}

/// Whether words around it make a number of a word that is none by itself.
fn is_in_phrase(tokens: &Tokens, at: usize) -> bool {
    let near = |by| tokens.near(at, by);
    let (before, after) = (near(-1), near(1));
    let a = matches!(before, "a" | "an");
    match near(0) {
        "one" => {
            let each = near(2) == "at" && near(3) == "a" && near(4) == "time";
            among(SINGLE, after) && !among("no any", before) && !each
        }
        "cent" | "mille" => before == "per",
        "couple" => before == "a" && after == "of",
        "magnitude" => before == "of" && among("order orders", near(-2)),
        "fold" => among("several many", before),
        "decile" | "percentile" | "quartile" => among("top bottom", before),
        "fraction" => after == "of" && among("the its their", near(2)) && among(SPENT, near(3)),
        "score" => before == "a" && after == "of" && among(COUNTED, near(2)),
        "pair" => after == "of" && among(PAIRED, near(2)),
        "quarter" if a => true,
        word if among(SHARES, word) && before == "one" => true,
        word if among(SHARES, word) && a => {
            among(SHARED, after)
                || among("to by", near(-2)) && (after.is_empty() || among(WENT_ON, after))
        }
        word if among(ORDINALS, word) => before == "every",
        word if among(PERIODS, word) => a && among(TOOK, near(-2)),
        word => among(GROUPS, word) && after == "of",
    }
}

/// Whether a word is a Roman number of something that is counted.
fn is_numeral(tokens: &Tokens, at: usize) -> bool {
    let Token { text, .. } = &tokens.all[at];
    (is_roman(text) || text.len() > 1 && is_roman(&text.to_uppercase()))
        && among(COUNTED, tokens.near(at, 1))
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

    fn found(sentence: &str, lang: &str) -> String {
        let tokens = Tokens::of(sentence.split(' '));
        let numbers = (0..tokens.all.len()).filter(|&i| states_number(&tokens, i, lang));
        numbers.map(|i| tokens.all[i].text.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn numbers_in_words_are_found() {
        for (sentence, numbers) in [
            ("Three seeds and twenty-one runs", "Three twenty"),
            ("twice as fast and a three-fold gain", "twice three"),
            ("a tenfold speed-up in half the time", "tenfold half"),
            ("a third of the runs and a third experiment", "third"),
            ("an order of magnitude, an order-of-magnitude gain", "magnitude magnitude"),
            ("XII runs of IV seeds", "XII IV"),
            ("hundreds of updates", "hundreds"),
            (
                "doubled it, quadruples it, trebling it, halve it",
                "doubled quadruples trebling halve",
            ),
            ("the high nineties or the mid-eighties", "nineties eighties"),
            (
                "seeds—thirty—of thirty+ three/four thirty...forty",
                "thirty thirty three four thirty forty",
            ),
            (
                "thirty(ish) half—at best, twofold— thirty:forty twentyfive",
                "thirty half twofold thirty forty twentyfive",
            ),
            (
                "it fell to a third. A quarter the updates and a third as many",
                "third quarter third",
            ),
            (
                "several-fold and manyfold, every fifth run, the fortieth and thousandth",
                "fold manyfold fifth fortieth thousandth",
            ),
            (
                "low teens, the top decile, a trio of runs, a score of runs",
                "teens decile trio score",
            ),
            (
                "a fraction of the cost, took an hour, for a week, overnight, one month",
                "fraction hour week overnight one",
            ),
            ("one accelerator and one-third of it, a pair of seeds", "one third pair"),
            ("the two seeds, the two larger datasets and the two-fold gain", "two two two"),
        ] {
            assert_eq!(found(sentence, "en"), numbers, "{sentence}");
        }
    }

    #[test]
    fn english_numbers_are_found_in_texts_of_another_language() {
        assert_eq!(found("We ran thirteen seeds", "de"), "thirteen");
        assert_eq!(found("un four, a half", "fr"), "half");
        assert_eq!(found("Er half und eilte", "de"), "");
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
            "the two variants, no two of them; the two-sample test",
            "double descent, a double-blind test and doubly stochastic matrices",
            "a zero-initialised layer, its bias initialised to zero, the zero vector",
            "successive halving, a score of the model, a pair of samples, an update of magnitude g",
            "no one seed, a fraction of the plane, steps for a third experiment",
        ] {
            assert_eq!(found(sentence, "en"), "", "{sentence}");
        }
    }
}

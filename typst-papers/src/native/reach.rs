//! Whether the words of a claim reach further than what was compared.

use super::units;
use super::wording::{Claimed, is_speed, parts, place};

/// Words that speak of every point of the matrix.
const EVERY: &[&str] = &[
    "all",
    "every",
    "each",
    "always",
    "everywhere",
    "throughout",
    "any",
    "both",
    "regardless",
    "whichever",
];
/// Words that speak of everything there is to compare with.
const MOST: &[&str] = &[
    "best",
    "fastest",
    "fewest",
    "lowest",
    "highest",
    "smallest",
    "largest",
    "greatest",
    "quickest",
    "strongest",
    "worst",
    "slowest",
    "superior",
    "unrivalled",
    "unmatched",
    "optimal",
];
/// Words that speak of all experiments.
const ALL: &[&str] = &["all", "any", "every", "each", "overall", "unrivalled", "unmatched"];
/// Words that leave it open where something holds.
const SOME: &[&str] =
    &["some", "one", "sometimes", "certain", "somewhere", "partly", "cases", "least"];
/// Words that say that a difference is large.
const MUCH: &[&str] = &[
    "vastly",
    "dramatically",
    "enormously",
    "enormous",
    "hugely",
    "huge",
    "massively",
    "massive",
    "drastically",
    "substantially",
    "considerably",
    "overwhelmingly",
    "tremendously",
];
/// What comparatives are often said of.
const QUANTITIES: &[&str] = &[
    "memory",
    "parameter",
    "energy",
    "time",
    "compute",
    "data",
    "latency",
    "cost",
    "token",
    "step",
    "update",
    "epoch",
    "accuracy",
    "loss",
    "error",
    "perplexity",
    "throughput",
];
/// Comparatives that stand before what they are said of.
const BEFORE: &[&str] = &["less", "fewer", "more", "lower", "higher", "smaller", "larger"];

/// Comparisons with work that no experiment of a project stands for.
const ELSEWHERE: &[&[&str]] = &[
    &["state", "of", "the", "art"],
    &["sota"],
    &["best", "known"],
    &["unprecedented"],
    &["prior", "work"],
    &["previous", "work"],
    &["any", "other"],
];

/// What the words claim beyond the comparison, and what to do about it; `None` where nothing.
pub(super) fn beyond(words: &[&str], claimed: &Claimed<'_>) -> Option<(String, &'static str)> {
    let elsewhere =
        ELSEWHERE.iter().find(|phrase| words.windows(phrase.len()).any(|w| w == **phrase));
    if let Some(phrase) = elsewhere {
        let told = format!("\"{}\" compares with what is no experiment here", phrase.join(" "));
        return Some((told, "say what was compared; what others found is a #quoted(<key>)[...]"));
    }
    if claimed.operator != "best of"
        && let Some(word) = words.iter().find(|word| MOST.contains(word))
    {
        let told = format!("\"{word}\" speaks of more than two sides");
        return Some((told, "claim \"best of\" over the experiments that are meant"));
    }
    if !claimed.covered {
        let every = words.iter().enumerate().find(|(at, word)| {
            // "best of all" is about experiments, "at all" about nothing.
            let before = at.checked_sub(1).map_or("", |before| words[before]);
            EVERY.contains(word) && !matches!(before, "of" | "at" | "in")
        });
        if let Some((_, word)) = every {
            let told = format!("\"{word}\" speaks of more points than were compared");
            return Some((told, "write on: \"every point\", or name the point in the words"));
        }
    }
    if claimed.operator == "best of" && !claimed.all {
        let every = words.iter().find(|word| ALL.contains(word));
        if let Some(word) = every {
            let told = format!("\"{word}\" speaks of more experiments than were compared");
            return Some((told, "claim it of \"experiment.*\", or name those that are meant"));
        }
    }
    if claimed.some && !words.iter().any(|word| SOME.contains(word)) {
        let told = "they speak of all points, and one is enough for the claim".to_owned();
        return Some((told, "say \"some\" or \"in one case\", or write on: \"every point\""));
    }
    if let Some(word) = words.iter().find(|word| MUCH.contains(word))
        && !claimed.margin
    {
        let told = format!("\"{word}\" says by how much, and the claim has no margin");
        return Some((told, "write margin: NUMBER, or leave the word out"));
    }
    if let Some(noun) = another_quantity(words, claimed) {
        let told = format!("they compare {noun}, but the claim is about {}", claimed.metric);
        return Some((told, "claim the metric that they name"));
    }
    if let Some(other) = foreign(words, claimed) {
        let told = format!("they name {other}, which the claim does not compare");
        return Some((
            told,
            "name the experiments that are compared, or claim something of the other one",
        ));
    }
    let metric = another_metric(words, claimed)?;
    let told = format!("they name {metric}, but the claim is about {}", claimed.metric);
    Some((told, "change the words, or claim the metric that they name"))
}

/// A label of an experiment that is on neither side.
fn foreign<'a>(words: &[&str], claimed: &'a Claimed<'_>) -> Option<&'a str> {
    let own: Vec<Vec<String>> =
        claimed.first.iter().chain(&claimed.second).map(|name| parts(name)).collect();
    let other = claimed.others.iter().find(|name| {
        let parts = parts(name);
        // A label inside another, such as "uniform rate" in "uniform rate 0.003", may be either.
        let inside = own.iter().any(|own| own.windows(parts.len().max(1)).any(|w| w == parts));
        !inside && place(words, std::slice::from_ref(name)).is_some()
    });
    other.map(String::as_str)
}

/// What a comparative is said of directly, where the claim's metric is something else.
fn another_quantity<'a>(words: &[&'a str], claimed: &Claimed<'_>) -> Option<&'a str> {
    let own = own_words(claimed);
    // Steps, updates and epochs are counts of the same, and time passes with them.
    let counted = |word: &str| matches!(word, "step" | "update" | "epoch" | "time");
    let timed = units::sooner(claimed.unit).is_some();
    let compared = words.windows(2).filter(|pair| BEFORE.contains(&pair[0])).map(|pair| pair[1]);
    let (own, others): (Vec<&str>, Vec<&str>) = compared.partition(|noun| {
        let noun = noun.trim_end_matches('s');
        own.iter().any(|part| part == noun) || timed && counted(noun)
    });
    let known = |noun: &&str| {
        let noun = noun.trim_end_matches('s');
        QUANTITIES.iter().any(|known| known.trim_end_matches('s') == noun)
    };
    others.into_iter().filter(|_| own.is_empty()).find(known)
}

/// The words of the claim's metric and its unit, in the singular.
fn own_words(claimed: &Claimed<'_>) -> Vec<String> {
    parts(claimed.metric)
        .into_iter()
        .chain(parts(claimed.unit))
        .filter(|part| part.len() >= 3)
        .map(|part| part.trim_end_matches('s').to_owned())
        .collect()
}

/// A metric that the words name instead of the claim's own.
fn another_metric<'a>(words: &[&str], claimed: &'a Claimed<'_>) -> Option<&'a str> {
    let own = own_words(claimed);
    let named = |word: &&str| own.iter().any(|part| word.trim_end_matches('s') == part);
    let fast = units::sooner(claimed.unit).is_some() && words.iter().any(|word| is_speed(word));
    if fast || words.iter().any(named) {
        return None;
    }
    let other =
        claimed.metrics.iter().find(|name| place(words, std::slice::from_ref(name)).is_some());
    other.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str, operator: &str, covered: bool) -> Option<String> {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        let claimed = Claimed {
            operator,
            unit: "step",
            better: Some("lower"),
            first: names(&["per-layer rates"]),
            second: names(&["uniform rate"]),
            others: names(&["wide model", "rate"]),
            metric: "steps_to_99",
            metrics: names(&["loss", "val_accuracy"]),
            covered,
            some: false,
            margin: false,
            all: true,
        };
        let text = text.to_lowercase();
        let words = super::super::wording::words(&text);
        beyond(&words, &claimed).map(|(told, _)| told)
    }

    #[test]
    fn words_about_what_was_compared_pass() {
        for text in [
            "The per-layer rates need fewer steps than the uniform rate.",
            "They need fewer steps to the same val accuracy, and a lower loss follows.",
            "They are faster, whatever the loss.",
            "The two cannot be told apart at all.",
        ] {
            assert_eq!(said(text, "<", false), None, "{text}");
        }
        assert_eq!(said("They need the fewest steps of all.", "best of", false), None);
        assert_eq!(said("They need fewer steps on all operations.", "<", true), None);
    }

    #[test]
    fn words_that_reach_further_are_found() {
        for (text, expected) in [
            ("They need fewer steps on all operations.", "\"all\" speaks of more points"),
            ("They need the fewest steps.", "\"fewest\" speaks of more than two sides"),
            ("Fewer steps make them the state-of-the-art.", "\"state of the art\" compares"),
            ("The wide model needs fewer steps.", "they name wide model"),
            (
                "They end with a lower loss.",
                "they compare loss, but the claim is about steps_to_99",
            ),
            ("They need fewer parameters.", "they compare parameters, but the claim"),
            ("They need vastly fewer steps.", "\"vastly\" says by how much"),
            ("They end with a lower val_accuracy.", "they name val_accuracy"),
        ] {
            let told = said(text, "<", false).unwrap_or_default();
            assert!(told.starts_with(expected), "{text}: {told}");
        }
    }
}

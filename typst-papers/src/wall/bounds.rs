//! Words that make a bound of the number behind them: "up to 5".

use super::claims::Claim;
use super::pages::{Letter, Origin, Pages};
use super::place::Place;
use crate::problem::Problem;
use crate::world::PaperWorld;

/// Words that bound or bend the number behind them.
const BENDING: [&str; 36] = [
    "minus",
    "negative",
    "as low as",
    "as high as",
    "as much as",
    "as little as",
    "as large as",
    "as small as",
    "as many as",
    "as few as",
    "in excess of",
    "upwards of",
    "north of",
    "south of",
    "shy of",
    "barely",
    "hardly",
    "fewer than",
    "greater than",
    "up to",
    "more than",
    "less than",
    "over",
    "under",
    "nearly",
    "almost",
    "at least",
    "at most",
    "exceeding",
    "exceeds",
    "exceed",
    "exceeded",
    "beyond",
    "past",
    "above",
    "below",
];

/// Those that no constant has a use for.
const GAINS: [&str; 8] = [
    "up to",
    "as high as",
    "as low as",
    "as much as",
    "as little as",
    "upwards of",
    "north of",
    "in excess of",
];

/// Those that a minimum may follow, and those that a maximum may.
const FROM_BELOW: [&str; 4] = ["at least", "more than", "above", "greater than"];
const FROM_ABOVE: [&str; 5] = ["at most", "below", "less than", "fewer than", "up to"];

/// Prepositions that also say where: "over a total of", "under a budget of".
const PLACES: [&str; 6] = ["over", "under", "above", "below", "past", "beyond"];

/// Words between a bound and its number that change neither.
const FILLERS: [&str; 9] =
    ["a", "an", "the", "about", "around", "roughly", "approximately", "some", "even"];

/// A bound that nothing tested before the number that a word begins with. A declared threshold may
/// be one; a declared gain may not. The least of all runs may have others above it, the greatest
/// others below.
pub(super) fn check(world: &PaperWorld, pages: &Pages, i: usize, claim: &Claim) -> Option<Problem> {
    let constant = claim.kind() == "constant";
    let before: Vec<(String, Letter)> = pages.words[i.saturating_sub(10)..i]
        .iter()
        .filter_map(|word| Some((word.text().to_lowercase(), *word.letters.first()?)))
        .collect();
    let words: Vec<&str> = before.iter().map(|(word, _)| word.as_str()).collect();
    let phrases = BENDING.iter().filter(|phrase| !constant || GAINS.contains(phrase));
    phrases.into_iter().find_map(|phrase| {
        let (tail, length) = found(&words, phrase)?;
        if is_true(phrase, tail.checked_sub(1).map(|at| words[at]), &claim.statistic()) {
            return None;
        }
        let Origin::Author(span, offset) = before[tail].1.origin else { return None };
        let place = Place::of(world, span)?;
        if place.door.is_some() {
            return None;
        }
        let start = place.range.start + offset;
        let range = start..(start + length).min(place.range.end);
        let message = format!("\"{phrase}\" bends the number behind it");
        let mut problem = place.error("RS0214", range, message);
        let hint = "say the number as it is; `#best-of`, `stat: \"max\"` and `#claim` have forms for bounds";
        problem.hints.push(hint.to_owned());
        Some(problem)
    })
}

/// Where a phrase begins that ends before the number, and its length in bytes. "Up to about" and
/// "up to an accuracy of" end before it as well.
fn found(words: &[&str], phrase: &str) -> Option<(usize, usize)> {
    let parts: Vec<&str> = phrase.split(' ').collect();
    let ends = |until: usize| {
        let tail = until.checked_sub(parts.len())?;
        (words[tail..until] == parts[..]).then_some((tail, phrase.len()))
    };
    let bare = |mut until: usize| {
        while until > 0 && FILLERS.contains(&words[until - 1]) {
            until -= 1;
        }
        until
    };
    let last = bare(words.len());
    let direct = ends(words.len()).or_else(|| ends(last));
    // "an accuracy of", "a mean test accuracy of"
    let named = || {
        let of = last.checked_sub(1).filter(|at| words[*at] == "of")?;
        let starts = of.saturating_sub(3)..of;
        starts.rev().find_map(|at| ends(bare(at)))
    };
    direct.or_else(|| named().filter(|_| !PLACES.contains(&phrase)))
}

/// Whether a bound holds of an extreme: all are at least the least.
fn is_true(phrase: &str, before: Option<&str>, statistic: &str) -> bool {
    let negated = before.is_some_and(|word| matches!(word, "no" | "not"));
    let (below, above) = (FROM_BELOW.contains(&phrase), FROM_ABOVE.contains(&phrase));
    let (below, above) = if negated { (above, below) } else { (below, above) };
    below && statistic == "min" || above && statistic == "max"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bends(text: &str, statistic: &str) -> bool {
        let words: Vec<&str> = text.split(' ').collect();
        BENDING.iter().any(|phrase| {
            found(&words, phrase).is_some_and(|(tail, _)| {
                !is_true(phrase, tail.checked_sub(1).map(|at| words[at]), statistic)
            })
        })
    }

    #[test]
    fn fillers_hide_no_bound() {
        for text in
            ["up to an accuracy of", "more than about", "well north of", "exceeds", "as much as"]
        {
            assert!(bends(text, "mean"), "{text}");
        }
        for text in ["over a total of", "about", "rises to an accuracy of", "under a budget of"] {
            assert!(!bends(text, "mean"), "{text}");
        }
    }

    #[test]
    fn an_extreme_bounds_the_rest() {
        assert!(!bends("needs at least", "min") && bends("needs at most", "min"));
        assert!(!bends("needs no more than", "max") && bends("needs no more than", "min"));
        assert!(!bends("stays below", "max") && bends("stays below", "mean"));
    }
}

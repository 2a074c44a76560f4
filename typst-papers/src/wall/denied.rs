//! The right number in words that deny it: "it is not 0.97", "it fails to reach 0.97".

use super::pages::{Origin, Pages};
use super::place::Place;
use super::sentence::said;
use crate::problem::Problem;
use crate::world::PaperWorld;

/// Words that deny what follows them, beside those that end in "n't".
const DENYING: [&str; 9] =
    ["not", "never", "cannot", "without", "nowhere", "fail", "fails", "failed", "short"];

/// Verbs behind such words that give a number to what is before them.
const VERBS: [&str; 38] = [
    "be",
    "reach",
    "reaching",
    "attain",
    "attaining",
    "achieve",
    "achieving",
    "exceed",
    "exceeding",
    "get",
    "getting",
    "hit",
    "hitting",
    "need",
    "needing",
    "require",
    "requiring",
    "take",
    "taking",
    "have",
    "having",
    "give",
    "giving",
    "yield",
    "yielding",
    "score",
    "scoring",
    "obtain",
    "obtaining",
    "equal",
    "fall",
    "drop",
    "rise",
    "climb",
    "go",
    "come",
    "approach",
    "converge",
];

/// Words between them and the number that change nothing.
const BETWEEN: [&str; 17] = [
    "a", "an", "the", "even", "about", "quite", "to", "of", "below", "above", "beyond", "under",
    "over", "near", "at", "close", "exactly",
];

/// A denial of the measured number that a word begins with.
pub(super) fn check(world: &PaperWorld, pages: &Pages, number: usize) -> Option<Problem> {
    let skipped = |word: &str| VERBS.contains(&word) || BETWEEN.contains(&word);
    let before = &pages.words[..number];
    let word = before.iter().rfind(|word| !skipped(&said(word)))?;
    let text = said(word).replace('’', "'");
    if !DENYING.contains(&text.as_str()) && !text.ends_with("n't") {
        return None;
    }
    let Origin::Author(span, offset) = word.letters.first()?.origin else { return None };
    let place = Place::of(world, span)?;
    if place.door.is_some() {
        return None;
    }
    let message = format!("\"{text}\" denies the number behind it");
    let mut problem = place.error("RS0214", place.token(offset), message);
    let hint = "say what was measured; what it is not, a `#claim` or a `#compare` can test";
    problem.hints.push(hint.to_owned());
    Some(problem)
}

//! The right number in words that deny it: "it is not 0.97", "it fails to reach 0.97".

use super::pages::{Origin, Pages, Word};
use super::place::{Door, Place};
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

/// Words that deny a sentence.
const REFUTING: [&str; 16] = [
    "false",
    "untrue",
    "wrong",
    "incorrect",
    "doubt",
    "doubtful",
    "deny",
    "denies",
    "denied",
    "refute",
    "refutes",
    "refuted",
    "nor",
    "hardly",
    "unlikely",
    "disprove",
];

/// Words between a denial and the sentence that it denies.
const INTRODUCING: [&str; 22] = [
    "true", "that", "the", "case", "so", "clear", "to", "be", "say", "is", "it", "was", "correct",
    "right", "possible", "likely", "here", "think", "believe", "claim", "observe", "find",
];

/// Denials around sentences that the data show: "it is not true that", "is false".
pub(super) fn claims(world: &PaperWorld, pages: &Pages) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, word) in pages.words.iter().enumerate() {
        let text = said(word).replace('’', "'");
        let text = text.trim_end_matches(['.', ',', ';', ':', '!', '?']);
        let denies = DENYING.contains(&text) || REFUTING.contains(&text) || text.ends_with("n't");
        if !denies {
            continue;
        }
        let Some(place) = place(world, word).filter(|place| place.door != Some(Door::Claim)) else {
            continue;
        };
        let on = pages.words[i + 1..].iter().find(|w| !INTRODUCING.contains(&said(w).as_str()));
        let ahead = on.and_then(|word| self::place(world, word));
        let ahead = ahead.is_some_and(|place| place.door == Some(Door::Claim));
        // Behind a claim stands its mark, then what is said of it.
        let back = pages.words[..i].iter().rfind(|w| {
            !matches!(said(w).as_str(), "is" | "was" | "does" | "this" | "that" | "simply")
        });
        let behind = back.and_then(|word| word.letters.last()).is_some_and(|l| l.char == '✓')
            && pages.words[i.saturating_sub(1)].letters.last().is_some_and(|l| l.char != '✓');
        if !ahead && !behind {
            continue;
        }
        let Some(Origin::Author(_, offset)) = word.letters.first().map(|l| l.origin) else {
            continue;
        };
        let message = format!("\"{text}\" denies a claim that the data show");
        let mut problem = place.error("RS0214", place.token(offset), message);
        problem.hints.push("leave the claim out, or let it stand".to_owned());
        problems.push(problem);
    }
    problems
}

fn place(world: &PaperWorld, word: &Word) -> Option<Place> {
    let Origin::Author(span, _) = word.letters.first()?.origin else { return None };
    Place::of(world, span)
}

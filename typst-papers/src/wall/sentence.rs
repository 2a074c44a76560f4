//! The right number in the wrong sentence: a number of one experiment or metric, said of another.
//!
//! Only what can be told for sure is refused: a name that stands directly before a verb and a
//! number ("the baseline needs 950"), directly behind it ("950 for the baseline"), or before a
//! colon; a metric directly before it ("a loss of 0.97").

use std::collections::BTreeSet;

use super::pages::{Origin, Pages, Word};
use super::place::{Door, Place};
use super::trimmed;
use crate::input::PaperInput;
use crate::problem::Problem;
use crate::results::Results;
use crate::world::PaperWorld;

/// Verbs that give a number to the name before them.
const GIVING: [&str; 42] = [
    "settles",
    "settled",
    "converges",
    "converged",
    "ends",
    "ended",
    "shows",
    "showed",
    "needs",
    "need",
    "needed",
    "takes",
    "take",
    "took",
    "reaches",
    "reach",
    "reached",
    "achieves",
    "achieve",
    "achieved",
    "has",
    "have",
    "had",
    "gets",
    "get",
    "got",
    "is",
    "was",
    "requires",
    "required",
    "obtains",
    "obtained",
    "attains",
    "attained",
    "scores",
    "scored",
    "yields",
    "yielded",
    "uses",
    "used",
    "gives",
    "gave",
];

/// Words between a verb and its number that change nothing.
const FILLERS: [&str; 10] =
    ["a", "an", "only", "about", "just", "still", "the", "mean", "at", "to"];

/// Words that give the number before them to the name behind.
const GIVEN_TO: [&str; 5] = ["for", "with", "under", "by", "in"];

/// Words that give a number to the metric before them.
const OF: [&str; 5] = ["of", "is", "was", "reaches", "reached"];

/// Numbers said of something else than what they are of.
pub(super) fn check(input: &PaperInput, world: &PaperWorld, pages: &Pages) -> Vec<Problem> {
    let plain: Vec<String> = pages.words.iter().map(said).collect();
    let mut problems = Vec::new();
    for (i, word) in pages.words.iter().enumerate() {
        let Some(path) = number_path(pages, word) else { continue };
        let mut parts = path.split('.').skip(1);
        let (Some(experiment), Some(metric)) = (parts.next(), parts.next()) else { continue };
        let before = subject(input, &plain, i, word.apart).map(|(name, at)| (name, at, "before"));
        let after = object(input, &plain, i).map(|(name, at)| (name, at, "behind"));
        let other = before.or(after).filter(|(results, ..)| results.name() != experiment);
        if let Some((results, at, side)) = other {
            let message = format!(
                "this is `{}`, but the number {} it is of `experiment.{experiment}`",
                results.experiment,
                opposite(side)
            );
            problems.extend(report(world, &pages.words[at], message));
        }
        if let Some((value, at)) = other_point(input, pages, word, &plain, i, experiment) {
            let message =
                format!("this speaks of `{value}`, but the number behind it is of another point");
            problems.extend(report(world, &pages.words[at], message));
        }
        if let Some((name, at)) = other_metric(input, &plain, i, experiment, metric) {
            let message = format!("this is `{name}`, but the number behind it is `{metric}`");
            problems.extend(report(world, &pages.words[at], message));
        }
    }
    problems
}

fn opposite(side: &str) -> &'static str {
    if side == "before" { "behind" } else { "before" }
}

/// Whether a word is one of those that numbers are of.
fn is_quantity(word: &str) -> bool {
    matches!(
        word,
        "accuracy"
            | "loss"
            | "error"
            | "perplexity"
            | "score"
            | "number"
            | "count"
            | "time"
            | "mean"
            | "value"
            | "steps"
            | "updates"
            | "rate"
    )
}

/// A word's letters that are the author's, in lower case; empty behind doors and for numbers.
pub(super) fn said(word: &Word) -> String {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    let text: String = own.map(|letter| letter.char).collect();
    text.to_lowercase()
}

/// The path of the number that a word begins with.
fn number_path(pages: &Pages, word: &Word) -> Option<String> {
    let claim = pages.claim(word.letters.first()?)?;
    matches!(claim.kind().as_str(), "value" | "param" | "compare").then(|| claim.path())
}

/// The experiment that a verb before the word gives its number to, that stands before a colon, or
/// in the cell before.
fn subject<'a>(
    input: &'a PaperInput,
    plain: &[String],
    i: usize,
    apart: bool,
) -> Option<(&'a Results, usize)> {
    let mut at = i.checked_sub(1)?;
    while FILLERS.contains(&plain[at].as_str()) {
        at = at.checked_sub(1)?;
    }
    let given = GIVING.contains(&plain[at].as_str());
    if given {
        at = at.checked_sub(1)?;
    } else if !plain[at].ends_with(':') && !apart {
        return farther(input, plain, i);
    }
    let Some((results, start)) = named(input, plain, at) else {
        return given
            .then(|| owner(input, plain, at).or_else(|| farther(input, plain, i)))
            .flatten();
    };
    // A name of one word may be an ordinary word: "again needs". An article makes it a name.
    let before = |back: usize| start.checked_sub(back).map_or("", |at| plain[at].as_str());
    let article = matches!(before(1), "the" | "our");
    // "The accuracy of the baseline is": what is of it is its own.
    let own = before(2) == "of" && given && is_quantity(before(3));
    let other = article && BESIDE.contains(&before(2)) && !own;
    let sure = article || start < at || apart && !given;
    (sure && !other).then_some((results, start))
}

/// The experiment that a quantity belongs to: "the baseline's accuracy", where that is before the verb.
fn owner<'a>(input: &'a PaperInput, plain: &[String], at: usize) -> Option<(&'a Results, usize)> {
    let before = at.checked_sub(1)?;
    let possessive = plain[before].ends_with("'s") || plain[before].ends_with("’s");
    possessive.then(|| named(input, plain, before)).flatten()
}

/// The subject of a clause that goes on for a few words before its number: "the baseline reached the
/// threshold after".
fn farther<'a>(input: &'a PaperInput, plain: &[String], i: usize) -> Option<(&'a Results, usize)> {
    let mut verb = false;
    for at in (i.saturating_sub(8)..i).rev() {
        let word = plain[at].as_str();
        // Another clause, or another thing that the number could be of.
        if word.is_empty()
            || word.ends_with([',', ';', ':', '.', '!', '?', ')'])
            || OTHERS.contains(&word)
        {
            return None;
        }
        if GIVING.contains(&word) {
            verb = true;
        } else if verb && let Some((results, start)) = named(input, plain, at) {
            let before = |back: usize| start.checked_sub(back).map_or("", |at| plain[at].as_str());
            let sure = matches!(before(1), "the" | "our") && !BESIDE.contains(&before(2));
            return sure.then_some((results, start));
        }
    }
    None
}

/// Words that bring something else into a clause.
const OTHERS: [&str; 14] = [
    "than", "while", "whereas", "but", "and", "or", "instead", "against", "unlike", "variant",
    "other", "others", "these", "which",
];

/// Words after which a name is what something is compared with.
const BESIDE: [&str; 9] =
    ["to", "of", "than", "from", "unlike", "like", "against", "with", "beside"];

/// The experiment that a number is given to: "for the baseline", "(baseline)".
fn object<'a>(input: &'a PaperInput, plain: &[String], i: usize) -> Option<(&'a Results, usize)> {
    // The unit and the spread are words of the package's, and empty here.
    let mut at = i + 1;
    while plain.get(at)?.is_empty() {
        at += 1;
    }
    if !plain[at].starts_with('(') {
        if !GIVEN_TO.contains(&plain[at].as_str()) {
            return None;
        }
        at += 1;
    }
    if matches!(plain.get(at)?.as_str(), "the" | "a" | "our") {
        at += 1;
    }
    plain.get(at)?;
    let length = |results: &Results| {
        names(results).into_iter().find(|name| starts(plain, at, name)).map(|n| n.len())
    };
    let found = input.experiments.iter().filter_map(|r| Some((length(r)?, r)));
    found.max_by_key(|(length, _)| *length).map(|(_, results)| (results, at))
}

/// The experiment whose name ends with this word; the longest name wins.
pub(super) fn named<'a>(
    input: &'a PaperInput,
    plain: &[String],
    at: usize,
) -> Option<(&'a Results, usize)> {
    let ends = |results: &Results| {
        names(results)
            .into_iter()
            .filter_map(|name| {
                let start = (at + 1).checked_sub(name.len())?;
                starts(plain, start, &name).then_some((name.len(), start))
            })
            .max()
    };
    let found = input.experiments.iter().filter_map(|results| Some((ends(results)?, results)));
    found.max_by_key(|((length, _), _)| *length).map(|((_, start), results)| (results, start))
}

fn starts(plain: &[String], at: usize, name: &[String]) -> bool {
    plain
        .get(at..at + name.len())
        .is_some_and(|words| words.iter().map(|w| trimmed(w)).eq(name.iter().map(String::as_str)))
}

/// What a text may call an experiment: its name, its label, both as words.
fn names(results: &Results) -> Vec<Vec<String>> {
    let split = |name: &str| -> Vec<String> {
        name.to_lowercase().split_whitespace().map(|w| trimmed(w).to_owned()).collect()
    };
    let mut names = vec![
        split(results.name()),
        split(&results.name().replace(['-', '_'], " ")),
        split(results.label()),
    ];
    names.retain(|name| !name.is_empty());
    names.dedup();
    names
}

/// A matrix value that the sentence names before the number, "on division", and that is not the
/// number's.
fn other_point(
    input: &PaperInput,
    pages: &Pages,
    word: &Word,
    plain: &[String],
    i: usize,
    experiment: &str,
) -> Option<(String, usize)> {
    let source = pages.claim(word.letters.first()?)?.source();
    let results = input.experiments.iter().find(|results| results.name() == experiment)?;
    let start =
        plain[..i].iter().rposition(|word| word.ends_with(['.', '!', '?'])).map_or(0, |at| at + 1);
    let axes: BTreeSet<&String> =
        results.points.iter().flat_map(|point| point.point.keys()).collect();
    axes.into_iter().find_map(|axis| {
        let values: BTreeSet<&str> = results
            .points
            .iter()
            .filter_map(|point| point.point.get(axis)?.as_str())
            .filter(|v| v.len() > 2)
            .collect();
        let named: Vec<(&str, usize)> = (start + 1..i)
            .filter(|at| matches!(plain[at - 1].as_str(), "on" | "for" | "under"))
            .filter_map(|at| {
                Some((*values.iter().find(|value| plain[at].starts_with(**value))?, at))
            })
            .collect();
        let [(value, at)] = named.as_slice() else { return None };
        // A sentence that names the number's own point as well may mean either.
        let names_own = |word: &String| {
            values.iter().any(|value| {
                word.starts_with(*value) && source.contains(&format!("{axis}: \"{value}\""))
            })
        };
        let end = plain[i..].iter().position(|word| word.ends_with(['.', '!', '?']));
        let own = plain[start..end.map_or(plain.len(), |end| i + end + 1)].iter().any(names_own);
        (!own && source.contains(&format!("{axis}: \""))).then(|| ((*value).to_owned(), *at))
    })
}

/// Another metric of the experiment, named directly before the number.
fn other_metric<'a>(
    input: &'a PaperInput,
    plain: &[String],
    i: usize,
    experiment: &str,
    metric: &str,
) -> Option<(&'a str, usize)> {
    let at = i.checked_sub(1)?;
    if !OF.contains(&plain[at].as_str()) {
        return None;
    }
    let results = input.experiments.iter().find(|results| results.name() == experiment)?;
    let matches = |name: &str| {
        let parts: Vec<&str> = name.split('_').collect();
        let start = at.checked_sub(parts.len())?;
        let words = &plain[start..at];
        // "val" is short for "validation".
        words.iter().zip(&parts).all(|(word, part)| word.starts_with(part)).then_some(start)
    };
    // What could be the metric itself, spelled out in part, is not another one.
    let own = metric.split('_').any(|part| part.len() > 2 && plain[at - 1].starts_with(part));
    let others = results.metrics.keys().filter(|name| *name != metric && !own);
    others.filter_map(|name| Some((name.as_str(), matches(name)?))).next()
}

pub(super) fn report(world: &PaperWorld, word: &Word, message: String) -> Option<Problem> {
    let (span, offset) = word.letters.iter().find_map(|letter| match letter.origin {
        Origin::Author(span, offset) => Some((span, offset)),
        Origin::Package(_) | Origin::Nowhere => None,
    })?;
    let place = Place::of(world, span)?;
    if matches!(place.door, Some(Door::Quoted)) {
        return None;
    }
    let range = place.token(offset);
    let mut problem = place.error("RS0221", range, message);
    problem.hints.push(
        "print the number of what the sentence speaks of, or name what the number is of".to_owned(),
    );
    Some(problem)
}

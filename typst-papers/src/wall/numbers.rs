//! What stands beside a number of the package's: nothing that would change what it says.

use super::claims::Claim;
use super::pages::{Letter, Origin, Pages};
use super::place::Place;
use super::{denied, is_digit};
use crate::problem::Problem;
use crate::world::PaperWorld;

/// Those of them that would change a parameter or a count; what these count, a text may name.
const SCALES: [&str; 13] =
    ["%", "％", "‰", "percent", "percentage", "times", "x", "×", "k", "K", "M", "B", "G"];

/// Words that bound or bend the number behind them.
const BENDING: [&str; 24] = [
    "minus",
    "negative",
    "as low as",
    "as high as",
    "in excess of",
    "upwards of",
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
    "as many as",
    "as few as",
    "exceeding",
    "above",
    "below",
];

/// Those that no constant has a use for.
const GAINS: [&str; 5] = ["up to", "as high as", "as low as", "upwards of", "in excess of"];

/// Units and factors that an author could put behind a number.
const UNITS: [&str; 48] = [
    "weeks",
    "months",
    "years",
    "％",
    "percentage",
    "tokens",
    "samples",
    "examples",
    "%",
    "percent",
    "‰",
    "times",
    "x",
    "×",
    "k",
    "K",
    "M",
    "B",
    "G",
    "s",
    "ms",
    "µs",
    "min",
    "h",
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
    "GB",
    "MB",
    "kB",
    "GiB",
    "MiB",
    "W",
    "J",
    "Hz",
    "GHz",
    "nats",
    "bits",
];

/// Numbers that are covered, cut or changed, that run together, and signs, factors, units and
/// bounding words that the author put beside a number.
pub(super) fn check(world: &PaperWorld, pages: &Pages) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        pages.claims.iter().filter_map(|claim| disfigured(world, pages, claim)).collect();
    for (i, word) in pages.words.iter().enumerate() {
        let letters = &word.letters;
        for (j, letter) in letters.iter().enumerate() {
            let Some(claim) = pages.claim(letter) else { continue };
            let before = j.checked_sub(1).map(|j| &letters[j]);
            let after = letters.get(j + 1);
            let first = before.is_none_or(|before| before.claim != letter.claim);
            if first && before.is_some_and(|before| before.claim.is_some()) {
                problems.extend(run_together(world, pages, i));
            }
            if is_digit(letter.char) {
                problems.extend(before.and_then(|before| joined(world, before, Side::Before)));
                problems.extend(after.and_then(|after| joined(world, after, Side::After)));
            }
            let kind = claim.kind();
            let constant = kind == "constant";
            let measured =
                matches!(kind.as_str(), "value" | "difference" | "ratio" | "change" | "best");
            if j == 0 && first && (is_digit(letter.char) || letter.char == '−') {
                problems.extend(signed(world, pages, i));
                problems.extend(
                    (measured || constant).then(|| bent(world, pages, i, constant)).flatten(),
                );
                problems.extend(measured.then(|| denied::check(world, pages, i)).flatten());
            }
            if j + 1 == letters.len() && is_digit(letter.char) && !claim.prints_unit() {
                problems.extend(unit_behind(world, pages, i, claim));
            }
        }
    }
    problems
}

/// A claim that the pages show in part, or covered, cut off or turned.
fn disfigured(world: &PaperWorld, pages: &Pages, claim: &Claim) -> Option<Problem> {
    if claim.is_whole() && !claim.bent {
        return None;
    }
    let (place, offset) = pages.place_near(world, claim.word)?;
    let what =
        if claim.bent { "is changed, covered, cut off or turned" } else { "is not on the page" };
    let message = format!("near here, the number `{}` {what}", claim.printed());
    Some(said(&place, place.token(offset), message, "show numbers as the package prints them"))
}

/// A minus that stands alone before a number.
fn signed(world: &PaperWorld, pages: &Pages, i: usize) -> Option<Problem> {
    let before = pages.words.get(i.checked_sub(1)?)?;
    let [sign] = before.letters.as_slice() else { return None };
    if !matches!(
        sign.char,
        '-' | '−' | '<' | '>' | '~' | '∼' | '≈' | '±' | '×' | '≥' | '≤' | '‒' | '‑'
    ) {
        return None;
    }
    let Origin::Author(span, offset) = sign.origin else { return None };
    let place = Place::of(world, span)?;
    // In a formula, a sign between operands is an operation.
    if place.math && sign.char != '±' {
        return None;
    }
    let range = place.token(offset);
    let range = range.start..range.end.max(range.start + sign.char.len_utf8());
    Some(said(
        &place,
        range,
        format!("`{}` changes the number behind it", sign.char),
        "a number's sign comes with it",
    ))
}

fn run_together(world: &PaperWorld, pages: &Pages, word: usize) -> Option<Problem> {
    let (place, offset) = pages.place_near(world, word)?;
    let message = "behind here, two numbers run together".to_owned();
    Some(said(&place, place.token(offset), message, "put words between them"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// A sign, a digit, a letter or a unit of the author's that touches a digit of the package's.
fn joined(world: &PaperWorld, other: &Letter, side: Side) -> Option<Problem> {
    let Origin::Author(span, offset) = other.origin else { return None };
    let signs: &[char] = match side {
        Side::Before => &[
            '-', '−', '–', '.', ',', '/', '^', '<', '>', '~', '∼', '≈', '±', '+', '≥', '≤', '‒',
            '‑',
        ],
        Side::After => &['%', '％', '‰', '×', '^', '°'],
    };
    // A digit of the author's is an error of its own.
    if is_digit(other.char) || !other.char.is_alphanumeric() && !signs.contains(&other.char) {
        return None;
    }
    let place = Place::of(world, span)?;
    // A formula may multiply a number, but a sign that touches it is no operation.
    if place.math && !matches!(other.char, '-' | '−') {
        return None;
    }
    let at = place.range.start + offset;
    let range = match place.source.text().get(at..at + other.char.len_utf8()) {
        Some(text) if text.starts_with(other.char) => at..at + other.char.len_utf8(),
        _ => place.range.clone(),
    };
    let (which, hint) = match side {
        Side::Before => (
            "behind",
            "a number's sign and digits come with it; put a space between a dash and a number",
        ),
        Side::After => (
            "before",
            "a number's unit comes with it: `unit:` converts, and refuses what does not fit",
        ),
    };
    let message = format!("`{}` changes the number {which} it", other.char);
    Some(said(&place, range, message, hint))
}

/// "up to 5": a bound that nothing tested.
/// A declared threshold may be one; a declared gain may not.
fn bent(world: &PaperWorld, pages: &Pages, i: usize, constant: bool) -> Option<Problem> {
    let before: Vec<(String, Letter)> = pages.words[i.saturating_sub(3)..i]
        .iter()
        .filter_map(|word| Some((word.text().to_lowercase(), *word.letters.first()?)))
        .collect();
    let phrases = BENDING.iter().filter(|phrase| !constant || GAINS.contains(phrase));
    phrases.into_iter().find_map(|phrase| {
        let length = phrase.split(' ').count();
        let tail = before.len().checked_sub(length)?;
        if !before[tail..].iter().map(|(word, _)| word.as_str()).eq(phrase.split(' ')) {
            return None;
        }
        let Origin::Author(span, offset) = before[tail].1.origin else { return None };
        let place = Place::of(world, span)?;
        if place.door.is_some() {
            return None;
        }
        let start = place.range.start + offset;
        let range = start..(start + phrase.len()).min(place.range.end);
        Some(said(&place, range, format!("\"{phrase}\" bends the number behind it"), "say the number as it is; `#best-of`, `stat: \"max\"` and `#claim` have forms for bounds"))
    })
}

/// "0.93 %" where the metric is a share: a unit that the number does not have.
fn unit_behind(world: &PaperWorld, pages: &Pages, i: usize, claim: &Claim) -> Option<Problem> {
    let next = pages.words.get(i + 1)?;
    let first = next.letters.first()?;
    let text = next.text();
    let text = text.trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
    let counted = matches!(claim.kind().as_str(), "param" | "count" | "constant");
    let units: &[&str] = if counted { &SCALES } else { &UNITS };
    if !units.contains(&text) || same_unit(&claim.unit(), text) {
        return None;
    }
    let Origin::Author(span, offset) = first.origin else { return None };
    let place = Place::of(world, span)?;
    let start = place.range.start + offset;
    let range = start..(start + text.len()).min(place.range.end);
    Some(said(
        &place,
        range,
        format!("`{text}` gives the number before it a unit"),
        "a number's unit comes with it: `unit:` converts, and refuses what does not fit",
    ))
}

/// Whether an author's word is the unit itself, in the singular or plural.
fn same_unit(unit: &str, word: &str) -> bool {
    unit.trim_end_matches('s') == word.trim_end_matches('s')
}

fn said(place: &Place, range: std::ops::Range<usize>, message: String, hint: &str) -> Problem {
    let mut problem = place.error("RS0214", range, message);
    problem.hints.push(hint.to_owned());
    problem
}

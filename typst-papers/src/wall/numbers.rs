//! What stands beside a number of the package's: nothing that would change what it says.

use super::claims::Claim;
use super::pages::{Letter, Origin, Pages, Printer};
use super::place::{Door, Place};
use super::{bounds, denied, is_digit, units};
use crate::problem::Problem;
use crate::world::PaperWorld;

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
                problems.extend(after.and_then(|after| raised(world, pages, i, after)));
            }
            let kind = claim.kind();
            let constant = kind == "constant";
            let measured =
                matches!(kind.as_str(), "value" | "difference" | "ratio" | "change" | "best");
            if j == 0 && first && (is_digit(letter.char) || letter.char == '−') {
                problems.extend(signed(world, pages, i));
                problems.extend(
                    (measured || constant).then(|| bounds::check(world, pages, i, claim)).flatten(),
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

/// A sign or a currency that stands alone before a number.
fn signed(world: &PaperWorld, pages: &Pages, i: usize) -> Option<Problem> {
    let before = pages.words.get(i.checked_sub(1)?)?;
    let money = units::is_money(before.text().trim_start_matches('('));
    let sign = match before.letters.as_slice() {
        [sign] if is_sign(sign.char) || units::is_currency(sign.char) => sign,
        [first, ..] if money => first,
        _ => return None,
    };
    let Origin::Author(span, offset) = sign.origin else { return None };
    let place = Place::of(world, span)?;
    // In a formula, a sign between operands is an operation.
    if place.math && !matches!(sign.char, '±' | '∓') && !leads(&place) {
        return None;
    }
    let at = place.range.start + offset;
    let range = match place.source.text().get(at..at + sign.char.len_utf8()) {
        Some(text) if !money && text.starts_with(sign.char) => at..at + sign.char.len_utf8(),
        _ => place.token(offset),
    };
    let said_sign = if money { before.text() } else { sign.char.to_string() };
    let message = format!("`{said_sign}` changes the number behind it");
    Some(said(&place, range, message, "a number's sign and unit come with it"))
}

fn is_sign(char: char) -> bool {
    matches!(
        char,
        '-' | '−'
            | '<'
            | '>'
            | '~'
            | '∼'
            | '≈'
            | '±'
            | '×'
            | '≥'
            | '≤'
            | '‒'
            | '‑'
            | '∓'
            | '≠'
            | '≉'
            | '≃'
            | '≅'
            | '≲'
            | '≳'
            | '≪'
            | '≫'
            | '⩽'
            | '⩾'
            | '¬'
    )
}

/// Whether a sign is the first of its formula, or the first behind a bracket or another sign.
fn leads(sign: &Place) -> bool {
    const SPACES: [&str; 7] = ["thin", "med", "thick", "quad", "wide", "space", "zwj"];
    const SIGNS: [&str; 8] = ["approx", "eq", "lt", "gt", "leq", "geq", "in", "tilde"];
    let text = sign.source.text();
    let start = text[..sign.range.start].rfind('$').map_or(0, |at| at + 1);
    let mut before = text[start..sign.range.start].trim_end();
    while let Some(rest) = SPACES.iter().find_map(|space| before.strip_suffix(space)) {
        before = rest.trim_end();
    }
    let word: String =
        before.chars().rev().take_while(|c| c.is_alphabetic() || *c == '.').collect();
    let word: String = word.chars().rev().collect();
    before.is_empty()
        || before.ends_with(|c: char| "=<>([{,;&+-*~".contains(c))
        || SIGNS.contains(&word.as_str())
}

/// A raised digit that touches a number reads as its exponent.
fn raised(world: &PaperWorld, pages: &Pages, i: usize, after: &Letter) -> Option<Problem> {
    if !is_digit(after.char) || after.claim.is_some() {
        return None;
    }
    match after.origin {
        Origin::Package(Printer::Numbering | Printer::References) => {}
        Origin::Author(span, _) if Place::of(world, span)?.door == Some(Door::Citation) => {}
        _ => return None,
    }
    let (place, offset) = pages.place_near(world, i)?;
    let message = "behind here, the mark of a note or a citation touches a number".to_owned();
    let hint = "put it behind the next word or the full stop, where it is no exponent";
    Some(said(&place, place.token(offset), message, hint))
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
        Side::Before => &['–', '.', ',', '/', '^', '+'],
        Side::After => &['%', '％', '‰', '×', '^', '°'],
    };
    // A digit of the author's is an error of its own.
    let changes = other.char.is_alphanumeric()
        || signs.contains(&other.char)
        || units::is_currency(other.char)
        || side == Side::Before && is_sign(other.char);
    if is_digit(other.char) || !changes {
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

/// "0.93 %" where the metric is a share: a unit that the number does not have.
fn unit_behind(world: &PaperWorld, pages: &Pages, i: usize, claim: &Claim) -> Option<Problem> {
    let next = pages.words.get(i + 1)?;
    let first = next.letters.first()?;
    let text = next.text();
    let text = text.trim_end_matches(['.', ',', ';', ':', ')', '!', '?']);
    let counted = matches!(claim.kind().as_str(), "param" | "count" | "constant");
    // A ratio of two metrics has a name behind it and no unit: "2.43 times".
    let multiple = is_ratio(claim) && matches!(text, "times" | "×" | "x");
    if !units::is_unit(text, counted) || same_unit(&claim.unit(), text) || multiple {
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

/// Whether a number says how many times one metric is another.
fn is_ratio(claim: &Claim) -> bool {
    claim.kind() == "change" && claim.statistic().starts_with("ratio")
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

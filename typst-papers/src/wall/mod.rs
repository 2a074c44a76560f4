//! The wall: what the pages show must come through the package, or not at all.
//!
//! Typst's glyphs carry spans. Those that the package prints point into the package, what an author
//! wrote points into the author's file, and a string that became content inside a call points
//! nowhere. The package prints all numbering itself, so nothing that is honest points nowhere, and
//! every digit has one of these homes:
//!
//! | the digit | counted as |
//! |---|---|
//! | printed by the package for a claim | artifacts; declared, for constants and terms |
//! | printed by the package otherwise | numbering |
//! | of a citation, or behind `quoted` | citations |
//! | of a formula's structure (`math`), or behind `declared` | declared |
//! | anything else | an error |
//!
//! `pages` reads the words off the pages, `place` finds what stands at a span and behind which
//! door of the package, `tokens` cuts words apart, `words` and `languages` know numbers in words,
//! `lexicon` machines, software and comparisons, `syntax` what a text may be written with,
//! `numbers`, `units`, `bounds` and `denied` what may stand beside a number, `sentence` and `called`
//! whose and what a sentence makes it, `sight` what cannot be seen, `drawn` drawings made of
//! letters, `identifiers` the digits of addresses, `cited` the bibliography, `nearby` what an author
//! may have meant. Doors are found in the text and not on the page, which is why nobody may bind
//! their names anew.

mod bounds;
mod called;
mod cited;
mod claims;
mod denied;
mod digits;
mod drawn;
mod identifiers;
mod languages;
mod lexicon;
mod math;
mod nearby;
mod numbers;
mod pages;
mod place;
mod prose;
mod recipe;
mod sentence;
mod sight;
mod syntax;
#[cfg(test)]
mod tests;
mod tokens;
mod units;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;
use typst_layout::PagedDocument;

use self::lexicon::{Category, Lexicon};
use self::pages::{Letter, Origin, Pages};
use self::place::Place;
use self::tokens::{Tokens, trimmed};
use crate::input::PaperInput;
use crate::problem::Problem;
use crate::world::PaperWorld;

/// How many digits the pages show, and where they came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// From results, parameters, facts and the recipe, through the package.
    pub artifacts: usize,
    /// From citations, and from passages that quote a cited work.
    pub citations: usize,
    /// The document's own numbering: pages, sections, figures, equations, notes, lists.
    pub numbering: usize,
    /// Constants, terms, formulas and passages that the author declared.
    pub declared: usize,
}

impl Accounting {
    /// All digits of the pages.
    pub fn total(&self) -> usize {
        self.artifacts + self.citations + self.numbering + self.declared
    }

    /// The numbers with their total, as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::json!({
            "total": self.total(), "artifacts": self.artifacts, "citations": self.citations,
            "numbering": self.numbering, "declared": self.declared,
        })
    }
}

/// What no text may be written with, before it is typeset.
pub(crate) fn before(input: &PaperInput, world: &PaperWorld) -> Vec<Problem> {
    let mut problems = recipe::check(input);
    problems.extend(syntax::check(world, input.mode));
    problems
}

/// Counts the digits that the pages show, by where they came from; those from nowhere are left to
/// [`check`].
pub(crate) fn count(
    input: &PaperInput,
    world: &PaperWorld,
    document: &PagedDocument,
) -> Accounting {
    let pages = pages::read(document);
    let mut wall = Wall::new(input, world, &pages);
    wall.digits();
    wall.accounting
}

/// Accounts for every digit, number word, machine and version that the pages show.
///
/// # Errors
/// Whatever no artifact backs, at its place in the author's file.
pub(crate) fn check(
    input: &PaperInput,
    world: &PaperWorld,
    document: &PagedDocument,
) -> Result<(), Vec<Problem>> {
    let pages = pages::read(document);
    let mut wall = Wall::new(input, world, &pages);
    // Names before their digits: "A100" is a machine and no number.
    wall.words();
    wall.digits();
    wall.images();
    wall.turned();
    wall.sight();
    wall.drawn();
    let mut problems = wall.problems;
    problems.extend(numbers::check(world, &pages));
    problems.extend(denied::claims(world, &pages));
    problems.extend(sentence::check(input, world, &pages));
    problems.extend(called::check(input, world, &pages));
    problems.extend(cited::check(input, document));
    problems.sort_by_key(|p| (p.file.clone(), p.span.as_ref().map(|s| (s.start, s.end))));
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The message of the package's own guard: what is wrong with a string of the author's that the
/// package is asked to print.
pub(crate) fn objection(text: &str) -> Option<String> {
    if let Some(digit) = text.chars().find(|c| is_digit(*c)) {
        return Some(format!("states the number {digit}"));
    }
    let tokens = Tokens::of(text.split_whitespace());
    let number = (0..tokens.all.len()).find(|&at| words::states_number(&tokens, at, "en"));
    if let Some(at) = number {
        return Some(format!("states the number \"{}\"", tokens.compound(at)));
    }
    let lexicon = Lexicon::default();
    let said = lexicon::said(&lexicon, &tokens).next();
    said.map(|(at, _, length)| format!("says \"{}\"", tokens.said(at, length)))
}

/// What words say by way of comparison, if they compare.
pub(crate) fn comparison(text: &str) -> Option<String> {
    let tokens = Tokens::of(text.split_whitespace());
    lexicon::said(&Lexicon::default(), &tokens)
        .find(|(_, category, _)| *category == Category::Comparison)
        .map(|(at, _, length)| format!("says \"{}\"", tokens.said(at, length)))
}

/// What a name says of machines or software, if it is the name of one.
pub(crate) fn machine(name: &str) -> Option<String> {
    let tokens = Tokens::of(name.split_whitespace());
    lexicon::said(&Lexicon::default(), &tokens).find_map(|(_, category, _)| match category {
        Category::Hardware => Some("names a machine".to_owned()),
        Category::Software => Some("names software".to_owned()),
        Category::Comparison | Category::Honest => None,
    })
}

struct Wall<'a> {
    input: &'a PaperInput,
    world: &'a PaperWorld,
    pages: &'a Pages,
    accounting: Accounting,
    problems: Vec<Problem>,
    /// The places that were reported: what is printed again and again is one mistake.
    seen: BTreeSet<(String, usize, usize)>,
}

impl<'a> Wall<'a> {
    fn new(input: &'a PaperInput, world: &'a PaperWorld, pages: &'a Pages) -> Wall<'a> {
        let (accounting, problems, seen) = Default::default();
        Wall { input, world, pages, accounting, problems, seen }
    }

    fn report(&mut self, mut problem: Problem, hint: &str) {
        problem.hints.push(hint.to_owned());
        let place = problem.span.clone().unwrap_or_default();
        let file = problem.file.clone().unwrap_or_default();
        if self.seen.insert((file, place.start, place.end)) {
            self.problems.push(problem);
        }
    }

    /// An error about a word that has no place, at the author's word before it.
    fn behind(&self, word: usize, code: &'static str, message: &str) -> Problem {
        let Some((place, offset)) = self.pages.place_near(self.world, word) else {
            let mut problem = Problem::error(message);
            problem.code = Some(code);
            return problem;
        };
        let range = place.token(offset);
        place.error(code, range, format!("behind here, {message}"))
    }

    fn images(&mut self) {
        let pages = self.pages;
        for image in &pages.images {
            let Origin::Author(span, _) = image else { continue };
            let Some(place) = Place::of(self.world, *span) else { continue };
            let problem =
                place.error("RS0213", place.range.clone(), "no data is behind this picture");
            self.report(problem, "draw it from data: a `[figure.NAME]` of the recipe, shown with `#figure(\"NAME\")`");
        }
    }

    /// Signs that turn the direction of what follows them, numbers among it.
    fn turned(&mut self) {
        let pages = self.pages;
        for (i, word) in pages.words.iter().enumerate() {
            let turns = |letter: &&Letter| matches!(letter.char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if word.letters.iter().any(|letter| turns(&letter)) {
                let problem = self.behind(i, "RS0214", "a hidden sign turns the text around");
                self.report(problem, "leave it out");
            }
        }
    }

    fn place(&self, letter: &Letter) -> Option<(Place, usize)> {
        match letter.origin {
            Origin::Author(span, offset) => Some((Place::of(self.world, span)?, offset)),
            Origin::Package(_) | Origin::Nowhere => None,
        }
    }
}

/// Whether a character is a digit or a number of any script, the faces of dice among them.
pub(super) fn is_digit(char: char) -> bool {
    char.is_numeric() || matches!(char, '\u{2680}'..='\u{2685}')
}

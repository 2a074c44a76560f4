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
//! door of the package, `words` knows numbers in words, `lexicon` machines, software and
//! comparisons, `syntax` what a text may be written with, `numbers` what may stand beside a number,
//! `cited` the bibliography, `nearby` what an author may have meant. Doors are found in the text
//! and not on the page, which is why nobody may bind their names anew.

mod cited;
mod lexicon;
mod math;
mod nearby;
mod numbers;
mod pages;
mod place;
mod recipe;
mod syntax;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;

use serde::Serialize;
use typst::syntax::{LinkedNode, Span, SyntaxKind};
use typst_layout::PagedDocument;

pub use self::lexicon::CATEGORIES;
use self::lexicon::{Category, Lexicon};
use self::pages::{Letter, Origin, Pages, Printer, Word};
use self::place::{Door, Place};
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
}

/// What no text may be written with, before it is typeset.
pub(crate) fn before(input: &PaperInput, world: &PaperWorld) -> Vec<Problem> {
    let mut problems = recipe::check(input);
    problems.extend(syntax::check(world, input.mode));
    problems
}

/// Accounts for every digit, number word, machine and version that the pages show.
///
/// # Errors
/// Whatever no artifact backs, at its place in the author's file.
pub(crate) fn check(
    input: &PaperInput,
    world: &PaperWorld,
    document: &PagedDocument,
) -> Result<Accounting, Vec<Problem>> {
    let pages = pages::read(document);
    let mut wall = Wall {
        input,
        world,
        pages: &pages,
        accounting: Accounting::default(),
        problems: Vec::new(),
        seen: BTreeSet::new(),
    };
    wall.digits();
    wall.words();
    wall.drawings();
    let mut problems = wall.problems;
    let accounting = wall.accounting;
    problems.extend(numbers::check(world, &pages));
    problems.extend(cited::check(input, document));
    problems.sort_by_key(|p| (p.file.clone(), p.span.as_ref().map(|s| (s.start, s.end))));
    if problems.is_empty() { Ok(accounting) } else { Err(problems) }
}

/// The message of the package's own guard: what is wrong with a string of the author's that the
/// package is asked to print.
pub(crate) fn objection(text: &str) -> Option<String> {
    if let Some(digit) = text.chars().find(|c| c.is_numeric()) {
        return Some(format!("states the number {digit}"));
    }
    let words: Vec<&str> = text.split_whitespace().map(trimmed).collect();
    let lexicon = Lexicon::default();
    (0..words.len()).find_map(|i| {
        let (before, after) = neighbours(&words, i);
        if words::states_number(words[i], &before, &after) {
            return Some(format!("states the number \"{}\"", words[i]));
        }
        lexicon.find(&words[i..]).map(|(_, n)| format!("says \"{}\"", words[i..i + n].join(" ")))
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

impl Wall<'_> {
    fn report(&mut self, problem: Problem) {
        let place = problem.span.clone().unwrap_or_default();
        let file = problem.file.clone().unwrap_or_default();
        if self.seen.insert((file, place.start, place.end)) {
            self.problems.push(problem);
        }
    }

    fn digits(&mut self) {
        let pages = self.pages;
        let mut author = None;
        for word in &pages.words {
            for letter in &word.letters {
                if let Origin::Author(span, offset) = letter.origin {
                    author = Some((span, offset));
                }
                if letter.char.is_numeric() {
                    self.digit(word, letter, author);
                }
            }
        }
    }

    fn digit(&mut self, word: &Word, letter: &Letter, last: Option<(Span, usize)>) {
        match letter.origin {
            Origin::Package(Printer::Numbering) => self.accounting.numbering += 1,
            Origin::Package(Printer::References) => self.accounting.citations += 1,
            Origin::Package(Printer::Other) => {
                match letter.claim.and_then(|claim| self.pages.kind(claim)) {
                    Some("constant" | "term" | "declared") => self.accounting.declared += 1,
                    _ => self.accounting.artifacts += 1,
                }
            }
            Origin::Nowhere => {
                let place = last.and_then(|(span, offset)| Some((Place::of(self.world, span)?, offset)));
                let mut problem = match place {
                    Some((place, offset)) => {
                        let range = place.token(offset);
                        place.error("RS0204", range, format!("behind here, `{}` was computed", word.text()))
                    }
                    None => Problem::error(format!("`{}` was computed", word.text())),
                };
                problem.code = Some("RS0204");
                problem.hints.push("a number that code made comes from no artifact; print numbers through the package".to_owned());
                self.report(problem);
            }
            Origin::Author(span, offset) => {
                let Some(place) = Place::of(self.world, span) else { return };
                self.authored_digit(word, &place, span, offset);
            }
        }
    }

    fn authored_digit(&mut self, word: &Word, place: &Place, span: Span, offset: usize) {
        match place.door {
            // The number of a citation; words of the author's beside it have places of their own.
            Some(Door::Citation) if matches!(place.kind, SyntaxKind::Ref | SyntaxKind::FuncCall) => {
                self.accounting.citations += 1;
                return;
            }
            Some(Door::Citation) if is_locator(place) => {
                self.accounting.citations += 1;
                return;
            }
            Some(Door::Quoted) => {
                self.accounting.citations += 1;
                return;
            }
            Some(Door::Declared) => {
                self.accounting.declared += 1;
                return;
            }
            _ => {}
        }
        if place.math
            && let Some(node) = LinkedNode::new(place.source.root()).find(span)
            && math::structural(&node)
        {
            self.accounting.declared += 1;
            return;
        }
        let range = place.token(offset);
        let written = place.source.text()[range.clone()].to_owned();
        let literal = matches!(
            place.kind,
            SyntaxKind::Text | SyntaxKind::MathText | SyntaxKind::Str | SyntaxKind::Int
                | SyntaxKind::Float | SyntaxKind::Numeric | SyntaxKind::Link | SyntaxKind::Escape
        );
        let mut problem = if literal {
            place.error("RS0201", range, format!("`{written}` comes from no artifact"))
        } else {
            place.error("RS0204", range, format!("the number in `{}` was computed here", word.text()))
        };
        problem.hints.extend(nearby::suggestions(self.input, &written));
        problem.hints.push(mend(place, &written));
        self.report(problem);
    }

    fn words(&mut self) {
        let lexicon = Lexicon::new(&self.input.lexicon);
        let texts: Vec<String> = self.pages.words.iter().map(|word| stated(word)).collect();
        let plain: Vec<&str> = texts.iter().map(|text| trimmed(text)).collect();
        for (i, word) in self.pages.words.iter().enumerate() {
            if plain[i].is_empty() {
                continue;
            }
            let Some(letter) = word.letters.iter().find(|l| !l.origin.is_package() && l.char.is_alphanumeric()) else {
                continue;
            };
            let (before, after) = neighbours(&plain, i);
            if words::states_number(plain[i], &before, &after) {
                self.number_word(letter, plain[i]);
                continue;
            }
            // A pattern does not go on behind the end of a sentence.
            let end = (i..plain.len()).find(|&j| ends_sentence(&texts[j])).map_or(plain.len(), |j| j + 1);
            if let Some((category, length)) = lexicon.find(&plain[i..end]) {
                let said = plain[i..i + length].join(" ");
                let measured = category == Category::Software
                    && self.measured_next(i + length, plain[i + length - 1]);
                if !measured && !self.input.terms.contains(&said) {
                    self.lexical(letter, category, &said);
                }
            }
        }
    }

    /// Whether a word is printed by the package as a fact whose path has this name: a program's
    /// name may stand before its measured version.
    fn measured_next(&self, word: usize, name: &str) -> bool {
        let claim = self.pages.words.get(word).and_then(|word| word.letters.first()?.claim);
        claim.and_then(|claim| self.pages.path(claim)).is_some_and(|path| {
            path.split(['.', '-', '_']).any(|part| part.eq_ignore_ascii_case(name))
        })
    }

    fn number_word(&mut self, letter: &Letter, word: &str) {
        let Some((place, offset)) = self.place(letter) else { return };
        if matches!(place.door, Some(Door::Quoted | Door::Declared)) || place.math {
            return;
        }
        let range = place.token(offset);
        let mut problem = place.error("RS0202", range, format!("\"{word}\" states a number that comes from no artifact"));
        problem.hints.extend(nearby::suggestions(self.input, word));
        problem.hints.push("count things with `#count(..., words: true)`, compare with `#ratio(...)`, or say it without a number".to_owned());
        self.report(problem);
    }

    fn lexical(&mut self, letter: &Letter, category: Category, said: &str) {
        let Some((place, offset)) = self.place(letter) else { return };
        let (code, message, hint, doors): (_, _, _, &[Door]) = match category {
            Category::Hardware => (
                "RS0205",
                format!("\"{said}\" names a machine, but nothing measured it"),
                "print what was measured: `#fact(\"gpu.name\")`, `#fact(\"cpu.model\")`; what a cited work used stands in `#quoted(<key>)[...]`",
                &[Door::Quoted],
            ),
            Category::Software => (
                "RS0205",
                format!("\"{said}\" names software, but nothing measured it"),
                "print what was measured: `#fact(\"packages.NAME\")`, `#fact(\"toolchain.rustc\")`; what a cited work used stands in `#quoted(<key>)[...]`",
                &[Door::Quoted],
            ),
            Category::Comparison => (
                "RS0206",
                format!("\"{said}\" compares, but nothing tests it"),
                "let the data decide: `#claim(\"experiment.a.metric\", \"<\", \"experiment.b.metric\")[...]` or `#compare(...)`; what was not tested is a `#conjecture[...]`, what others found `#quoted(<key>)[...]`",
                &[Door::Quoted, Door::Claim, Door::Conjecture],
            ),
        };
        if place.door.is_some_and(|door| doors.contains(&door)) {
            return;
        }
        let start = place.token(offset).start;
        let text = &place.source.text()[start..];
        let literal = text.split_whitespace().map(trimmed).take(said.split(' ').count());
        let range = if literal.eq(said.split(' ')) {
            let last = said.split(' ').next_back().unwrap_or_default();
            let first = said.len() - last.len();
            let until = text.match_indices(last).find(|(at, _)| *at + 1 >= first).map_or(said.len(), |(at, _)| at + last.len());
            start..start + until
        } else {
            place.token(offset)
        };
        let mut problem = place.error(code, range, message);
        problem.hints.push(hint.to_owned());
        self.report(problem);
    }

    fn drawings(&mut self) {
        let pages = self.pages;
        for drawing in &pages.drawings {
            let Origin::Author(span, _) = drawing.origin else { continue };
            let Some(place) = Place::of(self.world, span) else { continue };
            let what = if drawing.image { "a picture" } else { "a drawing" };
            let mut problem = place.error("RS0213", place.range.clone(), format!("{what} that no data is behind"));
            problem.hints.push("draw it from data: a `[figure.NAME]` of the recipe, shown with `#figure(\"NAME\")`".to_owned());
            self.report(problem);
        }
    }

    fn place(&self, letter: &Letter) -> Option<(Place, usize)> {
        match letter.origin {
            Origin::Author(span, offset) => Some((Place::of(self.world, span)?, offset)),
            Origin::Package(_) | Origin::Nowhere => None,
        }
    }
}

/// The words of the author's around package text, without the package's letters.
fn stated(word: &Word) -> String {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    own.map(|letter| letter.char).collect()
}

/// A word without the punctuation around it.
fn trimmed(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '&'))
}

fn ends_sentence(word: &str) -> bool {
    word.ends_with(['.', '!', '?', ':', ';'])
}

fn neighbours(words: &[&str], i: usize) -> (String, String) {
    let at = |i: Option<usize>| i.and_then(|i| words.get(i)).map_or_else(String::new, |w| w.to_lowercase());
    (at(i.checked_sub(1)), at(Some(i + 1)))
}

/// A place in the cited work: "p. 7", "Theorem 3".
fn is_locator(place: &Place) -> bool {
    let text = place.source.text()[place.range.clone()].to_lowercase();
    let start = text.trim_start_matches(|c: char| !c.is_alphabetic());
    ["p.", "pp.", "page", "ch", "sec", "§", "fig", "tab", "eq", "thm", "theorem", "lemma", "app", "alg"]
        .iter()
        .any(|word| start.starts_with(word))
        && !text.contains('%')
}

fn mend(place: &Place, written: &str) -> String {
    if place.math {
        "wrap the formula in `#declared(because: [...])[...]`, or print the number through the package".to_owned()
    } else if written.chars().any(char::is_alphabetic) {
        format!("if it is a name, write `#term(\"{written}\")`")
    } else {
        "print it through `#value`, `#param`, `#count` or `#fact`; declare a convention with `#constant(..., because: [...])`".to_owned()
    }
}

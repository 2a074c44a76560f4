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
mod claims;
mod lexicon;
mod math;
mod nearby;
mod numbers;
mod pages;
mod place;
mod recipe;
mod sentence;
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
    // Names before their digits: "A100" is a machine and no number.
    wall.words();
    wall.digits();
    wall.images();
    wall.turned();
    let mut problems = wall.problems;
    let accounting = wall.accounting;
    problems.extend(numbers::check(world, &pages));
    problems.extend(sentence::check(input, world, &pages));
    problems.extend(cited::check(input, document));
    problems.sort_by_key(|p| (p.file.clone(), p.span.as_ref().map(|s| (s.start, s.end))));
    if problems.is_empty() { Ok(accounting) } else { Err(problems) }
}

/// The message of the package's own guard: what is wrong with a string of the author's that the
/// package is asked to print.
pub(crate) fn objection(text: &str) -> Option<String> {
    if let Some(digit) = text.chars().find(|c| is_digit(*c)) {
        return Some(format!("states the number {digit}"));
    }
    let words: Vec<&str> = text.split_whitespace().map(trimmed).collect();
    let lexicon = Lexicon::default();
    (0..words.len()).find_map(|i| {
        let (before, after) = neighbours(&words, i);
        if words::states_number(words[i], "en", &before, &after) {
            return Some(format!("states the number \"{}\"", words[i]));
        }
        lexicon.find(&words[i..]).map(|(_, n)| format!("says \"{}\"", words[i..i + n].join(" ")))
    })
}

/// What a name says of machines or software, if it is the name of one.
pub(crate) fn machine(name: &str) -> Option<String> {
    let words: Vec<&str> = name.split_whitespace().map(trimmed).collect();
    let lexicon = Lexicon::default();
    (0..words.len()).find_map(|i| match lexicon.find(&words[i..])? {
        (Category::Hardware, _) => Some("names a machine".to_owned()),
        (Category::Software, _) => Some("names software".to_owned()),
        (Category::Comparison, _) => None,
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
    fn report(&mut self, mut problem: Problem, hint: &str) {
        problem.hints.push(hint.to_owned());
        let place = problem.span.clone().unwrap_or_default();
        let file = problem.file.clone().unwrap_or_default();
        if self.seen.insert((file, place.start, place.end)) {
            self.problems.push(problem);
        }
    }

    fn digits(&mut self) {
        let pages = self.pages;
        for (i, word) in pages.words.iter().enumerate() {
            for letter in &word.letters {
                if is_digit(letter.char) {
                    self.digit(i, letter);
                }
            }
        }
    }

    fn digit(&mut self, word: usize, letter: &Letter) {
        match letter.origin {
            Origin::Package(Printer::Account) => {}
            Origin::Package(Printer::Numbering) => self.accounting.numbering += 1,
            Origin::Package(Printer::References) => self.accounting.citations += 1,
            Origin::Package(Printer::Claim | Printer::Data) => {
                match self.pages.claim(letter).map(claims::Claim::kind).as_deref() {
                    Some("constant" | "term" | "declared") => self.accounting.declared += 1,
                    _ => self.accounting.artifacts += 1,
                }
            }
            Origin::Nowhere => {
                let what = self.pages.words[word].text();
                let problem = self.behind(word, "RS0204", &format!("`{what}` was computed"));
                self.report(problem, "a number that code made comes from no artifact; print numbers through the package");
            }
            Origin::Author(span, offset) => {
                let Some(place) = Place::of(self.world, span) else { return };
                self.authored_digit(&self.pages.words[word].text(), &place, span, offset);
            }
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

    fn authored_digit(&mut self, word: &str, place: &Place, span: Span, offset: usize) {
        match place.door {
            // The number of a citation; words of the author's beside it have places of their own.
            Some(Door::Citation)
                if matches!(place.kind, SyntaxKind::Ref | SyntaxKind::FuncCall) =>
            {
                self.accounting.citations += 1;
                return;
            }
            Some(Door::Citation) if is_locator(place.text()) && self.cites(place) => {
                self.accounting.citations += 1;
                return;
            }
            Some(Door::Quoted) => {
                self.accounting.citations += 1;
                return;
            }
            // A string in a formula is prose.
            Some(Door::Declared) if !(place.math && place.kind == SyntaxKind::Str) => {
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
        if self.is_term(&written) {
            self.accounting.declared += 1;
            return;
        }
        let what = mend(place, &written);
        let literal = matches!(
            place.kind,
            SyntaxKind::Text
                | SyntaxKind::MathText
                | SyntaxKind::Str
                | SyntaxKind::Int
                | SyntaxKind::Float
                | SyntaxKind::Numeric
                | SyntaxKind::Link
                | SyntaxKind::Escape
        );
        let mut problem = if literal {
            place.error("RS0201", range, format!("`{written}` comes from no artifact"))
        } else {
            place.error("RS0204", range, format!("the number in `{word}` was computed here"))
        };
        problem.hints.extend(nearby::suggestions(self.input, &written));
        self.report(problem, &what);
    }

    /// Whether the reference around a place is one to the bibliography.
    fn cites(&self, place: &Place) -> bool {
        let before = &place.source.text()[..place.range.start];
        let target = before.rsplit(['@', '<']).next().unwrap_or_default();
        let key: String = target
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))
            .collect();
        self.input.confirmed.contains_key(&key)
    }

    /// Whether the recipe declares a name with these digits.
    fn is_term(&self, written: &str) -> bool {
        self.input.terms.iter().any(|term| {
            term.starts_with(char::is_alphabetic)
                && term.split(' ').any(|part| part == written)
                && written.starts_with(char::is_alphabetic)
        })
    }

    fn words(&mut self) {
        let lexicon = Lexicon::new(&self.input.lexicon);
        let texts: Vec<String> = self.pages.words.iter().map(stated).collect();
        let plain: Vec<&str> = texts.iter().map(|text| trimmed(text)).collect();
        let mut covered = 0;
        for (i, word) in self.pages.words.iter().enumerate() {
            let mut own = word.letters.iter().filter(|letter| !letter.origin.is_package());
            let Some(letter) = own.find(|letter| letter.char.is_alphanumeric()) else { continue };
            let (before, after) = neighbours(&plain, i);
            if words::is_mixed(plain[i]) {
                self.disguised(i, letter, plain[i]);
            } else if words::states_number(plain[i], &word.lang, &before, &after) {
                self.number_word(i, letter, plain[i]);
                continue;
            }
            if i < covered {
                continue;
            }
            // A pattern does not go on behind the end of a sentence.
            let end =
                (i..plain.len()).find(|&j| ends_sentence(&texts[j])).map_or(plain.len(), |j| j + 1);
            if let Some((category, length)) = lexicon.find(&plain[i..end]) {
                let said = plain[i..i + length].join(" ");
                let measured = category == Category::Software
                    && self.measured_next(i + length, plain[i + length - 1]);
                // A term may be a word that only looks like a name; what has digits is a name.
                let term = category != Category::Comparison
                    && self.input.terms.contains(&said)
                    && !said.contains(is_digit);
                if !measured && !term {
                    covered = i + length;
                    self.lexical(i, letter, category, &said);
                }
            }
        }
    }

    /// Whether a word is printed by the package as a fact whose path has this name: a program's
    /// name may stand before its measured version.
    fn measured_next(&self, word: usize, name: &str) -> bool {
        let letter = self.pages.words.get(word).and_then(|word| word.letters.first());
        letter.and_then(|letter| self.pages.claim(letter)).is_some_and(|claim| {
            claim.path().split(['.', '-', '_']).any(|part| part.eq_ignore_ascii_case(name))
        })
    }

    /// A word that reads as one thing to people and as another to programs.
    fn disguised(&mut self, i: usize, letter: &Letter, word: &str) {
        let message = format!("\"{word}\" mixes Latin and Cyrillic letters that look the same");
        let problem = match self.place(letter) {
            Some((place, offset)) => place.error("RS0202", place.token(offset), message),
            None => self.behind(i, "RS0202", &message),
        };
        self.report(problem, "write it in the letters of one script");
    }

    fn number_word(&mut self, i: usize, letter: &Letter, word: &str) {
        let message = format!("\"{word}\" states a number that comes from no artifact");
        let mut problem = match self.place(letter) {
            Some((place, _)) if matches!(place.door, Some(Door::Quoted | Door::Declared)) => return,
            // Names of variables are no words; strings in formulas are.
            Some((place, _))
                if place.math
                    && (place.kind != SyntaxKind::Str || place.text().contains(is_digit)) =>
            {
                return;
            }
            Some((place, offset)) => place.error("RS0202", place.token(offset), message),
            None => self.behind(i, "RS0202", &message),
        };
        problem.hints.extend(nearby::suggestions(self.input, word));
        self.report(problem, "count things with `#count(..., words: true)`, compare with `#ratio(...)`, or say it without a number");
    }

    fn lexical(&mut self, i: usize, letter: &Letter, category: Category, said: &str) {
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
        let problem = match self.place(letter) {
            Some((place, _)) if place.door.is_some_and(|door| doors.contains(&door)) => return,
            Some((place, offset)) => {
                let range = place.phrase(place.token(offset), said);
                place.error(code, range, message)
            }
            None => self.behind(i, code, &message),
        };
        self.report(problem, hint);
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

/// The words of the author's around package text, without the package's letters.
fn stated(word: &Word) -> String {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    own.map(|letter| letter.char).collect()
}

/// A word without the punctuation around it, and without a possessive ending.
fn trimmed(word: &str) -> &str {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '+' | '&'));
    word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word)
}

fn ends_sentence(word: &str) -> bool {
    word.ends_with(['.', '!', '?', ':', ';'])
}

fn neighbours(words: &[&str], i: usize) -> (String, String) {
    let at = |i: Option<usize>| {
        i.and_then(|i| words.get(i)).map_or_else(String::new, |w| w.to_lowercase())
    };
    (at(i.checked_sub(1)), at(Some(i + 1)))
}

/// Whether a character is a digit or a number of any script, the faces of dice among them.
pub(super) fn is_digit(char: char) -> bool {
    char.is_numeric() || matches!(char, '\u{2680}'..='\u{2685}')
}

/// A place in the cited work: "p. 7", "Theorem 3".
fn is_locator(text: &str) -> bool {
    let lower = text.to_lowercase();
    let start = lower.trim_start_matches(|c: char| !c.is_alphabetic() && c != '§');
    let words = [
        "p",
        "pp",
        "page",
        "pages",
        "ch",
        "chapter",
        "sec",
        "section",
        "§",
        "fig",
        "figure",
        "tab",
        "table",
        "eq",
        "equation",
        "thm",
        "theorem",
        "lemma",
        "app",
        "appendix",
        "alg",
        "algorithm",
        "definition",
        "proposition",
        "line",
    ];
    let word: String = start.chars().take_while(|c| c.is_alphabetic() || *c == '§').collect();
    let rest = &start[word.len()..];
    words.contains(&word.as_str())
        && rest
            .split(|c: char| !c.is_alphanumeric())
            .all(|part| part.chars().filter(|c| c.is_alphabetic()).count() < 3)
        && !rest.contains('%')
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

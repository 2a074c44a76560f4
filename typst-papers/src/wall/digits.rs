//! Digits: each has a home, or is an error where it stands.

use typst::syntax::{LinkedNode, Span, SyntaxKind};

use super::pages::{Letter, Origin, Printer};
use super::place::{Door, Place};
use super::{Wall, claims, identifiers, is_digit, math, nearby};

impl Wall<'_> {
    /// Counts every digit of the pages, or reports it.
    pub(super) fn digits(&mut self) {
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
        if identifiers::is_identifier(place, span) {
            self.accounting.citations += 1;
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

//! Words: numbers in words, names of machines and software, comparisons.

use std::collections::BTreeSet;

use typst::syntax::SyntaxKind;

use super::lexicon::{self, Category, Lexicon};
use super::pages::{Letter, Word};
use super::place::Door;
use super::tokens::{Token, Tokens};
use super::{Wall, is_digit, nearby, words};

impl Wall<'_> {
    /// Reports every word that states what no artifact backs.
    pub(super) fn words(&mut self) {
        let pages = self.pages;
        let texts: Vec<String> = pages.words.iter().map(stated).collect();
        let tokens = Tokens::of(texts.iter().map(String::as_str));
        let mut numbers = BTreeSet::new();
        for (at, token) in tokens.all.iter().enumerate() {
            let word = &pages.words[token.word];
            let Some(letter) = own_letter(word, token) else { continue };
            let compound = tokens.compound(at);
            if words::is_mixed(compound) {
                self.disguised(token.word, letter, compound);
            } else if words::states_number(&tokens, at, &word.lang) {
                self.number_word(token.word, letter, compound);
                numbers.insert(at);
            }
        }
        let lexicon = Lexicon::new(&self.input.lexicon);
        for (at, category, length) in lexicon::said(&lexicon, &tokens) {
            // "twice as" is one mistake.
            if numbers.contains(&at) {
                continue;
            }
            let (token, last) = (&tokens.all[at], at + length - 1);
            let Some(letter) = own_letter(&pages.words[token.word], token) else { continue };
            let said = tokens.said(at, length);
            let measured = category == Category::Software
                && self.measured_next(tokens.all[last].word + 1, &tokens.all[last].text);
            // A term may be a word that only looks like a name; what has digits is a name.
            let term = category != Category::Comparison
                && self.input.terms.contains(&said)
                && !said.contains(is_digit);
            if !measured && !term {
                self.lexical(token.word, letter, category, &said);
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
        let message = format!("\"{word}\" mixes letters of several scripts that look the same");
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
            Category::Comparison | Category::Honest => (
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
}

/// The author's letter at which a token's compound begins.
fn own_letter<'a>(word: &'a Word, token: &Token) -> Option<&'a Letter> {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    own.skip(token.start).find(|letter| letter.char.is_alphanumeric())
}

/// The words of the author's around package text, without the package's letters.
fn stated(word: &Word) -> String {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    own.map(|letter| letter.char).collect()
}

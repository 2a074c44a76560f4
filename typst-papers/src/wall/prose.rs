//! Words: numbers in words, names of machines and software, comparisons.

use typst::syntax::SyntaxKind;

use super::lexicon::{Category, Lexicon};
use super::pages::{Letter, Word};
use super::place::Door;
use super::{Wall, is_digit, nearby, neighbours, trimmed, words};

impl Wall<'_> {
    /// Reports every word that states what no artifact backs.
    pub(super) fn words(&mut self) {
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
}

/// The words of the author's around package text, without the package's letters.
fn stated(word: &Word) -> String {
    let own = word.letters.iter().filter(|letter| !letter.origin.is_package());
    own.map(|letter| letter.char).collect()
}

fn ends_sentence(word: &str) -> bool {
    word.ends_with(['.', '!', '?', ':', ';'])
}

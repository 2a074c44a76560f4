//! A claim of the package on the pages, and whether it is there as it was printed.

use typst::foundations::{Dict, Value};

use super::pages::is_ink;

/// A claim as the package entered it in the ledger.
pub(super) struct Claim {
    dict: Dict,
    /// How many words the pages had before it.
    pub(super) word: usize,
    /// The letters that it prints, in lower case: a style may make capitals of them.
    letters: Vec<char>,
    /// How many of them the pages show.
    shown: usize,
    /// Whether the author's words are a part of what it prints.
    mixed: bool,
    /// Whether it is changed, covered, cut off or turned.
    pub(super) bent: bool,
}

impl Claim {
    pub(super) fn new(dict: Dict, word: usize) -> Claim {
        let mut claim =
            Claim { dict, word, letters: Vec::new(), shown: 0, mixed: false, bent: false };
        // The name of the other side may be the author's.
        claim.mixed = claim.kind() == "compare";
        // The words of a `claim` and what is `declared` are the author's.
        if !matches!(claim.kind().as_str(), "claim" | "declared") {
            let printed = claim.text("printed");
            claim.letters =
                printed.chars().filter(|c| is_ink(*c)).flat_map(char::to_lowercase).collect();
        }
        claim
    }

    /// `value`, `param`, `constant` and so on.
    pub(super) fn kind(&self) -> String {
        self.text("kind")
    }

    /// The path of what it prints.
    pub(super) fn path(&self) -> String {
        self.text("path")
    }

    /// Where its number comes from, the point included.
    pub(super) fn source(&self) -> String {
        self.text("source")
    }

    /// What of the source it is, as the ledger says: a mean, a minimum, one run.
    pub(super) fn statistic(&self) -> String {
        self.text("statistic")
    }

    /// The unit that its number has, printed or not.
    pub(super) fn unit(&self) -> String {
        self.text("unit")
    }

    /// Whether it was printed with a unit behind its number.
    pub(super) fn prints_unit(&self) -> bool {
        let printed = self.text("printed");
        printed.chars().next_back().is_some_and(|c| c.is_alphabetic() || c == '%')
    }

    /// Whether the next of its letters is this one; `printed` if the package printed it.
    pub(super) fn expects(&self, char: char, printed: bool) -> bool {
        (printed || self.mixed) && char.to_lowercase().eq(self.letters.get(self.shown).copied())
    }

    /// Takes the next letter.
    pub(super) fn take(&mut self) {
        self.shown += 1;
    }

    /// Whether the pages show all of it.
    pub(super) fn is_whole(&self) -> bool {
        self.shown >= self.letters.len()
    }

    /// What it prints.
    pub(super) fn printed(&self) -> String {
        self.text("printed")
    }

    fn text(&self, field: &str) -> String {
        match self.dict.get(field) {
            Ok(Value::Str(text)) => text.to_string(),
            Ok(Value::Content(content)) => content.plain_text().to_string(),
            _ => String::new(),
        }
    }
}

//! The lexicon: names of machines and software, and words that compare, as patterns of words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// What a pattern's words speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Hardware,
    Software,
    Comparison,
}

impl Category {
    fn named(name: &str) -> Option<Category> {
        match name {
            "hardware" => Some(Category::Hardware),
            "software" => Some(Category::Software),
            "comparison" => Some(Category::Comparison),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hardware: Vec<String>,
    software: Vec<String>,
    comparison: Vec<String>,
}

static BUILT_IN: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("lexicon.toml"))
        .expect("the lexicon's own file is well-formed");
    let of = |category, list: Vec<String>| {
        list.into_iter().map(move |text| Pattern::new(category, &text)).collect::<Vec<_>>()
    };
    let mut all = of(Category::Hardware, file.hardware);
    all.extend(of(Category::Software, file.software));
    all.extend(of(Category::Comparison, file.comparison));
    all
});

/// Words in a row, each with its alternatives.
#[derive(Debug, Clone)]
struct Pattern {
    category: Category,
    words: Vec<Vec<String>>,
}

impl Pattern {
    fn new(category: Category, text: &str) -> Pattern {
        let words = text.split(' ').map(|word| word.split('|').map(str::to_owned).collect());
        Pattern { category, words: words.collect() }
    }

    fn matches(&self, words: &[&str]) -> bool {
        words.len() >= self.words.len()
            && self
                .words
                .iter()
                .zip(words)
                .all(|(any, word)| any.iter().any(|pattern| self.word_matches(pattern, word)))
    }

    fn word_matches(&self, pattern: &str, word: &str) -> bool {
        if pattern == "_" {
            return true;
        }
        // Names are told by their capitals; what compares may begin a sentence.
        let lower = word.to_lowercase();
        let word = if self.category == Category::Comparison { &lower } else { word };
        // "Python-based" names Python.
        let word = match word.split_once('-') {
            Some((first, _)) if !pattern.contains('-') && first.len() > 1 => first,
            _ => word,
        };
        match pattern.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None => word == pattern,
        }
    }
}

/// The built-in lexicon and what a recipe adds.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    added: Vec<Pattern>,
}

impl Lexicon {
    pub(crate) fn new(added: &BTreeMap<String, Vec<String>>) -> Lexicon {
        let added = added.iter().filter_map(|(name, list)| Some((Category::named(name)?, list)));
        let added = added
            .flat_map(|(category, list)| list.iter().map(move |text| Pattern::new(category, text)));
        Lexicon { added: added.collect() }
    }

    /// What the words begin with, and how many of them: the longest pattern wins.
    pub(crate) fn find(&self, words: &[&str]) -> Option<(Category, usize)> {
        let all = BUILT_IN.iter().chain(&self.added);
        let matching = all.filter(|pattern| pattern.matches(words));
        matching.map(|p| (p.category, p.words.len())).max_by_key(|(_, length)| *length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sentence: &str) -> Option<(Category, String)> {
        let words: Vec<&str> = sentence.split(' ').collect();
        (0..words.len()).find_map(|i| {
            let (category, length) = Lexicon::default().find(&words[i..])?;
            Some((category, words[i..i + length].join(" ")))
        })
    }

    #[test]
    fn names_and_comparisons_are_found() {
        for (sentence, category, words) in [
            ("trained on an A100 card", Category::Hardware, "A100"),
            ("with PyTorch in Python", Category::Software, "PyTorch"),
            ("it Outperforms others", Category::Comparison, "Outperforms"),
            ("much more accurate than that", Category::Comparison, "more accurate than"),
            ("trained on a single GPU only", Category::Hardware, "on a single GPU"),
        ] {
            assert_eq!(found(sentence), Some((category, words.to_owned())), "{sentence}");
        }
    }

    #[test]
    fn ordinary_words_are_not() {
        for sentence in ["a python in the rust", "higher layers and lower blocks", "we may go on"] {
            assert_eq!(found(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn a_recipe_adds_words() {
        let added = BTreeMap::from([("hardware".to_owned(), vec!["Foo-9*".to_owned()])]);
        let found = Lexicon::new(&added).find(&["Foo-9000"]);
        assert_eq!(found, Some((Category::Hardware, 1)));
    }
}

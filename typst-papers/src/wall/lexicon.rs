//! The lexicon: names of machines and software, and words that compare, as patterns of words.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::tokens::{Token, Tokens};

/// What a pattern's words speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Category {
    Hardware,
    Software,
    Comparison,
    /// Words that hold a comparison and make none.
    Honest,
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

    /// Names are told by their capitals; other words may begin a sentence.
    fn is_name(self) -> bool {
        matches!(self, Category::Hardware | Category::Software)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    hardware: Vec<String>,
    software: Vec<String>,
    comparison: Vec<String>,
    honest: Vec<String>,
    /// Alternatives that several patterns have, by the name that they use.
    lists: BTreeMap<String, String>,
}

static BUILT_IN: LazyLock<Vec<Pattern>> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("lexicon.toml"))
        .expect("the lexicon's own file is well-formed");
    let of = |category, list: Vec<String>| {
        let texts = list.into_iter().map(|text| {
            file.lists
                .iter()
                .fold(text, |t, (name, words)| t.replace(&format!("{{{name}}}"), words))
        });
        texts.map(move |text| Pattern::new(category, &text)).collect::<Vec<_>>()
    };
    let mut all = of(Category::Hardware, file.hardware);
    all.extend(of(Category::Software, file.software));
    all.extend(of(Category::Comparison, file.comparison));
    all.extend(of(Category::Honest, file.honest));
    all
});

/// What may not stand in a gap: it begins another phrase, or another thing is spoken of.
const FUNCTION_WORDS: [&str; 44] = [
    "a", "an", "the", "of", "on", "in", "and", "or", "to", "for", "with", "at", "by", "is", "are",
    "was", "were", "than", "that", "which", "our", "its", "from", "as", "but", "if", "when", "we",
    "it", "not", "no", "rate", "rates", "bound", "bounds", "layer", "layers", "block", "blocks",
    "order", "level", "levels", "width", "depth",
];

/// What a question that may be denied begins with; "why" and "how" take their matter for granted.
const OPENING: [&str; 19] = [
    "Is", "Are", "Was", "Were", "Does", "Do", "Did", "Can", "Could", "Will", "Would", "Should",
    "May", "Might", "Has", "Have", "Which", "Whether", "What",
];

/// Words in a row, each with its alternatives.
#[derive(Debug, Clone)]
struct Pattern {
    category: Category,
    words: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Any,
    /// Up to two words.
    Gap,
    OneOf(Vec<String>),
}

impl Pattern {
    /// Hyphens are as good as spaces, here as in texts.
    fn new(category: Category, text: &str) -> Pattern {
        let words = text.split([' ', '-']).map(|word| match word {
            "_" => Part::Any,
            "__" => Part::Gap,
            _ => Part::OneOf(word.split('|').map(str::to_owned).collect()),
        });
        Pattern { category, words: words.collect() }
    }

    /// How many tokens the pattern takes.
    fn matches(&self, tokens: &[Token]) -> Option<usize> {
        self.rest_matches(&self.words, tokens)
    }

    fn rest_matches(&self, parts: &[Part], tokens: &[Token]) -> Option<usize> {
        let Some((part, rest)) = parts.split_first() else { return Some(0) };
        if let Part::Gap = part {
            let fills = |token: &&Token| {
                !token.ends_clause && !FUNCTION_WORDS.contains(&token.lower.as_str())
            };
            let most = tokens.iter().take(2).take_while(fills).count();
            return (0..=most).find_map(|n| Some(n + self.rest_matches(rest, &tokens[n..])?));
        }
        let (token, behind) = tokens.split_first()?;
        let fits = match part {
            Part::OneOf(patterns) => patterns.iter().any(|pattern| self.is(pattern, token)),
            Part::Any | Part::Gap => true,
        };
        if fits { Some(1 + self.rest_matches(rest, behind)?) } else { None }
    }

    fn is(&self, pattern: &str, token: &Token) -> bool {
        let word = if self.category.is_name() { &token.text } else { &token.lower };
        match pattern.strip_suffix('*') {
            Some(start) => word.starts_with(start),
            None if self.category.is_name() && !pattern.contains(|c: char| c.is_ascii_digit()) => {
                // "Python3"
                word.trim_end_matches(|c: char| c.is_ascii_digit()) == pattern
            }
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

    /// What the sentence says from a token on, and in how many: the longest pattern wins.
    pub(super) fn find(&self, tokens: &Tokens, at: usize) -> Option<(Category, usize)> {
        let (_, last) = tokens.sentence(at);
        let words = &tokens.all[at..=last];
        let all = BUILT_IN.iter().chain(&self.added);
        let matching = all.filter_map(|pattern| Some((pattern.category, pattern.matches(words)?)));
        matching.max_by_key(|(category, length)| (*length, *category == Category::Honest))
    }
}

/// What a text says that the lexicon knows, from first to last; nothing is said twice.
pub(super) fn said<'a>(
    lexicon: &'a Lexicon,
    tokens: &'a Tokens,
) -> impl Iterator<Item = (usize, Category, usize)> + 'a {
    let mut covered = 0;
    (0..tokens.all.len()).filter_map(move |at| {
        if at < covered {
            return None;
        }
        let (category, length) = lexicon.find(tokens, at)?;
        covered = at + length;
        let made = match category {
            Category::Honest => false,
            Category::Comparison => !is_asked(tokens, at),
            Category::Hardware | Category::Software => !is_absent(tokens, at),
        };
        made.then_some((at, category, length))
    })
}

/// Whether a token is of a question that leaves the answer open.
fn is_asked(tokens: &Tokens, at: usize) -> bool {
    let (first, last) = tokens.sentence(at);
    // What stands before it may be a heading, which ends without a sign.
    let opens = |token: &Token| OPENING.contains(&token.text.as_str());
    let denies = |token: &Token| matches!(token.lower.as_str(), "not" | "never" | "t");
    tokens.all[last].asks
        && tokens.all[first..at].iter().any(opens)
        && !tokens.all[first..=last].iter().any(denies)
}

/// Whether a name is said to be of something that was not there.
fn is_absent(tokens: &Tokens, at: usize) -> bool {
    let near = |by| tokens.near(at, by);
    match near(-1) {
        "no" | "without" => true,
        "a" | "an" | "any" => near(-2) == "without",
        "even" => near(-2) == "not",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sentence: &str) -> Option<(Category, String)> {
        let tokens = Tokens::of(sentence.split(' '));
        let lexicon = Lexicon::default();
        let first = said(&lexicon, &tokens).next();
        first.map(|(at, category, length)| (category, tokens.said(at, length)))
    }

    #[test]
    fn names_and_comparisons_are_found() {
        for (sentence, category, words) in [
            ("trained on an A100 card", Category::Hardware, "A100"),
            ("with PyTorch in Python", Category::Software, "PyTorch"),
            ("it Outperforms others", Category::Comparison, "Outperforms"),
            ("much more accurate than that", Category::Comparison, "more accurate than"),
            ("trained on a single GPU only", Category::Hardware, "on a single GPU"),
            ("the CPU/GPU split", Category::Hardware, "GPU"),
            ("a multi-GPU run", Category::Hardware, "multi-GPU"),
            ("libs(PyTorch) of it", Category::Software, "PyTorch"),
            ("the model—outperforming it", Category::Comparison, "outperforming"),
            ("a state‑of‑the‑art rate", Category::Comparison, "state‑of‑the‑art"),
            ("it out-performs others", Category::Comparison, "out-performs"),
            ("a higher test accuracy", Category::Comparison, "higher test accuracy"),
            ("run with python3 train.py", Category::Software, "with python3"),
        ] {
            assert_eq!(found(sentence), Some((category, words.to_owned())), "{sentence}");
        }
    }

    #[test]
    fn ordinary_words_are_not() {
        for sentence in [
            "a python in the rust",
            "higher layers and lower blocks",
            "we may go on",
            "With a higher rate, accuracy falls",
            "a lower bound on the loss",
            "Higher is better",
            "it grows faster than any polynomial",
            "Is the tuned rate better than the baseline?",
            "No GPU was used, and it works without a GPU",
            "not even Python was used",
            "We make no claim to the state of the art",
            "It increases the number of parameters and reduces the capacity",
        ] {
            assert_eq!(found(sentence), None, "{sentence}");
        }
    }

    #[test]
    fn what_only_looks_honest_is_a_comparison() {
        for sentence in [
            "lower is better than that",
            "Is it not better than the baseline?",
            "Why is it better than the baseline?",
            "It is better than others. Is it?",
        ] {
            assert!(found(sentence).is_some(), "{sentence}");
        }
    }

    #[test]
    fn a_recipe_adds_words() {
        let added = BTreeMap::from([("hardware".to_owned(), vec!["Foo-9*".to_owned()])]);
        let tokens = Tokens::of(["Foo-9000"]);
        let found = Lexicon::new(&added).find(&tokens, 0);
        assert_eq!(found, Some((Category::Hardware, 2)));
    }
}

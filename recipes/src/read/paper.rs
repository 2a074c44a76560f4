//! `[paper.*]`: a text to typeset.

use std::collections::{BTreeMap, BTreeSet};

use serde_spanned::Spanned;
use toml::de::DeValue;

use super::expect_array;
use super::fields::{self, Fields, Problems, excerpt};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{PaperLayer, Spot};
use crate::name::NodeKind;
use crate::recipe::{Mode, Style};

/// What words of the lexicon speak of.
const CATEGORIES: [&str; 3] = ["comparison", "hardware", "software"];

pub(super) fn read(mut fields: Fields<'_, '_>, spot: Spot, problems: &mut Problems) -> PaperLayer {
    let styles = [("conference", Style::Conference), ("report", Style::Report)];
    let modes = [("strict", Mode::Strict), ("free", Mode::Free)];
    let layer = PaperLayer {
        spot,
        text: fields.path("text", problems),
        bibliography: fields.path("bibliography", problems),
        style: fields.choice("style", &styles, problems).map(Spanned::into_inner),
        mode: fields.choice("mode", &modes, problems).map(Spanned::into_inner),
        terms: fields.take("terms").and_then(|value| words("terms", value, term, problems)),
        lexicon: lexicon(&mut fields, problems),
        data: fields.nodes("data", &[NodeKind::Experiment], problems),
        figures: fields.nodes("figures", &[NodeKind::Figure], problems),
        written: fields.written(),
    };
    fields.finish(problems);
    layer
}

fn lexicon(
    fields: &mut Fields<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut lexicon = BTreeMap::new();
    let Some((span, table)) = fields.table("lexicon", problems) else { return lexicon };
    let mut fields = Fields::new("a lexicon", span, table);
    for category in CATEGORIES {
        let Some(value) = fields.take(category) else { continue };
        if let Some(words) = words(category, value, word, problems) {
            lexicon.insert(category.to_owned(), words);
        }
    }
    fields.finish(problems);
    lexicon
}

/// Why a text cannot be what it is listed as: what stands under it, and what to do.
type Refusal = Option<(&'static str, &'static str)>;

/// A list of words, each once.
fn words(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    refuse: fn(&str) -> Refusal,
    problems: &mut Problems,
) -> Option<BTreeSet<String>> {
    let values = expect_array(&format!("`{key}`"), value, problems)?;
    let what = format!("each of `{key}`");
    let mut words: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
    for value in values {
        let Some(text) = fields::expect_str(&what, value, problems) else { continue };
        if let Some((label, help)) = refuse(text) {
            problems.push(
                Diagnostic::new(
                    Code::BadWord,
                    value.span(),
                    format!("`{}` cannot stand in `{key}`", excerpt(text)),
                )
                .label(label)
                .help(help),
            );
        } else if let Some(first) = words.get(text) {
            problems.push(
                Diagnostic::new(
                    Code::DuplicateKey,
                    value.span(),
                    format!("`{}` stands twice in `{key}`", excerpt(text)),
                )
                .label("the second time")
                .also(first.clone(), "the first time"),
            );
        } else {
            words.insert(text, value.span());
        }
    }
    Some(words.into_keys().map(str::to_owned).collect())
}

/// A term is a name. What begins with a bare number is a measurement, and a list of terms must be
/// no door for those.
fn term(text: &str) -> Refusal {
    let first = text.split_whitespace().next().unwrap_or_default();
    match word(text) {
        None if !first.chars().any(char::is_alphabetic) => Some((
            "begins with a bare number",
            "a term is a name such as `GPT-2`; numbers come from `value`, `param` or `constant`",
        )),
        refusal => refusal,
    }
}

fn word(text: &str) -> Refusal {
    if text.trim().is_empty() {
        Some(("is empty", "write the word, or remove it"))
    } else if text.trim() != text || text.chars().any(char::is_control) {
        Some(("has space around it, or a control character", "write it as the text prints it"))
    } else {
        None
    }
}

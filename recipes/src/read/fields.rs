//! Typed reading of one table: every key is asked for once, the rest is unknown.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::name::{NodeKind, NodeName, ParseNameError};
use crate::nearest::nearest;

/// What has been found wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Problems(pub(crate) Vec<Diagnostic>);

impl Problems {
    pub(crate) fn push(&mut self, problem: Diagnostic) {
        self.0.push(problem);
    }

    /// Notes that `what` should be an `expected`.
    pub(crate) fn wrong_type(&mut self, what: &str, expected: &str, found: &Spanned<DeValue<'_>>) {
        let name = describe(found.get_ref());
        self.push(
            Diagnostic::new(
                Code::WrongType,
                found.span(),
                format!("{what} must be {expected}, not {name}"),
            )
            .label(format!("expected {expected}, found {name}")),
        );
    }
}

/// A table being read.
pub(crate) struct Fields<'t, 'i> {
    what: &'static str,
    span: Range<usize>,
    table: &'t DeTable<'i>,
    known: Vec<&'static str>,
}

impl<'t, 'i> Fields<'t, 'i> {
    /// `what` names the table in messages: `an experiment`.
    pub(crate) fn new(
        what: &'static str,
        span: Range<usize>,
        table: &'t DeTable<'i>,
    ) -> Fields<'t, 'i> {
        Fields { what, span, table, known: Vec::with_capacity(16) }
    }

    /// Where the table stands.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The value of a key, whatever it is.
    pub(crate) fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.table.get(key)
    }

    /// Where a key stands.
    pub(crate) fn take_key_span(&mut self, key: &'static str) -> Option<Range<usize>> {
        self.known.push(key);
        self.table.get_key_value(key).map(|(key, _)| key.span())
    }

    pub(crate) fn string(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Spanned<String>> {
        let value = self.take(key)?;
        let text = expect_str(&format!("`{key}`"), value, problems)?;
        Some(Spanned::new(value.span(), text.to_owned()))
    }

    /// Text that stands in print: not empty.
    pub(crate) fn words(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Spanned<String>> {
        let text = self.string(key, problems)?;
        if text.get_ref().trim().is_empty() {
            problems.push(
                Diagnostic::new(Code::WrongType, text.span(), format!("`{key}` is empty"))
                    .label("expected text")
                    .help(format!("write the text, or remove `{key}`")),
            );
            return None;
        }
        Some(text)
    }

    /// A path below the project.
    pub(crate) fn path(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Spanned<String>> {
        let text = self.string(key, problems)?;
        path(&format!("`{key}`"), &text, problems)
    }

    pub(crate) fn table(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<(Range<usize>, &'t DeTable<'i>)> {
        let value = self.take(key)?;
        expect_table(&format!("`{key}`"), value, problems)
    }

    /// A name from a closed list.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&str, T)],
        problems: &mut Problems,
    ) -> Option<Spanned<T>> {
        let text = self.string(key, problems)?;
        let found = choices.iter().find(|(word, _)| *word == text.get_ref());
        if let Some((_, value)) = found {
            return Some(Spanned::new(text.span(), *value));
        }
        bad_choice(
            key,
            &text,
            &choices.iter().map(|(word, _)| *word).collect::<Vec<_>>(),
            problems,
        );
        None
    }

    /// A reference to a node of one of these kinds. Whether it exists is asked later.
    pub(crate) fn node(
        &mut self,
        key: &'static str,
        kinds: &[NodeKind],
        problems: &mut Problems,
    ) -> Option<Spanned<NodeName>> {
        let value = self.take(key)?;
        node(&format!("`{key}`"), value, kinds, problems)
    }

    /// A list of references.
    pub(crate) fn nodes(
        &mut self,
        key: &'static str,
        kinds: &[NodeKind],
        problems: &mut Problems,
    ) -> Option<Vec<Spanned<NodeName>>> {
        let value = self.take(key)?;
        let values = super::expect_array(&format!("`{key}`"), value, problems)?;
        let what = format!("each of `{key}`");
        let mut nodes: Vec<Spanned<NodeName>> = Vec::with_capacity(values.len());
        let mut wrong = 0;
        for value in values {
            let Some(name) = node(&what, value, kinds, problems) else {
                wrong += 1;
                continue;
            };
            if let Some(first) = nodes.iter().find(|first| first.get_ref() == name.get_ref()) {
                problems.push(
                    Diagnostic::new(
                        Code::DuplicateKey,
                        name.span(),
                        format!("`{}` stands twice in `{key}`", name.get_ref()),
                    )
                    .label("the second time")
                    .also(first.span(), "the first time"),
                );
                continue;
            }
            nodes.push(name);
        }
        // A list of which nothing is left was not written empty.
        (!nodes.is_empty() || wrong == 0).then_some(nodes)
    }

    /// The keys that were asked for and stand there, rightly or wrongly.
    pub(crate) fn written(&self) -> Vec<&'static str> {
        self.known.iter().copied().filter(|key| self.table.contains_key(*key)).collect()
    }

    /// The same keys with where their values stand.
    pub(crate) fn written_at(&self) -> BTreeMap<&'static str, Range<usize>> {
        let value = |key: &&'static str| Some((*key, self.table.get(*key)?.span()));
        self.known.iter().filter_map(value).collect()
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self, problems: &mut Problems) {
        for (key, _) in self.table {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let shown = excerpt(name);
            let problem = Diagnostic::new(
                Code::UnknownKey,
                key.span(),
                format!("unknown key `{shown}` in {}", self.what),
            );
            problems.push(match nearest(name, self.known.iter().copied()) {
                Some(near) => problem
                    .label(format!("did you mean `{near}`?"))
                    .help(format!("a key with a similar name exists: `{near}`")),
                None => problem
                    .label("unknown key")
                    .help(format!("valid keys are {}", listed(&self.known))),
            });
        }
    }
}

/// Reports a word that is not among the choices.
pub(crate) fn bad_choice(
    key: &str,
    text: &Spanned<String>,
    choices: &[&str],
    problems: &mut Problems,
) {
    let problem = Diagnostic::new(
        Code::BadChoice,
        text.span(),
        format!("`{}` is not a choice for `{key}`", excerpt(text.get_ref())),
    )
    .help(format!("choices are {}", listed(choices)));
    problems.push(match nearest(text.get_ref(), choices.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label("not a choice"),
    });
}

pub(crate) fn expect_str<'t>(
    what: &str,
    value: &'t Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<&'t str> {
    match value.get_ref() {
        DeValue::String(text) => Some(text),
        _ => {
            problems.wrong_type(what, "a string", value);
            None
        }
    }
}

pub(crate) fn expect_table<'t, 'i>(
    what: &str,
    value: &'t Spanned<DeValue<'i>>,
    problems: &mut Problems,
) -> Option<(Range<usize>, &'t DeTable<'i>)> {
    match value.get_ref() {
        DeValue::Table(table) => Some((value.span(), table)),
        _ => {
            problems.wrong_type(what, "a table", value);
            None
        }
    }
}

/// A whole number from `least` to `most`, or none with a problem noted.
pub(crate) fn expect_count(
    what: &str,
    value: &Spanned<DeValue<'_>>,
    least: u64,
    most: u64,
    problems: &mut Problems,
) -> Option<u64> {
    let DeValue::Integer(integer) = value.get_ref() else {
        problems.wrong_type(what, "a whole number", value);
        return None;
    };
    let digits = integer.as_str().trim_start_matches('+');
    let number = i128::from_str_radix(digits, integer.radix()).unwrap_or(i128::MAX);
    match u64::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Some(number),
        _ => {
            problems.push(
                Diagnostic::new(
                    Code::BadCount,
                    value.span(),
                    format!("{what} must be from {least} to {most}"),
                )
                .label(if number < i128::from(least) {
                    "too small"
                } else {
                    "too large"
                }),
            );
            None
        }
    }
}

/// Reads a reference to a node of one of these kinds.
pub(crate) fn node(
    what: &str,
    value: &Spanned<DeValue<'_>>,
    kinds: &[NodeKind],
    problems: &mut Problems,
) -> Option<Spanned<NodeName>> {
    let text = expect_str(what, value, problems)?;
    let span = value.span();
    let wanted: Vec<String> = kinds.iter().map(|kind| kind.with_article()).collect();
    let wanted = wanted.join(" or ");
    let example = kinds[0];
    match text.parse::<NodeName>() {
        Ok(name) if kinds.contains(&name.kind) => Some(Spanned::new(span, name)),
        Ok(name) => {
            problems.push(
                Diagnostic::new(
                    Code::WrongKind,
                    span,
                    format!("{what} must be {wanted}, not {}", name.kind.with_article()),
                )
                .label(format!("expected {wanted}")),
            );
            None
        }
        Err(error) => {
            let shown = excerpt(text);
            let problem = Diagnostic::new(
                Code::DanglingName,
                span,
                format!("`{shown}` is not the name of a node"),
            );
            problems.push(match error {
                ParseNameError::UnknownKind(kind) => problem.label(
                    match nearest(&kind, NodeKind::ALL.iter().map(|kind| kind.as_str())) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "no such kind of node".to_owned(),
                    },
                ),
                ParseNameError::NoKind(_) => problem
                    .label("the kind is missing")
                    .help(format!("write kind and name: `{example}.{shown}`")),
                ParseNameError::BadName(_, why) => problem.label(why),
                ParseNameError::BadAction(_) => problem,
            });
            None
        }
    }
}

/// Checks a path and brings it into its one form.
pub(crate) fn path(
    what: &str,
    text: &Spanned<String>,
    problems: &mut Problems,
) -> Option<Spanned<String>> {
    match crate::path::normal(text.get_ref()) {
        Ok(path) => Some(Spanned::new(text.span(), path)),
        Err(why) => {
            problems.push(
                Diagnostic::new(
                    Code::BadPath,
                    text.span(),
                    format!("{what} must be a path inside the project"),
                )
                .label(why.to_string())
                .help("write it relative to the recipe, with `/`: `experiment/data.json`"),
            );
            None
        }
    }
}

/// A type as people name it.
pub(crate) fn describe(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// The start of a text that came from outside, for use inside a message.
pub(crate) fn excerpt(text: &str) -> String {
    let mut shown: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("...");
    }
    shown.replace("\\'", "'").replace("\\\"", "\"")
}

/// `a`, `b` and `c`, each in backquotes.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

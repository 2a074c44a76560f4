//! Reading: bytes to layers, with everything that is wrong in them.
//!
//! [`document`] turns bytes into a table that knows where each value stands, [`fields`] reads
//! typed values out of it, and the other modules say which keys each kind of node has. Nothing
//! stops at the first mistake: a reader that finds one notes it and goes on without the value.

mod diff;
pub(crate) mod document;
mod experiment;
pub(crate) mod fields;
mod figure;
mod metric;
mod paper;
mod project;
mod source;
pub(crate) mod value;

use std::collections::BTreeMap;

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{Layers, NodeLayers, Spot};
use crate::name::{NodeKind, why_not_a_name};
use fields::{Fields, Problems};

/// Reads the whole table of a recipe.
pub(crate) fn layers(table: &DeTable<'_>, problems: &mut Problems) -> Layers {
    let mut fields = Fields::new("a recipe", 0..0, table);
    let (project, default_profile) = match fields.table("project", problems) {
        Some((span, table)) => project::read(Fields::new("[project]", span, table), problems),
        None => {
            if !table.contains_key("project") {
                problems.push(
                    Diagnostic::new(Code::MissingKey, 0..0, "the recipe has no `[project]`")
                        .help("begin with `[project]` and `name = \"my-paper\"`"),
                );
            }
            project::unknown()
        }
    };
    let remote = fields.table("remote", problems).and_then(|(span, table)| {
        let mut fields = Fields::new("[remote]", span, table);
        let url = fields.words("url", problems);
        fields.finish(problems);
        url
    });
    let base = nodes(&mut fields, problems);
    let mut profiles = BTreeMap::new();
    if let Some((_, table)) = fields.table("profile", problems) {
        for (name, value) in table {
            check_name("a profile", name, problems);
            let Some((span, table)) = fields::expect_table("a profile", value, problems) else {
                continue;
            };
            let mut fields = Fields::new("a profile", span, table);
            let layer = nodes(&mut fields, problems);
            fields.finish(problems);
            profiles.insert(name.get_ref().to_string(), layer);
        }
    }
    fields.finish(problems);
    Layers { project, remote, default_profile, base, profiles }
}

fn nodes(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> NodeLayers {
    let nodes = NodeLayers {
        sources: kind(fields, NodeKind::Source, problems, source::read),
        diffs: kind(fields, NodeKind::Diff, problems, diff::read),
        experiments: kind(fields, NodeKind::Experiment, problems, experiment::read),
        figures: kind(fields, NodeKind::Figure, problems, figure::read),
        papers: kind(fields, NodeKind::Paper, problems, paper::read),
    };
    for later in [NodeKind::Idea, NodeKind::Review] {
        if let Some(span) = fields.take_key_span(later.as_str()) {
            problems.push(
                Diagnostic::new(
                    Code::NotSupported,
                    span,
                    format!("nodes of the kind `{later}` are not supported yet"),
                )
                .label("this version cannot make it")
                .help("remove it; everything else in the recipe works without it"),
            );
        }
    }
    nodes
}

/// Reads all nodes of one kind.
fn kind<L>(
    fields: &mut Fields<'_, '_>,
    kind: NodeKind,
    problems: &mut Problems,
    read: fn(Fields<'_, '_>, Spot, &mut Problems) -> L,
) -> BTreeMap<String, L> {
    let mut layers = BTreeMap::new();
    let Some((_, table)) = fields.table(kind.as_str(), problems) else { return layers };
    let what = match kind {
        NodeKind::Source => "a source",
        NodeKind::Diff => "a diff",
        NodeKind::Experiment => "an experiment",
        NodeKind::Figure => "a figure",
        NodeKind::Paper => "a paper",
        NodeKind::Idea => "an idea",
        NodeKind::Review => "a review",
    };
    let mut lower: BTreeMap<String, &Spanned<std::borrow::Cow<'_, str>>> = BTreeMap::new();
    for (name, value) in table {
        check_name(what, name, problems);
        if let Some(other) = lower.insert(name.get_ref().to_ascii_lowercase(), name) {
            // Tables are read by name; the one that stands further down is the one to rename.
            let later = other.span().start > name.span().start;
            let (first, second) = if later { (name, other) } else { (other, name) };
            problems.push(
                Diagnostic::new(
                    Code::CaseClash,
                    second.span(),
                    format!("`{kind}.{}` differs from another name only in case", second.get_ref()),
                )
                .label("would be the same file on some systems")
                .also(first.span(), "the other name")
                .help("rename one of the two"),
            );
        }
        let Some((span, table)) = fields::expect_table(what, value, problems) else { continue };
        let spot = Spot { span: span.clone(), name: name.span() };
        layers.insert(
            name.get_ref().to_string(),
            read(Fields::new(what, span, table), spot, problems),
        );
    }
    layers
}

/// Reports a key that names something and cannot.
pub(crate) fn check_name(
    what: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    problems: &mut Problems,
) -> bool {
    let Some(why) = why_not_a_name(name.get_ref()) else { return true };
    problems.push(
        Diagnostic::new(
            Code::BadName,
            name.span(),
            format!("`{}` cannot be the name of {what}", fields::excerpt(name.get_ref())),
        )
        .label(why)
        .help("names look like `baseline`, `lr-0_1` or `2layers`"),
    );
    false
}

/// The values of an array, or none with a problem noted.
pub(crate) fn expect_array<'t, 'i>(
    what: &str,
    value: &'t Spanned<DeValue<'i>>,
    problems: &mut Problems,
) -> Option<&'t [Spanned<DeValue<'i>>]> {
    match value.get_ref() {
        DeValue::Array(values) => Some(values),
        _ => {
            problems.wrong_type(what, "an array", value);
            None
        }
    }
}

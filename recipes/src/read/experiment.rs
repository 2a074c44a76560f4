//! `[experiment.*]`: a program, what it is given and what it measures.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_spanned::Spanned;
use toml::de::DeValue;

use super::fields::{self, Fields, Problems};
use super::{check_name, expect_array, metric, value};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{ExperimentLayer, LimitsLayer, Spot};
use crate::name::{NodeKind, NodeName};
use crate::quantity::{parse_duration, parse_size};
use crate::recipe::BuildSystem;
use crate::value::Value;

/// Runs per point; more is surely a slip.
const MAX_SEEDS: u64 = 10_000;

pub(super) fn read(
    mut fields: Fields<'_, '_>,
    spot: Spot,
    problems: &mut Problems,
) -> ExperimentLayer {
    let mut layer = ExperimentLayer {
        spot,
        extends: fields.node("extends", &[NodeKind::Experiment], problems),
        label: fields.words("label", problems),
        source: fields.node("source", &[NodeKind::Source, NodeKind::Diff], problems),
        build: fields.take("build").and_then(|value| build(value, problems)),
        run: fields.take("run").and_then(|value| argv("`run`", value, problems)),
        params: params(&mut fields, problems),
        matrix: matrix(&mut fields, problems),
        seeds: fields.take("seeds").and_then(|value| {
            let count = fields::expect_count("`seeds`", value, 1, MAX_SEEDS, problems)?;
            Some(Spanned::new(value.span(), count as u32))
        }),
        limits: limits(&mut fields, problems),
        metrics: metric::metrics(&mut fields, problems),
        env: env(&mut fields, problems),
        inputs: inputs(&mut fields, problems),
        written: Vec::new(),
    };
    if let Some(span) = fields.take_key_span("key-on") {
        problems.push(
            Diagnostic::new(Code::NotSupported, span, "`key-on` is not supported yet")
                .label("hardware is measured and printed, and enters no key")
                .help("remove it"),
        );
    }
    layer.written = fields.written();
    for (name, axis) in &layer.matrix {
        if let Some(param) = layer.params.get(name) {
            problems.push(
                Diagnostic::new(
                    Code::ParamOverlap,
                    axis.span(),
                    format!("`{name}` is both a param and an axis of the matrix"),
                )
                .label("the axis gives it several values")
                .also(param.span(), "the param gives it one")
                .help("remove one of the two"),
            );
        }
    }
    fields.finish(problems);
    layer
}

/// What is not built is its own program.
type Built = Spanned<Option<BuildSystem>>;

fn build(value: &Spanned<DeValue<'_>>, problems: &mut Problems) -> Option<Built> {
    let system = match value.get_ref() {
        DeValue::Array(_) => {
            let words = argv("`build`", value, problems)?;
            Some(BuildSystem::Command(words.into_iter().map(Spanned::into_inner).collect()))
        }
        DeValue::String(text) => match text.as_ref() {
            "cargo" => Some(BuildSystem::Cargo),
            "none" => None,
            "uv" => {
                problems.push(
                    Diagnostic::new(
                        Code::NotSupported,
                        value.span(),
                        "building with uv is not supported yet",
                    )
                    .label("this version builds with cargo or a command")
                    .help("write `build = \"none\"` and call the interpreter in `run`"),
                );
                return None;
            }
            other => {
                let text = Spanned::new(value.span(), other.to_owned());
                fields::bad_choice("build", &text, &["cargo", "none"], problems);
                return None;
            }
        },
        _ => {
            problems.wrong_type("`build`", "`\"cargo\"`, `\"none\"` or a command", value);
            return None;
        }
    };
    Some(Spanned::new(value.span(), system))
}

fn argv(
    what: &str,
    value: &Spanned<DeValue<'_>>,
    problems: &mut Problems,
) -> Option<Vec<Spanned<String>>> {
    let values = match value.get_ref() {
        DeValue::String(text) => {
            problems.push(
                Diagnostic::new(
                    Code::WrongType,
                    value.span(),
                    format!("{what} must be an array of strings, not a string"),
                )
                .label("expected an array, found a string")
                .help(format!("no shell splits words: write {}", suggested(text))),
            );
            return None;
        }
        _ => expect_array(what, value, problems)?,
    };
    let word = format!("each word of {what}");
    let words: Option<Vec<Spanned<String>>> = values
        .iter()
        .map(|value| {
            let text = fields::expect_str(&word, value, problems)?;
            if text.contains('\0') {
                problems.push(
                    Diagnostic::new(Code::BadCommand, value.span(), "a word holds a NUL character")
                        .label("no program can be given this"),
                );
                return None;
            }
            Some(Spanned::new(value.span(), text.to_owned()))
        })
        .collect();
    let words = words?;
    if words.first().is_none_or(|program| program.get_ref().trim().is_empty()) {
        problems.push(
            Diagnostic::new(Code::BadCommand, value.span(), format!("{what} names no program"))
                .label("the first word is the program")
                .help("write it like `[\"grokking\", \"--params\", \"{params}\"]`"),
        );
        return None;
    }
    Some(words)
}

fn suggested(text: &str) -> String {
    let words: Vec<String> =
        text.split_whitespace().take(8).map(|word| format!("{word:?}")).collect();
    format!("`[{}]`", words.join(", "))
}

fn params(
    fields: &mut Fields<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, Spanned<Value>> {
    let mut params = BTreeMap::new();
    let Some((_, table)) = fields.table("params", problems) else { return params };
    for (name, found) in table {
        let good = check_param_name("a param", name, problems);
        if let Some(read) = value::read(found, problems)
            && good
        {
            params.insert(name.get_ref().to_string(), Spanned::new(found.span(), read));
        }
    }
    params
}

/// A param's name is a placeholder as well, so it cannot be one of those that are always there.
fn check_param_name(
    what: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    problems: &mut Problems,
) -> bool {
    let reserved = match name.get_ref().as_ref() {
        "seed" => "every run gets a seed of its own; `seeds` says how many runs there are",
        "out" => "`{out}` is the run's output directory",
        "params" => "`{params}` is the file that holds all params",
        _ => return check_name(what, name, problems),
    };
    problems.push(
        Diagnostic::new(
            Code::BadName,
            name.span(),
            format!("`{}` cannot be the name of {what}", name.get_ref()),
        )
        .label("this name is taken")
        .help(reserved),
    );
    false
}

fn matrix(
    fields: &mut Fields<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, Spanned<Vec<Value>>> {
    let mut matrix = BTreeMap::new();
    let Some((_, table)) = fields.table("matrix", problems) else { return matrix };
    for (name, found) in table {
        let good = check_param_name("an axis", name, problems);
        let what = format!("the axis `{}`", fields::excerpt(name.get_ref()));
        let Some(values) = expect_array(&what, found, problems) else { continue };
        let mut axis: Vec<Value> = Vec::with_capacity(values.len());
        for found in values {
            let Some(read) = value::read(found, problems) else { continue };
            if !read.is_scalar() {
                problems.wrong_type("a value of an axis", "a single value", found);
                continue;
            }
            if axis.contains(&read) {
                problems.push(
                    Diagnostic::new(
                        Code::BadAxis,
                        found.span(),
                        format!(
                            "{what} has the value `{}` twice",
                            fields::excerpt(&read.to_string())
                        ),
                    )
                    .label("the second time")
                    .help("to run the same point again, raise `seeds`"),
                );
                continue;
            }
            axis.push(read);
        }
        if values.is_empty() {
            problems.push(
                Diagnostic::new(Code::BadAxis, found.span(), format!("{what} has no values"))
                    .label("a matrix with an empty axis has no point")
                    .help("give it a value, or remove it"),
            );
        }
        if good && !axis.is_empty() {
            matrix.insert(name.get_ref().to_string(), Spanned::new(found.span(), axis));
        }
    }
    matrix
}

fn limits(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> LimitsLayer {
    let mut limits = LimitsLayer::default();
    let Some((span, table)) = fields.table("limits", problems) else { return limits };
    let mut fields = Fields::new("`limits`", span, table);
    limits.wall = duration(&mut fields, "wall", problems);
    limits.cpu = duration(&mut fields, "cpu", problems);
    limits.memory = size(&mut fields, "memory", problems);
    limits.disk = size(&mut fields, "disk", problems);
    limits.log = size(&mut fields, "log", problems);
    let mut count = |key: &'static str, least, most| {
        let value = fields.take(key)?;
        let count = fields::expect_count(&format!("`{key}`"), value, least, most, problems)?;
        u32::try_from(count).ok()
    };
    limits.processes = count("processes", 1, 1_000_000);
    limits.files = count("files", 1, 1_000_000);
    limits.cpus = count("cpus", 1, 4096);
    limits.gpus = count("gpus", 0, 64);
    fields.finish(problems);
    limits
}

fn duration(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Duration> {
    let text = fields.string(key, problems)?;
    let duration = parse_duration(text.get_ref());
    if duration.is_none() {
        problems.push(
            Diagnostic::new(
                Code::BadDuration,
                text.span(),
                format!("`{}` is not a duration", fields::excerpt(text.get_ref())),
            )
            .label("expected whole numbers with `d`, `h`, `min`, `s` or `ms`")
            .help("durations look like `90s`, `10min` or `1h30min`"),
        );
    }
    duration
}

fn size(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Problems) -> Option<u64> {
    let text = fields.string(key, problems)?;
    let size = parse_size(text.get_ref());
    if size.is_none() {
        problems.push(
            Diagnostic::new(
                Code::BadSize,
                text.span(),
                format!("`{}` is not a size", fields::excerpt(text.get_ref())),
            )
            .label("expected a whole number with `B`, `kB`, `MB`, `GB`, `KiB`, `MiB` or `GiB`")
            .help("sizes look like `500MB` or `4GiB`"),
        );
    }
    size
}

fn env(fields: &mut Fields<'_, '_>, problems: &mut Problems) -> BTreeMap<String, Spanned<String>> {
    let mut env = BTreeMap::new();
    let Some((_, table)) = fields.table("env", problems) else { return env };
    for (name, found) in table {
        let text = fields::expect_str("an environment variable", found, problems);
        if let Some(why) = why_not_a_variable(name.get_ref()) {
            let shown = fields::excerpt(name.get_ref());
            problems.push(
                Diagnostic::new(Code::BadEnv, name.span(), format!("`{shown}` cannot be set"))
                    .label(why),
            );
            continue;
        }
        let Some(text) = text else { continue };
        if text.contains('\0') {
            problems.push(
                Diagnostic::new(Code::BadEnv, found.span(), "a value holds a NUL character")
                    .label("no program can be given this"),
            );
            continue;
        }
        env.insert(name.get_ref().to_string(), Spanned::new(found.span(), text.to_owned()));
    }
    env
}

fn why_not_a_variable(name: &str) -> Option<&'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.as_bytes()[0].is_ascii_digit() || !name.bytes().all(word) {
        return Some("names are ASCII letters, digits and `_`, and begin with no digit");
    }
    if name.starts_with("RESCIENCE_") {
        return Some("the `RESCIENCE_` variables are the contract with the experiment");
    }
    let kept = ["PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "TZ", "LD_PRELOAD", "LD_LIBRARY_PATH"];
    kept.contains(&name).then_some("the sandbox sets this one itself, the same on every machine")
}

fn inputs(
    fields: &mut Fields<'_, '_>,
    problems: &mut Problems,
) -> BTreeMap<String, Spanned<NodeName>> {
    let mut inputs = BTreeMap::new();
    let Some((_, table)) = fields.table("inputs", problems) else { return inputs };
    let kinds = [NodeKind::Source, NodeKind::Diff, NodeKind::Experiment];
    let mut variables: BTreeMap<String, std::ops::Range<usize>> = BTreeMap::new();
    for (name, found) in table {
        let good = check_name("an input", name, problems);
        let variable = name.get_ref().to_ascii_uppercase().replace('-', "_");
        if let Some(other) = variables.insert(variable.clone(), name.span()) {
            problems.push(
                Diagnostic::new(
                    Code::CaseClash,
                    name.span(),
                    format!("two inputs would both be `RESCIENCE_INPUT_{variable}`"),
                )
                .label("the second input")
                .also(other, "the first input")
                .help("rename one of the two"),
            );
        }
        if let (true, Some(node)) = (good, fields::node("an input", found, &kinds, problems)) {
            inputs.insert(name.get_ref().to_string(), node);
        }
    }
    inputs
}

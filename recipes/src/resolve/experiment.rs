//! Experiments with all their parts present and their templates filled or checked.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::missing;
use super::refer::Names;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{ExperimentLayer, LimitsLayer, NodeLayers};
use crate::name::NodeName;
use crate::nearest::nearest;
use crate::placeholder::{Piece, fill, pieces};
use crate::read::fields::{Problems, excerpt, listed};
use crate::recipe::{BuildSystem, Experiment, Limits};
use crate::value::Value;

/// Runs of one experiment; more is surely a slip.
const MAX_RUNS: u128 = 100_000;

pub(super) fn resolve(
    nodes: &NodeLayers,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Experiment> {
    let mut experiments = BTreeMap::new();
    let mut builds: BTreeMap<&NodeName, &Spanned<Option<BuildSystem>>> = BTreeMap::new();
    for (name, layer) in &nodes.experiments {
        if let (Some(source), Some(build)) = (&layer.source, &layer.build) {
            let first = builds.entry(source.get_ref()).or_insert(build);
            if first.get_ref() != build.get_ref() {
                problems.push(two_builds(source.get_ref(), first, build));
            }
        }
        if let Some(experiment) = finish(name, layer, names, problems) {
            experiments.insert(name.clone(), experiment);
        }
    }
    experiments
}

fn two_builds(
    source: &NodeName,
    first: &Spanned<Option<BuildSystem>>,
    second: &Spanned<Option<BuildSystem>>,
) -> Diagnostic {
    let named = |build: &Spanned<Option<BuildSystem>>| {
        let build = build.get_ref().as_ref();
        build.map_or_else(|| "none".to_owned(), |build| excerpt(&build.to_string()))
    };
    Diagnostic::new(Code::TwoBuilds, second.span(), format!("`{source}` is built in two ways"))
        .label(format!("here with `{}`", named(second)))
        .also(first.span(), format!("here with `{}`", named(first)))
        .help("give one of the experiments a source of its own; it may have the same path")
}

fn finish(
    name: &str,
    layer: &ExperimentLayer,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> Option<Experiment> {
    let what = format!("`experiment.{name}`");
    let needed = [
        ("source", "add `source = \"source.template\"`"),
        ("build", "add `build = \"cargo\"`, `build = \"none\"` or a command"),
        ("run", "add `run = [\"program\", \"--params\", \"{params}\", \"--out\", \"{out}\"]`"),
    ];
    for (key, help) in needed {
        if !layer.written.contains(&key) {
            problems.push(missing(&layer.spot, &what, key, help));
        }
    }
    check_run(layer, problems);
    check_build(layer, problems);
    check_size(&what, layer, problems);
    let label = label(name, layer, problems);
    let mut inputs = layer.inputs.clone();
    inputs.retain(|_, input| names.check(input, problems));
    let source = layer.source.as_ref().filter(|source| names.check(source, problems))?;
    let plain = |word: &Spanned<String>| word.get_ref().clone();
    Some(Experiment {
        span: layer.spot.span.clone(),
        label,
        source: source.clone(),
        build: layer.build.clone()?,
        run: layer.run.as_ref()?.iter().map(plain).collect(),
        params: unspan(&layer.params),
        matrix: unspan(&layer.matrix),
        seeds: layer.seeds.as_ref().map_or(1, |seeds| *seeds.get_ref()),
        limits: limits(layer.limits),
        metrics: unspan(&layer.metrics),
        env: unspan(&layer.env),
        inputs,
    })
}

fn unspan<T: Clone>(map: &BTreeMap<String, Spanned<T>>) -> BTreeMap<String, T> {
    map.iter().map(|(name, value)| (name.clone(), value.get_ref().clone())).collect()
}

fn limits(layer: LimitsLayer) -> Limits {
    let usual = Limits::default();
    Limits {
        wall: layer.wall.unwrap_or(usual.wall),
        cpu: layer.cpu.or(usual.cpu),
        memory: layer.memory.unwrap_or(usual.memory),
        disk: layer.disk.unwrap_or(usual.disk),
        processes: layer.processes.unwrap_or(usual.processes),
        files: layer.files.unwrap_or(usual.files),
        log: layer.log.unwrap_or(usual.log),
        cpus: layer.cpus.unwrap_or(usual.cpus),
        gpus: layer.gpus.unwrap_or(usual.gpus),
    }
}

fn check_size(what: &str, layer: &ExperimentLayer, problems: &mut Problems) {
    let seeds = layer.seeds.as_ref().map_or(1, |seeds| u128::from(*seeds.get_ref()));
    let axes = layer.matrix.values().map(|axis| axis.get_ref().len() as u128);
    let runs = axes.fold(seeds, u128::saturating_mul);
    if runs > MAX_RUNS {
        problems.push(
            Diagnostic::new(
                Code::TooManyRuns,
                layer.spot.span.clone(),
                format!("{what} would be {runs} runs, more than {MAX_RUNS}"),
            )
            .label("one run per point of the matrix and seed")
            .help("remove an axis, or split the experiment"),
        );
    }
}

/// Fills params into the label. A label stands for all points, so an axis cannot stand in it.
fn label(name: &str, layer: &ExperimentLayer, problems: &mut Problems) -> String {
    let Some(label) = &layer.label else { return name.to_owned() };
    let known: Vec<&str> = layer.params.keys().map(String::as_str).collect();
    for piece in pieces(label.get_ref()) {
        match piece {
            Piece::Name(param, _) if layer.matrix.contains_key(param) => problems.push(
                Diagnostic::new(
                    Code::UnknownPlaceholder,
                    label.span(),
                    format!("`{{{param}}}` has several values here"),
                )
                .label("the label stands for all points of the matrix")
                .help("remove it; tables and figures name the point themselves"),
            ),
            other => check_piece(&other, label, &known, problems),
        }
    }
    fill(label.get_ref(), |param| layer.params.get(param).map(|value| value.get_ref().to_string()))
}

fn check_run(layer: &ExperimentLayer, problems: &mut Problems) {
    let Some(run) = &layer.run else { return };
    let inputs: Vec<String> = layer.inputs.keys().map(|name| format!("input.{name}")).collect();
    let mut known = vec!["params", "out", "seed"];
    known.extend(inputs.iter().map(String::as_str));
    known.extend(layer.matrix.keys().map(String::as_str));
    known.extend(layer.params.keys().map(String::as_str));
    for word in run {
        for piece in pieces(word.get_ref()) {
            if let Piece::Name(name, _) = piece
                && let Some(param) = layer.params.get(name)
                && !param.get_ref().is_scalar()
            {
                let kind = match param.get_ref() {
                    Value::Array(_) => "an array",
                    _ => "a table",
                };
                problems.push(
                    Diagnostic::new(
                        Code::UnknownPlaceholder,
                        word.span(),
                        format!("`{{{name}}}` is {kind}, and a word holds one value"),
                    )
                    .label("cannot be written as one word")
                    .also(param.span(), "the param")
                    .help("the program finds all params in the JSON file `{params}`"),
                );
                continue;
            }
            check_piece(&piece, word, &known, problems);
        }
    }
}

fn check_build(layer: &ExperimentLayer, problems: &mut Problems) {
    let Some(build) = &layer.build else { return };
    let Some(BuildSystem::Command(argv)) = build.get_ref() else { return };
    for word in argv {
        let word = Spanned::new(build.span(), word.clone());
        for piece in pieces(word.get_ref()) {
            check_piece(&piece, &word, &["out"], problems);
        }
    }
}

fn check_piece(piece: &Piece<'_>, word: &Spanned<String>, known: &[&str], problems: &mut Problems) {
    match piece {
        Piece::Text(_) => {}
        Piece::Stray(_) => problems.push(
            Diagnostic::new(Code::UnknownPlaceholder, word.span(), "a brace has no partner")
                .label("placeholders look like `{out}`")
                .help("for a brace itself, write it twice: `{{` or `}}`"),
        ),
        Piece::Name(name, _) if known.contains(name) => {}
        Piece::Name(name, _) => {
            let shown = excerpt(name);
            let problem = Diagnostic::new(
                Code::UnknownPlaceholder,
                word.span(),
                format!("nothing fills the placeholder `{{{shown}}}`"),
            )
            .help(format!(
                "placeholders here are {}; for a brace itself, write it twice",
                listed(known)
            ));
            problems.push(match nearest(name, known.iter().copied()) {
                Some(near) => problem.label(format!("did you mean `{{{near}}}`?")),
                None => problem.label("no such placeholder"),
            });
        }
    }
}

//! What a recipe can know of a plot's names: metrics, params and axes. Fields of series are known
//! to runs alone.

use std::collections::BTreeSet;

use serde_spanned::Spanned;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{ExperimentLayer, PlotLayer};
use crate::name::NodeName;
use crate::nearest::nearest;
use crate::plot::{Plot, PlotKind, Scale};
use crate::read::fields::{Problems, excerpt, listed};
use crate::unit::Unit;
use crate::value::Value;

/// The most panels that a figure has room for; the renderer refuses more too.
const PANELS: usize = 12;

/// An experiment of a figure.
type Data<'a> = (&'a NodeName, &'a ExperimentLayer);

/// Reports keys that a kind of plot has no use for.
pub(super) fn unused(plot: &PlotLayer, kind: PlotKind, problems: &mut Problems) {
    let columns = matches!(kind, PlotKind::Bar | PlotKind::Distribution);
    let single = matches!(kind, PlotKind::Scatter | PlotKind::Distribution);
    let curve = kind == PlotKind::Line && plot.written.contains_key("at");
    let rules = [
        (
            "at",
            columns,
            "shows a metric and reads no file",
            "remove `at`, and name the metric in `y`",
        ),
        ("x-scale", columns, "has categories along x", "remove `x-scale`"),
        ("band", single, "shows single runs and averages none", "remove `band`"),
        ("max-points", !curve, "reads no series along a curve", "remove `max-points`"),
    ];
    let word = kind.as_str();
    for (key, applies, why, help) in rules {
        if let Some(span) = plot.written.get(key).filter(|_| applies) {
            problems.push(
                Diagnostic::new(Code::UnknownKey, span.clone(), format!("a {word} plot {why}"))
                    .label(format!("not used by {word} plots"))
                    .help(help),
            );
        }
    }
    let Some(facet) = &plot.facet else { return };
    for (key, other) in [("x", &plot.x), ("group", &plot.group)] {
        // A field of a series may have the name of a param.
        let field = key == "x" && plot.written.contains_key("at");
        let Some(other) =
            other.as_ref().filter(|other| !field && other.get_ref() == facet.get_ref())
        else {
            continue;
        };
        let message = format!("`facet` and `{key}` are both `{}`", excerpt(facet.get_ref()));
        problems.push(
            Diagnostic::new(Code::UnknownKey, facet.span(), message)
                .label("every panel would show one value of it")
                .also(other.span(), "also used here")
                .help(format!("remove `facet`, or name another param in `{key}`")),
        );
    }
}

/// Reports names that an experiment does not have, and quantities that do not go together.
pub(super) fn check(layer: &PlotLayer, plot: &Plot, data: &[Data<'_>], problems: &mut Problems) {
    // Bars read no series, even where the recipe names one.
    let series = plot.at.is_some() && matches!(plot.kind, PlotKind::Line | PlotKind::Scatter);
    for one in data {
        let metrics = layer.y.iter().flatten().filter(|_| !series);
        match plot.kind {
            PlotKind::Scatter => {
                metrics.chain(layer.x.as_ref().filter(|_| !series)).for_each(|name| {
                    either(name, *one, problems);
                });
            }
            kind => {
                metrics.for_each(|name| metric(name, *one, problems));
                if let Some(x) = layer.x.as_ref().filter(|_| !series)
                    && param(x, *one, problems)
                    && kind == PlotKind::Line
                {
                    numbers(x, *one, problems);
                }
            }
        }
        for name in [layer.group.as_ref(), layer.facet.as_ref()].into_iter().flatten() {
            param(name, *one, problems);
        }
        if let Some(x) = layer.x.as_ref().filter(|_| !series && plot.x_scale == Scale::Log) {
            positive(x, layer, *one, problems);
        }
    }
    if !series {
        units(layer, data, problems);
    }
    panels(layer, data, problems);
}

fn metric(name: &Spanned<String>, (node, experiment): Data<'_>, problems: &mut Problems) {
    let metrics: Vec<&str> = experiment.metrics.keys().map(String::as_str).collect();
    if !metrics.contains(&name.get_ref().as_str()) {
        problems.push(undeclared(name, node, "metric", &metrics));
    }
}

/// Whether an experiment has a param or axis of this name; reports it if not.
fn param(name: &Spanned<String>, (node, experiment): Data<'_>, problems: &mut Problems) -> bool {
    let params = experiment.matrix.keys().chain(experiment.params.keys());
    let params: Vec<&str> = params.map(String::as_str).collect();
    let known = params.contains(&name.get_ref().as_str());
    if !known {
        problems.push(undeclared(name, node, "param", &params));
    }
    known
}

/// A quantity of a scatter plot: a metric, or a param with numbers.
fn either(name: &Spanned<String>, one: Data<'_>, problems: &mut Problems) {
    let (node, experiment) = one;
    if experiment.metrics.contains_key(name.get_ref()) {
        return;
    }
    if !values(name.get_ref(), experiment).is_empty() {
        return numbers(name, one, problems);
    }
    let known = experiment.metrics.keys().chain(experiment.matrix.keys());
    let known: Vec<&str> = known.chain(experiment.params.keys()).map(String::as_str).collect();
    problems.push(undeclared(name, node, "metric or param", &known));
}

/// Reports the first value of a param that is no number.
fn numbers(name: &Spanned<String>, (node, experiment): Data<'_>, problems: &mut Problems) {
    let word = values(name.get_ref(), experiment).into_iter().find(|value| number(value).is_none());
    if let Some(value) = word {
        let shown = excerpt(&value.to_string());
        let message = format!("`{}` is `{shown}` in `{node}`, which is no number", name.get_ref());
        problems.push(
            Diagnostic::new(Code::WrongType, name.span(), message)
                .label("an axis of numbers")
                .help("use `kind = \"bar\"` for words along x, or `facet` for a panel of each"),
        );
    }
}

/// Reports the first value of a param that a logarithmic axis has no place for.
fn positive(
    name: &Spanned<String>,
    layer: &PlotLayer,
    (node, experiment): Data<'_>,
    problems: &mut Problems,
) {
    let found = values(name.get_ref(), experiment)
        .into_iter()
        .find(|value| number(value).is_some_and(|number| number <= 0.0));
    let span = layer.written.get("x-scale");
    if let (Some(value), Some(span)) = (found, span) {
        let message =
            format!("`{}` is {value} in `{node}`, which has no logarithm", name.get_ref());
        problems.push(
            Diagnostic::new(Code::BadNumber, span.clone(), message)
                .label("nought and less have no place on this axis")
                .also(name.span(), "this param")
                .help("remove `x-scale`"),
        );
    }
}

/// Reports metrics of one axis that are measured in different units, and a unit beside theirs.
fn units(layer: &PlotLayer, data: &[Data<'_>], problems: &mut Problems) {
    let axes = [
        (layer.y.as_deref().unwrap_or_default(), "y-unit", layer.y_unit),
        (layer.x.as_slice(), "x-unit", layer.x_unit),
    ];
    for (names, key, beside) in axes {
        let declared = names.iter().flat_map(|name| {
            let unit = |(node, experiment): &Data<'_>| {
                let metric = experiment.metrics.get(name.get_ref())?.get_ref();
                Some((name, node.to_string(), metric.unit))
            };
            data.iter().filter_map(unit).collect::<Vec<_>>()
        });
        let declared: Vec<(&Spanned<String>, String, Unit)> = declared.collect();
        let Some((first, at, unit)) = declared.first() else { continue };
        if let Some((name, node, other)) = declared.iter().find(|(.., other)| other != unit) {
            let message = format!(
                "`{}` of `{node}` is measured in `{other}`, but `{}` of `{at}` in `{unit}`",
                name.get_ref(),
                first.get_ref()
            );
            problems.push(
                Diagnostic::new(Code::WrongType, name.span(), message)
                    .label("one axis shows one unit")
                    .help("draw them in figures of their own"),
            );
        } else if let (Some(beside), Some(span)) = (beside, layer.written.get(key))
            && beside != *unit
        {
            let message = format!("`{}` is measured in `{unit}`, not `{beside}`", first.get_ref());
            problems.push(
                Diagnostic::new(Code::WrongType, span.clone(), message)
                    .label("the metric says its unit")
                    .help(format!("remove `{key}`")),
            );
        }
    }
}

/// Reports a facet of more values than a figure has room for.
fn panels(layer: &PlotLayer, data: &[Data<'_>], problems: &mut Problems) {
    let Some(facet) = &layer.facet else { return };
    let all = data.iter().flat_map(|(_, experiment)| values(facet.get_ref(), experiment));
    let count = all.collect::<BTreeSet<&Value>>().len();
    if count > PANELS {
        let message = format!("`{}` has {count} values", excerpt(facet.get_ref()));
        problems.push(
            Diagnostic::new(Code::BadCount, facet.span(), message)
                .label(format!("a figure has room for {PANELS} panels"))
                .help("use `group` or `x` for it, or draw fewer experiments"),
        );
    }
}

/// All values that a param takes in an experiment.
fn values<'a>(name: &str, experiment: &'a ExperimentLayer) -> Vec<&'a Value> {
    match experiment.matrix.get(name) {
        Some(axis) => axis.get_ref().iter().collect(),
        None => experiment.params.get(name).map(Spanned::get_ref).into_iter().collect(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

fn undeclared(field: &Spanned<String>, node: &NodeName, what: &str, known: &[&str]) -> Diagnostic {
    let name = field.get_ref();
    let problem = Diagnostic::new(
        Code::UnknownMetric,
        field.span(),
        format!("`{node}` has no {what} `{}`", excerpt(name)),
    )
    .help(format!(
        "its {} are {}",
        what.replace("metric", "metrics").replace("param", "params"),
        listed(known)
    ));
    match nearest(name, known.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label(format!("no such {what}")),
    }
}

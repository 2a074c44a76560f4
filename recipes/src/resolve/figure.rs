//! Figures whose data exist and hold what is to be drawn.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::missing;
use super::refer::Names;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{ExperimentLayer, FigureLayer, NodeLayers, Spot};
use crate::name::NodeName;
use crate::nearest::nearest;
use crate::plot::{Plot, PlotKind};
use crate::read::fields::{Problems, excerpt, listed};
use crate::recipe::Figure;

pub(super) fn resolve(
    nodes: &NodeLayers,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> BTreeMap<String, Figure> {
    let mut figures = BTreeMap::new();
    for (name, layer) in &nodes.figures {
        let what = format!("`figure.{name}`");
        let data = data(&what, layer, names, problems);
        if let Some(plot) = plot(&what, layer, problems) {
            let known = data.iter().filter_map(|node| {
                let node = node.get_ref();
                nodes.experiments.get(&node.name).map(|layer| (node, layer))
            });
            check_fields(layer, &plot, &known.collect::<Vec<_>>(), problems);
            figures.insert(name.clone(), Figure { span: layer.spot.span.clone(), data, plot });
        }
    }
    figures
}

fn data(
    what: &str,
    layer: &FigureLayer,
    names: &mut Names<'_>,
    problems: &mut Problems,
) -> Vec<Spanned<NodeName>> {
    let help = "add `data = [\"experiment.baseline\"]`";
    match &layer.data {
        None => {
            if !layer.written.contains(&"data") {
                problems.push(missing(&layer.spot, what, "data", help));
            }
            Vec::new()
        }
        Some(data) => {
            if data.is_empty() {
                problems.push(
                    Diagnostic::new(
                        Code::MissingKey,
                        layer.spot.span.clone(),
                        format!("`data` is empty in {what}"),
                    )
                    .label("nothing to draw")
                    .help(help),
                );
            }
            data.iter().filter(|name| names.check(name, problems)).cloned().collect()
        }
    }
}

fn plot(what: &str, layer: &FigureLayer, problems: &mut Problems) -> Option<Plot> {
    if !layer.written.contains(&"plot") {
        let help =
            "add `plot = { kind = \"line\", x = \"step\", y = \"loss\", at = \"series.jsonl\" }`";
        problems.push(missing(&layer.spot, what, "plot", help));
        return None;
    }
    let plot = &layer.plot;
    let spot = Spot { span: plot.span.clone()?, name: 0..0 };
    let what = format!("the plot of {what}");
    let mut need = |key: &'static str, help: &str| {
        if !plot.written.contains(&key) {
            problems.push(missing(&spot, &what, key, help));
        }
    };
    need("kind", "add `kind = \"line\"`, `\"bar\"` or `\"scatter\"`");
    let kind = plot.kind.as_ref().map(|kind| *kind.get_ref());
    match kind {
        Some(PlotKind::Bar) => need("y", "add `y = \"...\"`, the name of a metric"),
        _ => need("y", "add `y = \"...\"`, a field of the series"),
    }
    if matches!(kind, Some(PlotKind::Line | PlotKind::Scatter)) {
        need("x", "add `x = \"step\"`, a field of the series");
        need("at", "add `at = \"series.jsonl\"`, a JSON lines file that every run writes");
    }
    if let (Some(PlotKind::Bar), Some(at)) = (kind, &plot.at) {
        problems.push(
            Diagnostic::new(Code::UnknownKey, at.span(), "bars show a metric and read no file")
                .label("not used by bars")
                .help("remove `at`, and name the metric in `y`"),
        );
    }
    let text = |text: &Spanned<String>| text.get_ref().clone();
    Some(Plot {
        kind: kind?,
        x: plot.x.as_ref().map(text),
        y: plot.y.as_ref().map(text)?,
        at: plot.at.as_ref().map(text),
        band: plot.band.unwrap_or_default(),
        group: plot.group.as_ref().map(text),
        x_scale: plot.x_scale.unwrap_or_default(),
        y_scale: plot.y_scale.unwrap_or_default(),
        x_label: plot.x_label.clone(),
        y_label: plot.y_label.clone(),
        x_unit: plot.x_unit,
        y_unit: plot.y_unit,
        max_points: plot.max_points,
        caption: layer.caption.clone(),
        alt: layer.alt.clone(),
    })
}

/// What a recipe can know of the fields: metrics, params and axes. Series are known to runs alone.
fn check_fields(
    layer: &FigureLayer,
    plot: &Plot,
    data: &[(&NodeName, &ExperimentLayer)],
    problems: &mut Problems,
) {
    let bars = plot.kind == PlotKind::Bar;
    for (node, experiment) in data {
        if let Some(y) = layer.plot.y.as_ref().filter(|_| bars) {
            let metrics: Vec<&str> = experiment.metrics.keys().map(String::as_str).collect();
            if !metrics.contains(&y.get_ref().as_str()) {
                problems.push(undeclared(y, node, "metric", &metrics));
            }
        }
        let x = layer.plot.x.as_ref().filter(|_| bars);
        for field in [x, layer.plot.group.as_ref()].into_iter().flatten() {
            let params = experiment.matrix.keys().chain(experiment.params.keys());
            let params: Vec<&str> = params.map(String::as_str).collect();
            if field.get_ref() != "experiment" && !params.contains(&field.get_ref().as_str()) {
                problems.push(undeclared(field, node, "param", &params));
            }
        }
    }
}

fn undeclared(field: &Spanned<String>, node: &NodeName, what: &str, known: &[&str]) -> Diagnostic {
    let name = field.get_ref();
    let problem = Diagnostic::new(
        Code::UnknownMetric,
        field.span(),
        format!("`{node}` has no {what} `{}`", excerpt(name)),
    )
    .help(format!("its {what}s are {}", listed(known)));
    match nearest(name, known.iter().copied()) {
        Some(near) => problem.label(format!("did you mean `{near}`?")),
        None => problem.label(format!("no such {what}")),
    }
}

//! Figures whose data exist and hold what is to be drawn.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use super::refer::Names;
use super::{figure_checks, missing};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{FigureLayer, NodeLayers, Spot};
use crate::name::NodeName;
use crate::plot::{Plot, PlotKind};
use crate::read::fields::Problems;
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
            figure_checks::check(&layer.plot, &plot, &known.collect::<Vec<_>>(), problems);
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
        if !plot.written.contains_key(key) {
            problems.push(missing(&spot, &what, key, help));
        }
    };
    need("kind", "add `kind = \"line\"`, `\"bar\"`, `\"scatter\"` or `\"distribution\"`");
    let kind = plot.kind.as_ref().map(|kind| *kind.get_ref());
    match kind {
        Some(PlotKind::Bar | PlotKind::Distribution) => {
            need("y", "add `y = \"...\"`, the name of a metric");
        }
        _ if plot.written.contains_key("at") => {
            need("y", "add `y = \"...\"`, a field of the series");
        }
        _ => need("y", "add `y = \"...\"`, the name of a metric, or a field of the series in `at`"),
    }
    if matches!(kind, Some(PlotKind::Line | PlotKind::Scatter)) {
        if plot.written.contains_key("at") {
            need("x", "add `x = \"step\"`, a field of the series");
        } else {
            need("x", "add `x = \"...\"`, a param, or a field of the series in `at`");
        }
    }
    let text = |text: &Spanned<String>| text.get_ref().clone();
    let kind = kind?;
    figure_checks::unused(plot, kind, problems);
    Some(Plot {
        kind,
        x: plot.x.as_ref().map(text),
        y: plot.y.as_ref()?.iter().map(text).collect(),
        at: plot.at.as_ref().map(text),
        band: plot.band.unwrap_or_default(),
        group: plot.group.as_ref().map(text),
        facet: plot.facet.as_ref().map(text),
        width: plot.width.unwrap_or_default(),
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

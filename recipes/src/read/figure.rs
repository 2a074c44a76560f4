//! `[figure.*]`: a drawing of experiments.

use serde_spanned::Spanned;

use super::fields::{self, Fields, Problems};
use crate::layers::{FigureLayer, PlotLayer, Spot};
use crate::name::NodeKind;
use crate::plot::{Band, PlotKind, Scale};
use crate::unit::Unit;

pub(super) fn read(mut fields: Fields<'_, '_>, spot: Spot, problems: &mut Problems) -> FigureLayer {
    let plot = match fields.table("plot", problems) {
        Some((span, table)) => plot(Fields::new("a plot", span, table), problems),
        None => PlotLayer::default(),
    };
    let layer = FigureLayer {
        spot,
        data: fields.nodes("data", &[NodeKind::Experiment], problems),
        plot,
        caption: fields.words("caption", problems).map(Spanned::into_inner),
        alt: fields.words("alt", problems).map(Spanned::into_inner),
        written: fields.written(),
    };
    fields.finish(problems);
    layer
}

fn plot(mut fields: Fields<'_, '_>, problems: &mut Problems) -> PlotLayer {
    let kinds = [("line", PlotKind::Line), ("bar", PlotKind::Bar), ("scatter", PlotKind::Scatter)];
    let bands =
        [("none", Band::None), ("std", Band::Std), ("minmax", Band::Minmax), ("sem", Band::Sem)];
    let scales = [("linear", Scale::Linear), ("log", Scale::Log)];
    let max_points = |value| fields::expect_count("`max-points`", value, 2, 100_000, problems);
    let layer = PlotLayer {
        span: Some(fields.span()),
        max_points: fields.take("max-points").and_then(max_points).map(|count| count as u32),
        kind: fields.choice("kind", &kinds, problems),
        x: fields.words("x", problems),
        y: fields.words("y", problems),
        at: fields.path("at", problems),
        band: fields.choice("band", &bands, problems).map(Spanned::into_inner),
        group: fields.words("group", problems),
        x_scale: fields.choice("x-scale", &scales, problems).map(Spanned::into_inner),
        y_scale: fields.choice("y-scale", &scales, problems).map(Spanned::into_inner),
        x_label: fields.words("x-label", problems).map(Spanned::into_inner),
        y_label: fields.words("y-label", problems).map(Spanned::into_inner),
        x_unit: unit(&mut fields, "x-unit", problems),
        y_unit: unit(&mut fields, "y-unit", problems),
        written: fields.written(),
    };
    fields.finish(problems);
    layer
}

fn unit(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Problems) -> Option<Unit> {
    let text = fields.string(key, problems)?;
    super::experiment::unit(&text, problems)
}

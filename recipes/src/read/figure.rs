//! `[figure.*]`: a drawing of experiments.

use serde_spanned::Spanned;
use toml::de::DeValue;

use super::fields::{self, Fields, Problems};
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::{FigureLayer, PlotLayer, Spot};
use crate::name::NodeKind;
use crate::plot::{Band, PlotKind, Scale, Width};
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
    let kinds = [PlotKind::Line, PlotKind::Bar, PlotKind::Scatter, PlotKind::Distribution];
    let kinds = kinds.map(|kind| (kind.as_str(), kind));
    let bands = [
        ("none", Band::None),
        ("std", Band::Std),
        ("sem", Band::Sem),
        ("ci95", Band::Ci95),
        ("range", Band::Range),
    ];
    let scales = [("linear", Scale::Linear), ("log", Scale::Log)];
    let widths = [("column", Width::Column), ("page", Width::Page)];
    let max_points = |value| fields::expect_count("`max-points`", value, 2, 100_000, problems);
    let layer = PlotLayer {
        span: Some(fields.span()),
        max_points: fields.take("max-points").and_then(max_points).map(|count| count as u32),
        kind: fields.choice("kind", &kinds, problems),
        x: fields.words("x", problems),
        y: quantities(&mut fields, "y", problems),
        at: fields.path("at", problems),
        band: fields.choice("band", &bands, problems).map(Spanned::into_inner),
        group: fields.words("group", problems),
        facet: fields.words("facet", problems),
        width: fields.choice("width", &widths, problems).map(Spanned::into_inner),
        x_scale: fields.choice("x-scale", &scales, problems).map(Spanned::into_inner),
        y_scale: fields.choice("y-scale", &scales, problems).map(Spanned::into_inner),
        x_label: fields.words("x-label", problems).map(Spanned::into_inner),
        y_label: fields.words("y-label", problems).map(Spanned::into_inner),
        x_unit: unit(&mut fields, "x-unit", problems),
        y_unit: unit(&mut fields, "y-unit", problems),
        written: fields.written_at(),
    };
    fields.finish(problems);
    layer
}

/// One name, or a list of them.
fn quantities(
    fields: &mut Fields<'_, '_>,
    key: &'static str,
    problems: &mut Problems,
) -> Option<Vec<Spanned<String>>> {
    let value = fields.take(key)?;
    let values: &[Spanned<DeValue<'_>>] = match value.get_ref() {
        DeValue::Array(values) => values,
        DeValue::String(_) => std::slice::from_ref(value),
        _ => {
            problems.wrong_type(&format!("`{key}`"), "a name or an array of names", value);
            return None;
        }
    };
    if values.is_empty() {
        problems.push(
            Diagnostic::new(Code::MissingKey, value.span(), format!("`{key}` is empty"))
                .label("nothing to draw")
                .help(format!("name what is drawn: `{key} = \"loss\"`")),
        );
        return None;
    }
    let mut names: Vec<Spanned<String>> = Vec::with_capacity(values.len());
    for value in values {
        let name = fields::expect_str(&format!("each of `{key}`"), value, problems)?;
        let twice = names.iter().find(|first| first.get_ref() == name);
        if let Some(first) = twice {
            let message = format!("`{}` stands twice in `{key}`", fields::excerpt(name));
            problems.push(
                Diagnostic::new(Code::DuplicateKey, value.span(), message)
                    .label("the second time")
                    .also(first.span(), "the first time"),
            );
            continue;
        }
        names.push(Spanned::new(value.span(), name.to_owned()));
    }
    Some(names)
}

fn unit(fields: &mut Fields<'_, '_>, key: &'static str, problems: &mut Problems) -> Option<Unit> {
    let text = fields.string(key, problems)?;
    super::metric::unit(&text, problems)
}

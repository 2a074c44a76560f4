//! Params, metrics and units by name, and what experiments and their points are called.

use serde_json::Value;

use crate::draw::spec::{Plot, words};
use crate::draw::{FigureData, FigureError};
use crate::results::{Point, Results};

/// Names in the order of their first use.
#[derive(Default)]
pub(super) struct Names(pub(super) Vec<String>);

impl Names {
    /// The index of a name, which is added if it is new.
    pub(super) fn index(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| known == name).unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        })
    }
}

/// What a trace is called, and what its colour and its pattern say.
pub(super) struct Named {
    pub(super) label: String,
    pub(super) tint: String,
    pub(super) pattern: String,
}

/// Names the trace of a quantity at a point: colours tell experiments apart and patterns the points
/// of a matrix; with `group` colours tell its values apart, and of several quantities patterns tell
/// those.
pub(super) fn named(
    plot: &Plot,
    (results, point): (&Results, &Point),
    quantity: &str,
    several: bool,
) -> Result<Named, FigureError> {
    let experiment = if several { results.label().to_owned() } else { String::new() };
    let group = match &plot.group {
        Some(group) => told(group, param(results, point, group)?),
        None => String::new(),
    };
    let told_elsewhere = [plot.facet.as_deref(), plot.group.as_deref(), plot.x.as_deref()];
    let place = differing(results, point, &told_elsewhere);
    let quantity = if plot.y.len() > 1 { words(quantity) } else { String::new() };
    let label = joined(&[&experiment, &group, &place, &quantity]);
    let (tint, pattern) = if plot.y.len() > 1 {
        (joined(&[&experiment, &group, &place]), quantity)
    } else if plot.group.is_some() {
        (group, joined(&[&experiment, &place]))
    } else {
        (experiment, place)
    };
    Ok(Named { label, tint, pattern })
}

/// The parts that say something.
pub(super) fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// The parameters that tell a point from the others of its experiment, but for some.
pub(super) fn differing(results: &Results, point: &Point, without: &[Option<&str>]) -> String {
    let differing = point.point.iter().filter(|(name, value)| {
        !without.contains(&Some(name.as_str()))
            && results.points.iter().any(|other| other.point.get(*name) != Some(value))
    });
    let parts: Vec<String> = differing.map(|(name, value)| told(name, value)).collect();
    parts.join(", ")
}

/// A param with its value, as a figure calls it: a word stands for itself.
pub(super) fn told(name: &str, value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => format!("{} = {value}", words(name)),
    }
}

/// The value of a param at a point.
pub(super) fn param<'a>(
    results: &'a Results,
    point: &'a Point,
    name: &str,
) -> Result<&'a Value, FigureError> {
    let found = point.point.get(name).or_else(|| point.params.get(name));
    found.or_else(|| results.params.get(name)).ok_or_else(|| {
        let mut known: Vec<String> = point
            .point
            .keys()
            .chain(point.params.keys())
            .chain(results.params.keys())
            .cloned()
            .collect();
        known.sort();
        known.dedup();
        FigureError::Unknown {
            what: "param",
            name: name.to_owned(),
            place: results.experiment.clone(),
            known,
        }
    })
}

/// Checks that an experiment has a metric.
pub(super) fn metric(results: &Results, name: &str) -> Result<(), FigureError> {
    let written =
        || results.points.iter().flat_map(|p| &p.runs).any(|r| r.metrics.contains_key(name));
    if results.metrics.contains_key(name) || written() {
        return Ok(());
    }
    Err(FigureError::Unknown {
        what: "metric",
        name: name.to_owned(),
        place: results.experiment.clone(),
        known: results.metrics.keys().cloned().collect(),
    })
}

/// The one unit that quantities are declared in, if any is.
///
/// # Errors
/// Two of them differ: one axis cannot show both.
pub(super) fn unit<'a>(
    data: &'a [FigureData],
    names: impl Iterator<Item = &'a str>,
) -> Result<Option<&'a str>, FigureError> {
    let mut found: Option<(&str, &str)> = None;
    for name in names {
        for metric in data.iter().filter_map(|of| of.results.metrics.get(name)) {
            let unit = if metric.unit.is_empty() { "1" } else { &metric.unit };
            match found {
                Some((first, first_unit)) if first_unit != unit => {
                    return Err(FigureError::Units {
                        first: first.to_owned(),
                        first_unit: first_unit.to_owned(),
                        second: name.to_owned(),
                        second_unit: unit.to_owned(),
                    });
                }
                _ => found = Some((name, unit)),
            }
        }
    }
    Ok(found.map(|(_, unit)| unit))
}

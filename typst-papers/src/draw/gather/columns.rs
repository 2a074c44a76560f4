//! Bars and distributions: the runs of a metric in categories, by experiment or by a param.

use serde_json::Value;

use super::names::{Named, differing, joined, metric, param, told};
use super::{Gathering, vertical};
use crate::draw::average::interval;
use crate::draw::chart::{Chart, Column, Marks, Quantity, Seen};
use crate::draw::spec::{Band, Plot, words};
use crate::draw::{FigureData, FigureError};
use crate::results::{Measured, Point, Results};
use crate::stats;

/// From how many runs on quartiles say more than the runs themselves.
const QUARTILES: usize = 5;

pub(super) fn gather(plot: &Plot, data: &[FigureData]) -> Result<Chart, FigureError> {
    let mut gathering = Gathering::new(plot, data);
    for of in data {
        for y in &plot.y {
            metric(&of.results, y)?;
            for point in &of.results.points {
                let mut runs = Vec::with_capacity(point.runs.len());
                for run in &point.runs {
                    let seen = gathering.measured(run, y);
                    runs.extend(seen.map(|(value, censored)| Seen {
                        run: run.name.clone(),
                        value,
                        censored,
                    }));
                }
                let (category, named) = place(plot, (&of.results, point), y, gathering.several)?;
                let column = Marks::Column(column(runs, plot.band));
                gathering.add((of, point, y), named, Some(category), column)?;
            }
        }
    }
    let along = plot.along();
    let label = plot.x_label.clone().or_else(|| along.map(words)).unwrap_or_default();
    let unit = plot.x_unit.clone().unwrap_or_default();
    let names = along.map(str::to_owned).into_iter().collect();
    let x = Quantity { names, label, unit, scale: None };
    gathering.finish(x, vertical(plot, data)?.scaled(plot.y_scale))
}

/// The category of a point, and what tells it from others there. Without a param along the axis
/// the categories are what colours tell too, so that an experiment looks the same in any figure.
fn place(
    plot: &Plot,
    (results, point): (&Results, &Point),
    quantity: &str,
    several: bool,
) -> Result<(String, Named), FigureError> {
    let experiment = if several { results.label() } else { "" };
    let quantity = if plot.y.len() > 1 { words(quantity) } else { String::new() };
    let Some(along) = plot.along() else {
        let rest = differing(results, point, &[plot.facet.as_deref()]);
        let category = joined(&[experiment, &rest]);
        let tint = if quantity.is_empty() { &category } else { &quantity }.clone();
        let label = joined(&[&category, &quantity]);
        return Ok((category, Named { label, tint, pattern: String::new() }));
    };
    let category = match param(results, point, along)? {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let group = match plot.group.as_deref().filter(|group| *group != along) {
        Some(group) => told(group, param(results, point, group)?),
        None => String::new(),
    };
    let elsewhere = [plot.facet.as_deref(), Some(along), plot.group.as_deref()];
    let rest = differing(results, point, &elsewhere);
    let tint = joined(&[experiment, &group, &rest, &quantity]);
    let label = joined(&[&tint, &category]);
    Ok((category, Named { label, tint, pattern: String::new() }))
}

fn column(runs: Vec<Seen>, band: Band) -> Column {
    let values: Vec<f64> = runs.iter().map(|run| run.value).collect();
    let measured: Vec<_> = runs
        .iter()
        .map(|run| Some(Measured { value: run.value, censored: run.censored }))
        .collect();
    let complete = runs.iter().all(|run| !run.censored);
    Column {
        mean: stats::mean(&values).filter(|mean| mean.is_finite()),
        interval: if complete { interval(&values, band) } else { None },
        median: stats::summarize(&measured).median,
        quartiles: if complete { quartiles(values) } else { None },
        runs,
    }
}

/// The values below which a quarter and three quarters lie, interpolated between neighbours.
fn quartiles(mut values: Vec<f64>) -> Option<(f64, f64)> {
    if values.len() < QUARTILES {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share * (values.len() - 1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(values.len() - 1);
        // Weighted, not from their difference, which the largest numbers do not have.
        values[below] * (1.0 - part) + values[above] * part
    };
    Some((at(0.25), at(0.75)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_r_and_numpy() {
        // quantile(c(1, 2, 4, 8, 16, 32), c(0.25, 0.75)) in R: 2.5 and 14.
        let values = vec![32.0, 1.0, 4.0, 2.0, 16.0, 8.0];
        assert_eq!(quartiles(values), Some((2.5, 14.0)));
        assert_eq!(quartiles(vec![1.0; 4]), None);
    }
}

//! Lines: means over seeds along a field of the series, or, without a series, along a param.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names::{Named, named, param};
use super::{Gathering, horizontal, shared, vertical};
use crate::draw::average::{Mean, Step, at, average, thin};
use crate::draw::chart::{Chart, Marks};
use crate::draw::series::{finite, pairs, read};
use crate::draw::spec::{Plot, Scale};
use crate::draw::{FigureData, FigureError};
use crate::results::Point;

/// The most points of a curve where the recipe does not say: more are not told apart in a column.
const POINTS: usize = 1000;

pub(super) fn gather(plot: &Plot, data: &[FigureData]) -> Result<Chart, FigureError> {
    let x = plot.need_x()?;
    let mut gathering = Gathering::new(plot, data);
    for of in data {
        for y in &plot.y {
            if plot.at.is_some() {
                along_series(&mut gathering, of, (x, y))?;
            } else {
                super::names::metric(&of.results, y)?;
                along_param(&mut gathering, of, (x, y))?;
            }
        }
    }
    gathering.finish(horizontal(plot, data, x)?, vertical(plot, data)?.scaled(plot.y_scale))
}

/// A curve for each point: the mean over seeds at every step.
fn along_series(
    gathering: &mut Gathering<'_>,
    of: &FigureData,
    (x, y): (&str, &str),
) -> Result<(), FigureError> {
    let plot = gathering.plot;
    for point in &of.results.points {
        let mut seeds = Vec::with_capacity(point.runs.len());
        for run in &point.runs {
            let found = pairs(&run.name, &read(of, run)?, x, y)?;
            gathering.left_out.not_finite += found.not_finite;
            seeds.push(found.finite);
        }
        let means = gathering.on_axis(average(&seeds, plot.band));
        let means = thin(means, plot.max_points.unwrap_or(POINTS));
        let named = named(plot, (&of.results, point), y, gathering.several)?;
        gathering.add((of, point, y), named, None, Marks::Curve(means))?;
    }
    Ok(())
}

/// The runs of a curve by the value of the param along x.
type Steps = BTreeMap<Step, Vec<(f64, bool)>>;

/// A curve for each set of points that differ in the param alone: the mean of a metric.
fn along_param(
    gathering: &mut Gathering<'_>,
    of: &FigureData,
    (x, y): (&str, &str),
) -> Result<(), FigureError> {
    let plot = gathering.plot;
    let mut curves: Vec<(BTreeMap<String, Value>, &Point, Named, Steps)> = Vec::new();
    for point in &of.results.points {
        let value = param(&of.results, point, x)?;
        let step = finite(value).ok_or_else(|| FigureError::NotANumber {
            name: x.to_owned(),
            value: value.to_string(),
            place: of.results.experiment.clone(),
        })?;
        let rest = shared(point, Some(x));
        let index = match curves.iter().position(|(known, ..)| *known == rest) {
            Some(index) => index,
            None => {
                let named = named(plot, (&of.results, point), y, gathering.several)?;
                curves.push((rest, point, named, Steps::new()));
                curves.len() - 1
            }
        };
        for run in &point.runs {
            let seen = gathering.measured(run, y);
            curves[index].3.entry(Step(step)).or_default().extend(seen);
        }
    }
    for (_, point, named, steps) in curves {
        let means = steps.into_iter().filter_map(|(Step(x), runs)| {
            let values: Vec<f64> = runs.iter().map(|(value, _)| *value).collect();
            at(x, &values, plot.band, runs.iter().any(|(_, censored)| *censored))
        });
        let means = gathering.on_axis(means.collect());
        gathering.add((of, point, y), named, None, Marks::Curve(means))?;
    }
    Ok(())
}

impl Gathering<'_> {
    /// The means that have a place on the horizontal axis: most series begin at step nought, which
    /// a logarithmic axis does not have.
    fn on_axis(&mut self, mut means: Vec<Mean>) -> Vec<Mean> {
        if self.plot.x_scale == Scale::Log {
            let all = means.len();
            means.retain(|mean| mean.x > 0.0);
            self.left_out.no_logarithm += all - means.len();
        }
        means
    }
}

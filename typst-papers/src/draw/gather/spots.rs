//! Scatter plots: one mark per run from its metrics and params, or, with `at`, per record of its
//! series.

use super::names::{metric, named, param};
use super::{Gathering, horizontal, vertical};
use crate::draw::chart::{Chart, Marks, Spot};
use crate::draw::series::{finite, pairs, read};
use crate::draw::spec::Plot;
use crate::draw::{FigureData, FigureError};
use crate::results::{Point, Run};

pub(super) fn gather(plot: &Plot, data: &[FigureData]) -> Result<Chart, FigureError> {
    let x = plot.need_x()?;
    let mut gathering = Gathering::new(plot, data);
    for of in data {
        for point in &of.results.points {
            for y in &plot.y {
                let spots = spots(&mut gathering, of, point, (x, y))?;
                let named = named(plot, (&of.results, point), y, gathering.several)?;
                gathering.add((of, point, y), named, None, Marks::Cloud(spots))?;
            }
        }
    }
    gathering.finish(horizontal(plot, data, x)?, vertical(plot, data)?.scaled(plot.y_scale))
}

fn spots(
    gathering: &mut Gathering<'_>,
    of: &FigureData,
    point: &Point,
    (x, y): (&str, &str),
) -> Result<Vec<Spot>, FigureError> {
    let mut spots = Vec::new();
    for run in &point.runs {
        let name = || run.name.clone();
        if gathering.plot.at.is_some() {
            let found = pairs(&run.name, &read(of, run)?, x, y)?;
            gathering.left_out.not_finite += found.not_finite;
            let finite = found.finite.into_iter();
            spots.extend(finite.map(|(x, y)| Spot { run: name(), x, y, censored: (false, false) }));
        } else {
            let x = quantity(gathering, of, (point, run), x)?;
            let y = quantity(gathering, of, (point, run), y)?;
            spots.extend(x.zip(y).map(|(x, y)| Spot {
                run: name(),
                x: x.0,
                y: y.0,
                censored: (x.1, y.1),
            }));
        }
    }
    Ok(spots)
}

/// A metric of a run, or a param of its point, as a number; and whether it is a bound.
fn quantity(
    gathering: &mut Gathering<'_>,
    of: &FigureData,
    (point, run): (&Point, &Run),
    name: &str,
) -> Result<Option<(f64, bool)>, FigureError> {
    if !of.results.metrics.contains_key(name)
        && let Ok(value) = param(&of.results, point, name)
    {
        return match finite(value) {
            Some(number) => Ok(Some((number, false))),
            None => Err(FigureError::NotANumber {
                name: name.to_owned(),
                value: value.to_string(),
                place: of.results.experiment.clone(),
            }),
        };
    }
    metric(&of.results, name)?;
    Ok(gathering.measured(run, name))
}

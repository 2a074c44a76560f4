//! The mean over the seeds at every place along x, and how far the seeds lie apart.

use std::collections::BTreeMap;

use serde::Serialize;

use super::spec::Band;
use crate::stats;
use crate::stats::intervals::t_half_width;

/// The mean of a quantity over the seeds at one place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Mean {
    /// The place: a step, or the value of a param.
    pub x: f64,
    /// The mean over the seeds that have a value there.
    pub mean: f64,
    /// The lower and upper edge of the band; `None` where there is no spread to show.
    pub interval: Option<(f64, f64)>,
    /// The smallest and the largest value.
    pub range: (f64, f64),
    /// How many seeds have a value.
    pub n: usize,
    /// Whether a seed ended before the value was reached: the mean is at least this.
    pub censored: bool,
}

/// The interval that a band shows; `None` of fewer than two values.
pub(crate) fn interval(values: &[f64], band: Band) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let half = match band {
        Band::None => return None,
        Band::Range => return range(values),
        Band::Std => stats::sd(values)?,
        Band::Sem => stats::sem(values)?,
        Band::Ci95 => t_half_width(values, 0.95)?,
    };
    let mean = stats::mean(values)?;
    // Values near the largest that a number can hold have no deviation that it could hold.
    Some((mean - half, mean + half)).filter(|(low, high)| low.is_finite() && high.is_finite())
}

/// The smallest and the largest value; `None` of nothing.
pub(crate) fn range(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    Some((least, values.iter().copied().max_by(f64::total_cmp)?))
}

/// The mean of values at one place; `None` of nothing, and where no number can hold it.
pub(crate) fn at(x: f64, values: &[f64], band: Band, censored: bool) -> Option<Mean> {
    let mean = stats::mean(values).filter(|mean| mean.is_finite())?;
    let interval = if censored { None } else { interval(values, band) };
    Some(Mean { x, mean, interval, range: range(values)?, n: values.len(), censored })
}

/// The mean over seeds at every step that some seed wrote. A seed that ended early is left out
/// from there on: `n` tells how many were averaged. A step that a seed wrote twice keeps the last.
pub(crate) fn average(seeds: &[Vec<(f64, f64)>], band: Band) -> Vec<Mean> {
    let mut steps: BTreeMap<Step, BTreeMap<usize, f64>> = BTreeMap::new();
    for (seed, pairs) in seeds.iter().enumerate() {
        for (x, y) in pairs {
            steps.entry(Step(*x)).or_default().insert(seed, *y);
        }
    }
    let means = steps.into_iter().filter_map(|(Step(x), values)| {
        at(x, &values.into_values().collect::<Vec<_>>(), band, false)
    });
    means.collect()
}

/// Keeps at most about `most` points, evenly, and the last one.
pub(crate) fn thin(means: Vec<Mean>, most: usize) -> Vec<Mean> {
    let every = means.len().div_ceil(most.max(1)).max(1);
    let last = means.len().saturating_sub(1);
    means
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % every == 0 || *index == last)
        .map(|(_, mean)| mean)
        .collect()
}

/// A number that can stand in an ordered map; both noughts are one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step(pub(crate) f64);

impl Ord for Step {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0 + 0.0).total_cmp(&(other.0 + 0.0))
    }
}

impl PartialOrd for Step {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Step {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Step {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_that_ended_is_left_out_from_there_on() {
        let seeds = [vec![(0.0, 1.0), (1.0, 3.0)], vec![(-0.0, 3.0)]];
        let mean =
            |x, mean, interval, range, n| Mean { x, mean, interval, range, n, censored: false };
        assert_eq!(
            average(&seeds, Band::Range),
            [mean(0.0, 2.0, Some((1.0, 3.0)), (1.0, 3.0), 2), mean(1.0, 3.0, None, (3.0, 3.0), 1)]
        );
    }

    #[test]
    fn each_band_is_the_interval_of_its_name() {
        // The quantile of Student's t for two degrees of freedom is 4.30265.
        let values = [1.0, 2.0, 3.0];
        let wide = |band| interval(&values, band).map(|(low, high)| (high - low) / 2.0);
        assert_eq!(wide(Band::None), None);
        assert_eq!(wide(Band::Std), Some(1.0));
        assert_eq!(wide(Band::Range), Some(1.0));
        assert!((wide(Band::Sem).unwrap() - 3f64.sqrt().recip()).abs() < 1e-12);
        assert!((wide(Band::Ci95).unwrap() - 4.302_652_73 / 3f64.sqrt()).abs() < 1e-6);
        assert_eq!(interval(&values[..1], Band::Range), None);
    }

    #[test]
    fn thinning_keeps_the_last_point() {
        let means: Vec<Mean> =
            (0..100).filter_map(|i| at(f64::from(i), &[0.0], Band::None, false)).collect();
        let thinned = thin(means, 10);
        assert_eq!(thinned.len(), 11);
        assert_eq!(thinned.last().map(|mean| mean.x), Some(99.0));
    }
}

//! Series that runs wrote as JSON lines, and their mean over seeds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::spec::Band;
use super::{FigureData, FigureError};
use crate::results::Run;
use crate::stats;

/// The mean of a quantity over the seeds at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    /// The step.
    pub x: f64,
    /// The mean over the seeds that wrote a value there.
    pub y: f64,
    /// The lower and upper edge of the band; `None` where there is no spread to show.
    pub band: Option<(f64, f64)>,
    /// The smallest and the largest value.
    pub ends: (f64, f64),
    /// How many seeds wrote a value.
    pub n: usize,
}

/// Reads a run's series: one JSON object per line; empty lines and a torn last line are skipped.
pub(crate) fn read(data: &FigureData, run: &Run) -> Result<Vec<Map<String, Value>>, FigureError> {
    let bytes = data
        .series
        .get(&run.name)
        .ok_or_else(|| FigureError::NoSeries { run: run.name.clone() })?;
    let complete = bytes.ends_with(b"\n");
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let mut records = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(record) => records.push(record),
            // A run that was stopped may leave half a line.
            Err(_) if !complete && index + 1 == lines.len() => {}
            Err(error) => {
                return Err(FigureError::Series {
                    run: run.name.clone(),
                    line: index + 1,
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(records)
}

/// The pairs of two fields over the records of one run. Records that lack one of them are skipped:
/// not every quantity is written at every step.
pub(crate) fn pairs(
    run: &str,
    records: &[Map<String, Value>],
    x: &str,
    y: &str,
) -> Result<Vec<(f64, f64)>, FigureError> {
    for name in [x, y] {
        if !records.is_empty() && !records.iter().any(|record| record.contains_key(name)) {
            let known: BTreeSet<String> =
                records.iter().flat_map(|record| record.keys().cloned()).collect();
            return Err(FigureError::Unknown {
                what: "field",
                name: name.to_owned(),
                place: format!("the series of {run}"),
                known: known.into_iter().collect(),
            });
        }
    }
    let number = |record: &Map<String, Value>, name: &str| record.get(name)?.as_f64();
    Ok(records.iter().filter_map(|r| Some((number(r, x)?, number(r, y)?))).collect())
}

/// The mean over seeds at every step that some seed wrote. A seed that ended early is left out
/// from there on: `n` tells how many were averaged. A step that a seed wrote twice keeps the last.
pub fn average(seeds: &[Vec<(f64, f64)>], band: Band) -> Vec<Mean> {
    let mut steps: BTreeMap<Step, BTreeMap<usize, f64>> = BTreeMap::new();
    for (seed, pairs) in seeds.iter().enumerate() {
        for (x, y) in pairs {
            steps.entry(Step(*x)).or_default().insert(seed, *y);
        }
    }
    steps
        .into_iter()
        .filter_map(|(Step(x), values)| {
            let values: Vec<f64> = values.into_values().collect();
            let y = stats::mean(&values)?;
            let around = |spread: Option<f64>| spread.map(|s| (y - s, y + s));
            let least = values.iter().copied().min_by(f64::total_cmp)?;
            let most = values.iter().copied().max_by(f64::total_cmp)?;
            let band = match band {
                Band::None => None,
                Band::Std => around(stats::sd(&values)),
                Band::Sem => around(stats::sem(&values)),
                Band::Minmax if values.len() < 2 => None,
                Band::Minmax => Some((least, most)),
            };
            Some(Mean { x, y, band, ends: (least, most), n: values.len() })
        })
        .collect()
}

/// Keeps at most about `most` points, evenly, and the last one.
pub(crate) fn thin(means: Vec<Mean>, most: Option<usize>) -> Vec<Mean> {
    let Some(most) = most.filter(|most| *most > 0) else { return means };
    let every = means.len().div_ceil(most).max(1);
    let last = means.len().saturating_sub(1);
    means
        .into_iter()
        .enumerate()
        .filter(|(index, _)| index % every == 0 || *index == last)
        .map(|(_, mean)| mean)
        .collect()
}

/// A number that can stand in an ordered map.
#[derive(Debug, Clone, Copy)]
struct Step(f64);

impl Ord for Step {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
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
        let seeds = [vec![(0.0, 1.0), (1.0, 3.0)], vec![(0.0, 3.0)]];
        let means = average(&seeds, Band::Minmax);
        assert_eq!(
            means,
            [
                Mean { x: 0.0, y: 2.0, band: Some((1.0, 3.0)), ends: (1.0, 3.0), n: 2 },
                Mean { x: 1.0, y: 3.0, band: None, ends: (3.0, 3.0), n: 1 },
            ]
        );
    }

    #[test]
    fn thinning_keeps_the_last_point() {
        let mean = |i| Mean { x: f64::from(i), y: 0.0, band: None, ends: (0.0, 0.0), n: 1 };
        let means: Vec<Mean> = (0..100).map(mean).collect();
        let thinned = thin(means, Some(10));
        assert_eq!(thinned.len(), 11);
        assert_eq!(thinned.last().map(|mean| mean.x), Some(99.0));
    }
}

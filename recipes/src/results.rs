//! `results.json`: what an experiment measured, and how its numbers are found in the runs' files.

mod extract;
mod strict;

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use serde::{Deserialize, Serialize};

pub use extract::{MetricProblem, extract};

use crate::action_name::ActionName;
use crate::graph::Collect;
use crate::graph::run_seed;
use crate::metric::Metric;
use crate::name::NodeName;
use crate::point::Point;
use crate::value::Value;

/// The artifact of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The version of this form: 1.
    pub schema: u32,
    /// The experiment.
    pub experiment: NodeName,
    /// What people call it.
    pub label: String,
    /// The profile that the recipe was read with.
    pub profile: String,
    /// The params that all points share.
    pub params: BTreeMap<String, Value>,
    /// The source or diff that the program is built from.
    pub source: NodeName,
    /// The digest of the program.
    pub program: Option<Digest>,
    /// The command of the runs, with placeholders.
    #[serde(default)]
    pub run: Vec<String>,
    /// What the numbers mean, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// One entry for each point of the matrix, in its order.
    pub points: Vec<PointResults>,
}

/// What was measured at one point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointResults {
    /// The values of the axes.
    pub point: Point,
    /// All params of the point.
    pub params: BTreeMap<String, Value>,
    /// One entry for each seed.
    pub runs: Vec<RunResults>,
}

/// What one run measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// The run.
    pub name: ActionName,
    /// Its seed.
    pub seed: u64,
    /// Its key.
    pub key: Option<ActionKey>,
    /// The digest of the tree that it wrote.
    pub output: Digest,
    /// The digest of what was measured of it.
    pub facts: Option<Digest>,
    /// The numbers, by name.
    pub metrics: BTreeMap<String, Measured>,
}

/// A number that a run wrote.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// In the metric's unit.
    pub value: f64,
    /// Whether the run ended before it was reached: it is at least this.
    pub censored: bool,
}

/// A finished run, as the collecting action knows it.
#[derive(Debug, Clone)]
pub struct RunRecord {
    /// Its name.
    pub name: ActionName,
    /// Its key.
    pub key: Option<ActionKey>,
    /// The digest of the tree that it wrote.
    pub output: Digest,
    /// The digest of what was measured of it.
    pub facts: Option<Digest>,
    /// The bytes of the files that hold metrics, by path; absent if the run did not write them.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Collects runs into results. Records that are not runs are left out.
///
/// # Errors
/// The first metric that a run did not write as declared.
pub fn collect(
    spec: &Collect,
    program: Option<Digest>,
    records: &[RunRecord],
) -> Result<Results, MetricProblem> {
    let mut points: Vec<PointResults> = Vec::new();
    for record in records {
        let ActionName::Run { experiment, point, index } = &record.name else { continue };
        let written: Vec<String> = record.files.keys().cloned().collect();
        let mut metrics = BTreeMap::new();
        for (name, metric) in &spec.metrics {
            let bytes = record.files.get(&metric.file).map(Vec::as_slice);
            metrics.insert(name.clone(), extract(metric, bytes, &written)?);
        }
        let run = RunResults {
            name: record.name.clone(),
            seed: run_seed(spec.project_seed, experiment, point, *index),
            key: record.key,
            output: record.output,
            facts: record.facts,
            metrics,
        };
        match points.last_mut().filter(|last| last.point == *point) {
            Some(last) => last.runs.push(run),
            None => {
                let mut params = spec.params.clone();
                params.extend(point.iter().map(|(axis, value)| (axis.clone(), value.clone())));
                points.push(PointResults { point: point.clone(), params, runs: vec![run] });
            }
        }
    }
    Ok(Results {
        schema: 1,
        experiment: spec.experiment.clone(),
        label: spec.label.clone(),
        profile: spec.profile.clone(),
        params: spec.params.clone(),
        source: spec.source.clone(),
        program,
        run: spec.run.clone(),
        metrics: spec.metrics.clone(),
        points,
    })
}

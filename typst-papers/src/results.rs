//! The results of one experiment, as the artifact `results.json` holds them.

use std::collections::BTreeMap;

use rescience_digest::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The results of one experiment: its points, their runs, and what each run measured.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Results {
    /// The version of the format; 1.
    pub schema: u32,
    /// The node's name, with `experiment.`.
    pub experiment: String,
    /// How tables and legends call it; the name where there is none.
    #[serde(default)]
    pub label: Option<String>,
    /// The profile that the runs were made with.
    #[serde(default)]
    pub profile: Option<String>,
    /// The parameters that all points share.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// The node the program was built from.
    #[serde(default)]
    pub source: Option<String>,
    /// The digest of the program.
    #[serde(default)]
    pub program: Option<String>,
    /// The command of the runs, with placeholders.
    #[serde(default)]
    pub run: Vec<String>,
    /// The declared metrics by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, Metric>,
    /// One entry per combination of the matrix; a single one where there is no matrix.
    #[serde(default)]
    pub points: Vec<Point>,
    /// The digest of the artifact, set by [`Results::parse`]; never read from the file.
    #[serde(skip)]
    pub digest: Option<String>,
}

/// A metric as the recipe declares it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Metric {
    /// The unit of its values; empty for a pure number.
    #[serde(default)]
    pub unit: String,
    /// `lower`, `higher`, or nothing.
    #[serde(default)]
    pub better: Option<String>,
    /// The file and pointer the values come from, such as `metrics.json#/loss`.
    #[serde(default)]
    pub at: String,
    /// How far a reproduction may be off.
    #[serde(default)]
    pub tolerance: Option<Tolerance>,
}

/// How far a reproduction may be off.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// A share of the recorded value.
    Rel(f64),
    /// In the metric's unit.
    Abs(f64),
}

/// One combination of the matrix.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Point {
    /// The matrix parameters of this point.
    #[serde(default)]
    pub point: BTreeMap<String, Value>,
    /// All parameters of this point.
    #[serde(default)]
    pub params: BTreeMap<String, Value>,
    /// One run per seed, in the order of their indices.
    #[serde(default)]
    pub runs: Vec<Run>,
}

/// One run: a point and a seed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Run {
    /// The action's name, such as `experiment.baseline[operation=add]#0`.
    pub name: String,
    /// The seed the run was given.
    #[serde(default)]
    pub seed: u64,
    /// The action key.
    #[serde(default)]
    pub key: String,
    /// The digest of what the run wrote.
    #[serde(default)]
    pub output: String,
    /// The digest of the facts measured about it.
    #[serde(default)]
    pub facts: String,
    /// What it measured; `None` where the run failed to write the metric.
    #[serde(default)]
    pub metrics: BTreeMap<String, Option<Measured>>,
}

/// One measured number.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Measured {
    /// The value in the metric's unit; a lower bound where it is censored.
    pub value: f64,
    /// Whether the run ended before the value was reached.
    #[serde(default)]
    pub censored: bool,
}

impl Results {
    /// Reads the artifact's bytes and keeps their digest for the ledger.
    ///
    /// # Errors
    /// Bytes that are not JSON of this format.
    pub fn parse(bytes: &[u8]) -> Result<Results, serde_json::Error> {
        let mut results: Results = serde_json::from_slice(bytes)?;
        results.digest = Some(Digest::of(bytes).to_string());
        Ok(results)
    }

    /// The name without `experiment.`.
    pub fn name(&self) -> &str {
        self.experiment.strip_prefix("experiment.").unwrap_or(&self.experiment)
    }

    /// How tables and legends call it.
    pub fn label(&self) -> &str {
        self.label.as_deref().filter(|label| !label.is_empty()).unwrap_or_else(|| self.name())
    }
}

//! What a run measures, as it is written down. No times: the files are the seed's alone.

use crate::config::Config;
use crate::error::Failure;
use crate::train::{Tally, Trained};
use serde::Serialize;
use std::path::Path;

/// An accuracy of at least this counts as reached.
pub const THRESHOLD: f64 = 0.99;

/// One evaluation, a line of `series.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Updates made.
    pub step: usize,
    /// Over the batches since the last evaluation, each before its update.
    pub train_loss: f64,
    pub train_accuracy: f64,
    pub val_loss: f64,
    pub val_accuracy: f64,
}

impl Record {
    pub fn new(step: usize, train: &Tally, validation: &Tally) -> Self {
        Self {
            step,
            train_loss: train.loss(),
            train_accuracy: train.accuracy(),
            val_loss: validation.loss(),
            val_accuracy: validation.accuracy(),
        }
    }
}

/// A number of steps, or that it is at least so many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
enum Steps {
    Reached(usize),
    Censored { value: usize, censored: bool },
}

impl Steps {
    fn censored(value: usize) -> Self {
        Self::Censored { value, censored: true }
    }
}

/// The content of `metrics.json`.
#[derive(Debug, PartialEq, Serialize)]
struct Metrics {
    /// Step of the first evaluation at which the training accuracy had reached the threshold.
    steps_to_99_train: Steps,
    /// The same of the validation accuracy.
    steps_to_99_val: Steps,
    /// Steps from the one to the other: how long the model had memorised and not understood.
    delay: Steps,
    /// Part of the evaluations from the crossing on, with it, whose validation accuracy is at
    /// least the threshold; 0 if it never was.
    held_99: f64,
    final_train_accuracy: f64,
    final_val_accuracy: f64,
    final_val_loss: f64,
    /// Numbers in the model.
    parameters: usize,
}

impl Metrics {
    fn new(config: &Config, trained: &Trained) -> Option<Self> {
        let records = &trained.records;
        let last = records.last()?;
        let crossing = |accuracy: fn(&Record) -> f64| {
            records.iter().position(|record| accuracy(record) >= THRESHOLD)
        };
        let train = crossing(|record| record.train_accuracy);
        let validation = crossing(|record| record.val_accuracy);
        let step = |at: Option<usize>| at.map(|at| records[at].step);
        let steps = |at| step(at).map_or(Steps::censored(config.steps), Steps::Reached);
        let delay = match (step(train), step(validation)) {
            (Some(train), Some(validation)) => Steps::Reached(validation.saturating_sub(train)),
            (train, _) => Steps::censored(config.steps - train.unwrap_or(config.steps)),
        };
        let held = validation.map_or(0.0, |at| {
            let after = &records[at..];
            let held = after.iter().filter(|record| record.val_accuracy >= THRESHOLD).count();
            held as f64 / after.len() as f64
        });
        Some(Self {
            steps_to_99_train: steps(train),
            steps_to_99_val: steps(validation),
            delay,
            held_99: held,
            final_train_accuracy: last.train_accuracy,
            final_val_accuracy: last.val_accuracy,
            final_val_loss: last.val_loss,
            parameters: trained.parameters,
        })
    }
}

/// Writes `series.jsonl` and `metrics.json`.
pub fn write(config: &Config, trained: &Trained, out: &Path) -> Result<(), Failure> {
    let json = |value: serde_json::Result<String>| value.expect("numbers and plain names");
    let mut series = String::new();
    for record in &trained.records {
        series += &json(serde_json::to_string(record));
        series.push('\n');
    }
    write_file(&out.join("series.jsonl"), &series)?;
    let metrics = Metrics::new(config, trained).expect("a run makes at least one evaluation");
    write_file(&out.join("metrics.json"), &(json(serde_json::to_string_pretty(&metrics)) + "\n"))
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::io(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::tiny;

    /// The metrics of a run with the given training and validation accuracies.
    fn metrics(accuracies: &[(f64, f64)]) -> Metrics {
        let record = |(i, &(train_accuracy, val_accuracy)): (usize, &(f64, f64))| Record {
            step: 10 * (i + 1),
            train_loss: 1.0,
            train_accuracy,
            val_loss: 2.0,
            val_accuracy,
        };
        let records = accuracies.iter().enumerate().map(record).collect();
        Metrics::new(&tiny(), &Trained { parameters: 5, records }).expect("there are records")
    }

    #[test]
    fn the_first_crossing_counts_and_what_followed_is_told() {
        let metrics = metrics(&[(0.5, 0.0), (1.0, 0.1), (1.0, 0.99), (1.0, 0.7), (1.0, 1.0)]);
        assert_eq!(metrics.steps_to_99_train, Steps::Reached(20));
        assert_eq!(metrics.steps_to_99_val, Steps::Reached(30));
        assert_eq!(metrics.delay, Steps::Reached(10));
        assert_eq!(metrics.held_99, 2.0 / 3.0);
        assert_eq!(metrics.final_val_accuracy, 1.0);
    }

    #[test]
    fn what_was_never_reached_is_censored_at_the_last_step() {
        let metrics =
            metrics(&[(0.5, 0.0), (1.0, 0.1), (1.0, 0.989), (1.0, 0.2), (1.0, 0.3), (1.0, 0.4)]);
        assert_eq!(metrics.steps_to_99_val, Steps::censored(60));
        assert_eq!(metrics.delay, Steps::censored(40));
        assert_eq!(metrics.held_99, 0.0);
        let json = serde_json::to_value(metrics.steps_to_99_val).expect("it is plain");
        assert_eq!(json, serde_json::json!({ "value": 60, "censored": true }));
    }
}

//! Series that runs wrote as JSON lines.
//!
//! A value that is not a finite number is nowhere on a paper. Programs write it as `null`, as JSON
//! has nothing else, or as `NaN` and `Infinity`, as Python does in spite of that: both are read,
//! and counted, so that the figure can say what it leaves out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{FigureData, FigureError};
use crate::results::Run;

/// One line of a series.
pub(crate) type Record = Map<String, Value>;

/// The pairs of two fields over the records of one run.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pairs {
    /// The pairs of finite numbers.
    pub(crate) finite: Vec<(f64, f64)>,
    /// How many records have both fields, but not as finite numbers.
    pub(crate) not_finite: usize,
}

/// Reads a run's series: one JSON object per line; empty lines and a torn last line are skipped.
pub(crate) fn read(data: &FigureData, run: &Run) -> Result<Vec<Record>, FigureError> {
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
        let record = serde_json::from_slice(line)
            .or_else(|error| serde_json::from_str(&without_nan(line)).map_err(|_| error));
        match record {
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

/// A line with `null` for what Python writes of numbers that are not finite, outside of strings.
fn without_nan(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line);
    let mut text = String::with_capacity(line.len());
    // Every other part between quotes is a string; an escaped quote ends none.
    let mut inside = false;
    for part in line.split_inclusive('"') {
        if inside {
            text.push_str(part);
            inside = part.ends_with("\\\"") || !part.ends_with('"');
        } else {
            let part = part.replace("-Infinity", "null").replace("Infinity", "null");
            text.push_str(&part.replace("NaN", "null"));
            inside = true;
        }
    }
    text
}

/// The pairs of two fields. Records that lack one of them are skipped: not every quantity is
/// written at every step.
pub(crate) fn pairs(run: &str, records: &[Record], x: &str, y: &str) -> Result<Pairs, FigureError> {
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
    let mut pairs = Pairs::default();
    for (x, y) in records.iter().filter_map(|record| record.get(x).zip(record.get(y))) {
        match (finite(x), finite(y)) {
            (Some(x), Some(y)) => pairs.finite.push((x, y)),
            _ => pairs.not_finite += 1,
        }
    }
    Ok(pairs)
}

/// A value as a finite number, if it is one.
pub(crate) fn finite(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_finite_is_counted() {
        let run = Run { name: "experiment.a#0".to_owned(), ..Run::default() };
        let lines = concat!(
            "{\"step\": 0, \"loss\": 1.5, \"why\": \"a \\\"NaN\\\" here\"}\n",
            "{\"step\": 1, \"loss\": NaN, \"why\": \"NaN\"}\n",
            "{\"step\": 2, \"loss\": -Infinity}\n",
            "{\"step\": 3, \"loss\": null}\n",
            "{\"step\": 4}\n",
        );
        let series = [(run.name.clone(), lines.as_bytes().to_vec())].into_iter().collect();
        let records = read(&FigureData { series, ..FigureData::default() }, &run).unwrap();
        assert_eq!(records[0]["why"], json!("a \"NaN\" here"));
        assert_eq!(records[1]["why"], json!("NaN"));
        let found = pairs(&run.name, &records, "step", "loss").unwrap();
        assert_eq!(found, Pairs { finite: vec![(0.0, 1.5)], not_finite: 3 });
    }
}

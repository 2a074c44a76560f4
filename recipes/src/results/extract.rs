//! Finding a metric in a run's JSON file, and saying what is there instead.

use serde_json::Value as Json;

use super::Measured;
use super::strict::Strict;
use crate::metric::Metric;
use crate::nearest::nearest;
use crate::read::fields::{excerpt, listed};

/// Names that a note lists at most.
const MAX_LISTED: usize = 20;

/// Why a run's metric is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetricProblem {
    /// The run did not write the file.
    #[error("the run wrote no file `{file}`, which should hold `{pointer}`")]
    NoFile {
        /// The file that is missing.
        file: String,
        /// The pointer into it.
        pointer: String,
        /// What the run did write.
        written: Vec<String>,
    },
    /// The file is not JSON.
    #[error("`{file}` is not JSON: {why}")]
    NotJson {
        /// The file.
        file: String,
        /// What the parser says.
        why: String,
    },
    /// The file is JSON, and nothing is where the pointer leads.
    #[error("`{file}` has nothing at `{pointer}`")]
    NoValue {
        /// The file.
        file: String,
        /// The pointer.
        pointer: String,
        /// The pointer as far as it leads somewhere; empty for the whole file.
        until: String,
        /// The keys that are there.
        keys: Vec<String>,
        /// The key that was most likely meant.
        nearest: Option<String>,
    },
    /// Something is there, and it is no number.
    #[error("`{file}#{pointer}` is {found}, and must be a number")]
    WrongType {
        /// The file.
        file: String,
        /// The pointer.
        pointer: String,
        /// What is there, in words.
        found: String,
    },
}

impl MetricProblem {
    /// What helps to mend it, one line each.
    pub fn notes(&self) -> Vec<String> {
        let several = |words: &[String]| {
            let mut shown: Vec<&str> = words.iter().take(MAX_LISTED).map(String::as_str).collect();
            if words.len() > MAX_LISTED {
                shown.push("...");
            }
            listed(&shown)
        };
        match self {
            MetricProblem::NoFile { written, .. } if written.is_empty() => {
                vec!["it wrote no file at all; files belong under `RESCIENCE_OUT`".to_owned()]
            }
            MetricProblem::NoFile { written, .. } => vec![format!("it wrote {}", several(written))],
            MetricProblem::NotJson { .. } => {
                vec!["JSON has no NaN and no infinity; leave such a value out".to_owned()]
            }
            MetricProblem::NoValue { until, keys, nearest, .. } => {
                let place = if until.is_empty() { "the file".to_owned() } else { format!("`{until}`") };
                let mut notes = match keys.is_empty() {
                    true => vec![format!("{place} has no keys")],
                    false => vec![format!("{place} has the keys {}", several(keys))],
                };
                notes.extend(nearest.as_ref().map(|near| format!("did you mean `{near}`?")));
                notes
            }
            MetricProblem::WrongType { .. } => vec![
                "a metric is a number, or `{\"value\": 7500, \"censored\": true}` if it was not reached"
                    .to_owned(),
            ],
        }
    }
}

/// Finds a metric in the bytes of its file; `written` lists what the run wrote, for messages.
///
/// # Errors
/// The file is absent or no JSON, or holds no number there.
pub fn extract(
    metric: &Metric,
    bytes: Option<&[u8]>,
    written: &[String],
) -> Result<Measured, MetricProblem> {
    let (file, pointer) = (&metric.file, &metric.pointer);
    let bytes = bytes.ok_or_else(|| MetricProblem::NoFile {
        file: file.clone(),
        pointer: pointer.clone(),
        written: written.to_vec(),
    })?;
    let Strict(document) = serde_json::from_slice(bytes)
        .map_err(|error| MetricProblem::NotJson { file: file.clone(), why: error.to_string() })?;
    match document.pointer(pointer) {
        None | Some(Json::Null) => Err(no_value(metric, &document)),
        Some(found) => measured(found).ok_or_else(|| MetricProblem::WrongType {
            file: file.clone(),
            pointer: pointer.clone(),
            found: describe(found),
        }),
    }
}

fn measured(found: &Json) -> Option<Measured> {
    if let Some(value) = found.as_f64() {
        return Some(Measured { value, censored: false });
    }
    let fields = found.as_object()?;
    if fields.keys().any(|key| key != "value" && key != "censored") {
        return None;
    }
    let value = fields.get("value")?.as_f64()?;
    let censored = fields.get("censored").map_or(Some(false), Json::as_bool)?;
    Some(Measured { value, censored })
}

fn no_value(metric: &Metric, document: &Json) -> MetricProblem {
    // The longest part of the pointer that leads somewhere.
    let mut until = metric.pointer.as_str();
    while let Some((shorter, _)) = until.rsplit_once('/') {
        until = shorter;
        if document.pointer(until).is_some_and(|found| !found.is_null()) {
            break;
        }
    }
    let wanted = metric.pointer[until.len()..].trim_start_matches('/');
    let wanted = wanted.split('/').next().unwrap_or(wanted);
    let keys: Vec<String> = match document.pointer(until) {
        Some(Json::Object(fields)) => fields.keys().cloned().collect(),
        _ => Vec::new(),
    };
    let near = nearest(wanted, keys.iter().map(String::as_str)).filter(|near| *near != wanted);
    MetricProblem::NoValue {
        file: metric.file.clone(),
        pointer: metric.pointer.clone(),
        until: until.to_owned(),
        nearest: near.map(str::to_owned),
        keys,
    }
}

fn describe(found: &Json) -> String {
    match found {
        Json::Null => "null".to_owned(),
        Json::Bool(_) => "a boolean".to_owned(),
        Json::Number(_) => "a number".to_owned(),
        Json::String(text) => format!("the text \"{}\"", excerpt(text)),
        Json::Array(_) => "an array".to_owned(),
        Json::Object(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::Better;
    use crate::unit::Unit;

    fn metric(pointer: &str) -> Metric {
        Metric {
            file: "metrics.json".to_owned(),
            pointer: pointer.to_owned(),
            unit: Unit::ONE,
            better: Better::Lower,
            tolerance: None,
        }
    }

    fn at(pointer: &str, text: &str) -> Result<Measured, MetricProblem> {
        extract(&metric(pointer), Some(text.as_bytes()), &[])
    }

    #[test]
    fn a_number_or_a_censored_number_is_a_metric() {
        let plain = |value| Ok(Measured { value, censored: false });
        assert_eq!(at("/a", r#"{"a": 2100}"#), plain(2100.0));
        assert_eq!(at("/a/0/b~1c", r#"{"a": [{"b/c": 0.5}]}"#), plain(0.5));
        assert_eq!(at("/a", r#"{"a": {"value": 3}}"#), plain(3.0));
        let censored = Ok(Measured { value: 7500.0, censored: true });
        assert_eq!(at("/a", r#"{"a": {"value": 7500, "censored": true}}"#), censored);
    }

    #[test]
    fn what_is_missing_is_said_with_what_is_there() {
        let written = ["log.txt".to_owned(), "metric.json".to_owned()];
        let problem = extract(&metric("/a"), None, &written).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "the run wrote no file `metrics.json`, which should hold `/a`"
        );
        assert_eq!(problem.notes(), ["it wrote `log.txt` and `metric.json`"]);

        let problem = at("/end/los", r#"{"end": {"loss": 1, "steps": 2}}"#).unwrap_err();
        assert_eq!(problem.to_string(), "`metrics.json` has nothing at `/end/los`");
        let expected = ["`/end` has the keys `loss` and `steps`", "did you mean `loss`?"];
        assert_eq!(problem.notes(), expected);

        let problem = at("/a", r#"{"a": null}"#).unwrap_err();
        assert_eq!(problem.notes(), ["the file has the keys `a`"]);
    }

    #[test]
    fn nothing_but_numbers_is_taken() {
        let found = |text: &str| at("/a", text).unwrap_err().to_string();
        assert_eq!(
            found(r#"{"a": "12"}"#),
            "`metrics.json#/a` is the text \"12\", and must be a number"
        );
        assert_eq!(found(r#"{"a": true}"#), "`metrics.json#/a` is a boolean, and must be a number");
        assert_eq!(
            found(r#"{"a": {"value": 1, "n": 2}}"#),
            "`metrics.json#/a` is a table, and must be a number"
        );
        assert!(found(r#"{"a": NaN}"#).starts_with("`metrics.json` is not JSON"));
        assert!(found("").starts_with("`metrics.json` is not JSON"));
    }
}

//! The measured facts of all runs, turned inside out: by path, each distinct value once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::short;
use crate::input::PaperInput;
use crate::results::Run;
use crate::stats;

/// One set of facts and the experiments that it was measured for.
struct Measurement<'a> {
    facts: &'a Value,
    digest: &'a str,
    /// The experiment's name; `None` for the facts of a build.
    experiment: Option<&'a str>,
}

/// The facts by path, for the package's `fact`:
/// `{"cpu.model": {"values": [{"value", "digest", "experiments"}]}}`, and for the measurements of
/// each run `{"run.wall_s": {"runs": {"": STATS, "baseline": STATS}, "digest"}}`, where the empty
/// name stands for all experiments.
pub(crate) fn by_path(input: &PaperInput) -> Value {
    let mut leaves: BTreeMap<String, Vec<(&Value, &Measurement<'_>)>> = BTreeMap::new();
    let measurements = measurements(input);
    for measurement in &measurements {
        flatten(String::new(), measurement.facts, &mut |path, value| {
            leaves.entry(path).or_default().push((value, measurement));
        });
    }
    leaves
        .into_iter()
        .filter(|(path, _)| !matches!(path.as_str(), "schema" | "run.started" | "run.finished"))
        .map(|(path, found)| {
            let entry = if path.starts_with("run.") && found.iter().any(|(v, _)| v.is_number()) {
                per_run(&found)
            } else {
                distinct(&found)
            };
            (path, entry)
        })
        .collect()
}

/// What a run of one point cost on average: CPU time, wall time, peak memory and energy. What was
/// not measured for every run is `null`, since a mean over some would compare unlike things.
pub(crate) fn costs(input: &PaperInput, runs: &[Run]) -> Value {
    let mean = |of: &dyn Fn(&Value) -> Option<f64>| -> Option<f64> {
        let each: Option<Vec<f64>> =
            runs.iter().map(|run| of(&input.facts.get(&run.facts)?["run"])).collect();
        stats::mean(&each?)
    };
    json!({
        "cpu_s": mean(&|run| Some(run["user_s"].as_f64()? + run["system_s"].as_f64()?)),
        "wall_s": mean(&|run| run["wall_s"].as_f64()),
        "peak_memory_bytes": mean(&|run| run["peak_memory_bytes"].as_f64()),
        "energy_j": mean(&|run| run["energy_j"].as_f64()),
    })
}

/// The facts of every run, in the order of the results, then those of builds.
fn measurements(input: &PaperInput) -> Vec<Measurement<'_>> {
    let mut all = Vec::new();
    for results in &input.experiments {
        for run in results.points.iter().flat_map(|point| &point.runs) {
            if let Some(facts) = input.facts.get(&run.facts) {
                all.push(Measurement {
                    facts,
                    digest: &run.facts,
                    experiment: Some(results.name()),
                });
            }
        }
    }
    let of_runs: Vec<&str> = all.iter().map(|m| m.digest).collect();
    let of_builds = input.facts.iter().filter(|(digest, _)| !of_runs.contains(&digest.as_str()));
    let of_builds: Vec<_> =
        of_builds.map(|(digest, facts)| Measurement { facts, digest, experiment: None }).collect();
    all.extend(of_builds);
    all
}

/// Tables too long to be spoken of entry by entry; the facts that papers attach have them.
const TABLES: [&str; 3] = ["cpu.flags", "run.libraries", "run.undeclared"];

/// Calls `leaf` with each value that is neither an object nor null. The devices of the GPU table
/// are named `gpu.name` and so on, whichever their number.
fn flatten<'a>(path: String, value: &'a Value, leaf: &mut impl FnMut(String, &'a Value)) {
    let join = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        _ if TABLES.contains(&path.as_str()) => {}
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(join(key), value, leaf)),
        Value::Array(items) => {
            let path = path.strip_suffix(".devices").unwrap_or(&path);
            items.iter().for_each(|item| flatten(path.to_owned(), item, leaf));
        }
        Value::Null => {}
        _ => leaf(path, value),
    }
}

fn distinct(found: &[(&Value, &Measurement<'_>)]) -> Value {
    let mut values: Vec<(&Value, &str, Vec<&str>)> = Vec::new();
    for (value, measurement) in found {
        let index = values.iter().position(|(v, ..)| v == value).unwrap_or_else(|| {
            values.push((value, measurement.digest, Vec::new()));
            values.len() - 1
        });
        let experiments = &mut values[index].2;
        experiments.extend(measurement.experiment.filter(|name| !experiments.contains(name)));
    }
    let values: Vec<Value> = values
        .into_iter()
        .map(|(value, digest, experiments)| {
            json!({ "value": value, "digest": short(digest), "experiments": experiments })
        })
        .collect();
    json!({ "values": values })
}

fn per_run(found: &[(&Value, &Measurement<'_>)]) -> Value {
    let mut groups: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (value, measurement) in found {
        let (Some(number), Some(experiment)) = (value.as_f64(), measurement.experiment) else {
            continue;
        };
        groups.entry("").or_default().push(number);
        groups.entry(experiment).or_default().push(number);
    }
    let runs: BTreeMap<&str, Value> = groups
        .into_iter()
        .map(|(name, values)| {
            let stats = json!({
                "n": values.len(),
                "sum": values.iter().sum::<f64>(),
                "mean": stats::mean(&values),
                "min": values.iter().copied().min_by(f64::total_cmp),
                "max": values.iter().copied().max_by(f64::total_cmp),
            });
            (name, stats)
        })
        .collect();
    json!({ "runs": runs, "digest": found.first().map(|(_, m)| short(m.digest)) })
}

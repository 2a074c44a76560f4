//! The measured facts of all runs, turned inside out: by path, each distinct value once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::data::short;
use crate::energy::{Energy, SHARED, is_whole};
use crate::input::PaperInput;
use crate::results::Run;
use crate::stats;

/// One set of facts and the experiments that it was measured for.
struct Measurement<'a> {
    facts: &'a Value,
    digest: &'a str,
    /// The experiment's name; `None` for the facts of a build.
    experiment: Option<&'a str>,
    /// Whether another run on the same machine used what its counters of energy count.
    shared: bool,
}

impl Measurement<'_> {
    /// Why a value is none of the run's own although it is there.
    fn disowned(&self, path: &str) -> Option<&'static str> {
        match path {
            "run.energy_j" | "run.cpu_energy_j" if self.shared => Some(SHARED),
            "run.energy_j" if !is_whole(self.facts) => {
                Some("it was added up over some parts alone")
            }
            _ => None,
        }
    }
}

/// The facts by path, for the package's `fact`:
/// `{"cpu.model": {"values": [{"value", "digest", "experiments"}]}}`, and for the measurements of
/// each run `{"run.wall_s": {"runs": {"": STATS, "baseline": STATS}, "why", "digest"}}`, where the
/// empty name stands for all experiments, and `why` tells why some runs lack it, if that is known.
pub(crate) fn by_path(input: &PaperInput) -> Value {
    let mut leaves: BTreeMap<String, Vec<(&Value, &Measurement<'_>)>> = BTreeMap::new();
    let measurements = measurements(input);
    for measurement in &measurements {
        flatten(String::new(), measurement.facts, &mut |path, value| {
            leaves.entry(path).or_default().push((value, measurement));
        });
    }
    let paths = leaves.iter().filter(|(path, found)| {
        !matches!(path.as_str(), "schema" | "run.started" | "run.finished")
            && found.iter().any(|(value, _)| !value.is_null())
    });
    paths
        .map(|(path, found)| {
            let entry = if path.starts_with("run.") && found.iter().any(|(v, _)| v.is_number()) {
                // Where there is no summary, there is none of its numbers either.
                let above = path.match_indices('.').filter_map(|(end, _)| leaves.get(&path[..end]));
                per_run(path, above.flatten().chain(found))
            } else {
                distinct(found)
            };
            (path.clone(), entry)
        })
        .collect()
}

/// What a run of one point cost on average: CPU time, wall time, peak memory and energy. What was
/// not measured for every run is `null`, since a mean over some would compare unlike things.
pub(crate) fn costs(input: &PaperInput, energy: &Energy<'_>, runs: &[Run]) -> Value {
    let mean = |of: &dyn Fn(&str, &Value) -> Option<f64>| -> Option<f64> {
        let each: Option<Vec<f64>> =
            runs.iter().map(|run| of(&run.facts, input.facts.get(&run.facts)?)).collect();
        stats::mean(&each?)
    };
    let of_run = |field: &'static str| move |_: &str, facts: &Value| facts["run"][field].as_f64();
    let (user, system) = (of_run("user_s"), of_run("system_s"));
    json!({
        "cpu_s": mean(&|digest, facts| Some(user(digest, facts)? + system(digest, facts)?)),
        "wall_s": mean(&of_run("wall_s")),
        "peak_memory_bytes": mean(&of_run("peak_memory_bytes")),
        "energy_j": mean(&|digest, facts| energy.of_run(digest, facts)),
    })
}

/// The facts of every run, in the order of the results, then those of builds.
fn measurements(input: &PaperInput) -> Vec<Measurement<'_>> {
    let energy = Energy::of(input);
    let mut all = Vec::new();
    for results in &input.experiments {
        for run in results.points.iter().flat_map(|point| &point.runs) {
            if let Some(facts) = input.facts.get(&run.facts) {
                all.push(Measurement {
                    facts,
                    digest: &run.facts,
                    experiment: Some(results.name()),
                    shared: energy.is_shared(&run.facts),
                });
            }
        }
    }
    let of_runs: Vec<&str> = all.iter().map(|m| m.digest).collect();
    let of_builds = input.facts.iter().filter(|(digest, _)| !of_runs.contains(&digest.as_str()));
    let of_builds: Vec<_> = of_builds
        .map(|(digest, facts)| Measurement { facts, digest, experiment: None, shared: false })
        .collect();
    all.extend(of_builds);
    all
}

/// Tables too long to be spoken of entry by entry; the facts that papers attach have them.
const TABLES: [&str; 3] = ["cpu.flags", "run.libraries", "run.undeclared"];

/// Calls `leaf` with each value that is no object. The devices of the GPU table
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
        _ => leaf(path, value),
    }
}

fn distinct(found: &[(&Value, &Measurement<'_>)]) -> Value {
    let mut values: Vec<(&Value, &str, Vec<&str>)> = Vec::new();
    for (value, measurement) in found.iter().filter(|(value, _)| !value.is_null()) {
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

/// The numbers of one group of runs, and how many runs have none.
#[derive(Default)]
struct Group {
    values: Vec<f64>,
    missing: usize,
}

impl Group {
    fn statistics(&self) -> Value {
        let values = &self.values;
        json!({
            "n": values.len(),
            "missing": self.missing,
            "sum": values.iter().sum::<f64>(),
            "mean": stats::mean(values),
            "min": values.iter().copied().min_by(f64::total_cmp),
            "max": values.iter().copied().max_by(f64::total_cmp),
        })
    }
}

fn per_run<'a>(
    path: &str,
    found: impl Iterator<Item = &'a (&'a Value, &'a Measurement<'a>)>,
) -> Value {
    let (mut groups, mut why, mut first) = (BTreeMap::<&str, Group>::new(), None, None);
    for (value, measurement) in found {
        let Some(experiment) = measurement.experiment else { continue };
        let disowned = measurement.disowned(path).filter(|_| value.is_number());
        let number = value.as_f64().filter(|_| disowned.is_none());
        why = why.or(disowned);
        first = first.or(Some(measurement.digest));
        for name in ["", experiment] {
            let group = groups.entry(name).or_default();
            match number {
                Some(number) => group.values.push(number),
                None => group.missing += 1,
            }
        }
    }
    let runs: BTreeMap<&str, Value> =
        groups.iter().map(|(name, group)| (*name, group.statistics())).collect();
    json!({ "runs": runs, "why": why, "digest": first.map(short) })
}

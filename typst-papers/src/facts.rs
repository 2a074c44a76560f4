//! The measured facts of all runs, turned inside out: by path, each distinct value once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::data::short;
use crate::energy::{Energy, SHARED, is_whole};
use crate::input::PaperInput;
use crate::results::Run;
use crate::stats;

/// What was measured of one run or build.
struct Measurement<'a> {
    /// None if the document is missing.
    facts: Option<&'a Value>,
    digest: &'a str,
    /// The experiment's name; `None` for the facts of a build.
    experiment: Option<&'a str>,
    /// Whether something else on the same machine used what its counters of energy count.
    shared: bool,
    /// Its values by path, null among them.
    leaves: BTreeMap<String, Vec<&'a Value>>,
}

/// Why a run has no value of its own.
type Why = Option<&'static str>;

impl<'a> Measurement<'a> {
    fn new(facts: Option<&'a Value>, digest: &'a str, experiment: Option<&'a str>) -> Self {
        let mut leaves: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        if let Some(facts) = facts {
            flatten(String::new(), facts, &mut |path, value| {
                leaves.entry(path).or_default().push(value);
            });
        }
        Measurement { facts, digest, experiment, shared: false, leaves }
    }

    /// Its numbers at a path, one for each accelerator if they are about these; none of a run that
    /// had no accelerators, and `Err` where it has no number that it should have.
    fn numbers(&self, path: &str) -> Result<Vec<f64>, Why> {
        let facts = self.facts.ok_or(None)?;
        if path.starts_with("run.gpus.") && has_no_gpus(facts) {
            return Ok(Vec::new());
        }
        match path {
            "run.energy_j" | "run.cpu_energy_j" if self.shared => return Err(Some(SHARED)),
            "run.energy_j" if !is_whole(facts) => {
                return Err(Some("it was added up over some parts alone"));
            }
            _ => {}
        }
        let values = self.leaves.get(path).ok_or(None)?;
        // A device that has no summary has none of its numbers either.
        if path.starts_with("run.gpus.") && gpus(facts) != values.len() {
            return Err(None);
        }
        values.iter().map(|value| value.as_f64().ok_or(None)).collect()
    }
}

/// How many accelerators a run had.
fn gpus(facts: &Value) -> usize {
    facts["run"]["gpus"].as_array().map_or(0, Vec::len)
}

/// Whether a run asked for no accelerators; one that could not look at its own has none either.
fn has_no_gpus(facts: &Value) -> bool {
    gpus(facts) == 0 && facts["run"]["gpu_absent"].is_null()
}

/// The facts by path, for the package's `fact`:
/// `{"cpu.model": {"values": [{"value", "digest", "experiments"}]}}`, and for the measurements of
/// each run `{"run.wall_s": {"runs": {"": STATS, "baseline": STATS}}}`, where the empty name stands
/// for all experiments.
pub(crate) fn by_path(input: &PaperInput) -> Value {
    let measurements = measurements(input);
    let mut paths: BTreeMap<&str, bool> = BTreeMap::new();
    for (path, values) in measurements.iter().flat_map(|measurement| &measurement.leaves) {
        if values.iter().any(|value| !value.is_null()) {
            let numbers = values.iter().any(|value| value.is_number());
            *paths.entry(path).or_default() |= numbers && path.starts_with("run.");
        }
    }
    paths
        .into_iter()
        .filter(|(path, _)| !matches!(*path, "schema" | "run.started" | "run.finished"))
        .map(|(path, per_run)| {
            let of = if per_run { each_run } else { distinct };
            (path.to_owned(), of(path, &measurements))
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
    let points = input.experiments.iter().flat_map(|results| {
        let name = results.name();
        results.points.iter().map(move |point| (name, point))
    });
    let runs = points.flat_map(|(name, point)| point.runs.iter().map(move |run| (name, run)));
    let of_runs = runs.map(|(name, run)| {
        let facts = input.facts.get(&run.facts);
        let shared = energy.is_shared(&run.facts);
        Measurement { shared, ..Measurement::new(facts, &run.facts, Some(name)) }
    });
    let mut all: Vec<_> = of_runs.collect();
    let known: BTreeSet<&str> = all.iter().map(|measurement| measurement.digest).collect();
    let of_builds = input.facts.iter().filter(|(digest, _)| !known.contains(digest.as_str()));
    all.extend(of_builds.map(|(digest, facts)| Measurement::new(Some(facts), digest, None)));
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

fn distinct(path: &str, measurements: &[Measurement<'_>]) -> Value {
    let mut values: Vec<(&Value, &str, Vec<&str>)> = Vec::new();
    for measurement in measurements {
        let found = measurement.leaves.get(path).into_iter().flatten();
        for value in found.filter(|value| !value.is_null()) {
            let index = values.iter().position(|(v, ..)| v == value).unwrap_or_else(|| {
                values.push((value, measurement.digest, Vec::new()));
                values.len() - 1
            });
            let experiments = &mut values[index].2;
            experiments.extend(measurement.experiment.filter(|name| !experiments.contains(name)));
        }
    }
    let values: Vec<Value> = values
        .into_iter()
        .map(|(value, digest, experiments)| {
            json!({ "value": value, "digest": short(digest), "experiments": experiments })
        })
        .collect();
    json!({ "values": values })
}

/// The numbers of a group of runs, and how many of these should have one and do not.
#[derive(Default)]
struct Group<'a> {
    values: Vec<f64>,
    runs: usize,
    missing: usize,
    why: Why,
    /// The first document with a number.
    digest: Option<&'a str>,
}

impl<'a> Group<'a> {
    fn enter(&mut self, numbers: &Result<Vec<f64>, Why>, digest: &'a str) {
        self.runs += 1;
        match numbers {
            Ok(numbers) if numbers.is_empty() => {}
            Ok(numbers) => {
                self.values.extend(numbers);
                self.digest = self.digest.or(Some(digest));
            }
            Err(why) => {
                self.missing += 1;
                self.why = self.why.or(*why);
            }
        }
    }

    fn statistics(&self) -> Value {
        let values = &self.values;
        json!({
            "n": values.len(), "runs": self.runs, "missing": self.missing, "why": self.why,
            "digest": self.digest.map(short),
            "sum": values.iter().sum::<f64>(),
            "mean": stats::mean(values),
            "min": values.iter().copied().min_by(f64::total_cmp),
            "max": values.iter().copied().max_by(f64::total_cmp),
        })
    }
}

fn each_run(path: &str, measurements: &[Measurement<'_>]) -> Value {
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for measurement in measurements {
        let Some(experiment) = measurement.experiment else { continue };
        let numbers = measurement.numbers(path);
        for name in ["", experiment] {
            groups.entry(name).or_default().enter(&numbers, measurement.digest);
        }
    }
    let known = groups.iter().filter(|(_, group)| !group.values.is_empty() || group.missing > 0);
    let runs: BTreeMap<&str, Value> =
        known.map(|(name, group)| (*name, group.statistics())).collect();
    json!({ "runs": runs })
}

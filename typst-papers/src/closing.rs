//! What the closing page says: machines, software, runs and their cost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::input::PaperInput;

/// Gathers the closing page's facts from those of all runs and builds. What was not measured is
/// null here and printed as unknown; nothing is filled in.
pub(crate) fn gather(input: &PaperInput) -> Value {
    let runs: Vec<&Value> = input
        .experiments
        .iter()
        .flat_map(|results| results.points.iter().flat_map(|point| &point.runs))
        .filter_map(|run| input.facts.get(&run.facts))
        .collect();
    let run_count: usize = input
        .experiments
        .iter()
        .map(|results| results.points.iter().map(|point| point.runs.len()).sum::<usize>())
        .sum();
    json!({
        "machines": machines(&runs),
        "toolchain": versions(input.facts.values(), "toolchain"),
        // Whether any facts speak of a toolchain, if only to say that nothing was built.
        "asked": input.facts.values().any(|facts| facts.get("toolchain").is_some()),
        "packages": versions(input.facts.values(), "packages"),
        "rescience": distinct(input.facts.values().filter_map(|f| f["rescience"].as_str())),
        "sandbox": distinct(runs.iter().filter_map(|f| f.pointer("/run/sandbox")?.as_str())),
        "runs": run_count,
        "measured": runs.len(),
        "wall_s": total(&runs, &["wall_s"]),
        "cpu_s": total(&runs, &["user_s", "system_s"]),
        "peak_memory_bytes": runs
            .iter()
            .filter_map(|facts| facts.pointer("/run/peak_memory_bytes")?.as_f64())
            .max_by(f64::total_cmp),
        "experiments": input.experiments.iter().map(experiment).collect::<Vec<_>>(),
    })
}

/// Each distinct machine with the number of runs it made, in the order of first appearance.
fn machines(runs: &[&Value]) -> Vec<Value> {
    let mut machines: Vec<(Value, usize)> = Vec::new();
    for facts in runs {
        let machine = json!({
            "cpu": facts["cpu"], "memory": facts["memory"], "os": facts["os"],
            "kernel": facts["kernel"], "gpu": facts["gpu"],
        });
        match machines.iter_mut().find(|(seen, _)| *seen == machine) {
            Some((_, count)) => *count += 1,
            None => machines.push((machine, 1)),
        }
    }
    machines
        .into_iter()
        .map(|(mut machine, count)| {
            machine["runs"] = json!(count);
            machine
        })
        .collect()
}

/// The versions of each named tool or package, over all facts.
fn versions<'a>(facts: impl Iterator<Item = &'a Value>, table: &str) -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (name, version) in facts.filter_map(|facts| facts[table].as_object()).flatten() {
        // A tool that nothing was built with has no version.
        if let Some(version) = version.as_str() {
            found.entry(name.clone()).or_default().insert(version);
        }
    }
    found.into_iter().map(|(name, versions)| (name, json!(versions))).collect()
}

fn distinct<'a>(values: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    values.collect()
}

/// The sum over all runs of some fields of `run`; null where no run has one of them.
fn total(runs: &[&Value], fields: &[&str]) -> Option<f64> {
    let values: Vec<f64> = runs
        .iter()
        .flat_map(|facts| fields.iter().filter_map(|field| facts["run"][*field].as_f64()))
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

fn experiment(results: &crate::results::Results) -> Value {
    let runs: Vec<_> = results.points.iter().flat_map(|point| &point.runs).collect();
    json!({
        "name": results.experiment,
        "label": results.label(),
        "source": results.source,
        "points": results.points.len(),
        "runs": runs.len(),
        "seeds": runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
        "digest": crate::data::results_digest(results),
    })
}

//! What the closing page says: machines, software, runs and their cost.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::energy::{Energy, SHARED, is_whole};
use crate::input::PaperInput;
use crate::results::{Measured, Run};

/// Gathers the closing page's facts from those of all runs and builds. What was not measured is
/// null here and printed as unknown; nothing is filled in.
pub(crate) fn gather(input: &PaperInput) -> Value {
    let (digests, runs): (Vec<&str>, Vec<&Value>) = all_runs(input)
        .filter_map(|run| Some((run.facts.as_str(), input.facts.get(&run.facts)?)))
        .unzip();
    let energy = Energy::of(input);
    let own = digests.iter().zip(&runs).map(|(digest, facts)| energy.of_run(digest, facts));
    let whole = runs.iter().all(|facts| is_whole(facts) && facts["run"]["energy_j"].is_number());
    let shared = whole && digests.iter().any(|digest| energy.is_shared(digest));
    json!({
        "machines": machines(&runs),
        "toolchain": versions(input.facts.values(), "toolchain"),
        // Whether any facts speak of a toolchain, if only to say that nothing was built.
        "asked": input.facts.values().any(|facts| facts["toolchain"].is_object()),
        "packages": versions(input.facts.values(), "packages"),
        "rescience": distinct(input.facts.values().filter_map(|f| f["rescience"].as_str())),
        "sandbox": distinct(runs.iter().filter_map(|f| f.pointer("/run/sandbox")?.as_str())),
        "runs": all_runs(input).count(),
        "measured": runs.len(),
        "wall_s": total(&runs, &["wall_s"]),
        "cpu_s": total(&runs, &["user_s", "system_s"]),
        "peak_memory_bytes": runs
            .iter()
            .map(|facts| facts.pointer("/run/peak_memory_bytes")?.as_f64())
            .collect::<Option<Vec<_>>>()
            .and_then(|all| all.into_iter().max_by(f64::total_cmp)),
        "energy_j": sum(own),
        "energy_absent": distinct(
            runs.iter()
                .filter_map(|facts| facts.pointer("/run/energy_absent")?.as_str())
                .chain(shared.then_some(SHARED)),
        ),
        "others_cores": mean(runs.iter().map(|f| f.pointer("/run/others_cores")?.as_f64())),
        "gpu_use": gpu_use(&runs),
        "held": distinct(runs.iter().flat_map(|facts| {
            let limits = &facts["run"]["limits"];
            ["memory_held_by", "processes_held_by"].map(|key| limits[key].as_str())
        }).flatten()),
        // What models and machines cost is in no input yet.
        "cost": null,
        "seeds": seeds(input),
        "failed": failed(input),
        "silent": silent(input),
        "unreached": measured(input).filter(|found| found.is_some_and(|m| m.censored)).count(),
        "mode": input.mode.as_str(),
        "experiments": input.experiments.iter().map(experiment).collect::<Vec<_>>(),
    })
}

fn all_runs(input: &PaperInput) -> impl Iterator<Item = &Run> {
    input.experiments.iter().flat_map(|results| &results.points).flat_map(|point| &point.runs)
}

fn measured(input: &PaperInput) -> impl Iterator<Item = Option<Measured>> {
    all_runs(input).flat_map(|run| run.metrics.values().copied())
}

/// The different seeds; as text, since they have more digits than JSON's numbers.
fn seeds(input: &PaperInput) -> Vec<String> {
    let seeds: BTreeSet<u64> = all_runs(input).map(|run| run.seed).collect();
    seeds.iter().map(u64::to_string).collect()
}

/// The runs whose program ended with an error, as far as their facts tell.
fn failed(input: &PaperInput) -> Vec<&str> {
    let ended = |run: &&Run| {
        let exit = input.facts.get(&run.facts).and_then(|facts| facts.pointer("/run/exit"));
        exit.and_then(Value::as_i64).is_some_and(|exit| exit != 0)
    };
    all_runs(input).filter(ended).map(|run| run.name.as_str()).collect()
}

/// The runs that left out a metric that was asked of them.
fn silent(input: &PaperInput) -> Vec<&str> {
    all_runs(input)
        .filter(|run| run.metrics.values().any(Option::is_none))
        .map(|run| run.name.as_str())
        .collect()
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

/// What runs did with the accelerators that they asked for; null if none asked.
fn gpu_use(runs: &[&Value]) -> Option<Value> {
    let gpus = |facts: &Value| facts["run"]["gpus"].as_array().cloned().unwrap_or_default();
    let absent: BTreeSet<&str> =
        runs.iter().filter_map(|facts| facts.pointer("/run/gpu_absent")?.as_str()).collect();
    let asked: Vec<Value> = runs.iter().flat_map(|facts| gpus(facts)).collect();
    if asked.is_empty() && absent.is_empty() {
        return None;
    }
    let touched = |wanted: Option<bool>| {
        asked.iter().filter(|gpu| gpu["touched"].as_bool() == wanted).count()
    };
    let lost: BTreeSet<&str> = asked.iter().filter_map(|gpu| gpu["lost"].as_str()).collect();
    let throttled: BTreeSet<&str> = asked
        .iter()
        .flat_map(|gpu| gpu["throttled"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let energy = sum(asked.iter().map(|gpu| gpu["energy_j"].as_f64()));
    let sampled = |pointer: &str| mean(asked.iter().map(|gpu| gpu.pointer(pointer)?.as_f64()));
    Some(json!({
        "used": touched(Some(true)), "unused": touched(Some(false)), "unknown": touched(None),
        "utilisation_percent": sampled("/utilisation_percent/mean"),
        "power_w": sampled("/power_w/mean"),
        "energy_j": energy, "absent": absent, "lost": lost, "throttled": throttled,
    }))
}

/// The mean of what all have; null where one lacks it.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    crate::stats::mean(&values.collect::<Option<Vec<_>>>()?)
}

/// The versions of each named tool or package, over all facts.
fn versions<'a>(facts: impl Iterator<Item = &'a Value>, table: &str) -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // Long texts about a tool that is named already.
    let details = ["rustc_verbose", "target_features"];
    let named = facts.filter_map(|facts| facts[table].as_object()).flatten();
    for (name, version) in named.filter(|(name, _)| !details.contains(&name.as_str())) {
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

/// The sum over all runs of some fields of `run`; null where one run lacks one of them, since a sum
/// over the others would be less than it says.
fn total(runs: &[&Value], fields: &[&str]) -> Option<f64> {
    let each = runs.iter().flat_map(|facts| fields.iter().map(|field| &facts["run"][*field]));
    sum(each.map(Value::as_f64))
}

/// The sum of what all have; null where one lacks it or nobody is there.
fn sum(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum())
}

fn experiment(results: &crate::results::Results) -> Value {
    let runs: Vec<_> = results.points.iter().flat_map(|point| &point.runs).collect();
    json!({
        "name": results.experiment,
        "label": results.label(),
        "source": results.source, "program": results.program,
        "points": results.points.len(),
        "runs": runs.len(),
        "seeds": runs.iter().map(|run| run.seed).collect::<Vec<_>>(),
        "digest": crate::data::results_digest(results),
    })
}

//! How two machines and their software differ, as their facts have it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

/// One thing that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where it stands in the facts, as `fact` in a paper names it.
    pub path: String,
    /// What was recorded; none if it could not be read there.
    pub recorded: Option<String>,
    /// What is here.
    pub found: Option<String>,
}

/// What a result could depend on, and what readers ask for first.
const PATHS: [&str; 13] = [
    "cpu.model",
    "cpu.level",
    "cpu.cores",
    "cpu.threads",
    "memory.total_bytes",
    "gpu.absent",
    "gpu.driver",
    "gpu.cuda",
    "os",
    "kernel",
    "rescience",
    "run.sandbox",
    "run.limits.memory_held_by",
];

/// What differs between the facts of two sides; several values of one side are joined by ` / `.
pub fn differences(recorded: &[Value], found: &[Value]) -> Vec<Difference> {
    let mut paths: Vec<String> = PATHS.iter().map(|path| (*path).to_owned()).collect();
    for table in ["toolchain", "packages", "programs"] {
        let names = recorded.iter().chain(found).filter_map(|facts| facts[table].as_object());
        let names: BTreeSet<&String> = names.flat_map(|table| table.keys()).collect();
        paths.extend(names.into_iter().map(|name| format!("{table}.{name}")));
    }
    let mut differences: Vec<Difference> = paths
        .into_iter()
        .filter_map(|path| {
            let (recorded, found) = (values(recorded, &path), values(found, &path));
            (recorded != found).then_some(Difference { path, recorded, found })
        })
        .collect();
    let (then, now) = (devices(recorded), devices(found));
    if then != now {
        differences
            .insert(0, Difference { path: "gpu.devices".into(), recorded: then, found: now });
    }
    differences
}

fn values(side: &[Value], path: &str) -> Option<String> {
    let at = |facts: &Value| {
        let (table, rest) = path.split_once('.').unwrap_or((path, ""));
        // Names of packages have dots.
        let value = if matches!(table, "toolchain" | "packages" | "programs") {
            &facts[table][rest]
        } else {
            facts.pointer(&format!("/{}", path.replace('.', "/"))).unwrap_or(&Value::Null)
        };
        text(value)
    };
    joined(side.iter().filter_map(at))
}

fn devices(side: &[Value]) -> Option<String> {
    let names = |facts: &Value| {
        let devices = facts["gpu"]["devices"].as_array().filter(|all| !all.is_empty())?;
        joined(devices.iter().filter_map(|device| text(&device["name"])))
    };
    joined(side.iter().filter_map(names))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn joined(values: impl Iterator<Item = String>) -> Option<String> {
    let distinct: BTreeSet<String> = values.collect();
    (!distinct.is_empty()).then(|| distinct.into_iter().collect::<Vec<_>>().join(" / "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_differs_is_told() {
        let then = json!({
            "cpu": { "model": "A", "cores": 2 }, "kernel": "Linux 6.1",
            "packages": { "rand.core": "0.9" }, "gpu": { "devices": [{ "name": "H100" }] },
        });
        let now = json!({
            "cpu": { "model": "A", "cores": 8 }, "kernel": null,
            "packages": { "rand.core": "0.10" }, "gpu": { "devices": [], "absent": "none" },
        });
        let told = differences(&[then.clone(), then.clone()], &[now]);
        let told: Vec<_> = told
            .iter()
            .map(|it| (it.path.as_str(), it.recorded.as_deref(), it.found.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                ("gpu.devices", Some("H100"), None),
                ("cpu.cores", Some("2"), Some("8")),
                ("gpu.absent", None, Some("none")),
                ("kernel", Some("Linux 6.1"), None),
                ("packages.rand.core", Some("0.9"), Some("0.10")),
            ]
        );
        assert_eq!(differences(std::slice::from_ref(&then), std::slice::from_ref(&then)), []);
    }
}

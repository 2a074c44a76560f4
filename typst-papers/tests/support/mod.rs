//! A made-up project: two experiments with a matrix, facts, figures and a paper about them.

#![allow(dead_code, reason = "each test and example uses a part")]

pub(crate) mod gallery;

use std::collections::BTreeMap;

use rescience_typst_papers::citations;
use rescience_typst_papers::{
    Author, FigureArtifact, FigureData, PaperInput, ProjectMeta, Results, draw,
};
use serde_json::{Value, json};

/// The sample's text.
const MAIN: &str = include_str!("../sample/main.typ");
/// The sample's bibliography.
const BIBLIOGRAPHY: &str = include_str!("../sample/refs.bib");

/// A digest made of one repeated digit.
pub(crate) fn digest(digit: char) -> String {
    format!("b3:{}", digit.to_string().repeat(64))
}

/// An operation and, for each run, the steps (censored where `None`) and the accuracy.
type Runs<'a> = (&'a str, &'a [(Option<f64>, f64)]);

/// Results of one experiment from the values of its metrics.
fn results(name: &str, label: &str, lr: Value, points: &[Runs<'_>]) -> Results {
    let points: Vec<Value> = points
        .iter()
        .map(|(operation, runs)| {
            let runs: Vec<Value> = runs
                .iter()
                .enumerate()
                .map(|(index, (steps, accuracy))| {
                    json!({
                        "name": format!("experiment.{name}[operation={operation}]#{index}"),
                        "seed": 1000 + index, "key": "key:00", "output": digest('a'), "facts": digest('f'),
                        "metrics": {
                            "steps_to_99": { "value": steps.unwrap_or(3000.0), "censored": steps.is_none() },
                            "accuracy": { "value": accuracy, "censored": false },
                        },
                    })
                })
                .collect();
            let params = json!({ "lr": lr, "steps": 3000, "operation": operation, "model": { "width": 64, "heads": 4 } });
            json!({ "point": { "operation": operation }, "params": params, "runs": runs })
        })
        .collect();
    let artifact = json!({
        "schema": 1, "experiment": format!("experiment.{name}"), "label": label, "profile": "quick",
        "params": { "lr": lr, "steps": 3000 }, "source": "source.template", "program": digest('c'),
        "metrics": {
            "steps_to_99": { "unit": "step", "better": "lower", "at": "metrics.json#/steps_to_99" },
            "accuracy": { "unit": "%", "better": "higher", "at": "metrics.json#/accuracy" },
        },
        "points": points,
    });
    Results::parse(artifact.to_string().as_bytes()).expect("the sample's results are well-formed")
}

/// The results of the sample's experiments.
pub(crate) fn experiments() -> Vec<Results> {
    vec![
        results(
            "baseline",
            "uniform, rate 0.001",
            json!(1e-3),
            &[
                ("add", &[(Some(2110.0), 99.91), (Some(2060.0), 99.84), (Some(2190.0), 99.95)]),
                ("div", &[(Some(2840.0), 99.2), (None, 91.3), (None, 88.7)]),
            ],
        ),
        results(
            "layerwise",
            "per-layer rates",
            json!([7e-4, 1.5e-3, 3e-3]),
            &[
                ("add", &[(Some(1640.0), 99.93), (Some(1690.0), 99.97), (Some(1610.0), 99.9)]),
                ("div", &[(Some(2210.0), 99.6), (Some(2350.0), 99.4), (Some(2290.0), 99.7)]),
            ],
        ),
        results(
            "fast",
            "uniform, rate 0.003",
            json!(3e-3),
            &[
                ("add", &[(Some(870.0), 99.9), (Some(850.0), 99.8), (Some(895.0), 99.93)]),
                ("div", &[(Some(1230.0), 99.1), (Some(1310.0), 99.3), (Some(1190.0), 99.5)]),
            ],
        ),
    ]
}

/// The facts of every sample run.
pub(crate) fn facts() -> Value {
    json!({
        "schema": 1,
        "cpu": { "model": "AMD EPYC 9354 32-Core Processor", "vendor": "AuthenticAMD", "cores": 2, "threads": 4, "architecture": "x86_64" },
        "memory": { "total_bytes": 25_300_000_000_u64 }, "kernel": "Linux 6.1.0-18-amd64", "os": "Debian GNU/Linux 12 (bookworm)",
        "gpu": { "devices": [], "driver": null, "cuda": null, "absent": "no NVIDIA GPU: libnvidia-ml.so.1 not found" },
        "toolchain": { "rustc": "rustc 1.95.0 (59807616e 2026-04-14)", "cargo": "cargo 1.95.0 (f2d3ce0bd 2026-03-21)" },
        "packages": { "candle-core": "0.11.1", "candle-nn": "0.11.1", "rand": "0.9.2", "serde": "1.0.229", "serde_json": "1.0.154", "half": "2.7.1" },
        "rescience": "0.1.0",
        "run": { "started": "2026-03-04T10:00:00Z", "finished": "2026-03-04T10:00:21Z", "wall_s": 21.3, "user_s": 20.9, "system_s": 0.2,
                 "peak_memory_bytes": 123_400_000, "exit": 0, "sandbox": "full" },
    })
}

/// Learning curves that rise at the step where each run crossed the threshold.
pub(crate) fn figure_data() -> Vec<FigureData> {
    experiments()
        .into_iter()
        .map(|results| {
            let mut series = BTreeMap::new();
            for run in results.points.iter().flat_map(|point| &point.runs) {
                let crossing = run.metrics["steps_to_99"].map_or(3000.0, |m| m.value);
                let lines: String = (0..=60)
                    .map(|i| f64::from(i) * 50.0)
                    .take_while(|step| *step <= crossing + 600.0)
                    .map(|step| {
                        let rise = |at: f64, width: f64| 100.0 / (1.0 + ((at - step) / width).exp());
                        let (val, train) = (rise(crossing - 350.0, 110.0), rise(crossing * 0.2, 60.0));
                        format!("{}\n", json!({ "step": step, "val_accuracy": val, "train_accuracy": train, "loss": 4.0 / (1.0 + step / 9.0) }))
                    })
                    .collect();
                series.insert(run.name.clone(), lines.into_bytes());
            }
            FigureData { results, series }
        })
        .collect()
}

/// The plots of the sample by name.
pub(crate) fn plots() -> BTreeMap<&'static str, Value> {
    BTreeMap::from([
        (
            "curves",
            json!({ "kind": "line", "x": "step", "y": "val_accuracy", "at": "series.jsonl", "band": "std", "y-unit": "%" }),
        ),
        ("steps", json!({ "kind": "bar", "y": "steps_to_99", "group": "operation" })),
        ("tradeoff", json!({ "kind": "scatter", "x": "steps_to_99", "y": "accuracy" })),
        (
            "loss",
            json!({ "kind": "line", "x": "step", "y": ["loss", "train_accuracy"], "at": "series.jsonl", "band": "range", "y-scale": "log", "y-label": "loss and accuracy" }),
        ),
    ])
}

/// The whole input of the sample paper.
pub(crate) fn sample() -> PaperInput {
    let data = figure_data();
    let figures = plots()
        .into_iter()
        .map(|(name, plot)| {
            let svg = draw(&plot, &data).expect("the sample's figures can be drawn").into_bytes();
            (name.to_owned(), FigureArtifact { svg, digest: digest('e') })
        })
        .collect();
    let author = |name: &str, affiliation: &str| Author {
        name: name.to_owned(),
        affiliation: Some(affiliation.to_owned()),
        orcid: Some("0000-0002-1825-0097".to_owned()),
    };
    PaperInput {
        main: "main.typ".to_owned(),
        files: BTreeMap::from([
            ("main.typ".to_owned(), MAIN.as_bytes().to_vec()),
            ("refs.bib".to_owned(), BIBLIOGRAPHY.as_bytes().to_vec()),
        ]),
        bibliography: Some("refs.bib".to_owned()),
        project: ProjectMeta {
            name: "layerwise-grokking".to_owned(),
            version: "0.1.0".to_owned(),
            title: "Do Per-Layer Learning Rates Speed Up Grokking?".to_owned(),
            authors: vec![
                author("Ada Person", "An Institute"),
                author("Bo Writer", "A University"),
            ],
            license: Some("CC-BY-4.0".to_owned()),
            doi: None,
            profile: "quick".to_owned(),
            style: "conference".to_owned(),
        },
        experiments: experiments(),
        facts: BTreeMap::from([(digest('f'), facts())]),
        figures,
        confirmed: confirmed(BIBLIOGRAPHY),
        ..PaperInput::default()
    }
}

/// Every entry of a bibliography, as somebody who looked at all of them would confirm it.
pub(crate) fn confirmed(bibliography: &str) -> BTreeMap<String, String> {
    let entries = citations::entries(bibliography).expect("the sample's bibliography is BibTeX");
    entries.into_iter().map(|entry| (entry.key, entry.digest.to_string())).collect()
}

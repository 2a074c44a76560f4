//! The project that the papers of the corpora are about.
//!
//! | experiment | what it is there for |
//! |---|---|
//! | `baseline` | two points, three seeds each |
//! | `layerwise` | another program (a diff), better at both points |
//! | `uniform-high` | the baseline's program with a higher rate: the control; better on one point only |
//! | `again` | a twin of the baseline: its program and parameters once more |
//! | `renamed` | an inert diff: another source, the same program |
//! | `wide` | more parameters and more time, as good as `layerwise` |
//! | `tall` | as big as `wide`, and better |
//! | `pilot` | a single seed |
//! | `slow` | runs that end before the threshold |
//! | `recounted` | a metric of the same name with another definition |
//! | `frozen` | seeds that agree exactly |

use std::collections::BTreeMap;

use rescience_typst_papers::citations::{self, Entry};
use rescience_typst_papers::{Author, FigureArtifact, PaperInput, ProjectMeta, Results};
use serde_json::{Value, json};

/// A digest made of one repeated digit.
fn digest(digit: char) -> String {
    format!("b3:{}", digit.to_string().repeat(64))
}

/// The steps (censored where none), the accuracy and the loss of a run.
type Run = (Option<f64>, f64, f64);

/// The runs of each operation.
type Points = &'static [(&'static str, &'static [Run])];

/// What sets an experiment apart from the others.
struct Experiment {
    name: &'static str,
    label: &'static str,
    source: &'static str,
    program: char,
    lr: Value,
    width: u32,
    parameters: f64,
    facts: char,
    steps_at: &'static str,
    points: Points,
}

const BASELINE: Points = &[
    (
        "add",
        &[(Some(2110.0), 0.981, 0.412), (Some(2060.0), 0.978, 0.425), (Some(2190.0), 0.984, 0.407)],
    ),
    (
        "div",
        &[(Some(2840.0), 0.931, 0.518), (Some(2905.0), 0.938, 0.531), (Some(2790.0), 0.927, 0.522)],
    ),
];

const AGAIN: Points = &[
    (
        "add",
        &[(Some(2075.0), 0.983, 0.409), (Some(2130.0), 0.977, 0.428), (Some(2160.0), 0.980, 0.415)],
    ),
    (
        "div",
        &[(Some(2815.0), 0.934, 0.520), (Some(2880.0), 0.929, 0.527), (Some(2860.0), 0.936, 0.525)],
    ),
];

impl Experiment {
    fn results(&self) -> Results {
        let points: Vec<Value> =
            self.points.iter().map(|(operation, runs)| self.point(operation, runs)).collect();
        let artifact = json!({
            "schema": 1, "experiment": format!("experiment.{}", self.name), "label": self.label,
            "profile": "quick", "params": { "lr": self.lr, "steps": 3000 },
            "source": self.source, "program": digest(self.program),
            "metrics": {
                "steps_to_99": { "unit": "step", "better": "lower", "at": self.steps_at },
                "accuracy": { "unit": "1", "better": "higher", "at": "metrics.json#/accuracy" },
                "loss": { "unit": "nat", "better": "lower", "at": "metrics.json#/loss" },
                "train_time": { "unit": "s", "better": "lower", "at": "metrics.json#/train_time" },
                "parameters": { "unit": "parameter", "at": "metrics.json#/parameters" },
                "norm": { "unit": "1", "at": "metrics.json#/norm" },
            },
            "points": points,
        });
        Results::parse(artifact.to_string().as_bytes())
            .expect("the world's results are well-formed")
    }

    fn point(&self, operation: &str, runs: &[Run]) -> Value {
        let measured = |value: f64| json!({ "value": value, "censored": false });
        let runs: Vec<Value> = runs
            .iter()
            .enumerate()
            .map(|(index, (steps, accuracy, loss))| {
                json!({
                    "name": format!("experiment.{}[operation={operation}]#{index}", self.name),
                    "seed": 1000 + index, "key": "key:00", "output": digest('a'), "facts": digest(self.facts),
                    "metrics": {
                        "steps_to_99": { "value": steps.unwrap_or(3000.0), "censored": steps.is_none() },
                        "accuracy": measured(*accuracy), "loss": measured(*loss),
                        "train_time": measured(steps.unwrap_or(3000.0) / 100.0),
                        "parameters": measured(self.parameters), "norm": measured(12.5 + *loss),
                    },
                })
            })
            .collect();
        let params = json!({
            "lr": self.lr, "steps": 3000, "operation": operation, "batch": if operation == "add" { 512 } else { 256 },
            "model": { "width": self.width, "heads": 4 }, "optimizer": "adamw",
        });
        json!({ "point": { "operation": operation }, "params": params, "runs": runs })
    }
}

fn experiments() -> Vec<Results> {
    let baseline = || Experiment {
        name: "baseline",
        label: "uniform rate",
        source: "source.grokking",
        program: '1',
        lr: json!(1e-3),
        width: 64,
        parameters: 226_000.0,
        facts: 'f',
        steps_at: "metrics.json#/steps_to_99",
        points: BASELINE,
    };
    let all = [
        baseline(),
        Experiment {
            name: "layerwise",
            label: "per-layer rates",
            source: "diff.layerwise",
            program: '2',
            lr: json!([7e-4, 1.5e-3, 3e-3]),
            points: &[
                (
                    "add",
                    &[
                        (Some(1640.0), 0.992, 0.311),
                        (Some(1690.0), 0.990, 0.320),
                        (Some(1610.0), 0.994, 0.306),
                    ],
                ),
                (
                    "div",
                    &[
                        (Some(2210.0), 0.961, 0.402),
                        (Some(2350.0), 0.957, 0.416),
                        (Some(2290.0), 0.964, 0.409),
                    ],
                ),
            ],
            ..baseline()
        },
        Experiment {
            name: "uniform-high",
            label: "uniform, raised rate",
            lr: json!(3e-3),
            points: &[
                (
                    "add",
                    &[
                        (Some(870.0), 0.993, 0.301),
                        (Some(850.0), 0.991, 0.309),
                        (Some(895.0), 0.995, 0.297),
                    ],
                ),
                (
                    "div",
                    &[
                        (Some(2870.0), 0.929, 0.524),
                        (Some(2795.0), 0.936, 0.519),
                        (Some(2925.0), 0.932, 0.529),
                    ],
                ),
            ],
            ..baseline()
        },
        Experiment { name: "again", label: "uniform rate, repeated", points: AGAIN, ..baseline() },
        Experiment {
            name: "renamed",
            label: "renamed variables",
            source: "diff.renamed",
            points: AGAIN,
            ..baseline()
        },
        Experiment {
            name: "wide",
            label: "wide model",
            width: 128,
            parameters: 812_000.0,
            facts: 'd',
            points: &[
                (
                    "add",
                    &[
                        (Some(1655.0), 0.991, 0.313),
                        (Some(1625.0), 0.993, 0.308),
                        (Some(1680.0), 0.990, 0.319),
                    ],
                ),
                (
                    "div",
                    &[
                        (Some(2240.0), 0.960, 0.405),
                        (Some(2330.0), 0.958, 0.412),
                        (Some(2275.0), 0.963, 0.408),
                    ],
                ),
            ],
            ..baseline()
        },
        Experiment {
            name: "tall",
            label: "wide model, per-layer rates",
            source: "diff.layerwise",
            program: '2',
            lr: json!([7e-4, 1.5e-3, 3e-3]),
            width: 128,
            parameters: 812_000.0,
            facts: 'd',
            points: &[
                (
                    "add",
                    &[
                        (Some(905.0), 0.996, 0.262),
                        (Some(930.0), 0.997, 0.258),
                        (Some(880.0), 0.995, 0.267),
                    ],
                ),
                (
                    "div",
                    &[
                        (Some(1410.0), 0.981, 0.341),
                        (Some(1380.0), 0.983, 0.335),
                        (Some(1450.0), 0.979, 0.347),
                    ],
                ),
            ],
            ..baseline()
        },
        Experiment {
            name: "pilot",
            label: "pilot",
            lr: json!(2e-3),
            points: &[("add", &[(Some(1980.0), 0.985, 0.398)])],
            ..baseline()
        },
        Experiment {
            name: "slow",
            label: "uniform, small rate",
            lr: json!(3e-4),
            points: &[
                (
                    "add",
                    &[
                        (Some(2890.0), 0.951, 0.502),
                        (Some(2950.0), 0.947, 0.509),
                        (Some(2910.0), 0.953, 0.498),
                    ],
                ),
                (
                    "div",
                    &[(Some(2960.0), 0.913, 0.566), (None, 0.887, 0.604), (None, 0.879, 0.611)],
                ),
            ],
            ..baseline()
        },
        Experiment {
            name: "recounted",
            label: "steps counted at evaluation",
            source: "diff.recounted",
            program: '3',
            steps_at: "final.json#/steps",
            ..baseline()
        },
        Experiment {
            name: "frozen",
            label: "frozen embedding",
            source: "diff.frozen",
            program: '4',
            points: &[
                (
                    "add",
                    &[
                        (Some(2400.0), 0.970, 0.450),
                        (Some(2400.0), 0.970, 0.450),
                        (Some(2400.0), 0.970, 0.450),
                    ],
                ),
                (
                    "div",
                    &[
                        (Some(2900.0), 0.920, 0.550),
                        (Some(2900.0), 0.920, 0.550),
                        (Some(2900.0), 0.920, 0.550),
                    ],
                ),
            ],
            ..baseline()
        },
    ];
    all.iter().map(Experiment::results).collect()
}

/// Measured facts: a machine without a GPU, and how long a run took there.
fn facts(seconds: f64) -> Value {
    json!({
        "schema": 1,
        "cpu": { "model": "AMD EPYC 9354 32-Core Processor", "vendor": "AuthenticAMD", "cores": 2, "threads": 4, "architecture": "x86_64" },
        "memory": { "total_bytes": 25_300_000_000_u64 }, "kernel": "Linux 6.1.0-18-amd64", "os": "Debian GNU/Linux 12 (bookworm)",
        "gpu": { "devices": [], "driver": null, "cuda": null, "absent": "no NVIDIA GPU: libnvidia-ml.so.1 not found" },
        "toolchain": { "rustc": "rustc 1.95.0 (59807616e 2026-04-14)", "cargo": "cargo 1.95.0 (f2d3ce0bd 2026-03-21)" },
        "packages": { "candle-core": "0.11.1", "candle-nn": "0.11.1", "rand": "0.9.2" },
        "rescience": "0.1.0",
        "run": { "started": "2026-03-04T10:00:00Z", "finished": "2026-03-04T10:00:21Z", "wall_s": seconds, "user_s": seconds - 0.4, "system_s": 0.2,
                 "peak_memory_bytes": 123_400_000, "exit": 0, "sandbox": "full" },
    })
}

/// A drawing as `[figure.curves]` yields it.
const CURVES: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="240" height="150" viewBox="0 0 240 150"><title>Validation accuracy by step, one line per experiment.</title><path d="M20 130 H230 M20 130 V10" stroke="#333" fill="none"/><path d="M20 125 C80 120 90 30 230 20" stroke="#173a6b" fill="none"/><path d="M20 125 C120 120 140 40 230 24" stroke="#b45309" fill="none"/></svg>"##;

/// The bibliography. Of its entries `hearsay2021` was never confirmed, and `handwritten1998` has
/// no identifier.
const REFERENCES: &str = include_str!("bib/refs.bib");

/// The entries that nobody confirmed.
const UNCONFIRMED: [&str; 1] = ["hearsay2021"];

/// The input that all papers share: artifacts and project, no text yet.
pub(crate) fn world() -> PaperInput {
    let author = |name: &str, affiliation: &str| Author {
        name: name.to_owned(),
        affiliation: Some(affiliation.to_owned()),
        orcid: Some("0000-0002-1825-0097".to_owned()),
    };
    let figure = |svg: &str| FigureArtifact { svg: svg.as_bytes().to_vec(), digest: digest('e') };
    PaperInput {
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
            style: "report".to_owned(),
        },
        experiments: experiments(),
        facts: BTreeMap::from([(digest('f'), facts(21.3)), (digest('d'), facts(64.8))]),
        figures: BTreeMap::from([("curves".to_owned(), figure(CURVES))]),
        confirmed: entries(REFERENCES)
            .into_iter()
            .filter(|entry| !UNCONFIRMED.contains(&entry.key.as_str()))
            .map(|entry| (entry.key, entry.digest.to_string()))
            .collect(),
        ..PaperInput::default()
    }
}

fn entries(bibliography: &str) -> Vec<Entry> {
    citations::entries(bibliography).expect("the world's bibliography is BibTeX")
}

/// The entries of the bibliography whose keys a text names: what is not cited is not listed.
pub(crate) fn references(text: &str) -> String {
    let named = |key: &str| text.contains(&format!("@{key}")) || text.contains(&format!("<{key}>"));
    let records = REFERENCES.split("\n@").map(|record| record.trim_start_matches('@'));
    let cited = records.filter(|record| {
        record
            .split_once('{')
            .and_then(|(_, rest)| rest.split_once(','))
            .is_some_and(|(key, _)| named(key))
    });
    cited.map(|record| format!("@{}\n", record.trim_end())).collect()
}

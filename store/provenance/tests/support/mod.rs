//! A small account as a project would give it: two experiments of two seeds, a build, a figure, a
//! paper, one run that failed, and the bytes of every file.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rescience_digest::{ActionKey, Digest};
use rescience_provenance::account::{
    Account, Action, Author, Content, DataSet, DataType, Engine, Field, File, Kind, Name,
    Organization, Outcome, Program, Project, Slot, Usage,
};
use serde_json::json;

/// The account and what its files hold.
pub(crate) struct Sample {
    pub(crate) account: Account,
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

pub(crate) fn sample() -> Sample {
    let mut sample = Sample { account: empty(), files: BTreeMap::new() };
    let files = [
        ("rescience.toml", "[project]\nname = \"layerwise\"\n", "application/toml", "The recipe"),
        ("rescience.lock", "version = 1\n", "application/toml", "The pins"),
        ("experiment/Cargo.toml", "[package]\n", "application/toml", "A source"),
        ("experiment/Cargo.lock", "version = 4\n", "application/toml", "A source"),
        ("experiment/src/main.rs", "fn main() {}\n", "text/x-rust", "A source"),
        ("data/primes & \u{fc}nits #1.csv", "p,square\n2,4\n3,9\n", "text/csv", "A source"),
        ("paper/main.typ", "= Title\n", "text/x-typst", "A text"),
        ("made/main.pdf", "%PDF-1.7\n", "application/pdf", "The paper"),
        ("made/main.html", "<!doctype html>\n", "text/html", "The paper, for browsers"),
        ("made/figure/curves.svg", "<svg/>\n", "image/svg+xml", "A figure"),
        ("made/experiment/baseline.json", "{\"n\":2}\n", "application/json", "Results"),
        ("made/experiment/layerwise.json", "{\"n\":1}\n", "application/json", "Results"),
    ];
    for (path, text, media_type, about) in files {
        sample.file(path, text, media_type, about);
    }
    sample.build();
    for (node, rate) in [("baseline", 0.001), ("layerwise", 0.002)] {
        for seed in [1, 9_007_199_254_740_993] {
            sample.run(node, rate, seed);
        }
    }
    for node in ["baseline", "layerwise"] {
        sample.results(node);
    }
    sample.figure_and_paper();
    sample
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_millisecond(1_787_356_800_000 + second * 1500).unwrap()
}

fn empty() -> Account {
    let institute = Organization {
        name: "Brown University".to_owned(),
        url: Some("https://ror.org/05gq02987".to_owned()),
    };
    let authors = vec![
        Author {
            name: Name::Parts { given: "Josiah".to_owned(), family: "Carberry".to_owned() },
            orcid: Some("0000-0002-1825-0097".to_owned()),
            affiliation: Some(institute.clone()),
            email: Some("josiah@example.org".to_owned()),
        },
        Author {
            name: Name::Whole("The \"no\" collective: \u{1f980} & friends".to_owned()),
            orcid: None,
            affiliation: None,
            email: None,
        },
    ];
    Account {
        project: Project {
            name: "layerwise".to_owned(),
            version: "0.1.0".to_owned(),
            title: "Do per-layer learning rates speed up grokking?".to_owned(),
            description: Some("We ask whether per-layer rates help. They do not.".to_owned()),
            license: Some("CC-BY-4.0".to_owned()),
            authors,
            publisher: Some(institute),
            published: at(400),
            keywords: vec!["grokking".to_owned(), "learning rates".to_owned()],
            doi: None,
            url: Some("https://example.org/layerwise".to_owned()),
        },
        engine: Engine {
            name: "rescience".to_owned(),
            version: "0.1.0".to_owned(),
            url: "https://example.org/rescience".to_owned(),
            builder: None,
        },
        recipe: "rescience.toml".to_owned(),
        lock: Some("rescience.lock".to_owned()),
        profile: Some("quick".to_owned()),
        files: Vec::new(),
        programs: vec![
            Program {
                id: "cargo".to_owned(),
                name: "cargo".to_owned(),
                version: Some("1.95.0".to_owned()),
                url: Some("https://doc.rust-lang.org/cargo/".to_owned()),
                sources: None,
                lock: None,
                toolchain: BTreeMap::new(),
            },
            Program {
                id: "grokking".to_owned(),
                name: "grokking".to_owned(),
                version: None,
                url: None,
                sources: Some("experiment".to_owned()),
                lock: Some("experiment/Cargo.lock".to_owned()),
                toolchain: [("rustc".to_owned(), "rustc 1.95.0 (59807616e 2026-04-14)".to_owned())]
                    .into(),
            },
        ],
        actions: Vec::new(),
        data_sets: vec![DataSet {
            path: "data".to_owned(),
            name: "primes".to_owned(),
            description: Some("Primes and their squares.".to_owned()),
            license: Some("CC0-1.0".to_owned()),
            url: Some("https://example.org/primes".to_owned()),
            creators: Vec::new(),
            version: Some("1.0.0".to_owned()),
            fields: ["p", "square"]
                .map(|name| Field {
                    file: "data/primes & \u{fc}nits #1.csv".to_owned(),
                    name: name.to_owned(),
                    description: None,
                    data_type: DataType::Integer,
                })
                .into(),
        }],
        answers: Vec::new(),
    }
}

impl Sample {
    fn file(&mut self, path: &str, text: &str, media_type: &str, about: &str) {
        self.account.files.push(File::of(path, text.as_bytes(), media_type, about));
        self.files.insert(path.to_owned(), text.as_bytes().to_vec());
    }

    fn action(&mut self, label: &str, node: &str, kind: Kind) -> Action {
        let second = 10 * self.account.actions.len() as i64;
        Action {
            key: ActionKey::from_bytes(*Digest::of(label.as_bytes()).as_bytes()),
            label: label.to_owned(),
            node: node.to_owned(),
            kind,
            program: None,
            argv: Vec::new(),
            parameters: BTreeMap::new(),
            seed: None,
            environment: BTreeMap::new(),
            started: at(second),
            finished: at(second + 7),
            outcome: Outcome::Ok,
            inputs: Vec::new(),
            outputs: Vec::new(),
            usage: Usage::default(),
            facts: None,
            logs: Vec::new(),
            sandbox: None,
        }
    }

    fn build(&mut self) {
        let action = self.action("build:experiment.baseline", "experiment.baseline", Kind::Build);
        self.account.actions.push(Action {
            program: Some("cargo".to_owned()),
            argv: ["cargo", "build", "--frozen", "--release"].map(str::to_owned).into(),
            inputs: vec![path("source", "experiment")],
            // The program itself is not in the bundle.
            outputs: vec![digest("program", b"an executable")],
            sandbox: Some("full".to_owned()),
            ..action
        });
    }

    fn run(&mut self, node: &str, rate: f64, seed: u64) {
        let failed = node == "layerwise" && seed > 1;
        let node = format!("experiment.{node}");
        let label = format!("{node}/seed={seed}");
        let metrics = format!("{{\"of\":\"{label}\"}}\n");
        let action = self.action(&label, &node, Kind::Run);
        let facts = format!("objects/{}", action.key.short());
        let log = format!("{facts}-log");
        let outputs = if failed {
            Vec::new()
        } else {
            let made = format!("{facts}-metrics.json");
            self.file(&made, &metrics, "application/json", "Metrics of a run");
            vec![digest("metrics", metrics.as_bytes())]
        };
        self.file(&facts, &format!("{{\"facts\":\"{label}\"}}\n"), "application/json", "Facts");
        self.file(&log, &format!("{label} printed this\n"), "text/plain", "What a run printed");
        self.account.actions.push(Action {
            program: Some("grokking".to_owned()),
            argv: ["grokking", "--note", "it's here"].map(str::to_owned).into(),
            parameters: [
                ("lr".to_owned(), json!(rate)),
                ("steps".to_owned(), json!(3000)),
                ("tied".to_owned(), json!(true)),
                ("operation".to_owned(), json!("add")),
                ("layers".to_owned(), json!([1, 2])),
            ]
            .into(),
            seed: Some(seed),
            environment: [("RUST_LOG".to_owned(), "info".to_owned())].into(),
            outcome: if failed {
                Outcome::Failed("it ran longer than 10min".to_owned())
            } else {
                Outcome::Ok
            },
            inputs: vec![
                digest("program", b"an executable"),
                path("data", "data/primes & \u{fc}nits #1.csv"),
            ],
            outputs,
            usage: Usage {
                wall_seconds: Some(10.5),
                cpu_seconds: Some(20.25),
                peak_bytes: Some(1 << 30),
                energy_joules: (node == "experiment.baseline").then_some(1234.5),
                gpu_peak_bytes: None,
            },
            facts: Some(facts),
            logs: vec![log],
            sandbox: Some("full".to_owned()),
            ..action
        });
    }

    fn results(&mut self, name: &str) {
        let node = format!("experiment.{name}");
        let runs = self.account.actions.iter().filter(|it| it.kind == Kind::Run && it.node == node);
        let inputs = runs.flat_map(|run| run.outputs.clone()).collect();
        let action = self.action(&node, &node, Kind::Results);
        let outputs = vec![path("results", &format!("made/experiment/{name}.json"))];
        self.account.actions.push(Action { inputs, outputs, ..action });
    }

    fn figure_and_paper(&mut self) {
        let results = ["baseline", "layerwise"].map(|name| {
            path(&format!("experiment.{name}"), &format!("made/experiment/{name}.json"))
        });
        let action = self.action("figure.curves", "figure.curves", Kind::Figure);
        self.account.actions.push(Action {
            inputs: results.to_vec(),
            outputs: vec![path("figure", "made/figure/curves.svg")],
            ..action
        });
        let action = self.action("paper.main", "paper.main", Kind::Paper);
        let [baseline, layerwise] = results;
        self.account.actions.push(Action {
            inputs: vec![
                path("text", "paper/main.typ"),
                baseline,
                layerwise,
                path("figure.curves", "made/figure/curves.svg"),
            ],
            outputs: vec![path("pdf", "made/main.pdf"), path("html", "made/main.html")],
            ..action
        });
    }
}

fn path(name: &str, path: &str) -> Slot {
    Slot { name: name.to_owned(), content: Content::Path(path.to_owned()) }
}

fn digest(name: &str, bytes: &[u8]) -> Slot {
    Slot { name: name.to_owned(), content: Content::Digest(Digest::of(bytes)) }
}

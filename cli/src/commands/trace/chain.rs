//! The links from a claim back to what somebody wrote: data, for terminal and JSON alike.

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::results::{Measured, Results, RunResults};
use rescience_recipes::{KeyInputs, NodeKind, NodeName, Value as Param};
use rescience_store::{Artifact, Entry, Store, Trace};
use serde::Serialize;
use serde_json::{Map, Value};

use super::claims::{Claim, Record};
use crate::error::Error;
use crate::project::Project;

/// Everything behind one claim.
#[derive(Serialize)]
pub(super) struct Chain {
    reason: &'static str,
    pub(super) paper: Paper,
    pub(super) row: usize,
    pub(super) claim: Map<String, Value>,
    pub(super) origins: Vec<Origin>,
}

/// The paper that makes the claim.
#[derive(Serialize)]
pub(super) struct Paper {
    pub(super) name: String,
    pub(super) key: ActionKey,
    pub(super) pdf: Digest,
}

/// An experiment that stands behind a claim.
#[derive(Serialize)]
pub(super) struct Origin {
    pub(super) experiment: String,
    /// The digest of its `results.json`.
    pub(super) results: Digest,
    pub(super) what: What,
    pub(super) runs: Vec<Run>,
    pub(super) program: Option<Program>,
}

/// What of an experiment was printed.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    Metric { name: String, at: String, unit: String, better: String },
    Param { name: String, value: Option<Param> },
    Facts,
    Other { path: String },
}

#[derive(Serialize)]
pub(super) struct Run {
    pub(super) name: String,
    pub(super) seed: u64,
    pub(super) key: Option<ActionKey>,
    pub(super) finished: Option<String>,
    /// What it wrote.
    pub(super) output: Digest,
    /// The file that holds the metric.
    pub(super) file: Option<Digest>,
    pub(super) measured: Option<Measured>,
    /// The digest of what was measured of it.
    pub(super) facts: Option<Digest>,
    pub(super) machine: Option<Value>,
}

#[derive(Serialize)]
pub(super) struct Program {
    pub(super) digest: Digest,
    /// The build that made it; none where the source is the program.
    pub(super) build: Option<Build>,
    /// What it was built from, the last change first.
    pub(super) sources: Vec<Source>,
}

#[derive(Serialize)]
pub(super) struct Build {
    pub(super) action: String,
    pub(super) key: ActionKey,
    pub(super) toolchain: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(super) struct Source {
    pub(super) node: String,
    pub(super) tree: Digest,
    /// The patch that made it of the next one.
    pub(super) patch: Option<Digest>,
}

/// The store as the project's log leads into it.
pub(super) struct Archive<'a> {
    project: &'a Project,
    store: &'a Store,
    /// The keys of each action, the newest last.
    keys: BTreeMap<String, Vec<ActionKey>>,
}

impl<'a> Archive<'a> {
    pub(super) fn open(project: &'a Project, store: &'a Store) -> Result<Archive<'a>, Error> {
        let mut keys: BTreeMap<String, Vec<ActionKey>> = BTreeMap::new();
        for entry in store.journal(&project.recipe.project.name).entries()? {
            let text = |field: &str| entry.get(field).and_then(Value::as_str);
            if let (Some(action), Some(Ok(key))) =
                (text("action"), text("key").map(str::parse::<ActionKey>))
            {
                keys.entry(action.to_owned()).or_default().push(key);
            }
        }
        Ok(Archive { project, store, keys })
    }

    /// The newest success of an action.
    pub(super) fn last(&self, action: &str) -> Result<Option<Trace>, Error> {
        self.newest(action, |trace| trace.output.is_some())
    }

    /// The record of how an action made this artifact.
    fn made(&self, action: &str, output: &Digest) -> Result<Option<Trace>, Error> {
        self.newest(action, |trace| trace.output.is_some_and(|made| made.digest() == *output))
    }

    fn newest(
        &self,
        action: &str,
        wanted: impl Fn(&Trace) -> bool,
    ) -> Result<Option<Trace>, Error> {
        for key in self.keys.get(action).into_iter().flatten().rev() {
            if let Some(trace) = self.store.traces(key)?.into_iter().rev().find(&wanted) {
                return Ok(Some(trace));
            }
        }
        Ok(None)
    }

    /// Follows a claim back.
    pub(super) fn chain(&self, record: &Record, claim: &Claim) -> Result<Chain, Error> {
        let mut origins = Vec::new();
        let mut experiments = BTreeMap::new();
        for (role, digest) in &record.inputs.inputs {
            let Some(name) = role.strip_prefix("experiment.") else { continue };
            let results = serde_json::from_slice::<Results>(&self.store.read(digest)?);
            let results = results.map_err(|error| Error::other(format!("{role}: {error}")))?;
            experiments.insert(name.to_owned(), (*digest, results));
        }
        if claim.text("kind") == "fact" {
            for (digest, results) in experiments.values() {
                let named = claim.text("digest").trim_start_matches("b3:");
                let measured = |run: &&RunResults| {
                    run.facts.is_some_and(|facts| facts.hex().starts_with(named))
                };
                let runs: Vec<&RunResults> =
                    results.points.iter().flat_map(|point| &point.runs).filter(measured).collect();
                if !runs.is_empty() {
                    origins.push(self.origin(*digest, results, What::Facts, &runs)?);
                }
            }
        } else {
            for (name, rest) in paths(claim) {
                let Some((digest, results)) = experiments.get(&name) else { continue };
                let what = what(results, &rest);
                let runs = runs(results, claim);
                origins.push(self.origin(*digest, results, what, &runs)?);
            }
        }
        let paper = Paper { name: record.paper.clone(), key: record.key, pdf: record.pdf };
        let (row, claim) = (claim.row, claim.fields.clone());
        Ok(Chain { reason: "trace", paper, row, claim, origins })
    }

    fn origin(
        &self,
        results_digest: Digest,
        results: &Results,
        what: What,
        runs: &[&RunResults],
    ) -> Result<Origin, Error> {
        let runs = runs.iter().map(|run| self.run(results, run, &what));
        Ok(Origin {
            experiment: results.experiment.to_string(),
            results: results_digest,
            runs: runs.collect::<Result<_, _>>()?,
            program: match results.program {
                Some(program) => Some(self.program(program, &results.source)?),
                None => None,
            },
            what,
        })
    }

    fn run(&self, results: &Results, run: &RunResults, what: &What) -> Result<Run, Error> {
        let trace = match run.key {
            Some(key) => self
                .store
                .traces(&key)?
                .into_iter()
                .rev()
                .find(|trace| trace.output == Some(Artifact::Tree(run.output))),
            None => None,
        };
        let metric = match what {
            What::Metric { name, .. } => results.metrics.get_key_value(name),
            _ => None,
        };
        let file = match metric {
            Some((_, metric)) => {
                match self.store.find(&Artifact::Tree(run.output), &metric.file)? {
                    Some(Entry::File { digest, .. }) => Some(digest),
                    _ => None,
                }
            }
            None => None,
        };
        let machine = match run.facts {
            Some(facts) => serde_json::from_slice::<Value>(&self.store.read(&facts)?).ok(),
            None => None,
        };
        Ok(Run {
            name: run.name.to_string(),
            seed: run.seed,
            key: run.key,
            finished: trace.map(|trace| trace.finished.to_string()),
            output: run.output,
            file,
            measured: metric.and_then(|(name, _)| run.metrics.get(name).copied()),
            facts: run.facts,
            machine: machine.map(|facts| {
                let part = |name: &str| (name.to_owned(), facts[name].clone());
                Value::Object(
                    ["cpu", "memory", "gpu", "os", "kernel"].map(part).into_iter().collect(),
                )
            }),
        })
    }

    fn program(&self, digest: Digest, from: &NodeName) -> Result<Program, Error> {
        let action = format!("{from}@build");
        let trace = self.made(&action, &digest)?;
        let inputs = trace.as_ref().and_then(inputs);
        let tree = match &inputs {
            Some(inputs) => inputs.inputs.get("source").copied(),
            // What is not built is its own program.
            None => Some(digest),
        };
        let build = trace.zip(inputs).map(|(trace, inputs)| Build {
            action,
            key: trace.key,
            toolchain: inputs.toolchain,
        });
        let sources = match tree {
            Some(tree) => self.sources(from, tree)?,
            None => Vec::new(),
        };
        Ok(Program { digest, build, sources })
    }

    /// A source, and what each diff in it was applied to.
    fn sources(&self, node: &NodeName, tree: Digest) -> Result<Vec<Source>, Error> {
        let mut sources = Vec::new();
        let (mut node, mut tree) = (node.clone(), tree);
        loop {
            let name = node.to_string();
            let diff = match node.kind {
                NodeKind::Diff => self.made(&name, &tree)?.as_ref().and_then(inputs),
                _ => None,
            };
            let input = |role: &str| diff.as_ref().and_then(|diff| diff.inputs.get(role).copied());
            sources.push(Source { node: name, tree, patch: input("patch") });
            let base = self.project.recipe.diffs.get(&node.name).map(|diff| diff.base.get_ref());
            let (NodeKind::Diff, Some(base), Some(below)) = (node.kind, base, input("base")) else {
                return Ok(sources);
            };
            (node, tree) = (base.clone(), below);
        }
    }
}

fn inputs(trace: &Trace) -> Option<KeyInputs> {
    serde_json::from_value(trace.inputs.clone()).ok()
}

/// The experiments that a claim names, each with what of it: a comparison names two.
fn paths(claim: &Claim) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut gather = |text: &str| {
        let words = text.split(|c: char| c.is_whitespace() || "|,;()\"'`".contains(c));
        for word in words {
            let mut parts = word.splitn(3, '.');
            let (Some("experiment"), Some(name)) = (parts.next(), parts.next()) else { continue };
            let path = (name.to_owned(), parts.next().unwrap_or_default().to_owned());
            if !found.contains(&path) {
                found.push(path);
            }
        }
    };
    for field in ["path", "source", "paths", "sources"] {
        match claim.fields.get(field) {
            Some(Value::String(text)) => gather(text),
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).for_each(&mut gather),
            _ => {}
        }
    }
    found
}

fn what(results: &Results, rest: &str) -> What {
    if let Some(metric) = results.metrics.get(rest) {
        return What::Metric {
            name: rest.to_owned(),
            at: metric.at(),
            unit: metric.unit.to_string(),
            better: metric.better.as_str().to_owned(),
        };
    }
    let (first, deeper) = rest.split_once('.').map_or((rest, None), |(a, b)| (a, Some(b)));
    let everywhere = results.params.get(first);
    match everywhere.or_else(|| results.points.first()?.params.get(first)) {
        // Where points differ, each run's name says its own.
        Some(value) => What::Param {
            name: rest.to_owned(),
            value: everywhere.filter(|_| deeper.is_none()).map(|_| value.clone()),
        },
        None => What::Other { path: rest.to_owned() },
    }
}

/// The runs that a claim speaks of: those of its point and its seed where it names them.
fn runs<'r>(results: &'r Results, claim: &Claim) -> Vec<&'r RunResults> {
    let source = claim.text("source");
    let named = |(axis, value): (&String, &Param)| match value {
        Param::String(text) => source.contains(&format!("{axis}: \"{text}\"")),
        other => source.contains(&format!("{axis}: {other}")),
    };
    let matching = |point: &&rescience_recipes::results::PointResults| {
        !point.point.is_empty() && point.point.iter().all(named)
    };
    let mut points: Vec<_> = results.points.iter().filter(matching).collect();
    if points.is_empty() {
        points = results.points.iter().collect();
    }
    let seed = claim.text("statistic").strip_prefix("run ").and_then(|n| n.parse::<usize>().ok());
    let of = |point: &'r rescience_recipes::results::PointResults| match seed {
        Some(seed) => point.runs.get(seed..=seed).unwrap_or(&point.runs).iter(),
        None => point.runs.iter(),
    };
    points.into_iter().flat_map(of).collect()
}

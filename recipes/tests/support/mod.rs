//! A world of a test's own: files are what their names are, and traces are what was put in.

use std::cell::RefCell;
use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{
    ActionName, BuildSystem, Graph, Hit, InputProblem, KeyInputs, Made, NodeKind, Plan, Step,
    World, key_inputs, parse, plan,
};

/// A recipe with a node of every kind.
pub(crate) const RECIPE: &str = r#"
[project]
name = "layerwise"
seed = 7

[source.template]
path = "experiment"

[diff.layerwise]
base = "source.template"
patch = "diffs/layerwise.patch"

[experiment.baseline]
label = "uniform, rate {lr}"
source = "source.template"
build = "cargo"
run = ["grokking", "--params", "{params}", "--out", "{out}"]
params = { lr = 0.001, steps = 3000 }
matrix = { operation = ["add", "div"] }
seeds = 2
limits = { wall = "10min", memory = "4GiB", processes = 64 }
env = { RUST_LOG = "info" }

[experiment.baseline.metrics]
steps_to_99 = { at = "metrics.json#/steps_to_99", unit = "step", better = "lower" }

[experiment.layerwise]
extends = "experiment.baseline"
source = "diff.layerwise"

[figure.curves]
data = ["experiment.baseline", "experiment.layerwise"]
plot = { kind = "line", x = "step", y = "val_accuracy", at = "series.jsonl" }

[paper.main]
text = "paper/main.typ"
bibliography = "paper/refs.bib"

[profile.quick.experiment.baseline]
seeds = 1
"#;

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) files: BTreeMap<String, &'static str>,
    pub(crate) missing: Vec<&'static str>,
    pub(crate) cargo: &'static str,
    pub(crate) traces: RefCell<BTreeMap<ActionKey, Hit>>,
    pub(crate) last: RefCell<BTreeMap<ActionName, KeyInputs>>,
}

impl World for Fake {
    fn input(&self, path: &str) -> Result<Digest, InputProblem> {
        if self.missing.contains(&path) {
            return Err(InputProblem::Missing);
        }
        let content = self.files.get(path).copied().unwrap_or(path);
        Ok(Digest::of(content.as_bytes()))
    }

    fn toolchain(&self, _: &BuildSystem, _: &KeyInputs) -> BTreeMap<String, String> {
        BTreeMap::from([("cargo".to_owned(), self.cargo.to_owned())])
    }

    fn engine(&self, _: NodeKind) -> String {
        "engine 1".to_owned()
    }

    fn trace(&self, key: &ActionKey) -> Hit {
        self.traces.borrow().get(key).cloned().unwrap_or(Hit::None)
    }

    fn last(&self, action: &ActionName) -> Option<KeyInputs> {
        self.last.borrow().get(action).cloned()
    }
}

impl Fake {
    /// Makes everything that has no trace yet; an artifact is named by its key.
    pub(crate) fn build(&self, graph: &Graph) {
        let mut made: BTreeMap<usize, Made> = BTreeMap::new();
        for (place, action) in graph.actions().iter().enumerate() {
            let index = graph.index(&action.name).unwrap();
            let inputs = key_inputs(graph, index, &|dep| made.get(&dep.get()).cloned(), self)
                .unwrap()
                .unwrap();
            let key = inputs.key();
            let output = match inputs.inputs.get("content") {
                Some(content) => *content,
                None => Digest::of(key.to_string().as_bytes()),
            };
            let result = Made { output, facts: None };
            self.traces.borrow_mut().entry(key).or_insert_with(|| Hit::Made(result.clone()));
            self.last.borrow_mut().insert(action.name.clone(), inputs);
            made.insert(place, result);
        }
    }

    /// What would run after an edit of the recipe: action and reasons, a line each.
    pub(crate) fn dirty(&self, recipe: &str) -> Vec<String> {
        let graph = graph(recipe);
        let plan = self.plan(&graph);
        let line = |step: &Step| {
            let Step::Run { index, reasons, .. } = step else { panic!("{step:?} is fresh") };
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            format!("{}: {}", graph.action(*index).name, reasons.join("; "))
        };
        plan.dirty().map(line).collect()
    }

    pub(crate) fn plan(&self, graph: &Graph) -> Plan {
        plan(graph, &graph.select(&[]).unwrap(), self).unwrap()
    }
}

pub(crate) fn graph(recipe: &str) -> Graph {
    Graph::new(&parse("rescience.toml", recipe).unwrap()).unwrap()
}

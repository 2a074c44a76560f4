//! From text to plan, over a generated recipe of 10,000 actions.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use divan::Bencher;
use rescience_digest::{ActionKey, Digest};
use rescience_recipes::{
    ActionName, BuildSystem, Graph, Hit, InputProblem, KeyInputs, Made, NodeKind, World, parse,
    plan,
};

fn main() {
    divan::main();
}

/// 2,500 experiments with three seeds each: a run per seed and a collection per experiment.
fn recipe() -> String {
    let mut text = String::from(
        "[project]\nname = \"large\"\n[source.template]\npath = \"experiment\"\n\
         [experiment.base]\nsource = \"source.template\"\nbuild = \"cargo\"\nseeds = 3\n\
         run = [\"program\", \"--params\", \"{params}\", \"--out\", \"{out}\"]\n\
         params = { lr = 0.001, steps = 3000, width = 64 }\n\
         metrics = { loss = { at = \"metrics.json#/loss\", unit = \"nat\", better = \"lower\" } }\n",
    );
    for nth in 1..2500 {
        writeln!(
            text,
            "[experiment.e{nth}]\nextends = \"experiment.base\"\nparams = {{ lr = {nth}e-5 }}"
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// A world in which everything has been made.
struct Built;

impl World for Built {
    fn input(&self, path: &str) -> Result<Digest, InputProblem> {
        Ok(Digest::of(path.as_bytes()))
    }

    fn toolchain(&self, _: &BuildSystem, _: &KeyInputs) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    fn engine(&self, _: NodeKind) -> String {
        String::new()
    }

    fn trace(&self, key: &ActionKey) -> Hit {
        let digest = Digest::of(key.as_bytes());
        Hit::Made(Made { output: digest, facts: Some(digest) })
    }

    fn last(&self, _: &ActionName) -> Option<KeyInputs> {
        None
    }
}

#[divan::bench]
fn parsing(bencher: Bencher<'_, '_>) {
    let text = recipe();
    bencher.bench(|| parse("rescience.toml", &text).expect("the recipe is right"));
}

#[divan::bench]
fn unfolding(bencher: Bencher<'_, '_>) {
    let recipe = parse("rescience.toml", &recipe()).expect("the recipe is right");
    bencher.bench(|| Graph::new(&recipe).expect("the recipe is right"));
}

#[divan::bench]
fn planning(bencher: Bencher<'_, '_>) {
    let recipe = parse("rescience.toml", &recipe()).expect("the recipe is right");
    let graph = Graph::new(&recipe).expect("the recipe is right");
    let selection = graph.select(&[]).expect("no pattern is unknown");
    bencher.bench(|| plan(&graph, &selection, &Built).expect("no file is missing"));
}

#[divan::bench]
fn text_to_plan(bencher: Bencher<'_, '_>) {
    let text = recipe();
    bencher.bench(|| {
        let recipe = parse("rescience.toml", &text).expect("the recipe is right");
        let graph = Graph::new(&recipe).expect("the recipe is right");
        let selection = graph.select(&[]).expect("no pattern is unknown");
        plan(&graph, &selection, &Built).expect("no file is missing").steps.len()
    });
}

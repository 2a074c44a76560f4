//! `extends`: each experiment laid over the one it extends.

use std::collections::{BTreeMap, BTreeSet};

use super::cycle;
use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::ExperimentLayer;
use crate::nearest::nearest;
use crate::read::fields::Problems;

/// Lays every experiment over its ancestors, the oldest lowest.
pub(super) fn resolve(
    mut experiments: BTreeMap<String, ExperimentLayer>,
    problems: &mut Problems,
) -> BTreeMap<String, ExperimentLayer> {
    let rings = cycle::find(experiments.keys().map(String::as_str), |name| {
        let parent = experiments.get(name).and_then(|layer| layer.extends.as_ref());
        parent.map(|parent| (parent.get_ref().name.as_str(), parent.span())).into_iter().collect()
    });
    let mut broken: BTreeSet<String> = BTreeSet::new();
    for ring in rings {
        broken.extend(ring.iter().map(|(name, _)| (*name).to_owned()));
        problems.push(cycle::describe("experiment", &ring, "extends"));
    }
    let names: Vec<String> = experiments.keys().cloned().collect();
    for name in &names {
        if let Some(problem) = check_parent(name, &experiments) {
            problems.push(problem);
            broken.insert(name.clone());
        }
    }
    for name in &broken {
        if let Some(layer) = experiments.get_mut(name) {
            layer.extends = None;
            // What it would have inherited is unknown, so nothing can be said to be missing.
            layer.written.extend(["source", "build", "run", "extends"]);
        }
    }
    let mut done: BTreeMap<String, ExperimentLayer> = BTreeMap::new();
    for name in &names {
        let mut line = Vec::new();
        let mut at = Some(name.as_str());
        while let Some(name) = at.filter(|name| !done.contains_key(*name)) {
            line.push(name);
            let parent = experiments[name].extends.as_ref();
            at = parent.map(|parent| parent.get_ref().name.as_str());
        }
        for name in line.into_iter().rev() {
            let own = &experiments[name];
            let parent = own.extends.as_ref().and_then(|parent| done.get(&parent.get_ref().name));
            let layer = match parent {
                None => own.clone(),
                Some(parent) => {
                    let mut layer = parent.clone();
                    layer.spot = own.spot.clone();
                    layer.overlay(own);
                    layer
                }
            };
            done.insert(name.to_owned(), layer);
        }
    }
    done
}

fn check_parent(name: &str, experiments: &BTreeMap<String, ExperimentLayer>) -> Option<Diagnostic> {
    let parent = experiments.get(name)?.extends.as_ref()?;
    if experiments.contains_key(&parent.get_ref().name) {
        return None;
    }
    let problem = Diagnostic::new(
        Code::DanglingName,
        parent.span(),
        format!("`{}` does not exist", parent.get_ref()),
    );
    let known = experiments.keys().map(String::as_str).filter(|known| *known != name);
    Some(match nearest(&parent.get_ref().name, known) {
        Some(near) => problem
            .label(format!("did you mean `experiment.{near}`?"))
            .help(format!("an experiment with a similar name exists: `experiment.{near}`")),
        None => problem.label("no such node"),
    })
}

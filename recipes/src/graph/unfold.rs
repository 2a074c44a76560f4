//! Unfolding: one action per source, diff, program, run, experiment, figure and paper.

use std::collections::{BTreeMap, BTreeSet};

use rescience_digest::{Canonical as _, KeyHasher};
use serde_spanned::Spanned;

use super::{Action, ActionIndex, Collect, PaperSpec, Run, Work};
use crate::action_name::ActionName;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lock::Lock;
use crate::name::{NodeKind, NodeName};
use crate::point::Point;
use crate::recipe::{Experiment, Figure, Paper, Recipe};
use crate::value::Value;

/// Actions beyond this many are surely a slip, and would fill the memory.
const MAX_ACTIONS: u128 = 1_000_000;

pub(super) fn actions(recipe: &Recipe, lock: &Lock) -> Result<Vec<Action>, Diagnostics> {
    check_size(recipe)?;
    let mut unfolding = Unfolding {
        recipe,
        lock,
        actions: Vec::new(),
        nodes: BTreeMap::new(),
        builds: BTreeMap::new(),
    };
    unfolding.sources();
    unfolding.diffs();
    unfolding.builds();
    unfolding.experiments();
    for (name, figure) in &recipe.figures {
        unfolding.figure(name, figure);
    }
    for (name, paper) in &recipe.papers {
        unfolding.paper(name, paper);
    }
    Ok(unfolding.actions)
}

fn check_size(recipe: &Recipe) -> Result<(), Diagnostics> {
    let runs = |experiment: &Experiment| {
        let axes = experiment.matrix.values().map(|axis| axis.len() as u128);
        axes.fold(u128::from(experiment.seeds), u128::saturating_mul)
    };
    let mut total: u128 = 0;
    for (name, experiment) in &recipe.experiments {
        total = total.saturating_add(runs(experiment));
        if total > MAX_ACTIONS {
            let item = Diagnostic::new(
                Code::TooManyRuns,
                experiment.span.clone(),
                format!("with `experiment.{name}` the recipe has more than {MAX_ACTIONS} runs"),
            )
            .label("one run per point of the matrix and seed");
            return Err(Diagnostics::one(&recipe.file, &recipe.text, item));
        }
    }
    Ok(())
}

/// The seed of a run, below 2^53 so that every reader of JSON keeps it exact.
///
/// It depends on names alone, never on an order: adding a point or an experiment leaves the seeds
/// of all others as they are.
pub(crate) fn run_seed(project: u64, experiment: &NodeName, point: &Point, index: u32) -> u64 {
    let mut hasher = KeyHasher::new("rescience 2026-11-23 run seed v1");
    hasher.u64(project);
    experiment.encode(&mut hasher);
    point.encode(&mut hasher);
    hasher.u64(u64::from(index));
    let bytes = hasher.finish();
    let first = [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]];
    u64::from_le_bytes(first) & ((1 << 53) - 1)
}

/// Every combination of the axes' values, the last axis varying fastest.
fn points(matrix: &BTreeMap<String, Vec<Value>>) -> Vec<Point> {
    let mut points = vec![BTreeMap::new()];
    for (axis, values) in matrix {
        points = points
            .iter()
            .flat_map(|point| {
                values.iter().map(move |value| {
                    let mut point = point.clone();
                    point.insert(axis.clone(), value.clone());
                    point
                })
            })
            .collect();
    }
    points.into_iter().map(Point::new).collect()
}

struct Unfolding<'a> {
    recipe: &'a Recipe,
    lock: &'a Lock,
    actions: Vec<Action>,
    /// The action that a node's name stands for.
    nodes: BTreeMap<NodeName, ActionIndex>,
    /// The action that builds a source or diff.
    builds: BTreeMap<&'a NodeName, ActionIndex>,
}

impl<'a> Unfolding<'a> {
    fn push(&mut self, action: Action) -> ActionIndex {
        let index = ActionIndex(self.actions.len());
        if let ActionName::Node(node) = &action.name {
            self.nodes.insert(node.clone(), index);
        }
        self.actions.push(action);
        index
    }

    fn node(&self, name: &NodeName) -> ActionIndex {
        *self.nodes.get(name).expect("references were checked, and targets are unfolded first")
    }

    fn sources(&mut self) {
        for (name, source) in &self.recipe.sources {
            let node = NodeName::new(NodeKind::Source, name);
            self.push(Action {
                name: ActionName::Node(node.clone()),
                node,
                deps: Vec::new(),
                files: vec![("content", source.path.clone())],
                work: Work::Source { path: source.path.get_ref().clone() },
                span: source.span.clone(),
            });
        }
    }

    fn diffs(&mut self) {
        let recipe = self.recipe;
        let based_on = |name: &'a str| {
            let base = recipe.diffs[name].base.get_ref();
            Vec::from_iter((base.kind == NodeKind::Diff).then_some(base.name.as_str()))
        };
        for name in in_order(recipe.diffs.keys().map(String::as_str), based_on) {
            let diff = &recipe.diffs[name];
            let node = NodeName::new(NodeKind::Diff, name);
            let base = self.node(diff.base.get_ref());
            self.push(Action {
                name: ActionName::Node(node.clone()),
                node,
                deps: vec![("base".to_owned(), base)],
                files: vec![("patch", diff.patch.clone())],
                work: Work::Patch { path: diff.patch.get_ref().clone() },
                span: diff.span.clone(),
            });
        }
    }

    fn builds(&mut self) {
        for experiment in self.recipe.experiments.values() {
            let source = experiment.source.get_ref();
            if self.builds.contains_key(source) {
                continue;
            }
            let from = self.node(source);
            let Some(system) = experiment.build.get_ref() else {
                // What is not built is its own program.
                self.builds.insert(source, from);
                continue;
            };
            let index = self.push(Action {
                name: ActionName::Build(source.clone()),
                node: source.clone(),
                deps: vec![("source".to_owned(), from)],
                files: Vec::new(),
                work: Work::Build { system: system.clone() },
                span: self.actions[from.get()].span.clone(),
            });
            self.builds.insert(source, index);
        }
    }

    fn experiments(&mut self) {
        let recipe = self.recipe;
        let needed = |name: &'a str| {
            let inputs = recipe.experiments[name].inputs.values().map(Spanned::get_ref);
            let experiments = inputs.filter(|input| input.kind == NodeKind::Experiment);
            experiments.map(|input| input.name.as_str()).collect()
        };
        for name in in_order(recipe.experiments.keys().map(String::as_str), needed) {
            self.experiment(name, &recipe.experiments[name]);
        }
    }

    fn experiment(&mut self, name: &str, experiment: &Experiment) {
        let node = NodeName::new(NodeKind::Experiment, name);
        let program = self.builds[experiment.source.get_ref()];
        let mut deps = vec![("program".to_owned(), program)];
        for (input, target) in &experiment.inputs {
            deps.push((format!("input.{input}"), self.node(target.get_ref())));
        }
        let mut runs = vec![("program".to_owned(), program)];
        for point in points(&experiment.matrix) {
            let mut params = experiment.params.clone();
            params.extend(point.iter().map(|(axis, value)| (axis.clone(), value.clone())));
            for index in 0..experiment.seeds {
                let run = Run {
                    argv: experiment.run.clone(),
                    params: params.clone(),
                    point: point.clone(),
                    index,
                    seed: run_seed(self.recipe.project.seed, &node, &point, index),
                    env: experiment.env.clone(),
                    limits: experiment.limits,
                    metrics: experiment.metrics.clone(),
                };
                let role = format!("run.{point}#{index}");
                let action = Action {
                    name: ActionName::Run { experiment: node.clone(), point: point.clone(), index },
                    node: node.clone(),
                    deps: deps.clone(),
                    files: Vec::new(),
                    work: Work::Run(run),
                    span: experiment.span.clone(),
                };
                runs.push((role, self.push(action)));
            }
        }
        self.push(Action {
            name: ActionName::Node(node.clone()),
            deps: runs,
            files: Vec::new(),
            work: Work::Collect(Collect {
                experiment: node.clone(),
                label: experiment.label.clone(),
                profile: self.recipe.profile.clone(),
                source: experiment.source.get_ref().clone(),
                run: experiment.run.clone(),
                params: experiment.params.clone(),
                metrics: experiment.metrics.clone(),
                project_seed: self.recipe.project.seed,
            }),
            node,
            span: experiment.span.clone(),
        });
    }

    fn figure(&mut self, name: &str, figure: &Figure) {
        let node = NodeName::new(NodeKind::Figure, name);
        let mut deps = Vec::new();
        for target in figure.data.iter().map(Spanned::get_ref) {
            let collect = self.node(target);
            deps.push((format!("data.{}", target.name), collect));
            // Only a series lies in the runs' own files; metrics are in the results.
            if figure.plot.at.is_some() {
                let runs = &self.actions[collect.get()].deps;
                deps.extend(runs.iter().filter_map(|(role, index)| {
                    let run = role.strip_prefix("run.")?;
                    Some((format!("run.{}.{run}", target.name), *index))
                }));
            }
        }
        self.push(Action {
            name: ActionName::Node(node.clone()),
            node,
            deps,
            files: Vec::new(),
            work: Work::Figure { plot: figure.plot.clone() },
            span: figure.span.clone(),
        });
    }

    fn paper(&mut self, name: &str, paper: &Paper) {
        let node = NodeName::new(NodeKind::Paper, name);
        let targets = paper.data.iter().chain(&paper.figures);
        let deps = targets.map(|target| (target.to_string(), self.node(target))).collect();
        let text = paper.text.get_ref();
        let directory = text.rsplit_once('/').map_or("", |(directory, _)| directory).to_owned();
        let mut files = vec![("main", paper.text.clone())];
        files.push(("text", Spanned::new(paper.text.span(), directory.clone())));
        files.extend(paper.bibliography.clone().map(|path| ("bibliography", path)));
        self.push(Action {
            name: ActionName::Node(node.clone()),
            node,
            deps,
            files,
            work: Work::Paper(PaperSpec {
                text: text.clone(),
                directory,
                bibliography: paper.bibliography.as_ref().map(|path| path.get_ref().clone()),
                style: paper.style,
                mode: paper.mode,
                terms: paper.terms.clone(),
                lexicon: paper.lexicon.clone(),
                confirmed: match paper.bibliography {
                    Some(_) => self.lock.confirmed(),
                    None => BTreeMap::new(),
                },
            }),
            span: paper.span.clone(),
        });
    }
}

/// The names with what each needs before it; there are no circles, the recipe was checked.
fn in_order<'a>(
    names: impl Iterator<Item = &'a str>,
    needed: impl Fn(&'a str) -> Vec<&'a str>,
) -> Vec<&'a str> {
    let mut order = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            continue;
        }
        let mut path = vec![(name, needed(name))];
        while let Some((name, rest)) = path.last_mut() {
            match rest.pop() {
                Some(next) if seen.insert(next) => path.push((next, needed(next))),
                Some(_) => {}
                None => {
                    order.push(*name);
                    path.pop();
                }
            }
        }
    }
    order
}

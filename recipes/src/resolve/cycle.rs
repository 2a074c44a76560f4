//! Circles of references: found without recursion, and shown with all their edges.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::name::NodeKind;
use crate::read::fields::Problems;
use crate::recipe::Recipe;

/// A circle: each node with the place where it refers to the next, the last one to the first.
pub(super) type Ring<'a> = Vec<(&'a str, Range<usize>)>;

/// Reports circles among the bases of diffs and among the inputs of experiments.
pub(super) fn check(recipe: &Recipe, problems: &mut Problems) {
    let diffs = find(recipe.diffs.keys().map(String::as_str), |name| {
        let base = recipe.diffs.get(name).map(|diff| &diff.base);
        let base = base.filter(|base| base.get_ref().kind == NodeKind::Diff);
        base.map(|base| (base.get_ref().name.as_str(), base.span())).into_iter().collect()
    });
    for ring in diffs {
        problems.push(describe("diff", &ring, "is based on"));
    }
    let inputs = find(recipe.experiments.keys().map(String::as_str), |name| {
        let inputs = recipe.experiments.get(name).into_iter().flat_map(|node| node.inputs.values());
        inputs
            .filter(|input| input.get_ref().kind == NodeKind::Experiment)
            .map(|input| (input.get_ref().name.as_str(), input.span()))
            .collect()
    });
    for ring in inputs {
        problems.push(describe("experiment", &ring, "needs"));
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Open,
    Done,
}

/// Finds at least one circle in every knot of circles.
pub(super) fn find<'a>(
    nodes: impl Iterator<Item = &'a str>,
    edges: impl Fn(&'a str) -> Vec<(&'a str, Range<usize>)>,
) -> Vec<Ring<'a>> {
    let mut rings = Vec::new();
    let mut marks: BTreeMap<&str, Mark> = BTreeMap::new();
    for start in nodes {
        if marks.contains_key(start) {
            continue;
        }
        // Each entry: a node, its edges not yet followed, and the edge that is being followed.
        let mut path = vec![(start, edges(start), 0..0)];
        marks.insert(start, Mark::Open);
        while let Some((node, rest, followed)) = path.last_mut() {
            let Some((next, span)) = rest.pop() else {
                marks.insert(node, Mark::Done);
                path.pop();
                continue;
            };
            *followed = span;
            match marks.get(next) {
                Some(Mark::Done) => {}
                Some(Mark::Open) => {
                    let from = path.iter().position(|(node, ..)| *node == next).unwrap_or(0);
                    let ring = path[from..].iter().map(|(node, _, span)| (*node, span.clone()));
                    rings.push(ring.collect());
                }
                None => {
                    marks.insert(next, Mark::Open);
                    path.push((next, edges(next), 0..0));
                }
            }
        }
    }
    rings
}

/// Says that nodes of a kind go round in a circle.
pub(super) fn describe(kind: &str, ring: &Ring<'_>, verb: &str) -> Diagnostic {
    let (first, span) = &ring[0];
    let mut path: Vec<String> = ring.iter().map(|(name, _)| format!("{kind}.{name}")).collect();
    path.push(format!("{kind}.{first}"));
    if path.len() > 12 {
        let left_out = path.len() - 9;
        path.splice(6..path.len() - 3, [format!("({left_out} more)")]);
    }
    let problem = Diagnostic::new(
        Code::Cycle,
        span.clone(),
        format!("`{kind}.{first}` {verb} itself: {}", path.join(" -> ")),
    )
    .label(if ring.len() == 1 { "refers to itself" } else { "the circle begins here" })
    .help("one of these must not refer to the next");
    ring[1..].iter().take(8).fold(problem, |problem, (name, span)| {
        problem.also(span.clone(), format!("`{kind}.{name}` {verb} this one"))
    })
}

//! `rescience tree`: what depends on what, by node, with runs counted.

use std::collections::{BTreeMap, BTreeSet};

use rescience_recipes::{ActionIndex, ActionName, Graph, NodeName};

use crate::args::{Charset, Global, Tree};
use crate::error::Error;
use crate::project::Project;
use crate::settings::Settings;
use crate::shell::{DIM, STRONG, Shell};

pub(crate) fn run(
    shell: &Shell,
    global: &Global,
    settings: &Settings,
    args: &Tree,
) -> Result<(), Error> {
    let project = Project::open(global, settings)?;
    let edges = Edges::of(&project.graph, args);
    let roots: Vec<String> = if args.nodes.is_empty() {
        edges.roots()
    } else {
        let selection = project.select(&args.nodes)?;
        selection.targets().iter().map(|index| edges.label(&project.graph, *index)).collect()
    };
    let mut seen = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for root in roots {
        if shown.insert(root.clone()) {
            edges.draw(shell, args, &root, &mut Vec::new(), &mut seen);
        }
    }
    Ok(())
}

/// Who needs whom, by the names that the tree shows.
struct Edges {
    below: BTreeMap<String, Vec<String>>,
    remarks: BTreeMap<String, String>,
    runs: bool,
}

impl Edges {
    fn of(graph: &Graph, args: &Tree) -> Edges {
        let mut edges = Edges { below: BTreeMap::new(), remarks: BTreeMap::new(), runs: args.runs };
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for action in graph.actions() {
            let user = edges.shown(&action.name.to_string(), &action.node);
            if matches!(action.name, ActionName::Run { .. }) {
                *counts.entry(action.node.to_string()).or_default() += 1;
            }
            edges.below.entry(user.clone()).or_default();
            for (_, dep) in &action.deps {
                let dep = graph.action(*dep);
                let needed = edges.shown(&dep.name.to_string(), &dep.node);
                if needed == user {
                    continue;
                }
                let (from, to) =
                    if args.invert { (needed, user.clone()) } else { (user.clone(), needed) };
                let below = edges.below.entry(from).or_default();
                if !below.contains(&to) {
                    below.push(to);
                }
            }
        }
        for (node, count) in counts {
            edges.remarks.insert(node, format!("{count} run{}", if count == 1 { "" } else { "s" }));
        }
        edges
    }

    /// The name that an action goes by in the tree: its node's, unless runs are asked for.
    fn shown(&self, action: &str, node: &NodeName) -> String {
        if self.runs { action.to_owned() } else { node.to_string() }
    }

    fn label(&self, graph: &Graph, index: ActionIndex) -> String {
        let action = graph.action(index);
        self.shown(&action.name.to_string(), &action.node)
    }

    /// What nothing else in the tree needs.
    fn roots(&self) -> Vec<String> {
        let needed: BTreeSet<&String> = self.below.values().flatten().collect();
        self.below.keys().filter(|name| !needed.contains(name)).cloned().collect()
    }

    fn draw(
        &self,
        shell: &Shell,
        args: &Tree,
        name: &str,
        last: &mut Vec<bool>,
        seen: &mut BTreeSet<String>,
    ) {
        let (tee, corner, bar) = match args.charset {
            Charset::Utf8 => ("├── ", "└── ", "│   "),
            Charset::Ascii => ("|-- ", "`-- ", "|   "),
        };
        let mut prefix = String::new();
        if let Some((here, above)) = last.split_last() {
            for end in above {
                prefix.push_str(if *end { "    " } else { bar });
            }
            prefix.push_str(if *here { corner } else { tee });
        }
        let below = self.below.get(name).map_or(&[][..], Vec::as_slice);
        let again = !seen.insert(name.to_owned()) && !below.is_empty() && !args.no_dedupe;
        let remark = self.remarks.get(name).map(|it| format!(" {DIM}({it}){DIM:#}"));
        let remark = remark.unwrap_or_default();
        let mark = if again { " (*)" } else { "" };
        shell.data(format_args!("{prefix}{STRONG}{name}{STRONG:#}{remark}{mark}"));
        if again || args.depth.is_some_and(|depth| last.len() >= depth) {
            return;
        }
        for (position, needed) in below.iter().enumerate() {
            last.push(position + 1 == below.len());
            self.draw(shell, args, needed, last, seen);
            last.pop();
        }
    }
}

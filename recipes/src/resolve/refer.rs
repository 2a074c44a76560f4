//! Which nodes there are, and the nearest one to a name that is not among them.

use std::collections::BTreeMap;

use serde_spanned::Spanned;

use crate::code::Code;
use crate::diagnostic::Diagnostic;
use crate::layers::NodeLayers;
use crate::name::{NodeKind, NodeName};
use crate::nearest::nearest;
use crate::read::fields::Problems;

/// Beyond this many dangling names nothing is suggested: each suggestion looks at every node.
const MAX_SUGGESTIONS: usize = 50;

/// The names of all nodes.
pub(crate) struct Names<'a> {
    nodes: &'a NodeLayers,
    dangling: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn new(nodes: &'a NodeLayers) -> Names<'a> {
        Names { nodes, dangling: 0 }
    }

    /// The names of one kind, without the kind.
    pub(crate) fn of_kind(&self, kind: NodeKind) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        fn keys<L>(nodes: &BTreeMap<String, L>) -> impl Iterator<Item = &str> {
            nodes.keys().map(String::as_str)
        }
        match kind {
            NodeKind::Source => Box::new(keys(&self.nodes.sources)),
            NodeKind::Diff => Box::new(keys(&self.nodes.diffs)),
            NodeKind::Experiment => Box::new(keys(&self.nodes.experiments)),
            NodeKind::Figure => Box::new(keys(&self.nodes.figures)),
            NodeKind::Paper => Box::new(keys(&self.nodes.papers)),
            NodeKind::Idea | NodeKind::Review => Box::new(std::iter::empty()),
        }
    }

    fn exists(&self, node: &NodeName) -> bool {
        let name = &node.name;
        match node.kind {
            NodeKind::Source => self.nodes.sources.contains_key(name),
            NodeKind::Diff => self.nodes.diffs.contains_key(name),
            NodeKind::Experiment => self.nodes.experiments.contains_key(name),
            NodeKind::Figure => self.nodes.figures.contains_key(name),
            NodeKind::Paper => self.nodes.papers.contains_key(name),
            NodeKind::Idea | NodeKind::Review => false,
        }
    }

    /// Whether a reference leads somewhere; if not, the problem is noted.
    pub(crate) fn check(&mut self, node: &Spanned<NodeName>, problems: &mut Problems) -> bool {
        let name = node.get_ref();
        if self.exists(name) {
            return true;
        }
        let problem =
            Diagnostic::new(Code::DanglingName, node.span(), format!("`{name}` does not exist"));
        self.dangling += 1;
        let near = if self.dangling > MAX_SUGGESTIONS { None } else { self.nearest(name) };
        problems.push(match near {
            Some(near) => problem
                .label(format!("did you mean `{near}`?"))
                .help(format!("{} with a similar name exists: `{near}`", near.kind.with_article())),
            None => {
                problem.label("no such node").help(format!("write a `[{name}]` or change the name"))
            }
        });
        false
    }

    /// Of the same kind if there is one, else a diff for a source and the other way round.
    fn nearest(&self, name: &NodeName) -> Option<NodeName> {
        let other = match name.kind {
            NodeKind::Source => NodeKind::Diff,
            NodeKind::Diff => NodeKind::Source,
            kind => kind,
        };
        [name.kind, other].into_iter().find_map(|kind| {
            nearest(&name.name, self.of_kind(kind)).map(|near| NodeName::new(kind, near))
        })
    }
}

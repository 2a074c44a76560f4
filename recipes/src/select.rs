//! Selection: which actions the names and patterns on a command line mean.

use std::collections::BTreeSet;

use crate::action_name::ActionName;
use crate::graph::{ActionIndex, Graph};
use crate::name::NodeKind;
use crate::nearest::nearest;

/// Actions to make: what was asked for, and all that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    targets: Vec<ActionIndex>,
    actions: Vec<ActionIndex>,
}

impl Selection {
    /// What was asked for, in the graph's order.
    pub fn targets(&self) -> &[ActionIndex] {
        &self.targets
    }

    /// Everything that is needed, in the graph's order.
    pub fn actions(&self) -> &[ActionIndex] {
        &self.actions
    }

    /// Whether an action is needed.
    pub fn contains(&self, index: ActionIndex) -> bool {
        self.actions.binary_search(&index).is_ok()
    }
}

/// A name or pattern that nothing in the recipe matches.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the recipe has no `{pattern}`")]
pub struct UnknownTarget {
    /// As it was typed.
    pub pattern: String,
    /// The name that was most likely meant.
    pub nearest: Option<String>,
}

impl Graph {
    /// Finds what is asked for: names of nodes and actions, or patterns with `*` and `?`.
    ///
    /// A pattern is held against names of nodes; it means runs only if it holds a `#`, and builds
    /// only if it holds an `@`. Without patterns all papers are meant, or everything if there is
    /// no paper.
    ///
    /// # Errors
    /// The first pattern that matches nothing.
    pub fn select(&self, patterns: &[String]) -> Result<Selection, UnknownTarget> {
        let mut targets: BTreeSet<ActionIndex> = BTreeSet::new();
        if patterns.is_empty() {
            let papers = |index: &ActionIndex| self.action(*index).node.kind == NodeKind::Paper;
            targets.extend(self.indices().filter(papers));
            if targets.is_empty() {
                targets.extend(self.indices());
            }
        }
        for pattern in patterns {
            let found = self.find(pattern);
            if found.is_empty() {
                return Err(self.unknown(pattern));
            }
            targets.extend(found);
        }
        Ok(self.closure(targets))
    }

    fn find(&self, pattern: &str) -> Vec<ActionIndex> {
        if let Ok(name) = pattern.parse::<ActionName>() {
            return self.index(&name).into_iter().collect();
        }
        if !pattern.contains(['*', '?']) {
            return Vec::new();
        }
        let meant = |name: &ActionName| match name {
            ActionName::Node(_) => !pattern.contains(['#', '@']),
            ActionName::Build(_) => pattern.contains('@'),
            ActionName::Run { .. } => pattern.contains('#'),
        };
        self.indices()
            .filter(|index| {
                let name = &self.action(*index).name;
                meant(name) && matches(pattern.as_bytes(), name.to_string().as_bytes())
            })
            .collect()
    }

    fn unknown(&self, pattern: &str) -> UnknownTarget {
        let names: Vec<String> =
            self.actions().iter().map(|action| action.name.to_string()).collect();
        let near = nearest(pattern, names.iter().map(String::as_str));
        UnknownTarget { pattern: pattern.to_owned(), nearest: near.map(str::to_owned) }
    }

    fn closure(&self, targets: BTreeSet<ActionIndex>) -> Selection {
        let mut needed = vec![false; self.actions().len()];
        for target in &targets {
            needed[target.get()] = true;
        }
        // Users stand after what they need, so one pass from the end sees every user first.
        for place in (0..needed.len()).rev() {
            if needed[place] {
                for (_, dep) in &self.actions()[place].deps {
                    needed[dep.get()] = true;
                }
            }
        }
        let actions = self.indices().filter(|index| needed[index.get()]).collect();
        Selection { targets: targets.into_iter().collect(), actions }
    }
}

/// Whether a pattern covers a whole name: `*` is any text, `?` any one byte.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on if what follows the last `*` turns out not to fit.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                p = star + 1;
                n = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_cover_whole_names() {
        let check = |pattern: &str, name: &str| matches(pattern.as_bytes(), name.as_bytes());
        assert!(check("experiment.*", "experiment.baseline"));
        assert!(check("*.base*", "experiment.baseline"));
        assert!(check("*a*a*", "banana"));
        assert!(check("?", "a"));
        assert!(!check("experiment.?", "experiment.ab"));
        assert!(!check("*x", "experiment"));
        assert!(!check("", "a"));
        assert!(check("*", ""));
    }
}

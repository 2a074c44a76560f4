//! A bundle as a world of its own: every key computed again from the recipe inside.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use rescience_bundle::Bundle;
use rescience_digest::{ActionKey, Digest, Hashed};
use rescience_exec::request::Artifacts;
use rescience_recipes::{
    ActionName, BuildSystem, Graph, Hit, InputProblem, KeyInputs, Lock, NodeKind, Plan, Reason,
    Recipe, Step, World, parse_bytes,
};
use rescience_store::{Entry, Tree};

use super::pages::Recorded;
use super::traces::Traces;
use crate::error::Error;
use crate::left_out::LeftOut;
use crate::project::{LOCK, RECIPE};
use crate::unpacked::{About, views};

/// What stands in for the outside.
pub(super) struct Inside<'a> {
    bundle: &'a Bundle,
    /// The recipe inside, and its graph.
    pub(super) recipe: Recipe,
    pub(super) graph: Graph,
    /// What the lists say that there is.
    pub(super) files: &'a BTreeMap<String, Hashed>,
    /// The files, and what was left out.
    entries: BTreeMap<&'a str, Entry>,
    names: BTreeMap<Digest, &'a str>,
    pub(super) traces: &'a Traces,
    pub(super) about: &'a About,
    left_out: &'a LeftOut,
    /// Listings of the project's folders, which need not be in the bundle themselves.
    trees: RefCell<BTreeMap<Digest, Tree>>,
}

impl<'a> Inside<'a> {
    /// Reads the recipe inside.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub(super) fn new(
        bundle: &'a Bundle,
        files: &'a BTreeMap<String, Hashed>,
        traces: &'a Traces,
        about: &'a About,
        left_out: &'a LeftOut,
    ) -> Result<Inside<'a>, Error> {
        let text = bundle.read(RECIPE)?.unwrap_or_default();
        let recipe = parse_bytes(RECIPE, &text, Some(&about.profile))?;
        let lock = match bundle.read(LOCK)? {
            Some(bytes) => Lock::parse(LOCK, &bytes)?,
            None => Lock::default(),
        };
        let graph = Graph::with_lock(&recipe, &lock)?;
        let names = files.iter().map(|(name, hashed)| (hashed.digest, name.as_str())).collect();
        let absent = left_out.entries().map(|(name, entry)| (name.as_str(), entry));
        let mut entries: BTreeMap<&str, Entry> = absent.collect();
        entries.extend(files.iter().map(|(name, hashed)| {
            (name.as_str(), Entry::file((*hashed).into(), bundle.executable(name)))
        }));
        let trees = RefCell::default();
        Ok(Inside { bundle, recipe, graph, files, entries, names, traces, about, left_out, trees })
    }

    /// Plans the bundle's papers, and tells what is not as the recipe has it, by action.
    ///
    /// # Errors
    /// A paper that the recipe does not have.
    pub(super) fn plan(&self) -> Result<(Plan, Vec<(String, String)>), Error> {
        let graph = &self.graph;
        let selection = graph.select(&self.about.papers)?;
        let plan = rescience_recipes::plan(graph, &selection, self)?;
        let mut problems = Vec::new();
        let mut used = BTreeSet::new();
        for step in &plan.steps {
            let name = &graph.action(step.index()).name;
            match step {
                // What waits for another is told of the other.
                Step::Run { reasons, .. } => {
                    let waits = reasons.iter().any(|it| matches!(it, Reason::Waiting { .. }));
                    let why = reasons.first().map_or_else(String::new, |it| format!(": {it}"));
                    let what = format!("is not recorded as the recipe has it{why}");
                    problems.extend((!waits).then(|| (name.to_string(), what)));
                }
                Step::Fresh { key, made, .. } => {
                    used.extend(*key);
                    let ActionName::Node(node) = name else { continue };
                    let beside = |form: &str| self.traces.log(key.as_ref()?, form);
                    for (path, expected) in views(node, &made.output, beside) {
                        if self.files.get(&path).is_none_or(|held| held.digest != expected) {
                            let what = format!("`{path}` is not what its trace says: {expected}");
                            problems.push((name.to_string(), what));
                        }
                    }
                }
            }
        }
        let whole = problems.is_empty();
        let rest = self.traces.keys().filter(|(key, _)| whole && !used.contains(key));
        for (key, action) in rest {
            let what = format!("nothing in the recipe has the key of its trace, {key}");
            problems.push((action.to_owned(), what));
        }
        Ok((plan, problems))
    }

    /// Everything that traces and the project's folders lead to.
    pub(super) fn reached(&self) -> BTreeSet<Digest> {
        self.traces.reached().chain(self.trees.borrow().keys().copied()).collect()
    }

    /// The bytes of a digest.
    pub(super) fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        // What the file holds was hashed; its name in the map is that of its bytes.
        let bytes = match self.names.get(digest) {
            Some(name) => self.bundle.read(name)?,
            None => None,
        };
        bytes.ok_or_else(|| Error::other(format!("{digest} is not in the bundle")))
    }

    /// The listing of a folder of the project, with those in it.
    fn listing(&self, path: &str) -> Option<Digest> {
        let prefix = format!("{path}/");
        let below = self.entries.range(prefix.as_str()..);
        let below = below.take_while(|(name, _)| name.starts_with(&prefix));
        let mut tree = Tree::default();
        for (name, entry) in below {
            let inner = &name[prefix.len()..];
            let (own, entry) = match inner.split_once('/') {
                Some((folder, _)) if tree.entries.contains_key(folder) => continue,
                Some((folder, _)) => {
                    let digest = self.listing(&format!("{prefix}{folder}"))?;
                    (folder, Entry::Directory { digest })
                }
                None => (inner, entry.clone()),
            };
            tree.entries.insert(own.to_owned(), entry);
        }
        if tree.entries.is_empty() {
            return None;
        }
        let digest = Digest::of(&tree.to_bytes());
        self.trees.borrow_mut().insert(digest, tree);
        Some(digest)
    }
}

impl World for Inside<'_> {
    fn input(&self, path: &str) -> Result<Digest, InputProblem> {
        let file = match self.entries.get(path) {
            Some(Entry::File { digest, .. }) => Some(*digest),
            _ => None,
        };
        file.or_else(|| self.listing(path)).ok_or(InputProblem::Missing)
    }

    fn toolchain(&self, _: &BuildSystem, inputs: &KeyInputs) -> BTreeMap<String, String> {
        self.traces.tools(&inputs.key()).cloned().unwrap_or_default()
    }

    fn engine(&self, _: NodeKind) -> String {
        self.about.engine.clone()
    }

    fn trace(&self, key: &ActionKey) -> Hit {
        self.traces.made(key).map_or(Hit::None, Hit::Made)
    }

    fn last(&self, action: &ActionName) -> Option<KeyInputs> {
        self.traces.inputs_of(&action.to_string()).cloned()
    }
}

impl Artifacts for Inside<'_> {
    type Error = Error;

    fn read(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        self.bytes(digest)
    }

    fn tree(&self, digest: &Digest) -> Result<Tree, Error> {
        if let Some(tree) = self.trees.borrow().get(digest) {
            return Ok(tree.clone());
        }
        let bytes = Artifacts::read(self, digest)?;
        Tree::parse(&bytes).map_err(|why| Error::other(format!("{digest}: {why}")))
    }
}

impl Recorded for Inside<'_> {
    fn own(&self, path: &str) -> Option<Digest> {
        self.input(path).ok()
    }

    fn beside(&self, key: &ActionKey, _: &Digest, log: &str) -> Option<Digest> {
        self.traces.log(key, log)
    }

    fn left_out(&self, digest: &Digest) -> bool {
        !self.names.contains_key(digest) && self.left_out.names(digest)
    }

    fn engine(&self) -> &str {
        &self.about.engine
    }
}

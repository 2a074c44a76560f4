//! The graph: every action of a recipe with what it needs, in an order in which it can be made.

mod unfold;

pub(crate) use unfold::run_seed;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rescience_digest::Digest;
use serde_spanned::Spanned;

use crate::action_name::ActionName;
use crate::diagnostic::Diagnostics;
use crate::lock::Lock;
use crate::metric::Metric;
use crate::name::NodeName;
use crate::plot::Plot;
use crate::point::Point;
use crate::recipe::{BuildSystem, Limits, Mode, Project, Recipe, Style};
use crate::value::Value;

/// A place in [`Graph::actions`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionIndex(usize);

impl ActionIndex {
    /// The index of the action at a place.
    pub fn new(place: usize) -> ActionIndex {
        ActionIndex(place)
    }

    /// The place.
    pub fn get(self) -> usize {
        self.0
    }
}

/// All actions of a recipe; what an action needs stands before it.
#[derive(Debug, Clone)]
pub struct Graph {
    pub(crate) file: Arc<str>,
    pub(crate) text: Arc<str>,
    pub(crate) project: Project,
    pub(crate) profile: String,
    actions: Vec<Action>,
    users: Vec<Vec<ActionIndex>>,
    /// Sorted by name.
    by_name: Vec<ActionIndex>,
}

impl Graph {
    /// Unfolds a recipe for which nothing is locked.
    ///
    /// # Errors
    /// There would be more than a million actions.
    pub fn new(recipe: &Recipe) -> Result<Graph, Diagnostics> {
        Graph::with_lock(recipe, &Lock::default())
    }

    /// Unfolds a recipe into actions.
    ///
    /// # Errors
    /// There would be more than a million of them.
    pub fn with_lock(recipe: &Recipe, lock: &Lock) -> Result<Graph, Diagnostics> {
        let actions = unfold::actions(recipe, lock)?;
        let mut users = vec![Vec::new(); actions.len()];
        for (place, action) in actions.iter().enumerate() {
            for (_, dep) in &action.deps {
                let users: &mut Vec<ActionIndex> = &mut users[dep.0];
                if users.last() != Some(&ActionIndex(place)) {
                    users.push(ActionIndex(place));
                }
            }
        }
        let mut by_name: Vec<ActionIndex> = (0..actions.len()).map(ActionIndex).collect();
        by_name.sort_unstable_by(|a, b| actions[a.0].name.cmp(&actions[b.0].name));
        Ok(Graph {
            file: Arc::clone(&recipe.file),
            text: Arc::clone(&recipe.text),
            project: recipe.project.clone(),
            profile: recipe.profile.clone(),
            actions,
            users,
            by_name,
        })
    }

    /// Every action, dependencies before users.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// An action by its index.
    pub fn action(&self, index: ActionIndex) -> &Action {
        &self.actions[index.0]
    }

    /// Where an action of this name stands.
    pub fn index(&self, name: &ActionName) -> Option<ActionIndex> {
        let found = self.by_name.binary_search_by(|index| self.actions[index.0].name.cmp(name));
        found.ok().map(|place| self.by_name[place])
    }

    /// The actions that need this one directly, each once, in order.
    pub fn users(&self, index: ActionIndex) -> &[ActionIndex] {
        &self.users[index.0]
    }

    /// What the project is.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The profile that the recipe was read with.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    pub(crate) fn indices(&self) -> impl Iterator<Item = ActionIndex> + use<> {
        (0..self.actions.len()).map(ActionIndex)
    }
}

/// A node, or a part of one, with nothing left to decide.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its name, unique in the graph.
    pub name: ActionName,
    /// The node that asked for it.
    pub node: NodeName,
    /// What it needs: the role, under which the dependency enters the key, and the action.
    pub deps: Vec<(String, ActionIndex)>,
    /// Files of the project that it reads: the role, and the path where the recipe names it.
    pub files: Vec<(&'static str, Spanned<String>)>,
    /// What is to be done.
    pub work: Work,
    /// Where the node stands in the recipe.
    pub span: Range<usize>,
}

/// What is to be done.
///
/// The roles of an action's dependencies are listed in [`crate::key`].
#[derive(Debug, Clone)]
pub enum Work {
    /// Nothing: a file or directory of the project is its own artifact.
    Source {
        /// Relative to the project.
        path: String,
    },
    /// Applying a patch to the dependency `base`.
    Patch {
        /// The patch file, relative to the project.
        path: String,
    },
    /// Building the dependency `source`.
    Build {
        /// How.
        system: BuildSystem,
    },
    /// One run of an experiment's program.
    Run(Run),
    /// Collecting the metrics of an experiment's runs.
    Collect(Collect),
    /// Drawing a figure.
    Figure {
        /// What to draw.
        plot: Plot,
    },
    /// Typesetting a paper.
    Paper(PaperSpec),
}

/// One run: the dependency `program`, and what it is given.
#[derive(Debug, Clone)]
pub struct Run {
    /// The command, with placeholders still in it.
    pub argv: Vec<String>,
    /// The experiment's params and the point's values.
    pub params: BTreeMap<String, Value>,
    /// The point.
    pub point: Point,
    /// Which of the point's runs, from 0.
    pub index: u32,
    /// The seed, below 2^53.
    pub seed: u64,
    /// Variables beside the contract's own.
    pub env: BTreeMap<String, String>,
    /// What ends it early.
    pub limits: Limits,
    /// What it is expected to write. Not in the key: the run does not see it.
    pub metrics: BTreeMap<String, Metric>,
}

/// What the results of an experiment say beside the numbers.
#[derive(Debug, Clone)]
pub struct Collect {
    /// The experiment.
    pub experiment: NodeName,
    /// What people call it.
    pub label: String,
    /// The profile that the recipe was read with.
    pub profile: String,
    /// The source or diff that its program is built from.
    pub source: NodeName,
    /// The command of its runs, with placeholders.
    pub run: Vec<String>,
    /// The params that all points share.
    pub params: BTreeMap<String, Value>,
    /// What the runs were expected to write.
    pub metrics: BTreeMap<String, Metric>,
    /// The project's seed, which the runs' seeds derive from.
    pub project_seed: u64,
}

/// A paper: its text, its look, and (as dependencies) what it may speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaperSpec {
    /// The main file, relative to the project: `paper/main.typ`.
    pub text: String,
    /// The folder of the text, relative to the project; the paper sees all of it.
    pub directory: String,
    /// The bibliography, relative to the project; it lies in `directory`.
    pub bibliography: Option<String>,
    /// How it looks.
    pub style: Style,
    /// How much of typst its text may use.
    pub mode: Mode,
    /// Names with digits in them that the text may print.
    pub terms: BTreeSet<String>,
    /// Words that only artifacts may print, by category.
    pub lexicon: BTreeMap<String, BTreeSet<String>>,
    /// The confirmed entries of bibliographies, by key, as the lock has them; none without a
    /// bibliography.
    pub confirmed: BTreeMap<String, Digest>,
}

impl PaperSpec {
    /// The main file's path within the folder: `main.typ`.
    pub fn main(&self) -> &str {
        self.within(&self.text)
    }

    /// The bibliography's path within the folder.
    pub fn bibliography_in_folder(&self) -> Option<&str> {
        self.bibliography.as_deref().map(|path| self.within(path))
    }

    fn within<'a>(&self, path: &'a str) -> &'a str {
        let inside = path.strip_prefix(self.directory.as_str());
        inside.and_then(|path| path.strip_prefix('/')).unwrap_or(path)
    }
}

//! The plan: for each selected action whether its result stands, and if not, why.

use std::collections::BTreeMap;

use rescience_digest::{ActionKey, Digest};
use serde::Serialize;

use crate::action_name::ActionName;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::graph::{ActionIndex, Graph, Work};
use crate::key::{InputError, KeyInputs, gather};
use crate::name::NodeKind;
use crate::reason::Reason;
use crate::recipe::BuildSystem;
use crate::select::Selection;

/// Where the outside enters planning.
pub trait World {
    /// The content digest of a project file or directory.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    fn input(&self, path: &str) -> Result<Digest, InputProblem>;

    /// What identifies the tools that build with a system, by tool. `inputs` is all else that enters
    /// the key of the build: one that was done elsewhere stands with the tools it was done with.
    fn toolchain(&self, system: &BuildSystem, inputs: &KeyInputs) -> BTreeMap<String, String>;

    /// What identifies the renderer of figures or papers.
    fn engine(&self, kind: NodeKind) -> String;

    /// What is recorded under a key.
    fn trace(&self, key: &ActionKey) -> Hit;

    /// What entered the key when an action of this name was last made.
    fn last(&self, action: &ActionName) -> Option<KeyInputs>;
}

/// Why a project file is not to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputProblem {
    /// Nothing is there.
    #[error("no such file or directory")]
    Missing,
    /// Something is there; why it cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// What is recorded under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A result that is whole.
    Made(Made),
    /// A result that the store no longer has.
    Missing(Digest),
    /// A result whose bytes have changed.
    Damaged(Digest),
    /// Only failures.
    Failed,
    /// Nothing.
    None,
}

/// A result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// The digest of the artifact.
    pub output: Digest,
    /// The digest of what was measured; runs and builds have it.
    pub facts: Option<Digest>,
}

/// What to do, in the graph's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One step for each selected action.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The steps that have to run.
    pub fn dirty(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step, Step::Run { .. }))
    }
}

/// What to do about one action.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Nothing: its result stands.
    Fresh {
        /// The action.
        index: ActionIndex,
        /// Its key; none for a source, which is its own result.
        key: Option<ActionKey>,
        /// Its result.
        made: Made,
    },
    /// Make it.
    Run {
        /// The action.
        index: ActionIndex,
        /// Its key; none while something that it needs is not made.
        key: Option<ActionKey>,
        /// At least one.
        reasons: Vec<Reason>,
    },
}

impl Step {
    /// The action.
    pub fn index(&self) -> ActionIndex {
        match self {
            Step::Fresh { index, .. } | Step::Run { index, .. } => *index,
        }
    }
}

/// Decides what has to run.
///
/// # Errors
/// Every project file of the selection that is missing or unreadable.
pub fn plan(graph: &Graph, selection: &Selection, world: &impl World) -> Result<Plan, Diagnostics> {
    let mut steps = Vec::with_capacity(selection.actions().len());
    let mut made: Vec<Option<Made>> = vec![None; graph.actions().len()];
    let mut keys: Vec<Option<ActionKey>> = vec![None; graph.actions().len()];
    let mut problems = Vec::new();
    for &index in selection.actions() {
        let action = graph.action(index);
        let known =
            gather(graph, action, &|dep| made[dep.get()].clone(), world, &|dep| keys[dep.get()]);
        let known = match known {
            Ok(known) => known,
            Err(error) => {
                problems.push(diagnose(&error));
                continue;
            }
        };
        if let (Work::Source { .. }, Some(content)) =
            (&action.work, known.inputs.inputs.get("content"))
        {
            let source = Made { output: *content, facts: None };
            made[index.get()] = Some(source.clone());
            steps.push(Step::Fresh { index, key: None, made: source });
            continue;
        }
        let step = match known.waiting {
            Some(on) => {
                let mut reasons = match world.last(&action.name) {
                    None => vec![Reason::NeverBuilt],
                    Some(last) => KeyInputs::reasons_so_far(&last, &known.inputs),
                };
                reasons.push(Reason::Waiting { on: graph.action(on).name.to_string() });
                Step::Run { index, key: None, reasons }
            }
            None => {
                let key = known.inputs.key();
                keys[index.get()] = Some(key);
                decide(index, key, &known.inputs, &action.name, world)
            }
        };
        if let Step::Fresh { made: result, .. } = &step {
            made[index.get()] = Some(result.clone());
        }
        steps.push(step);
    }
    if problems.is_empty() {
        Ok(Plan { steps })
    } else {
        Err(Diagnostics::new(&graph.file, &graph.text, problems))
    }
}

fn decide(
    index: ActionIndex,
    key: ActionKey,
    inputs: &KeyInputs,
    name: &ActionName,
    world: &impl World,
) -> Step {
    let reasons = match world.trace(&key) {
        Hit::Made(made) => return Step::Fresh { index, key: Some(key), made },
        Hit::Missing(digest) => vec![Reason::OutputMissing { digest }],
        Hit::Damaged(digest) => vec![Reason::OutputDamaged { digest }],
        Hit::Failed => vec![Reason::LastFailed],
        Hit::None => {
            let reasons = KeyInputs::reasons(world.last(name).as_ref(), inputs);
            if reasons.is_empty() { vec![Reason::TraceMissing] } else { reasons }
        }
    };
    Step::Run { index, key: Some(key), reasons }
}

fn diagnose(error: &InputError) -> Diagnostic {
    let InputError { path, problem, span } = error;
    match problem {
        InputProblem::Missing => {
            Diagnostic::new(Code::MissingFile, span.clone(), format!("`{path}` does not exist"))
                .label("no such file or directory")
                .help("paths are relative to the recipe's directory")
        }
        InputProblem::Unreadable(why) => {
            Diagnostic::new(Code::UnreadableFile, span.clone(), format!("`{path}` cannot be read"))
                .label(why.clone())
        }
    }
}

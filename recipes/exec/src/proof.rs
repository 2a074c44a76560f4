//! Proofs: a paper typeset from what is made already. Nothing runs, and nothing is recorded.
//!
//! A proof is what a build would typeset if everything that the paper shows were made; figures,
//! which cost a moment, are drawn for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rescience_digest::ActionKey;
use rescience_recipes::{
    Action, ActionIndex, Diagnostics, KeyInputs, Made, PaperSpec, Plan, Reason, Step, Work,
    key_inputs,
};

use crate::actions::{self, Context, Dep, Job};
use crate::build::{Project, yielded};
use crate::event::{Event, Failure};
use crate::host::Host;
use crate::studio::Typeset;
use crate::views::{self, ViewError};
use crate::world::Outside;

/// What can be said of a paper before it is typeset.
pub enum Proof {
    /// Everything that it shows is there.
    Ready(Box<Ready>),
    /// Some of what it shows is not made.
    Waiting(Vec<Lack>),
    /// A figure that it shows cannot be drawn.
    Wrong(Box<Failure>),
}

/// Something that a paper shows and that is not made.
#[derive(Debug, Clone)]
pub struct Lack {
    /// The experiment.
    pub action: String,
    /// What has to run first.
    pub root: String,
    /// Why.
    pub reason: Option<Reason>,
}

/// A paper that can be typeset.
pub struct Ready {
    /// Names all that decides how it comes out.
    pub key: ActionKey,
    /// Whether a build would find it made.
    pub fresh: bool,
    context: Context,
    job: Job,
    spec: PaperSpec,
}

impl Ready {
    /// Typesets it.
    ///
    /// # Errors
    /// Everything that is wrong with the text, at its places.
    pub fn typeset(&self) -> Result<Typeset, Box<Failure>> {
        actions::typeset(&self.context, &self.job, &self.spec)
    }
}

/// Looks up what a paper shows, and draws the figures that are not drawn yet.
///
/// # Errors
/// Reports every input of the paper that is missing or unreadable.
pub fn prepare(
    project: Project<'_>,
    paper: ActionIndex,
    host: &Host,
) -> Result<Proof, Diagnostics> {
    let graph = project.graph;
    let action = graph.action(paper);
    let Work::Paper(spec) = &action.work else { return Ok(Proof::Waiting(Vec::new())) };
    let outside = Outside::new(host, project.directory, &project.recipe.project.name);
    let selection = graph.select(&[action.name.to_string()]).expect("the graph has the paper");
    let plan = rescience_recipes::plan(graph, &selection, &outside)?;
    outside.save();
    let mut desk = Desk::new(project, &outside, &plan);
    let lacking = desk.lacking(action, &plan);
    if !lacking.is_empty() {
        return Ok(Proof::Waiting(lacking));
    }
    // Nobody listens: what a proof has to say, it returns.
    let (events, _) = tokio::sync::mpsc::unbounded_channel::<Event>();
    let context = Context::new(host, project, &events);
    for (_, dep) in &action.deps {
        if desk.made.contains_key(dep) {
            continue;
        }
        let (Work::Figure { plot }, Some(job)) = (&graph.action(*dep).work, desk.job(*dep)) else {
            continue;
        };
        match actions::draw(&context, &job, plot) {
            Ok(svg) => {
                desk.keys.insert(*dep, job.key);
                desk.made.insert(*dep, Made { output: svg.digest(), facts: None });
            }
            Err(failure) => return Ok(Proof::Wrong(failure)),
        }
    }
    let fresh = desk.made.contains_key(&paper);
    let Some(job) = desk.job(paper) else { return Ok(Proof::Waiting(Vec::new())) };
    Ok(Proof::Ready(Box::new(Ready { key: job.key, fresh, context, job, spec: spec.clone() })))
}

/// What is made of a paper's graph.
struct Desk<'a> {
    project: Project<'a>,
    outside: &'a Outside<'a>,
    made: BTreeMap<ActionIndex, Made>,
    keys: BTreeMap<ActionIndex, ActionKey>,
}

impl<'a> Desk<'a> {
    fn new(project: Project<'a>, outside: &'a Outside<'a>, plan: &Plan) -> Desk<'a> {
        let (mut results, mut keys) = (BTreeMap::new(), BTreeMap::new());
        for step in &plan.steps {
            let Step::Fresh { index, key, made } = step else { continue };
            results.insert(*index, made.clone());
            keys.extend(key.map(|key| (*index, key)));
        }
        Desk { project, outside, made: results, keys }
    }

    /// The experiments that a paper shows, itself or in a figure, and that are not made.
    fn lacking(&self, paper: &Action, plan: &Plan) -> Vec<Lack> {
        let graph = self.project.graph;
        let mut needed: Vec<ActionIndex> = Vec::new();
        for (_, dep) in &paper.deps {
            match graph.action(*dep) {
                _ if self.made.contains_key(dep) => {}
                // Its runs belong to its experiments.
                Action { work: Work::Figure { .. }, deps, .. } => {
                    let data = deps.iter().filter(|(role, _)| role.starts_with("data."));
                    needed.extend(data.map(|(_, dep)| *dep));
                }
                _ => needed.push(*dep),
            }
        }
        needed.retain(|index| !self.made.contains_key(index));
        needed.sort_unstable();
        needed.dedup();
        needed.into_iter().map(|index| self.lack(index, plan)).collect()
    }

    fn lack(&self, index: ActionIndex, plan: &Plan) -> Lack {
        let graph = self.project.graph;
        let unmade = |index: ActionIndex| {
            let deps = graph.action(index).deps.iter().map(|(_, dep)| *dep);
            deps.into_iter().find(|dep| !self.made.contains_key(dep))
        };
        let mut root = index;
        while let Some(deeper) = unmade(root) {
            root = deeper;
        }
        let reasons = plan.steps.iter().find_map(|step| match step {
            Step::Run { index, reasons, .. } if *index == root => reasons.first().cloned(),
            _ => None,
        });
        Lack {
            action: graph.action(index).name.to_string(),
            root: graph.action(root).name.to_string(),
            reason: reasons,
        }
    }

    /// The job of an action whose inputs are all made.
    fn job(&self, index: ActionIndex) -> Option<Job> {
        let graph = self.project.graph;
        let action = graph.action(index);
        let made = |dep: ActionIndex| self.made.get(&dep).cloned();
        let inputs: KeyInputs = key_inputs(graph, index, &made, self.outside).ok().flatten()?;
        let deps = action.deps.iter().filter_map(|(role, dep)| {
            let Made { output, facts } = self.made.get(dep)?.clone();
            let work = &graph.action(*dep).work;
            Some(Dep {
                role: role.clone(),
                name: graph.action(*dep).name.clone(),
                key: self.keys.get(dep).copied(),
                artifact: yielded(work, output),
                facts,
            })
        });
        Some(Job {
            name: action.name.to_string(),
            key: inputs.key(),
            last: None,
            gpus: Vec::new(),
            refusal: None,
            deps: deps.collect(),
            inputs,
            work: action.work.clone(),
        })
    }
}

/// Shows a proof where a build shows the paper, and returns the paths of what changed. A reader
/// sees the old file or the new one, and never a part.
///
/// # Errors
/// The first file that cannot be written.
pub fn show(
    project: Project<'_>,
    paper: ActionIndex,
    proof: &Typeset,
) -> Result<Vec<String>, ViewError> {
    let folder = project.directory.join(views::FOLDER);
    let (events, _) = tokio::sync::mpsc::unbounded_channel::<Event>();
    let _lock = views::lock(&folder, &events)?;
    let Some(pdf) = views::view_path(&project.graph.action(paper).name) else {
        return Ok(Vec::new());
    };
    let stem = pdf.trim_end_matches("pdf");
    let mut written = Vec::new();
    let forms: [(&str, &[u8]); 3] =
        [("pdf", &proof.pdf), ("html", proof.html.as_bytes()), ("json", &proof.json)];
    for (form, bytes) in forms.into_iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let name = format!("{stem}{form}");
        if replace(&folder.join(&name), bytes)? {
            written.push(format!("{}/{name}", views::FOLDER));
        }
    }
    Ok(written)
}

/// Puts a file in the place of another, unless it says the same.
fn replace(path: &Path, bytes: &[u8]) -> Result<bool, ViewError> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let failed = |path: &Path| {
        let path = PathBuf::from(path);
        move |source| ViewError::Io { path, source }
    };
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).map_err(failed(&new))?;
    std::fs::rename(&new, path).map_err(failed(path))?;
    Ok(true)
}
